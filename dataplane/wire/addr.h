/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * An IP address of either family and a prefix, as every layer passes them.
 * Bytes are in network order. Compiles for BPF.
 */
#pragma once

#include <stdint.h>

struct cst_ip {
	uint8_t family; /* 4, 6, or 0: none */
	uint8_t pad[3];
	union {
		uint8_t b[16]; /* IPv4 in b[0..3], the rest zero */
		uint32_t v4;   /* network order */
		uint32_t w[4];
		uint64_t d[2];
	};
} __attribute__((packed, aligned(4)));

struct cst_prefix {
	struct cst_ip ip; /* host bits kept as given: 10.0.0.1/24 is an interface address */
	uint8_t len;      /* 0..32 or 0..128 */
	uint8_t pad[3];
};

_Static_assert(sizeof(struct cst_ip) == 20, "cst_ip");
_Static_assert(sizeof(struct cst_prefix) == 24, "cst_prefix");

static inline int cst_ip_eq(const struct cst_ip *a, const struct cst_ip *b)
{
	return a->family == b->family && a->w[0] == b->w[0] &&
	       (a->family != 6 || (a->w[1] == b->w[1] && a->w[2] == b->w[2] && a->w[3] == b->w[3]));
}

/* Is the address in the prefix, whose host bits do not count? */
static inline int cst_prefix_holds(const struct cst_prefix *p, const struct cst_ip *ip)
{
	unsigned whole = p->len / 8, rest = p->len % 8;

	if (ip->family != p->ip.family)
		return 0;
	for (unsigned i = 0; i < whole; i++)
		if (ip->b[i] != p->ip.b[i])
			return 0;
	return rest == 0 || (ip->b[whole] ^ p->ip.b[whole]) >> (8 - rest) == 0;
}
