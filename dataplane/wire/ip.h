/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 (RFC 791) and IPv6 (RFC 8200) headers: checked parse down to the upper
 * layer, field changes on the way through, craft.
 *
 * Structs lie as on the wire (network order); every number in a parse result or
 * argument is in host order, addresses stay in network order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "addr.h"
#include "be.h"
#include "csum.h"

struct cst_ip4_hdr {
	uint8_t version_ihl, tos;
	uint16_t total_length, id, fragment; /* flags and offset */
	uint8_t ttl, proto;
	uint16_t csum;
	uint8_t src[4], dst[4];
} __attribute__((packed));

struct cst_ip6_hdr {
	uint32_t vtf; /* version, traffic class, flow label */
	uint16_t payload_length;
	uint8_t next, hop_limit;
	uint8_t src[16], dst[16];
} __attribute__((packed));

_Static_assert(sizeof(struct cst_ip4_hdr) == 20, "RFC 791");
_Static_assert(sizeof(struct cst_ip6_hdr) == 40, "RFC 8200");

enum cst_ip_proto {
	CST_PROTO_HOPOPT = 0,
	CST_PROTO_ICMP = 1,
	CST_PROTO_IPIP = 4,
	CST_PROTO_TCP = 6,
	CST_PROTO_UDP = 17,
	CST_PROTO_DCCP = 33,
	CST_PROTO_IPV6 = 41,
	CST_PROTO_ROUTING = 43,
	CST_PROTO_FRAGMENT = 44,
	CST_PROTO_GRE = 47,
	CST_PROTO_ESP = 50,
	CST_PROTO_AH = 51,
	CST_PROTO_ICMPV6 = 58,
	CST_PROTO_NONE = 59,
	CST_PROTO_DSTOPTS = 60,
	CST_PROTO_SCTP = 132,
	CST_PROTO_MOBILITY = 135,
	CST_PROTO_UDPLITE = 136,
	CST_PROTO_HIP = 139,
	CST_PROTO_SHIM6 = 140,
};

enum cst_ip_err {
	CST_IP_OK = 0,
	CST_IP_TRUNCATED = -1, /* fewer bytes than the header says */
	CST_IP_VERSION = -2,   /* neither 4 nor 6, or not the one asked for */
	CST_IP_IHL = -3,       /* IPv4 header length below 20 */
	CST_IP_LENGTH = -4,    /* IPv4 total length shorter than the header */
	CST_IP_EXT = -5,       /* IPv6 extension header past the packet's end or out of place */
	CST_IP_EXT_COUNT = -6, /* more than CST_IP6_MAX_EXT of them */
	CST_IP_FRAGMENT =
		-7, /* fragment that would end past 65535, or cut off an 8-byte boundary */
};

#define CST_IP6_MAX_EXT 8

#define CST_IP4_MIN_MTU 68   /* RFC 791 3.2: no link carries less, no sender goes below */
#define CST_IP6_MIN_MTU 1280 /* RFC 8200 5 */

#define CST_IP_FRAG         0x01 /* a fragment, first or later */
#define CST_IP_FRAG_LATER   0x02 /* not the first one: no upper-layer header in here */
#define CST_IP_FRAG_MORE    0x04 /* more fragments follow */
#define CST_IP_DF           0x08 /* may not be fragmented; always for IPv6 */
#define CST_IP_OPTIONS      0x10 /* IPv4 options or an IPv6 hop-by-hop header */
#define CST_IP_SOURCE_ROUTE 0x20 /* IPv4 LSRR/SSRR, or IPv6 routing header type 0 (RFC 5095) */

struct cst_ip_info {
	uint8_t version; /* 4 or 6 */
	uint8_t tos;     /* type of service / traffic class: DSCP and ECN */
	uint8_t ttl;     /* TTL / hop limit */
	uint8_t proto;   /* of the upper layer, behind IPv6 extension headers */
	uint8_t flags;   /* CST_IP_* */
	uint8_t pad;
	uint16_t l4_off;     /* from the IP header; 0: a later fragment, no upper layer here */
	uint32_t total_len;  /* of the packet by its header; what lies behind is padding */
	uint16_t frag_off;   /* fragment offset, bytes */
	uint16_t frag_hdr;   /* IPv6: offset of the fragment header, 0: none; IPv4: 0 */
	uint32_t frag_id;    /* identification (IPv4: 16 bits) */
	uint32_t flow_label; /* 20 bits, 0 for IPv4 */
};

