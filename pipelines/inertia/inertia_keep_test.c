/* SPDX-License-Identifier: BSD-3-Clause */
/* Owners through the calls of several clients, with sessions that are counters. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inertia_double.h"
#include "inertia_keep.h"
#include "inertia_tick.h"
#include "quoted.h"
#include "rpc/rpc_int.h"

static struct conn {
	struct cst_caller caller;
	struct rpc_peer peer;
} a, b, local; /* the owner's, an heir's, local authority's */
static uint64_t now_ms;
static json_t *result;   /* of the last call that succeeded */
static char reason[256]; /* of the last that was refused */

static void dial(struct conn *c)
{
	memset(c, 0, sizeof(*c));
	c->peer.may_write = true;
	c->peer.caller = &c->caller;
}

static void hang_up(struct conn *c)
{
	if (c->caller.owner != 0)
		cst_caller_gone(&c->caller);
	dial(c);
}

/* The error code, 0: none. Single quotes for double ones. */
static int call(struct conn *c, const char *method, const char *params)
{
	char line[512];
	char *reply;
	json_t *js;
	int code;

	snprintf(line, sizeof(line), "{'jsonrpc':'2.0','id':1,'method':'%s','params':%s}", method,
		 params);
	unquote(line);
	reply = rpc_serve(line, strlen(line), &c->peer, NULL);
	js = json_loads(reply, 0, NULL);
	json_decref(result);
	result = json_incref(json_object_get(js, "result"));
	js = json_object_get(js, "error") != NULL ? js : (json_decref(js), NULL);
	code = (int)json_integer_value(json_object_get(json_object_get(js, "error"), "code"));
	snprintf(reason, sizeof(reason), "%s", code != 0 ? reply : "");
	json_decref(js);
	free(reply);
	return code;
}

static const char *state(void)
{
	struct cst_owner_info i = {0};

	assert_true(cst_owner_keeper->info(cst_owner_keeper->by_name("core"), &i));
	return inertia_states[i.state];
}

static json_int_t got(const char *name)
{
	return json_integer_value(json_object_get(result, name));
}

static void pass(uint64_t ms)
{
	for (uint64_t until = now_ms + ms; now_ms < until;)
		inertia_tick_all(now_ms += 100);
}

/* How many events of this type there were. */
static size_t told(const char *type)
{
	struct conn any;
	char params[96];
	size_t n;

	dial(&any);
	snprintf(params, sizeof(params), "{'types':['%s'],'limit':1000}", type);
	assert_int_equal(call(&any, "event.list", params), 0);
	n = json_array_size(json_object_get(result, "items"));
	return n;
}

static void make_sessions(unsigned n, uint64_t seconds)
{
	for (unsigned i = 0; i < n; i++)
		double_sessions[i] = (struct double_session){.owner = 1, .seconds = seconds};
}

static unsigned sessions(void)
{
	struct cst_owned_counts n;

	keep_counts(1, &n);
	return (unsigned)n.all;
}

#define CLAIM      "{'name':'core','client':'smf-1'}"
#define CLAIM_SAME "{'name':'core','client':'smf-1','epoch':1,'same_state':true}"
#define CLAIM_HEIR "{'name':'core','client':'smf-2','role':'heir'}"
#define CLAIM_AUTH "{'name':'core','client':'edge','role':'authority'}"

static int setup(void **s)
{
	struct conn *all[] = {&a, &b, &local};

	for (unsigned i = 0; i < 3; i++)
		dial(all[i]);
	for (unsigned i = 1; i < CST_OWNERS; i++)
		memset(keep_slot(i), 0, sizeof(*keep_slot(i)));
	memset(double_sessions, 0, sizeof(double_sessions));
	double_store_clear();
	double_turned();
	rpc_event_reset();
	inertia_tick_all(now_ms += 1000000);
	return 0;
}

static void lost_and_back_as_it_was(void **s)
{
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	assert_int_equal(got("owner"), 1);
	assert_int_equal(got("epoch"), 1);
	assert_string_equal(state(), "connected");
	for (unsigned i = 0; i < 100; i++) {
		pass(900);
		/* any call is a sign of life */
		assert_int_equal(call(&a, i % 2 ? "owner.renew" : "rpc.version", "{}"), 0);
	}
	assert_string_equal(state(), "connected");
	hang_up(&a);
	pass(200);
	assert_string_equal(state(), "connected");
	pass(200);
	assert_string_equal(state(), "inertial");
	assert_string_equal(double_turned(), "connected>inertial");
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), 0);
	assert_string_equal(state(), "connected");
	assert_string_equal(double_turned(), "inertial>connected");
	/* silent, though its connection is there; the next call brings it back */
	pass(1000);
	assert_string_equal(state(), "inertial");
	assert_int_equal(call(&a, "rpc.version", "{}"), 0);
	assert_string_equal(state(), "connected");
	assert_int_equal(told("owner.state"), 5);
}

