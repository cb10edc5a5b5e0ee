/* SPDX-License-Identifier: BSD-3-Clause */
/* Leases run, sessions whose time is over are ended, and stalls of this thread are told. */
#include "inertia_tick.h"

#include <string.h>

#include "engine/alive.h"
#include "log.h"
#include "module.h"

#define SWEEP_MOST 50     /* a tick: others want the control thread too */
#define LOOK_MS    1000   /* from one look for what is over its time to the next */
#define TELL_MS    1000   /* sweeps of so long are told together */
#define CLOCK_MS   600000 /* from one time that an owner's clocks are kept to the next */

static uint64_t last_ms, stalls_known, tell_ms;
static bool abandoned; /* what coastd found at its start of owners that there are no more */
static struct inertia_stalls stalls;

/* ---- sweeping ------------------------------------------------------------ */

/* What ends now: nothing, what is over its time, or all that is stale. While an owner reconciles it
 * has some time to come for what is its own. */
static enum inertia_sweep due(const struct keep_owner *o)
{
	uint64_t wait_ms = o->conf.reconcile_seconds * UINT64_C(1000);

	switch ((enum cst_owner_state)o->core.state) {
	case CST_OWNER_INERTIAL:
		return SWEEP_EXPIRED;
	case CST_OWNER_RECONCILING:
		return wait_ms > 0 && o->core.reconciling_ms >= wait_ms ? SWEEP_EXPIRED
									: SWEEP_NONE;
	case CST_OWNER_CONNECTED:
		return o->sweep;
	case CST_OWNER_NONE:
		break;
	}
	return SWEEP_NONE;
}

static unsigned sweep(unsigned number, const struct inertia *core, bool now)
{
	struct cst_owned_age age = {.lost_ms = core->away_ms, .stale_ms = core->stale_ms};
	unsigned done = 0;

	for (const struct cst_owned *w = cst_owned_first(); w != NULL && done < SWEEP_MOST;
	     w = w->next)
		done += w->sweep(number, &age, now, SWEEP_MOST - done);
	return done;
}

static void sweep_due(struct keep_owner *o, uint64_t now_ms)
{
	unsigned number = keep_number(o), done;
	enum inertia_sweep what = due(o);
	struct cst_owned_counts left;

	if (what == SWEEP_NONE || (what == SWEEP_EXPIRED && now_ms < o->look_ms))
		return;
	done = sweep(number, &o->core, what == SWEEP_NOW);
	o->swept += done;
	if (done == 0)
		o->look_ms = now_ms + LOOK_MS;
	if (o->core.state != CST_OWNER_CONNECTED || done == SWEEP_MOST)
		return;
	keep_counts(number, &left);
	if (left.stale > 0)
		return;
	o->sweep = SWEEP_NONE;
	keep_save(o, NULL);
}

static void tell_swept(struct keep_owner *o)
{
	if (o->swept == 0)
		return;
	LOG_INFO("owner %s: %llu sessions swept", o->name, (unsigned long long)o->swept);
	keep_tell_swept(o, o->swept);
	o->swept = 0;
}

/* ---- stalls -------------------------------------------------------------- */

static void look_for_stalls(uint64_t passed_ms)
{
	uint64_t now = cst_alive_stalls();

	if (now == stalls_known)
		return;
	stalls_known = now;
	stalls.count++;
	stalls.last_ms = passed_ms;
	if (passed_ms > stalls.longest_ms)
		stalls.longest_ms = passed_ms;
	LOG_WARN("the control thread stood still for %llu ms; forwarding went on",
		 (unsigned long long)passed_ms);
	keep_tell_stalled(passed_ms);
}

void inertia_stalls(struct inertia_stalls *out)
{
	*out = stalls;
}

/* ---- the module ---------------------------------------------------------- */

/* Times that decide on the end of sessions. */
static bool time_runs(const struct keep_owner *o)
{
	return o->sweep != SWEEP_NONE || o->core.state == CST_OWNER_INERTIAL ||
	       o->core.state == CST_OWNER_RECONCILING;
}

/* Nobody may claim it before. */
static void look_whether_gone(struct keep_owner *o)
{
	struct cst_owned_counts n;

	if (!o->leaving)
		return;
	keep_counts(keep_number(o), &n);
	if (n.leaving > 0)
		return;
	o->leaving = false;
	keep_save(o, NULL);
}

static void tick_one(struct keep_owner *o, uint64_t now_ms, uint64_t passed_ms)
{
	enum cst_owner_state was = o->core.state;

	if (o->restored)
		keep_tell_restored(o);
	o->restored = false;
	o->core.leftovers = o->sweep != SWEEP_NONE;
	inertia_tick(&o->core, passed_ms);
	keep_turned(o, was, false);
	sweep_due(o, now_ms);
	look_whether_gone(o);
	if (o->clock_ms == 0 || !time_runs(o))
		o->clock_ms = now_ms;
	if (now_ms - o->clock_ms < CLOCK_MS)
		return;
	o->clock_ms = now_ms;
	keep_save(o, NULL);
}

void inertia_tick_all(uint64_t now_ms)
{
	uint64_t passed_ms = inertia_passed(&last_ms, now_ms);
	bool tell = now_ms - tell_ms >= TELL_MS;

	look_for_stalls(passed_ms);
	if (tell)
		tell_ms = now_ms;
	for (unsigned i = 1; i < CST_OWNERS; i++) {
		struct keep_owner *o = keep_get(i);

		if (o == NULL && !abandoned && !keep_is_clear(i))
			keep_abandon(i);
		if (o == NULL)
			continue;
		tick_one(o, now_ms, passed_ms);
		if (tell)
			tell_swept(o);
	}
	abandoned = true;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	int ret;

	stalls_known = cst_alive_stalls();
	memset(&stalls, 0, sizeof(stalls));
	last_ms = 0;
	abandoned = false;
	ret = keep_load(e);
	for (unsigned i = 1; ret == 0 && i < CST_OWNERS; i++)
		if (keep_get(i) != NULL)
			keep_tell_restored(keep_get(i));
	return ret;
}

static struct cst_module inertia_module = {
	.name = "inertia", .order = 30, .start = start, .tick = inertia_tick_all};
CST_MODULE(inertia_module);
