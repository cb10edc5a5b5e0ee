/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence recovery of one stream (IEEE 802.1CB-2017 7.4.3, with CBdb-2021):
 * record layout and algorithm. Pure: memory and time come in as arguments.
 * Compiles with gcc -std=gnu11 and clang -target bpf.
 */
#pragma once

#include <stdint.h>

enum prer_algorithm { PRER_VECTOR, PRER_MATCH };

#define PRER_RULE_2017        0x01 /* |d| < H passes; else CBdb-2021: -H < d <= H */
#define PRER_TAKE_NO_SEQUENCE 0x02
#define PRER_RESYNC           0x04 /* two consecutive numbers outside the window move it */

/* What a recovery object asks, compiled; shared by all streams that name it. */
struct prer_params {
	uint64_t reset;    /* TSC cycles without a packet after which any is taken; 0: never */
	uint32_t history;  /* H, 2..8192 */
	uint32_t mask;     /* bits of the ring less one: a power of two, at least H; 63 or more */
	uint8_t algorithm; /* enum prer_algorithm */
	uint8_t flags;     /* PRER_RULE_2017 ... */
	uint8_t pad[6];
	uint64_t order_delay; /* POFMaxDelay, TSC cycles */
	uint64_t order_any;   /* POFTakeAnyTime, TSC cycles */
	uint32_t order_packets;
	uint32_t reserved[5];
};
_Static_assert(sizeof(struct prer_params) == 64, "one cache line");

/* Written by the stream's owner worker. Zero: just reset (BEGIN), whatever comes is taken. */
struct prer_recovery {
	uint64_t history; /* bit seq mod 64; unused when the ring lies elsewhere */
	uint64_t last;    /* TSC of the last packet that counts for the reset timer */
	uint64_t passed, discarded, rogue, out_of_order; /* frerSeqRcvy...Packets */
	uint32_t seq;                                    /* RecovSeqNum */
	uint32_t since;   /* numbers that the window moved on since the reset, up to H */
	uint32_t outside; /* with PRER_RESYNC: the number after the last one outside the window */
	uint8_t taking;   /* not TakeAny */
	uint8_t pad[3];
};
_Static_assert(sizeof(struct prer_recovery) == 64, "one cache line");

/* What is rarer, and the sending side. */
struct prer_counts {
	uint64_t lost;         /* frerSeqRcvyLostPackets, as the standard has it */
	uint64_t lost_guarded; /* less those that a reset makes up */
	uint64_t tagless;
	uint64_t generated;
	uint64_t encode_errored; /* frerSeqEncErroredPackets: too big for a path, so on none */
	uint32_t resets, gen_resets;
	uint32_t gen_seq;   /* GenSeqNum, the next one */
	uint32_t sample;    /* health: number whose second copy is waited for */
	uint32_t sample_at; /* and when the first came, TSC >> 10 */
	uint32_t reserved;
};
_Static_assert(sizeof(struct prer_counts) == 64, "one cache line");
