/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Figures of the running graph. Any thread may read; a reader sees each number
 * whole, but not all of them from the same instant.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/worker.h"

struct cst_node_stats {
	const char *name, *help;
	uint64_t calls;   /* for "rx": polls, empty ones included */
	uint64_t packets; /* exact */
	/* One busy walk in 256 is timed: cycles / packets of those, moving on included. */
	uint64_t sampled_packets;
	uint64_t sampled_cycles; /* TSC cycles */
};

/* Nodes are numbered 0..cst_node_count()-1 in name order; 0 before cst_engine_init(). */
unsigned cst_node_count(void);
/* Of one worker, or of all together with `worker` CST_ALL_WORKERS. False: no such node. */
#define CST_ALL_WORKERS 0xffff
bool cst_node_stats(unsigned node, uint16_t worker, struct cst_node_stats *out);

/* A worker's counters, those that other threads keep for it added in. */
void cst_worker_stats(uint16_t id, struct cst_worker_stats *out);
