/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node contract on top of rte_graph, which nobody else sees. One function
 * stands behind every rte_node: it gives the burst to our process() and moves
 * the packets on, all at once when they go one way, else in runs of one edge.
 */
#include <rte_config.h>
#undef RTE_LIBRTE_GRAPH_STATS /* the inline walk would read the TSC twice per node; we sample */
#include <rte_graph.h>
#include <rte_graph_worker.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_malloc.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"
#include "trace/steps.h"

/* Room for packets that meet at one node in one walk, made at start so that a walk never
 * allocates: every port's burst, and then some. */
#define STREAM_SIZE  4096
#define SAMPLE_EVERY 256

struct node_state { /* w */
	cst_process_t process;
	uint8_t n_edges;
	uint8_t drop_edge;
	uint8_t preset; /* what edge[] holds before process(): 0, or "taken" for sinks */
	uint64_t calls;
	uint64_t packets;
	uint64_t sampled_packets;
	uint64_t sampled_cycles;
} __rte_cache_aligned;

struct graph_state { /* w */
	struct rte_graph *graph;
	uint64_t emitted;      /* packets that came into the graph in this walk */
	uint32_t until_sample; /* busy walks until one is timed; 0: this one */
	bool plain;            /* this walk is neither timed nor watched */
	rte_graph_t id;
	struct node_state nodes[];
};

struct node_ctx {
	struct cst_worker *worker;
	struct node_state *state;
};

_Static_assert(sizeof(struct node_ctx) <= RTE_NODE_CTX_SZ, "rte_node.ctx");

static inline struct node_ctx *node_ctx(struct rte_node *rn)
{
	return (struct node_ctx *)rn->ctx;
}

static inline struct rte_graph *graph_of(struct cst_worker *w)
{
	return ((struct graph_state *)w->graph)->graph;
}

/* ---- moving packets on ---------------------------------------------------- */

static inline void enqueue(struct cst_worker *w, struct rte_graph *graph, struct rte_node *rn,
			   rte_edge_t edge, struct rte_mbuf **pkts, uint16_t n)
{
	const struct rte_node *to = rn->nodes[edge];

	if (likely(to->size - to->idx >= n))
		rte_node_enqueue(graph, rn, edge, (void **)pkts, n);
	else
		cst_drop_burst(w, cst_drop_stream_full, pkts, n);
}

static inline void enqueue_checked(struct cst_worker *w, struct rte_graph *graph,
				   struct rte_node *rn, uint8_t edge, struct rte_mbuf **pkts,
				   uint16_t n)
{
	const struct node_state *s = node_ctx(rn)->state;

	if (likely(edge < s->n_edges))
		enqueue(w, graph, rn, edge, pkts, n);
	else if (edge == CST_EDGE_DROP)
		enqueue(w, graph, rn, s->drop_edge, pkts, n);
	else if (edge != CST_EDGE_TAKEN)
		cst_drop_burst(w, cst_drop_bad_edge, pkts, n);
}

static inline void dispatch(struct cst_worker *w, struct rte_graph *graph, struct rte_node *rn,
			    struct rte_mbuf **pkts, uint16_t n, const uint8_t *edge)
{
	uint16_t i = 0;

	while (i < n) {
		uint16_t first = i;

		do
			i++;
		while (i < n && edge[i] == edge[first]);
		enqueue_checked(w, graph, rn, edge[first], pkts + first, i - first);
	}
}

static inline void move_all(struct cst_worker *w, struct rte_graph *graph, struct rte_node *rn)
{
	if (likely(rn->nodes[0]->idx == 0))
		rte_node_next_stream_move(graph, rn, 0);
	else
		enqueue(w, graph, rn, 0, (struct rte_mbuf **)rn->objs, rn->idx);
}

static inline void preset(uint8_t *edge, uint8_t value, uint16_t n)
{
	/* whole vectors: a memset() of unknown length costs more than an empty node */
	for (uint16_t i = 0; i < n; i += 32)
		__builtin_memset(edge + i, value, 32);
}

static inline void run_burst(struct cst_worker *w, struct rte_graph *graph, struct rte_node *rn,
			     struct rte_mbuf **pkts, uint16_t n, bool whole)
{
	const struct node_state *s = node_ctx(rn)->state;
	uint8_t edge[CST_MAX_BURST] __rte_aligned(32);
	uint16_t off;

