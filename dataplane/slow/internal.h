/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the slow path's own files share; nobody outside this folder includes
 * it. Everything here runs in the slow-path thread with cst_net_lock() held.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "net/fib.h"
#include "net/nexthop.h"
#include "slow/slow.h"

/* ---- slow.c ----------------------------------------------------------------- */

extern struct cst_slow_stats slow_stats; /* drops[] etc.; `held` is counted when asked for */

/* CLOCK_MONOTONIC as of this round of the thread's loop. */
extern uint64_t slow_now_ms;

/* Ends of a packet that came from a worker. */
void slow_drop(struct rte_mbuf *m, const struct cst_drop *why);
void slow_consume(struct rte_mbuf *m);
/* Back to the worker it came from, at an edge of `rx`. */
enum slow_edge { SLOW_TO_OUTPUT, SLOW_TO_ERROR };
void slow_release(struct rte_mbuf *m, enum slow_edge edge);

/* A packet made here: an empty buffer, and out of an interface's port as a frame. */
struct rte_mbuf *slow_alloc(void);
void slow_send_frame(struct rte_mbuf *m, const struct cst_snap_iface *ifc);
/* Put an L2 header for `ifc` in front and send. */
void slow_send(struct rte_mbuf *m, const struct cst_snap_iface *ifc, const uint8_t dst_mac[6],
	       uint16_t ethertype);

/* ---- neigh.c: what is known of neighbours, and when to ask again -------------- */

struct slow_queue {
	uint16_t head, tail, n; /* in hold.c's slots; 0: none */
};

struct slow_neigh {
	uint64_t confirmed_ms; /* when it last proved to be there */
	uint64_t used_ms;      /* when a worker last sent to it */
	uint64_t next_ms;      /* when to ask (again) */
	struct slow_queue queue;
};

extern struct slow_neigh *slow_neighs; /* [CST_MAX_NEXTHOPS], beside cst_nexthops */

int neigh_init(void);
void neigh_fini(void);

/* The record of `ip`, made when it is on a prefix of the interface. 0: not on link, or full. */
uint32_t neigh_get(const struct cst_snap *s, uint16_t iface, const struct cst_ip *ip);
/* The record of `ip` if there is one. */
uint32_t neigh_find(uint16_t iface, const struct cst_ip *ip);
/* It answered us. Packets that wait for it leave. */
void neigh_confirm(uint32_t id, const uint8_t mac[6]);
/* It spoke of itself: the MAC is used and confirmed at once if in use. */
void neigh_hear(uint32_t id, const uint8_t mac[6]);
/* Its MAC is in doubt: ask soon. */
void neigh_doubt(uint32_t id);
/* Hold a packet until its neighbour is known (CST_SLOW_HOLD, CST_SLOW_RESOLVE). */
void neigh_resolve(const struct cst_snap *s, struct rte_mbuf *m);
/* Fixed neighbours as the snapshot has them. */
void neigh_sync(const struct cst_snap *s);
void neigh_tick(const struct cst_snap *s);

/* Whether `ip` is an own address of the interface, its link-local one included. */
bool iface_owns(const struct cst_snap_iface *ifc, const struct cst_ip *ip);
bool iface_on_link(const struct cst_snap_iface *ifc, const struct cst_ip *ip);

/* ---- arp.c, nd.c --------------------------------------------------------------- */

void arp_input(const struct cst_snap *s, struct rte_mbuf *m);
/* Ask for `ip`; `mac` NULL: everybody, else that station. */
void arp_solicit(const struct cst_snap_iface *ifc, const struct cst_ip *ip, const uint8_t *mac);
void arp_announce(const struct cst_snap_iface *ifc, const struct cst_ip *ip);

void nd_input(const struct cst_snap *s, struct rte_mbuf *m);
void nd_solicit(const struct cst_snap_iface *ifc, const struct cst_ip *ip, const uint8_t *mac);
void nd_announce(const struct cst_snap_iface *ifc, const uint8_t *ip);

/* ---- hold.c: packets that wait -------------------------------------------------- */

void hold_add(struct slow_queue *q, struct rte_mbuf *m);
struct rte_mbuf *hold_take(struct slow_queue *q); /* NULL: empty */
uint32_t hold_count(void);                        /* any thread */

/* ---- tap.c: the kernel's side ----------------------------------------------------- */

struct pollfd;
/* Make, change and remove TAPs as the snapshot's interfaces want. */
void tap_sync(const struct cst_snap *s);
void tap_fini(void);
/* A copy to the kernel behind the interface, if there is one; the packet stays the caller's and
 * stands behind its L2 header. False: there is none, or it did not take it. */
bool tap_give(const struct cst_snap *s, struct rte_mbuf *m, uint16_t ethertype);
/* Frames from the kernel to the network; true when there were any. */
bool tap_read(const struct cst_snap *s);
/* File descriptors to wait on; `n` of them. */
struct pollfd *tap_fds(unsigned *n);
