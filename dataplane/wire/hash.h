/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flow hashes: a few multiplications, the same bits under every compiler and in
 * BPF (no 128-bit product, no CPU instruction of its own), so that all parts
 * agree on a packet's worker, path and UDP source port. Not against an attacker
 * who picks his flows: bound what a collision costs instead.
 *
 * All fragments of a packet hash alike: ports are left out of fragments.
 * Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "flow.h"

/* Odd constants with bits well spread (fractions of the golden ratio and square roots). */
#define CST_HASH_K1 0x9e3779b97f4a7c15ull
#define CST_HASH_K2 0x6a09e667f3bcc909ull
#define CST_HASH_K3 0xbb67ae8584caa73bull

/* Two words into one, every bit of both into every bit of the result. */
static inline uint64_t cst_hash_mix(uint64_t a, uint64_t b)
{
	uint64_t h = (a ^ CST_HASH_K3) * CST_HASH_K1;

	h ^= h >> 32;
	h = (h + b) * CST_HASH_K2;
	h ^= h >> 29;
	h *= CST_HASH_K1;
	return h ^ h >> 32;
}

/* Spread 32 bits evenly over 0..n-1 without a division. */
static inline uint32_t cst_hash_reduce(uint32_t hash, uint32_t n)
{
	return (uint32_t)(((uint64_t)hash * n) >> 32);
}

/* An end of a flow in one word; for IPv4 without loss. */
static inline uint64_t cst_hash_end(const struct cst_flow *f, const union cst_flow_addr *a,
				    uint16_t port)
{
	if (f->family == 4)
		return (uint64_t)a->w[0] << 16 | port;
	return cst_hash_mix(a->d[0], a->d[1]) + port;
}

/* Of a flow in its direction. IPv6 flow label and type of service stay out: they may change within
 * a flow. */
static inline uint32_t cst_hash_flow(const struct cst_flow *f)
{
	uint16_t sp = f->flags & CST_FLOW_FRAG ? 0 : f->src_port;
	uint16_t dp = f->flags & CST_FLOW_FRAG ? 0 : f->dst_port;
	uint64_t s = cst_hash_end(f, &f->src, sp);
	uint64_t d = cst_hash_end(f, &f->dst, dp);

	return (uint32_t)cst_hash_mix(s ^ (uint64_t)f->proto << 56, d);
}

/* The same for both directions of a flow. */
static inline uint32_t cst_hash_flow_symmetric(const struct cst_flow *f)
{
	uint16_t sp = f->flags & CST_FLOW_FRAG ? 0 : f->src_port;
	uint16_t dp = f->flags & CST_FLOW_FRAG ? 0 : f->dst_port;
	uint64_t s = cst_hash_end(f, &f->src, sp);
	uint64_t d = cst_hash_end(f, &f->dst, dp);
	uint64_t lo = s < d ? s : d;
	uint64_t hi = s < d ? d : s;

	return (uint32_t)cst_hash_mix(lo ^ (uint64_t)f->proto << 56, hi);
}

/* Of `len` bytes (names, keys); for tables, not for the wire. */
static inline uint64_t cst_hash_bytes(const void *data, uint32_t len, uint64_t seed)
{
	const uint8_t *p = (const uint8_t *)data;
	uint64_t h = seed ^ len;
	uint64_t w = 0;

	for (; len >= 8; len -= 8, p += 8) {
		__builtin_memcpy(&w, p, 8);
		h = cst_hash_mix(h, w);
	}
	w = 0;
	for (uint32_t i = 0; i < len; i++)
		w |= (uint64_t)p[i] << (8 * i);
	return cst_hash_mix(h, w);
}

/* UDP source port of a tunnelled flow, in the dynamic range 49152..65535 (RFC 6335; TS 29.281
 * 4.4.2.3 lets the sender of G-PDUs choose). Host order. */
static inline uint16_t cst_hash_port(uint32_t hash)
{
	return (uint16_t)(0xc000 | hash >> 18);
}