	preset(edge, s->preset, n);
	off = s->process(w, pkts, n, edge);
	if (likely(off == 0 && s->n_edges > 0)) {
		if (likely(whole))
			move_all(w, graph, rn);
		else
			enqueue(w, graph, rn, 0, pkts, n);
	} else {
		dispatch(w, graph, rn, pkts, n, edge);
	}
}

/* ---- the same, watched ---------------------------------------------------- */

/* Node behind an edge of the vertex `arg`, for the trace. */
static uint16_t next_node(const void *arg, uint8_t edge)
{
	const struct cst_vertex *v = arg;

	if (edge < v->n_edges)
		return (uint16_t)v->to[edge]->node->id;
	return edge == CST_EDGE_DROP ? CST_TRACE_DROP : CST_TRACE_TAKEN;
}

static const struct cst_vertex *vertex_of(struct cst_worker *w, const struct node_state *s)
{
	unsigned n;

	return &cst_registry_vertices(&n)[s - ((struct graph_state *)w->graph)->nodes];
}

static void __rte_noinline run_watched(struct cst_worker *w, struct rte_graph *graph,
				       struct rte_node *rn, struct rte_mbuf **pkts, uint16_t n)
{
	const struct node_state *s = node_ctx(rn)->state;
	const struct cst_vertex *v = vertex_of(w, s);
	uint8_t edge[CST_MAX_BURST] __rte_aligned(32);
	bool sink = strcmp(v->node->name, CST_SINK) == 0; /* tells of each packet itself */
	uint16_t off;

	preset(edge, s->preset, n);
	cst_watch_enter(w, (uint16_t)v->node->id, v->node->frames, pkts, sink ? 0 : n);
	off = s->process(w, pkts, n, edge);
	if (off == 0 && s->n_edges > 0) {
		cst_watch_leave(w, NULL, next_node, v);
		enqueue(w, graph, rn, 0, pkts, n);
	} else {
		cst_watch_leave(w, edge, next_node, v);
		dispatch(w, graph, rn, pkts, n, edge);
	}
}

static void __rte_noinline emit_watched(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts,
					uint16_t n)
{
	const struct cst_vertex *v = vertex_of(w, node_ctx(w->frame)->state);

	/* other nodes' packets show up where they go */
	if (strcmp(v->node->name, CST_SOURCE) == 0 && edge < v->n_edges)
		cst_watch_source(w, (uint16_t)v->node->id, next_node(v, edge),
				 v->to[edge]->node->frames, pkts, n);
}

/* ---- what rte_graph calls --------------------------------------------------- */

/* A walk that is timed or watched, or more packets than a node takes at once. */
static void __rte_noinline run_otherwise(struct cst_worker *w, struct rte_graph *graph,
					 struct rte_node *rn, struct rte_mbuf **pkts, uint16_t n)
{
	struct node_state *s = node_ctx(rn)->state;
	bool timed = ((struct graph_state *)w->graph)->until_sample == 0;
	uint64_t start = timed ? rte_rdtsc() : 0;

	if (cst_watched(w)) {
		for (uint16_t i = 0; i < n; i += CST_MAX_BURST)
			run_watched(w, graph, rn, pkts + i, RTE_MIN(n - i, CST_MAX_BURST));
	} else if (n <= CST_MAX_BURST) {
		run_burst(w, graph, rn, pkts, n, true);
	} else {
		for (uint16_t i = 0; i < n; i += CST_MAX_BURST)
			run_burst(w, graph, rn, pkts + i, RTE_MIN(n - i, CST_MAX_BURST), false);
	}
	if (timed) {
		s->sampled_cycles += rte_rdtsc() - start;
		s->sampled_packets += n;
	}
}

static uint16_t trampoline(struct rte_graph *graph, struct rte_node *rn, void **objs, uint16_t n)
{
	struct cst_worker *w = node_ctx(rn)->worker;
	struct node_state *s = node_ctx(rn)->state;

	w->frame = rn;
	s->calls++;
	s->packets += n;
	if (likely(((struct graph_state *)w->graph)->plain && n <= CST_MAX_BURST))
		run_burst(w, graph, rn, (struct rte_mbuf **)objs, n, true);
	else
		run_otherwise(w, graph, rn, (struct rte_mbuf **)objs, n);
	return n;
}