static void back_without_memory(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(120, 3600);
	hang_up(&a);
	pass(500);
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	assert_int_equal(got("epoch"), 2);
	assert_string_equal(state(), "reconciling");
	assert_string_equal(double_turned(), "inertial>reconciling");
	assert_int_equal(call(&a, "owner.reconcile", "{'limit':50,'cursor':100}"), 0);
	assert_int_equal(json_array_size(json_object_get(result, "items")), 20);
	assert_int_equal(got("cursor"), 0);
	assert_int_equal(call(&a, "owner.adopt", "{'ids':[1,2,999]}"), ENOENT);
	assert_int_equal(call(&a, "owner.adopt", "{'ids':[]}"), -32602);
	assert_int_equal(call(&a, "owner.adopt", "{'ids':[1,2,3]}"), 0);
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(result, "sessions"), "stale")),
		117);
	pass(100);
	assert_int_equal(call(&a, "owner.done", "{'sweep':'now'}"), 0);
	assert_string_equal(state(), "connected");
	/* fifty with each tick */
	pass(100);
	assert_int_equal(sessions(), 70);
	call(&a, "owner.renew", "{}");
	pass(200);
	assert_int_equal(sessions(), 3);
	call(&a, "owner.renew", "{}");
	pass(900);
	assert_true(told("inertia.swept") >= 1);
}

static void lost_while_it_reconciles(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(2, 3600);
	hang_up(&a);
	pass(500);
	call(&a, "owner.claim", CLAIM);
	call(&a, "owner.adopt", "{'ids':[1]}");
	pass(1000);
	assert_string_equal(state(), "inertial");
	double_turned();
	/* what it adopted stays adopted */
	assert_int_equal(call(&a, "owner.renew", "{}"), 0);
	assert_string_equal(state(), "reconciling");
	assert_string_equal(double_turned(), "reconciling>reconciling");
	assert_false(double_sessions[0].stale);
	assert_true(double_sessions[1].stale);
}

static void an_heir_and_the_old_owner(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(2, 0);
	/* not from a living one by chance */
	assert_int_equal(call(&b, "owner.claim", CLAIM_HEIR), ESTALE);
	assert_non_null(strstr(reason, "FENCED"));
	assert_int_equal(b.caller.owner, 0);
	pass(1000);
	assert_int_equal(call(&b, "owner.claim", CLAIM_HEIR), 0);
	assert_int_equal(got("epoch"), 2);
	assert_string_equal(state(), "reconciling");
	/* the old one wakes up */
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(call(&a, "owner.put", "{'name':'x'}"), ESTALE);
	assert_non_null(strstr(reason, "FENCED"));
	assert_int_equal(call(&a, "owner.renew", "{}"), ESTALE);
	assert_int_equal(call(&a, "owner.done", "{'sweep':'now'}"), ESTALE);
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), ESTALE);
	assert_string_equal(state(), "reconciling");
	assert_int_equal(told("owner.fenced"), 1);
	/* its end is not the heir's */
	hang_up(&a);
	pass(500);
	assert_string_equal(state(), "reconciling");
	assert_int_equal(call(&b, "owner.adopt_all", "{}"), 0);
	assert_int_equal(call(&b, "owner.done", "{'sweep':'now'}"), 0);
	pass(500);
	assert_int_equal(sessions(), 2);
	assert_string_equal(state(), "connected");
}

static void an_heir_takes_a_living_one_s_place(void **s)
{
	struct cst_err e;

	call(&a, "owner.claim", CLAIM);
	assert_int_equal(
		call(&b, "owner.claim", "{'name':'core','client':'smf-2','role':'heir','epoch':5}"),
		0);
	assert_string_equal(double_turned(), "connected>reconciling");
	assert_int_equal(cst_owner_keeper->admit(&a.caller, &e), -ESTALE);
	assert_int_equal(cst_owner_keeper->admit(&b.caller, &e), 1);
	/* one more heir while this one looks through: all is stale anew */
	assert_int_equal(call(&local, "owner.claim",
			      "{'name':'core','client':'smf-3','role':'heir','epoch':6}"),
			 0);
	assert_string_equal(double_turned(), "connected>reconciling");
}

