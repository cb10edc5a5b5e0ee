/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a stream's windows say of it.
 */
#include <stdlib.h>
#include <string.h>

#include "prer_event.h"
#include "prer_watch_int.h"

/* ---- names and limits ----------------------------------------------------------------- */

const char *prer_watch_name(uint32_t stream)
{
	const char *name = prer_watch_asked()->stream ? prer_watch_asked()->stream(stream) : NULL;

	return name ? name : "";
}

const char *prer_watch_path_name(const struct prer_stream *s, unsigned i)
{
	static const char *const of_flow[] = {"1", "2"};
	struct prer_watch_path_conf c = {.name = ""};

	if (s->flags & PRER_FLOW)
		return of_flow[i & 1];
	if (prer_watch_asked()->path)
		prer_watch_asked()->path(prer_watch_number(s, i), &c, NULL);
	return c.name;
}

static uint32_t relaxed(const uint32_t *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

/* `shift`: of the TSC, that the figure is kept in. */
static uint32_t lag_us(uint32_t v, unsigned shift)
{
	return prer_watch_hz
		       ? (uint32_t)(((double)((uint64_t)v << shift)) * 1e6 / (double)prer_watch_hz)
		       : 0;
}

/* ---- a window has ended ------------------------------------------------------------------ */

static double per_second(double n, uint32_t ms)
{
	return ms ? n * 1000 / ms : 0;
}

/* Behind first copies, those that were first themselves included. */
static uint32_t mean_lag_us(uint32_t stream, const struct prer_watched *w, unsigned i)
{
	uint64_t seen = w->last.path[i].seen, second = seen - w->last.path[i].first;
	uint32_t lag = lag_us(relaxed(&prer_watch_health(stream, i)->lag), 7);

	return seen ? (uint32_t)(lag * second / seen) : 0;
}

static void fill_member(uint32_t stream, const struct prer_watched *w, unsigned i,
			struct prer_watch_member *out)
{
	const struct prer_health *h = prer_watch_health(stream, i);
	bool seen = w->last.path[i].seen != 0;

	*out = (struct prer_watch_member){
		.there = true,
		.state = w->state[i],
		.rate = per_second(w->last.path[i].seen, w->took_ms),
		.share = w->last.passed ? (double)w->last.path[i].first / w->last.passed : 0,
		.loss = prer_watch_share(w->last.path[i].lost, w->last.path[i].expected),
		.loss_long = prer_watch_share(w->sums.lost[i], w->sums.expected),
		.lag_us = seen ? lag_us(relaxed(&h->lag), 7) : 0,
		.lag_max_us = seen ? lag_us(relaxed(&h->lag_max), 10) : 0,
		.out_of_order = w->last.path[i].out_of_order,
		.ahead = w->last.path[i].ahead,
	};
}

/* What becomes of a path for all its streams is told once, of the path. */
static bool path_says(const struct prer_watched *w, unsigned i)
{
	struct prer_watch_path_figures f;

	if (w->path[i] == 0)
		return false; /* of a flow: it is nobody else's */
	prer_watch_get_path(w->path[i], &f);
	return f.streams <= 1 || f.state.mood == w->state[i].mood || f.state.windows > 0;
}

static void tell_member(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
			unsigned i, uint64_t now_ms)
{
	uint8_t bit = (uint8_t)(1u << i);
	struct prer_watch_member m;

	if (!(w->told & bit) && (w->state[i].mood == PRER_UP || path_says(w, i)))
		return;
	if (!prer_watch_may_tell(now_ms))
		return;
	w->told = w->state[i].mood == PRER_UP ? w->told & ~bit : w->told | bit;
	fill_member(stream, w, i, &m);
	prer_event_member(prer_watch_name(stream), prer_watch_path_name(s, i), &m);
}

static void judge_path(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
		       unsigned i, uint64_t now_ms)
{
	struct prer_watch_facts f = {
		.ms = w->took_ms,
		.seen = w->last.path[i].seen,
		.expected = w->last.path[i].expected,
		.lost = w->last.path[i].lost,
		.lag_us = mean_lag_us(stream, w, i),
	};
	struct prer_watch_limits limits = prer_watch_path_limits(w->path[i]);
	enum prer_watch_mood seems;
	enum prer_watch_why why;

	prer_watch_path_add(w->path[i], &f, w->last.path[i].first, w->last.passed,
			    f.seen ? lag_us(relaxed(&prer_watch_health(stream, i)->lag_max), 10)
				   : 0);
	seems = prer_watch_seems(&f, &limits, &why);
	if (prer_watch_judge(&w->state[i], seems, why))
		tell_member(stream, s, w, i, now_ms);
}

/* Numbers that come while a first copy waits for its second by this path. While packets are taken
 * for rogue there are no second copies to measure by: then how far its numbers are from those that
 * were passed. */
static uint32_t history_needed(uint32_t stream, const struct prer_watched *w, unsigned i)
{
	bool rogue = w->last.rogue >= 10 && w->last.rogue > (w->last.passed + w->last.rogue) / 100;
	uint32_t lag = lag_us(relaxed(&prer_watch_health(stream, i)->lag_max), 10);
	double late = per_second(w->last.expected, w->took_ms) * lag / 1e6;
	double apart = rogue ? abs(w->last.path[i].ahead) : 0;
	double most = late > apart ? late : apart;

	if (w->last.path[i].seen == 0)
		return 0;
	return most < 1 << 28 ? (uint32_t)(most + 0.5) + 1 : 1 << 28;
}

static void judge_history(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
			  uint64_t now_ms)
{
	const struct prer_params *p = prer_watch_params(s);
	struct prer_watch_figures f;
	enum prer_watch_mood seems;
	unsigned worst = 0;

	if (p->algorithm != PRER_VECTOR || s->bits == 0)
		return;
	w->needed = 0;
	for (unsigned i = 0; i < prer_watch_n_paths(s); i++) {
		uint32_t n = history_needed(stream, w, i);

		if (n <= w->needed)
			continue;
		w->needed = n;
		worst = i;
	}
	/* nothing at all is passed: it is not for the distance between paths */
	seems = w->last.passed == 0 && w->last.rogue != 0 ? PRER_DOWN
		: w->needed > p->history                  ? PRER_DEGRADED
							  : PRER_UP;
	if (!prer_watch_judge(&w->history, seems, PRER_WHY_NONE) || seems == PRER_UP ||
	    !prer_watch_may_tell(now_ms))
		return;
	prer_watch_get(stream, &f);
	if (seems == PRER_DOWN)
		prer_event_stuck(prer_watch_name(stream), &f);
	else
		prer_event_history(prer_watch_name(stream), prer_watch_path_name(s, worst), &f);
}

static void judge_paths(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
			uint64_t now_ms)
{
	prer_watch_add(&w->sums, &w->last, prer_watch_n_paths(s));
	for (unsigned i = 0; i < prer_watch_n_paths(s); i++) {
		if (!prer_watch_there(s, i))
			continue;
		w->silent |= (w->last.path[i].seen == 0) << i;
		judge_path(stream, s, w, i, now_ms);
	}
}

/* Counters have fallen: the number was given to another stream. */
static bool is_another(const struct prer_watch_window *w)
{
	uint32_t seen = 0;

	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		seen += w->path[i].seen;
	return seen == 0;
}

void prer_watch_close_window(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
			     const struct prer_watch_look *is, uint64_t now_ms)
{
	unsigned n = prer_watch_n_paths(s);
	bool losses = prer_watch_close(&w->was, is, s->bits, n, w->silent, &w->last);

	w->took_ms = (uint32_t)now_ms - w->began_ms;
	w->began_ms = prer_watch_ms(now_ms);
	w->was = *is;
	w->silent = 0;
	if (!losses && is_another(&w->last))
		w->sums = (struct prer_watch_sums){0};
	if (losses)
		judge_paths(stream, s, w, now_ms);
	judge_history(stream, s, w, now_ms);
}

void prer_watch_close_empty(struct prer_watched *w, uint64_t now_ms)
{
	w->took_ms = (uint32_t)now_ms - w->began_ms;
	w->began_ms = prer_watch_ms(now_ms);
	memset(&w->last, 0, sizeof(w->last));
}

/* ---- figures ------------------------------------------------------------------------------- */

static void fill_losses(const struct prer_stream *stream, const struct prer_watched *w,
			struct prer_watch_figures *out)
{
	const struct prer_watch_window *l = &w->last;
	const struct prer_watch_sums *s = &w->sums;
	unsigned n = 0, at[PRER_MAX_PATHS];

	out->joint = prer_watch_share(l->joint, l->expected);
	out->joint_long = prer_watch_share(s->joint, s->expected);
	out->at_most = prer_watch_at_most(s->expected, s->joint);
	out->independent = 1;
	for (unsigned i = 0; i < out->n_paths; i++) {
		if (!prer_watch_there(stream, i))
			continue;
		out->independent *= prer_watch_share(s->lost[i], s->expected);
		at[n++] = i;
	}
	if (n != 2)
		return;
	out->has_rho = prer_watch_rho(l->expected, l->path[at[0]].lost, l->path[at[1]].lost,
				      l->joint, &out->rho);
	out->has_rho_long = prer_watch_rho(s->expected, s->lost[at[0]], s->lost[at[1]], s->joint,
					   &out->rho_long);
}

bool prer_watch_get(uint32_t stream, struct prer_watch_figures *out)
{
	const struct prer_stream *s = prer_watch_record(stream);
	const struct prer_watched *w = s ? prer_watched(stream, s) : NULL;

	memset(out, 0, sizeof(*out));
	if (!w)
		return false;
	*out = (struct prer_watch_figures){
		.n_paths = prer_watch_n_paths(s),
		.window_ms = w->took_ms,
		.rate = per_second(w->last.passed, w->took_ms),
		.rogue = w->last.rogue,
		.history = prer_watch_params(s)->history,
		.needed = w->needed,
		.too_small = w->history.mood == PRER_DEGRADED,
		.stuck = w->history.mood == PRER_DOWN,
		.latent_errors = w->latent_errors,
		.latent_resets = w->latent_resets,
	};
	if (w->last.expected > 0)
		out->rate = per_second(w->last.expected, w->took_ms);
	fill_losses(s, w, out);
	for (unsigned i = 0; i < out->n_paths; i++)
		if (prer_watch_there(s, i))
			fill_member(stream, w, i, &out->path[i]);
	return true;
}
