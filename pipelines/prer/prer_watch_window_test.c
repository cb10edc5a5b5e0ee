/* SPDX-License-Identifier: BSD-3-Clause */
/* Losses and their correlation, from packets that go through the real engine. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "prer_watch_window.h"

#define MS ((uint64_t)2500000) /* cycles */

struct rig {
	struct prer_state state;
	struct prer_params params;
	struct prer_watch_look was;
	struct prer_watch_sums sums;
	struct prer_watch_window last;
	unsigned bits, silent;
	uint64_t random;
};

static struct rig rig(unsigned bits, uint32_t history)
{
	return (struct rig){
		.params = {.history = history, .mask = 63, .reset = 2000 * MS},
		.bits = bits,
		.random = 42,
	};
}

static bool chance(struct rig *r, double p)
{
	r->random = r->random * 6364136223846793005u + 1442695040888963407u;
	return (double)(r->random >> 33) / 0x7fffffff < p;
}

static void arrive(struct rig *r, unsigned path, uint32_t seq, uint64_t now)
{
	uint32_t masked = seq & ((1u << r->bits) - 1);
	enum prer_verdict v = prer_recover(&r->state.recovery, &r->state.counts, NULL, &r->params,
					   r->bits, masked, now);

	prer_health_seen(&r->state.health[path], &r->state.counts, path, masked, r->bits, v, now);
}

static bool look(struct rig *r)
{
	struct prer_watch_look is;
	bool ok;

	prer_watch_look(&r->state, NULL, &r->params, 2, &is);
	ok = prer_watch_close(&r->was, &is, r->bits, 2, r->silent, &r->last);
	if (ok)
		prer_watch_add(&r->sums, &r->last, 2);
	r->silent = 0;
	for (unsigned i = 0; i < 2; i++)
		if (r->last.path[i].seen == 0)
			r->silent |= 1u << i;
	r->was = is;
	return ok;
}

/* Path 0 loses with `a`, path 1 with `b` and `lag` numbers behind, both together with `both`. A
 * look each 1000 numbers. */
static void run(struct rig *r, uint32_t from, uint32_t to, double a, double b, double both,
		uint32_t lag)
{
	static bool lost_b[1 << 16];

	for (uint32_t i = from; i < to; i++) {
		bool joint = chance(r, both);

		lost_b[i & 0xffff] = joint || chance(r, b);
		if (!joint && !chance(r, a))
			arrive(r, 0, i, i * MS);
		if (i >= from + lag && !lost_b[(i - lag) & 0xffff])
			arrive(r, 1, i - lag, i * MS);
		if (i % 1000 == 0)
			look(r);
	}
}

static double rho(const struct rig *r)
{
	double v;

	assert_true(prer_watch_rho(r->sums.expected, r->sums.lost[0], r->sums.lost[1],
				   r->sums.joint, &v));
	return v;
}

static void assert_near(double v, double expected, double within)
{
	if (fabs(v - expected) > within)
		fail_msg("%g is not within %g of %g", v, within, expected);
}

static void test_no_loss(void **state)
{
	struct rig r = rig(16, 64);

	run(&r, 0, 200000, 0, 0, 0, 20);
	assert_in_range(r.sums.expected, 198000, 200000);
	assert_int_equal(r.sums.joint, 0);
	assert_int_equal(r.sums.lost[0], 0);
	assert_near(r.sums.lost[1], 0, 1); /* it began within a window */
	assert_int_equal(r.last.path[0].first, r.last.passed);
	assert_int_equal(r.last.path[0].ahead, 0);
	assert_int_equal(r.last.path[1].ahead, -20);
}

static void test_independent(void **state)
{
	struct rig r = rig(16, 64);

	run(&r, 0, 400000, 0.1, 0.05, 0, 20);
	assert_near(prer_watch_share(r.sums.lost[0], r.sums.expected), 0.1, 0.002);
	assert_near(prer_watch_share(r.sums.lost[1], r.sums.expected), 0.05, 0.002);
	assert_near(prer_watch_share(r.sums.joint, r.sums.expected), 0.005, 0.0004);
	assert_near(rho(&r), 0, 0.01);
}

static void test_correlated(void **state)
{
	struct rig r = rig(28, 64);

	run(&r, 0, 200000, 0, 0, 0.02, 20);
	assert_near(prer_watch_share(r.sums.joint, r.sums.expected), 0.02, 0.002);
	assert_near(rho(&r), 1, 0.01);
}

/* Half of what path 1 loses, path 0 loses too. */
static void test_partly(void **state)
{
	struct rig r = rig(16, 64);
	double a = 0.05 + 0.05 - 0.0025, both = 0.05 + 0.05 * 0.05 - 0.05 * 0.0025;
	double expected = (both - a * a) / (a * (1 - a));

	run(&r, 0, 400000, 0.05, 0.05, 0.05, 20);
	assert_near(rho(&r), expected, 0.02);
}

