/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet buffers of frames, and the IP packets in them. Worker only.
 */
#pragma once

#include <stdbool.h>

#include <rte_mbuf.h>

#include "engine/pkt.h"
#include "ip.h"

/* What follows the first `len` octets goes, in however many segments. */
static inline void prer_trim(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *s = m;
	uint16_t segs = 1;

	if (m->pkt_len <= len)
		return;
	m->pkt_len = len;
	for (; len > s->data_len; s = s->next, segs++)
		len -= s->data_len;
	s->data_len = (uint16_t)len;
	rte_pktmbuf_free(s->next);
	s->next = NULL;
	m->nb_segs = segs;
}

/* Is there a sound IP packet `at` octets from the frame's start? Headers are read in the first
 * segment alone. */
static inline bool prer_ip_at(const struct rte_mbuf *m, uint32_t at, struct cst_ip_info *ip)
{
	const uint8_t *p = rte_pktmbuf_mtod_offset(m, const uint8_t *, at);

	if (unlikely(m->data_len < at + 20 || cst_ip_parse(p, m->data_len - at, ip)))
		return false;
	return ip->version == 6 || cst_ip4_csum_ok(p);
}

/* From the frame to that packet, as nodes behind `classify` know it. */
static inline void prer_ip_enter(struct rte_mbuf *m, uint32_t at, const struct cst_ip_info *ip)
{
	struct cst_pkt *pkt = cst_pkt(m);

	rte_pktmbuf_adj(m, (uint16_t)at);
	prer_trim(m, ip->total_len);
	pkt->ip_version = ip->version;
	pkt->l4_proto = ip->proto;
	pkt->l4_off = ip->l4_off;
	pkt->ip_len = (uint16_t)ip->total_len;
	pkt->l2_len = 0;
	pkt->flags = 0;
	if (ip->flags & CST_IP_FRAG)
		pkt->flags |= CST_PKT_FRAG;
	if (ip->flags & CST_IP_FRAG_LATER)
		pkt->flags |= CST_PKT_L4_LATER;
}
