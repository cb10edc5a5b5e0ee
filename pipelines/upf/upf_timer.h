/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deadlines of numbered things, a million of them: a binary heap, so that the
 * next one due is known without a search, and where each number stands in it,
 * so that it can be moved. Milliseconds of any one clock. Control thread only.
 */
#pragma once

#include <stdint.h>

struct upf_timers;

/* For numbers 1..n. NULL: no memory. */
struct upf_timers *upf_timers_new(uint32_t n);
void upf_timers_free(struct upf_timers *t);

/* The number's one deadline from now on; 0: none. */
void upf_timer_set(struct upf_timers *t, uint32_t number, uint64_t due);
uint64_t upf_timer_due(const struct upf_timers *t, uint32_t number); /* 0: none */

/* Take a number whose deadline is not after `now`, the earliest first; it has none then. 0: no
 * deadline has come. */
uint32_t upf_timer_pop(struct upf_timers *t, uint64_t now);
