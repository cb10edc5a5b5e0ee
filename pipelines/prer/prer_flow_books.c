/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "hash.h"
#include "module.h"
#include "prer_flow.h"
#include "prer_mark.h"
#include "store.h"
#include "table/arena.h"
#include "table/index.h"
#include "table/lines.h"

#define LINE_WORDS 8 /* rings are allocated by cache lines */

struct prer_flows prer_flows;

static struct cst_section flows = {.name = "prer.flows", .elem_size = sizeof(struct prer_flow)};
static struct cst_section params = {.name = "prer.flow_params",
				    .elem_size = sizeof(struct prer_params),
				    .count = PRER_FLOW_PARAMS};
static struct cst_section rings = {.name = "prer.flow_rings", .elem_size = 64};

/* What is not in the arena, by flow. */
static struct entry {
	uint32_t next; /* in the chain of its key's hash */
	bool waits;    /* an earlier coastd's, and nobody has opened it yet */
	char *name;    /* NULL: not open, or waits */
	struct prer_mark mark;
} * entries;
static uint32_t *chains, mask;
static uint32_t top; /* none above it was ever open */
static struct cst_index *numbers;
static struct cst_lines *lines;
static uint32_t users[PRER_FLOW_PARAMS]; /* of params */

/* ---- by key ------------------------------------------------------------------------- */

static uint32_t *chain_of(uint64_t key)
{
	return &chains[cst_hash_mix(key, 0) & mask];
}

static void enter(uint32_t flow)
{
	uint32_t *chain = chain_of(prer_flows.flow[flow].key);

	entries[flow].next = *chain;
	*chain = flow;
	if (flow > top)
		top = flow;
}

static void leave(uint32_t flow)
{
	uint32_t *at = chain_of(prer_flows.flow[flow].key);

	while (*at != flow)
		at = &entries[*at].next;
	*at = entries[flow].next;
}

static uint32_t find(uint64_t key)
{
	uint32_t flow = *chain_of(key);

	while (flow && prer_flows.flow[flow].key != key)
		flow = entries[flow].next;
	return flow;
}

/* ---- what a flow has ------------------------------------------------------------------ */

/* The number of the same ones that others have, else a free one; 0: there is none. */
static uint16_t find_params(const struct prer_params *p)
{
	uint16_t unused = 0;

	for (uint16_t i = PRER_FLOW_PARAMS - 1; i > 0; i--) {
		if (users[i] == 0)
			unused = i;
		else if (memcmp(&prer_flows.params[i], p, sizeof(*p)) == 0)
			return i;
	}
	return unused;
}

static uint16_t take_params(const struct prer_params *p, struct cst_err *e)
{
	uint16_t i = find_params(p);

	if (i == 0) {
		cst_err(e, -ENOSPC, "recovery", "flows have %d different recoveries already",
			PRER_FLOW_PARAMS - 1);
		return 0;
	}
	if (users[i]++ == 0)
		prer_flows.params[i] = *p;
	return i;
}

static bool take_ring(struct prer_flow *f, const struct prer_params *p, struct cst_err *e)
{
	uint32_t words = p->mask < 64 ? 0 : (p->mask + 1) / 64;
	uint32_t n = (words + LINE_WORDS - 1) / LINE_WORDS, line = 0;

	if (n > 0) {
		line = cst_lines_alloc(lines, n);
		if (line == 0) {
			cst_err(e, -ENOSPC, "recovery",
				"no room for its history: shorten it, or raise "
				"system.max_streams");
			return false;
		}
		memset(cst_line(rings.base, line), 0, (size_t)n * 64);
	}
	f->ring = line * LINE_WORDS;
	f->ring_words = n * LINE_WORDS;
	return true;
}

static void give_back(uint32_t flow)
{
	struct prer_flow *f = &prer_flows.flow[flow];

	users[f->params]--;
	if (f->ring_words)
		cst_lines_free(lines, f->ring / LINE_WORDS, f->ring_words / LINE_WORDS);
	*f = (struct prer_flow){0};
	cst_index_free(numbers, flow);
}

/* ---- opening and closing ----------------------------------------------------------------- */

static uint32_t new_flow(const struct cst_redundancy_conf *c, const struct prer_params *p,
			 struct cst_err *e)
{
	struct prer_flow f = {.key = c->key, .bits = c->bits};
	uint32_t flow = cst_index_alloc(numbers);

