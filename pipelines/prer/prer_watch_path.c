/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Paths as a whole: what their streams say, their probe, their port.
 */
#include <stdlib.h>
#include <string.h>

#include "prer_event.h"
#include "prer_tables.h"
#include "prer_watch_int.h"

#define MAX_PATHS PRER_PATH_NUMBERS

struct sum {
	struct prer_watch_facts facts; /* lag_us: of the streams', weighed by what came */
	uint64_t first, passed, lag;
	uint32_t lag_max_us, windows;
};

struct path {
	struct sum now; /* since began_ms */
	uint64_t began_ms;
	uint32_t round, in_round, streams; /* with traffic: in this round, and in the last */
	struct prer_watch_limits limits;
	struct prer_watch_state told; /* by its streams */
	struct prer_watch_path_figures figures;
};

static struct path *paths; /* by number */
static uint64_t looked_ms;
static uint64_t moods[3]; /* paths by what they are, at the last look */

static struct path *get(uint32_t number)
{
	if (!paths)
		paths = calloc(MAX_PATHS, sizeof(*paths));
	return paths && number != 0 && number < MAX_PATHS ? &paths[number] : NULL;
}

void prer_watch_path_add(uint32_t number, const struct prer_watch_facts *f, uint64_t first,
			 uint64_t passed, uint32_t lag_max_us)
{
	struct path *p = get(number);
	struct sum *s = p ? &p->now : NULL;

	if (!s)
		return;
	s->facts.seen += f->seen;
	s->facts.expected += f->expected;
	s->facts.lost += f->lost;
	s->first += first;
	s->passed += passed;
	s->lag += f->lag_us * f->seen;
	s->windows++;
	s->facts.ms += f->ms;
	if (lag_max_us > s->lag_max_us)
		s->lag_max_us = lag_max_us;
}

void prer_watch_path_in_use(uint32_t number, uint32_t round)
{
	struct path *p = get(number);

	if (!p)
		return;
	if (p->round != round) {
		p->streams = p->round + 1 == round ? p->in_round : 0;
		p->round = round;
		p->in_round = 0;
	}
	p->in_round++;
}

/* ---- what it is, and why ------------------------------------------------------------------ */

static bool ripe(const struct path *p, uint64_t now_ms)
{
	uint64_t age = now_ms - p->began_ms;

	return age >= PRER_WATCH_MOST_MS ||
	       (age >= PRER_WATCH_LEAST_MS && p->now.facts.expected >= PRER_WATCH_LEAST);
}

static void close_window(struct path *p, uint64_t now_ms)
{
	struct sum *s = &p->now;
	/* several windows of a stream may be in it, or none */
	double ms = s->windows ? (double)s->facts.ms / s->windows : 0;
	enum prer_watch_mood seems;
	enum prer_watch_why why;

	s->facts.lag_us = s->facts.seen ? (uint32_t)(s->lag / s->facts.seen) : 0;
	if (s->windows != 0) {
		seems = prer_watch_seems(&s->facts, &p->limits, &why);
		prer_watch_judge(&p->told, seems, why);
	}
	p->figures = (struct prer_watch_path_figures){
		.state = p->figures.state,
		.streams = p->streams,
		.rate = ms > 0 ? (double)s->facts.seen / s->windows * p->streams * 1000 / ms : 0,
		.loss = s->facts.expected > 0 && s->facts.lost > 0
				? (double)s->facts.lost / (double)s->facts.expected
				: 0,
		.share = s->passed ? (double)s->first / (double)s->passed : 0,
		.lag_us = s->facts.lag_us,
		.lag_max_us = s->lag_max_us,
	};
	memset(s, 0, sizeof(*s));
	p->began_ms = now_ms;
}

static void look(uint32_t number, uint64_t now_ms)
{
	const struct prer_watch_ask *ask = prer_watch_asked();
	struct prer_watch_path_conf c;
	struct path *p = get(number);
	enum prer_watch_mood was;
	enum prer_watch_why why = PRER_WHY_NONE;

	if (!p)
		return;
	if (!ask->path || !ask->path(number, &c, &why)) {
		memset(p, 0, sizeof(*p));
		return;
	}
	if (p->began_ms == 0)
		p->began_ms = now_ms;
	p->limits = c.limits;
	if (ripe(p, now_ms))
		close_window(p, now_ms);
	was = p->figures.state.mood;
	p->figures.state = p->told;
	if (why != PRER_WHY_NONE) {
		p->figures.state.mood = PRER_DOWN;
		p->figures.state.why = (uint8_t)why;
	}
	moods[p->figures.state.mood]++;
	if (p->figures.state.mood != was)
		prer_event_path(c.name, was, &p->figures);
}

void prer_watch_path_tick(uint64_t now_ms)
{
	if (now_ms - looked_ms < PRER_WATCH_PATHS_MS || !prer_tables.path)
		return;
	looked_ms = now_ms;
	memset(moods, 0, sizeof(moods));
	for (uint32_t i = 1; i < MAX_PATHS; i++)
		look(i, now_ms);
}

void prer_watch_path_stop(void)
{
	free(paths);
	paths = NULL;
	looked_ms = 0;
	memset(moods, 0, sizeof(moods));
}

void prer_watch_path_count(uint64_t by_mood[3])
{
	memcpy(by_mood, moods, sizeof(moods));
}

void prer_watch_get_path(uint32_t number, struct prer_watch_path_figures *out)
{
	const struct path *p = get(number);

	*out = p ? p->figures : (struct prer_watch_path_figures){0};
}

struct prer_watch_limits prer_watch_path_limits(uint32_t number)
{
	const struct path *p = get(number);

	return p ? p->limits : (struct prer_watch_limits){0};
}
