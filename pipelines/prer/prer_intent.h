/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The history and the reset timer that paths of a known kind need, with the
 * figures explained. Control thread; no allocation.
 *
 * Between a packet's first copy and its last the stream may send packet_rate x
 * delay_difference packets, and, when a burst is lost on all paths, the next one is
 * joint_burst numbers further still: both have to fit into the window, or numbers
 * that are in order are rogue. The timer must outlast the longest time without a
 * packet and the last copies, or they are passed again after the reset.
 */
#pragma once

#include <stdint.h>

#define PRER_HISTORY_MAX  8192u
#define PRER_RESET_MS_MIN 100u

struct prer_intent {
	uint32_t packet_rate;         /* packets/s of the stream, at most; 1.. */
	uint32_t delay_difference_ms; /* slowest path to fastest, jitter included */
	uint32_t joint_burst;         /* packets in a row that all paths may lose */
	uint8_t rule_2017;            /* the window is one shorter ahead */
};

struct prer_intent_result {
	uint32_t history, reset_ms;
	char text[256]; /* how they were found, or why they cannot be */
};

/* 0, or -ERANGE with the reason in out->text: what is asked needs more than PRER_HISTORY_MAX. */
int prer_intent(const struct prer_intent *in, struct prer_intent_result *out);
