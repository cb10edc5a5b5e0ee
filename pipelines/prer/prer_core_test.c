/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence recovery: what goes in and what exactly is counted, packet by packet at
 * one a millisecond; and against the standard's shift register in random runs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "prer_core.h"

#define MS       1000ull /* cycles */
#define MAX_H    8192u
#define MAX_OUT  4096u
#define NONE     (-1) /* a packet without a number */
#define BOTH     2    /* rules */
#define RING_END 0x5a5a5a5a5a5a5a5aull

struct bench {
	struct prer_params p;
	struct prer_recovery r;
	struct prer_counts c;
	uint64_t ring[MAX_H / 64 + 1]; /* the last word is not the ring's */
	unsigned bits;
	int individual;
	uint64_t now, decoded;
	int64_t out[MAX_OUT];
	uint32_t n_out;
};

static struct bench b;

static void start(uint32_t history, uint8_t flags)
{
	uint32_t size = 64;

	memset(&b, 0, sizeof(b));
	while (size < history)
		size *= 2;
	b.p.history = history;
	b.p.mask = size - 1;
	b.p.flags = flags;
	b.p.reset = 100 * MS;
	b.ring[size / 64] = RING_END;
	b.bits = 16;
	b.now = 5 * MS;
}

static enum prer_verdict rx(int64_t seq)
{
	uint32_t n = (uint32_t)seq & ((1u << b.bits) - 1);
	enum prer_verdict v;

	if (seq == NONE)
		v = prer_recover_none(&b.r, &b.c, b.ring, &b.p, b.now);
	else if (b.individual)
		v = prer_recover_individual(&b.r, &b.c, b.ring, &b.p, b.bits, n, b.now);
	else
		v = prer_recover(&b.r, &b.c, b.ring, &b.p, b.bits, n, b.now);
	if (v == PRER_PASS && b.n_out < MAX_OUT)
		b.out[b.n_out++] = seq;
	b.decoded++;
	assert_int_equal(b.decoded, b.r.passed + b.r.discarded + b.r.rogue);
	assert_int_equal(b.ring[(b.p.mask + 1) / 64], RING_END);
	assert_true(b.c.lost_guarded <= b.c.lost);
	return v;
}

static void later(uint64_t ms)
{
	b.now += ms * MS;
}

static void rx_all(int64_t from, int64_t to, int copies)
{
	for (int64_t s = from; s <= to; s++, later(1))
		for (int i = 0; i < copies; i++)
			rx(s);
}

static void rx_list(const int64_t *list, unsigned n)
{
	for (unsigned i = 0; i < n; i++, later(1))
		rx(list[i]);
}

static int in_order(int64_t from, int64_t to)
{
	if (b.n_out != to - from + 1)
		return 0;
	for (uint32_t i = 0; i < b.n_out; i++)
		if (b.out[i] != from + i)
			return 0;
	return 1;
}

struct want {
	uint64_t passed, discarded, out_of_order, rogue, lost, guarded, tagless;
	uint64_t resets;
};

#define expect(...) expect_at(__LINE__, (struct want){__VA_ARGS__})

static void expect_at(int line, struct want w)
{
	struct want is = {b.r.passed, b.r.discarded,    b.r.out_of_order, b.r.rogue,
			  b.c.lost,   b.c.lost_guarded, b.c.tagless,      prer_resets(&b.c)};

	if (memcmp(&w, &is, sizeof(w)) != 0)
		fail_msg("line %d: P%lu D%lu O%lu R%lu L%lu L'%lu T%lu S%lu", line, is.passed,
			 is.discarded, is.out_of_order, is.rogue, is.lost, is.guarded, is.tagless,
			 is.resets);
}

static const uint8_t rules[BOTH] = {0, PRER_RULE_2017};

/* ---- what is the same by both rules ------------------------------------------ */

static void two_paths(void **state)
{
	for (int k = 0; k < BOTH; k++) {
		start(8, rules[k]);
		rx_all(0, 999, 2);
		assert_true(in_order(0, 999));
		expect(1000, 1000, .lost = 7, .resets = 1);
		start(64, rules[k]);
		rx_all(0, 999, 2);
		expect(1000, 1000, .lost = 63, .resets = 1);
		start(8, rules[k]);
		rx_all(0, 999, 1);
		assert_true(in_order(0, 999));
		expect(1000, .lost = 7, .resets = 1);
	}
}

