/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bring the packet machinery up and down. The only user is coastd's main (and
 * test harnesses). engine.c alone knows rte_graph.
 */
#pragma once

#include <stdio.h>

#include <rte_mempool.h>

#include "err.h"
#include "module.h"

/* EAL and packet memory. Falls back to ordinary pages with a notice that says how to do better. */
int cst_engine_init(const struct cst_system *sys, struct cst_err *e);
/* Launch the workers; after all modules' start(). */
int cst_engine_run(struct cst_err *e);
void cst_engine_stop(void);

struct rte_mempool *cst_packet_pool(void);

/* An lcore id whose EAL thread only rests: for one other thread to go by, so that it has its share
 * of the packet pool's cache. A thread that asked DPDK for one (rte_thread_register) would shut out
 * other processes, dpdk-proc-info among them. LCORE_ID_ANY before cst_engine_init(). */
unsigned cst_spare_lcore(void);

/* The node graph as Graphviz text, from the registered nodes themselves. Needs no EAL. */
void cst_engine_graph(FILE *out);

/* Drain workers' notices; from the control thread's loop. Returns how many. */
unsigned cst_engine_notices(void);
/* How many workers' notices have found no room, ever. Control thread. */
uint64_t cst_engine_notices_lost(void);

/* After everything else has been taken down: gives packet memory and EAL back. */
void cst_engine_fini(void);
