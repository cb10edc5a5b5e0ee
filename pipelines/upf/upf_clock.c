/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_clock.h"

#include <rte_cycles.h>

#include "engine/wall.h"
#include "now.h"

static void read_clocks(struct upf_now *now)
{
	now->tsc = rte_get_tsc_cycles();
	now->hz = cst_wall_tsc_hz();
	if (now->hz == 0)
		now->hz = 1000000000; /* no EAL: nothing is stamped either */
	now->ms = cst_now_ms();
	now->unix_ms = cst_unix_ms();
}

void (*upf_clock)(struct upf_now *now) = read_clocks;
