/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Notices of workers that found no room are not told again: what they may have
 * been about is looked through, a piece each tick. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct upf_lost {
	uint64_t seen;   /* notices that were lost, as far as known */
	uint32_t number; /* the next to look at; 0: none is to be */
};

/* Begins with 1 whenever notices were lost since the last call, then goes on to `last` (0: there is
 * none), `most` in each call. `look` returns false when it is to be asked for the same one again,
 * by the next call. */
void upf_lost_search(struct upf_lost *l, uint32_t last, unsigned most,
		     bool (*look)(uint32_t number));
