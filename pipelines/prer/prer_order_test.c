/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet ordering: what goes on when, in which order, and that nothing is lost.
 * Handles are the numbers themselves, one cycle is a microsecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "prer_order.h"

#define MS    1000ull
#define ROOM  8u
#define DELAY (20 * MS)

static struct prer_order q;
static struct prer_order_slot slot[ROOM + 1]; /* the last is not the queue's */
static const struct prer_params p = {.order_delay = DELAY, .order_any = 2000 * MS};
static uint64_t now, out[64];
static uint32_t n_out;
static unsigned bits;

static void start(void)
{
	memset(slot, 0x5a, sizeof(slot));
	prer_order_init(&q, slot, ROOM);
	now = 5 * MS;
	n_out = 0;
	bits = 16;
}

static void in_by(uint32_t seq, uint64_t delay)
{
	n_out +=
		prer_order_in(&q, &p, bits, seq & ((1u << bits) - 1), seq, delay, now, out + n_out);
	assert_true(q.n <= ROOM);
	assert_int_equal(slot[ROOM].seq, 0x5a5a5a5a);
}

static void in(uint32_t seq)
{
	in_by(seq, DELAY);
}

static void wait(uint64_t ms)
{
	now += ms * MS;
	n_out += prer_order_expired(&q, bits, now, out + n_out);
}

