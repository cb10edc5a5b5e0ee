/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include <cmocka.h>

#include "prer_health.h"

#define MS ((uint64_t)2500000) /* cycles */

struct rig {
	struct prer_health path[2];
	struct prer_counts counts;
};

static void seen(struct rig *r, unsigned path, uint32_t seq, bool passed, uint64_t now)
{
	prer_health_seen(&r->path[path], &r->counts, path, seq, 16,
			 passed ? PRER_PASS : PRER_DUPLICATE, now);
}

static double lag_ms(const struct rig *r, unsigned path)
{
	return (double)((uint64_t)r->path[path].lag << 7) / MS;
}

static double lag_max_ms(const struct rig *r, unsigned path)
{
	return (double)((uint64_t)r->path[path].lag_max << 10) / MS;
}

static void test_counts(void **state)
{
	struct rig r = {0};

	seen(&r, 0, 7, true, MS);
	seen(&r, 0, 8, true, 2 * MS);
	seen(&r, 1, 7, false, 2 * MS);
	seen(&r, 1, UINT32_MAX, true, 3 * MS); /* no number: counted, and nothing else */
	assert_int_equal(r.path[0].seen, 2);
	assert_int_equal(r.path[0].first, 2);
	assert_int_equal(r.path[0].high, 8);
	assert_int_equal(r.path[1].seen, 2);
	assert_int_equal(r.path[1].first, 1);
	assert_int_equal(r.path[1].high, 7);
	assert_int_equal(r.path[1].out_of_order, 0);
}

static void test_order(void **state)
{
	struct rig r = {0};
	static const uint32_t seqs[] = {65534, 65535, 1, 0, 0, 2, 1};

	for (unsigned i = 0; i < sizeof(seqs) / sizeof(*seqs); i++)
		seen(&r, 0, seqs[i], true, i * MS);
	assert_int_equal(r.path[0].high, 2);
	assert_int_equal(r.path[0].out_of_order, 3);
	/* the sender began anew: those that follow are in order */
	for (uint32_t seq = 40000; seq < 40010; seq++)
		seen(&r, 0, seq, true, seq * MS);
	assert_int_equal(r.path[0].high, 40009);
	assert_int_equal(r.path[0].out_of_order, 3);
}

/* Second copies 20 ms behind, every tenth lost. */
static void test_lag(void **state)
{
	struct rig r = {0};

	for (uint32_t i = 0; i < 2000; i++) {
		seen(&r, 0, i & 0xffff, true, i * MS);
		if (i >= 20 && i % 10 != 0)
			seen(&r, 1, (i - 20) & 0xffff, false, i * MS);
	}
	assert_true(lag_ms(&r, 1) > 19.9 && lag_ms(&r, 1) < 20.1);
	assert_true(lag_max_ms(&r, 1) > 19.9 && lag_max_ms(&r, 1) < 20.1);
	assert_int_equal(r.path[0].lag, 0);
}

/* The mean follows, the largest is remembered for some hundred samples. */
static void test_lag_changes(void **state)
{
	struct rig r = {0};
	uint64_t now = MS;

	for (uint32_t i = 0; i < 100; i++, now += 10 * MS) {
		seen(&r, 0, i, true, now);
		seen(&r, 1, i, false, now + (i == 20 ? 8 * MS : MS));
	}
	assert_true(lag_ms(&r, 1) > 0.99 && lag_ms(&r, 1) < 1.01);
	assert_true(lag_max_ms(&r, 1) > 5 && lag_max_ms(&r, 1) <= 8.01);
	for (uint32_t i = 100; i < 3000; i++, now += 10 * MS) {
		seen(&r, 0, i, true, now);
		seen(&r, 1, i, false, now + MS);
	}
	assert_true(lag_max_ms(&r, 1) > 0.99 && lag_max_ms(&r, 1) < 1.2);
}

/* Differences of a few hundred nanoseconds are not rounded away. */
static void test_lag_small(void **state)
{
	struct rig r = {0};

	for (uint32_t i = 0; i < 1000; i++) {
		seen(&r, 0, i, true, i * MS);
		seen(&r, 1, i, false, i * MS + 8 * 1024);
	}
	assert_in_range(r.path[1].lag << 7, 7 * 1024, 8 * 1024);
	seen(&r, 0, 1000, true, 2000 * MS);
	seen(&r, 1, 1000, false, 2000 * MS);
	assert_in_range(r.path[1].lag << 7, 6 * 1024, 8 * 1024);
	assert_in_range((uint64_t)r.path[1].lag_max << 10, 0, 8 * 1024);
}

/* A copy made on the way, which comes by the same path, says nothing of the other. */
static void test_same_path(void **state)
{
	struct rig r = {0};

	seen(&r, 0, 5, true, MS);
	seen(&r, 0, 5, false, 2 * MS);
	assert_int_equal(r.path[0].lag, 0);
	seen(&r, 1, 5, false, 4 * MS);
	assert_true(lag_ms(&r, 1) > 2.99 && lag_ms(&r, 1) < 3.01);
}

/* The other path is gone for more than half of the circle: no second copy is taken for that of
 * a number from the round before. */
static void test_after_outage(void **state)
{
	struct rig r = {0};
	uint64_t now = MS;

	for (uint32_t i = 0; i < 65536; i++, now += MS / 100)
		seen(&r, 0, i, true, now);
	for (uint32_t i = 0; i < 1000; i++, now += MS / 100) {
		seen(&r, 0, i, true, now);
		seen(&r, 1, i, false, now + MS / 200);
	}
	assert_true(lag_max_ms(&r, 1) < 0.01);
	assert_true(lag_ms(&r, 1) > 0.003);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts),       cmocka_unit_test(test_order),
		cmocka_unit_test(test_lag),          cmocka_unit_test(test_lag_changes),
		cmocka_unit_test(test_lag_small),    cmocka_unit_test(test_same_path),
		cmocka_unit_test(test_after_outage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
