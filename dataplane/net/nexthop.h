/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Next hops: who to send a frame to. A record is made by the control thread
 * (gateways of routes) or by the slow-path thread (hosts on connected
 * prefixes), under one lock that workers never take; the MAC word is written
 * by the slow-path thread alone and read whole by workers. All other fields
 * are written before the record can be found and stay until it is freed, a
 * grace period after it could be found last.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "err.h"

#define CST_MAX_NEXTHOPS 65536

enum cst_nh_state {
	CST_NH_FREE,
	CST_NH_INCOMPLETE, /* being asked for; packets wait in the slow path */
	CST_NH_REACHABLE,
	CST_NH_STALE,  /* used as it is while it is asked for again */
	CST_NH_FAILED, /* did not answer; packets to it are dropped until it does */
	CST_NH_STATIC, /* configured */
};

struct cst_nexthop {
	_Atomic uint64_t mac; /* bytes 0..5 MAC in memory order, byte 6 state, byte 7 zero */
	uint16_t iface;
	uint16_t port;
	uint16_t vlan;
	uint16_t mtu;
	uint8_t src_mac[6];
	uint16_t refs; /* snapshots that use it; control/slow side, under the lock */
	struct cst_ip ip;
	uint32_t last_used_s;  /* slow side */
	_Atomic uint32_t used; /* set to 1 by workers when 0: asks the slow path to keep it fresh */
	uint8_t probes;        /* slow side: requests sent without an answer */
	uint8_t pad;
	uint16_t epoch; /* the interface's when the record was made (net/fib.h) */
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct cst_nexthop) == 64, "one cache line");

extern struct cst_nexthop *cst_nexthops; /* [CST_MAX_NEXTHOPS]; NULL before start */

/* Worker: the record of (iface, ip), 0 when there is none. Lock-free. */
uint32_t cst_nexthop_find(uint16_t iface, const struct cst_ip *ip);
uint32_t cst_nexthop_find4(uint16_t iface, uint32_t dst); /* network order */

static inline uint64_t cst_nexthop_word(const struct cst_nexthop *nh)
{
	return atomic_load_explicit(&nh->mac, memory_order_acquire);
}

static inline enum cst_nh_state cst_nexthop_state(uint64_t word)
{
	return (enum cst_nh_state)(word >> 48 & 0xff);
}

static inline bool cst_nexthop_usable(uint64_t word)
{
	enum cst_nh_state s = cst_nexthop_state(word);

	return s == CST_NH_REACHABLE || s == CST_NH_STALE || s == CST_NH_STATIC;
}

/* ---- control thread and slow-path thread, under the lock ------------------- */

struct cst_snap_iface;

int cst_nexthops_init(struct cst_err *e);
void cst_nexthops_fini(void);

/* Guards next-hop records and keeps the live snapshot from being freed. Never taken by workers. */
void cst_net_lock(void);
void cst_net_unlock(void);

/* Find or make the record of `ip` on `ifc`, the interface numbered `iface`. 0: table full. */
uint32_t cst_nexthop_get(const struct cst_snap_iface *ifc, uint16_t iface, const struct cst_ip *ip);
/* One reference more or less. At zero the slow path may age the record out. */
void cst_nexthop_ref(uint32_t id, int delta);
/* Slow path only: no look-up finds it from now on; its number is used again once no worker can
 * hold it. The record must have no references. */
void cst_nexthop_remove(uint32_t id);
/* Slow path only: take back numbers whose grace period is over. Returns how many still wait. */
unsigned cst_nexthop_reap(void);
/* One more than the highest number ever used: bound for walks over all records. */
uint32_t cst_nexthop_high(void);
uint32_t cst_nexthop_count(void);
