/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ICMP (RFC 792) and ICMPv6 (RFC 4443): echo, errors. Neighbour discovery is
 * in nd.h. Pointers are at the ICMP header. Numbers in host order, addresses in
 * network order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "csum.h"

struct cst_icmp_hdr {
	uint8_t type, code;
	uint16_t csum; /* network order, like what follows */
	uint32_t rest; /* identifier and sequence number, MTU, pointer: by type */
} __attribute__((packed));

_Static_assert(sizeof(struct cst_icmp_hdr) == 8, "RFC 792");

enum cst_icmp4_type {
	CST_ICMP4_ECHO_REPLY = 0,
	CST_ICMP4_UNREACHABLE = 3,
	CST_ICMP4_SOURCE_QUENCH = 4,
	CST_ICMP4_REDIRECT = 5,
	CST_ICMP4_ECHO = 8,
	CST_ICMP4_TIME_EXCEEDED = 11,
	CST_ICMP4_PARAMETER = 12,
};

enum cst_icmp4_code { /* of CST_ICMP4_UNREACHABLE */
		      CST_ICMP4_NET = 0,
		      CST_ICMP4_HOST = 1,
		      CST_ICMP4_PROTOCOL = 2,
		      CST_ICMP4_PORT = 3,
		      CST_ICMP4_FRAG_NEEDED = 4, /* rest: MTU in the low 16 bits (RFC 1191) */
		      CST_ICMP4_PROHIBITED = 13,
};

enum cst_icmp6_type {
	CST_ICMP6_UNREACHABLE = 1,
	CST_ICMP6_TOO_BIG = 2, /* rest: MTU */
	CST_ICMP6_TIME_EXCEEDED = 3,
	CST_ICMP6_PARAMETER = 4,
	CST_ICMP6_ECHO = 128,
	CST_ICMP6_ECHO_REPLY = 129,
	CST_ICMP6_ROUTER_SOLICIT = 133,
	CST_ICMP6_ROUTER_ADVERT = 134,
	CST_ICMP6_NEIGHBOUR_SOLICIT = 135,
	CST_ICMP6_NEIGHBOUR_ADVERT = 136,
	CST_ICMP6_REDIRECT = 137,
};

enum cst_icmp6_code { /* of CST_ICMP6_UNREACHABLE */
		      CST_ICMP6_NO_ROUTE = 0,
		      CST_ICMP6_PROHIBITED = 1,
		      CST_ICMP6_ADDRESS = 3,
		      CST_ICMP6_PORT = 4,
};

/* Messages about which no error may be sent (RFC 1812 4.3.2.7, RFC 4443 2.4 e). */
static inline int cst_icmp4_is_error(uint8_t type)
{
	return type == CST_ICMP4_UNREACHABLE || type == CST_ICMP4_SOURCE_QUENCH ||
	       type == CST_ICMP4_REDIRECT || type == CST_ICMP4_TIME_EXCEEDED ||
	       type == CST_ICMP4_PARAMETER;
}

static inline int cst_icmp6_is_error(uint8_t type)
{
	return type < 128 || type == CST_ICMP6_REDIRECT;
}

/* Checksums of a whole message, `len` bytes at `p`; for ICMPv6 with the addresses of the packet. */
static inline int cst_icmp4_csum_ok(const uint8_t *p, uint32_t len)
{
	return len >= 8 && cst_csum_fold(cst_csum_add(0, p, len)) == 0;
}

static inline int cst_icmp6_csum_ok(const uint8_t *src, const uint8_t *dst, const uint8_t *p,
				    uint32_t len)
{
	return len >= 4 &&
	       cst_csum_fold(cst_csum_add(cst_csum_pseudo6(src, dst, 58, len), p, len)) == 0;
}

static inline void cst_icmp4_csum_set(uint8_t *p, uint32_t len)
{
	cst_put_be16(p + 2, 0);
	cst_put_be16(p + 2, cst_csum_fold(cst_csum_add(0, p, len)));
}

static inline void cst_icmp6_csum_set(const uint8_t *src, const uint8_t *dst, uint8_t *p,
				      uint32_t len)
{
	cst_put_be16(p + 2, 0);
	cst_put_be16(p + 2,
		     cst_csum_fold(cst_csum_add(cst_csum_pseudo6(src, dst, 58, len), p, len)));
}

/* Turn an echo request into its reply where it stands: type, and checksum by difference. The caller
 * exchanges the IP addresses, which leaves the ICMPv6 pseudo header's sum as it is. Of the two
 * zeroes of a checksum, 0xffff is right behind any bytes, 0 not behind a message of zeroes alone
 * (RFC 1624 3). */
static inline void cst_icmp_echo_reply(uint8_t *p, uint8_t reply_type)
{
	uint16_t was = cst_be16(p), csum;

	p[0] = reply_type;
	csum = cst_csum_update16(cst_be16(p + 2), was, cst_be16(p));
	cst_put_be16(p + 2, csum ? csum : 0xffff);
}

/* Write the header of an error in front of `quoted` bytes of the packet it is about, which stand at
 * p + 8 already. `rest` by type (enum comments). Checksum computed; 8. */
static inline uint32_t cst_icmp4_put_error(uint8_t *p, uint8_t type, uint8_t code, uint32_t rest,
					   uint32_t quoted)
{
	p[0] = type;
	p[1] = code;
	cst_put_be32(p + 4, rest);
	cst_icmp4_csum_set(p, 8 + quoted);
	return 8;
}

static inline __attribute__((always_inline)) uint32_t
cst_icmp6_put_error(uint8_t *p, uint8_t type, uint8_t code, uint32_t rest, uint32_t quoted,
		    const uint8_t *src, const uint8_t *dst)
{
	p[0] = type;
	p[1] = code;
	cst_put_be32(p + 4, rest);
	cst_icmp6_csum_set(src, dst, p, 8 + quoted);
	return 8;
}
