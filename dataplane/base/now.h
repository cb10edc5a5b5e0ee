/* SPDX-License-Identifier: BSD-3-Clause */
/* The system's clocks. Not for the packet path, which goes by the TSC. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t cst_clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Since some moment in the past, CLOCK_MONOTONIC: for durations and deadlines. */
static inline uint64_t cst_now_ns(void)
{
	return cst_clock_ns(CLOCK_MONOTONIC);
}

static inline uint64_t cst_now_us(void)
{
	return cst_now_ns() / 1000;
}

static inline uint64_t cst_now_ms(void)
{
	return cst_now_ns() / 1000000;
}

/* The time of day, which may be set to anything at any time. */
static inline uint64_t cst_unix_ms(void)
{
	return cst_clock_ns(CLOCK_REALTIME) / 1000000;
}
