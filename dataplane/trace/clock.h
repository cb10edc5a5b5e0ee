/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From TSC to wall clock time. What DPDK says of the TSC's rate is rounded, by
 * up to some milliseconds a second: here the rate is what it has been between
 * two looks at both clocks.
 */
#pragma once

#include <stdint.h>
#include <time.h>

#include <rte_cycles.h>

struct cst_clock {
	uint64_t tsc, ns;         /* the first look */
	uint64_t now_tsc, now_ns; /* the latest one */
};

static inline uint64_t cst_clock_real(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline void cst_clock_look(struct cst_clock *c)
{
	c->now_tsc = rte_rdtsc();
	c->now_ns = cst_clock_real();
	if (c->tsc == 0) {
		c->tsc = c->now_tsc;
		c->ns = c->now_ns;
	}
}

/* Nanoseconds that so many cycles take. */
static inline double cst_clock_span(const struct cst_clock *c, uint64_t cycles)
{
	uint64_t hz = rte_get_tsc_hz();

	/* a rate needs a while; and a clock set back in between is none */
	if (c->now_ns > c->ns + 100000000 && c->now_tsc > c->tsc)
		return (double)cycles *
		       ((double)(c->now_ns - c->ns) / (double)(c->now_tsc - c->tsc));
	return hz > 0 ? (double)cycles * 1e9 / (double)hz : (double)cycles;
}

/* Nanoseconds since 1970-01-01 UTC. */
static inline uint64_t cst_clock_ns(const struct cst_clock *c, uint64_t tsc)
{
	if (tsc >= c->now_tsc)
		return c->now_ns + (uint64_t)cst_clock_span(c, tsc - c->now_tsc);
	return c->now_ns - (uint64_t)cst_clock_span(c, c->now_tsc - tsc);
}
