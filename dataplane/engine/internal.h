/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the engine's own files share; nobody outside this folder includes it.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "engine/worker.h"
#include "err.h"
#include "module.h"

/* ---- registry.c: the nodes and how they hang together, before DPDK is up --- */

#define CST_SOURCE    "rx"
#define CST_SINK      "drop"
#define CST_MAX_NODES 128
#define CST_MAX_EDGES 64

struct cst_vertex {
	struct cst_node *node;
	uint8_t n_own;   /* edges that the node names itself: 0..n_own-1 */
	uint8_t n_edges; /* and those of attached children after them */
	struct cst_vertex *to[CST_MAX_EDGES];
	bool reached;
};

/* Give every node its id (in name order) and every edge its number, the same in each run; write
 * the numbers where CST_ATTACH wants them. Fails with the names of both ends. */
int cst_registry_resolve(struct cst_err *e);
const struct cst_vertex *cst_registry_vertices(unsigned *n);

/* ---- cpus.c -------------------------------------------------------------- */

struct cst_cpus {
	uint16_t control;
	uint16_t worker[CST_MAX_WORKERS];
	bool shared; /* some CPU serves more than one of them */
};

/* Which CPU serves whom, by system.cpus and what this process may run on. */
int cst_cpus_choose(const struct cst_system *sys, struct cst_cpus *cpus, struct cst_err *e);

/* ---- eal.c --------------------------------------------------------------- */

int cst_eal_start(const struct cst_system *sys, struct cst_err *e);
void cst_eal_stop(void);

/* ---- pool.c -------------------------------------------------------------- */

uint64_t cst_pool_bytes(const struct cst_system *sys);
int cst_pool_create(const struct cst_system *sys, struct cst_err *e);
void cst_pool_destroy(void);

/* ---- engine.c ------------------------------------------------------------ */

int cst_graph_register(struct cst_err *e);
int cst_graph_create(struct cst_worker *w, struct cst_err *e);
void cst_graph_destroy(struct cst_worker *w);
/* One walk: true when it moved packets. */
bool cst_graph_walk(struct cst_worker *w);

/* ---- worker.c ------------------------------------------------------------ */

int cst_workers_create(const struct cst_system *sys, struct cst_err *e);
int cst_workers_launch(struct cst_err *e);
void cst_workers_join(void);
void cst_workers_destroy(void);

/* ---- rcu.c --------------------------------------------------------------- */

int cst_rcu_create(struct cst_err *e);
void cst_rcu_destroy(void);

/* ---- notice.c ------------------------------------------------------------ */

int cst_notices_create(struct cst_err *e);
void cst_notices_destroy(void);

/* ---- drop.c: the engine's own reasons ------------------------------------ */

extern const struct cst_drop *const cst_drop_handoff_full;
extern const struct cst_drop *const cst_drop_stream_full;
extern const struct cst_drop *const cst_drop_bad_edge;
