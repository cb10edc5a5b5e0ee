/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/alive.h"

#include <stdatomic.h>

#include <rte_common.h>
#include <rte_cycles.h>

#include "module.h"

/* A line for each writer. */
static struct {
	_Atomic uint64_t tsc; /* 0: there is no control thread yet */
} sign __rte_cache_aligned;
static struct {
	_Atomic uint64_t stalls;
	uint64_t last; /* the sign before the silence that was counted last */
} seen __rte_cache_aligned;

void cst_alive_sign(uint64_t tsc)
{
	atomic_store_explicit(&sign.tsc, tsc, memory_order_relaxed);
}

void cst_alive_look(uint64_t tsc, uint64_t silent)
{
	uint64_t last = atomic_load_explicit(&sign.tsc, memory_order_relaxed);
	/* signed: the sign may be from after `tsc` was read */
	int64_t passed = (int64_t)(tsc - last);

	if (last == 0 || last == seen.last || passed <= (int64_t)silent)
		return;
	seen.last = last;
	atomic_store_explicit(&seen.stalls, seen.stalls + 1, memory_order_relaxed);
}

uint64_t cst_alive_stalls(void)
{
	return atomic_load_explicit(&seen.stalls, memory_order_relaxed);
}

static void tick(uint64_t now_ms)
{
	cst_alive_sign(rte_rdtsc());
}

/* Workers of a later start, in one process, wait for the first sign anew. */
static void stop(void)
{
	cst_alive_sign(0);
}

/* After the modules that ask how long it was silent. */
static struct cst_module alive_module = {.name = "alive", .order = 99, .tick = tick, .stop = stop};
CST_MODULE(alive_module);
