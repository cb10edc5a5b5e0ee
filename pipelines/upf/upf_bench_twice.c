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
#include "gtpu.h"
#include "net/redundancy.h"
#include "upf_bench_rig.h"
#include "upf_redundant_node.h"

#define SESSIONS 1000u
#define RUN      7     /* lines: rules, two PDRs, for each its policy and its second tunnel */
#define OTHER    2000u /* the second tunnel's TEID is as that of the session so much higher */
#define GTPU_AT  (14 + 28)

static struct upf_tables twice;
static uint16_t numbers[SESSIONS + 1];
static struct {
	bool ul;
	uint16_t n;
} now;

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

static void fill(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;
	uint32_t session = 0;

	b->n_in = rte_pktmbuf_alloc_bulk(cst_packet_pool(), b->in, now.n) == 0 ? now.n : 0;
	for (uint16_t i = 0; i < b->n_in; i++) {
		struct rte_mbuf *m = b->in[i];
		uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

		if (!now.ul || i % 2 == 0)
			session = 1 + upf_bench_some(SESSIONS);
		m->data_len = (uint16_t)(now.ul ? put_ul(p, session, i % 2)
						: upf_bench_put_dl(p, session));
		m->pkt_len = m->data_len;
	}
	b->want = now.ul ? now.n / 2 : 2 * now.n;
}

static void empty(void)
{
	rte_pktmbuf_free_bulk(cst_bench_burst.out, cst_bench_burst.n_out);
}

static bool is_whole(const struct rte_mbuf *m)
{
	/* downlink a sequence number goes where a PDU Session Container leaves room for one */
	return m->pkt_len == (now.ul ? UPF_BENCH_DL_LEN : UPF_BENCH_UL_LEN);
}

static void leave_out_talk(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->n_out; i++)
		if (is_whole(b->out[i]))
			b->out[n++] = b->out[i];
		else
			rte_pktmbuf_free(b->out[i]);
	b->n_out = n;
}

static bool is_right(void)
{
	for (uint16_t i = 0; i < cst_bench_burst.n_out; i++)
		if (!is_whole(cst_bench_burst.out[i]))
			return false;
	return true;
}

static void run(struct cst_bench *b, bool ul)
{
	uint16_t n = (uint16_t)cst_bench_arg(b);
	struct cst_bench_walk walk = {
		.in = ul ? CST_BENCH_N3 : CST_BENCH_N6,
		.burst = n,
		.packets = ul ? n : 2 * n,
		.fill = fill,
		.empty = empty,
		.is_right = is_right,
		.sort_out = leave_out_talk,
	};
	static struct cst_err e; /* the report keeps the reason */
	struct upf_tables theirs;

	if (!upf_bench_engine(&e) || !make(&e)) {
		cst_bench_fail(b, e.reason[0] ? e.reason : "no memory");
		return;
	}
	now.ul = ul;
	now.n = n;
	theirs = upf_tables;
	upf_tables = twice;
	cst_bench_walks(b, &walk);
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
