/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena sections of the UPF, filled by upf_ctl.c (control thread), read by
 * upf_node.c (workers). State lines are the one exception: written by the
 * session's worker, read by all.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "upf_core.h"
#include "table/arena.h"

#define UPF_MAX_PEERS 65536
#define UPF_MAX_POOLS 256

struct upf_tables {
	void *lines;                 /* rule runs, 64 B each; line 0 is none */
	struct upf_count *counts;    /* state lines, four counts each */
	struct upf_teid_slot *teids; /* [1 << teid_index_bits] */
	uint32_t *pool_slots;        /* refs */
	uint32_t *sums;              /* of the runs, by their first line; control side only */
	struct upf_peer *peers;      /* [UPF_MAX_PEERS], 0 is none */
	struct upf_pool *pools;   /* [UPF_MAX_POOLS], number = aux of the pool's service prefix */
	struct upf_meter *meters; /* by the worker of the session; number 0 is none, as below */
	struct upf_usage *usages; /* same */
	struct upf_limit *limits; /* by the control thread, same numbers as usages */
	struct upf_settling *settling; /* one; control side only */
	struct upf_monitor *monitors;  /* by the worker of the session, all but the last line */
	uint32_t *framed; /* refs: networks behind UEs, [n_framed], service prefixes with aux
			   * UPF_MAX_POOLS + number */
	uint32_t n_framed;
	uint8_t teid_tag_bits; /* teid >> this = index into teids */
};

extern struct upf_tables upf_tables;

/* TEIDs that a control plane chose, by (vrf, teid); addresses outside pools, by (vrf, address or
 * /64). Worker side, lock-free; the ref, 0: none. */
uint32_t upf_stray_teid(uint16_t vrf, uint32_t teid);
uint32_t upf_stray_addr(uint16_t vrf, const struct cst_ip *ip);

/* `state`: first state line of the session. */
static inline struct upf_teid_slot upf_teid_slot(const struct upf_tables *t, uint32_t teid,
						 uint32_t ref, uint32_t state)
{
	uint8_t bits = t->teid_tag_bits;

	return (struct upf_teid_slot){state << bits | (teid & ((1u << bits) - 1)), ref};
}

static inline bool upf_teid_fits(uint32_t tag, uint32_t teid)
{
	return (tag ^ teid) << (32 - upf_tables.teid_tag_bits) == 0;
}

/* Direct index first, then the hash. Worker side. The ref, 0: no such TEID here. *state is a line
 * of the state section that is worth fetching, 0: none is known. */
static inline uint32_t upf_find_teid_hint(uint16_t vrf, uint32_t teid, uint32_t *state)
{
	uint8_t bits = upf_tables.teid_tag_bits;
	struct upf_teid_slot s = {0};

	/* one 8-byte load: tag and ref belong together */
	__atomic_load(&upf_tables.teids[teid >> bits], &s, __ATOMIC_ACQUIRE);
	if (__builtin_expect(s.ref != 0 && upf_teid_fits(s.tag, teid) && teid != 0, 1)) {
		*state = s.tag >> bits;
		return s.ref;
	}
	*state = 0;
	return upf_stray_teid(vrf, teid);
}

static inline uint32_t upf_find_teid(uint16_t vrf, uint32_t teid)
{
	uint32_t state;

	return upf_find_teid_hint(vrf, teid, &state);
}
