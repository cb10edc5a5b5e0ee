/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What filters and hashes ask of an IP packet, read once: the five-tuple and
 * what TS 29.212 5.4.2 / TS 29.244 8.2.5 filters look at beside it.
 *
 * Numbers in host order, addresses in network order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "ip.h"

#define CST_FLOW_FRAG       CST_IP_FRAG       /* a fragment, first or later */
#define CST_FLOW_FRAG_LATER CST_IP_FRAG_LATER /* no L4 header in here: no ports, no SPI */
#define CST_FLOW_FRAG_MORE  CST_IP_FRAG_MORE
#define CST_FLOW_DF         CST_IP_DF
#define CST_FLOW_OPTIONS    CST_IP_OPTIONS
#define CST_FLOW_PORTS      0x40 /* src_port, dst_port valid: TCP, UDP, UDP-Lite, SCTP, DCCP */
#define CST_FLOW_SPI        0x80 /* spi valid: ESP or AH */

union cst_flow_addr {
	uint8_t b[16]; /* IPv4 in b[0..3], the rest zero */
	uint32_t w[4];
	uint64_t d[2];
};

struct cst_flow {
	uint8_t family;              /* 4 or 6 */
	uint8_t proto;               /* upper layer, behind IPv6 extension headers */
	uint8_t tos;                 /* type of service / traffic class */
	uint8_t flags;               /* CST_FLOW_* */
	uint16_t l4_off;             /* from the IP header; 0: no L4 header here (later fragment) */
	uint16_t src_port, dst_port; /* host order, 0 without CST_FLOW_PORTS */
	uint8_t ttl;
	uint8_t pad;
	uint32_t ip_len;              /* the packet's length by its header */
	uint32_t flow_label;          /* 20 bits, host order; 0 for IPv4 */
	uint32_t spi;                 /* host order, 0 without CST_FLOW_SPI */
	union cst_flow_addr src, dst; /* network order */
};

_Static_assert(sizeof(struct cst_flow) == 56, "cst_flow");

/* Read the packet of `len` bytes at `p`, from its IP header on. 0 or a negative enum cst_ip_err;
 * `f` is valid only with 0. Never reads past `len`. An L4 header that is cut short is no error: the
 * packet then has no ports and matches no filter that asks for them. */
static inline int cst_flow_parse(const uint8_t *p, uint32_t len, struct cst_flow *f)
{
	struct cst_ip_info ip;
	int rc = cst_ip_parse(p, len, &ip);

	if (__builtin_expect(rc != 0, 0))
		return rc;

	f->family = ip.version;
	f->proto = ip.proto;
	f->tos = ip.tos;
	f->flags = ip.flags & (CST_IP_FRAG | CST_IP_FRAG_LATER | CST_IP_FRAG_MORE | CST_IP_DF |
			       CST_IP_OPTIONS);
	f->l4_off = ip.l4_off;
	f->src_port = 0;
	f->dst_port = 0;
	f->ttl = ip.ttl;
	f->pad = 0;
	f->ip_len = ip.total_len;
	f->flow_label = ip.flow_label;
	f->spi = 0;
	if (ip.version == 4) {
		f->src.d[0] = f->src.d[1] = 0;
		f->dst.d[0] = f->dst.d[1] = 0;
		__builtin_memcpy(f->src.b, p + 12, 4);
		__builtin_memcpy(f->dst.b, p + 16, 4);
	} else {
		__builtin_memcpy(f->src.b, p + 8, 16);
		__builtin_memcpy(f->dst.b, p + 24, 16);
	}

	if (__builtin_expect(ip.l4_off == 0 || (uint32_t)ip.l4_off + 4 > ip.total_len, 0))
		return CST_IP_OK;
	p += ip.l4_off;
	switch (ip.proto) {
	case CST_PROTO_TCP:
	case CST_PROTO_UDP:
	case CST_PROTO_SCTP:
	case CST_PROTO_DCCP:
	case CST_PROTO_UDPLITE:
		f->src_port = cst_be16(p);
		f->dst_port = cst_be16(p + 2);
		f->flags |= CST_FLOW_PORTS;
		break;
	case CST_PROTO_ESP:
		f->spi = cst_be32(p);
		f->flags |= CST_FLOW_SPI;
		break;
	case CST_PROTO_AH:
		if ((uint32_t)ip.l4_off + 8 > ip.total_len)
			break;
		f->spi = cst_be32(p + 4);
		f->flags |= CST_FLOW_SPI;
		break;
	}
	return CST_IP_OK;
}
