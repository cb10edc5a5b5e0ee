/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: one lcore, one graph, one loop. Everything here marked "w" is
 * written by that worker only; other threads read it without locks.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_ring.h>

#include "engine/node.h"
#include "module.h"

struct cst_worker_stats { /* w */
	uint64_t drops[CST_MAX_DROPS];
	uint64_t rx;       /* packets from ports */
	uint64_t tx;       /* packets accepted by ports */
	uint64_t injected; /* packets made by coast: replies, errors, from the kernel's TAP */
	uint64_t consumed; /* packets taken in by coast: ARP, ND, to the kernel's TAP */
	uint64_t held;     /* packets kept for later, now: fragments, buffered ones; no counter */
	uint64_t cycles_busy; /* TSC cycles in walks that moved packets */
	uint64_t cycles_idle; /* all others, back-off included */
	uint64_t walks;
	uint64_t big_loops;      /* walks longer than system.big_loop_us */
	uint64_t big_loop_worst; /* TSC cycles */
	uint64_t handed_off;     /* packets passed to the session's owner */
	uint64_t notices_lost;   /* the control thread did not listen */
};

struct cst_watch;

struct cst_worker {
	uint16_t id;                   /* 0..cst_workers()-1 */
	uint16_t lcore;                /* EAL lcore id */
	uint64_t now;                  /* TSC at the start of this walk */
	void *graph;                   /* engine's own */
	void *frame;                   /* engine's own: the running node */
	struct rte_ring *inbox;        /* packets handed to this worker: MP in, SC out */
	const struct cst_watch *watch; /* what is traced in this walk (trace/watch.h), or NULL */
	struct cst_worker_stats stats __rte_cache_aligned;
	/* cst_inject()'s; cst_worker_stats() (stats.h) adds it to stats.injected */
	_Atomic uint64_t injected_by_others __rte_cache_aligned;
} __rte_cache_aligned;

uint16_t cst_workers(void); /* how many; constant after start */
struct cst_worker *cst_worker_get(uint16_t id);

/* Which worker owns a thing numbered `index` (a session, a stream): fixed while coastd runs. */
uint16_t cst_owner_of(uint32_t index);

/* Hand packets to another worker; each goes on at `pkt->resume`, an edge number of `rx` that the
 * slice got by CST_ATTACH("rx", ...). Order between one sender and one owner is kept. What does
 * not fit is dropped under "engine.handoff_full". Call from a worker. */
void cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n);

/* The same for a burst of several owners' packets, owner[i] that of pkts[i]: in one go for each of
 * them. What is in both arrays afterwards means nothing. */
static void __rte_noinline __rte_unused cst_handoff_each(struct cst_worker *w,
							 struct rte_mbuf **pkts, uint8_t *owner,
							 uint16_t n)
{
	struct rte_mbuf *same[CST_MAX_BURST];

	/* one pass per owner among them; what remains keeps its order */
	while (n > 0) {
		uint8_t to = owner[0];
		uint16_t taken = 0, left = 0;

		for (uint16_t i = 0; i < n; i++) {
			if (owner[i] == to) {
				same[taken++] = pkts[i];
			} else {
				owner[left] = owner[i];
				pkts[left++] = pkts[i];
			}
		}
		cst_handoff(w, to, same, taken);
		n = left;
	}
}

/* Same from the slow-path thread or the control thread. Returns how many were taken; the caller
 * keeps the rest. The packets count as injected. */
uint16_t cst_inject(uint16_t worker, struct rte_mbuf **pkts, uint16_t n);

#define CST_NO_WORKER 0xff /* pkt->worker of what came by cst_inject() */

#define CST_NOTICE_LEN 56

/* Tell the control thread something: at most CST_NOTICE_LEN bytes. False, and counted, when it does
 * not listen and so the notice is lost; never waits. `kind` is a handle from cst_notice_register().
 * Any worker; the slow-path thread with `w` NULL. */
bool cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len);
typedef void (*cst_notice_fn)(const void *data, uint8_t len);
uint16_t cst_notice_register(cst_notice_fn fn); /* control thread, before start; fn runs there */
