/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The time of day from the TSC: workers stamp packets without a system call.
 * The control thread compares the clocks every tick and publishes how one
 * follows from the other; should it stop, the last known rate goes on (a few
 * microseconds a second off).
 */
#pragma once

#include <stdint.h>

/* NTP time (seconds since 1900, 32.32 bits; CLOCK_REALTIME) at a TSC of the last or next minutes.
 * `*step` (may be NULL) rises whenever the time of day was set by more than a millisecond: stamps
 * from before and after are not to be compared. Any thread. */
uint64_t cst_wall_ntp(uint64_t tsc, uint32_t *step);

/* Cycles of the TSC in a second of CLOCK_MONOTONIC, to some millionths; DPDK's figure is rounded to
 * 10 MHz. Control thread. */
uint64_t cst_wall_tsc_hz(void);

/* Compare the clocks now; the module's tick does. Control thread. */
void cst_wall_refresh(void);

#define CST_NTP_UNIX 2208988800u /* seconds from 1900 to 1970 */

static inline uint64_t cst_ntp_of_ns(uint64_t ns)
{
	return (ns / 1000000000) << 32 | ((ns % 1000000000) << 32) / 1000000000;
}
