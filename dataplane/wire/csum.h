/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) and its incremental update (RFC 1624).
 *
 * A running sum is opaque (words as they lie in memory, carries unfolded);
 * start it with 0 or a pseudo header. Only cst_csum_fold() turns it into a
 * checksum, in host order like every other number here: store it with
 * cst_put_be16(). A message with its checksum in place folds to 0 when intact.
 * Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"

/* Add `len` bytes (at most 1 MiB in one sum). Pieces may follow each other as long as all but the
 * last are of even length. */
static inline uint64_t cst_csum_add(uint64_t sum, const void *data, uint32_t len)
{
	const uint8_t *p = (const uint8_t *)data;
	uint64_t a = 0;
	uint64_t b = 0;

	/* two independent sums of 32-bit words cannot overflow 64 bits and need no carry chain */
	for (; len >= 16; len -= 16, p += 16) {
		uint64_t w[2];

		__builtin_memcpy(w, p, 16);
		a += (w[0] & 0xffffffff) + (w[0] >> 32);
		b += (w[1] & 0xffffffff) + (w[1] >> 32);
	}
	for (; len >= 4; len -= 4, p += 4) {
		uint32_t w;

		__builtin_memcpy(&w, p, 4);
		a += w;
	}
	if (len >= 2) {
		uint16_t w;

		__builtin_memcpy(&w, p, 2);
		a += w;
		p += 2;
		len -= 2;
	}
	if (len)
		a += CST_BE16((uint16_t)(*p << 8));
	return sum + a + b;
}

/* Add one 16-bit or 32-bit number given in host order. */
static inline uint64_t cst_csum_add16(uint64_t sum, uint16_t v)
{
	return sum + CST_BE16(v);
}

static inline uint64_t cst_csum_add32(uint64_t sum, uint32_t v)
{
	return sum + CST_BE32(v);
}

/* The checksum, host order: the complement of the folded sum. */
static inline uint16_t cst_csum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return CST_BE16((uint16_t)~sum);
}

/* As it must stand in a UDP header, where 0 says "none" (RFC 768, RFC 8200 8.1). */
static inline uint16_t cst_csum_fold_udp(uint64_t sum)
{
	uint16_t c = cst_csum_fold(sum);

	return c ? c : 0xffff;
}

/* Pseudo headers: addresses as they lie on the wire, `l4_len` in bytes, host order. */
static inline uint64_t cst_csum_pseudo4(const void *src, const void *dst, uint8_t proto,
					uint32_t l4_len)
{
	uint64_t sum = cst_csum_add(0, src, 4);

	sum = cst_csum_add(sum, dst, 4);
	return cst_csum_add32(cst_csum_add16(sum, proto), l4_len);
}

static inline uint64_t cst_csum_pseudo6(const void *src, const void *dst, uint8_t proto,
					uint32_t l4_len)
{
	uint64_t sum = cst_csum_add(0, src, 16);

	sum = cst_csum_add(sum, dst, 16);
	return cst_csum_add32(cst_csum_add16(sum, proto), l4_len);
}

/* RFC 1624 equation 3. `csum` as read from the header and the new one as to be written, host order;
 * so are the old and new values of the field that changes, at an even offset. */
static inline uint16_t cst_csum_update16(uint16_t csum, uint16_t was, uint16_t is)
{
	uint32_t sum = (uint16_t)~csum + (uint32_t)(uint16_t)~was + is;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static inline uint16_t cst_csum_update32(uint16_t csum, uint32_t was, uint32_t is)
{
	csum = cst_csum_update16(csum, (uint16_t)(was >> 16), (uint16_t)(is >> 16));
	return cst_csum_update16(csum, (uint16_t)was, (uint16_t)is);
}

/* The same for `len` bytes (even) at an even offset, such as an address. */
static inline uint16_t cst_csum_update(uint16_t csum, const void *was, const void *is, uint32_t len)
{
	uint16_t out = (uint16_t)~cst_csum_fold(cst_csum_add(0, was, len));
	uint16_t in = (uint16_t)~cst_csum_fold(cst_csum_add(0, is, len));

	return cst_csum_update16(csum, out, in);
}
