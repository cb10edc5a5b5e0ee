/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The states of an owner: every sequence of what can happen, up to a length, against
 * a model that knows only who is alive and who was promised what.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "inertia_core.h"

#define DEPTH    7
#define LEASE_MS 500
#define GRACE_MS 200

/* ---- every sequence ------------------------------------------------------ */

enum { SMF, HEIR, CLIENTS };

enum step {
	SMF_STARTS,  /* anew, without memory: the next epoch */
	SMF_RETURNS, /* with the epoch it has, on a new connection */
	HEIR_TAKES,  /* by an epoch above the owner's */
	SMF_RENEWS,
	HEIR_RENEWS,
	SMF_ENDS, /* its connection is gone */
	HEIR_ENDS,
	DONE,  /* by who holds it */
	TIME,  /* a tick */
	STALL, /* the control thread stood still for ten seconds */
	STEPS
};

struct model {
	struct inertia o;
	struct {
		uint64_t epoch; /* it believes to have; 0: none */
		bool connected;
	} client[CLIENTS];
	uint32_t silent_ms; /* lived, since the holder's last sign of life */
	uint32_t alone_ms;  /* lived, since the holder's connection ended */
};

static const char *const names[] = {"smf-1", "smf-2"};

static void end(struct model *m, int who)
{
	if (!m->client[who].connected)
		return;
	m->client[who].connected = false;
	inertia_gone(&m->o, m->client[who].epoch);
	if (m->client[who].epoch == m->o.epoch)
		m->alone_ms = 0;
}

static int claim(struct model *m, int who, uint64_t epoch, bool same_state)
{
	struct inertia_claim c = {
		.client = names[who],
		.role = who == SMF ? CST_ROLE_OWNER : CST_ROLE_HEIR,
		.same_state = same_state,
		.epoch = epoch,
		.lease_ms = LEASE_MS,
		.grace_ms = GRACE_MS,
	};
	uint64_t before = m->o.epoch;
	struct cst_err e = {0};
	int ret;

	/* a client has one connection here: the one before ends first */
	end(m, who);
	ret = inertia_claim(&m->o, &c, &e);
	if (ret < 0) {
		assert_true(ret == -ESTALE || ret == -EPERM);
		assert_int_equal(m->o.epoch, before);
		return ret;
	}
	m->client[who].connected = true;
	m->client[who].epoch = m->o.epoch;
	m->silent_ms = m->alone_ms = 0;
	return ret;
}

static void renew(struct model *m, int who)
{
	if (!m->client[who].connected)
		return;
	inertia_seen(&m->o, m->client[who].epoch);
	if (m->client[who].epoch == m->o.epoch)
		m->silent_ms = 0;
}

static bool held(const struct model *m)
{
	for (int i = 0; i < CLIENTS; i++)
		if (m->client[i].connected && m->client[i].epoch == m->o.epoch)
			return true;
	return false;
}

static void pass(struct model *m, uint64_t ms)
{
	uint32_t lived = ms < INERTIA_LIVED_MS ? (uint32_t)ms : INERTIA_LIVED_MS;
	bool lived_before = inertia_lives(&m->o), over;

	inertia_tick(&m->o, ms);
	m->silent_ms += lived;
	m->alone_ms += held(m) ? 0 : lived;
	over = m->silent_ms >= LEASE_MS || (!held(m) && m->alone_ms >= GRACE_MS);
	/* the dead are lost in time, the living never */
	if (lived_before)
		assert_int_equal(inertia_lives(&m->o), !over);
}

static void apply(struct model *m, enum step s)
{
	switch (s) {
	case SMF_STARTS:
		claim(m, SMF, 0, false);
		break;
	case SMF_RETURNS:
		if (m->client[SMF].epoch != 0)
			claim(m, SMF, m->client[SMF].epoch, true);
		break;
	case HEIR_TAKES:
		claim(m, HEIR, m->o.epoch + 1, false);
		assert_int_equal(m->client[HEIR].epoch, m->o.epoch);
		break;
	case SMF_RENEWS:
		renew(m, SMF);
		break;
	case HEIR_RENEWS:
		renew(m, HEIR);
		break;
	case SMF_ENDS:
		end(m, SMF);
		break;
	case HEIR_ENDS:
		end(m, HEIR);
		break;
	case DONE:
		inertia_done(&m->o);
		break;
	case TIME:
		pass(m, 100);
		break;
	case STALL:
		pass(m, 10000);
		break;
	case STEPS:
		break;
	}
}

