/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Longest-prefix match, built once and never changed: one table for each VRF
 * and family in a snapshot. A trie of bytes with the bytes that all prefixes
 * below share skipped: at most 4 steps for IPv4 and 16 for IPv6, one or two in
 * the usual small table, and no special memory, so that a configuration can be
 * checked where there is no EAL. A node costs 2 KiB.
 *
 * Build: control thread. Look-up: any thread, no locks.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"

#define CST_LPM_NODE  0xff  /* entry.type: id is where a node lies, in cache lines */
#define CST_LPM_LIMIT 65536 /* prefixes in one table */

struct cst_lpm_node {
	uint64_t prefix[2]; /* the bytes before `depth`, others zero; memory order */
	uint64_t mask[2];
	union cst_fib_entry miss; /* the answer when the skipped bytes differ */
	uint8_t depth;            /* which byte chooses the slot */
	uint8_t pad[23];
	union cst_fib_entry slot[256];
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct cst_lpm_node) == 64 + 2048, "header is one cache line");

struct cst_lpm {
	union cst_fib_entry root;
	struct cst_lpm_node *nodes;
	uint32_t n_nodes, room;
};

struct cst_lpm_item {
	uint8_t addr[16]; /* host bits zero; IPv4 in the first four */
	uint8_t len;
	union cst_fib_entry entry;
};

/* Sorts `items`, which must differ from each other. NULL: no memory. */
struct cst_lpm *cst_lpm_build(struct cst_lpm_item *items, uint32_t n);
void cst_lpm_free(struct cst_lpm *t);

static inline const struct cst_lpm_node *cst_lpm_node(const struct cst_lpm *t, uint64_t entry)
{
	return (const void *)((const char *)t->nodes + (entry >> 32) * 64);
}

/* Entries are read whole, as one word: type in the low byte, id in the high half. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "union cst_fib_entry as a word");

static inline __attribute__((always_inline)) union cst_fib_entry
cst_lpm_lookup4(const struct cst_lpm *t, uint32_t dst)
{
	uint64_t e = t->root.u64;

	while ((e & 0xff) == CST_LPM_NODE) {
		const struct cst_lpm_node *n = cst_lpm_node(t, e);

		if ((dst ^ (uint32_t)n->prefix[0]) & (uint32_t)n->mask[0])
			return n->miss;
		e = n->slot[dst >> n->depth * 8 & 0xff].u64; /* memory order: first byte lowest */
	}
	return (union cst_fib_entry){.u64 = e};
}

static inline __attribute__((always_inline)) union cst_fib_entry
cst_lpm_lookup6(const struct cst_lpm *t, const uint8_t *dst)
{
	uint64_t e = t->root.u64;
	uint64_t d[2];

	__builtin_memcpy(d, dst, 16);
	while ((e & 0xff) == CST_LPM_NODE) {
		const struct cst_lpm_node *n = cst_lpm_node(t, e);

		if (((d[0] ^ n->prefix[0]) & n->mask[0]) | ((d[1] ^ n->prefix[1]) & n->mask[1]))
			return n->miss;
		e = n->slot[dst[n->depth]].u64;
	}
	return (union cst_fib_entry){.u64 = e};
}
