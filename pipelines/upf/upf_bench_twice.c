/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redundant transmission on the whole way of a packet, as upf_bench_path.c has
 * it for plain ones: downlink each packet leaves by two tunnels, uplink each
 * comes by two and one of them goes on. `node`: cycles for each packet sent, or
 * received, the median burst; beside path/dl/plain and path/ul/plain.
 */
#include <stdio.h>
#include <string.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "gtpu.h"
#include "net/redundancy.h"
#include "port/tables.h"
#include "samples.h"
#include "upf_bench_rig.h"
#include "upf_redundant_node.h"

#define SESSIONS 1000u
#define RUN      7     /* lines: rules, two PDRs, for each its policy and its second tunnel */
#define OTHER    2000u /* the second tunnel's TEID is as that of the session so much higher */
#define GTPU_AT  (14 + 28)

static struct upf_tables twice;
static uint16_t numbers[SESSIONS + 1];
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

/* --- sessions --- */

static uint32_t open_flow(uint32_t key, struct cst_err *e)
{
	struct cst_redundancy_conf c = {.key = key, .bits = 16, .name = "bench"};

	return cst_redundancy()->open(&c, e);
}

static void tie(struct upf_pdr *line, unsigned pdr, unsigned policy)
{
	line[pdr].flags |= UPF_PDR_POLICY;
	line[pdr].policy = (uint16_t)policy;
	*(struct upf_policy *)&line[policy] =
		(struct upf_policy){.second = 1, .copies = (uint16_t)(policy + 1)};
	line[policy + 1] = line[pdr];
	line[policy + 1].flags &= (uint8_t)~UPF_PDR_POLICY;
	line[policy + 1].first = UPF_BY_GTPU;
}

static bool put_session(const struct upf_tables *own, uint32_t s, struct cst_err *e)
{
	uint32_t at = 1 + (s - 1) * RUN, up = open_flow(2 * s, e), down = open_flow(2 * s + 1, e);
	struct upf_pdr *line = (struct upf_pdr *)twice.lines + at;

	memcpy(line, (struct upf_pdr *)own->lines + 1 + (s - 1) * 3, 3 * sizeof(*line));
	((struct upf_rules *)line)->flags |= UPF_RULES_SECOND;
	((struct upf_rules *)line)->n_lines = RUN;
	tie(line, 1, 3);
	line[4].counter = up;
	line[4].teid = upf_bench_teid(OTHER + s);
	line[4].flags = 0;
	tie(line, 2, 5);
	line[6].counter = down;
	line[6].peer = 1 + line[2].peer % 64;
	twice.teids[s] = upf_teid_slot(&twice, upf_bench_teid(s), UPF_REF(0, at), s);
	twice.teids[OTHER + s] =
		upf_teid_slot(&twice, upf_bench_teid(OTHER + s), UPF_REF(0, at), s);
	twice.pool_slots[s] = UPF_REF(0, at);
	return up && down;
}

static bool make(struct cst_err *e)
{
	const struct upf_tables *own = upf_bench_tables(SESSIONS);

	if (twice.lines)
		return true;
	if (!own || !cst_redundancy())
		return false;
	twice = *own;
	twice.lines = upf_bench_memory(64 * (1 + RUN * SESSIONS));
	twice.teids = upf_bench_memory(sizeof(struct upf_teid_slot) << (32 - own->teid_tag_bits));
	twice.pool_slots = upf_bench_memory(4ull << 20);
	for (uint32_t s = 1; twice.teids && twice.pool_slots && s <= SESSIONS; s++)
		if (!put_session(own, s, e))
			return false;
	return twice.lines && twice.teids && twice.pool_slots;
}

/* --- bursts --- */

/* Both copies, one behind the other. */
static uint32_t put_ul(uint8_t *p, uint32_t session, bool second)
{
	uint32_t n = upf_bench_put_ul(p, session);

	cst_gtpu_set_seq(p + GTPU_AT, numbers[session]);
	if (second)
		cst_put_be32(p + GTPU_AT + 4, upf_bench_teid(OTHER + session));
	numbers[session] = (uint16_t)(numbers[session] + second);
	return n;
}

static bool prepare(bool ul, uint16_t n)
{
	uint32_t session = 0;

	if (rte_pktmbuf_alloc_bulk(cst_packet_pool(), burst.in, n) < 0)
		return false;
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = burst.in[i];
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

		if (!ul || i % 2 == 0)
			session = 1 + upf_bench_some(SESSIONS);
		m->data_len =
			(uint16_t)(ul ? put_ul(p, session, i % 2) : upf_bench_put_dl(p, session));
		m->pkt_len = m->data_len;
	}
	burst.n_in = n;
	burst.n_out = burst.at = 0;
	return true;
}

/* Now and then the slow path has something to say to the neighbours, too. */
static unsigned take_back(bool ul)
{
	uint32_t len = ul ? UPF_BENCH_DL_LEN : UPF_BENCH_UL_LEN;
	unsigned n = 0;

	for (uint16_t i = 0; i < burst.n_out; i++)
		n += burst.out[i]->pkt_len == len;
	rte_pktmbuf_free_bulk(burst.out, burst.n_out);
	return n;
}

static void measure(struct cst_bench *b, bool ul)
{
	struct cst_worker *w = cst_worker_get(0);
	uint16_t n = (uint16_t)cst_bench_arg(b);
	unsigned want = ul ? n / 2u : 2u * n;

	cst_samples_reset(&samples);
	while (cst_bench_run(b, n)) {
		bool ready;
		uint64_t t;

		cst_bench_pause(b);
		ready = prepare(ul, n);
		cst_bench_resume(b);
		t = cst_samples_clock();
		w->now = t;
		cst_graph_walk(w);
		cst_samples_add(&samples, t);
		cst_bench_pause(b);
		if (!ready || take_back(ul) != want) {
			cst_bench_fail(b, "packets came out otherwise than they should");
			return;
		}
		cst_bench_resume(b);
	}
	cst_bench_counter(b, "node", cst_samples_median(&samples) / (ul ? n : 2 * n));
}

static void run(struct cst_bench *b, bool ul)
{
	uint16_t polls = (uint16_t)((cst_bench_arg(b) + CST_PORT_BURST - 1) / CST_PORT_BURST);
	static struct cst_err e; /* the report keeps the reason */
	struct upf_tables theirs;

	if (!upf_bench_engine(&e) || !cst_bench_poll(ul ? CST_BENCH_N3 : CST_BENCH_N6, polls) ||
	    !make(&e)) {
		cst_bench_fail(b, e.reason[0] ? e.reason : "no memory");
		return;
	}
	theirs = upf_tables;
	upf_tables = twice;
	cst_bench_device(ul ? CST_BENCH_N3 : CST_BENCH_N6, receive, nothing);
	cst_bench_device(ul ? CST_BENCH_N6 : CST_BENCH_N3, nothing, swallow);
	measure(b, ul);
	upf_tables = theirs;
}

static void ul_twice(struct cst_bench *b)
{
	run(b, true);
}

static void dl_twice(struct cst_bench *b)
{
	run(b, false);
}

CST_BENCH(ul_twice, "path/ul/twice/1k", 8, 32, 256);
CST_BENCH(dl_twice, "path/dl/twice/1k", 8, 32, 256);