static void who_is_named(void **s)
{
	assert_int_equal(call(&a, "owner.put",
			      "{'name':'core','clients':['smf-1','smf-1b'],'heirs':['smf-2'],"
			      "'authorities':['edge'],'authority_sessions':1}"),
			 0);
	assert_int_equal(call(&a, "owner.claim", "{'name':'core','client':'other'}"), EPERM);
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	pass(1000);
	assert_int_equal(call(&b, "owner.claim", "{'name':'core','client':'smf-3','role':'heir'}"),
			 EPERM);
	assert_int_equal(call(&b, "owner.claim", "{'name':'core','client':'smf-1b'}"), 0);
	assert_int_equal(
		call(&local, "owner.claim", "{'name':'core','client':'x','role':'authority'}"),
		EPERM);
	assert_int_equal(call(&local, "owner.claim", CLAIM_AUTH), 0);
	assert_int_equal(call(&local, "owner.done", "{}"), EPERM);
}

static void local_authority(void **s)
{
	struct cst_err e;

	assert_int_equal(call(&local, "owner.claim", CLAIM_AUTH), ENOENT);
	call(&a, "owner.put", "{'name':'core','authority_sessions':2}");
	assert_int_equal(call(&local, "owner.claim", CLAIM_AUTH), ENOENT);
	call(&a, "owner.claim", CLAIM);
	assert_int_equal(call(&local, "owner.claim", CLAIM_AUTH), 0);
	/* not while the owner is there; nobody's without a claim */
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), -EPERM);
	assert_int_equal(cst_owner_keeper->admit(&a.caller, &e), 1);
	assert_int_equal(cst_owner_keeper->admit(&b.caller, &e), 0);
	assert_int_equal(cst_owner_keeper->admit(NULL, &e), 0);
	pass(1000);
	/* its calls are no signs of the owner's life */
	call(&local, "rpc.version", "{}");
	assert_string_equal(state(), "inertial");
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), 1);
		double_sessions[i] = (struct double_session){.owner = 1, .local = true};
	}
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), -EDQUOT);
	/* nor does it raise its own limit */
	assert_int_equal(call(&local, "owner.put", "{'name':'core','authority_sessions':9}"),
			 EPERM);
	assert_int_equal(call(&local, "inertia_class.put", "{'name':'z'}"), EPERM);
	assert_int_equal(cst_caller_gate(&local.caller, "session.put", &e), -EPERM);
	assert_int_equal(cst_caller_gate(&local.caller, "session.admit", &e), 0);
	assert_int_equal(call(&local, "owner.get", "{'name':'core'}"), 0);
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), -EDQUOT);
	assert_non_null(strstr(e.reason, "may admit 2"));
	call(&a, "owner.claim", "{'name':'core','client':'smf-1','epoch':2}");
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), -EDQUOT);
	call(&a, "owner.adopt_all", "{}");
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), 1);
}

static void time_of_sessions(void **s)
{
	call(&a, "owner.put", "{'name':'core','reconcile_seconds':5}");
	call(&a, "owner.claim", CLAIM);
	make_sessions(3, 4);
	double_sessions[1].seconds = 0;
	double_sessions[2].seconds = 8;
	pass(1000); /* lost from here on */
	pass(3900);
	assert_int_equal(sessions(), 3);
	pass(100);
	assert_int_equal(sessions(), 2);
	/* while it reconciles nothing is ended too soon */
	call(&a, "owner.claim", "{'name':'core','client':'smf-1','lease_ms':10000}");
	pass(4900);
	assert_int_equal(sessions(), 2);
	pass(200);
	assert_int_equal(sessions(), 1);
	pass(1000000);
	assert_int_equal(sessions(), 1);
}

/* Lost again before it was done: what it has spoken of begins anew, the rest does not. */
static void time_of_sessions_of_a_second_loss(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(2, 8);
	pass(1000); /* lost from here on */
	pass(3000);
	call(&a, "owner.claim", CLAIM);
	call(&a, "owner.adopt", "{'ids':[1]}");
	pass(1000); /* and again */
	assert_string_equal(state(), "inertial");
	pass(3900);
	assert_int_equal(sessions(), 2);
	pass(200);
	assert_int_equal(sessions(), 1);
	pass(3700);
	assert_int_equal(sessions(), 1);
	pass(300);
	assert_int_equal(sessions(), 0);
}

