/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_clock.h"

#include <time.h>

#include <rte_cycles.h>

#include "engine/wall.h"

static uint64_t ms_of(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void read_clocks(struct upf_now *now)
{
	now->tsc = rte_get_tsc_cycles();
	now->hz = cst_wall_tsc_hz();
	if (now->hz == 0)
		now->hz = 1000000000; /* no EAL: nothing is stamped either */
	now->ms = ms_of(CLOCK_MONOTONIC);
	now->unix_ms = ms_of(CLOCK_REALTIME);
}

void (*upf_clock)(struct upf_now *now) = read_clocks;
