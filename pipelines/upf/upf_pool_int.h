/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * UE pools as the control side keeps them: what upf_addr.c (addresses) and
 * upf_pool.c (the class) share. Control thread.
 */
#pragma once

#include "be.h"
#include "upf_books.h"

enum upf_pool_state { UPF_POOL_FREE, UPF_POOL_PLANNED, UPF_POOL_LIVE, UPF_POOL_DYING };

struct upf_ue_pool {
	struct cst_prefix prefix; /* host bits zero */
	uint32_t first, count;    /* slots; count 0: only checked (no tables) */
	uint32_t used, next;      /* next: where the search for a free one goes on */
	uint64_t *taken;          /* bit: address in use or resting */
	uint16_t vrf;
	uint8_t state;
	bool deleting; /* in the running transaction */
	bool resumed;  /* `next` goes on from where an earlier life of coastd was */
	char name[64];
	char network_instance[64];
};

extern struct upf_ue_pool upf_ue_pools[UPF_MAX_POOLS]; /* 0 is none */
extern unsigned upf_n_ue_pools;                        /* above the highest in use */
extern uint32_t upf_n_slots, upf_n_stray_addrs;

/* Addresses are in it, and it is there to stay. */
static inline bool upf_ue_pool_usable(const struct upf_ue_pool *p)
{
	return (p->state == UPF_POOL_PLANNED || p->state == UPF_POOL_LIVE) && !p->deleting;
}

bool upf_ue_covers(const struct upf_ue_pool *p, const struct upf_held_addr *a);
void upf_ue_drop(struct upf_ue_pool *p);

/* Upper half of the address as a number; IPv4 in its upper 32 bits, so that prefixes compare alike.
 */
static inline uint64_t upf_ue_number_of(const uint8_t *b, bool v6)
{
	return v6 ? cst_be64(b) : cst_be64(b) >> 32 << 32;
}

static inline uint64_t upf_ue_prefix_mask(uint8_t len)
{
	return len == 0 ? 0 : ~0ull << (64 - len);
}
