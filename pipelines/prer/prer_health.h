/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one path does for one stream, as the stream's owner worker sees it.
 */
#pragma once

#include <stdint.h>

struct prer_health {
	uint64_t seen;         /* packets that came by this path */
	uint64_t first;        /* of them, those that were passed */
	uint32_t last;         /* TSC >> 16 of the last */
	uint32_t lag;          /* behind the first copy, mean, TSC >> 10 */
	uint32_t out_of_order; /* packets that came after a later one by this same path */
	uint32_t high;         /* highest number seen */
};
_Static_assert(sizeof(struct prer_health) == 32, "two in a cache line");
