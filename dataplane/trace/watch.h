/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers do for traces and captures. Nothing, as long as there is none:
 * then w->watch is NULL for the whole walk, and one branch per burst finds that
 * out. Otherwise each packet that comes in by a port is marked or unmarked, and
 * whoever moves packets says so here.
 *
 * A mark lives in struct cst_pkt, so it goes where the packet goes: into the
 * inbox of another worker, into a buffer, into a copy. It means nothing in
 * another epoch: marks are not wiped off when nobody looks.
 *
 * Everything here: the worker's own thread, unless said otherwise. It never waits;
 * what does not fit is lost and counted.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "addr.h"
#include "engine/node.h"
#include "engine/worker.h"

/* ---- what is looked for: compiled by the control thread, immutable ------------------ */

#define CST_WATCH_FILTERS 17 /* 16 of traces, one of the capture */
#define CST_WATCH_TEIDS   512
#define CST_WATCH_ADDRS   256

struct cst_watch_teid {
	uint32_t teid; /* host order */
	uint16_t vrf;  /* network instance that the packet came in by; 0: any */
	uint16_t pad;
};

struct cst_watch_addr {
	struct cst_prefix prefix;
	uint16_t vrf; /* of a plain packet to this address; 0: any address of the packet, inside
		       * and outside of its tunnel */
	uint16_t pad;
};

/* A packet matches when one of these does. Zeroed before it is filled, to be compared. */
struct cst_watch_keys {
	uint16_t n_teids, n_addrs;
	bool any;       /* every packet */
	uint64_t ports; /* bit by port number */
	struct cst_watch_teid teids[CST_WATCH_TEIDS];
	struct cst_watch_addr addrs[CST_WATCH_ADDRS];
};

struct cst_watch_filter {
	atomic_int *left; /* packets still to be traced; NULL: the capture's filter */
	uint16_t id;
	struct cst_watch_keys keys;
};

struct cst_trace_log;
struct cst_capture;

#define CST_WATCH_SLOW CST_MAX_WORKERS /* number of the slow-path thread among the logs */

struct cst_watch {
	uint8_t epoch;                     /* 1..CST_MARK_EPOCH */
	struct cst_capture *capture;       /* NULL: none */
	struct cst_trace_log *const *logs; /* by worker; [CST_WATCH_SLOW] the slow path's */
	uint16_t n_filters;
	struct cst_watch_filter filters[];
};

/* NULL: nothing is traced or captured. Replaced under RCU; cst_graph_walk() loads it. */
extern const struct cst_watch *_Atomic cst_watch_live;

/* ---- marks --------------------------------------------------------------------------- */

#define CST_MARK_EPOCH   0x1f
#define CST_MARK_CAPTURE 0xe0 /* number of the capture that it belongs to, 0: none */

/* Is anything traced or captured in this walk? */
static inline bool cst_watched(const struct cst_worker *w)
{
	return unlikely(w->watch != NULL);
}

/* Did it come in by a port since the watch began? */
static inline bool cst_mark_valid(const struct cst_watch *watch, const struct cst_pkt *pkt)
{
	return (pkt->mark & CST_MARK_EPOCH) == watch->epoch;
}

/* Is this packet traced? Ask cst_watched() once per burst first. */
static inline bool cst_traced(const struct cst_worker *w, struct rte_mbuf *m)
{
	const struct cst_pkt *pkt = cst_pkt(m);

	return pkt->traced != 0 && cst_mark_valid(w->watch, pkt);
}

/* ---- notes ----------------------------------------------------------------------------- */

#define CST_TRACE_VALUES 5

/* A kind of note: what its numbers mean, and how an operator reads them. */
struct cst_trace_kind {
	const char *name;                     /* "rule" */
	const char *values[CST_TRACE_VALUES]; /* names, as in JSON; NULL: not used */
	/* One line. Control thread. */
	void (*text)(const uint64_t *values, char *buf, size_t size);
	struct cst_trace_kind *next;
	uint16_t id; /* set at registration */
};

void cst_trace_kind_add(struct cst_trace_kind *k);
const struct cst_trace_kind *cst_trace_kind_by_id(uint16_t id);

#define CST_TRACE_KIND(var)                                                           \
	static void __attribute__((constructor, used)) cst_trace_kind_reg_##var(void) \
	{                                                                             \
		cst_trace_kind_add(&var);                                             \
	}                                                                             \
	struct cst_swallow_semicolon

/* Add a note to the step that the packet is at: the running node's. From within process(); nothing
 * when the packet is not traced. A step holds three notes, more are left out. */
void cst_trace_note(struct cst_worker *w, struct rte_mbuf *m, const struct cst_trace_kind *kind,
		    const uint64_t values[CST_TRACE_VALUES]);

/* ---- who moves packets says so; each only when cst_watched() ------------------------------ */

/* A burst from a port, before anybody looks at it: marks every packet of it. (match.c) */
void cst_watch_rx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n);
/* The source sends packets on to the node numbered `to`, which takes whole frames or not. */
void cst_watch_source(struct cst_worker *w, uint16_t node, uint16_t to, bool frames,
		      struct rte_mbuf **pkts, uint16_t n);
/* Before and after a node's process(). Between them the packets may be gone. */
void cst_watch_enter(struct cst_worker *w, uint16_t node, bool frames, struct rte_mbuf **pkts,
		     uint16_t n);
/* `next` tells the node behind an edge; CST_TRACE_TAKEN: none. */
void cst_watch_leave(struct cst_worker *w, const uint8_t *edge,
		     uint16_t (*next)(const void *arg, uint8_t edge), const void *arg);
/* A packet about to be counted and freed under a reason. */
void cst_watch_drop(struct cst_worker *w, uint16_t why, struct rte_mbuf *m);
/* Until it is called with false: packets are whole frames, as a port sends them. */
void cst_watch_frames(struct cst_worker *w, bool on);
/* Before they go to the device, and after `sent` of them went there. */
void cst_watch_tx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n);
void cst_watch_sent(struct cst_worker *w, uint16_t sent);
/* Before they go to another worker. */
void cst_watch_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n);
/* The walk is over: readers may see what was recorded. */
void cst_watch_flush(struct cst_worker *w);
/* The slow path drops a packet. Slow-path thread, with cst_net_lock() held. */
void cst_watch_slow_drop(struct rte_mbuf *m, uint16_t why);
