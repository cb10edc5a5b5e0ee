/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_owned_int.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "log.h"
#include "module.h"
#include "now.h"
#include "store.h"
#include "upf_buffer_ctl.h"
#include "upf_errind.h"
#include "upf_hook.h"
#include "upf_kept.h"
#include "upf_node.h"
#include "upf_template.h"
#include "upf_times.h"
#include "upf_urr.h"

/* A tick's share of the walk. */
#define WALK_US    5000
#define WALK_LINES 100000
#define CLOCK_EACH 64 /* sessions between two looks at the clock */

#define ROUNDS   "owner_round" /* space of numbers in the store */
#define FAR_BACK 4096          /* rounds */

/* Sessions to be planned anew; more are found by the walk. */
#define LATER 4096

struct upf_owned_by upf_owned_by[CST_OWNERS];

static uint32_t cursor = 1; /* of the walk: a state line */
static uint64_t later[LATER];
static unsigned n_later;
static bool seeing;

/* ---- what is counted ------------------------------------------------------------------- */

bool upf_owned_stale(const struct upf_session *s)
{
	return s->owner != 0 && (int16_t)(s->round - upf_owned_by[s->owner].since) < 0;
}

/* The session is counted, or is no more, as it is. Around each change of what is counted. */
static void tally(const struct upf_session *s, int delta)
{
	struct upf_owned_by *o = &upf_owned_by[s->owner];

	if (s->owner == 0)
		return;
	o->all += delta;
	if (!upf_owned_stale(s))
		o->fresh += delta;
	if (s->local) {
		o->local += delta;
		upf_template_count(s, delta);
	}
	if (s->owed_data || s->owed_error)
		o->owed += delta;
}

/* ---- as its owner is -------------------------------------------------------------------- */

static enum cst_owner_state state_of(const struct upf_session *s)
{
	return s->owner ? upf_owned_by[s->owner].state : CST_OWNER_NONE;
}

bool upf_owned_absent(const struct upf_session *s)
{
	return state_of(s) == CST_OWNER_INERTIAL;
}

bool upf_owned_in_force(const struct upf_session *s)
{
	enum cst_owner_state state = state_of(s);

	return cst_owner_keeper && state != CST_OWNER_NONE &&
	       (state == CST_OWNER_INERTIAL || upf_owned_stale(s));
}

/* ---- who is to be seen to ---------------------------------------------------------------- */

static void walk_for(uint8_t owner)
{
	upf_owned_by[owner].left = upf_state_lines();
}

/* Plan it anew at the next tick, if it would come out otherwise. */
static void see_later(const struct upf_session *s)
{
	if (seeing) /* to this very session */
		return;
	if (n_later < LATER)
		later[n_later++] = s->seid;
	else if (s->owner)
		walk_for(s->owner);
}

/* ---- sessions come, change and go -------------------------------------------------------- */

/* A book that was made from what is kept elsewhere: takes up its owner's round, too. */
static void tally_restored(struct upf_session *s)
{
	struct upf_owned_by *o = &upf_owned_by[s->owner];

	if ((int16_t)(s->round - o->round) > 0) {
		o->round = o->since = s->round;
		o->fresh = 0;
	}
	tally(s, 1);
}

static void on_commit(const struct upf_change *c)
{
	if (c->old)
		tally(c->old, -1);
	if (!c->next)
		return;
	if (c->returns)
		tally_restored(c->next);
	else
		tally(c->next, 1);
	if (upf_owned_in_force(c->next) || c->next->inert)
		see_later(c->next); /* URRs may be new */
	else if (upf_owned_by[c->next->owner].adopts)
		see_later(c->next); /* its lines may be some that the walk has passed */
}

static struct upf_hook hook = {.commit = on_commit};

/* ---- Error Indications of coast's own (TS 23.527 4.3.2) ----------------------------------- */

static void set_suppression(void)
{
	bool on = false;

	for (unsigned i = 1; i < CST_OWNERS; i++) {
		struct upf_owned_by *o = &upf_owned_by[i];

		if (o->state != CST_OWNER_INERTIAL)
			o->suppress = false;
		on |= o->suppress;
	}
	if (on != atomic_load(&upf_suppress_error_indications))
		atomic_store(&upf_suppress_error_indications, on);
}

