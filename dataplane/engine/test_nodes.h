/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small graph of the tests' own, and an engine without hugepages to run it.
 */
#pragma once

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"

#define BUFFERS 16384
#define WORKERS 2

CST_DROP(tired, "test.tired", "the test says so");
CST_DROP(angry, "test.angry", "the test says so");

/* ---- nodes -------------------------------------------------------------------- */

static void (*_Atomic rx_job[WORKERS])(struct cst_worker *w);

static uint16_t rx(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	void (*job)(struct cst_worker *) = atomic_load(&rx_job[w->id]);
	struct rte_mbuf *in[64];
	unsigned got = rte_ring_dequeue_burst(w->inbox, (void **)in, 64, NULL);

	for (unsigned i = 0; i < got; i++)
		cst_emit(w, cst_pkt(in[i])->resume, &in[i], 1);
	if (job != NULL)
		job(w);
	return 0;
}

/* Goes where slice[0] says. */
static uint16_t max_n;

static uint16_t fork_node(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t off = 0;

	max_n = RTE_MAX(max_n, n);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t e = (uint8_t)cst_pkt(pkts[i])->slice[0];

		if (e == 0)
			continue; /* edge[] comes zeroed */
		edge[i] = e;
		if (e == CST_EDGE_DROP)
			edge[i] = cst_drop(pkts[i], i % 2 == 0 ? &tired : &angry);
		off++;
	}
	return off;
}

struct seen {
	unsigned n;
	uint64_t tag[20000]; /* slice[1], in order of arrival */
	uint8_t worker;      /* pkt->worker of the last one */
};

static struct seen seen_b[WORKERS], seen_c[WORKERS], seen_kid1[WORKERS], seen_kid2[WORKERS];

static void see(struct seen *s, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		s->worker = cst_pkt(pkts[i])->worker;
		s->tag[s->n % 20000] = cst_pkt(pkts[i])->slice[1];
		__atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELEASE);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

#define SINK(name_)                                                                               \
	static uint16_t name_##_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, \
					uint8_t *edge)                                            \
	{                                                                                         \
		see(&seen_##name_[w->id], pkts, n);                                               \
		return 0;                                                                         \
	}                                                                                         \
	CST_NODE(name_##_node, .name = #name_, .process = name_##_process)

SINK(b);
SINK(c);
SINK(kid1);
SINK(kid2);

/* A sink may still drop. */
static uint16_t picky(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		if (cst_pkt(pkts[i])->slice[1] % 2 == 1)
			edge[i] = cst_drop(pkts[i], &angry);
		else
			rte_pktmbuf_free(pkts[i]);
	}
	return n;
}

/* Sends a second packet after each one it gets. */
static uint16_t twice(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

		*cst_pkt(m) = *cst_pkt(pkts[i]);
		cst_pkt(m)->slice[1] += 1000;
		cst_emit(w, 1, &m, 1);
	}
	return 0;
}

static struct rte_mbuf *kept[1024];
static unsigned n_kept;

static uint16_t keeper(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		if (cst_pkt(pkts[i])->slice[1] < 3)
			continue;
		kept[n_kept++] = pkts[i];
		edge[i] = CST_EDGE_TAKEN;
	}
	return n - RTE_MIN(n, 3);
}

enum { RX_FORK, RX_TWICE, RX_KEEPER, RX_PICKY, RX_C };
static const char *const rx_edges[] = {"fork", "twice", "keeper", "picky", "c", NULL};
static const char *const fork_edges[] = {"b", "c", NULL};
static const char *const b_edges[] = {"b", NULL};
static uint8_t kid1_edge, kid2_edge, again_edge, rx_c_edge;

CST_NODE(rx_node, .name = "rx", .process = rx, .edges = rx_edges, .help = "the test's \"source\"");
CST_ATTACH(at2, "fork", "kid2", &kid2_edge);
CST_NODE(fork_node_, .name = "fork", .process = fork_node, .edges = fork_edges);
CST_ATTACH(at1, "fork", "kid1", &kid1_edge);
CST_ATTACH(at3, "fork", "c", &again_edge); /* is there already */
CST_ATTACH(at4, "rx", "c", &rx_c_edge);
CST_NODE(twice_node, .name = "twice", .process = twice, .edges = fork_edges);
CST_NODE(keeper_node, .name = "keeper", .process = keeper, .edges = b_edges);
CST_NODE(picky_node, .name = "picky", .process = picky);

/* ---- helpers -------------------------------------------------------------------- */

static void nothing_seen(void)
{
	memset(seen_b, 0, sizeof(seen_b));
	memset(seen_c, 0, sizeof(seen_c));
	memset(seen_kid1, 0, sizeof(seen_kid1));
	memset(seen_kid2, 0, sizeof(seen_kid2));
	for (unsigned i = 0; i < WORKERS; i++)
		memset(&cst_worker_get((uint16_t)i)->stats, 0, sizeof(struct cst_worker_stats));
	max_n = 0;
	n_kept = 0;
}

static int before(void **state)
{
	nothing_seen();
	return 0;
}

/* Nothing may leak, whatever the test did. */
static int after(void **state)
{
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&rx_job[i], NULL);
	assert_int_equal(rte_mempool_avail_count(cst_packet_pool()), BUFFERS);
	return 0;
}

static struct rte_mbuf *packet(uint8_t edge, uint64_t tag)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

	assert_non_null(m);
	memset(cst_pkt(m), 0, sizeof(struct cst_pkt));
	cst_pkt(m)->slice[0] = edge;
	cst_pkt(m)->slice[1] = tag;
	return m;
}

/* ---- up and down ---------------------------------------------------------------- */

static int engine_up(void **state)
{
	struct cst_system sys = {
		.workers = WORKERS,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 128,
		.packet_buffers = BUFFERS,
		.buffer_size = 2048,
		.big_loop_us = 1000,
	};
	struct cst_err e = {0};

	snprintf(sys.name, sizeof(sys.name), "coast-test-%d", getpid());
	snprintf(sys.run_dir, sizeof(sys.run_dir), "/tmp");
	if (cst_engine_init(&sys, &e) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", e.field, e.reason);
	return -1;
}

static int engine_down(void **state)
{
	cst_engine_fini();
	return 0;
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, before, after)
