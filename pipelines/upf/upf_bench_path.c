/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole way of a user's packet through coast: bursts of frames from a port,
 * each of a random session, through rx, classify, upf_ul or upf_dl, route and
 * output to the other port, in one walk of one worker. Packets are fresh in the
 * cache, sessions and their TEIDs are where they are.
 */
#include <string.h>

#include "engine/engine.h"
#include "upf_bench_rig.h"

static struct rte_mbuf *pkts[CST_MAX_BURST];
static uint32_t session[CST_MAX_BURST];
static struct {
	bool ul;
	uint32_t sessions;
	uint16_t n;
} now;

static void fill(void)
{
	for (uint16_t i = 0; i < now.n; i++) {
		struct rte_mbuf *m = pkts[i];
		uint8_t *p;

		rte_pktmbuf_reset(m);
		p = rte_pktmbuf_mtod(m, uint8_t *);
		session[i] = 1 + upf_bench_some(now.sessions);
		m->data_len = (uint16_t)(now.ul ? upf_bench_put_ul(p, session[i])
						: upf_bench_put_dl(p, session[i]));
		m->pkt_len = m->data_len;
		cst_bench_burst.in[i] = m;
	}
	cst_bench_burst.n_in = cst_bench_burst.want = now.n;
}

static bool is_ours(const struct rte_mbuf *m)
{
	for (uint16_t i = 0; i < now.n; i++)
		if (pkts[i] == m)
			return true;
	return false;
}

static void leave_out_talk(void)
{
	struct cst_bench_burst *b = &cst_bench_burst;
	uint16_t n = 0;

	for (uint16_t i = 0; i < b->n_out; i++)
		if (is_ours(b->out[i]))
			b->out[n++] = b->out[i];
		else
			rte_pktmbuf_free(b->out[i]);
	b->n_out = n;
}

/* What came in first left first, byte for byte. */
static bool is_right(void)
{
	const struct rte_mbuf *m = cst_bench_burst.out[0];
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t want[UPF_BENCH_UL_LEN];
	uint32_t len = now.ul ? upf_bench_expect_ul(want, session[0])
			      : upf_bench_expect_dl(want, session[0], p);

	return m == pkts[0] && m->pkt_len == len && memcmp(p, want, len) == 0;
}

static void run(struct cst_bench *b, bool ul, uint32_t sessions)
{
	uint16_t n = (uint16_t)cst_bench_arg(b);
	struct cst_bench_walk walk = {
		.in = ul ? CST_BENCH_N3 : CST_BENCH_N6,
		.burst = n,
		.packets = n,
		.fill = fill,
		.is_right = is_right,
		.sort_out = leave_out_talk,
	};
	const struct upf_tables *own = upf_bench_tables(sessions);
	static struct cst_err e; /* the report keeps the reason */
	struct upf_tables theirs;

	if (!own || !upf_bench_engine(&e)) {
		cst_bench_fail(b, own ? e.reason : "no memory for a million sessions");
		return;
	}
	if (!pkts[0] && rte_pktmbuf_alloc_bulk(cst_packet_pool(), pkts, CST_MAX_BURST) < 0) {
		cst_bench_fail(b, "no packet buffers");
		return;
	}
	now.ul = ul;
	now.sessions = sessions;
	now.n = n;
	theirs = upf_tables;
	upf_tables = *own;
	cst_bench_walks(b, &walk);
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
