/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happened to a stream between two looks at its counters: which path lost
 * how much, which carried, and whether paths lose together. Pure.
 *
 * Loss is counted in numbers: a path has lost those that it moved on by and that
 * did not come by it; a path by which nothing comes has lost all that the stream
 * moved on by. What no path brought is a joint loss. A window ends in the middle
 * of the traffic, with a few numbers still on their way: single windows may be off
 * by these, sums over windows are not.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prer_stream.h"

/* A stream's counters at one moment, modulo 2^32. */
struct prer_watch_look {
	uint32_t passed; /* less those without a number */
	uint32_t rogue, resets, seq;
	bool based; /* there is a number that the next one follows */
	struct {
		uint32_t seen, first, out_of_order, high;
	} path[PRER_MAX_PATHS];
};

struct prer_watch_window {
	uint32_t passed, rogue;
	int32_t expected; /* numbers that the stream moved on by */
	int32_t joint;    /* of them, those that no path brought */
	struct {
		uint32_t seen, first, out_of_order;
		int32_t expected, lost;
		int32_t ahead; /* of what was passed last, at the end of the window */
	} path[PRER_MAX_PATHS];
};

/* Long-term sums, signed since single windows may be off. */
struct prer_watch_sums {
	int32_t expected, joint;
	int32_t lost[PRER_MAX_PATHS];
};

/* The look at this state. `more`: health of paths 2 and 3, NULL: there are no more than two. */
void prer_watch_look(const struct prer_state *s, const struct prer_health *more,
		     const struct prer_params *p, unsigned n_paths, struct prer_watch_look *out);

/* Packets that came between the looks. */
uint32_t prer_watch_came(const struct prer_watch_look *was, const struct prer_watch_look *is,
			 unsigned n_paths);

/* `silent`: bit by path: nothing came by it in the window before. False: the engine was reset in
 * between, numbers do not tell losses then, and `out` has what came; of counters that are those of
 * another stream, nothing. */
bool prer_watch_close(const struct prer_watch_look *was, const struct prer_watch_look *is,
		      unsigned bits, unsigned n_paths, unsigned silent,
		      struct prer_watch_window *out);

void prer_watch_add(struct prer_watch_sums *sums, const struct prer_watch_window *w,
		    unsigned n_paths);

/* Share of lost numbers, 0..1. */
double prer_watch_share(int32_t lost, int32_t expected);

/* Correlation of the losses of two paths, -1..1: 0 when they lose independently, 1 when they lose
 * the same packets. False: one of them has lost nothing, or all. */
bool prer_watch_rho(int32_t expected, int32_t lost_a, int32_t lost_b, int32_t joint, double *rho);

/* What the stream loses in the long run, at most: 95 % confident. 1 while little was seen. */
double prer_watch_at_most(int32_t expected, int32_t joint);