#define sent(...)                                          \
	sent_at(__LINE__, (const uint64_t[]){__VA_ARGS__}, \
		sizeof((const uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t))

/* These went on since it was asked last. */
static void sent_at(int line, const uint64_t *want, uint32_t n)
{
	int same = n == n_out && memcmp(want, out, n * sizeof(*want)) == 0;

	if (!same)
		fail_msg("line %d: %u sent, first %lu", line, n_out, n_out ? out[0] : 0);
	n_out = 0;
}

static void nothing_sent(void)
{
	assert_int_equal(n_out, 0);
}

/* ---- basic ------------------------------------------------------------------ */

static void reorders(void **state)
{
	start();
	in(7); /* the first is taken as it comes */
	in(8);
	sent(7, 8);
	in(11);
	in(10);
	nothing_sent();
	in(9);
	sent(9, 10, 11);
	assert_int_equal(q.held, 2);
	assert_int_equal(q.due, UINT64_MAX);
}

static void gives_up(void **state)
{
	start();
	in(0);
	in(2); /* 1 does not come */
	in(3);
	wait(10);
	in(5);
	sent(0);
	wait(9);
	nothing_sent();
	wait(1);
	sent(2, 3); /* 5 still has time */
	in(4);
	sent(4, 5);
	assert_int_equal(q.expired, 2);
	in(8);
	wait(10);
	in(7);
	wait(10);
	sent(7, 8); /* the smaller one goes first though it had time */
	in(10);
	now += 30 * MS;
	in(11); /* nobody called: 10 goes before it */
	sent(10, 11);
}

static void late_packets_do_not_set_back(void **state)
{
	start();
	in(0);
	in(2);
	wait(20);
	in(3);
	sent(0, 2, 3);
	in(1); /* older than the last: sent, and 4 does not wait */
	in(4);
	sent(1, 4);
	assert_int_equal(q.late, 1);
	assert_int_equal(q.held, 1);
}

static void wraps(void **state)
{
	static const unsigned widths[] = {16, 24, 28};

	for (unsigned i = 0; i < 3; i++) {
		uint64_t end = 1ull << widths[i];

		start();
		bits = widths[i];
		in((uint32_t)end - 2);
		in((uint32_t)end);
		in((uint32_t)end + 1);
		in((uint32_t)end - 1);
		sent(end - 2, end - 1, end, end + 1);
	}
}

static void bounded(void **state)
{
	start();
	in(0);
	for (uint32_t s = 2; s < 2 + ROOM; s++)
		in(s);
	sent(0);
	in(20); /* the first makes room, and those behind it are in turn */
	sent(2, 3, 4, 5, 6, 7, 8, 9);
	assert_int_equal(q.overflow, 1);
	for (uint32_t s = 22; s < 22 + ROOM - 1; s++)
		in(s);
	nothing_sent();
	in(12); /* before all that wait */
	sent(12);
	in(11);
	in(13);
	sent(11, 13);
	assert_int_equal(q.overflow, 2);
	assert_int_equal(q.late, 1);
	wait(20);
	assert_int_equal(n_out, ROOM);
	start();
	q.room = 0;
	in(0);
	in(5);
	in(3);
	sent(0, 5, 3);
}

static void takes_any_after_silence(void **state)
{
	start();
	in(100);
	wait(1999);
	in(103);
	sent(100);
	wait(20);
	sent(103);
	wait(1980);
	in(50);
	in(51);
	sent(50, 51);
	assert_int_equal(q.late, 0);
}

static void reset_empties(void **state)
{
	start();
	in(0);
	in(3);
	in(2);
	sent(0);
	n_out = prer_order_reset(&q, bits, out);
	sent(2, 3);
	in(77);
	sent(77);
}

/* ---- advanced, drop_older ------------------------------------------------------ */

static void waits_by_path(void **state)
{
	start();
	in(0);
	in_by(2, 10 * MS); /* by the fast path */
	in_by(5, 10 * MS);
	sent(0);
	in_by(3, 0); /* by the slowest: what is not here now does not come */
	sent(2, 3);
	in_by(4, 0);
	sent(4, 5);
	in_by(7, 10 * MS);
	in_by(9, 4 * MS);
	wait(4);
	sent(7, 9);
}

static void drops_older(void **state)
{
	static const struct {
		uint32_t seq;
		int older;
	} t[] = {{65530, 0}, {65531, 0}, {65531, 1}, {3, 0}, {65535, 1}, {4, 0}, {2, 1}};

	start();
	for (unsigned i = 0; i < sizeof(t) / sizeof(t[0]); i++)
		assert_int_equal(prer_order_older(&q, &p, bits, t[i].seq, now), t[i].older);
	assert_int_equal(q.late, 3);
	now += 2000 * MS;
	assert_false(prer_order_older(&q, &p, bits, 2, now));
	assert_true(prer_order_older(&q, &p, bits, 1, now));
}

/* ---- random runs ------------------------------------------------------------------ */

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

/* One packet a millisecond, each up to `lag` - 1 late, one of `loss` lost (0: none). */
static void run_random(uint32_t lag, uint32_t loss)
{
	uint32_t arrival[2016] = {0}, came = 0, went = 0, high = 0;

	start();
	for (uint32_t s = 1; s < 2000; s++)
		arrival[s] = loss && rnd(loss) == 0 ? 0 : s + rnd(lag);
	arrival[1] = 1;
	for (uint32_t t = 1; t < 2016; t++) {
		for (uint32_t s = t < 16 ? 1 : t - 15; s <= t; s++)
			if (arrival[s] == t) {
				in(s);
				came++;
			}
		wait(1);
		for (uint32_t i = 0; i < n_out; i++, went++) {
			if (lag <= 4)
				assert_true(out[i] > high);
			high = out[i] > high ? (uint32_t)out[i] : high;
		}
		n_out = 0;
		assert_int_equal(went + q.n, came);
		for (uint32_t i = 0; i < q.n; i++)
			assert_true(prer_order_slot(&q, i)->due > now);
	}
}

static void random_runs(void **state)
{
	for (uint32_t i = 0; i < 50; i++) {
		run_random(1 + i % 4, 0); /* less than the room: all in order */
		run_random(1 + i % 4, 10);
		run_random(16, 3);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reorders),
		cmocka_unit_test(gives_up),
		cmocka_unit_test(late_packets_do_not_set_back),
		cmocka_unit_test(wraps),
		cmocka_unit_test(bounded),
		cmocka_unit_test(takes_any_after_silence),
		cmocka_unit_test(reset_empties),
		cmocka_unit_test(waits_by_path),
		cmocka_unit_test(drops_older),
		cmocka_unit_test(random_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
