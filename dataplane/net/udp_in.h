/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is asked of UDP datagrams to coast's own addresses before anybody gets
 * them. Workers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ip.h>
#include <rte_mbuf.h>

#include "ip.h"
#include "net/drops.h"
#include "udp.h"

static bool __rte_noinline cst_udp_sum_ok(struct rte_mbuf *m, const uint8_t *p, uint32_t l4_off,
					  uint32_t udp_len)
{
	uint64_t sum;
	uint16_t raw;

	if (m->nb_segs == 1)
		return cst_udp_csum_ok(p, p + l4_off, udp_len, 0);
	if (rte_raw_cksum_mbuf(m, l4_off, udp_len, &raw))
		return false;
	sum = p[0] >> 4 == 4 ? cst_csum_pseudo4(p + 12, p + 16, CST_PROTO_UDP, udp_len)
			     : cst_csum_pseudo6(p + 8, p + 24, CST_PROTO_UDP, udp_len);
	return cst_csum_fold(sum + raw) == 0;
}

/* NULL: take it. RFC 6936 lets tunnels do without a checksum over IPv6, and slices' ports are all
 * tunnels': these check what they carry by its own lengths, and by TEIDs or labels and where it
 * comes from. */
static inline const struct cst_drop *cst_udp_why_bad(struct rte_mbuf *m, const uint8_t *p,
						     const struct cst_udp *udp, uint32_t l4_off,
						     bool tunnel)
{
	uint64_t flag = m->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;

	if (udp->csum == 0)
		return p[0] >> 4 == 4 || tunnel ? NULL : cst_drop_udp_no_csum;
	if (flag == RTE_MBUF_F_RX_L4_CKSUM_GOOD || flag == RTE_MBUF_F_RX_L4_CKSUM_NONE)
		return NULL;
	if (flag == RTE_MBUF_F_RX_L4_CKSUM_BAD || !cst_udp_sum_ok(m, p, l4_off, udp->len))
		return cst_drop_udp_bad_csum;
	return NULL;
}