/* A TEID that is unknown has no session and no class: what goes for any other session goes for it,
 * until one of the owner's is met whose class says so. */
static void suppress(uint8_t owner)
{
	upf_owned_by[owner].suppress = true;
	set_suppression();
}

static void suppress_by(uint8_t owner, const struct cst_inertia_class *c)
{
	if (upf_owned_by[owner].state == CST_OWNER_INERTIAL && c->suppress_error_indications)
		suppress(owner);
}

/* ---- policies ------------------------------------------------------------------------------ */

static enum upf_inert policy_of(const struct cst_inertia_class *c)
{
	switch (c->quota) {
	case CST_QUOTA_THROTTLE:
		return UPF_INERT_THROTTLE;
	case CST_QUOTA_GRACE:
		return c->throttle_kbps ? UPF_INERT_GRACE_THROTTLE : UPF_INERT_GRACE;
	case CST_QUOTA_IGNORE:
		return UPF_INERT_IGNORE;
	default:
		return UPF_INERT_NO;
	}
}

static void set_policy(const struct upf_session *s, enum upf_inert policy, uint64_t grace)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE)
			upf_urr_inertia(p[i].number, policy, grace);
}

bool upf_owned_slow(const struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE && upf_urr_at(p[i].number)->flags & UPF_URR_SLOW)
			return true;
	return false;
}

void upf_owned_enforce(struct upf_session *s, const struct upf_session_obj *o)
{
	const struct cst_inertia_class *c;

	if (!o || s->inert || !upf_owned_in_force(s))
		return;
	c = upf_owned_class(o, upf_run(s));
	s->inert = 1;
	suppress_by(s->owner, c);
	set_policy(s, policy_of(c), c->quota == CST_QUOTA_GRACE ? c->grace_bytes : 0);
	see_later(s);
}

/* URRs may outlive coastd with what they went by. */
static bool has_policy(const struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE && upf_urr_at(p[i].number)->policy != UPF_INERT_NO)
			return true;
	return false;
}

static void release(struct upf_session *s)
{
	if (!s->inert && !has_policy(s))
		return;
	s->inert = 0;
	set_policy(s, UPF_INERT_NO, 0);
	see_later(s);
}

/* Policies are about quotas and buffers: most sessions have neither. */
static bool is_concerned(const struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE || p[i].kind == UPF_PART_QUEUE)
			return true;
	return false;
}

static void pay(struct upf_session *s)
{
	if (upf_owned_absent(s) || (!s->owed_data && !s->owed_error))
		return;
	tally(s, -1);
	if (s->owed_data)
		upf_buffer_notify_again(s);
	if (s->owed_error)
		upf_errind_again(s);
	s->owed_data = s->owed_error = 0;
	tally(s, 1);
	if (!s->changing)
		upf_kept_put(s, NULL, 0);
}

static void owe(struct upf_session *s, bool data, bool error)
{
	tally(s, -1);
	s->owed_data = data;
	s->owed_error = error;
	tally(s, 1);
	upf_kept_put(s, NULL, 0);
}

/* What it was told of in its last moments it may not have heard: owed is what still waits for an
 * answer. */
static void owe_unanswered(struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);
	bool data = s->owed_data, error = s->owed_error;

	for (unsigned i = 0; i < s->n_parts; i++) {
		error |= p[i].kind == UPF_PART_HELD;
		data |= p[i].kind == UPF_PART_QUEUE && upf_buffer_is_heard(s);
	}
	if (data != s->owed_data || error != s->owed_error)
		owe(s, data, error);
}

/* Final reports come when the session is gone. */
static void set_owner(struct upf_session *s, uint8_t owner)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; s->owner != owner && i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE)
			upf_urr_at(p[i].number)->owner = owner;
	s->owner = owner;
}

static void leave_to_nobody(struct upf_session *s)
{
	tally(s, -1);
	set_owner(s, 0);
	s->local = 0;
	upf_kept_put(s, NULL, 0);
}

/* Policies of the session follow the state of its owner; what is owed is paid. What becomes of its
 * book is put into the store's batch. */
