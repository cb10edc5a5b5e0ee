/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "hash.h"
#include "module.h"
#include "prer_flow_room.h"
#include "prer_mark.h"
#include "store.h"
#include "table/arena.h"
#include "table/index.h"

struct prer_flows prer_flows;

static struct cst_section flows = {
	.name = "prer.flows", .elem_size = sizeof(struct prer_flow), .version = 1};

/* What is not in the arena, by flow. */
static struct entry {
	uint32_t next; /* in the chain of its key's hash */
	bool waits;    /* an earlier coastd's, and nobody has opened it yet */
	char *name;    /* NULL: not open, or waits */
	char *recovery;
	struct prer_mark mark;
} * entries;
static uint32_t *chains, mask;
static uint32_t top; /* none above it was ever open */
static struct cst_index *numbers;

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
	if (!prer_room_take(p, &f.how, e)) {
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
	return f->bits == c->bits && memcmp(prer_flow_params(f), p, sizeof(*p)) == 0;
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

static void forget_names(struct entry *x)
{
	free(x->name);
	free(x->recovery);
	x->name = x->recovery = NULL;
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
		forget_names(&entries[flow]);
		entries[flow].name = strdup(c->name);
		entries[flow].recovery = strdup(c->recovery);
	}
	return flow;
}

static void reap(void *unused, uint64_t flow)
{
	(void)unused;
	prer_room_give_back(prer_flows.flow[flow].how, true);
	prer_flows.flow[flow] = (struct prer_flow){0};
	cst_index_free(numbers, (uint32_t)flow);
}

void prer_flow_close(uint32_t flow)
{
	leave(flow);
	prer_flows.flow[flow].key = 0;
	entries[flow].waits = false;
	if (entries[flow].name)
		prer_mark_forget(PRER_MARK_FLOW, entries[flow].name);
	forget_names(&entries[flow]);
	cst_rcu_defer(reap, NULL, flow);
}

void prer_flow_set(struct prer_flow *f, uint64_t how)
{
	__atomic_store_n(&f->how, how, __ATOMIC_RELEASE);
}

void prer_flow_restart(uint32_t flow)
{
	struct prer_flow *f = &prer_flows.flow[flow];

	prer_flow_set(f, prer_how(prer_how_epoch(f->how) + 1u, prer_how_params(f->how),
				  prer_how_ring(f->how)));
}

uint32_t prer_flows_used(void)
{
	return numbers ? cst_index_used(numbers) : 0;
}

uint32_t prer_flow_top(void)
{
	return top;
}

const char *prer_flow_recovery(uint32_t flow)
{
	return entries[flow].recovery;
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
	cst_arena_add(&flows);
	prer_room_reserve(flows.count);
	return 0;
}

static int by_ring(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;
	uint32_t at_x = prer_how_ring(prer_flows.flow[*x].how);
	uint32_t at_y = prer_how_ring(prer_flows.flow[*y].how);

	return (at_x > at_y) - (at_x < at_y);
}

/* As far as it can be told: a damaged one must not reach beyond what is there. */
static bool is_whole(const struct prer_flow *f)
{
	return f->key && (f->bits == 16 || f->bits == 24) && prer_room_has(f->how);
}

static bool go_on(uint32_t flow)
{
	struct prer_flow *f = &prer_flows.flow[flow];

	if (!is_whole(f) || !cst_index_take(numbers, flow))
		return false;
	if (!prer_room_take_again(f->how)) {
		cst_index_free(numbers, flow);
		return false;
	}
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
	int rc;

	(void)sys;
	prer_flows = (struct prer_flows){.flow = flows.base, .count = (uint32_t)flows.count};
	for (mask = 63; mask < flows.count; mask = 2 * mask + 1)
		;
	entries = calloc(flows.count, sizeof(*entries));
	chains = calloc((size_t)mask + 1, sizeof(*chains));
	numbers = cst_index_new((uint32_t)flows.count - 1);
	if (!entries || !chains || !numbers)
		return cst_err(e, -ENOMEM, "system.max_streams", "no memory for so many flows");
	rc = prer_room_start(e);
	cst_arena_info(&arena);
	return rc == 0 && arena.attached ? attach(e) : rc;
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
		forget_names(&entries[i]);
	free(entries);
	free(chains);
	cst_index_destroy(numbers);
	prer_room_stop();
	entries = NULL;
	chains = NULL;
	top = 0;
	numbers = NULL;
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
