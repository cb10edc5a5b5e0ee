/* SPDX-License-Identifier: BSD-3-Clause */
/* Delays from time stamps, by hand; which stamps are taken for coast's own. */
#include "exact.h"

#include "upf_monitor.h"

#define S(seconds) ((uint64_t)((seconds)*4294967296.0)) /* NTP time */
#define T0         ((uint64_t)3900000000u << 32)

static void delays_of_one_clock(void **state)
{
	/* 7 ms down, 20 ms in the gNB, 5 ms up */
	struct cst_gtpu_qmp q = {
		.dl_sent = T0, .dl_received = T0 + S(0.007), .ul_sent = T0 + S(0.027)};
	uint64_t d[UPF_DELAYS];

	assert_int_equal(upf_monitor_delays(&q, T0 + S(0.032), d), 1);
	assert_int_equal(d[UPF_DELAY_DL], 7000);
	assert_int_equal(d[UPF_DELAY_UL], 5000);
	assert_int_equal(d[UPF_DELAY_RP], 12000);
	/* and the radio's: 3 ms down, 4 ms up */
	q.dl_result = 3;
	q.ul_result = 4;
	assert_int_equal(upf_monitor_delays(&q, T0 + S(0.032), d), 1);
	assert_int_equal(d[UPF_DELAY_DL], 10000);
	assert_int_equal(d[UPF_DELAY_UL], 9000);
	assert_int_equal(d[UPF_DELAY_RP], 19000);
}

/* The round trip is the same whatever the gNB's clock says; an hour either way. */
static void delays_of_two_clocks(void **state)
{
	static const double off[] = {3600, -3600, 0.006, -0.008};

	for (unsigned i = 0; i < COUNT(off); i++) {
		uint64_t there = T0 + (uint64_t)(int64_t)(off[i] * 4294967296.0);
		struct cst_gtpu_qmp q = {.dl_sent = T0,
					 .dl_received = there + S(0.007),
					 .ul_sent = there + S(0.027)};
		uint64_t d[UPF_DELAYS];

		assert_int_equal(upf_monitor_delays(&q, T0 + S(0.032), d), 0);
		assert_in_range(d[UPF_DELAY_RP], 11999, 12001);
	}
}

static void nonsense(void **state)
{
	const struct {
		struct cst_gtpu_qmp q;
		uint64_t now;
	} cases[] = {
		{{T0 + 1, T0 + 1, T0 + 1, 0, 0}, T0},          /* from the future */
		{{T0, T0 + S(2), T0 + S(1), 0, 0}, T0 + S(3)}, /* sent before it was received */
		{{T0, T0, T0 + S(0.5), 0, 0}, T0 + S(0.1)},    /* kept longer than it was away */
		{{T0, T0, T0, 0, 0}, T0 + S(61)},              /* a minute */
		{{T0, T0, T0, 60001, 0}, T0},                  /* a minute of radio */
		{{T0, T0, T0, UINT32_MAX, UINT32_MAX}, T0 + 1},
		{{0, 0, 0, 0, 0}, UINT64_MAX},
		{{UINT64_MAX, 0, UINT64_MAX, 0, 0}, 0},
	};
	uint64_t d[UPF_DELAYS];

	for (unsigned i = 0; i < COUNT(cases); i++)
		assert_int_equal(upf_monitor_delays(&cases[i].q, cases[i].now, d), -1);
	/* within the tick of a clock of milliseconds */
	assert_int_equal(upf_monitor_delays(&(struct cst_gtpu_qmp){T0, T0, T0 + S(0.0009), 0, 0},
					    T0 + S(0.0005), d),
			 0);
	assert_int_equal(d[UPF_DELAY_RP], 0);
}

static void microseconds(void **state)
{
	assert_int_equal(upf_ntp_us(0), 0);
	assert_int_equal(upf_ntp_us(S(1)), 1000000);
	assert_int_equal(upf_ntp_us(4295), 1); /* 1.00001 us */
	assert_int_equal(upf_ntp_us(2147), 0);
	assert_int_equal(upf_ntp_us(2148), 1);
	assert_int_equal(upf_ntp_us(UINT32_MAX), 1000000);
}

static void stamps(void **state)
{
	unsigned ours = 0;

	for (uint64_t i = 0; i < 100000; i++) {
		uint64_t t = T0 + i * 123457, s = upf_stamp(t, 42);

		assert_true(upf_stamp_is_ours(s, 42));
		assert_true(s > t - 1024 && s < t + 1024);
		ours += upf_stamp_is_ours(s, 43) + upf_stamp_is_ours(s + 1, 42) +
			upf_stamp_is_ours(t, 42);
	}
	/* one in 1024 by chance */
	assert_in_range(ours, 150, 450);
}

static void notes(void **state)
{
	struct upf_monitor m = {.armed = 1};
	struct upf_delay *d = &m.delay[0];

	upf_monitor_follow(&m);
	upf_delay_note(d, 30);
	upf_delay_note(d, 10);
	upf_delay_note(d, 20);
	assert_int_equal(d->last, 20);
	assert_int_equal(d->min, 10);
	assert_int_equal(d->max, 30);
	assert_int_equal(d->sum, 60);
	assert_int_equal(d->n, 3);
	m.armed++;
	upf_monitor_follow(&m);
	upf_delay_note(d, 15);
	upf_delay_note(d, 25);
	assert_int_equal(d->min, 10);
	assert_int_equal(d->max, 30);
	assert_int_equal(d->period_min, 15);
	assert_int_equal(d->period_max, 25);
}

static void thresholds(void **state)
{
	struct upf_monitor m = {.threshold = {1000, UINT32_MAX, 3000}};

	assert_int_equal(upf_monitor_beyond(&m, (uint64_t[]){1000, 9000, 3000}, 1), 0);
	assert_int_equal(upf_monitor_beyond(&m, (uint64_t[]){1001, 9000, 3000}, 1), 1);
	assert_int_equal(upf_monitor_beyond(&m, (uint64_t[]){1001, 9000, 3001}, 1), 5);
	assert_int_equal(upf_monitor_beyond(&m, (uint64_t[]){1001, 9000, 3001}, 0), 4);
}

static void finds_its_flow(void **state)
{
	struct upf_monitor all[4] = {
		[1] = {.qfi = 5, .next = 3}, [2] = {.qfi = 9}, [3] = {.qfi = 7, .next = 2}};

	assert_int_equal(upf_monitor_of(all, 1, 5), 1);
	assert_int_equal(upf_monitor_of(all, 1, 7), 3);
	assert_int_equal(upf_monitor_of(all, 1, 9), 2);
	assert_int_equal(upf_monitor_of(all, 3, 5), 0);
	assert_int_equal(upf_monitor_of(all, 0, 5), 0);
	all[2].next = 1; /* a ring, which there must not be, ends all the same */
	assert_int_equal(upf_monitor_of(all, 1, 6), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(delays_of_one_clock),
		cmocka_unit_test(delays_of_two_clocks),
		cmocka_unit_test(nonsense),
		cmocka_unit_test(microseconds),
		cmocka_unit_test(stamps),
		cmocka_unit_test(notes),
		cmocka_unit_test(thresholds),
		cmocka_unit_test(finds_its_flow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
