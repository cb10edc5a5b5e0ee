/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `ip_reassemble`: fragments to coast's own addresses. Each datagram has one
 * worker, by what it is known by, so that its fragments meet wherever they came
 * in. Once whole it goes the way that it would have gone in one piece.
 */
#include <rte_mbuf.h>

#include "engine/worker.h"
#include "icmp.h"
#include "ip.h"
#include "module.h"
#include "net/drops.h"
#include "net/fib.h"
#include "net/reassembly.h"
#include "net/udp_in.h"

enum { TO_LOCAL };

static uint8_t from_rx;
static uint8_t error_from_rx;

/* ---- whole again --------------------------------------------------------------- */

/* What `classify` would have said of it. From inside (no L2 header) tunnels' ports lead nowhere. */
static uint8_t whole(struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	const struct cst_udp_slot *slot;
	const struct cst_drop *why;
	struct cst_udp udp;

	if (pkt->l4_proto != CST_PROTO_UDP)
		return TO_LOCAL;
	if (pkt->l4_off + 8u > m->data_len ||
	    cst_udp_parse(p + pkt->l4_off, m->pkt_len - pkt->l4_off, &udp))
		return cst_drop(m, cst_drop_udp_length);
	slot = cst_udp_slot(udp.dst_port, (uint8_t)pkt->aux);
	why = cst_udp_why_bad(m, p, &udp, pkt->l4_off, slot != NULL);
	if (why)
		return cst_drop(m, why);
	return slot && pkt->l2_len ? *slot->reassemble_edge : TO_LOCAL;
}

static uint16_t reassemble_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				   uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i];
		struct cst_ip_info ip;
		uint32_t hash;
		uint16_t owner;
		uint8_t to;

		edge[i] = CST_EDGE_TAKEN;
		/* it has been parsed before, but what was found is not kept */
		if (cst_ip_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->pkt_len, &ip)) {
			edge[i] = cst_drop(m, cst_drop_truncated);
			continue;
		}
		hash = cst_reasm_hash(m, &ip);
		owner = cst_owner_of(hash);
		if (owner != w->id) {
			cst_pkt(m)->resume = from_rx;
			cst_handoff(w, owner, &m, 1);
			continue;
		}
		m = cst_reasm_add(w, m, &ip, hash);
		if (!m)
			continue;
		to = whole(m);
		if (to == CST_EDGE_DROP) {
			pkts[i] = m;
			edge[i] = to;
		} else {
			cst_emit(w, to, &m, 1);
		}
	}
	return n;
}

static const char *const edges[] = {"ip_local", NULL};
CST_NODE(reassemble_node, .name = "ip_reassemble",
	 .help = "puts fragments to own addresses together", .process = reassemble_process,
	 .edges = edges);
CST_ATTACH(reassemble_rx, "rx", "ip_reassemble", &from_rx);
CST_ATTACH(reassemble_error, "rx", "icmp_error", &error_from_rx);

/* ---- time ------------------------------------------------------------------------- */

/* Whose sender has heard nothing else is told, once the first fragment has come (RFC 792, RFC 4443
 * 3.3). */
void cst_reasm_give_up(struct cst_worker *w)
{
	struct rte_mbuf *m;

	while (cst_reasm_expire(w, &m)) {
		struct cst_pkt *pkt;

		if (!m)
			continue;
		pkt = cst_pkt(m);
		pkt->icmp_type =
			pkt->ip_version == 4 ? CST_ICMP4_TIME_EXCEEDED : CST_ICMP6_TIME_EXCEEDED;
		pkt->icmp_code = 1; /* fragment reassembly time exceeded */
		pkt->icmp_info = 0;
		cst_emit(w, error_from_rx, &m, 1);
	}
}

static int reasm_start(const struct cst_system *sys, struct cst_err *e)
{
	return cst_reasm_start(sys->workers, sys->packet_buffers, e);
}

static struct cst_module reasm_module = {
	.name = "ip_reassemble", .order = 20, .start = reasm_start, .stop = cst_reasm_stop};
CST_MODULE(reasm_module);
