/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is recorded of traced packets: one log per worker, filled by it and read
 * by the control thread. A log that is full takes no more until it is cleared.
 */
#pragma once

#include "trace/watch.h"

#define CST_TRACE_STEPS 4096 /* of one log */
#define CST_TRACE_BYTES 160  /* of a packet */
#define CST_TRACE_NOTES 3

/* In place of a node's number. */
#define CST_TRACE_TAKEN 0xffff /* kept, or passed on by other means than an edge */
#define CST_TRACE_TX    0xfffe /* a port sent it */
#define CST_TRACE_SLOW  0xfffd /* the slow-path thread */
#define CST_TRACE_DROP  0xfffc /* counted under its reason and freed */

struct cst_trace_note {
	uint16_t kind;
	uint64_t values[CST_TRACE_VALUES];
};

/* A packet at a node, as it came to it. */
struct cst_trace_step {
	uint64_t tsc;
	uint32_t len;    /* bytes of the packet */
	uint16_t cap;    /* bytes of it in data */
	uint16_t number; /* of the packet */
	uint16_t node;   /* node number (engine/stats.h) or one of the above */
	uint16_t to;     /* node it left for, or CST_TRACE_TAKEN */
	uint16_t drop;   /* number of the reason; 0: none */
	uint16_t port;   /* at the source and CST_TRACE_TX; 0: none */
	uint8_t worker;  /* CST_WATCH_SLOW: the slow path */
	bool frame;      /* data begins with the L2 header */
	uint8_t n_notes;
	struct cst_trace_note notes[CST_TRACE_NOTES];
	uint8_t data[CST_TRACE_BYTES];
};

struct cst_trace_open {
	const struct rte_mbuf *m;
	struct cst_trace_step *step; /* NULL: there was no room */
	uint16_t at;                 /* place in the burst */
};

struct cst_trace_log {
	/* the worker's */
	uint32_t next; /* steps begun; free-running like the other two */
	uint16_t n_open, n_sent;
	bool frames;
	struct cst_trace_open open[CST_MAX_BURST]; /* of the running node */
	struct cst_trace_open sent[CST_MAX_BURST]; /* of the burst that goes out */
	uint64_t lost;                             /* steps that did not fit */
	_Atomic uint32_t head __rte_cache_aligned; /* steps that may be read */
	_Atomic uint32_t tail;                     /* the control thread's: steps thrown away */
	struct cst_trace_step steps[CST_TRACE_STEPS] __rte_cache_aligned;
};

/* How many packets have matched a filter. */
extern atomic_uint cst_trace_numbers;

/* The number of the n-th of them: 1..65535. */
#define CST_TRACE_NUMBER(n) ((uint16_t)(1 + (n) % UINT16_MAX))

static inline uint16_t cst_trace_new_number(void)
{
	return CST_TRACE_NUMBER(
		atomic_fetch_add_explicit(&cst_trace_numbers, 1, memory_order_relaxed));
}