static void follow_owner(struct upf_session *s)
{
	if (!upf_owned_in_force(s))
		release(s);
	else if (!s->inert && is_concerned(s))
		upf_owned_enforce(s, upf_session_decoded(s));
	if (!upf_owned_by[s->owner].suppress && upf_owned_keeps_tunnels(s))
		suppress(s->owner);
	if (upf_owned_absent(s))
		owe_unanswered(s);
	pay(s);
	if (s->owner && state_of(s) == CST_OWNER_NONE)
		leave_to_nobody(s);
}

void upf_owned_follow(struct upf_session *s)
{
	if (s && s->owner && upf_owned_slow(s) != s->throttled)
		see_later(s);
}

void upf_owned_owe_data(struct upf_session *s)
{
	if (!upf_owned_absent(s))
		return;
	owe(s, true, s->owed_error);
	upf_kept_write();
}

void upf_owned_owe_error(struct upf_session *s)
{
	if (!upf_owned_absent(s))
		return;
	owe(s, s->owed_data, true);
	upf_kept_write();
}

void upf_owned_speak(struct upf_session *s)
{
	s->round = upf_owned_by[s->owner].round;
	upf_owned_stamp(s);
	s->local = 0;
}

void upf_owned_touch(struct upf_session *s, uint8_t owner)
{
	tally(s, -1);
	set_owner(s, owner);
	upf_owned_speak(s);
	tally(s, 1);
	follow_owner(s);
}

/* ---- the walk ----------------------------------------------------------------------------------
 */

/* The round outlives coastd: sessions of the one before must not pass for adopted, nor those that
 * were adopted all together for stale. How far it reaches back is 0 but for what the walk has yet
 * to do. Into the store's batch. */
static void keep_round(unsigned owner, uint16_t round, uint16_t since)
{
	struct cst_owner_info info;

	if (cst_owner_keeper && cst_owner_keeper->info(owner, &info))
		cst_store_set_number(ROUNDS, info.name,
				     (uint32_t)(uint16_t)(round - since) << 16 | round);
}

static void recall_round(unsigned owner, struct upf_owned_by *o)
{
	struct cst_owner_info info;
	uint32_t kept;

	if (o->all || o->round || !cst_owner_keeper || !cst_owner_keeper->info(owner, &info))
		return;
	kept = cst_store_number(ROUNDS, info.name);
	o->round = (uint16_t)kept;
	o->since = (uint16_t)(o->round - (kept >> 16));
	o->adopts = o->since != o->round;
}

static void plan_anew(struct upf_session *s)
{
	static uint64_t said;
	struct cst_err e = {0};

	if (upf_renew(s, &e) >= 0 || said == s->seid)
		return;
	said = s->seid;
	LOG_WARN("session %llu: its inertia class cannot be applied in full: %s",
		 (unsigned long long)s->seid, e.reason);
}

/* Rounds are 16 bits and begin anew: a session that stays stale keeps up with them, lest it pass
 * for adopted one day. */
static void keep_up(struct upf_session *s)
{
	uint16_t since = upf_owned_by[s->owner].since;

	if (!upf_owned_stale(s) || (uint16_t)(since - s->round) < FAR_BACK)
		return;
	s->round = (uint16_t)(since - 1);
	upf_kept_put(s, NULL, 0);
}

/* Only what the walk may do, outside transactions. */
static void see_to(struct upf_session *s)
{
	const struct upf_owned_by *o = &upf_owned_by[s->owner];

	seeing = true;
	if (s->owner && o->adopts && (s->local || s->round != o->round)) {
		upf_owned_touch(s, s->owner);
		upf_kept_put(s, NULL, 0);
	} else {
		follow_owner(s);
	}
	keep_up(s);
	if (upf_owned_replans(NULL, s))
		plan_anew(s);
	seeing = false;
}

static void see_to_later(void)
{
	for (unsigned i = 0; i < n_later; i++) {
		struct upf_session *s = upf_session_by_seid(later[i]);

		if (s)
			see_to(s);
	}
	n_later = 0;
	upf_kept_write();
}

static bool any_left(void)
{
	for (unsigned i = 1; i < CST_OWNERS; i++)
		if (upf_owned_by[i].left)
			return true;
	return false;
}

