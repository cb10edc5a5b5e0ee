/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The slow path: one thread of the dataplane's own for what needs time or the
 * kernel: ARP and ND, packets that wait for a neighbour, TAPs. It depends on
 * nothing above dataplane/, so it goes on when the control thread does not.
 *
 * Workers give it packets by the node `slow`; it gives packets to workers by
 * cst_inject().
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "engine/node.h"

struct cst_nexthop;

/* What is asked of it: pkt->slow. A packet stands at its IP header unless said otherwise. */
enum cst_slow_op {
	CST_SLOW_PUNT,    /* to the kernel by the TAP of pkt->iface */
	CST_SLOW_ARP,     /* an ARP message, behind its L2 header */
	CST_SLOW_ND,      /* neighbour discovery */
	CST_SLOW_RESOLVE, /* hold it and find its destination's MAC on interface pkt->aux */
	CST_SLOW_HOLD,    /* hold it and find the MAC of pkt->nexthop */
};

/*
 * Its part in  rx + injected == tx + consumed + drops + held:
 * each packet that a worker's `slow` took ends here as consumed or dropped, or is held.
 * What it sends (replies, released packets, the kernel's) the workers count as injected.
 * Written by the slow-path thread; any thread reads.
 */
struct cst_slow_stats {
	uint64_t consumed; /* ARP, ND, given to the kernel, or released again to a worker */
	uint64_t held;     /* in its ring or waiting for a neighbour, now */
	uint64_t drops[CST_MAX_DROPS];
	uint64_t to_kernel, from_kernel;
	uint64_t arp_requests, arp_replies; /* sent */
	uint64_t nd_solicits, nd_adverts;   /* sent */
	uint64_t wakeups;
};

void cst_slow_stats(struct cst_slow_stats *out);

/* The neighbours as the slow-path thread knows them; return non-zero from fn to stop. Control
 * thread; `nh` is a copy. */
typedef int (*cst_neigh_iter)(const struct cst_nexthop *nh, void *arg);
int cst_slow_each_neigh(cst_neigh_iter fn, void *arg);
