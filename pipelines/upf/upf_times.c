/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_times.h"

#include "log.h"
#include "module.h"
#include "upf_clock.h"
#include "upf_hook.h"
#include "upf_kept.h"
#include "upf_timer.h"

static uint32_t run_at; /* 0: no run is under way */

uint32_t upf_unix_time(void)
{
	struct upf_now now;

	if (run_at)
		return run_at;
	upf_clock(&now);
	return (uint32_t)(now.unix_ms / 1000);
}

bool upf_pdr_active(const struct upf_pdr_obj *pdr, uint32_t now)
{
	bool begins = cst_has(pdr, PDR_ACTIVATION_TIME), ends = cst_has(pdr, PDR_DEACTIVATION_TIME);
	bool begun = begins && now >= pdr->activation_time;
	bool ended = ends && now >= pdr->deactivation_time;

	if (begins && ends && pdr->deactivation_time < pdr->activation_time)
		return !ended || begun;
	return (!begins || begun) && !ended;
}

uint32_t upf_pdr_turns(const struct upf_pdr_obj *pdr, uint32_t now)
{
	uint32_t t[2] = {cst_has(pdr, PDR_ACTIVATION_TIME) ? pdr->activation_time : 0,
			 cst_has(pdr, PDR_DEACTIVATION_TIME) ? pdr->deactivation_time : 0};
	uint32_t next = 0;

	for (int i = 0; i < 2; i++)
		if (t[i] > now && (next == 0 || t[i] < next))
			next = t[i];
	return next;
}

/* ---- whose turn is next, by state line ------------------------------------------------- */

static struct upf_timers *turns; /* seconds; made when the first is wanted */

static void set_turn(const struct upf_session *s, uint32_t when)
{
	if (!turns && when)
		turns = upf_timers_new(upf_state_lines());
	if (turns)
		upf_timer_set(turns, upf_run(s)->state, when);
	else if (when)
		LOG_ERR("no memory: PDRs of session %llu will not change at their time",
			(unsigned long long)s->seid);
}

static void on_commit(const struct upf_change *c)
{
	if (c->next)
		set_turn(c->next, c->next->wake);
	else
		set_turn(c->old, 0);
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) add_hook(void)
{
	upf_hook_add(&hook);
}

/* ---- compiling anew ------------------------------------------------------------------- */

int upf_renew(struct upf_session *old, struct cst_err *e)
{
	static struct cst_pool *pool;
	struct upf_change c = {0};
	struct upf_session_obj s;
	int rc;

	if (!pool)
		pool = cst_pool_new();
	rc = upf_session_unpack(old, pool, &s, e);
	if (rc == 0)
		rc = upf_plan(&s, old, true, &c, e);
	if (rc == 0) {
		upf_kept_update(c.next); /* also when the disk is full: time does not wait */
		upf_change_commit(&c);
	}
	cst_pool_reset(pool);
	return rc;
}

static void run_due(uint32_t now)
{
	static uint32_t said;
	uint32_t state;

	while (turns && (state = upf_timer_pop(turns, now)) != 0) {
		struct upf_session *s = upf_session_by_state(state);
		struct cst_err e = {0};

		if (!s || upf_renew(s, &e) >= 0)
			continue;
		/* tables are full: next time, with what is given back until then */
		set_turn(s, now);
		if (now != said)
			LOG_WARN("session %llu: PDRs cannot change at their time yet: %s",
				 (unsigned long long)s->seid, e.reason);
		said = now;
		return;
	}
}

/* All by one time: by a clock that is set back meanwhile, what was taken out as due would be found
 * unchanged and forgotten, or be due again at once. */
void upf_times_run(uint32_t now)
{
	run_at = now;
	run_due(now);
	run_at = 0;
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	if (turns)
		upf_times_run(upf_unix_time());
}

static void stop(void)
{
	if (turns)
		upf_timers_free(turns);
	turns = NULL;
}

static struct cst_module upf_times_module = {
	.name = "upf.times", .order = 32, .stop = stop, .tick = tick};
CST_MODULE(upf_times_module);
