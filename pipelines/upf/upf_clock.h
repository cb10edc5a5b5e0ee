/* SPDX-License-Identifier: BSD-3-Clause */
/* One moment, on the clocks that usage is told by. Control thread. */
#pragma once

#include <stdint.h>

struct upf_now {
	uint64_t tsc, hz; /* what packets are stamped with; cycles in a second */
	uint64_t ms;      /* CLOCK_MONOTONIC: deadlines */
	uint64_t unix_ms; /* CLOCK_REALTIME: what reports say */
};

/* Read all of them; tests put a clock of their own here. */
extern void (*upf_clock)(struct upf_now *now);

static inline uint64_t upf_cycles(const struct upf_now *now, uint64_t seconds)
{
	return seconds * now->hz;
}

/* Rounded up: a deadline told in milliseconds does not come too early. */
static inline uint64_t upf_cycles_ms(const struct upf_now *now, uint64_t cycles)
{
	return (uint64_t)(((unsigned __int128)cycles * 1000 + now->hz - 1) / now->hz);
}

/* UNIX time in seconds of a packet's time stamp. */
static inline uint32_t upf_unix_of(const struct upf_now *now, uint64_t tsc)
{
	uint64_t ago = now->tsc > tsc ? upf_cycles_ms(now, now->tsc - tsc) : 0;

	return (uint32_t)((now->unix_ms > ago ? now->unix_ms - ago : 0) / 1000);
}
