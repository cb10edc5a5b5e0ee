/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_watch_int.h"

#include <stdlib.h>

#include <rte_cycles.h>

#include "module.h"
#include "now.h"

#define CLOCK_EVERY 64 /* streams between two looks at the clock */
#define AHEAD       8  /* what these streams need is on its way already */

static struct prer_watched
	*table; /* streams, then flows; pages that nobody touched take no memory */
static uint32_t n_watched, at = 1;
static uint32_t round_no; /* over all streams */
static struct prer_watch_ask ask;
static struct {
	uint64_t second;
	uint32_t events;
} told;

uint64_t prer_watch_hz;

void prer_watch_ask(const struct prer_watch_ask *a)
{
	ask = *a;
}

const struct prer_watch_ask *prer_watch_asked(void)
{
	return &ask;
}

static bool same_paths(const struct prer_watched *w, const struct prer_stream *s)
{
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		if (w->path[i] != prer_watch_number(s, i))
			return false;
	return true;
}

static uint32_t index_of(uint32_t stream)
{
	return stream & PRER_WATCH_FLOW ? prer_tables.streams + (stream & ~PRER_WATCH_FLOW)
					: stream;
}

static uint32_t number_of(uint32_t index)
{
	return index < prer_tables.streams ? index
					   : (index - prer_tables.streams) | PRER_WATCH_FLOW;
}

const struct prer_stream *prer_watch_record(uint32_t stream)
{
	static struct prer_stream made;
	uint32_t i = stream & ~PRER_WATCH_FLOW;

	if (!(stream & PRER_WATCH_FLOW))
		return stream < prer_tables.streams ? prer_stream(stream) : NULL;
	if (i >= prer_flows.count || prer_flows.flow[i].key == 0)
		return NULL;
	made = (struct prer_stream){
		.id = stream,
		.flags = PRER_FLOW,
		.n_paths = 2,
		.bits = prer_flows.flow[i].bits,
		.recovery = prer_how_params(prer_flows.flow[i].how),
	};
	return &made;
}

const struct prer_watched *prer_watched(uint32_t stream, const struct prer_stream *s)
{
	uint32_t i = index_of(stream);
	const struct prer_watched *w = i < n_watched ? &table[i] : NULL;

	return w && w->began_ms != 0 && same_paths(w, s) ? w : NULL;
}

bool prer_watch_may_tell(uint64_t now_ms)
{
	if (told.second != now_ms / 1000) {
		told.second = now_ms / 1000;
		told.events = 0;
	}
	return told.events++ < PRER_WATCH_MAX_EVENTS;
}

/* ---- one stream after the other ------------------------------------------------------------ */

static bool ever_came(uint32_t stream, unsigned n_paths)
{
	for (unsigned i = 0; i < n_paths; i++)
		if (__atomic_load_n(&prer_watch_health(stream, i)->seen, __ATOMIC_RELAXED) != 0)
			return true;
	return false;
}

static void begin(const struct prer_stream *s, struct prer_watched *w,
		  const struct prer_watch_look *is, uint64_t now_ms)
{
	*w = (struct prer_watched){.was = *is, .began_ms = prer_watch_ms(now_ms)};
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		w->path[i] = prer_watch_number(s, i);
}

static bool ripe(const struct prer_watched *w, const struct prer_watch_look *is, int32_t age)
{
	uint32_t numbers = is->passed - w->was.passed + is->rogue - w->was.rogue;

	return age >= PRER_WATCH_MOST_MS ||
	       (age >= PRER_WATCH_LEAST_MS && numbers >= PRER_WATCH_LEAST);
}

static void visit(uint32_t stream, uint64_t now_ms)
{
	const struct prer_stream *s = prer_watch_record(stream);
	struct prer_watched *w = &table[index_of(stream)];
	struct prer_watch_look is;
	int32_t age;

	if (!s)
		return;
	prer_watch_total(prer_watch_state(stream));
	if (!(s->flags & (PRER_RECEIVE | PRER_FLOW)) || !ever_came(stream, prer_watch_n_paths(s)))
		return;
	prer_watch_look(prer_watch_state(stream), prer_watch_more(stream), prer_watch_params(s),
			prer_watch_n_paths(s), &is);
	if (w->began_ms == 0 || !same_paths(w, s)) {
		begin(s, w, &is, now_ms);
		return;
	}
	age = (int32_t)(prer_watch_ms(now_ms) - w->began_ms);
	if (age > 2 * PRER_WATCH_LEAST_MS &&
	    prer_watch_came(&w->was, &is, prer_watch_n_paths(s)) == 0)
		prer_watch_close_empty(w, now_ms);
	else if (ripe(w, &is, age))
		prer_watch_close_window(stream, s, w, &is, now_ms);
	for (unsigned i = 0; i < prer_watch_n_paths(s) && w->last.passed + w->last.rogue != 0; i++)
		prer_watch_path_in_use(w->path[i], round_no);
	prer_watch_latent(stream, s, w, now_ms);
	prer_watch_total_watched(w);
}

static bool has(uint32_t index)
{
	return index < prer_tables.streams
		       ? __atomic_load_n(&prer_tables.slot[index], __ATOMIC_RELAXED) != 0
		       : prer_flows.flow[index - prer_tables.streams].key != 0;
}

static void prefetch(uint32_t index)
{
	const struct prer_stream *s;
	const char *state;

	if (index + AHEAD * 2 >= n_watched || !has(index + AHEAD))
		return;
	if (index + AHEAD * 2 < prer_tables.streams && (s = prer_stream(index + AHEAD * 2)))
		__builtin_prefetch(s);
	state = (const char *)prer_watch_state(number_of(index + AHEAD));
	for (unsigned i = 0; i < sizeof(struct prer_state); i += 64)
		__builtin_prefetch(state + i);
	__builtin_prefetch(&table[index + AHEAD]);
}

static void slice(uint64_t now_ms)
{
	uint64_t until = cst_now_us() + PRER_WATCH_SLICE_US;

	while (at < n_watched) {
		uint32_t index = at++;

		prefetch(index);
		if (has(index))
			visit(number_of(index), now_ms);
		if (index % CLOCK_EVERY == 0 && cst_now_us() >= until)
			return;
	}
	at = 1;
	round_no++;
	prer_watch_total_round();
}

void prer_watch_tick(uint64_t now_ms)
{
	if (!prer_tables.slot || !prer_tables.path)
		return;
	if (!table) {
		n_watched = prer_tables.streams + prer_flows.count;
		table = calloc(n_watched, sizeof(*table));
		if (!table)
			n_watched = 0;
	}
	slice(now_ms);
	prer_watch_path_tick(now_ms);
}

void prer_watch_stop(void)
{
	free(table);
	table = NULL;
	n_watched = 0;
	at = 1;
	prer_watch_path_stop();
	prer_watch_total_round();
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	prer_watch_hz = rte_get_tsc_hz();
	return 0;
}

static struct cst_module prer_watch_module = {.name = "prer_watch",
					      .order = 32,
					      .start = start,
					      .tick = prer_watch_tick,
					      .stop = prer_watch_stop};
CST_MODULE(prer_watch_module);
