/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which of many PDRs can take a packet, without reading them: a part of the
 * session's run, one for each direction that has enough PDRs.
 *
 * It is a table of bit sets with one to three fields, picked when the rules are
 * compiled for how well they part them (upf_compile_sieve.c). A field puts a
 * packet by one of its values (the remote port, say) into one of 64 categories,
 * of 16 when there are no more than 16 PDRs. For each category the table has the
 * set of PDRs that may take such packets, bit i for the i-th PDR in rising
 * precedence value. A packet is taken by none but those in the sets of all its
 * categories; of these each must still be looked at (upf_match.h), in order.
 *
 *   PDRs        a set        a field        in a run
 *   4..16       2 bytes       32 bytes      one line, two fields
 *   17..64      8 bytes      512 bytes      8 lines each
 *   65..128    16 bytes     1024 bytes      16 lines each
 *   129..256   32 bytes     2048 bytes      32 lines each
 *
 * so that a packet touches at most one line for each field.
 *
 * Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "flow.h"
#include "upf_core.h"

#define UPF_SIEVE_FROM       4   /* PDRs of a direction from which on it has a sieve */
#define UPF_SIEVE_SMALL      16  /* up to so many: one line */
#define UPF_SIEVE_MOST       256 /* more are walked one after the other */
#define UPF_SIEVE_FIELDS     3
#define UPF_SIEVE_CATEGORIES 64

/* What of a packet a field goes by. */
enum upf_sieve_value {
	UPF_SIEVE_PORT, /* of the remote end; what has an SPI in place of ports: that */
	UPF_SIEVE_ADDR, /* of the remote end: IPv4, or the last 32 bits */
	UPF_SIEVE_NET,  /* of the remote end: the first 24 bits of IPv4, 64 of IPv6 */
	UPF_SIEVE_PROTO,
	UPF_SIEVE_UE_PORT,
	UPF_SIEVE_DSCP,
	UPF_SIEVE_QFI,
	UPF_SIEVE_TEID,
	UPF_SIEVE_VALUES
};

/* A field in struct upf_sieve: its value, with one of two ways to spread it. Values of two fields
 * often rise together, from one PDR to the next; spread alike, one would tell no more than the
 * other. */
#define UPF_SIEVE_KIND(value, spread) ((value) << 1 | (spread))
#define UPF_SIEVE_KINDS               (2 * UPF_SIEVE_VALUES)
#define UPF_SIEVE_KIND_OF(kinds, i)   ((kinds) >> 4 * (i)&15)
#define UPF_SIEVE_COUNT(kinds)        ((kinds) >> 12)
_Static_assert(UPF_SIEVE_KINDS <= 16, "four bits a field");

/* Multiplication by the golden ratio, or by the root of two: numbers that follow each other come to
 * lie far apart. */
static inline uint32_t upf_sieve_category(uint32_t kind, uint32_t value, int is_small)
{
	uint32_t product = value * (kind & 1 ? 0x6a09e667u : 0x9e3779b1u);

	return product >> (is_small ? 28 : 26);
}

static inline uint32_t upf_sieve_addr(uint32_t family, const uint8_t *a)
{
	return cst_be32(family == 4 ? a : a + 12);
}

static inline uint32_t upf_sieve_net(uint32_t family, const uint8_t *a)
{
	return family == 4 ? cst_be32(a) >> 8 : cst_be32(a) ^ cst_be32(a + 4);
}

/* Number of the lowest bit that is set; one must be. BPF has no instruction for it, and clang 14 no
 * code. */
static inline uint32_t upf_sieve_lowest(uint64_t v)
{
#ifdef __bpf__
	uint32_t n = 0;

	for (uint32_t half = 32; half > 0; half /= 2) {
		if ((v & (((uint64_t)1 << half) - 1)) == 0) {
			v >>= half;
			n += half;
		}
	}
	return n;
#else
	return (uint32_t)__builtin_ctzll(v);
#endif
}

/* 64-bit words of a set, with more than UPF_SIEVE_SMALL PDRs. */
static inline uint32_t upf_sieve_words(uint32_t n)
{
	return n <= 64 ? 1 : n <= 128 ? 2 : 4;
}

