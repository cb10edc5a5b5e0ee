/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The whole engine in the benchmarks' process: two workers, and two ports whose
 * devices are functions of the benchmark. The network around it:
 *
 *	192.0.2.2 .. 65 --- n3 192.0.2.1 (access) | (core) n6 198.51.100.1 --- 198.51.100.2, to all
 *
 * The benchmarks' thread has the packet cache of an EAL thread and walks worker 0
 * itself, as nobody else does; worker 1 belongs to a thread of its own, which
 * rests until it is launched.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_ethdev.h>

#include "bench.h"
#include "engine/worker.h"
#include "err.h"

enum cst_bench_port { CST_BENCH_N3, CST_BENCH_N6, CST_BENCH_PORTS };
enum { CST_BENCH_ACCESS = 1, CST_BENCH_CORE = 2 }; /* network instances */

extern const uint8_t cst_bench_peer[6]; /* MAC address of every neighbour */

/* At the first call all is brought up, for good. False: `e` says why not. */
bool cst_bench_engine(struct cst_err *e);

const uint8_t *cst_bench_mac(enum cst_bench_port port);

/* What the port does when it is polled and when packets are sent on it; from now on. */
void cst_bench_device(enum cst_bench_port port, eth_rx_burst_t rx, eth_tx_burst_t tx);

/* Worker 0 polls one port, `times` in each walk; worker 1 polls none. No worker may walk. */
bool cst_bench_poll(enum cst_bench_port port, uint16_t times);

/* ---- walks: a burst in by one port, and out by the other ---------------------- */

#define CST_BENCH_MAX_OUT (2 * CST_MAX_BURST + 64) /* with what coast sends of its own */

extern struct cst_bench_burst {
	struct rte_mbuf *in[CST_MAX_BURST], *out[CST_BENCH_MAX_OUT];
	uint16_t n_in, n_out, at;
	uint16_t want; /* so many have to come out */
} cst_bench_burst;

struct cst_bench_walk {
	enum cst_bench_port in; /* the other one sends; what this one sends is missed */
	uint16_t burst;         /* comes in by one walk, */
	uint16_t packets;       /* and counts as so many */
	void (*fill)(void);     /* cst_bench_burst.in, n_in, want; not measured */
	void (*empty)(void);    /* what came out is the benchmark's again; NULL: nothing to do */
	bool (*is_right)(void); /* asked of the last burst, if anything came out */
	/* Leaves out of burst.out what is not of the burst: the slow path has something to say to
	 * neighbours. Asked when the number is not right. */
	void (*sort_out)(void);
};

/* `node` in the report is what counts: cycles per packet of the walk, the median burst. `at.NODE`
 * are those of each node per packet it has seen, as `coastctl node show` has them: the mean of one
 * walk in 256. A port gives 64 packets at a time: 256 are those of four queues. */
void cst_bench_walks(struct cst_bench *b, const struct cst_bench_walk *w);