static void losses_that_differ(void **state)
{
	for (int k = 0; k < BOTH; k++) {
		start(8, rules[k]); /* A loses the odd ones, B the even ones */
		rx_all(0, 999, 1);
		expect(1000, .lost = 7, .resets = 1);
		start(8, rules[k]); /* A loses every tenth, B comes three later */
		for (int64_t s = 0; s < 1003; s++, later(1)) {
			if (s < 1000 && s % 10 != 5)
				rx(s);
			if (s >= 3)
				rx(s - 3);
		}
		expect(1000, 900, 200, .lost = 7, .resets = 1);
	}
}

static void wraps(void **state)
{
	static const int64_t late[] = {0, 2, 1, 2, 3, 1};
	static const unsigned widths[] = {16, 24, 28};

	for (int k = 0; k < BOTH; k++)
		for (unsigned w = 0; w < 3; w++) {
			int64_t end = 1ll << widths[w];

			start(8, rules[k]);
			b.bits = widths[w];
			rx_all(end - 3, end + 2, 2);
			assert_true(in_order(end - 3, end + 2));
			expect(6, 6, .lost = 5, .resets = 1);
			start(8, rules[k]);
			b.bits = widths[w];
			for (unsigned i = 0; i < 6; i++)
				rx(end - 2 + late[i]);
			expect(4, 2, 2, .lost = 3, .resets = 1);
		}
}

static void order_and_window(void **state)
{
	for (int k = 0; k < BOTH; k++) {
		start(8, rules[k]);
		rx_all(0, 7, 1);
		rx_list((int64_t[]){10, 8, 9, 11}, 4);
		expect(12, .out_of_order = 3, .lost = 7, .resets = 1);
		start(8, rules[k]);
		rx_all(0, 11, 1);
		rx_all(14, 20, 1);
		assert_int_equal(rx(13), PRER_PASS);
		assert_int_equal(rx(12), PRER_ROGUE);
		expect(20, 0, 2, 1, 8, 1, .resets = 1);
		start(8, rules[k]); /* five lost on both */
		rx_all(0, 19, 2);
		rx_all(25, 59, 2);
		expect(55, 55, 1, 0, 12, 5, .resets = 1);
	}
}

static void storm_on_one_path(void **state)
{
	for (int k = 0; k < BOTH; k++) {
		start(8, rules[k]);
		rx(0);
		for (int i = 0; i < 1000; i++)
			rx(1);
		rx(2);
		assert_true(in_order(0, 2));
		expect(3, 999, .lost = 2, .resets = 1);
	}
}

static void failover(void **state)
{
	for (int k = 0; k < BOTH; k++)
		for (int64_t lag = 3; lag <= 10; lag += 7) {
			start(8, rules[k]);
			for (int64_t s = 0; s < 1000 + lag; s++, later(1)) {
				if (s < 500)
					rx(s);
				if (s >= lag)
					rx(s - lag);
			}
			assert_true(in_order(0, 999));
			if (lag == 3)
				expect(1000, 500, .lost = 7, .resets = 1);
			else /* the history is too small for the lag, and it shows */
				expect(1000, 8, .rogue = 492, .lost = 7, .resets = 1);
		}
}

static void tagless(void **state)
{
	static const int64_t mixed[] = {0, NONE, 1, NONE, 1};

	start(8, 0);
	rx_list(mixed, 5);
	expect(2, 3, .lost = 1, .tagless = 2, .resets = 1);
	assert_int_equal(rx(NONE), PRER_TAGLESS);
	start(8, PRER_TAKE_NO_SEQUENCE);
	rx_list(mixed, 5);
	expect(4, 1, .lost = 1, .tagless = 2, .resets = 1);
	start(8, 0);
	b.p.algorithm = PRER_MATCH;
	rx_list(mixed, 5);
	expect(4, 1, .tagless = 2, .resets = 1);
}

static void match(void **state)
{
	start(8, 0);
	b.p.algorithm = PRER_MATCH;
	rx_all(0, 9, 2);
	expect(10, 10, .resets = 1);
	start(8, 0); /* a lag of one, and every duplicate passes */
	b.p.algorithm = PRER_MATCH;
	for (int64_t s = 0; s <= 10; s++, later(1)) {
		if (s < 10)
			rx(s);
		if (s > 0)
			rx(s - 1);
	}
	expect(20, 0, 17, .resets = 1);
}

/* ---- where the rules part --------------------------------------------------- */

