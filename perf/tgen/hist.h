/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A log-linear histogram of delays: each power of two is cut into 64 equal
 * parts, so that a value is known to 1/64 of itself over the whole range of 64
 * bits, in a table that stays in the second-level cache. Any unit; the generator
 * keeps TSC cycles. One thread.
 */
#pragma once

#include <stdint.h>

#define HIST_PART_BITS 6
#define HIST_PARTS     (1u << HIST_PART_BITS)
#define HIST_BUCKETS   ((64 - HIST_PART_BITS + 1) * HIST_PARTS)

struct hist {
	uint64_t n, min, max; /* min and max hold nothing while n is 0 */
	double sum;
	uint64_t bucket[HIST_BUCKETS];
};

static inline unsigned hist_bucket(uint64_t v)
{
	unsigned e;

	if (v < HIST_PARTS)
		return (unsigned)v;
	e = 63 - (unsigned)__builtin_clzll(v) - HIST_PART_BITS;
	return (e + 1) * HIST_PARTS + (unsigned)((v >> e) - HIST_PARTS);
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->bucket[hist_bucket(v)]++;
	h->min = h->n == 0 || v < h->min ? v : h->min;
	h->max = v > h->max ? v : h->max;
	h->sum += (double)v;
	h->n++;
}

void hist_clear(struct hist *h);
/* The value that `percent` of all are not above; the upper end of its bucket, so never told too
 * low, but never above max. 0 when nothing was added. */
uint64_t hist_percentile(const struct hist *h, double percent);
double hist_mean(const struct hist *h);
