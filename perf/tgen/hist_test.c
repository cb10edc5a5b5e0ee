/* SPDX-License-Identifier: BSD-3-Clause */
/* The histogram against sorted values. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "hist.h"

#define VALUES 20000

static struct hist h;

static void buckets_follow_each_other(void **state)
{
	unsigned last = 0;

	assert_int_equal(hist_bucket(0), 0);
	for (uint64_t v = 1; v < 1u << 20; v++) {
		unsigned b = hist_bucket(v);

		assert_true(b == last || b == last + 1);
		last = b;
	}
	for (unsigned bit = 20; bit < 64; bit++)
		assert_int_equal(hist_bucket(1ull << bit), hist_bucket((1ull << bit) - 1) + 1);
	assert_int_equal(hist_bucket(UINT64_MAX), HIST_BUCKETS - 1);
}

static void nothing(void **state)
{
	hist_clear(&h);
	assert_int_equal(hist_percentile(&h, 99), 0);
	assert_true(hist_mean(&h) == 0);
}

static void small_values_are_exact(void **state)
{
	hist_clear(&h);
	for (uint64_t v = 1; v <= 100; v++)
		hist_add(&h, v);
	assert_int_equal(hist_percentile(&h, 0), 1);
	assert_int_equal(hist_percentile(&h, 50), 50);
	assert_int_equal(hist_percentile(&h, 99), 99);
	assert_int_equal(hist_percentile(&h, 99.1), 100);
	assert_int_equal(hist_percentile(&h, 100), 100);
	assert_true(hist_mean(&h) == 50.5);
	assert_int_equal(h.min, 1);
	assert_int_equal(h.max, 100);
}

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void percentiles_are_near_and_never_low(void **state)
{
	static const double percent[] = {1, 50, 90, 99, 99.9, 99.99, 100};
	static uint64_t v[VALUES];
	uint64_t r = 88172645463325252ull;

	hist_clear(&h);
	for (unsigned i = 0; i < VALUES; i++) {
		r ^= r << 13;
		r ^= r >> 7;
		r ^= r << 17;
		v[i] = r >> (20 + i % 40);
		hist_add(&h, v[i]);
	}
	qsort(v, VALUES, sizeof(v[0]), ascending);
	for (unsigned i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		unsigned rank = (unsigned)(VALUES * percent[i] / 100 + 0.999999);
		uint64_t exact = v[rank - 1], told = hist_percentile(&h, percent[i]);

		assert_true(told >= exact);
		assert_true(told - exact <= exact / HIST_PARTS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets_follow_each_other),
		cmocka_unit_test(nothing),
		cmocka_unit_test(small_values_are_exact),
		cmocka_unit_test(percentiles_are_near_and_never_low),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
