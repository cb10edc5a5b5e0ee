/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Benchmarks in C. A file X_bench.c holds functions of one argument and
 * registers each with the arguments to run it with:
 *
 *	#include "bench.h"
 *
 *	static void parse(struct cst_bench *b)
 *	{
 *		uint32_t burst = (uint32_t)cst_bench_arg(b);
 *		... prepare; not measured ...
 *		while (cst_bench_run(b, burst)) {
 *			for (uint32_t i = 0; i < burst; i++)
 *				cst_bench_keep(work(i));
 *		}
 *		cst_bench_counter(b, "hits", hits);
 *		... clean up ...
 *	}
 *	CST_BENCH(parse, "gtpu/parse", 1, 64);
 *
 * Reported for each: time and packets per second, and `cycles/packet`: time
 * stamp counter ticks between the first and the last cst_bench_run(), over the
 * packets between. The counter runs at the nominal clock: fix the CPU's
 * frequency when single cycles matter. Run by `coast-bench`, which takes Google
 * Benchmark's options (--benchmark_filter=REGEX, --benchmark_format=json, ...).
 * With COAST_BENCH_PACKETS=N in the environment each handles N packets, once,
 * however long that takes.
 *
 * One thread runs all benchmarks, one after the other. A slice lists its file in
 * its meson.build: slice_bench = files('X_bench.c').
 */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct cst_bench; /* the run in progress; the runner's */

typedef void (*cst_bench_fn)(struct cst_bench *b);

/* Registers `fn` to be run once with each of `n_args` arguments (0: once, with argument 0). Call
 * through CST_BENCH(); `name` is kept by reference. */
void cst_bench_add(const char *name, cst_bench_fn fn, const int64_t *args, int n_args);

/* The argument of this run, by convention the burst size. */
int64_t cst_bench_arg(const struct cst_bench *b);

/* Loop condition: 1 to go round once more, which handles `items` packets. */
int cst_bench_run(struct cst_bench *b, uint32_t items);

/* Leave out what stands between the two, both clocks; costs some 100 ns itself. */
void cst_bench_pause(struct cst_bench *b);
void cst_bench_resume(struct cst_bench *b);

/* One more figure in the report. */
void cst_bench_counter(struct cst_bench *b, const char *name, double value);

/* Report this run as failed: `why` is shown, nothing measured counts. Call before the loop and
 * return, or inside and break; coast-bench then ends with 1. */
void cst_bench_fail(struct cst_bench *b, const char *why);

/* Make the compiler believe that `v` is used, or that the memory at `p` is read and written. */
static inline void cst_bench_keep(uint64_t v)
{
	__asm__ volatile("" : : "r"(v) : "memory");
}

static inline void cst_bench_touch(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

#define CST_BENCH(fn, name, ...)                                                      \
	static void __attribute__((constructor, used)) cst_bench_reg_##fn(void)       \
	{                                                                             \
		static const int64_t args[] = {__VA_ARGS__};                          \
                                                                                      \
		cst_bench_add(name, fn, args, (int)(sizeof(args) / sizeof(args[0]))); \
	}                                                                             \
	struct cst_bench_swallow_semicolon

#ifdef __cplusplus
}
#endif
