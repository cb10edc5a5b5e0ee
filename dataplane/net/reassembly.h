/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Datagrams to coast's own addresses that came in fragments (RFC 791 3.2,
 * RFC 815, RFC 8200 4.5, RFC 5722; TS 29.281 4.2 for tunnels): one bounded store
 * for each worker. All calls but start and stop are the worker's own.
 *
 * Every fragment that goes in is counted once: held while it waits, and then
 * dropped by name, or consumed, or gone on as the datagram it became.
 *
 * Bounds for each worker: CST_REASM_DATAGRAMS, a quarter of the packet buffers
 * of all workers together, CST_REASM_FRAGMENTS for each datagram, CST_REASM_MS
 * of time. When a bound is met the oldest datagram makes room: what comes
 * whole comes within a moment, and nobody can fill the store for long.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "engine/worker.h"
#include "err.h"
#include "ip.h"

#define CST_REASM_DATAGRAMS 1024
/* 65 535 bytes in pieces of the least MTU of IPv6 are 54. */
#define CST_REASM_FRAGMENTS 64
/* From the first fragment on. Those of one datagram follow each other on the wire, and at high
 * rates IPv4's 16-bit identification is used again within a second (RFC 4963, RFC 6864): far less
 * than the 15 s of RFC 791 or the 60 s of RFC 8200. */
#define CST_REASM_MS 1000

int cst_reasm_start(uint16_t workers, uint32_t packet_buffers, struct cst_err *e);
void cst_reasm_stop(void); /* frees what waits; workers have stopped */

/* Which datagram a fragment is of: the same number on all workers. The packet stands at its IP
 * header, `ip` is what cst_ip_parse() says of it. */
uint32_t cst_reasm_hash(struct rte_mbuf *m, const struct cst_ip_info *ip);

/* Take a fragment. The whole datagram when it was the last one missing, else NULL. Its headers are
 * in the first segment, the IPv6 fragment header is gone, struct cst_pkt tells of it. */
struct rte_mbuf *cst_reasm_add(struct cst_worker *w, struct rte_mbuf *m,
			       const struct cst_ip_info *ip, uint32_t hash);

/* Give up one datagram whose time is over; false: there is none. `*first`: its fragment at offset
 * zero, for the caller to drop, with struct cst_pkt's drop set; NULL when that has not come. */
bool cst_reasm_expire(struct cst_worker *w, struct rte_mbuf **first);

/* TSC before which cst_reasm_expire() has nothing to do. */
extern struct cst_reasm_due {
	uint64_t at;
} __rte_cache_aligned cst_reasm_due[CST_MAX_WORKERS];

static inline bool cst_reasm_is_due(const struct cst_worker *w)
{
	return w->now >= cst_reasm_due[w->id].at;
}

/* Give up all whose time is over, and tell their senders; from the node `rx` only. */
void cst_reasm_give_up(struct cst_worker *w);