/* Options that steer the packet's way. The caller has checked that the `ihl` bytes are there. */
static inline int cst_ip4_has_source_route(const uint8_t *p, uint32_t ihl)
{
	for (uint32_t i = 20, n = 0; i < ihl && n < 40; n++) {
		if (p[i] == 0) /* end of list */
			return 0;
		if (p[i] == 1) { /* no operation */
			i++;
			continue;
		}
		if (p[i] == 131 || p[i] == 137)
			return 1;
		if (i + 1 >= ihl || p[i + 1] < 2)
			return 0;
		i += p[i + 1];
	}
	return 0;
}

/* Check and read an IPv4 header at `p`; the checksum is left to cst_ip4_csum_ok(). */
static inline int cst_ip4_parse(const uint8_t *p, uint32_t len, struct cst_ip_info *out)
{
	uint32_t ihl, total, frag;

	if (len < 20)
		return CST_IP_TRUNCATED;
	if (p[0] >> 4 != 4)
		return CST_IP_VERSION;
	ihl = (p[0] & 15u) * 4;
	if (ihl < 20)
		return CST_IP_IHL;
	total = cst_be16(p + 2);
	if (total < ihl)
		return CST_IP_LENGTH;
	if (total > len)
		return CST_IP_TRUNCATED;
	frag = cst_be16(p + 6);

	*out = (struct cst_ip_info){
		.version = 4,
		.tos = p[1],
		.ttl = p[8],
		.proto = p[9],
		.flags = frag & 0x4000 ? CST_IP_DF : 0,
		.l4_off = (uint16_t)ihl,
		.total_len = total,
		.frag_id = cst_be16(p + 4),
	};
	if (__builtin_expect(ihl > 20, 0)) {
		out->flags |= CST_IP_OPTIONS;
		if (cst_ip4_has_source_route(p, ihl))
			out->flags |= CST_IP_SOURCE_ROUTE;
	}
	if (__builtin_expect((frag & 0x3fff) != 0, 0)) {
		out->flags |= CST_IP_FRAG;
		out->frag_off = (uint16_t)((frag & 0x1fff) * 8);
		if (frag & 0x2000) {
			out->flags |= CST_IP_FRAG_MORE;
			if ((total - ihl) % 8 || total == ihl)
				return CST_IP_FRAGMENT;
		}
		if ((uint32_t)out->frag_off + (total - ihl) > 65535)
			return CST_IP_FRAGMENT;
		if (out->frag_off) {
			out->flags |= CST_IP_FRAG_LATER;
			out->l4_off = 0;
		}
	}
	return CST_IP_OK;
}

/* Whether `next` is an IPv6 extension header that can be walked over. ESP and AH end the walk: what
 * lies behind them belongs to the security association, as for IPv4. */
static inline int cst_ip6_is_ext(uint8_t next)
{
	return next == CST_PROTO_HOPOPT || next == CST_PROTO_ROUTING ||
	       next == CST_PROTO_FRAGMENT || next == CST_PROTO_DSTOPTS ||
	       next == CST_PROTO_MOBILITY || next == CST_PROTO_HIP || next == CST_PROTO_SHIM6;
}