static void goodbye(void **s)
{
	struct cst_err e;

	call(&a, "owner.claim", CLAIM);
	make_sessions(2, 0);
	assert_int_equal(call(&a, "owner.release", "{}"), 0);
	assert_int_equal(call(&a, "owner.renew", "{}"), ENOTCONN);
	hang_up(&a);
	pass(5000);
	assert_string_equal(state(), "connected");
	assert_int_equal(sessions(), 2);
	/* it is away, if not lost */
	call(&local, "owner.claim", CLAIM_AUTH);
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), 1);
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), 0);
	assert_int_equal(call(&b, "owner.claim", CLAIM_SAME), 0);
	assert_int_equal(call(&b, "owner.delete", "{'name':'core'}"), EBUSY);
	assert_int_equal(call(&a, "owner.release", "{'keep':false}"), 0);
	assert_string_equal(double_turned(), "connected>none");
	assert_int_equal(sessions(), 0);
	/* nor does another connection of its make more */
	assert_int_equal(call(&b, "owner.put", "{'name':'x'}"), ESTALE);
	assert_int_equal(cst_owner_keeper->admit(&b.caller, &e), -ESTALE);
	dial(&b);
	assert_int_equal(call(&b, "owner.delete", "{'name':'core'}"), 0);
}

static void a_deleted_owner_s_connections(void **s)
{
	struct cst_err e;

	call(&a, "owner.claim", CLAIM);
	call(&local, "owner.claim", CLAIM_AUTH);
	pass(1000);
	assert_int_equal(call(&b, "owner.delete", "{'name':'core'}"), 0);
	assert_int_equal(call(&a, "owner.put", "{'name':'x'}"), ESTALE);
	/* another has the number now */
	assert_int_equal(call(&b, "owner.claim", "{'name':'other','client':'amf'}"), 0);
	assert_int_equal(got("owner"), 1);
	assert_int_equal(call(&a, "owner.put", "{'name':'x'}"), ESTALE);
	assert_int_equal(cst_owner_keeper->admit(&local.caller, &e), -ESTALE);
	assert_int_equal(call(&b, "owner.put", "{'name':'x'}"), 0);
}

static void restart(void)
{
	struct cst_err e = {0};

	for (unsigned i = 1; i < CST_OWNERS; i++)
		memset(keep_slot(i), 0, sizeof(*keep_slot(i)));
	dial(&a);
	assert_int_equal(keep_load(&e), 0);
}

/* Nobody comes by what another one had. */
static void what_is_left_is_not_the_next_one_s(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(2, 0);
	double_lingers = true;
	assert_int_equal(call(&a, "owner.release", "{'keep':false}"), 0);
	assert_int_equal(call(&b, "owner.claim", CLAIM), EAGAIN);
	restart();
	pass(100);
	assert_string_equal(double_turned(), "none>none");
	assert_int_equal(call(&b, "owner.claim", CLAIM), EAGAIN);
	assert_int_equal(call(&b, "owner.delete", "{'name':'core'}"), 0);
	assert_int_equal(call(&b, "owner.claim", "{'name':'other','client':'amf'}"), 0);
	assert_int_equal(got("owner"), 2);
	memset(double_sessions, 0, sizeof(double_sessions));
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	assert_int_equal(got("owner"), 1);
	call(&a, "owner.release", "{'keep':false}");
	pass(100);
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	double_lingers = false;
}

/* Sessions may be put for one that nobody has claimed: it keeps its number. */
static void put_and_never_claimed(void **s)
{
	assert_int_equal(call(&b, "owner.put", "[{'name':'first'},{'name':'core'}]"), 0);
	assert_int_equal(call(&b, "owner.delete", "{'name':'first'}"), 0);
	restart();
	assert_int_equal(keep_find("core"), 2);
	assert_int_equal(keep_find("first"), 0);
}

static void one_connection_changes_its_claim(void **s)
{
	call(&a, "owner.claim", CLAIM);
	call(&a, "owner.claim", CLAIM_SAME);
	assert_int_equal(keep_get(1)->core.connections, 1);
	call(&b, "owner.claim", CLAIM_SAME);
	assert_int_equal(keep_get(1)->core.connections, 2);
	call(&b, "owner.claim", "{'name':'two','client':'smf-1'}");
	assert_int_equal(keep_get(1)->core.connections, 1);
	assert_int_equal(keep_get(2)->core.connections, 1);
	call(&b, "owner.claim", CLAIM_AUTH);
	assert_int_equal(keep_get(2)->core.connections, 0);
	/* by name alone nothing is made */
	assert_int_equal(call(&local, "owner.claim",
			      "{'name':'three','client':'x','lease_ms':400,'grace_ms':500}"),
			 ERANGE);
	assert_int_equal(cst_owner_keeper->by_name("three"), 0);
	/* not over a connection */
	local.peer.caller = NULL;
	assert_int_equal(call(&local, "owner.claim", CLAIM), ENOTCONN);
}