	if (flow == 0) {
		cst_err(e, -ENOSPC, NULL, "there is room for %u flows: raise system.max_streams",
			prer_flows.count - 1);
		return 0;
	}
	f.state.counts.gen_seq = prer_mark_at(PRER_MARK_FLOW, c->name) & ((1u << c->bits) - 1);
	f.params = take_params(p, e);
	if (f.params == 0 || !take_ring(&f, p, e)) {
		if (f.params)
			users[f.params]--;
		cst_index_free(numbers, flow);
		return 0;
	}
	prer_flows.flow[flow] = f;
	entries[flow].mark = (struct prer_mark){0};
	enter(flow);
	return flow;
}

/* Does the recovery that an earlier coastd's flow has still say the same? */
static bool fits(const struct prer_flow *f, const struct cst_redundancy_conf *c,
		 const struct prer_params *p)
{
	return f->bits == c->bits && memcmp(&prer_flows.params[f->params], p, sizeof(*p)) == 0;
}

static uint32_t come_back(uint32_t flow, const struct cst_redundancy_conf *c,
			  const struct prer_params *p, struct cst_err *e)
{
	uint32_t seq = prer_flows.flow[flow].state.counts.gen_seq, fresh;

	if (fits(&prer_flows.flow[flow], c, p)) {
		entries[flow].waits = false;
		return flow;
	}
	/* by another one than it had: what it remembers is not told, but numbers do not go back */
	fresh = new_flow(c, p, e);
	if (fresh == 0)
		return 0;
	prer_flows.flow[fresh].state.counts.gen_seq = seq & ((1u << c->bits) - 1);
	prer_flow_close(flow);
	return fresh;
}

uint32_t prer_flow_open(const struct cst_redundancy_conf *c, const struct prer_params *p,
			struct cst_err *e)
{
	uint32_t flow = find(c->key);

	if (flow == 0)
		flow = new_flow(c, p, e);
	else if (entries[flow].waits)
		flow = come_back(flow, c, p, e);
	else
		return flow;
	if (flow) {
		free(entries[flow].name);
		entries[flow].name = strdup(c->name);
	}
	return flow;
}

static void reap(void *unused, uint64_t flow)
{
	(void)unused;
	give_back((uint32_t)flow);
}

void prer_flow_close(uint32_t flow)
{
	leave(flow);
	prer_flows.flow[flow].key = 0;
	entries[flow].waits = false;
	if (entries[flow].name)
		prer_mark_forget(PRER_MARK_FLOW, entries[flow].name);
	free(entries[flow].name);
	entries[flow].name = NULL;
	cst_rcu_defer(reap, NULL, flow);
}

uint32_t prer_flows_used(void)
{
	return numbers ? cst_index_used(numbers) : 0;
}

const char *prer_flow_name(uint32_t flow)
{
	return entries[flow].name ? entries[flow].name : "?";
}

/* ---- numbers where the tables are lost ------------------------------------------------------ */

static void tick(uint64_t now_ms)
{
	static uint32_t at;

	for (uint32_t n = prer_mark_turn(top); n > 0; n--) {
		const struct prer_flow *f;

		at = at < top ? at + 1 : 1;
		f = &prer_flows.flow[at];
		if (entries[at].name)
			prer_mark_move(&entries[at].mark, PRER_MARK_FLOW, entries[at].name,
				       &f->state.counts, f->bits, now_ms);
	}
}

static void end_marks(void)
{
	for (uint32_t i = 1; i < prer_flows.count; i++)
		if (entries[i].name)
			prer_mark_end(PRER_MARK_FLOW, entries[i].name,
				      &prer_flows.flow[i].state.counts);
	cst_store_write(NULL);
}

/* ---- start --------------------------------------------------------------------------------- */

static int reserve(const struct cst_system *sys, struct cst_err *e)
{
	(void)e;
	flows.count = (uint64_t)sys->max_streams + 1;
	/* a history of 64 needs no ring; one of 1024 two lines */
	rings.count = flows.count / 2 + 256;
	cst_arena_add(&flows);
	cst_arena_add(&params);
	cst_arena_add(&rings);
	return 0;
}