static void check(const struct model *was, const struct model *m, enum step s)
{
	const struct inertia *o = &m->o;
	struct cst_err e;
	unsigned connections = 0;

	assert_true(o->epoch >= was->o.epoch);
	assert_true((o->state == CST_OWNER_NONE) == (o->epoch == 0));
	assert_true(o->state <= CST_OWNER_RECONCILING);
	/* what was to be looked through stays so until somebody says that it was */
	if (was->o.unreconciled && s != DONE)
		assert_true(o->unreconciled && o->state != CST_OWNER_CONNECTED);
	assert_true(o->state != CST_OWNER_RECONCILING || o->unreconciled);
	for (int i = 0; i < CLIENTS; i++) {
		bool newest = m->client[i].epoch == o->epoch;

		if (m->client[i].epoch == 0)
			continue;
		connections += newest && m->client[i].connected;
		assert_int_equal(inertia_gate(o, m->client[i].epoch, &e), newest ? 0 : -ESTALE);
		if (!newest)
			assert_memory_equal(e.reason, "FENCED", 6);
	}
	assert_int_equal(o->connections, connections);
	/* who comes again without memory or in another's place looks through what there is */
	if (o->epoch > was->o.epoch && was->o.epoch > 0)
		assert_int_equal(o->state, CST_OWNER_RECONCILING);
	assert_true((inertia_lost_ms(o) > 0) == (o->state > CST_OWNER_CONNECTED));
}

static uint64_t walked;

static void walk(const struct model *from, int depth)
{
	for (enum step s = 0; s < STEPS; s++) {
		struct model m = *from;

		apply(&m, s);
		check(from, &m, s);
		walked++;
		if (depth > 1)
			walk(&m, depth - 1);
	}
}

static void every_sequence(void **state)
{
	struct model m = {0};

	walked = 0;
	walk(&m, DEPTH);
	assert_true(walked > 10000000);
}

/* ---- time ---------------------------------------------------------------- */

static void connect_one(struct model *m)
{
	memset(m, 0, sizeof(*m));
	claim(m, SMF, 0, false);
	assert_int_equal(m->o.state, CST_OWNER_CONNECTED);
}

/* Time by a clock that may be set, as the control thread sees it. */
static void tick(struct inertia *o, uint64_t *clock, uint64_t now_ms)
{
	inertia_tick(o, inertia_passed(clock, now_ms));
}

static void idle_for_an_hour(void **state)
{
	uint64_t c = 0;
	struct model m;

	connect_one(&m);
	for (uint64_t now = 1000; now < 3600000; now += 100) {
		tick(&m.o, &c, now);
		assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
		/* a quarter of the lease, a little late */
		if (now % 200 == 0)
			inertia_seen(&m.o, m.o.epoch);
	}
	/* and when it dies it is lost in time */
	for (uint64_t now = 3600000; now < 3600000 + LEASE_MS + 100; now += 100)
		tick(&m.o, &c, now);
	assert_int_equal(m.o.state, CST_OWNER_INERTIAL);
}

static void clocks_that_jump(void **state)
{
	static const int64_t jumps[] = {86400000, -86400000, 1, 5000, -5000, 3600000};
	uint64_t c = 0, now = 100000000;
	struct model m;

	connect_one(&m);
	for (unsigned i = 0; i < 60; i++) {
		now += 100;
		if (i % 10 == 5)
			now = (uint64_t)((int64_t)now + jumps[i / 10]);
		tick(&m.o, &c, now);
		inertia_seen(&m.o, m.o.epoch);
		assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
	}
	/* of a jump back nothing is lived, of one forward a tick: the dead are lost all the same */
	for (unsigned i = 0; i < 7; i++)
		tick(&m.o, &c, now += i == 3 ? (uint64_t)-50000 : 100);
	assert_int_equal(m.o.state, CST_OWNER_INERTIAL);
}

static void a_stalled_thread_hears_first(void **state)
{
	uint64_t c = 0;
	struct model m;

	connect_one(&m);
	tick(&m.o, &c, 1000);
	/* the owner renewed all the while; nobody read it */
	for (unsigned i = 1; i < 20; i++) {
		tick(&m.o, &c, 1000 + i * 30000);
		assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
		inertia_seen(&m.o, m.o.epoch);
	}
}

/* ---- claims -------------------------------------------------------------- */

static int claim_as(struct inertia *o, const char *client, uint8_t role, uint64_t epoch,
		    struct cst_err *e)
{
	struct inertia_claim c = {
		.client = client, .role = role, .epoch = epoch, .lease_ms = LEASE_MS};

	return inertia_claim(o, &c, e);
}

