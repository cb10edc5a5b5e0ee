/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The table of identifications as those who fill it and those who look share it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "hash.h"
#include "port/port.h"
#include "prer_ident.h"

#define IDENT_MAX_ENTRIES (1u << 22) /* 1 M streams that are sent and come by two paths */
#define IDENT_BUCKETS     (1u << 22)
#define IDENT_MAX_SHAPES  255 /* masks in the whole table */
#define IDENT_AT_PLACE    16  /* and at one port */

/* Which octets of a frame a key is made of. */
enum ident_kind { IDENT_L2, IDENT_IP, IDENT_MSDU };

enum ident_vlan { VLAN_ANY, VLAN_SOME, VLAN_EXACT };

/* Behind the key's head. Unused octets are 0. */
union ident_body {
	uint64_t w[6];
	struct {
		uint8_t dmac[6], smac[6];
		uint8_t msdu[PRER_MSDU_OCTETS];
	};
	struct {
		uint8_t dmac[6];
		uint8_t dscp, proto;
		uint16_t src_port, dst_port; /* host order */
		uint8_t family;
		uint8_t pad[3];
		uint8_t src[16], dst[16];
	} ip;
};
_Static_assert(sizeof(union ident_body) == 48, "three parts of a cache line");

struct ident_key {
	uint32_t place; /* port, or with the top bit a tunnel */
	uint16_t shape; /* index of the mask, 1.. */
	uint16_t vlan;
	union ident_body body;
};

/* Immutable once visible, but `next` and `value`. */
struct ident_entry {
	struct ident_key key;
	uint32_t next;  /* in its bucket's chain; 0: the last */
	uint32_t value; /* PRER_VALUE; 0: not to be seen yet */
};
_Static_assert(sizeof(struct ident_entry) == 64, "one cache line");

/* A mask in use; immutable while it is. */
struct ident_shape {
	uint8_t kind, vlan; /* enum ident_kind, ident_vlan */
	uint8_t words;      /* of the body that the key needs */
	uint8_t pad[5];
	union ident_body mask;
};

/* Masks at a port (0: in tunnels): replaced as a whole. */
struct ident_list {
	uint8_t n;
	uint8_t shape[IDENT_AT_PLACE]; /* mask-and-match last */
};

extern struct ident_entry *ident_entries; /* by number; NULL before the first */
extern uint32_t *ident_heads;             /* [IDENT_BUCKETS] */
extern uint64_t ident_seed;
extern struct ident_shape ident_shapes[IDENT_MAX_SHAPES + 1];
extern struct ident_list *ident_lists[CST_MAX_PORTS]; /* NULL: none; with acquire */

static inline uint32_t ident_place(uint16_t port, uint32_t tunnel)
{
	return port ? port : tunnel | 1u << 31;
}

/* The key of `full` under a mask. `vlan` is the frame's or the identification's. */
static inline uint32_t ident_key(struct ident_key *k, uint32_t place, uint16_t shape, uint16_t vlan,
				 const union ident_body *full)
{
	const struct ident_shape *s = &ident_shapes[shape];

	k->place = place;
	k->shape = shape;
	k->vlan = s->vlan == VLAN_EXACT ? vlan : s->vlan == VLAN_SOME ? vlan != 0 : 0;
	for (unsigned i = 0; i < s->words; i++)
		k->body.w[i] = full->w[i] & s->mask.w[i];
	return 8 + 8u * s->words;
}

static inline uint32_t *ident_head(const struct ident_key *k, uint32_t len)
{
	return &ident_heads[cst_hash_bytes(k, len, ident_seed) % IDENT_BUCKETS];
}
