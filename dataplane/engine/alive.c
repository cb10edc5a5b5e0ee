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
	_Atomic uint64_t stalls, since;
} seen __rte_cache_aligned;

void cst_alive_sign(uint64_t tsc)
{
	atomic_store_explicit(&sign.tsc, tsc, memory_order_relaxed);
}

void cst_alive_look(uint64_t tsc, uint64_t silent)
{
	uint64_t last = atomic_load_explicit(&sign.tsc, memory_order_relaxed);
	uint64_t since = atomic_load_explicit(&seen.since, memory_order_relaxed);
	/* signed: the sign may be from after `tsc` was read */
	int64_t passed = (int64_t)(tsc - last);

	if (last == 0 || last == since)
		return;
	if (passed > (int64_t)silent) {
		atomic_store_explicit(&seen.since, last, memory_order_relaxed);
		atomic_store_explicit(&seen.stalls, seen.stalls + 1, memory_order_release);
	} else if (since != 0) {
		atomic_store_explicit(&seen.since, 0, memory_order_relaxed);
	}
}

void cst_alive_state(struct cst_alive *out)
{
	out->stalls = atomic_load_explicit(&seen.stalls, memory_order_acquire);
	out->stalled_tsc = atomic_load_explicit(&seen.since, memory_order_relaxed);
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
