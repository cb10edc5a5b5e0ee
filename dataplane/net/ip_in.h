/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IP packet whose header has been found good, on its way in: what nodes want to
 * know of it. Worker only.
 */
#pragma once

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "engine/pkt.h"
#include "ip.h"

static void __rte_noinline __rte_unused cst_cut(struct rte_mbuf *m, uint32_t len)
{
	struct rte_mbuf *s = m;
	uint16_t segs = 1;

	m->pkt_len = len;
	for (; len > s->data_len; s = s->next, segs++)
		len -= s->data_len;
	s->data_len = (uint16_t)len;
	rte_pktmbuf_free(s->next);
	s->next = NULL;
	m->nb_segs = segs;
}

/* What follows the first `len` octets goes, in however many segments. */
static inline void cst_trim(struct rte_mbuf *m, uint32_t len)
{
	if (m->pkt_len > len)
		cst_cut(m, len);
}

/* Flags are added to those that are set. */
static inline void cst_ip_note(struct cst_pkt *pkt, const struct cst_ip_info *ip)
{
	pkt->ip_version = ip->version;
	pkt->l4_proto = ip->proto;
	pkt->l4_off = ip->l4_off;
	pkt->ip_len = (uint16_t)ip->total_len;
	if (unlikely(ip->flags & CST_IP_FRAG)) {
		pkt->flags |= CST_PKT_FRAG;
		if (ip->flags & CST_IP_FRAG_LATER)
			pkt->flags |= CST_PKT_L4_LATER;
	}
}
