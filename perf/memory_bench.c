/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine's memory costs, to hold the other figures against: cycles
 * for one cache line of a table much larger than the caches, when each has to
 * come before the next is known (`memory.latency`), and when 32 of them are
 * asked for at once (`memory.line`), as a burst asks for its sessions.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_prefetch.h>

#include "bench.h"

#define LINE  64u
#define LINES (256u * 1024 * 1024 / LINE)
#define BURST 32u

static char *table;

static uint32_t some_line(void)
{
	static uint64_t seed = 88172645463325252ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * LINES >> 32);
}

static bool make(struct cst_bench *b)
{
	size_t size = (size_t)LINES * LINE;
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;

	if (table)
		return true;
	table = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (table == MAP_FAILED)
		table = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (table == MAP_FAILED) {
		table = NULL;
		cst_bench_fail(b, "no memory");
		return false;
	}
	madvise(table, size, MADV_HUGEPAGE);
	for (uint32_t i = 0; i < LINES; i++) { /* each tells another one */
		uint32_t next = some_line();

		memcpy(table + (size_t)i * LINE, &next, sizeof(next));
	}
	return true;
}

static uint32_t read_line(uint32_t i)
{
	return *(volatile uint32_t *)(table + (size_t)i * LINE);
}

static void latency(struct cst_bench *b)
{
	uint32_t at = 0;

	if (!make(b))
		return;
	while (cst_bench_run(b, 1))
		at = read_line(at ^ (some_line() & 1)); /* so that it does not go round in a ring */
	cst_bench_keep(at);
}

static void line(struct cst_bench *b)
{
	uint32_t at[BURST], sum = 0;

	if (!make(b))
		return;
	while (cst_bench_run(b, BURST)) {
		for (uint32_t i = 0; i < BURST; i++) {
			at[i] = some_line();
			rte_prefetch0(table + (size_t)at[i] * LINE);
		}
		for (uint32_t i = 0; i < BURST; i++)
			sum += read_line(at[i]);
	}
	cst_bench_keep(sum);
}

CST_BENCH(latency, "memory.latency");
CST_BENCH(line, "memory.line");