/* The walk of cst_ip6_parse(), kept out of the way of packets that have no extension header. */
static inline int cst_ip6_walk(const uint8_t *p, struct cst_ip_info *out)
{
	uint32_t total = out->total_len;
	uint32_t off = 40;
	uint8_t next = out->proto;

	for (int n = 0; n < CST_IP6_MAX_EXT; n++) {
		uint32_t size;

		if (!cst_ip6_is_ext(next)) {
			out->proto = next;
			out->l4_off = (uint16_t)off;
			return CST_IP_OK;
		}
		if (off + 8 > total)
			return CST_IP_EXT;
		if (next == CST_PROTO_FRAGMENT) {
			uint16_t frag = cst_be16(p + off + 2);
			uint32_t behind = total - off - 8;

			/* a fragment within a fragment: nobody makes one, some are fooled by it */
			if (out->frag_hdr)
				return CST_IP_EXT;
			out->frag_hdr = (uint16_t)off;
			out->frag_off = frag & 0xfff8;
			out->frag_id = cst_be32(p + off + 4);
			/* an atomic fragment (RFC 6946) is a whole packet */
			if (frag & 0xfff9)
				out->flags |= CST_IP_FRAG;
			if (frag & 1) {
				out->flags |= CST_IP_FRAG_MORE;
				if (behind % 8 || behind == 0)
					return CST_IP_FRAGMENT;
			}
			if (out->frag_off + behind + (off - 40) > 65535)
				return CST_IP_FRAGMENT;
			if (out->frag_off) {
				out->flags |= CST_IP_FRAG_LATER;
				out->proto = p[off];
				out->l4_off = 0;
				return CST_IP_OK;
			}
			size = 8;
		} else {
			size = (p[off + 1] + 1u) * 8;
			if (off + size > total)
				return CST_IP_EXT;
			if (next == CST_PROTO_HOPOPT) {
				if (off != 40)
					return CST_IP_EXT;
				out->flags |= CST_IP_OPTIONS;
			}
			/* type 0 with segments left would bounce between its hops */
			if (next == CST_PROTO_ROUTING && p[off + 2] == 0 && p[off + 3] != 0)
				out->flags |= CST_IP_SOURCE_ROUTE;
		}
		next = p[off];
		off += size;
	}
	if (cst_ip6_is_ext(next))
		return CST_IP_EXT_COUNT;
	out->proto = next;
	out->l4_off = (uint16_t)off;
	return CST_IP_OK;
}

/* Check and read an IPv6 header and its extension headers. Jumbograms are not taken. */
static inline int cst_ip6_parse(const uint8_t *p, uint32_t len, struct cst_ip_info *out)
{
	uint32_t vtf, total;

	if (len < 40)
		return CST_IP_TRUNCATED;
	vtf = cst_be32(p);
	if (vtf >> 28 != 6)
		return CST_IP_VERSION;
	total = 40u + cst_be16(p + 4);
	if (total > len)
		return CST_IP_TRUNCATED;

	*out = (struct cst_ip_info){
		.version = 6,
		.tos = (uint8_t)(vtf >> 20),
		.ttl = p[7],
		.proto = p[6],
		.flags = CST_IP_DF,
		.l4_off = 40,
		.total_len = total,
		.flow_label = vtf & 0xfffff,
	};
	if (__builtin_expect(cst_ip6_is_ext(p[6]), 0))
		return cst_ip6_walk(p, out);
	return CST_IP_OK;
}

/* Either version. 0 or a negative enum cst_ip_err; `out` is valid only with 0. Never reads past
 * `len`; bytes up to out->total_len are then known to be there. */
static inline int cst_ip_parse(const uint8_t *p, uint32_t len, struct cst_ip_info *out)
{
	if (len < 1)
		return CST_IP_TRUNCATED;
	if (p[0] >> 4 == 4)
		return cst_ip4_parse(p, len, out);
	if (p[0] >> 4 == 6)
		return cst_ip6_parse(p, len, out);
	return CST_IP_VERSION;
}

/* Header checksum of a header that cst_ip4_parse() has accepted. */
static inline int cst_ip4_csum_ok(const uint8_t *p)
{
	return cst_csum_fold(cst_csum_add(0, p, (p[0] & 15u) * 4)) == 0;
}

static inline void cst_ip4_csum_set(uint8_t *p)
{
	cst_put_be16(p + 10, 0);
	cst_put_be16(p + 10, cst_csum_fold(cst_csum_add(0, p, (p[0] & 15u) * 4)));
}

/* One hop less, checksum kept right. The caller has seen that TTL is above 1. */
static inline void cst_ip4_ttl_dec(uint8_t *p)
{
	cst_put_be16(p + 10, cst_csum_update16(cst_be16(p + 10), cst_be16(p + 8),
					       (uint16_t)(cst_be16(p + 8) - 0x100)));
	p[8]--;
}

static inline void cst_ip6_hop_dec(uint8_t *p)
{
	p[7]--;
}

/* Set the type of service / traffic class, DSCP and ECN together. */
static inline void cst_ip4_set_tos(uint8_t *p, uint8_t tos)
{
	uint16_t was = cst_be16(p);

	p[1] = tos;
	cst_put_be16(p + 10, cst_csum_update16(cst_be16(p + 10), was, cst_be16(p)));
}

