/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UDP (RFC 768; over IPv6 RFC 8200 8.1, RFC 6936 for the zero checksum).
 * Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "csum.h"

struct cst_udp_hdr {
	uint16_t src, dst, length, csum; /* network order */
} __attribute__((packed));

_Static_assert(sizeof(struct cst_udp_hdr) == 8, "RFC 768");

enum cst_udp_err {
	CST_UDP_OK = 0,
	CST_UDP_TRUNCATED = -1, /* fewer bytes than the header, or than it says */
	CST_UDP_LENGTH = -2,    /* length field below 8 */
};

struct cst_udp {
	uint16_t src_port, dst_port;
	uint16_t len;  /* header and payload, by the header */
	uint16_t csum; /* 0: none */
};

/* `len`: bytes of the IP payload. */
static inline int cst_udp_parse(const uint8_t *p, uint32_t len, struct cst_udp *out)
{
	if (len < 8)
		return CST_UDP_TRUNCATED;
	out->src_port = cst_be16(p);
	out->dst_port = cst_be16(p + 2);
	out->len = cst_be16(p + 4);
	out->csum = cst_be16(p + 6);
	if (out->len < 8)
		return CST_UDP_LENGTH;
	if (out->len > len)
		return CST_UDP_TRUNCATED;
	return CST_UDP_OK;
}

/* The checksum of a whole datagram, `udp_len` bytes at `p`. With a zero checksum: right over IPv4,
 * wrong over IPv6 unless `zero6_ok` (RFC 6936). `ip` is the IP header it came in. */
static inline int cst_udp_csum_ok(const uint8_t *ip, const uint8_t *p, uint32_t udp_len,
				  int zero6_ok)
{
	uint64_t sum;

	if (ip[0] >> 4 == 4) {
		if (cst_be16(p + 6) == 0)
			return 1;
		sum = cst_csum_pseudo4(ip + 12, ip + 16, 17, udp_len);
	} else {
		if (cst_be16(p + 6) == 0)
			return zero6_ok;
		sum = cst_csum_pseudo6(ip + 8, ip + 24, 17, udp_len);
	}
	return cst_csum_fold(cst_csum_add(sum, p, udp_len)) == 0;
}

/* Write a header without checksum; 8. */
static inline uint32_t cst_udp_put(uint8_t *p, uint16_t src_port, uint16_t dst_port, uint16_t len)
{
	cst_put_be64(p, (uint64_t)src_port << 48 | (uint64_t)dst_port << 32 | (uint64_t)len << 16);
	return 8;
}

/* Compute and store the checksum of the datagram of `udp_len` bytes behind the IP header `ip`. */
static inline void cst_udp_csum_set(const uint8_t *ip, uint8_t *p, uint32_t udp_len)
{
	uint64_t sum = ip[0] >> 4 == 4 ? cst_csum_pseudo4(ip + 12, ip + 16, 17, udp_len)
				       : cst_csum_pseudo6(ip + 8, ip + 24, 17, udp_len);

	cst_put_be16(p + 6, 0);
	cst_put_be16(p + 6, cst_csum_fold_udp(cst_csum_add(sum, p, udp_len)));
}
