/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an application sees of numbered packets: which are missing, come twice, late
 * or after newer ones, and how long nothing new comes. In phases: a packet counts in
 * the phase in which it was sent. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Of one phase. Times in ns. */
struct seen {
	uint32_t first;                 /* number of the first packet sent in it */
	uint64_t sent, received;        /* received: each once */
	uint64_t duplicated, reordered; /* reordered: new, but older than one before */
	uint64_t gap, sent_gap;         /* longest time between new packets, and between sendings */
	uint64_t delay_sum, delay_max;
};

struct track {
	struct seen now, before; /* this phase and the one that ended */
	uint64_t *got;           /* bit n: packet n came */
	uint32_t room;           /* in bits */
	uint32_t next;           /* number of the next packet to send */
	uint32_t highest;        /* received, if any */
	uint64_t last_sent, last_new;
};

/* The next packet leaves; its number. Aborts without memory. */
uint32_t track_sent(struct track *t, uint64_t now);

/* A packet came. False: nobody has sent it. */
bool track_received(struct track *t, uint32_t number, uint64_t sent, uint64_t now);

/* A new phase begins with the next packet sent. */
void track_phase(struct track *t);

/* Most packets in a row of the phase before of which none came. */
uint32_t track_longest_loss(const struct track *t);
