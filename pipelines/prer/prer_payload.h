/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP packets in frames. Worker only.
 */
#pragma once

#include <stdbool.h>

#include <rte_mbuf.h>

#include "net/ip_in.h"

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
	cst_trim(m, ip->total_len);
	pkt->l2_len = 0;
	pkt->flags = 0;
	cst_ip_note(pkt, ip);
}
