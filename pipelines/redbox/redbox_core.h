/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Duplicate discard of the Parallel Redundancy Protocol (IEC 62439-3).
 * A node has one counter for all its destinations, so the numbers that come here
 * have gaps and nothing follows from them: a frame is a duplicate when this source
 * address and number came before, lately, and in no other case. Rather a duplicate
 * is passed than a frame discarded that is none.
 *
 * Per node there is room for 64 blocks of 128 numbers; a block is forgotten when
 * no new number of it came for REDBOX_FORGET_MS, and earlier when another takes
 * its place. Nodes are kept in sets by address; a node that was silent that long
 * gives up its place to a new one. Pure; one thread. Time in TSC cycles.
 */
#pragma once

#include <stdint.h>

#define REDBOX_FORGET_MS      400   /* EntryForgetTime */
#define REDBOX_NODE_FORGET_MS 60000 /* NodeForgetTime */
#define REDBOX_LIFE_CHECK_MS  2000  /* LifeCheckInterval */
#define REDBOX_BLOCKS         64u
#define REDBOX_WAYS           8u

struct redbox_block {
	uint64_t came[2]; /* by number within the block */
	uint64_t last;    /* when a new one came last */
	uint16_t number;  /* of the block: sequence numbers / 128 */
	uint8_t used;
	uint8_t pad[5];
};

struct redbox_node {
	uint64_t last;    /* when a frame of it came */
	uint64_t seen[2]; /* the same by LAN A and B, supervision included; 0: never */
	uint64_t received[2], discarded, wrong_lan;
	uint8_t mac[6];
	uint8_t used;
	uint8_t ordinary; /* its last frame had no trailer: a singly attached node */
	struct redbox_block block[REDBOX_BLOCKS];
};

/* A number of this node came. 1: for the first time. `forget` in cycles. */
static inline int redbox_first(struct redbox_node *n, uint16_t seq, uint64_t now, uint64_t forget)
{
	uint16_t number = seq >> 7;
	struct redbox_block *b = &n->block[number % REDBOX_BLOCKS];
	uint64_t bit = 1ull << (seq & 63), *word = &b->came[seq >> 6 & 1];

	if (!b->used || b->number != number || (int64_t)(now - b->last) >= (int64_t)forget) {
		b->came[0] = b->came[1] = 0;
		b->number = number;
		b->used = 1;
	} else if (*word & bit) {
		return 0;
	}
	*word |= bit;
	b->last = now;
	return 1;
}

static inline int redbox_is(const struct redbox_node *n, const uint8_t *mac)
{
	return n->used && __builtin_memcmp(n->mac, mac, 6) == 0;
}

/* The node with this address among the REDBOX_WAYS of its set, made when it is new; 0: all places
 * are taken by nodes that are not silent, and its frames cannot be told apart. */
static inline struct redbox_node *redbox_find(struct redbox_node *set, const uint8_t *mac,
					      uint64_t now, uint64_t forget)
{
	struct redbox_node *oldest = &set[0];

	for (uint32_t i = 0; i < REDBOX_WAYS; i++) {
		if (redbox_is(&set[i], mac))
			return &set[i];
		if (oldest->used && (!set[i].used || set[i].last < oldest->last))
			oldest = &set[i];
	}
	if (oldest->used && (int64_t)(now - oldest->last) < (int64_t)forget)
		return 0;
	__builtin_memset(oldest, 0, __builtin_offsetof(struct redbox_node, block));
	for (uint32_t i = 0; i < REDBOX_BLOCKS; i++)
		oldest->block[i].used = 0;
	__builtin_memcpy(oldest->mac, mac, 6);
	oldest->used = 1;
	oldest->last = now;
	return oldest;
}