static void edge_of_the_window(void **state)
{
	static const uint32_t h[] = {2, 8, 63, 64, 65, 128, 1000, 8192};

	for (unsigned i = 0; i < sizeof(h) / sizeof(h[0]); i++)
		for (int k = 0; k < BOTH; k++)
			for (int d = -1; d <= 1; d++) {
				start(h[i], rules[k]);
				rx(20000);
				rx(20000 + h[i] + d);
				assert_int_equal(b.r.rogue, d > (rules[k] ? -1 : 0));
				start(h[i], rules[k]);
				rx(20000);
				rx(20000 - h[i] + d);
				assert_int_equal(b.r.rogue, d < 1);
			}
}

static void joint_loss(void **state)
{
	start(2, PRER_RULE_2017); /* all that follows is rogue until the timer ends it */
	rx_all(0, 9, 2);
	rx_all(11, 200, 2);
	expect(101, 101, 0, 2 * 99, 2, 0, .resets = 2);
	start(2, 0);
	rx_all(0, 9, 2);
	rx_all(11, 200, 2);
	expect(200, 200, 1, 0, 2, 1, .resets = 1);
	start(2, 0);
	rx_all(0, 9, 2);
	assert_int_equal(rx(12), PRER_ROGUE);
}

static void leading_path_returns(void **state)
{
	start(8, 0);
	rx_all(0, 99, 1);
	for (int64_t s = 100; s < 300; s++, later(1)) {
		assert_int_equal(rx(s + 9), PRER_ROGUE);
		assert_int_equal(rx(s), PRER_PASS);
	}
	expect(300, .rogue = 200, .lost = 7, .resets = 1);
}

/* ---- the reset timer ------------------------------------------------------------ */

static void silence(void **state)
{
	start(8, 0);
	rx_all(0, 9, 1);
	later(98);
	assert_int_equal(rx(5000), PRER_ROGUE); /* which does not load the timer */
	later(1);
	assert_int_equal(rx(5000), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 2);
	later(1000); /* once, however long it was silent */
	assert_int_equal(rx(5000), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 3);
	b.now -= 50; /* another worker's clock */
	assert_int_equal(rx(5001), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 3);
	b.p.reset = 0;
	later(1000000);
	assert_int_equal(rx(9000), PRER_ROGUE);
}

static void silence_without_numbers(void **state)
{
	start(8, 0);
	rx_all(0, 9, 1);
	later(99);
	assert_int_equal(rx(NONE), PRER_TAGLESS);
	assert_int_equal(prer_resets(&b.c), 2);
	start(8, PRER_TAKE_NO_SEQUENCE);
	rx_all(0, 9, 1);
	later(90);
	assert_int_equal(rx(NONE), PRER_PASS); /* loads it */
	later(90);
	assert_int_equal(rx(9), PRER_DUPLICATE);
	later(10);
	assert_int_equal(rx(NONE), PRER_PASS); /* resets, and the timer runs again */
	later(100);
	assert_int_equal(rx(9), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 3);
}

static void stale_copy_after_reset(void **state)
{
	start(8, 0);
	rx_all(0, 99, 1);
	later(100);
	assert_int_equal(rx(95), PRER_PASS);
	assert_int_equal(rx(93), PRER_PASS); /* the history is empty: passed twice */
	assert_int_equal(rx(100), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 2);
}

/* A sender that repeats one number, for longer than the timer. */
static void stuck_sender(void **state)
{
	for (int individual = 0; individual < 2; individual++) {
		start(8, 0);
		b.individual = individual;
		rx_all(0, 9, 1);
		for (int i = 0; i < 250; i++, later(1))
			rx(9);
		if (individual)
			expect(10, 250, .lost = 7, .resets = 1);
		else /* at 100 and at 200 */
			expect(12, 248, .lost = 7, .resets = 3);
	}
	start(8, 0);
	b.individual = 1;
	rx_all(0, 9, 1);
	for (int i = 0; i < 250; i++, later(1))
		rx(5000);
	expect(10, .rogue = 250, .lost = 7, .resets = 1);
}

/* ---- a sender that starts anew ---------------------------------------------------- */

static void sender_restarts(void **state)
{
	start(8, 0);
	rx_all(30000, 30099, 1);
	rx_all(0, 49, 2);
	expect(100, .rogue = 100, .lost = 7, .resets = 1);
	prer_reset(&b.r, &b.c, b.ring, &b.p); /* it tells */
	rx_all(50, 99, 2);
	expect(150, 50, 0, 100, 14, 0, .resets = 2);
	start(64, 0);
	rx_all(0, 19, 1);
	rx_all(0, 19, 1); /* a little behind: taken for duplicates */
	expect(20, 20, .lost = 19, .resets = 1);
}

