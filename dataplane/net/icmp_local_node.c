/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `icmp_local`: answers echo requests to coast's own addresses (RFC 1122
 * 3.2.2.6, RFC 4443 4.2) where they stand: same data, addresses exchanged.
 */
#include <rte_cycles.h>
#include <rte_ip.h>
#include <rte_mbuf.h>

#include "engine/worker.h"
#include "icmp.h"
#include "ip.h"
#include "module.h"
#include "net/bucket.h"
#include "net/drops.h"

#define REPLIES_PER_S 20000 /* and worker */
#define REPLY_BURST   1000

CST_DROP(bad_csum, "icmp.bad_checksum", "the ICMP checksum is wrong; bytes were damaged");
CST_DROP(limited, "icmp.echo_limited",
	 "more echo requests to coast itself than it answers (20000 per second and worker)");

static struct {
	struct cst_bucket bucket;
} __rte_cache_aligned state[CST_MAX_WORKERS];
static uint64_t interval, slack; /* TSC cycles */

static bool sum_ok(struct rte_mbuf *m, const uint8_t *p)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	uint32_t len = m->pkt_len - pkt->l4_off;
	uint64_t sum = pkt->ip_version == 6 ? cst_csum_pseudo6(p + 8, p + 24, 58, len) : 0;
	uint16_t raw;

	if (m->nb_segs == 1)
		return cst_csum_fold(cst_csum_add(sum, p + pkt->l4_off, len)) == 0;
	if (rte_raw_cksum_mbuf(m, pkt->l4_off, len, &raw))
		return false;
	return cst_csum_fold(sum + raw) == 0;
}

static void swap(uint8_t *p, unsigned src, unsigned dst, unsigned len)
{
	uint8_t was[16];

	__builtin_memcpy(was, p + src, len);
	__builtin_memcpy(p + src, p + dst, len);
	__builtin_memcpy(p + dst, was, len);
}

static uint8_t reply(struct cst_worker *w, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);

	if (!sum_ok(m, p))
		return cst_drop(m, &bad_csum);
	if (!cst_bucket_take(&state[w->id % CST_MAX_WORKERS].bucket, w->now, interval, slack))
		return cst_drop(m, &limited);
	if (pkt->ip_version == 4) {
		cst_icmp_echo_reply(p + pkt->l4_off, CST_ICMP4_ECHO_REPLY);
		swap(p, 12, 16, 4);
		p[8] = 64;
		cst_ip4_csum_set(p);
	} else {
		cst_icmp_echo_reply(p + pkt->l4_off, CST_ICMP6_ECHO_REPLY);
		swap(p, 8, 24, 16);
		p[7] = 64;
	}
	pkt->flags |= CST_PKT_LOCAL;
	pkt->hash = 0;
	m->ol_flags &= ~(RTE_MBUF_F_RX_IP_CKSUM_MASK | RTE_MBUF_F_RX_L4_CKSUM_MASK);
	return 0;
}

static uint16_t echo_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			     uint8_t *edge)
{
	uint16_t off = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = reply(w, pkts[i]);
		off += edge[i] != 0;
	}
	return off;
}

static const char *const edges[] = {"route", NULL};
CST_NODE(echo_node, .name = "icmp_local", .help = "answers echo requests to own addresses",
	 .process = echo_process, .edges = edges);

static int echo_start(const struct cst_system *sys, struct cst_err *e)
{
	interval = rte_get_tsc_hz() / REPLIES_PER_S;
	slack = interval * REPLY_BURST;
	return 0;
}

static struct cst_module echo_module = {.name = "icmp_local", .order = 20, .start = echo_start};
CST_MODULE(echo_module);
