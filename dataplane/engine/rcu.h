/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Read-copy-update between the control side (one writer) and the workers.
 * A worker is quiescent once per walk, so whatever it read is let go of then.
 *
 *   new = build(); old = live; atomic store live = new (release);
 *   cst_rcu_defer(free_it, old, 0);
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "module.h"

/* Reader numbers: 0.. are the workers'; the slow-path thread, if it reads what workers
 * read, registers itself as CST_RCU_SLOW and is offline whenever it waits. */
#define CST_RCU_SLOW    CST_MAX_WORKERS
#define CST_RCU_READERS (CST_MAX_WORKERS + 1)

struct rte_rcu_qsbr;
struct rte_rcu_qsbr *cst_rcu(void);

/* Call fn(ptr, arg) in the control thread once no worker can hold what was unlinked before this
 * call. Control thread only; never waits. */
void cst_rcu_defer(void (*fn)(void *ptr, uint64_t arg), void *ptr, uint64_t arg);
/* Run what is due; with `wait` true, wait for all of it. Called from tick and when a table is
 * full. Returns how many are still pending. */
unsigned cst_rcu_reclaim(bool wait);
