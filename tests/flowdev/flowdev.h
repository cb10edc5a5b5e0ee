/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A network device for tests that does rte_flow in software: it reads real
 * packets, matches ETH, VLAN, IPV4, IPV6, UDP, GTPU (also as GTP), GTP_PSC and what is inside
 * the tunnel, and acts QUEUE, MARK, DROP and COUNT. A device string as any other:
 *
 *   eal:net_flowdev0,iface=n3,refuse=gtpu:mark,table=100,delay=50
 *
 *   iface   kernel interface that its packets come from and go to (AF_PACKET);
 *           without it what is sent comes back in
 *   refuse  items and actions it does not know, by their names in small letters,
 *           `psc`, `teid` (GTPU that looks at it), `inner` (IP in the tunnel), `destroy` (rules
 * only go all together) table   so many rules and no more delay   microseconds that making or
 * removing a rule takes
 *
 * Packets that no rule matches are spread by their outer addresses, as RSS does.
 *
 * It stands on net_null, which is a device in all respects but for packets and
 * rules, and takes the place of the DPDK calls that concern these: linked into a
 * program, or preloaded (LD_PRELOAD).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>
#include <rte_flow.h>
#include <rte_ring.h>
#include <rte_spinlock.h>

#define FLOWDEV_QUEUES 8
#define FLOWDEV_ITEMS  8

struct flowdev_queue {
	struct flowdev *dev;
	uint16_t n;
	struct rte_ring *ring; /* packets that belong here */
	struct rte_mempool *pool;
};

struct flowdev {
	uint16_t port;
	bool used;
	int sock;        /* -1: what is sent comes back */
	uint64_t refuse; /* bits: enum flowdev_word */
	uint32_t table, delay_us;
	uint16_t n_queues;
	struct flowdev_queue queue[FLOWDEV_QUEUES];
	rte_spinlock_t lock; /* of the socket's reader and the rules */
	struct rte_flow *rules;
	uint32_t n_rules;
};

/* Words of `refuse`, in this order. */
extern const char *const flowdev_words[];

/* NULL: not one of ours. */
struct flowdev *flowdev_of(uint16_t port);
/* Rules that the port holds now. */
uint32_t flowdev_rules(uint16_t port);
/* Rules that were still there when their device stopped: a fault of who made them. */
extern uint32_t flowdev_left;

/* flowdev_match.c: where the packet goes: its queue, marked; -1: dropped. With the lock held. */
int flowdev_classify(struct flowdev *d, struct rte_mbuf *m);