/* One packet in one direction's sieve. */
struct upf_sieving {
	const struct upf_pdr *pdrs;        /* of the direction */
	const void *row[UPF_SIEVE_FIELDS]; /* the sets of its categories */
	uint32_t fields;
	uint32_t n; /* PDRs */
};

/* The packet's values. `ul`: the UE is its source. Without a QFI it is put with those of 63, and
 * falls to PDRs for which every QFI does. */
static inline void upf_sieve_values(const struct cst_flow *f, uint64_t qfi_bit, uint32_t teid,
				    int ul, uint32_t *v)
{
	const union cst_flow_addr *remote = ul ? &f->dst : &f->src;

	v[UPF_SIEVE_PORT] = (ul ? f->dst_port : f->src_port) | f->spi;
	v[UPF_SIEVE_ADDR] = upf_sieve_addr(f->family, remote->b);
	v[UPF_SIEVE_NET] = upf_sieve_net(f->family, remote->b);
	v[UPF_SIEVE_PROTO] = f->proto;
	v[UPF_SIEVE_UE_PORT] = ul ? f->src_port : f->dst_port;
	v[UPF_SIEVE_DSCP] = f->tos >> 2;
	v[UPF_SIEVE_QFI] = upf_sieve_lowest(qfi_bit | 1ull << 63);
	v[UPF_SIEVE_TEID] = teid;
}

/* Where a packet with these values is to be looked up. `table`: of a direction with `n` PDRs. */
static inline void upf_sieve_enter(const struct upf_sieve *s, const void *table, uint32_t n,
				   const uint32_t *v, struct upf_sieving *it)
{
	int is_small = n <= UPF_SIEVE_SMALL;
	uint32_t categories = is_small ? 16 : UPF_SIEVE_CATEGORIES;
	uint32_t size = is_small ? 2 : 8 * upf_sieve_words(n);

	it->n = n;
	it->fields = UPF_SIEVE_COUNT(s->kinds);
	for (uint32_t i = 0; i < it->fields; i++) {
		uint32_t kind = UPF_SIEVE_KIND_OF(s->kinds, i);
		uint32_t c = upf_sieve_category(kind, v[kind >> 1], is_small);

		it->row[i] = (const char *)table + (categories * i + c) * size;
	}
}

/* The PDRs that may take it: bits of set[0..3], of which as many words are written as a set has. */
static inline void upf_sieve_pass(const struct upf_sieving *it, uint64_t *set)
{
	uint32_t words = upf_sieve_words(it->n);

	if (it->n <= UPF_SIEVE_SMALL) {
		set[0] = 0xffff;
		for (uint32_t i = 0; i < it->fields; i++)
			set[0] &= *(const uint16_t *)it->row[i];
		return;
	}
	for (uint32_t w = 0; w < words; w++) {
		set[w] = ~(uint64_t)0;
		for (uint32_t i = 0; i < it->fields; i++)
			set[w] &= ((const uint64_t *)it->row[i])[w];
	}
}

/* The first of them at or behind word `w`, which is left out of the set then; n: no more. */
static inline uint32_t upf_sieve_next(const struct upf_sieving *it, uint64_t *set, uint32_t w)
{
	for (; w * 64 < it->n; w++) {
		if (set[w] != 0) {
			uint32_t i = w * 64 + upf_sieve_lowest(set[w]);

			set[w] &= set[w] - 1;
			return i;
		}
	}
	return it->n;
}

/* The first PDR that may take it, n: none does. Without branches that depend on which one it is:
 * that is as good as random from packet to packet. */
static inline uint32_t upf_sieve_first(const struct upf_sieving *it)
{
	uint32_t words = upf_sieve_words(it->n), first = it->n;

	if (it->n <= UPF_SIEVE_SMALL) {
		uint64_t set;

		upf_sieve_pass(it, &set);
		return upf_sieve_lowest(set | 1ull << it->n);
	}
	for (uint32_t w = words; w-- > 0;) {
		uint64_t set = ((const uint64_t *)it->row[0])[w];
		uint32_t lowest;

		for (uint32_t i = 1; i < it->fields; i++)
			set &= ((const uint64_t *)it->row[i])[w];
		lowest = w * 64 + upf_sieve_lowest(set | 1ull << 63);
		first = set != 0 ? lowest : first;
	}
	return first;
}
