/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The register of drop reasons, and the node at which they are counted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/internal.h"
#include "trace/watch.h"

static struct cst_drop *drops;

/* Numbered by name, so that a number means the same in every run of one build. Constructors run
 * before main: there is nobody yet to whom an error could be returned. */
void cst_drop_add(struct cst_drop *d)
{
	struct cst_drop **at = &drops;
	uint16_t id = 1;

	while (*at != NULL && strcmp((*at)->name, d->name) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->name, d->name) == 0) {
		fprintf(stderr, "coast: two drop reasons are named '%s'\n", d->name);
		abort();
	}
	d->next = *at;
	*at = d;
	for (struct cst_drop *i = drops; i != NULL; i = i->next)
		i->id = id++;
	if (id > CST_MAX_DROPS) {
		fprintf(stderr, "coast: more than %d drop reasons\n", CST_MAX_DROPS - 1);
		abort();
	}
}

const struct cst_drop *cst_drop_first(void)
{
	return drops;
}

CST_DROP(handoff_full, "engine.handoff_full",
	 "the worker that owns the session had no room in its inbox; it is overloaded: more "
	 "workers");
CST_DROP(stream_full, "engine.stream_full",
	 "more packets met at one node in one walk than it has room for; lower the ports' rx "
	 "bursts");
CST_DROP(bad_edge, "engine.bad_edge",
	 "a node asked for an edge it does not have: a fault in coast");
CST_DROP(no_reason, "engine.no_reason", "a node dropped without a reason: a fault in coast");

const struct cst_drop *const cst_drop_handoff_full = &handoff_full;
const struct cst_drop *const cst_drop_stream_full = &stream_full;
const struct cst_drop *const cst_drop_bad_edge = &bad_edge;

void cst_drop_burst(struct cst_worker *w, const struct cst_drop *why, struct rte_mbuf **pkts,
		    uint16_t n)
{
	w->stats.drops[why->id] += n;
	for (uint16_t i = 0; cst_watched(w) && i < n; i++)
		cst_watch_drop(w, why->id, pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
}

static inline uint16_t reason(struct rte_mbuf *m)
{
	uint16_t why = cst_pkt(m)->drop;

	return unlikely(why == 0 || why >= CST_MAX_DROPS) ? no_reason.id : why;
}

static uint16_t drop_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			     uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++)
		w->stats.drops[reason(pkts[i])]++;
	for (uint16_t i = 0; cst_watched(w) && i < n; i++)
		cst_watch_drop(w, reason(pkts[i]), pkts[i]);
	rte_pktmbuf_free_bulk(pkts, n);
	return n; /* a sink: edge[] says "taken" already */
}

CST_NODE(drop_node, .name = CST_SINK, .process = drop_process,
	 .help = "counts the packet under its drop reason and frees it");
