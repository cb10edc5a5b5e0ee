/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * History and timer from what the paths are like: the figures, and that just this
 * history keeps two such paths free of rogue packets and one shorter does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "prer_core.h"
#include "prer_intent.h"

static struct prer_intent_result r;

static int ask(uint32_t rate, uint32_t ms, uint32_t burst, uint8_t rule_2017)
{
	struct prer_intent in = {rate, ms, burst, rule_2017};

	return prer_intent(&in, &r);
}

static void figures(void **state)
{
	static const struct {
		uint32_t rate, ms, burst, history, reset_ms;
	} t[] = {
		{1000, 10, 5, 17, 100},    {1000, 50, 20, 72, 142},      {4000, 100, 20, 422, 212},
		{10000, 30, 50, 352, 100}, {100000, 50, 100, 5102, 104}, {1, 0, 0, 2, 2000},
		{1500, 3, 0, 7, 100}, /* 4.5 packets are 5 */
		{100000000, 0, 0, 2, 100},
	};

	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		assert_int_equal(ask(t[i].rate, t[i].ms, t[i].burst, 1), 0);
		assert_int_equal(r.history, t[i].history);
		assert_int_equal(r.reset_ms, t[i].reset_ms);
		assert_int_equal(ask(t[i].rate, t[i].ms, t[i].burst, 0), 0);
		assert_int_equal(r.history, t[i].history > 2 ? t[i].history - 1 : 2);
	}
}

static void explained(void **state)
{
	ask(1000, 50, 20, 1);
	assert_string_equal(r.text,
			    "history_length 72: 50 packets in 50 ms at 1000/s, 20 lost in a row, 2 "
			    "to spare; reset_ms 142: twice (50 ms + 21 ms without a packet)");
	ask(100000000, 0, 8000, 0);
	assert_string_equal(r.text, "history_length 8001: 0 packets in 0 ms at 100000000/s, 8000 "
				    "lost in a row, 1 to spare; reset_ms 100: twice (0 ms + 1 ms "
				    "without a packet), at least 100");
}

static void limits(void **state)
{
	assert_int_equal(ask(1000, 8190, 0, 1), 0);
	assert_int_equal(r.history, 8192);
	assert_int_equal(ask(1000, 8191, 0, 1), -ERANGE);
	assert_string_equal(r.text, "needs a history of 8193, the longest is 8192: at this rate "
				    "paths may differ by 8190 ms");
	assert_int_equal(ask(1000, 10, 9000, 0), -ERANGE);
	assert_string_equal(r.text,
			    "joint_burst of 9000 needs more than the longest history, 8192");
	assert_int_equal(ask(UINT32_MAX, UINT32_MAX, 8190, 0), -ERANGE);
	assert_true(strlen(r.text) < sizeof(r.text) - 1);
}

/* One packet a millisecond. A is dead until the 500th; B lags by `lag` and has just lost `burst`
 * packets when A returns: then the window has to reach furthest. */
static uint64_t rogue(uint32_t history, uint8_t flags, int32_t lag, int32_t burst)
{
	struct prer_params p = {.history = history, .mask = 127, .flags = flags};
	struct prer_recovery s = {0};
	uint64_t ring[2] = {0};

	for (int32_t t = 0; t < 1000; t++) {
		int32_t late = t - lag;

		if (t >= 500)
			prer_recover(&s, NULL, ring, &p, 16, (uint32_t)t, 0);
		if (late >= 0 && (late < 500 - lag - burst || late >= 500 - lag))
			prer_recover(&s, NULL, ring, &p, 16, (uint32_t)late, 0);
	}
	return s.rogue;
}

static void just_enough(void **state)
{
	for (uint8_t rule = 0; rule < 2; rule++) {
		uint8_t flags = rule ? PRER_RULE_2017 : 0;

		ask(1000, 50, 20, rule);
		assert_int_equal(rogue(r.history, flags, 50, 20), 0);
		assert_true(rogue(r.history - 1, flags, 50, 20) > 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures),
		cmocka_unit_test(explained),
		cmocka_unit_test(limits),
		cmocka_unit_test(just_enough),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