static void over_a_restart(void **s)
{
	call(&a, "owner.claim", CLAIM);
	call(&b, "owner.claim", "{'name':'gone','client':'x'}");
	pass(400);
	call(&a, "owner.renew", "{}");
	pass(700);
	restart();
	assert_string_equal(state(), "connected");
	/* a lease anew */
	pass(900);
	assert_string_equal(state(), "connected");
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), 0);
	assert_string_equal(state(), "connected");
	assert_int_equal(got("owner"), 1);
	pass(1100);
	assert_string_equal(state(), "inertial");
	make_sessions(1, 0);
	double_turned();
	restart();
	pass(100);
	assert_string_equal(double_turned(), "none>inertial");
	assert_string_equal(state(), "inertial");
	assert_int_equal(call(&a, "owner.claim", CLAIM), 0);
	assert_int_equal(got("epoch"), 2);
	call(&a, "owner.adopt_all", "{}");
	restart();
	pass(100);
	assert_string_equal(state(), "reconciling");
	assert_false(double_sessions[0].stale);
	assert_int_equal(keep_find("gone"), 2);
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), ESTALE);
}

/* Their clocks go on while what is left over still runs out. */
static void left_over_a_restart(void **s)
{
	call(&a, "owner.claim", CLAIM);
	make_sessions(1, 8);
	pass(4000);
	call(&a, "owner.claim", "{'name':'core','client':'smf-1','lease_ms':60000}");
	call(&a, "owner.done", "{'sweep':'expired'}");
	restart();
	pass(4500);
	assert_int_equal(sessions(), 1);
	restart(); /* by the machine's clock no time has passed since it was kept */
	pass(4500);
	assert_int_equal(keep_get(1)->core.state, CST_OWNER_CONNECTED);
	assert_int_equal(sessions(), 1);
	pass(2000);
	assert_int_equal(sessions(), 0);
	assert_int_equal(keep_get(1)->sweep, SWEEP_NONE);
}

static void a_full_disk(void **s)
{
	call(&a, "owner.claim", CLAIM);
	double_write_error = -ENOSPC;
	/* an epoch that is not kept is not given; who has one comes back all the same */
	pass(1000);
	assert_string_equal(state(), "inertial");
	assert_int_equal(call(&a, "owner.claim", CLAIM), ENOSPC);
	assert_string_equal(state(), "inertial");
	assert_int_equal(call(&a, "owner.claim", CLAIM_SAME), 0);
	assert_string_equal(state(), "connected");
	assert_int_equal(call(&b, "owner.claim", "{'name':'new','client':'x'}"), ENOSPC);
	assert_int_equal(keep_find("new"), 0);
	double_write_error = 0;
	assert_int_equal(call(&b, "owner.claim", "{'name':'new','client':'x'}"), 0);
	assert_int_equal(got("epoch"), 1);
}

static void at_a_glance(void **s)
{
	call(&a, "owner.claim", CLAIM);
	assert_int_equal(call(&b, "inertia.show", "{}"), 0);
	assert_int_equal(json_array_size(json_object_get(result, "owners")), 1);
	assert_int_equal(json_array_size(json_object_get(result, "classes")), 5);
	assert_non_null(json_object_get(result, "journal"));
}

static int add_sessions(void **s)
{
	double_owned_add();
	return 0;
}

static int end(void **s)
{
	json_decref(result);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lost_and_back_as_it_was, setup),
		cmocka_unit_test_setup(back_without_memory, setup),
		cmocka_unit_test_setup(lost_while_it_reconciles, setup),
		cmocka_unit_test_setup(an_heir_and_the_old_owner, setup),
		cmocka_unit_test_setup(an_heir_takes_a_living_one_s_place, setup),
		cmocka_unit_test_setup(who_is_named, setup),
		cmocka_unit_test_setup(local_authority, setup),
		cmocka_unit_test_setup(time_of_sessions, setup),
		cmocka_unit_test_setup(time_of_sessions_of_a_second_loss, setup),
		cmocka_unit_test_setup(goodbye, setup),
		cmocka_unit_test_setup(a_deleted_owner_s_connections, setup),
		cmocka_unit_test_setup(what_is_left_is_not_the_next_one_s, setup),
		cmocka_unit_test_setup(put_and_never_claimed, setup),
		cmocka_unit_test_setup(one_connection_changes_its_claim, setup),
		cmocka_unit_test_setup(over_a_restart, setup),
		cmocka_unit_test_setup(left_over_a_restart, setup),
		cmocka_unit_test_setup(a_full_disk, setup),
		cmocka_unit_test_setup(at_a_glance, setup),
	};

	return cmocka_run_group_tests(tests, add_sessions, end);
}
