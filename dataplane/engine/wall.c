/* SPDX-License-Identifier: BSD-3-Clause */
#include "engine/wall.h"

#include <stdatomic.h>

#include <rte_cycles.h>

#include "module.h"
#include "now.h"

#define STEP_NTP   ((UINT64_C(1) << 32) / 1000) /* 1 ms: slewing moves a tick's 100 ms by 50 us */
#define BASE_NS    10000000000u                 /* over which the TSC's rate is taken */
#define READ_TRIES 5

/* Two of them, written in turns: a reader whose slot is being overwritten sees that by `turn`. */
static struct slot {
	_Atomic uint64_t tsc, ntp;
	_Atomic uint64_t rate; /* NTP units in a cycle, 32.32 bits */
	_Atomic uint32_t step;
} slots[2];
static _Atomic uint32_t turn;

struct sample {
	uint64_t tsc, real, mono; /* ns */
};
static struct sample base, next_base; /* of the rate */

uint64_t cst_wall_ntp(uint64_t tsc, uint32_t *step)
{
	uint64_t since, ntp, rate;
	uint32_t t, steps;

	do {
		const struct slot *s;

		t = atomic_load_explicit(&turn, memory_order_acquire);
		s = &slots[t & 1];
		/* acquire: none of them is read after the turn is looked at once more */
		since = atomic_load_explicit(&s->tsc, memory_order_acquire);
		ntp = atomic_load_explicit(&s->ntp, memory_order_acquire);
		rate = atomic_load_explicit(&s->rate, memory_order_acquire);
		steps = atomic_load_explicit(&s->step, memory_order_acquire);
	} while (atomic_load_explicit(&turn, memory_order_relaxed) != t);
	if (step)
		*step = steps;
	return ntp + (uint64_t)((__int128)(int64_t)(tsc - since) * rate >> 32);
}

/* Both at one moment: of some tries the one that took least. */
static struct sample read_clocks(void)
{
	struct sample best = {0};
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < READ_TRIES; i++) {
		uint64_t from = rte_rdtsc_precise(), to;
		uint64_t real = cst_clock_ns(CLOCK_REALTIME), mono = cst_now_ns();

		to = rte_rdtsc_precise();
		if (to - from >= least)
			continue;
		least = to - from;
		best = (struct sample){.tsc = from + least / 2, .real = real, .mono = mono};
	}
	return best;
}

static uint64_t rate_since(const struct sample *from, const struct sample *to)
{
	uint64_t cycles = to->tsc - from->tsc;
	uint64_t ns = to->mono - from->mono;

	return (uint64_t)(((unsigned __int128)cst_ntp_of_ns(ns) << 32) / cycles);
}

/* EAL takes its time: when the first rules come there is something to go by. */
static void __attribute__((constructor)) begin(void)
{
	base = next_base = read_clocks();
}

/* The rate is that of CLOCK_MONOTONIC, which is slewed but never set, over ten to twenty seconds.
 * Until there is a tenth of a second of them DPDK's estimate has to do. */
static uint64_t measure_rate(const struct sample *now)
{
	if (now->mono - next_base.mono > BASE_NS) {
		base = next_base;
		next_base = *now;
	}
	if (now->mono - base.mono < 90000000 || now->tsc <= base.tsc)
		return (uint64_t)(((unsigned __int128)1 << 64) / rte_get_tsc_hz());
	return rate_since(&base, now);
}

void cst_wall_refresh(void)
{
	uint32_t t = atomic_load_explicit(&turn, memory_order_relaxed);
	const struct slot *was = &slots[t & 1];
	struct slot *to = &slots[(t + 1) & 1];
	struct sample now = read_clocks();
	uint64_t ntp = cst_ntp_of_ns(now.real) + ((uint64_t)CST_NTP_UNIX << 32);
	uint64_t expected = cst_wall_ntp(now.tsc, NULL);
	uint64_t off = ntp > expected ? ntp - expected : expected - ntp;

	/* release: none of them is written before the turn that this slot had last was over */
	atomic_store_explicit(&to->tsc, now.tsc, memory_order_release);
	atomic_store_explicit(&to->ntp, ntp, memory_order_release);
	atomic_store_explicit(&to->rate, measure_rate(&now), memory_order_release);
	atomic_store_explicit(&to->step, was->step + (off > STEP_NTP), memory_order_release);
	atomic_store_explicit(&turn, t + 1, memory_order_release);
}

uint64_t cst_wall_tsc_hz(void)
{
	uint64_t rate = slots[atomic_load_explicit(&turn, memory_order_relaxed) & 1].rate;

	return rate ? (uint64_t)(((unsigned __int128)1 << 64) / rate) : rte_get_tsc_hz();
}

static int wall_start(const struct cst_system *sys, struct cst_err *e)
{
	cst_wall_refresh();
	return 0;
}

static void wall_tick(uint64_t now_ms)
{
	cst_wall_refresh();
}

static struct cst_module wall_module = {
	.name = "wall", .order = 0, .start = wall_start, .tick = wall_tick};
CST_MODULE(wall_module);
