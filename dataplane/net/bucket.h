/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rate limit in one word: the time at which all that was let through so far
 * would have been due at the allowed rate (generic cell rate algorithm). One
 * owner, no division.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cst_bucket {
	uint64_t due; /* TSC */
};

/* `interval`: cycles per event. `slack`: how many cycles a burst may run ahead. */
static inline bool cst_bucket_take(struct cst_bucket *b, uint64_t now, uint64_t interval,
				   uint64_t slack)
{
	uint64_t due = b->due > now ? b->due : now;

	if (due - now > slack)
		return false;
	b->due = due + interval;
	return true;
}