static void resynchronised(void **state)
{
	start(8, PRER_RESYNC);
	rx_all(30000, 30099, 2);
	rx_all(0, 49, 2); /* 0 twice rogue */
	expect(149, 149, 0, 2, 14, 0, .resets = 2);
	start(8, PRER_RESYNC);
	rx_all(65530, 65535, 1);
	rx_list((int64_t[]){39999, 40001, 40003, 65535, 40004}, 5); /* a duplicate in between */
	expect(7, 1, .rogue = 3, .lost = 5, .resets = 2);
	start(8, PRER_RESYNC);
	rx(20000);
	assert_int_equal(rx(65535), PRER_ROGUE);
	assert_int_equal(rx(0), PRER_PASS);
	start(8, PRER_RESYNC);
	rx(20000);
	assert_int_equal(rx(0), PRER_ROGUE);
}

/* A path that lags by more than the history does not pull the window back. */
static void resync_with_a_laggard(void **state)
{
	start(8, PRER_RESYNC);
	for (int64_t s = 0; s < 500; s++, later(1)) {
		rx(s);
		if (s >= 20)
			rx(s - 20);
	}
	expect(500, .rogue = 480, .lost = 7, .resets = 1);
}

/* The receiver was away for longer than its history: it goes on at once, and knows what it has
 * passed. */
static void gone_on(void **state)
{
	start(8, 0);
	rx_all(0, 19, 1);
	prer_go_on(&b.r);
	rx_all(18, 19, 1);                     /* copies by a slower path */
	rx_all(9, 10, 1);                      /* and such as are too late */
	rx_all(500, 509, 2);                   /* the first is ahead of the window */
	assert_int_equal(rx(700), PRER_ROGUE); /* once */
	expect(30, 12, 0, 3, 14, 0, .resets = 2);
	start(8, 0);
	rx_all(0, 19, 1);
	prer_go_on(&b.r);
	rx_all(22, 29, 1); /* within the window nothing is different */
	assert_int_equal(rx(500), PRER_ROGUE);
	expect(28, .out_of_order = 1, .rogue = 1, .lost = 9, .guarded = 2, .resets = 1);
}

/* ---- changes in operation -------------------------------------------------------------- */

static void other_history(void **state)
{
	start(64, 0);
	rx_all(0, 99, 1);
	b.p.history = 8;
	assert_int_equal(rx(100), PRER_PASS);
	assert_int_equal(prer_resets(&b.c), 2);
	rx_all(101, 199, 2);
	assert_int_equal(b.r.discarded, 99);
	b.p.algorithm = PRER_MATCH;
	rx_all(200, 209, 2);
	b.p.algorithm = PRER_VECTOR;
	b.p.history = 100;
	b.p.mask = 127;
	b.ring[2] = RING_END;
	rx_all(210, 399, 2);
	assert_true(in_order(0, 399));
	assert_int_equal(prer_resets(&b.c), 4);
}

static void generation(void **state)
{
	struct prer_counts c = {0};

	for (uint32_t i = 0; i < 70000; i++)
		assert_int_equal(prer_generate(&c, 16), i & 0xffff);
	assert_int_equal(c.generated, 70000);
	assert_int_equal(prer_gen_resets(&c), 1);
	prer_generate_reset(&c);
	assert_int_equal(prer_gen_resets(&c), 2);
	c.gen_seq = (1u << 28) - 1;
	assert_int_equal(prer_generate(&c, 28), (1u << 28) - 1);
	assert_int_equal(prer_generate(&c, 28), 0);
	c.gen_seq = 0;
	assert_int_equal(prer_generate(&c, 0), 0);
	assert_int_equal(prer_generate(&c, 0), 0);
}

static void latent_errors(void **state)
{
	int64_t base;

	start(8, 0);
	rx_all(0, 99, 2);
	assert_int_equal(prer_latent_balance(&b.r, &b.c, &b.p, 2), 0);
	rx(NONE);
	rx(5000); /* neither is a copy */
	assert_int_equal(prer_latent_balance(&b.r, &b.c, &b.p, 2), 0);
	base = 0;
	rx_all(100, 109, 1); /* one path is silent */
	assert_int_equal(prer_latent_balance(&b.r, &b.c, &b.p, 2), 10);
	assert_false(prer_latent_error(base, 10, 2, 10));
	assert_true(prer_latent_error(base, 10, 2, 9));
	assert_true(prer_latent_error(base, -10, 2, 9));
	assert_false(prer_latent_error(base, 10, 1, 9));
	base = prer_latent_balance(&b.r, &b.c, &b.p, 2);
	rx_all(110, 199, 2);
	assert_false(prer_latent_error(base, prer_latent_balance(&b.r, &b.c, &b.p, 2), 2, 0));
	assert_int_equal(prer_latent_balance(&b.r, &b.c, &b.p, 3), 190 * 2 + 10 * 2 - 190);
}

