/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way of a user's packet through coast: bursts of frames from a port,
 * each of a random session, through rx, classify, upf_ul or upf_dl, route and
 * output to the other port, in one walk of one worker. Packets are fresh in the
 * cache, sessions and their TEIDs are where they are.
 *
 * `node` in the report is what counts, as in upf_bench.c: cycles per packet of the
 * walk, the median burst. `at.NODE` are those of each node, as `coastctl node show`
 * has them: the mean of one walk in 256. A port gives 64 packets at a time: 256 are those of four
 * queues.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/stats.h"
#include "port/tables.h"
#include "samples.h"
#include "upf_bench_rig.h"

static struct rte_mbuf *pkts[CST_MAX_BURST];
static uint32_t session[CST_MAX_BURST];
static struct {
	struct rte_mbuf *in[CST_MAX_BURST], *out[2 * CST_MAX_BURST];
	uint16_t n_in, n_out, at;
} burst;
static struct cst_samples samples;

/* --- devices --- */

static uint16_t receive(void *queue, struct rte_mbuf **to, uint16_t n)
{
	n = RTE_MIN(n, burst.n_in - burst.at);
	memcpy(to, &burst.in[burst.at], n * sizeof(*to));
	burst.at += n;
	return n;
}

static uint16_t nothing(void *queue, struct rte_mbuf **to, uint16_t n)
{
	return 0;
}

static uint16_t swallow(void *queue, struct rte_mbuf **from, uint16_t n)
{
	n = RTE_MIN(n, RTE_DIM(burst.out) - burst.n_out);
	memcpy(&burst.out[burst.n_out], from, n * sizeof(*from));
	burst.n_out += n;
	return n;
}

/* By the wrong port: not swallowed, and so missed. */
static uint16_t refuse(void *queue, struct rte_mbuf **from, uint16_t n)
{
	return 0;
}

static void plug(bool ul)
{
	upf_bench_device(ul ? UPF_BENCH_N3 : UPF_BENCH_N6, receive, refuse);
	upf_bench_device(ul ? UPF_BENCH_N6 : UPF_BENCH_N3, nothing, swallow);
}

/* --- bursts --- */

static void prepare(bool ul, uint32_t sessions, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *p;

		rte_pktmbuf_reset(m);
		p = rte_pktmbuf_mtod(m, uint8_t *);
		session[i] = 1 + upf_bench_some(sessions);
		m->data_len = (uint16_t)(ul ? upf_bench_put_ul(p, session[i])
					    : upf_bench_put_dl(p, session[i]));
		m->pkt_len = m->data_len;
		burst.in[i] = m;
	}
	burst.n_in = n;
	burst.n_out = burst.at = 0;
}

static bool is_ours(const struct rte_mbuf *m)
{
	for (uint16_t i = 0; i < burst.n_in; i++)
		if (burst.in[i] == m)
			return true;
	return false;
}

/* Now and then the slow path has something to say to the neighbours. */
static void leave_out_talk(void)
{
	uint16_t n = 0;

	for (uint16_t i = 0; i < burst.n_out; i++)
		if (is_ours(burst.out[i]))
			burst.out[n++] = burst.out[i];
		else
			rte_pktmbuf_free(burst.out[i]);
	burst.n_out = n;
}

/* What came in first left first, byte for byte. */
static bool is_right(bool ul)
{
	const uint8_t *p = rte_pktmbuf_mtod(burst.out[0], const uint8_t *);
	uint8_t want[UPF_BENCH_UL_LEN];
	uint32_t len = ul ? upf_bench_expect_ul(want, session[0])
			  : upf_bench_expect_dl(want, session[0], p);

	return burst.out[0] == burst.in[0] && burst.out[0]->pkt_len == len &&
	       memcmp(p, want, len) == 0;
}

/* --- figures --- */

#define MAX_NODES 64
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

static void measure(struct cst_bench *b, bool ul, uint32_t sessions)
{
	struct cst_worker *w = cst_worker_get(0);
	uint16_t n = (uint16_t)cst_bench_arg(b);

	cst_samples_reset(&samples);
	look_at_nodes();
	while (cst_bench_run(b, n)) {
		uint64_t t;

		cst_bench_pause(b);
		prepare(ul, sessions, n);
		cst_bench_resume(b);
		t = cst_samples_clock();
		w->now = t;
		cst_graph_walk(w);
		cst_samples_add(&samples, t);
		if (burst.n_out != n)
			leave_out_talk();
		if (burst.n_out != n) {
			cst_bench_fail(b, "a packet did not come out");
			return;
		}
	}
	if (!is_right(ul))
		cst_bench_fail(b, "a packet came out otherwise than it should");
	cst_bench_counter(b, "node", cst_samples_median(&samples) / n);
	report_nodes(b);
}

static void run(struct cst_bench *b, bool ul, uint32_t sessions)
{
	uint16_t polls = (uint16_t)((cst_bench_arg(b) + CST_PORT_BURST - 1) / CST_PORT_BURST);
	const struct upf_tables *own = upf_bench_tables(sessions);
	static struct cst_err e; /* the report keeps the reason */
	struct upf_tables theirs;

	if (!own || !upf_bench_engine(&e) ||
	    !upf_bench_poll(ul ? UPF_BENCH_N3 : UPF_BENCH_N6, polls)) {
		cst_bench_fail(b, own ? e.reason : "no memory for a million sessions");
		return;
	}
	if (!pkts[0] && rte_pktmbuf_alloc_bulk(cst_packet_pool(), pkts, CST_MAX_BURST) < 0) {
		cst_bench_fail(b, "no packet buffers");
		return;
	}
	theirs = upf_tables;
	upf_tables = *own;
	plug(ul);
	measure(b, ul, sessions);
	upf_tables = theirs;
}

static void ul_1k(struct cst_bench *b)
{
	run(b, true, 1000);
}

static void ul_1m(struct cst_bench *b)
{
	run(b, true, 1000000);
}

static void dl_1k(struct cst_bench *b)
{
	run(b, false, 1000);
}

static void dl_1m(struct cst_bench *b)
{
	run(b, false, 1000000);
}

CST_BENCH(ul_1k, "path/ul/plain/1k", 1, 8, 32, 256);
CST_BENCH(ul_1m, "path/ul/plain/1M", 1, 8, 32, 256);
CST_BENCH(dl_1k, "path/dl/plain/1k", 1, 8, 32, 256);
CST_BENCH(dl_1m, "path/dl/plain/1M", 1, 8, 32, 256);