/* The source has no burst of its own: all it sends on goes through cst_emit(). */
static uint16_t source_trampoline(struct rte_graph *graph, struct rte_node *rn, void **objs,
				  uint16_t n)
{
	struct cst_worker *w = node_ctx(rn)->worker;
	struct node_state *s = node_ctx(rn)->state;
	struct graph_state *g = w->graph;
	bool timed = g->until_sample == 0;
	uint64_t start = unlikely(timed) ? rte_rdtsc() : 0;
	uint8_t edge[CST_MAX_BURST];

	w->frame = rn;
	s->calls++;
	s->process(w, (struct rte_mbuf **)objs, 0, edge);
	s->packets += g->emitted;
	if (unlikely(timed && g->emitted > 0)) {
		s->sampled_cycles += rte_rdtsc() - start;
		s->sampled_packets += g->emitted;
	}
	return 0;
}

void cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n)
{
	if (unlikely(n == 0))
		return;
	((struct graph_state *)w->graph)->emitted += n;
	if (cst_watched(w))
		emit_watched(w, edge, pkts, n);
	enqueue_checked(w, graph_of(w), w->frame, edge, pkts, n);
}

bool cst_graph_walk(struct cst_worker *w)
{
	struct graph_state *g = w->graph;

	g->emitted = 0;
	w->watch = atomic_load_explicit(&cst_watch_live, memory_order_acquire);
	g->plain = w->watch == NULL && g->until_sample != 0;
	rte_graph_walk(g->graph);
	if (cst_watched(w))
		cst_watch_flush(w);
	if (g->emitted == 0)
		return false;
	g->until_sample = g->until_sample == 0 ? SAMPLE_EVERY - 1 : g->until_sample - 1;
	return true;
}

/* ---- building -------------------------------------------------------------- */

static int register_node(const struct cst_vertex *v, struct cst_err *e)
{
	struct rte_node_register *r;
	rte_node_t id;
	bool source = strcmp(v->node->name, CST_SOURCE) == 0;
	bool sink = strcmp(v->node->name, CST_SINK) == 0;

	if (strlen(v->node->name) >= sizeof(r->name))
		return cst_err(e, -ENAMETOOLONG, NULL, "node name '%s' is too long", v->node->name);
	r = calloc(1, sizeof(*r) + (v->n_edges + 1u) * sizeof(r->next_nodes[0]));
	if (r == NULL)
		return cst_err(e, -ENOMEM, NULL, "no memory for the node graph");
	memcpy(r->name, v->node->name, strlen(v->node->name));
	r->flags = source ? RTE_NODE_SOURCE_F : 0;
	r->process = source ? source_trampoline : trampoline;
	r->parent_id = RTE_NODE_ID_INVALID;
	for (unsigned i = 0; i < v->n_edges; i++)
		r->next_nodes[i] = v->to[i]->node->name;
	r->nb_edges = v->n_edges;
	if (!sink)
		r->next_nodes[r->nb_edges++] = CST_SINK; /* behind all numbers that nodes know */
	id = __rte_node_register(r);
	free(r);
	if (id == RTE_NODE_ID_INVALID)
		return cst_err(e, -rte_errno, NULL, "node '%s' cannot be registered: %s",
			       v->node->name, rte_strerror(rte_errno));
	return 0;
}