/* ---- against the standard's shift register ------------------------------------------------ */

struct shift {
	uint8_t history[2048]; /* [0] is RecovSeqNum */
	uint32_t seq;
	int take_any;
	struct want w;
};

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint32_t rnd(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static enum prer_verdict shift_rx(struct shift *s, uint32_t seq)
{
	int32_t h = (int32_t)b.p.history, d = prer_delta(s->seq, seq, b.bits);

	if (s->take_any) {
		s->take_any = 0;
		s->history[0] = 1;
		s->seq = seq;
		s->w.passed++;
		return PRER_PASS;
	}
	if (d <= -h || d > h || (d == h && (b.p.flags & PRER_RULE_2017))) {
		s->w.rogue++;
		return PRER_ROGUE;
	}
	if (d <= 0 && s->history[-d]) {
		s->w.discarded++;
		return PRER_DUPLICATE;
	}
	s->w.out_of_order += d != 1;
	s->w.passed++;
	if (d <= 0) {
		s->history[-d] = 1;
		return PRER_PASS;
	}
	for (int32_t i = 0; i < d; i++) {
		s->w.lost += !s->history[h - 1];
		memmove(s->history + 1, s->history, (size_t)h - 1);
		s->history[0] = 0;
	}
	s->history[0] = 1;
	s->seq = seq;
	return PRER_PASS;
}

static void run_random(uint32_t history)
{
	struct shift s = {.take_any = 1, .w.resets = 1};
	uint32_t at;

	start(history, rnd(2) ? PRER_RULE_2017 : 0);
	b.bits = (unsigned[]){16, 24, 28}[rnd(3)];
	b.p.reset = 0;
	at = (0u - rnd(2 * history)) & ((1u << b.bits) - 1);
	for (int i = 0; i < 400; i++, later(1)) {
		uint32_t seq, far = rnd(30);

		at += rnd(8) ? 1 : rnd(history / 2 + 2);
		seq = at - rnd(history + history / 8 + 2) * (rnd(3) == 0);
		if (far == 0)
			seq = rnd(1u << b.bits);
		else if (far < 3)
			seq = s.seq + history - rnd(3) + 1;
		seq &= (1u << b.bits) - 1;
		assert_int_equal(rx(seq), shift_rx(&s, seq));
		for (uint32_t k = 0; far == 1 && k < history; k++)
			assert_int_equal(
				s.history[k],
				*prer_ring_word(prer_ring(&b.r, b.ring, &b.p), &b.p, s.seq - k) >>
						((s.seq - k) & 63) &
					1);
	}
	s.w.guarded = b.c.lost_guarded;
	assert_true(s.w.lost - s.w.guarded <= history - 1);
	expect_at(__LINE__, s.w);
}

static void random_runs(void **state)
{
	static const uint32_t h[] = {2, 3, 8, 33, 63, 64, 65, 100, 128, 200, 512, 1000, 1024};

	for (unsigned i = 0; i < 1300; i++)
		run_random(h[i % (sizeof(h) / sizeof(h[0]))]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_paths),
		cmocka_unit_test(losses_that_differ),
		cmocka_unit_test(wraps),
		cmocka_unit_test(order_and_window),
		cmocka_unit_test(storm_on_one_path),
		cmocka_unit_test(failover),
		cmocka_unit_test(tagless),
		cmocka_unit_test(match),
		cmocka_unit_test(edge_of_the_window),
		cmocka_unit_test(joint_loss),
		cmocka_unit_test(leading_path_returns),
		cmocka_unit_test(silence),
		cmocka_unit_test(silence_without_numbers),
		cmocka_unit_test(stale_copy_after_reset),
		cmocka_unit_test(stuck_sender),
		cmocka_unit_test(sender_restarts),
		cmocka_unit_test(resynchronised),
		cmocka_unit_test(resync_with_a_laggard),
		cmocka_unit_test(gone_on),
		cmocka_unit_test(other_history),
		cmocka_unit_test(generation),
		cmocka_unit_test(latent_errors),
		cmocka_unit_test(random_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
