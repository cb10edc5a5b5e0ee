/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IP and UDP outside of a tunnel: a template made once for each way, copied and
 * patched for each packet. Lengths in bytes, numbers in host order, addresses in
 * network order. The caller provides the room. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "addr.h"
#include "be.h"
#include "ip.h"
#include "udp.h"

#define CST_OUTER_TTL 64
#define CST_OUTER_MAX 48 /* IPv6 and UDP */

/* All that is the same in every packet, to `hdr` of CST_OUTER_MAX bytes; returns the length, 28 or
 * 48. Its IPv4 checksum is right for length, type of service and identification of zero, so that
 * patching only adds. */
static inline uint8_t cst_outer_set(uint8_t *hdr, const struct cst_ip *local,
				    const struct cst_ip *remote, uint16_t dport)
{
	uint32_t ip_len;

	if (remote->family == 4)
		ip_len = cst_ip4_put(hdr, local->b, remote->b, CST_PROTO_UDP, 0, 0, CST_OUTER_TTL,
				     0, 0);
	else
		ip_len = cst_ip6_put(hdr, local->b, remote->b, CST_PROTO_UDP, 0, 0, CST_OUTER_TTL,
				     0);
	cst_udp_put(hdr + ip_len, 0, dport, 0);
	return (uint8_t)(ip_len + 8);
}

/* For `payload` bytes behind UDP. `id` is the IPv4 identification: DF is 0 outside, so it may not
 * repeat soon (RFC 6864). `label` is the IPv6 flow label. The UDP checksum is left 0: final for
 * IPv4 (RFC 768), to be filled in for IPv6. */
static inline __attribute__((always_inline)) void cst_outer_put(uint8_t *p, const uint8_t *hdr,
								uint8_t family, uint32_t payload,
								uint8_t tos, uint16_t id,
								uint16_t sport, uint32_t label)
{
	if (__builtin_expect(family == 4, 1)) {
		uint16_t total = (uint16_t)(28 + payload);
		uint32_t sum;

		__builtin_memcpy(p, hdr, 28);
		sum = (uint16_t)~cst_be16(hdr + 10);
		sum += (uint32_t)total + tos + id;
		sum = (sum & 0xffff) + (sum >> 16);
		sum = (sum & 0xffff) + (sum >> 16);
		p[1] = tos;
		cst_put_be16(p + 2, total);
		cst_put_be16(p + 4, id);
		cst_put_be16(p + 10, (uint16_t)~sum);
		cst_put_be16(p + 20, sport);
		cst_put_be16(p + 24, (uint16_t)(8 + payload));
		return;
	}
	__builtin_memcpy(p, hdr, 48);
	cst_put_be32(p, 6u << 28 | (uint32_t)tos << 20 | (label & 0xfffff));
	cst_put_be16(p + 4, (uint16_t)(8 + payload));
	cst_put_be16(p + 40, sport);
	cst_put_be16(p + 44, (uint16_t)(8 + payload));
}
