/* SPDX-License-Identifier: BSD-3-Clause */
/* Google Benchmark behind bench.h. */
#include <cstdlib>

#include <benchmark/benchmark.h>

#include "bench.h"

#if defined(__x86_64__)
static inline uint64_t ticks()
{
	return __builtin_ia32_rdtsc();
}
#elif defined(__aarch64__)
static inline uint64_t ticks()
{
	uint64_t v;

	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(v));
	return v;
}
#else
#error "no time stamp counter known for this CPU"
#endif

static bool any_failed;

struct cst_bench {
	benchmark::State &state;
	int64_t arg;
	uint64_t begin = 0;
	uint64_t end = 0;
	uint64_t paused = 0;
	uint64_t left_out = 0;
	uint64_t items = 0;
	bool started = false;

	cst_bench(benchmark::State &s, int64_t a) : state(s), arg(a)
	{
	}
};

static void run(benchmark::State &state, cst_bench_fn fn, int64_t arg)
{
	cst_bench b(state, arg);

	fn(&b);
	if (state.error_occurred() || b.items == 0)
		return;
	state.SetItemsProcessed(static_cast<int64_t>(b.items));
	state.counters["cycles/packet"] =
		static_cast<double>(b.end - b.begin - b.left_out) / static_cast<double>(b.items);
}

void cst_bench_add(const char *name, cst_bench_fn fn, const int64_t *args, int n_args)
{
	if (n_args == 0) {
		benchmark::RegisterBenchmark(name, [fn](benchmark::State &s) { run(s, fn, 0); });
		return;
	}
	auto *bench = benchmark::RegisterBenchmark(
		name, [fn](benchmark::State &s) { run(s, fn, s.range(0)); });
	if (const char *packets = getenv("COAST_BENCH_PACKETS"))
		bench->Iterations(atol(packets));
	for (int i = 0; i < n_args; i++)
		bench->Arg(args[i]);
}

int64_t cst_bench_arg(const struct cst_bench *b)
{
	return b->arg;
}

int cst_bench_run(struct cst_bench *b, uint32_t items)
{
	/* the batch counts packets, so that the reported time is that of one packet */
	int more = b->state.KeepRunningBatch(items);

	if (more)
		b->items += items;
	if (!b->started) {
		b->started = true;
		b->begin = ticks();
	} else if (!more) {
		b->end = ticks();
	}
	return more;
}

void cst_bench_pause(struct cst_bench *b)
{
	b->paused = ticks();
	b->state.PauseTiming();
}

void cst_bench_resume(struct cst_bench *b)
{
	b->state.ResumeTiming();
	b->left_out += ticks() - b->paused;
}

void cst_bench_counter(struct cst_bench *b, const char *name, double value)
{
	b->state.counters[name] = value;
}

void cst_bench_fail(struct cst_bench *b, const char *why)
{
	b->state.SkipWithError(why);
	any_failed = true;
}

int main(int argc, char **argv)
{
	benchmark::Initialize(&argc, argv);
	if (benchmark::ReportUnrecognizedArguments(argc, argv))
		return 2;
	benchmark::RunSpecifiedBenchmarks();
	return any_failed;
}
