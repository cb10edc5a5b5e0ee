/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The recovery engine alone, generator included: bursts of packets of random
 * streams, each followed by its duplicate in another burst, states prefetched over
 * the burst. The argument is the burst.
 *
 *	prer.recover.1           one stream, history 64
 *	prer.recover.1M          a million streams
 *	prer.recover.64k.h1024   rings of 128 octets beside the state
 *	prer.recover.64k.h8192   and of 1024
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#include <rte_prefetch.h>

#include "bench.h"
#include "prer_stream.h"

#define MAX_BURST 32u
#define BITS      16

struct rig {
	struct prer_params p;
	struct prer_state *state;
	uint64_t *rings;
	uint32_t streams; /* a power of two */
	size_t size, rings_size;
};

static void *memory(size_t size)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	void *m = mmap(NULL, size, PROT_READ | PROT_WRITE, flags | MAP_HUGETLB, -1, 0);

	if (m == MAP_FAILED)
		m = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (m == MAP_FAILED)
		return NULL;
	madvise(m, size, MADV_HUGEPAGE);
	memset(m, 0, size);
	return m;
}

static uint64_t *ring(const struct rig *g, uint32_t stream)
{
	return g->rings + (size_t)stream * ((g->p.mask + 1) / 64);
}

static bool make(struct rig *g, struct cst_bench *b, uint32_t streams, uint32_t history)
{
	*g = (struct rig){
		.p = {.reset = 1ull << 40, .history = history, .mask = history - 1},
		.streams = streams,
		.size = streams * sizeof(*g->state),
		.rings_size = streams * (size_t)history / 8,
	};
	g->state = memory(g->size);
	g->rings = memory(g->rings_size);
	if (!g->state || !g->rings) {
		cst_bench_fail(b, "no memory");
		return false;
	}
	return true;
}

static void unmake(struct rig *g)
{
	munmap(g->state, g->size);
	munmap(g->rings, g->rings_size);
}

static uint32_t random32(void)
{
	static uint64_t seed = 88172645463325252ull;

	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)(seed >> 32);
}

/* The lines that a burst will touch. Where the ring's are, the number tells, which is in hand. */
static void prefetch(const struct rig *g, const uint32_t *stream, const uint32_t *seq, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		rte_prefetch0(&g->state[stream[i]].recovery);
	if (g->p.mask < 64)
		return;
	for (uint32_t i = 0; i < n; i++) {
		uint64_t *words = ring(g, stream[i]);

		rte_prefetch0(prer_ring_word(words, &g->p, seq[i]));
		rte_prefetch0(prer_ring_word(words, &g->p, seq[i] + 1 - g->p.history));
	}
}

static uint32_t receive(struct rig *g, const uint32_t *stream, const uint32_t *seq, uint32_t n,
			uint64_t now)
{
	uint32_t passed = 0;

	prefetch(g, stream, seq, n);
	for (uint32_t i = 0; i < n; i++) {
		struct prer_state *s = &g->state[stream[i]];

		passed += prer_recover(&s->recovery, &s->counts, ring(g, stream[i]), &g->p, BITS,
				       seq[i], now) == PRER_PASS;
	}
	return passed;
}

/* As many packets as duplicates: what came by the first path in one burst comes by the second in
 * the next. */
static void run(struct cst_bench *b, uint32_t streams, uint32_t history)
{
	uint32_t burst = (uint32_t)cst_bench_arg(b), sent = 0, passed = 0;
	uint32_t stream[MAX_BURST], seq[MAX_BURST];
	uint64_t now = 1;
	struct rig g;

	if (!make(&g, b, streams, history))
		return;
	while (cst_bench_run(b, 2 * burst)) {
		for (uint32_t i = 0; i < burst; i++) {
			stream[i] = random32() & (g.streams - 1);
			rte_prefetch0(&g.state[stream[i]].counts);
		}
		for (uint32_t i = 0; i < burst; i++)
			seq[i] = prer_generate(&g.state[stream[i]].counts, BITS);
		passed += receive(&g, stream, seq, burst, now++);
		passed += receive(&g, stream, seq, burst, now++);
		sent += burst;
		if (passed != sent) {
			cst_bench_fail(b, "a packet was lost or passed twice");
			break;
		}
	}
	unmake(&g);
}

static void one(struct cst_bench *b)
{
	run(b, 1, 64);
}

static void million(struct cst_bench *b)
{
	run(b, 1u << 20, 64);
}

static void long_history(struct cst_bench *b)
{
	run(b, 1u << 16, 1024);
}

static void longest_history(struct cst_bench *b)
{
	run(b, 1u << 16, 8192);
}

CST_BENCH(one, "prer.recover.1", 1, 32);
CST_BENCH(million, "prer.recover.1M", 1, 32);
CST_BENCH(long_history, "prer.recover.64k.h1024", 1, 32);
CST_BENCH(longest_history, "prer.recover.64k.h8192", 1, 32);
