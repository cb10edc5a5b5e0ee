/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which packets came over more than one lane, and of how many all copies were lost.
 * Copies are known by what a replicating device leaves alike on every path.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lane.h"

/* Of the copies of one packet on two lanes, this way. */
struct pair {
	uint64_t both; /* packets that came over both */
	uint64_t lost[2], lost_both;
};

struct copies;

struct copies *copies_new(void); /* for one way; aborts without memory; free() ends it */

/*
 * The same number for all copies: from behind the VLAN tags on; of RFC 9566 from the d-CW on, of
 * GTP-U from the TEID's end on, of PRP without LAN identifier. Frames of any length.
 */
uint64_t copies_key(const uint8_t *frame, size_t len);

/* A packet with this key came over the lane and was lost there or not. */
void copies_saw(struct copies *c, uint64_t key, unsigned lane, bool lost);

/* What is known so far of lanes a < b, packets that wait for a copy left out. */
struct pair copies_pair(const struct copies *c, unsigned a, unsigned b);
/* Of the packets that came over every one of n lanes: how many, and how many were lost on all. */
void copies_all(const struct copies *c, unsigned n, uint64_t *packets, uint64_t *lost);

/* Correlation of the losses on the two, 0 when one of them has none. */
double pair_correlation(const struct pair *p);
