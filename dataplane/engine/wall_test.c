/* SPDX-License-Identifier: BSD-3-Clause */
/* The time of day as workers see it, against the kernel's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_eal.h>

#include "engine/wall.h"

/* How far off it is, in microseconds: the least of some looks, as one may be interrupted. */
static double off_by(void)
{
	double least = 1e9;

	for (int i = 0; i < 50; i++) {
		struct timespec ts;
		uint64_t want, got;
		double us;

		got = cst_wall_ntp(rte_rdtsc(), NULL);
		clock_gettime(CLOCK_REALTIME, &ts);
		want = ((uint64_t)ts.tv_sec + CST_NTP_UNIX) << 32 |
		       ((uint64_t)ts.tv_nsec << 32) / 1000000000;
		us = (double)(int64_t)(got - want) / 4294.967296;
		if (us < 0)
			us = -us;
		if (us < least)
			least = us;
	}
	return least;
}

static void follows_the_clock(void **state)
{
	uint32_t step, again;

	cst_wall_refresh();
	assert_true(off_by() < 20);
	for (int i = 0; i < 3; i++) { /* by now the TSC's rate has been measured */
		usleep(100000);
		cst_wall_refresh();
	}
	assert_true(off_by() < 20);
	cst_wall_ntp(rte_rdtsc(), &step);
	usleep(700000); /* the control thread is busy, or dead */
	assert_true(off_by() < 100);
	cst_wall_refresh();
	cst_wall_ntp(rte_rdtsc(), &again);
	assert_int_equal(again, step); /* nobody has set the clock */
}

static void rises(void **state)
{
	uint64_t last = 0;

	for (int i = 0; i < 200000; i++) {
		uint64_t now = cst_wall_ntp(rte_rdtsc(), NULL);

		assert_true(now >= last);
		last = now;
	}
}

static void counts_seconds(void **state)
{
	assert_true(cst_ntp_of_ns(0) == 0);
	assert_true(cst_ntp_of_ns(1000000000) == UINT64_C(1) << 32);
	assert_true(cst_ntp_of_ns(1500000000) == UINT64_C(3) << 31);
	assert_true(cst_ntp_of_ns(999999999) == 4294967291);
}

static int up(void **state)
{
	char *args[] = {"wall_test",   "--no-huge",   "-m",    "64", "--no-pci", "--no-telemetry",
			"--no-shconf", "--log-level", "error", "-l", "0"};

	return rte_eal_init((int)RTE_DIM(args), args) < 0 ? -1 : 0;
}

static int down(void **state)
{
	return rte_eal_cleanup();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_clock),
		cmocka_unit_test(rises),
		cmocka_unit_test(counts_seconds),
	};

	return cmocka_run_group_tests(tests, up, down);
}