int cst_graph_register(struct cst_err *e)
{
	const struct cst_vertex *v;
	unsigned n;
	int ret;

	v = cst_registry_vertices(&n);
	for (unsigned i = 0; i < n; i++) {
		ret = register_node(&v[i], e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

static void bind_node(struct cst_worker *w, struct graph_state *g, const char *graph,
		      const struct cst_vertex *v)
{
	struct node_state *s = &g->nodes[v->node->id];
	struct rte_node *rn = rte_graph_node_get_by_name(graph, v->node->name);

	s->process = v->node->process;
	s->n_edges = v->n_edges;
	s->drop_edge = v->n_edges;
	s->preset = v->n_edges > 0 ? 0 : CST_EDGE_TAKEN;
	*node_ctx(rn) = (struct node_ctx){.worker = w, .state = s};
	if (rn->size < STREAM_SIZE)
		__rte_node_stream_alloc_size(g->graph, rn, STREAM_SIZE);
}

int cst_graph_create(struct cst_worker *w, struct cst_err *e)
{
	const char *patterns[] = {CST_SOURCE};
	struct rte_graph_param prm = {
		.socket_id = (int)rte_lcore_to_socket_id(w->lcore),
		.nb_node_patterns = 1,
		.node_patterns = patterns,
	};
	const struct cst_vertex *v;
	struct graph_state *g;
	char name[RTE_GRAPH_NAMESIZE];
	unsigned n;

	v = cst_registry_vertices(&n);
	g = rte_zmalloc_socket("graph_state", sizeof(*g) + n * sizeof(g->nodes[0]),
			       RTE_CACHE_LINE_SIZE, prm.socket_id);
	if (g == NULL)
		return cst_err(e, -ENOMEM, NULL, "no packet memory for worker %u's graph", w->id);
	snprintf(name, sizeof(name), "worker%u", w->id);
	g->id = rte_graph_create(name, &prm);
	if (g->id == RTE_GRAPH_ID_INVALID) {
		rte_free(g);
		return cst_err(e, -rte_errno, NULL, "worker %u's graph: %s", w->id,
			       rte_strerror(rte_errno));
	}
	g->graph = rte_graph_lookup(name);
	w->graph = g;
	for (unsigned i = 0; i < n; i++)
		bind_node(w, g, name, &v[i]);
	return 0;
}

void cst_graph_destroy(struct cst_worker *w)
{
	struct graph_state *g = w->graph;

	if (g == NULL)
		return;
	rte_graph_destroy(g->id);
	w->graph = NULL;
	rte_free(g);
}

/* ---- up and down -------------------------------------------------------------- */

int cst_engine_init(const struct cst_system *sys, struct cst_err *e)
{
	int ret = cst_registry_resolve(e);

	if (ret < 0)
		return ret;
	ret = cst_eal_start(sys, e);
	if (ret < 0)
		return ret;
	ret = cst_rcu_create(e);
	if (ret == 0)
		ret = cst_notices_create(e);
	if (ret == 0)
		ret = cst_graph_register(e);
	if (ret == 0)
		ret = cst_workers_create(sys, e);
	if (ret < 0)
		cst_engine_fini();
	return ret;
}

int cst_engine_run(struct cst_err *e)
{
	return cst_workers_launch(e);
}

void cst_engine_stop(void)
{
	cst_workers_join();
	cst_rcu_reclaim(true); /* while what the functions free still stands */
}

void cst_engine_fini(void)
{
	cst_rcu_destroy();
	cst_workers_destroy();
	cst_notices_destroy();
	cst_eal_stop();
}

/* ---- figures ---------------------------------------------------------------- */

unsigned cst_node_count(void)
{
	unsigned n;

	cst_registry_vertices(&n);
	return n;
}

static void add_stats(struct cst_node_stats *out, const struct node_state *s)
{
	out->calls += __atomic_load_n(&s->calls, __ATOMIC_RELAXED);
	out->packets += __atomic_load_n(&s->packets, __ATOMIC_RELAXED);
	out->sampled_packets += __atomic_load_n(&s->sampled_packets, __ATOMIC_RELAXED);
	out->sampled_cycles += __atomic_load_n(&s->sampled_cycles, __ATOMIC_RELAXED);
}

bool cst_node_stats(unsigned node, uint16_t worker, struct cst_node_stats *out)
{
	const struct cst_vertex *v;
	unsigned n;

	v = cst_registry_vertices(&n);
	if (node >= n)
		return false;
	*out = (struct cst_node_stats){.name = v[node].node->name, .help = v[node].node->help};
	for (uint16_t i = 0; i < cst_workers(); i++) {
		const struct graph_state *g = cst_worker_get(i)->graph;

		if ((worker == CST_ALL_WORKERS || worker == i) && g != NULL)
			add_stats(out, &g->nodes[node]);
	}
	return true;
}
