/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Into a tunnel: from a packet that stands at what shall be GTP-U's payload to
 * one that stands at the outer IP header, ready for `route`. Worker only.
 */
#pragma once

#include <rte_prefetch.h>

#include "hash.h"
#include "upf_encap.h"
#include "upf_match.h"
#include "upf_node.h"
#include "upf_split.h"
#include "upf_tables.h"

/* The largest outer packet on the way to a peer; the record's one field that changes in use. While
 * it is not known nothing is refused: `route` has the last word, and a sender once told of too
 * small an MTU keeps to it for minutes. */
static inline uint32_t upf_peer_mtu(const struct upf_peer *peer)
{
	uint32_t mtu = __atomic_load_n(&peer->mtu, __ATOMIC_RELAXED);

	return mtu ? mtu : UINT16_MAX;
}

/* The largest user packet on the way to a record's peer under a GTP-U header of that length. */
static inline uint32_t upf_room_of(const struct upf_pdr *pdr, uint32_t gtpu_len)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	uint32_t mtu = upf_peer_mtu(peer), overhead = peer->hdr_len + gtpu_len;

	return mtu > overhead ? mtu - overhead : 0;
}

/* IPv6 does not go without a UDP checksum (RFC 8200 8.1). */
static inline void upf_fill_csum6(struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = rte_pktmbuf_pkt_len(m) - 40;
	uint64_t sum = cst_csum_pseudo6(p + 8, p + 24, CST_PROTO_UDP, len);

	if (likely(m->nb_segs == 1))
		sum = cst_csum_add(sum, p + 40, len);
	else
		sum = upf_split_csum(sum, m, 40);
	cst_put_be16(p + 46, cst_csum_fold_udp(sum));
}

/* Put outer IP, UDP and, when `gtpu_len` is not 0, a GTP-U header of that length in front. False:
 * no room, in the buffer or in one datagram, nothing is changed. The packet is then coast's own: no
 * hop is counted outside, and no ICMP error is made about it. */
static inline __attribute__((always_inline)) bool
upf_enter(struct upf_worker *uw, struct rte_mbuf *m, const struct upf_pdr *pdr,
	  const struct upf_peer *peer, uint32_t gtpu_len, uint8_t inner_tos)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint32_t payload = rte_pktmbuf_pkt_len(m);
	uint32_t hdr = peer->hdr_len;
	uint8_t *p;

	if (unlikely(rte_pktmbuf_headroom(m) < hdr + gtpu_len ||
		     hdr + gtpu_len + payload > UINT16_MAX))
		return false;
	p = (uint8_t *)rte_pktmbuf_prepend(m, (uint16_t)(hdr + gtpu_len));
	uw->ip_id = (uint16_t)(uw->ip_id + uw->ip_id_step);
	cst_outer_put(p, peer->hdr, peer->family, gtpu_len + payload, upf_outer_tos(pdr, inner_tos),
		      uw->ip_id, cst_hash_port(pkt->hash), pkt->hash);
	if (gtpu_len)
		upf_put_gtpu(p + hdr, CST_GTPU_GPDU, pdr, (uint16_t)payload);
	if (unlikely(peer->family == 6))
		upf_fill_csum6(m);
	pkt->vrf = peer->vrf;
	pkt->ip_version = peer->family;
	pkt->l4_proto = CST_PROTO_UDP;
	pkt->l4_off = (uint16_t)(hdr - 8);
	pkt->ip_len = (uint16_t)(hdr + gtpu_len + payload);
	pkt->flags = CST_PKT_LOCAL;
	return true;
}

/* One packet more for a PDR, by its session's worker alone; readers need no lock. */
static inline void upf_count(uint32_t counter, uint32_t bytes)
{
	struct upf_count *c = &upf_tables.counts[counter];

	__atomic_store_n(&c->packets, c->packets + 1, __ATOMIC_RELAXED);
	__atomic_store_n(&c->bytes, c->bytes + bytes, __ATOMIC_RELAXED);
}

/* The rule run behind a ref. */
static inline const struct upf_rules *upf_rules_of(uint32_t ref)
{
	return (const struct upf_rules *)((const char *)upf_tables.lines +
					  (uint64_t)UPF_REF_LINE(ref) * 64);
}

/* What tells the rule when the first of a direction, which stands at `at`, does not take a packet:
 * its filters, which others there are, the next one. */
static inline void upf_prefetch_rules(const struct upf_rules *r, uint32_t at)
{
	const struct upf_pdr *first = (const struct upf_pdr *)upf_line(r, at);

	if (first->first != UPF_ONLY)
		rte_prefetch0(r);
	if (first->first == UPF_OF_MANY)
		return;
	if (first->first != UPF_ONLY)
		rte_prefetch0(first + 1);
	if (first->n_sdf && !(first->brief & UPF_BRIEF))
		rte_prefetch0(upf_line(r, first->sdf));
}

/* Packets of one chunk whose sessions live on other workers, passed on in order. */
struct upf_strangers {
	uint16_t n;
	uint8_t owner[UPF_CHUNK];
	struct rte_mbuf *pkts[UPF_CHUNK];
};

static inline void upf_strangers_add(struct upf_strangers *s, struct rte_mbuf *m, uint16_t owner,
				     uint8_t resume)
{
	cst_pkt(m)->resume = resume;
	s->owner[s->n] = (uint8_t)owner;
	s->pkts[s->n++] = m;
}

void upf_strangers_send(struct cst_worker *w, struct upf_strangers *s);