/* One path cut and restored: what it lost is counted to the number, the stream lost nothing. */
static void test_outage(void **state)
{
	struct rig r = rig(16, 64);

	run(&r, 0, 10001, 0, 0, 0, 0);
	run(&r, 10001, 10501, 0, 0, 0, 0);
	run(&r, 10501, 90501, 1, 0, 0, 0); /* more than the circle of numbers */
	assert_int_equal(r.last.path[0].seen, 0);
	assert_int_equal(r.last.path[0].lost, 1000);
	run(&r, 90501, 100001, 0, 0, 0, 0);
	assert_int_equal(r.sums.lost[0], 80000);
	assert_int_equal(r.sums.lost[1], 0);
	assert_int_equal(r.sums.joint, 0);
	assert_int_equal(r.last.path[0].lost, 0);
}

/* The faster path is ahead of the history: all of it is rogue, and none of it is lost. */
static void test_ahead(void **state)
{
	struct rig r = rig(16, 64);

	for (uint32_t i = 0; i < 20000; i++) {
		arrive(&r, 1, i, i * MS);
		if (i > 1000)
			arrive(&r, 0, i + 200, i * MS);
		if (i % 1000 == 0)
			look(&r);
	}
	assert_int_equal(r.last.rogue, 1000);
	assert_int_equal(r.last.path[0].first, 0);
	assert_int_equal(r.last.path[0].lost, 0);
	assert_int_equal(r.last.path[0].ahead, 200);
	assert_int_equal(r.last.joint, 0);
}

static void test_reset(void **state)
{
	struct rig r = rig(16, 64);

	assert_false(look(&r)); /* nothing came yet */
	run(&r, 0, 1001, 0, 0, 0, 0);
	run(&r, 1001, 2001, 0, 0, 0, 0);
	for (uint32_t i = 0; i < 500; i++) /* after a pause the sender begins anew */
		arrive(&r, 0, 30000 + i, (i + 10000) * MS);
	assert_false(look(&r));
	assert_int_equal(r.last.path[0].seen, 500);
	for (uint32_t i = 500; i < 1000; i++)
		arrive(&r, 0, 30000 + i, (i + 10000) * MS);
	assert_true(look(&r));
	assert_int_equal(r.last.expected, 500);
	assert_int_equal(r.last.joint, 0);
	/* deleted and made again under the same number */
	memset(&r.state, 0, sizeof(r.state));
	arrive(&r, 0, 1, 20000 * MS);
	assert_false(look(&r));
}

/* A forged number spoils no figures but its own. */
static void test_forged(void **state)
{
	struct rig r = rig(16, 64);

	run(&r, 0, 5000, 0, 0, 0, 0);
	arrive(&r, 0, 40000, 5000 * MS);
	look(&r);
	assert_int_equal(r.last.rogue, 1);
	assert_in_range(r.last.path[0].lost + 1, 0, 2);
	run(&r, 5000, 7000, 0, 0, 0, 0);
	assert_int_equal(r.last.path[0].lost, 0);
}

/* Numbers go round more than once in a window. */
static void test_fast(void **state)
{
	struct rig r = rig(16, 64);

	for (uint32_t i = 0; i <= 400000; i++) {
		arrive(&r, 0, i, i * MS / 1000);
		if (i % 100 != 0)
			arrive(&r, 1, i, i * MS / 1000);
		if (i % 200000 == 0)
			look(&r);
	}
	assert_int_equal(r.last.expected, 200000);
	assert_int_equal(r.last.path[0].lost, 0);
	assert_int_equal(r.last.path[1].lost, 2000);
}

static void test_sums(void **state)
{
	struct prer_watch_sums s = {0};
	struct prer_watch_window w = {.expected = 1 << 28, .joint = 1 << 8};
	double v;

	for (unsigned i = 0; i < 1000; i++)
		prer_watch_add(&s, &w, 2);
	assert_near(prer_watch_share(s.joint, s.expected), 1.0 / (1 << 20), 1e-8);
	assert_near(prer_watch_at_most(1000, 0), 0.003, 1e-9);
	assert_true(prer_watch_at_most(100000, 100) > 0.001);
	assert_true(prer_watch_at_most(100000, 100) < 0.0013);
	assert_true(prer_watch_at_most(2, 0) >= 1);
	assert_false(prer_watch_rho(1000, 0, 10, 0, &v));
	assert_false(prer_watch_rho(1000, 1000, 10, 10, &v));
	assert_false(prer_watch_rho(0, 0, 0, 0, &v));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_loss),    cmocka_unit_test(test_independent),
		cmocka_unit_test(test_correlated), cmocka_unit_test(test_partly),
		cmocka_unit_test(test_outage),     cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_reset),      cmocka_unit_test(test_forged),
		cmocka_unit_test(test_fast),       cmocka_unit_test(test_sums),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
