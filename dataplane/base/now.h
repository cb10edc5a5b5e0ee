/* SPDX-License-Identifier: BSD-3-Clause */
/* Time since some moment in the past, CLOCK_MONOTONIC: for durations and deadlines. Not for the
 * packet path, which goes by the TSC. */
#pragma once

#include <stdint.h>
#include <time.h>

static inline uint64_t cst_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static inline uint64_t cst_now_us(void)
{
	return cst_now_ns() / 1000;
}

static inline uint64_t cst_now_ms(void)
{
	return cst_now_ns() / 1000000;
}
