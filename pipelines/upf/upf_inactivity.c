/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_inactivity.h"

#include <errno.h>
#include <stdlib.h>

#include "module.h"
#include "upf_clock.h"
#include "upf_hook.h"
#include "upf_report.h"
#include "upf_timer.h"

#define LOOKS       8
#define LONGEST_MS  60000
#define SHORTEST_MS 100
#define AT_ONCE     4096 /* sessions in one tick */

/* By the session's first state line. */
struct watch {
	uint64_t packets; /* forwarded when last looked at */
	uint64_t active;  /* ms: when they were found to have changed */
	uint32_t seconds; /* 0: not watched */
	uint32_t told;
};

static struct watch *watches;
static struct upf_timers *timers;

static uint64_t packets_of(const struct upf_session *s)
{
	const struct upf_pdr *p = upf_run_pdrs(s);
	uint64_t n = 0;

	for (unsigned i = 0; i < upf_run_n(s); i++)
		n += __atomic_load_n(&upf_tables.counts[p[i].counter].packets, __ATOMIC_RELAXED);
	return n;
}

static uint64_t pause_of(const struct watch *w)
{
	uint64_t ms = (uint64_t)w->seconds * 1000 / LOOKS;

	return ms < SHORTEST_MS ? SHORTEST_MS : ms > LONGEST_MS ? LONGEST_MS : ms;
}

static void tell(const struct upf_session *s, uint32_t seconds)
{
	static struct cst_pool *pool;
	struct upf_session_obj o;
	bool known;

	if (!pool)
		pool = cst_pool_new();
	cst_pool_reset(pool);
	known = upf_session_unpack(s, pool, &o, NULL) == 0 && cst_has(&o, SESSION_CP_F_SEID);
	upf_report_inactive(s->seid, known ? &o.cp_f_seid : NULL, seconds);
}

static void look(uint32_t state, uint64_t now)
{
	const struct upf_session *s = upf_session_by_state(state);
	struct watch *w = &watches[state];
	uint64_t due = now + pause_of(w), n, end;

	if (!s || !w->seconds)
		return;
	n = packets_of(s);
	if (n != w->packets) {
		w->packets = n;
		w->active = now;
		w->told = 0;
	}
	end = w->active + (uint64_t)w->seconds * 1000;
	if (!w->told && now >= end) {
		tell(s, w->seconds);
		w->told = 1;
	}
	if (!w->told && end < due)
		due = end;
	upf_timer_set(timers, state, due);
}

static void on_commit(const struct upf_change *c)
{
	uint32_t state = upf_run(c->next ? c->next : c->old)->state, seconds;
	struct upf_now now;
	struct watch *w;

	if (!timers)
		return;
	w = &watches[state];
	if (!c->next) {
		if (w->seconds)
			upf_timer_set(timers, state, 0);
		w->seconds = 0;
		return;
	}
	seconds = c->s->user_plane_inactivity_timer;
	if (!c->old && !seconds) /* nothing to touch: most sessions */
		return;
	if (c->old && seconds == w->seconds)
		return;
	upf_clock(&now);
	*w = (struct watch){.packets = packets_of(c->next), .active = now.ms, .seconds = seconds};
	upf_timer_set(timers, state, seconds ? now.ms + pause_of(w) : 0);
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

void upf_inactivity_tick(void)
{
	struct upf_now now;
	uint32_t state;

	if (!timers)
		return;
	upf_clock(&now);
	for (unsigned i = 0; i < AT_ONCE && (state = upf_timer_pop(timers, now.ms)) != 0; i++)
		look(state, now.ms);
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	upf_inactivity_tick();
}

static struct cst_module module = {.name = "upf.inactivity", .order = 35, .tick = tick};
CST_MODULE(module);

int upf_inactivity_open(uint32_t states, struct cst_err *e)
{
	watches = calloc((size_t)states + 1, sizeof(*watches));
	timers = upf_timers_new(states);
	if (watches && timers)
		return 0;
	upf_inactivity_close();
	return cst_err(e, -ENOMEM, "system.max_sessions", "no memory for inactivity timers");
}

void upf_inactivity_close(void)
{
	upf_timers_free(timers);
	free(watches);
	timers = NULL;
	watches = NULL;
}