static inline void cst_ip6_set_tos(uint8_t *p, uint8_t tos)
{
	p[0] = (uint8_t)(0x60 | tos >> 4);
	p[1] = (uint8_t)((p[1] & 0x0f) | tos << 4);
}

/* ECN of the inner header after the outer one is taken off (RFC 6040 4.2): the new type of service,
 * or -1: congestion was met by a transport that cannot hear of it, drop. */
static inline int cst_ip_decap_tos(uint8_t outer, uint8_t inner)
{
	uint8_t o = outer & 3;
	uint8_t i = inner & 3;

	if (o == 3)
		return i == 0 ? -1 : inner | 3;
	if (o == 1 && i == 2)
		return (inner & 0xfc) | 1;
	return inner;
}

/* Whether cst_ip_decap_tos() would change anything; almost never. */
static inline int cst_ip_decap_differs(uint8_t outer, uint8_t inner)
{
	return (outer & 1) && cst_ip_decap_tos(outer, inner) != inner;
}

/* Write a header without options; `src` and `dst` in network order. `total_len` and `payload_len`
 * in bytes. IPv4: DF as asked for, checksum computed. Return the header's length. */
static inline __attribute__((always_inline)) uint32_t cst_ip4_put(uint8_t *p, const void *src,
								  const void *dst, uint8_t proto,
								  uint16_t total_len, uint8_t tos,
								  uint8_t ttl, uint16_t id, int df)
{
	p[0] = 0x45;
	p[1] = tos;
	cst_put_be16(p + 2, total_len);
	cst_put_be16(p + 4, id);
	cst_put_be16(p + 6, df ? 0x4000 : 0);
	p[8] = ttl;
	p[9] = proto;
	__builtin_memcpy(p + 12, src, 4);
	__builtin_memcpy(p + 16, dst, 4);
	cst_ip4_csum_set(p);
	return 20;
}

static inline __attribute__((always_inline)) uint32_t
cst_ip6_put(uint8_t *p, const void *src, const void *dst, uint8_t next, uint16_t payload_len,
	    uint8_t tos, uint8_t hop_limit, uint32_t flow_label)
{
	cst_put_be32(p, 6u << 28 | (uint32_t)tos << 20 | (flow_label & 0xfffff));
	cst_put_be16(p + 4, payload_len);
	p[6] = next;
	p[7] = hop_limit;
	__builtin_memcpy(p + 8, src, 16);
	__builtin_memcpy(p + 24, dst, 16);
	return 40;
}

/* Addresses of a packet as struct cst_ip. The header has been accepted by cst_ip_parse(). */
static inline void cst_ip_addrs(const uint8_t *p, struct cst_ip *src, struct cst_ip *dst)
{
	*src = (struct cst_ip){0};
	*dst = (struct cst_ip){0};
	if (p[0] >> 4 == 4) {
		src->family = dst->family = 4;
		__builtin_memcpy(src->b, p + 12, 4);
		__builtin_memcpy(dst->b, p + 16, 4);
	} else {
		src->family = dst->family = 6;
		__builtin_memcpy(src->b, p + 8, 16);
		__builtin_memcpy(dst->b, p + 24, 16);
	}
}

/* Kinds of address; `a` in network order. */
static inline int cst_ip4_is_multicast(const uint8_t *a)
{
	return a[0] >> 4 == 14;
}

static inline int cst_ip6_is_multicast(const uint8_t *a)
{
	return a[0] == 0xff;
}

static inline int cst_ip6_is_link_local(const uint8_t *a)
{
	return a[0] == 0xfe && (a[1] & 0xc0) == 0x80;
}

/* Addresses that no router may forward from: this network, loopback, multicast, limited broadcast
 * (RFC 1812 5.3.7, RFC 4291 2.5). */
static inline int cst_ip4_bad_source(const uint8_t *a)
{
	return a[0] == 0 || a[0] == 127 || a[0] >= 224;
}

static inline int cst_ip6_bad_source(const uint8_t *a)
{
	/* :: and ::1 */
	return a[0] == 0xff || (cst_be64(a) == 0 && cst_be64(a + 8) <= 1);
}