static void who_may_claim(void **state)
{
	struct inertia_claim named = {.client = "smf-9", .named = true, .lease_ms = LEASE_MS};
	struct inertia_claim same = {.client = "smf-1", .same_state = true, .lease_ms = LEASE_MS};
	struct inertia o = {0};
	struct cst_err e;

	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 7, &e), 0);
	assert_int_equal(o.epoch, 7);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 6, &e), -ESTALE);
	/* another one may not say it was the owner, nor take a living one's place by chance */
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_OWNER, 8, &e), -EPERM);
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_HEIR, 0, &e), -ESTALE);
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_HEIR, 7, &e), -ESTALE);
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_HEIR, 8, &e), 1);
	/* the first owner wakes up: not by chance either, but it may have it back */
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 0, &e), -ESTALE);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 9, &e), 1);
	assert_int_equal(inertia_claim(&o, &same, &e), -EINVAL);
	named.epoch = 10;
	assert_int_equal(inertia_claim(&o, &named, &e), 1);
	/* epochs are not used up by one claim */
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 11 + INERTIA_EPOCH_STEP, &e),
			 -ERANGE);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 10 + INERTIA_EPOCH_STEP, &e), 1);
	o.epoch = INERTIA_EPOCH_MAX - 1;
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, INERTIA_EPOCH_MAX, &e), 1);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 0, &e), -EOVERFLOW);
}

/* The owner may come after its heir. */
static void an_heir_that_comes_first(void **state)
{
	struct inertia o = {0};
	struct cst_err e;

	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_HEIR, INERTIA_EPOCH_FIRST + 1, &e),
			 -ERANGE);
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_HEIR, 0, &e), 0);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 0, &e), -ESTALE);
	assert_int_equal(claim_as(&o, "smf-1", CST_ROLE_OWNER, 2, &e), 1);
	assert_int_equal(claim_as(&o, "smf-2", CST_ROLE_OWNER, 3, &e), -EPERM);
}

static void heard_again_as_it_was(void **state)
{
	struct model m;

	connect_one(&m);
	for (unsigned i = 0; i < 5; i++)
		inertia_tick(&m.o, 100);
	assert_int_equal(m.o.state, CST_OWNER_INERTIAL);
	assert_int_equal(inertia_lost_ms(&m.o), 1);
	inertia_tick(&m.o, 100);
	assert_int_equal(inertia_lost_ms(&m.o), 100);
	inertia_seen(&m.o, m.o.epoch);
	assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
	assert_int_equal(inertia_lost_ms(&m.o), 0);
	/* lost while it looked through: it goes on with that, and so does the time of what it has
	 * not yet spoken of; for the rest time begins */
	assert_int_equal(claim(&m, SMF, 0, false), 1);
	inertia_tick(&m.o, 400);
	for (unsigned i = 0; i < 3; i++)
		inertia_tick(&m.o, 100);
	assert_int_equal(m.o.state, CST_OWNER_INERTIAL);
	assert_int_equal(inertia_lost_ms(&m.o), 1);
	assert_int_equal(m.o.stale_ms, 700);
	inertia_seen(&m.o, m.o.epoch);
	assert_int_equal(m.o.state, CST_OWNER_RECONCILING);
}

static void goodbye(void **state)
{
	struct cst_err e;
	struct model m;

	connect_one(&m);
	inertia_release(&m.o, true);
	end(&m, SMF);
	for (unsigned i = 0; i < 100; i++)
		inertia_tick(&m.o, 100);
	assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
	assert_int_equal(claim(&m, SMF, 1, true), 0);
	assert_true(inertia_lives(&m.o));
	inertia_release(&m.o, false);
	assert_int_equal(m.o.state, CST_OWNER_NONE);
	/* anybody may have it now, but epochs are never used again */
	assert_int_equal(claim_as(&m.o, "smf-3", CST_ROLE_OWNER, 0, &e), 0);
	assert_int_equal(m.o.epoch, 2);
	assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
}

static void after_a_restart(void **state)
{
	struct model m;

	connect_one(&m);
	inertia_restore(&m.o, 0);
	inertia_tick(&m.o, 400);
	inertia_tick(&m.o, 200);
	assert_int_equal(m.o.state, CST_OWNER_CONNECTED);
	m.client[SMF].connected = false;
	assert_int_equal(claim(&m, SMF, 1, true), 0);
	inertia_restore(&m.o, 0);
	for (unsigned i = 0; i < 3; i++)
		inertia_tick(&m.o, 200);
	assert_int_equal(m.o.state, CST_OWNER_INERTIAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sequence),
		cmocka_unit_test(idle_for_an_hour),
		cmocka_unit_test(clocks_that_jump),
		cmocka_unit_test(a_stalled_thread_hears_first),
		cmocka_unit_test(who_may_claim),
		cmocka_unit_test(an_heir_that_comes_first),
		cmocka_unit_test(heard_again_as_it_was),
		cmocka_unit_test(goodbye),
		cmocka_unit_test(after_a_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
