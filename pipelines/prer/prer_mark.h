/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers given out do not go back, also where the tables are lost: the store
 * has for each name that sends a number that it has not reached yet, and there
 * it begins then. The control thread moves that mark on, long before the sender
 * is there; an orderly stop leaves the number itself. Control thread only.
 */
#pragma once

#include <stdint.h>

#include "prer_core.h"

#define PRER_MARK_STREAM "stream.sequence"
#define PRER_MARK_FLOW   "flow.sequence"

struct prer_mark {
	uint64_t given, ms; /* packets numbered by when it was set, and when that was */
};

/* The number that one of this name begins with; 0 unless there is a mark. */
uint32_t prer_mark_at(const char *space, const char *name);
/* It goes: a new one of its name begins with 0. */
void prer_mark_forget(const char *space, const char *name);
/* Moves the mark on where that is due. */
void prer_mark_move(struct prer_mark *m, const char *space, const char *name,
		    const struct prer_counts *c, unsigned bits, uint64_t now_ms);
/* Workers have stopped: this is where they ended. */
void prer_mark_end(const char *space, const char *name, const struct prer_counts *c);

/* How many of `all` to look at each tick, so that none waits for longer than its mark is ahead. */
static inline uint32_t prer_mark_turn(uint32_t all)
{
	uint32_t turn = all / 64 > 4096 ? all / 64 : 4096;

	return turn < all ? turn : all;
}