/* Every session of it is of the present round. */
static void adopted_all(unsigned owner, struct upf_owned_by *o)
{
	struct cst_err e = {0};

	o->adopts = false;
	o->since = o->round;
	keep_round(owner, o->round, o->since);
	if (cst_store_write(&e) < 0)
		LOG_WARN("owner %u: that all is adopted is not kept: %s", owner, e.reason);
}

static void walked(uint32_t lines)
{
	for (unsigned i = 1; i < CST_OWNERS; i++) {
		struct upf_owned_by *o = &upf_owned_by[i];

		if (o->left == 0)
			continue;
		o->left -= lines < o->left ? lines : o->left;
		if (o->left == 0 && o->adopts)
			adopted_all(i, o);
	}
}

static void walk(void)
{
	uint64_t end = cst_now_us() + WALK_US;
	uint32_t last = upf_state_lines(), n;
	unsigned seen = 0;

	for (n = 0; n < WALK_LINES && n < last; n++) {
		struct upf_session *s;

		if (cursor > last)
			cursor = 1;
		s = upf_session_by_state(cursor++);
		if (!s || !upf_owned_by[s->owner].left)
			continue;
		see_to(s);
		if (++seen % CLOCK_EACH == 0 && cst_now_us() >= end) {
			n++;
			break;
		}
	}
	upf_kept_write();
	walked(n);
}

void upf_owned_tick(void)
{
	if (n_later)
		see_to_later();
	if (any_left())
		walk();
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	upf_owned_tick();
}

static void stop(void)
{
	memset(upf_owned_by, 0, sizeof(upf_owned_by));
	n_later = 0;
	cursor = 1;
	set_suppression();
}

static struct cst_module module = {.name = "upf.owned", .order = 36, .tick = tick, .stop = stop};
CST_MODULE(module);

/* ---- the owner's turn --------------------------------------------------------------------------
 */

static void turn(unsigned owner, enum cst_owner_state from, enum cst_owner_state to)
{
	struct upf_owned_by *o = &upf_owned_by[owner % CST_OWNERS];
	const struct cst_inertia_traits any = {0};

	o->state = (uint8_t)to;
	recall_round(owner, o);
	if (to == CST_OWNER_RECONCILING && from != to) {
		o->since = ++o->round;
		keep_round(owner, o->round, o->since); /* the owner's record is written next */
		o->fresh = 0;
		o->adopts = false;
	}
	if (to == CST_OWNER_INERTIAL && cst_owner_keeper)
		suppress_by((uint8_t)owner, cst_owner_keeper->match(&any));
	set_suppression();
	if (o->all)
		walk_for((uint8_t)owner);
}

/* At once in what is counted, asked for and kept; the walk comes after. */
int upf_owned_adopt_all(unsigned owner, struct cst_err *e)
{
	struct upf_owned_by *o = &upf_owned_by[owner % CST_OWNERS];
	uint16_t since = (uint16_t)(o->round - INT16_MAX / 2);
	int rc;

	keep_round(owner, o->round, since);
	rc = cst_store_write(e);
	if (rc < 0)
		return rc;
	o->since = since;
	o->fresh = o->all;
	o->adopts = true;
	walk_for((uint8_t)owner);
	return 0;
}

static void count(unsigned owner, struct cst_owned_counts *out)
{
	const struct upf_owned_by *o = &upf_owned_by[owner % CST_OWNERS];

	*out = (struct cst_owned_counts){
		.all = o->all,
		.stale = o->all - o->fresh,
		.local = o->local,
		.owed = o->owed,
		.leaving = o->state == CST_OWNER_NONE && o->left > 0 ? o->all : 0};
}

static const char *const for_authority[] = {"session.admit", "session.modify", "session.delete",
					    NULL};

static struct cst_owned owned = {.what = "sessions",
				 .for_authority = for_authority,
				 .turn = turn,
				 .count = count,
				 .page = upf_owned_page,
				 .adopt = upf_owned_adopt,
				 .sweep = upf_owned_sweep,
				 .of_class = upf_owned_of_class};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
	cst_owned_add(&owned);
}
