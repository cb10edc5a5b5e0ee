/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What coast knows of a packet beside its bytes: the private area of each
 * mbuf, one cache line. Written once where it is learnt, read by all after.
 *
 * Convention: after `classify` the packet's data starts at the IP header of
 * the packet being looked at (the L2 header is stripped but still stands in
 * the headroom, `l2_len` bytes before); after decapsulation at the inner IP
 * header. `tx` prepends the L2 header again.
 */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

struct cst_pkt {
	uint16_t iface;     /* L3 interface it came in by (net/net.h); 0: none */
	uint16_t vrf;       /* network instance in which the next look-up is done */
	uint16_t port;      /* port it came in by, or (from `output` on) leaves by */
	uint16_t drop;      /* drop reason, when the edge is CST_EDGE_DROP; for `icmp_error` too,
			     * 0: the one that icmp_type and code stand for */
	uint8_t l2_len;     /* bytes of the stripped L2 header, 14, 18 or 22 */
	uint8_t ip_version; /* 4 or 6, of the header at the data start */
	uint8_t l4_proto;   /* IP protocol / last IPv6 next header */
	uint8_t flags;      /* CST_PKT_* */
	uint16_t l4_off;    /* from data start; 0 when there is no L4 header (later fragment) */
	uint16_t ip_len;    /* length of the IP packet by its header; the mbuf is trimmed to it */
	uint32_t nexthop;   /* next hop index for `output` */
	uint32_t aux;       /* what the FIB entry tells the service node, e.g. pool index */
	uint32_t hash;      /* flow hash, for ECMP and the outer UDP source port */
	uint8_t resume;     /* edge of `rx` at which a handed-off packet goes on */
	uint8_t worker;     /* worker that sent it here, for order checks */
	uint8_t icmp_type;  /* for `icmp_error`: what to answer */
	uint8_t icmp_code;
	uint32_t icmp_info; /* MTU for frag-needed / packet-too-big */
	uint8_t slow;       /* for `slow`: enum cst_slow_op (slow/slow.h) */
	uint8_t mark;       /* trace/watch.h: valid while its epoch is the one watched */
	uint16_t traced;    /* likewise: number of the traced packet; 0: it is not traced */
	uint64_t slice[3];  /* the owning slice's own words between its nodes */
};

_Static_assert(sizeof(struct cst_pkt) == 64, "one cache line");

#define CST_PKT_FRAG     0x01 /* a fragment (first or later) */
#define CST_PKT_L4_LATER 0x02 /* a later fragment: no L4 header */
#define CST_PKT_LOCAL    0x04 /* made by coast itself: no ICMP error about it */
#define CST_PKT_TTL_DONE 0x08 /* hop limit already decremented */
#define CST_PKT_AGAIN    0x10 /* the slice has kept it and looks at it once more */
#define CST_PKT_PASSED   0x20 /* a frame whose taker does not want it (net/frames.h) */

static inline struct cst_pkt *cst_pkt(struct rte_mbuf *m)
{
	return (struct cst_pkt *)rte_mbuf_to_priv(m);
}
