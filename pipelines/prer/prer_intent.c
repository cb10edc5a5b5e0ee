/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_intent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static uint64_t per_1000_up(uint64_t n)
{
	return (n + 999) / 1000;
}

static int too_long(const struct prer_intent *in, uint64_t history, unsigned spare,
		    struct prer_intent_result *out)
{
	uint32_t fixed = in->joint_burst + spare;

	if (fixed >= PRER_HISTORY_MAX)
		snprintf(out->text, sizeof(out->text),
			 "joint_burst of %" PRIu32 " needs more than the longest history, %u",
			 in->joint_burst, PRER_HISTORY_MAX);
	else
		snprintf(out->text, sizeof(out->text),
			 "needs a history of %" PRIu64 ", the longest is %u: at this rate "
			 "paths may differ by %" PRIu64 " ms",
			 history, PRER_HISTORY_MAX,
			 (uint64_t)(PRER_HISTORY_MAX - fixed) * 1000 / in->packet_rate);
	return -ERANGE;
}

int prer_intent(const struct prer_intent *in, struct prer_intent_result *out)
{
	unsigned spare = in->rule_2017 ? 2 : 1;
	uint64_t between = per_1000_up((uint64_t)in->packet_rate * in->delay_difference_ms);
	uint64_t history = between + in->joint_burst + spare;
	uint64_t gap = ((in->joint_burst + 1ull) * 1000 + in->packet_rate - 1) / in->packet_rate;
	uint64_t reset = 2 * (in->delay_difference_ms + gap);

	if (history > PRER_HISTORY_MAX)
		return too_long(in, history, spare, out);
	out->history = history < 2 ? 2 : (uint32_t)history;
	out->reset_ms = reset < PRER_RESET_MS_MIN ? PRER_RESET_MS_MIN : (uint32_t)reset;
	snprintf(out->text, sizeof(out->text),
		 "history_length %" PRIu32 ": %" PRIu64 " packets in %" PRIu32 " ms at %" PRIu32
		 "/s, %" PRIu32 " lost in a row, %u to spare; reset_ms %" PRIu32 ": twice (%" PRIu32
		 " ms + %" PRIu64 " ms without a packet)%s",
		 out->history, between, in->delay_difference_ms, in->packet_rate, in->joint_burst,
		 spare, out->reset_ms, in->delay_difference_ms, gap,
		 reset < PRER_RESET_MS_MIN ? ", at least 100" : "");
	return 0;
}
