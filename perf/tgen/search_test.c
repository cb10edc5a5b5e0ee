/* SPDX-License-Identifier: BSD-3-Clause */
/* The bisection against a device under test with a known limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "search.h"

struct device {
	double limit;
	unsigned bad_luck; /* every so many-th trial fails whatever its rate; 0: none does */
	unsigned n, stop_after;
	double highest; /* rate asked for */
};

static bool trial(double mpps, double *reached, void *arg)
{
	struct device *d = arg;

	d->n++;
	d->highest = mpps > d->highest ? mpps : d->highest;
	*reached = mpps * 0.999;
	return mpps <= d->limit && (d->bad_luck == 0 || d->n % d->bad_luck != 0);
}

static bool stop(void *arg)
{
	struct device *d = arg;

	return d->stop_after > 0 && d->n >= d->stop_after;
}

static double find(struct device *d, double min, double max, double resolution, unsigned tries,
		   unsigned *trials)
{
	struct search s = {.min = min,
			   .max = max,
			   .resolution = resolution,
			   .tries = tries,
			   .trial = trial,
			   .stop = stop,
			   .arg = d};

	return search_run(&s, trials);
}

static void finds_the_limit(void **state)
{
	unsigned trials;

	for (double limit = 0.02; limit < 10; limit *= 1.37) {
		struct device d = {.limit = limit};
		double found = find(&d, 0.01, 10, 0.5, 1, &trials);

		assert_true(found <= limit);
		assert_true(found >= limit * (1 - 0.006)); /* resolution and what was reached */
		assert_true(d.highest <= 10);
		assert_true(trials == d.n && trials < 25);
	}
}

static void all_passes(void **state)
{
	struct device d = {.limit = 100};
	unsigned trials;

	assert_true(find(&d, 0.01, 10, 1, 1, &trials) == 10 * 0.999);
	assert_int_equal(trials, 1);
}

static void nothing_passes(void **state)
{
	struct device d = {.limit = 0.005};
	unsigned trials;

	assert_true(find(&d, 0.01, 10, 1, 1, &trials) == 0);
	assert_int_equal(trials, 2);
}

static void one_mishap_does_not_count_with_tries(void **state)
{
	struct device lucky = {.limit = 4, .bad_luck = 4}, unlucky = lucky;
	unsigned trials;

	assert_true(find(&lucky, 0.01, 10, 0.5, 2, &trials) > 3.95);
	assert_true(find(&unlucky, 0.01, 10, 0.5, 1, &trials) < 3.95);
}

static void stops_when_told(void **state)
{
	struct device d = {.limit = 4, .stop_after = 4};
	unsigned trials;

	find(&d, 0.01, 10, 0.01, 1, &trials);
	assert_int_equal(d.n, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_limit),
		cmocka_unit_test(all_passes),
		cmocka_unit_test(nothing_passes),
		cmocka_unit_test(one_mishap_does_not_count_with_tries),
		cmocka_unit_test(stops_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
