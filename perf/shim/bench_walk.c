/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "bench_rig.h"
#include "engine/internal.h"
#include "engine/stats.h"
#include "port/tables.h"
#include "samples.h"

struct cst_bench_burst cst_bench_burst;

static struct cst_samples samples;

/* --- devices --- */

static uint16_t receive(void *queue, struct rte_mbuf **to, uint16_t n)
{
	struct cst_bench_burst *b = &cst_bench_burst;

	n = RTE_MIN(n, b->n_in - b->at);
	memcpy(to, &b->in[b->at], n * sizeof(*to));
	b->at += n;
	return n;
}

static uint16_t nothing(void *queue, struct rte_mbuf **to, uint16_t n)
{
	return 0;
}

static uint16_t swallow(void *queue, struct rte_mbuf **from, uint16_t n)
{
	struct cst_bench_burst *b = &cst_bench_burst;

	n = RTE_MIN(n, CST_BENCH_MAX_OUT - b->n_out);
	memcpy(&b->out[b->n_out], from, n * sizeof(*from));
	b->n_out += n;
	return n;
}

/* By the wrong port: not swallowed, and so missed. */
static uint16_t refuse(void *queue, struct rte_mbuf **from, uint16_t n)
{
	return 0;
}

static bool plug(const struct cst_bench_walk *w)
{
	uint16_t polls = (uint16_t)((w->burst + CST_PORT_BURST - 1) / CST_PORT_BURST);

	cst_bench_device(w->in, receive, refuse);
	cst_bench_device(w->in == CST_BENCH_N3 ? CST_BENCH_N6 : CST_BENCH_N3, nothing, swallow);
	return cst_bench_poll(w->in, polls);
}

/* --- figures of nodes --- */

#define MAX_NODES 96
static struct cst_node_stats before[MAX_NODES];

static void look_at_nodes(void)
{
	for (unsigned i = 0; i < MAX_NODES; i++)
		if (!cst_node_stats(i, 0, &before[i]))
			break;
}

/* What each node took since then. */
static void report_nodes(struct cst_bench *b)
{
	struct cst_node_stats now;
	char name[64];

	for (unsigned i = 0; i < MAX_NODES && cst_node_stats(i, 0, &now); i++) {
		uint64_t packets = now.sampled_packets - before[i].sampled_packets;

		if (packets == 0)
			continue;
		snprintf(name, sizeof(name), "at.%s", now.name);
		cst_bench_counter(b, name,
				  (double)(now.sampled_cycles - before[i].sampled_cycles) /
					  (double)packets);
	}
}

/* --- walks --- */

static void empty(const struct cst_bench_walk *w)
{
	if (w->empty)
		w->empty();
	cst_bench_burst.n_out = cst_bench_burst.at = 0;
}

static bool walk(struct cst_bench *b, const struct cst_bench_walk *w)
{
	struct cst_bench_burst *burst = &cst_bench_burst;
	struct cst_worker *worker = cst_worker_get(0);
	uint64_t t;

	cst_bench_pause(b);
	empty(w);
	w->fill();
	cst_bench_resume(b);
	t = cst_samples_clock();
	worker->now = t;
	cst_graph_walk(worker);
	cst_samples_add(&samples, t);
	if (burst->n_out != burst->want && w->sort_out)
		w->sort_out();
	return burst->n_out == burst->want;
}

void cst_bench_walks(struct cst_bench *b, const struct cst_bench_walk *w)
{
	if (!plug(w)) {
		cst_bench_fail(b, "no memory for the ports' queues");
		return;
	}
	cst_bench_burst.n_out = 0;
	cst_samples_reset(&samples);
	look_at_nodes();
	while (cst_bench_run(b, w->packets))
		if (!walk(b, w)) {
			cst_bench_fail(b, "a packet did not come out");
			return;
		}
	if (cst_bench_burst.n_out != 0 && !w->is_right())
		cst_bench_fail(b, "a packet came out otherwise than it should");
	empty(w);
	cst_bench_counter(b, "node", cst_samples_median(&samples) / w->packets);
	report_nodes(b);
}
