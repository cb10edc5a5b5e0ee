/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * For slices that keep packets for a time: a function of theirs runs within the
 * node `rx` of a worker once the time that they have set for it has come, and
 * sends what it has by edges of `rx` (CST_ATTACH("rx", ...), cst_emit()). An idle
 * worker naps up to 200 us between two looks.
 */
#pragma once

#include <stdint.h>

#include <rte_common.h>

#include "engine/worker.h"

#define CST_MAX_WAKES 4

struct cst_wake_at {  /* w */
	uint64_t tsc; /* not before; UINT64_MAX: never */
} __rte_cache_aligned;

typedef void (*cst_wake_fn)(struct cst_worker *w);

struct cst_wake {
	cst_wake_fn fn;
	struct cst_wake_at *at; /* [CST_MAX_WORKERS], the slice's */
};

extern struct cst_wake cst_wakes[CST_MAX_WAKES];
extern unsigned cst_n_wakes;

/* Before start. `at` is filled with "never". */
void cst_wake_register(cst_wake_fn fn, struct cst_wake_at *at);
