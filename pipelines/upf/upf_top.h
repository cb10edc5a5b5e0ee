/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which sessions are busiest. Nothing is looked at until session.top is asked;
 * then the control thread goes over all sessions again and again, some of them
 * with each tick, and stops when nobody has asked for UPF_TOP_FORGET_MS.
 *
 * Cost while it goes on: at most UPF_TOP_SLICE_US of each tick (100 ms) and 48
 * bytes for each state line. A round takes a second, or as long as the slices
 * need: a session costs a tenth to a third of a microsecond, so that a million
 * are gone over in two to six seconds. Packets' counters are read, not stopped.
 * Control thread.
 */
#pragma once

#include <stdint.h>

#include "err.h"

#define UPF_TOP_MAX       256 /* sessions that a round remembers */
#define UPF_TOP_SLICE_US  5000
#define UPF_TOP_ROUND_MS  1000
#define UPF_TOP_FORGET_MS 70000

/* A tick's share; `now_ms` is CLOCK_MONOTONIC. */
void upf_top_tick(uint64_t now_ms);
/* Forget all samples. */
void upf_top_stop(void);
