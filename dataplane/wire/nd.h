/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv6 neighbour discovery (RFC 4861): solicitations and advertisements of
 * neighbours and routers, with all the checks of 6.1 and 7.1, and the messages
 * that resolve a neighbour.
 *
 * Numbers in host order, addresses in network order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "icmp.h"
#include "ip.h"

enum cst_nd_err {
	CST_ND_OK = 0,
	CST_ND_TRUNCATED = -1,
	CST_ND_TYPE = -2,      /* not one of types 133..136, or code not 0 */
	CST_ND_HOP_LIMIT = -3, /* not 255: it has crossed a router */
	CST_ND_CHECKSUM = -4,
	CST_ND_OPTION = -5,  /* of length 0, past the end, or more than CST_ND_MAX_OPTIONS */
	CST_ND_ADDRESS = -6, /* source, destination or target that the message may not have */
};

#define CST_ND_MAX_OPTIONS 16

#define CST_ND_HAS_SOURCE_MAC 0x01
#define CST_ND_HAS_TARGET_MAC 0x02
#define CST_ND_HAS_MTU        0x04
#define CST_ND_HAS_PREFIX     0x08

#define CST_ND_NA_ROUTER    0x80
#define CST_ND_NA_SOLICITED 0x40
#define CST_ND_NA_OVERRIDE  0x20

#define CST_ND_PREFIX_ON_LINK    0x80
#define CST_ND_PREFIX_AUTONOMOUS 0x40

struct cst_nd {
	uint8_t type;             /* enum cst_icmp6_type, 133..136 */
	uint8_t flags;            /* NA: CST_ND_NA_*; RA: managed 0x80, other 0x40, ... */
	uint8_t has;              /* CST_ND_HAS_* */
	uint8_t hop_limit;        /* RA; 0: unspecified */
	uint16_t router_lifetime; /* RA, seconds */
	uint8_t source_mac[6], target_mac[6];
	uint8_t prefix_len, prefix_flags;
	uint32_t reachable_ms, retrans_ms; /* RA; 0: unspecified */
	uint32_t mtu;
	uint32_t prefix_valid, prefix_preferred; /* seconds, of the first prefix */
	uint8_t prefix[16];
	uint8_t target[16]; /* NS, NA */
};

/* ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1). */
static inline void cst_nd_solicited_node(uint8_t *group, const uint8_t *addr)
{
	cst_put_be64(group, 0xff02000000000000ull);
	cst_put_be32(group + 8, 1);
	group[12] = 0xff;
	group[13] = addr[13];
	group[14] = addr[14];
	group[15] = addr[15];
}

static inline int cst_nd_unspecified(const uint8_t *a)
{
	return cst_be64(a) == 0 && cst_be64(a + 8) == 0;
}

static inline int cst_nd_options(const uint8_t *p, uint32_t len, struct cst_nd *out)
{
	uint32_t off = 0;

	for (int n = 0; off < len; n++) {
		uint32_t size;

		if (n == CST_ND_MAX_OPTIONS || len - off < 8)
			return CST_ND_OPTION;
		size = p[off + 1] * 8u;
		if (size == 0 || size > len - off)
			return CST_ND_OPTION;
		switch (p[off]) {
		case 1: /* source link-layer address */
			__builtin_memcpy(out->source_mac, p + off + 2, 6);
			out->has |= CST_ND_HAS_SOURCE_MAC;
			break;
		case 2: /* target link-layer address */
			__builtin_memcpy(out->target_mac, p + off + 2, 6);
			out->has |= CST_ND_HAS_TARGET_MAC;
			break;
		case 3: /* prefix information */
			if (size != 32)
				return CST_ND_OPTION;
			if (out->has & CST_ND_HAS_PREFIX)
				break;
			out->prefix_len = p[off + 2];
			out->prefix_flags = p[off + 3];
			out->prefix_valid = cst_be32(p + off + 4);
			out->prefix_preferred = cst_be32(p + off + 8);
			__builtin_memcpy(out->prefix, p + off + 16, 16);
			if (out->prefix_len > 128)
				return CST_ND_OPTION;
			out->has |= CST_ND_HAS_PREFIX;
			break;
		case 5: /* MTU */
			out->mtu = cst_be32(p + off + 4);
			out->has |= CST_ND_HAS_MTU;
			break;
		}
		off += size;
	}
	return CST_ND_OK;
}