static int by_ring(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	uint32_t at_x = prer_flows.flow[*x].ring, at_y = prer_flows.flow[*y].ring;

	return (at_x > at_y) - (at_x < at_y);
}

/* As far as it can be told: a damaged one must not reach beyond what is there. */
static bool is_whole(const struct prer_flow *f)
{
	const struct prer_params *p = &prer_flows.params[f->params % PRER_FLOW_PARAMS];

	return f->key && f->params > 0 && f->params < PRER_FLOW_PARAMS &&
	       (f->bits == 16 || f->bits == 24) && p->history >= 1 && p->history <= p->mask + 1 &&
	       p->mask < 8192 && (p->mask & (p->mask + 1)) == 0 &&
	       (p->mask < 64 ? f->ring_words == 0
			     : f->ring_words * 64ull > p->mask &&
				       f->ring + f->ring_words <= rings.count * LINE_WORDS);
}

static bool go_on(uint32_t flow)
{
	struct prer_flow *f = &prer_flows.flow[flow];

	if (!is_whole(f) || !cst_index_take(numbers, flow))
		return false;
	if (f->ring_words &&
	    !cst_lines_take(lines, f->ring / LINE_WORDS, f->ring_words / LINE_WORDS)) {
		cst_index_free(numbers, flow);
		return false;
	}
	users[f->params]++;
	entries[flow].waits = true;
	prer_go_on(&f->state.recovery);
	enter(flow);
	return true;
}

/* Those of an earlier coastd: workers go by them before anybody opens them. */
static int attach(struct cst_err *e)
{
	uint32_t *all = calloc(flows.count, sizeof(*all)), n = 0;

	if (!all)
		return cst_err(e, -ENOMEM, NULL, "no memory for the flows of an earlier coastd");
	for (uint32_t i = 1; i < flows.count; i++)
		if (prer_flows.flow[i].key)
			all[n++] = i;
		else
			prer_flows.flow[i] = (struct prer_flow){0};
	qsort(all, n, sizeof(*all), by_ring);
	for (uint32_t i = 0; i < n; i++)
		if (!go_on(all[i]))
			prer_flows.flow[all[i]] = (struct prer_flow){0};
	free(all);
	return 0;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	struct cst_arena_info arena;

	(void)sys;
	prer_flows = (struct prer_flows){.flow = flows.base,
					 .params = params.base,
					 .rings = rings.base,
					 .count = (uint32_t)flows.count};
	for (mask = 63; mask < flows.count; mask = 2 * mask + 1)
		;
	entries = calloc(flows.count, sizeof(*entries));
	chains = calloc((size_t)mask + 1, sizeof(*chains));
	numbers = cst_index_new((uint32_t)flows.count - 1);
	lines = cst_lines_new(rings.base, (uint32_t)rings.count - 1);
	if (!entries || !chains || !numbers || !lines)
		return cst_err(e, -ENOMEM, "system.max_streams", "no memory for so many flows");
	cst_arena_info(&arena);
	return arena.attached ? attach(e) : 0;
}

/* Their sessions have not come back. */
static int resume(struct cst_err *e)
{
	(void)e;
	for (uint32_t i = 1; i < prer_flows.count; i++)
		if (entries[i].waits)
			prer_flow_close(i);
	return 0;
}

static void stop(void)
{
	cst_rcu_reclaim(true);
	if (entries)
		end_marks();
	for (uint32_t i = 1; entries && i < prer_flows.count; i++)
		free(entries[i].name);
	free(entries);
	free(chains);
	cst_index_destroy(numbers);
	cst_lines_free_all(lines);
	entries = NULL;
	chains = NULL;
	top = 0;
	numbers = NULL;
	lines = NULL;
	memset(users, 0, sizeof(users));
	prer_flows = (struct prer_flows){0};
}

/* Starts before and comes back behind who opens flows. */
struct cst_module prer_flow_module = {.name = "prer.flow",
				      .order = 24,
				      .reserve = reserve,
				      .start = start,
				      .tick = tick,
				      .stop = stop};
CST_MODULE(prer_flow_module);
struct cst_module prer_flow_resume_module = {
	.name = "prer.flow.resume", .order = 45, .resume = resume};
CST_MODULE(prer_flow_resume_module);
