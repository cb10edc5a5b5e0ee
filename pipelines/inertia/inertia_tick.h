/* SPDX-License-Identifier: BSD-3-Clause */
/* What passes with time. Control thread only. */
#pragma once

#include "inertia_keep.h"

/* Every 100 ms; `now_ms` as struct cst_module has it. */
void inertia_tick_all(uint64_t now_ms);

/* Times in which this thread stood still, as the workers saw it, since start. */
struct inertia_stalls {
	uint64_t count, last_ms, longest_ms;
};
void inertia_stalls(struct inertia_stalls *out);
