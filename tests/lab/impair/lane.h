/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a bad link does to frames. Pure: time and frames' keys come in as arguments,
 * chance is a function of the seed, the way and the frame's number on it, so that
 * the same traffic under the same seed has the same fate.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MAX_LANES 8
#define NAME_LEN  16

/* One way of a lane. Times in ns, probabilities 0..1. */
struct way {
	bool down;
	double loss;                 /* of each frame on its own */
	double enter_bad, leave_bad; /* Gilbert-Elliott: per frame; in the bad state all are lost */
	uint64_t delay, jitter;      /* jitter: 0..jitter more, order is kept */
	double duplicate;
	unsigned copies; /* that a duplicated frame has more */
	double reorder;  /* share of frames that are held back by reorder_by and overtaken */
	uint64_t reorder_by;

	uint64_t seed;
	bool bad;
	uint64_t last_due;
	uint64_t frames, lost, cut, duplicated, reordered; /* cut: lost while down */
};

struct lane {
	char name[NAME_LEN];
	struct way way[2]; /* there: from the first interface to the second; back */
	double common;     /* share of frames whose fate all correlated lanes share */
};

struct lanes {
	struct lane lane[MAX_LANES];
	unsigned n;
	uint64_t seed;
};

/* What becomes of a frame. */
struct fate {
	bool lost;
	unsigned copies; /* 1, more when it is duplicated */
	uint64_t due;
};

/* False and the reason: the name is bad or taken, or there is no room. */
bool lane_add(struct lanes *l, const char *name, char *why, size_t size);
void lanes_seed(struct lanes *l, uint64_t seed);

/* A frame with this key, the same for copies of one packet on several lanes, at `now`. */
struct fate lane_fate(const struct lanes *l, struct lane *lane, unsigned way, uint64_t key,
		      uint64_t now);

/*
 * Carry out commands on lanes, at once where there are several, divided by ';' (the words are told
 * by `impair --help`). False: nothing is changed, and `why` says what is wrong.
 */
bool lanes_command(struct lanes *l, const char *line, char *why, size_t size);
