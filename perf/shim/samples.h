/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cycles of single bursts, of which the median tells what a burst takes on a
 * machine that is now and then made to do something else:
 *
 *	static struct cst_samples samples;
 *
 *	cst_samples_reset(&samples);
 *	while (cst_bench_run(b, n)) {
 *		uint64_t start = cst_samples_clock();
 *
 *		... the burst ...
 *		cst_samples_add(&samples, start);
 *	}
 *	cst_bench_counter(b, "node", cst_samples_median(&samples) / n);
 *
 * What reading the clock costs is taken off. Needs DPDK's headers, no EAL.
 */
#pragma once

#include <stdint.h>
#include <stdlib.h>

#include <rte_cycles.h>

#define CST_SAMPLES 65536u

struct cst_samples {
	uint64_t n;    /* taken; the last CST_SAMPLES of them are kept */
	uint64_t cost; /* of the clock */
	uint32_t cycles[CST_SAMPLES];
};

/* Now, after all that stands before has been done. */
static inline uint64_t cst_samples_clock(void)
{
	return rte_rdtsc_precise();
}

static inline void cst_samples_reset(struct cst_samples *s)
{
	s->n = 0;
	s->cost = UINT64_MAX;
	for (int i = 0; i < 1000; i++) {
		uint64_t t = cst_samples_clock();

		t = cst_samples_clock() - t;
		s->cost = t < s->cost ? t : s->cost;
	}
}

/* One burst, from `start` until now. */
static inline void cst_samples_add(struct cst_samples *s, uint64_t start)
{
	uint64_t took = cst_samples_clock() - start;

	took = took > s->cost ? took - s->cost : 0;
	s->cycles[s->n++ % CST_SAMPLES] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

static inline int cst_samples_compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Cycles of a burst; 0: there was none. What was added is out of order from here on. */
static inline double cst_samples_median(struct cst_samples *s)
{
	uint64_t n = s->n < CST_SAMPLES ? s->n : CST_SAMPLES;

	qsort(s->cycles, n, sizeof(*s->cycles), cst_samples_compare);
	return n ? s->cycles[n / 2] : 0;
}