/* What the addresses of a message must be like. `ip6` is its IPv6 header. */
static inline int cst_nd_addresses(const uint8_t *ip6, const struct cst_nd *nd)
{
	const uint8_t *src = ip6 + 8;
	const uint8_t *dst = ip6 + 24;

	switch (nd->type) {
	case CST_ICMP6_ROUTER_SOLICIT:
		if (cst_nd_unspecified(src) && (nd->has & CST_ND_HAS_SOURCE_MAC))
			return CST_ND_ADDRESS;
		break;
	case CST_ICMP6_ROUTER_ADVERT:
		if (!cst_ip6_is_link_local(src))
			return CST_ND_ADDRESS;
		break;
	case CST_ICMP6_NEIGHBOUR_SOLICIT:
		if (cst_ip6_is_multicast(nd->target))
			return CST_ND_ADDRESS;
		if (cst_nd_unspecified(src)) { /* duplicate address detection */
			uint8_t group[16];

			cst_nd_solicited_node(group, nd->target);
			if (cst_be64(dst) != cst_be64(group) ||
			    cst_be64(dst + 8) != cst_be64(group + 8))
				return CST_ND_ADDRESS;
			if (nd->has & CST_ND_HAS_SOURCE_MAC)
				return CST_ND_ADDRESS;
		}
		break;
	case CST_ICMP6_NEIGHBOUR_ADVERT:
		if (cst_ip6_is_multicast(nd->target))
			return CST_ND_ADDRESS;
		if (cst_ip6_is_multicast(dst) && (nd->flags & CST_ND_NA_SOLICITED))
			return CST_ND_ADDRESS;
		break;
	}
	return CST_ND_OK;
}

/* `ip6`: the IPv6 header, accepted by cst_ip6_parse(); `p`: the ICMPv6 message, `len` bytes, in
 * whole (the packet is no fragment, RFC 6980). 0 or a negative enum cst_nd_err; `out` valid with 0.
 */
static inline int cst_nd_parse(const uint8_t *ip6, const uint8_t *p, uint32_t len,
			       struct cst_nd *out)
{
	uint32_t fixed;
	int rc;

	*out = (struct cst_nd){0};
	if (len < 8)
		return CST_ND_TRUNCATED;
	out->type = p[0];
	if (p[0] < CST_ICMP6_ROUTER_SOLICIT || p[0] > CST_ICMP6_NEIGHBOUR_ADVERT || p[1] != 0)
		return CST_ND_TYPE;
	if (ip6[7] != 255)
		return CST_ND_HOP_LIMIT;
	fixed = p[0] == CST_ICMP6_ROUTER_SOLICIT ? 8 : p[0] == CST_ICMP6_ROUTER_ADVERT ? 16 : 24;
	if (len < fixed)
		return CST_ND_TRUNCATED;
	if (!cst_icmp6_csum_ok(ip6 + 8, ip6 + 24, p, len))
		return CST_ND_CHECKSUM;

	if (p[0] == CST_ICMP6_ROUTER_ADVERT) {
		out->hop_limit = p[4];
		out->flags = p[5];
		out->router_lifetime = cst_be16(p + 6);
		out->reachable_ms = cst_be32(p + 8);
		out->retrans_ms = cst_be32(p + 12);
	} else if (p[0] != CST_ICMP6_ROUTER_SOLICIT) {
		if (p[0] == CST_ICMP6_NEIGHBOUR_ADVERT)
			out->flags = p[4];
		__builtin_memcpy(out->target, p + 8, 16);
	}
	rc = cst_nd_options(p + fixed, len - fixed, out);
	return rc ? rc : cst_nd_addresses(ip6, out);
}

/* Write a neighbour solicitation with its IPv6 header, 72 bytes. `dst` NULL: to the target's
 * solicited-node group, else to that address (probe of a known neighbour). `mac`: our own. */
static inline __attribute__((always_inline)) uint32_t
cst_nd_put_solicit(uint8_t *p, const uint8_t *src, const uint8_t *dst, const uint8_t *target,
		   const uint8_t *mac)
{
	uint8_t *icmp = p + 40;
	uint8_t group[16];

	if (!dst) {
		cst_nd_solicited_node(group, target);
		dst = group;
	}
	cst_ip6_put(p, src, dst, CST_PROTO_ICMPV6, 32, 0xc0, 255, 0);
	cst_put_be32(icmp, (uint32_t)CST_ICMP6_NEIGHBOUR_SOLICIT << 24);
	cst_put_be32(icmp + 4, 0);
	__builtin_memcpy(icmp + 8, target, 16);
	icmp[24] = 1;
	icmp[25] = 1;
	__builtin_memcpy(icmp + 26, mac, 6);
	cst_icmp6_csum_set(p + 8, p + 24, icmp, 32);
	return 72;
}

/* Write a neighbour advertisement with its IPv6 header, 72 bytes. `flags`: CST_ND_NA_*. */
static inline __attribute__((always_inline)) uint32_t
cst_nd_put_advert(uint8_t *p, const uint8_t *src, const uint8_t *dst, const uint8_t *target,
		  const uint8_t *mac, uint8_t flags)
{
	uint8_t *icmp = p + 40;

	cst_ip6_put(p, src, dst, CST_PROTO_ICMPV6, 32, 0xc0, 255, 0);
	cst_put_be32(icmp, (uint32_t)CST_ICMP6_NEIGHBOUR_ADVERT << 24);
	cst_put_be32(icmp + 4, (uint32_t)flags << 24);
	__builtin_memcpy(icmp + 8, target, 16);
	icmp[24] = 2;
	icmp[25] = 1;
	__builtin_memcpy(icmp + 26, mac, 6);
	cst_icmp6_csum_set(p + 8, p + 24, icmp, 32);
	return 72;
}
