/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "copies.h"
#include "lane.h"
#include "queue.h"

#define PACKETS 200000

static char why[200];

static struct lanes two(uint64_t seed)
{
	struct lanes l = {0};

	assert_true(lane_add(&l, "a", why, sizeof(why)));
	assert_true(lane_add(&l, "b", why, sizeof(why)));
	lanes_seed(&l, seed);
	return l;
}

static void tell(struct lanes *l, const char *line)
{
	if (!lanes_command(l, line, why, sizeof(why)))
		fail_msg("%s: %s", line, why);
}

static void within_3_sigma(double got, double p, double n)
{
	double sigma = sqrt(n * p * (1 - p));

	if (fabs(got - n * p) > 3 * sigma)
		fail_msg("%g of %g, not %g +- %g", got, n, n * p, 3 * sigma);
}

static uint64_t lost_of(struct lanes *l, unsigned lane, uint64_t packets)
{
	uint64_t lost = 0;

	for (uint64_t i = 0; i < packets; i++)
		lost += lane_fate(l, &l->lane[lane], 0, i, i).lost;
	return lost;
}

static void test_independent(void **state)
{
	struct lanes l = two(1);
	struct copies *c = copies_new();
	struct pair p;

	tell(&l, "lane all loss 0.1");
	for (uint64_t i = 0; i < PACKETS; i++)
		for (unsigned lane = 0; lane < 2; lane++)
			copies_saw(c, i * 0x9e3779b97f4a7c15u, lane,
				   lane_fate(&l, &l.lane[lane], 0, i, 0).lost);
	p = copies_pair(c, 0, 1);
	assert_int_equal(p.both, PACKETS);
	within_3_sigma((double)p.lost[0], 0.1, PACKETS);
	within_3_sigma((double)p.lost[1], 0.1, PACKETS);
	within_3_sigma((double)p.lost_both, 0.01, PACKETS);
	assert_true(fabs(pair_correlation(&p)) < 3 / sqrt(PACKETS));
	free(c);
}

static void correlated(double pa, double pb, double rho)
{
	struct lanes l = two(2);
	uint64_t lost[2] = {0}, both = 0;
	char line[100];

	snprintf(line, sizeof(line), "lane a loss %g; lane b loss %g; correlation %g a b", pa, pb,
		 rho);
	tell(&l, line);
	for (uint64_t i = 0; i < PACKETS; i++) {
		bool a = lane_fate(&l, &l.lane[0], 0, i, 0).lost;
		bool b = lane_fate(&l, &l.lane[1], 0, i, 0).lost;

		lost[0] += a;
		lost[1] += b;
		both += a && b;
	}
	within_3_sigma((double)lost[0], pa, PACKETS);
	within_3_sigma((double)lost[1], pb, PACKETS);
	within_3_sigma((double)both, pa * pb + rho * sqrt(pa * (1 - pa) * pb * (1 - pb)), PACKETS);
}

static void test_correlated(void **state)
{
	correlated(0.1, 0.1, 0.3);
	correlated(0.1, 0.1, 1);
	correlated(0.01, 0.01, 0.01);
	correlated(0.02, 0.1, 0.3);
}

static void test_burst(void **state)
{
	struct lanes l = two(3);
	uint64_t lost = 0, bursts = 0;
	bool before = false;

	tell(&l, "lane a burst 0.05 8");
	for (uint64_t i = 0; i < PACKETS; i++) {
		bool now = lane_fate(&l, &l.lane[0], 0, i, 0).lost;

		lost += now;
		bursts += now && !before;
		before = now;
	}
	/* a burst's length is geometric with mean 8: so many bursts, each with that variance */
	assert_true(fabs((double)lost / (double)bursts - 8) <
		    3 * sqrt(8 * 7) / sqrt((double)bursts));
	/* runs make the share's deviation larger by about sqrt(2 * 8) */
	assert_true(fabs((double)lost / PACKETS - 0.05) < 3 * 4 * sqrt(0.05 * 0.95 / PACKETS));
}

static void test_same_seed(void **state)
{
	struct lanes a = two(4), b = two(4), c = two(5);
	uint64_t differ = 0;

	for (struct lanes *l = &a; l != NULL; l = l == &a ? &b : l == &b ? &c : NULL)
		tell(l,
		     "lane all loss 0.1 burst 0.1 4 delay 3 jitter 2 reorder 0.1 duplicate 0.2 3");
	for (uint64_t i = 0; i < 10000; i++) {
		struct fate x = lane_fate(&a, &a.lane[0], 1, i, i * 1000);
		struct fate y = lane_fate(&b, &b.lane[0], 1, i, i * 1000);
		struct fate z = lane_fate(&c, &c.lane[0], 1, i, i * 1000);

		assert_int_equal(x.lost, y.lost);
		assert_int_equal(x.due, y.due);
		assert_int_equal(x.copies, y.copies);
		differ += x.lost != z.lost;
	}
	assert_true(differ > 1000);
}

static void test_times(void **state)
{
	struct lanes l = two(6);
	uint64_t due = 0;
	struct fate f;

	f = lane_fate(&l, &l.lane[0], 0, 0, 7);
	assert_int_equal(f.due, 7);
	assert_int_equal(f.copies, 1);
	tell(&l, "lane a there delay 20 jitter 1.5");
	assert_int_equal(l.lane[0].way[1].delay, 0);
	for (uint64_t i = 0; i < 1000; i++) {
		f = lane_fate(&l, &l.lane[0], 0, i, i * 1000);
		assert_true(f.due >= due);
		assert_in_range(f.due, i * 1000 + 20000000, i * 1000 + 21500000);
		due = f.due;
	}
	tell(&l, "lane a clear reorder 1 2");
	assert_int_equal(lane_fate(&l, &l.lane[0], 0, 0, 1000000000).due, 1002000000);
	tell(&l, "lane a clear duplicate 1 9");
	assert_int_equal(lane_fate(&l, &l.lane[0], 0, 0, 0).copies, 10);
}

static void test_down(void **state)
{
	struct lanes l = two(7);

	tell(&l, "lane a down");
	assert_int_equal(lost_of(&l, 0, 100), 100);
	assert_int_equal(lost_of(&l, 1, 100), 0);
	tell(&l, "lane a up");
	assert_int_equal(lost_of(&l, 0, 100), 0);
	assert_int_equal(l.lane[0].way[0].cut, 100);
}

static void refused(struct lanes *l, const char *line, const char *reason)
{
	struct lanes before = *l;

	assert_false(lanes_command(l, line, why, sizeof(why)));
	if (strstr(why, reason) == NULL)
		fail_msg("%s: %s", line, why);
	assert_memory_equal(&before, l, sizeof(before));
}

static void test_refused(void **state)
{
	struct lanes l = two(8);

	refused(&l, "", "empty");
	refused(&l, "line a up", "'line'");
	refused(&l, "lane", "name is missing");
	refused(&l, "lane c up", "no lane c");
	refused(&l, "lane a", "what about");
	refused(&l, "lane a lose 0.1", "'lose'");
	refused(&l, "lane a loss", "number is missing");
	refused(&l, "lane a loss 1.1", "want 0 to 1");
	refused(&l, "lane a loss nan", "want 0 to 1");
	refused(&l, "lane a delay 5 loss x", "want 0 to 1");
	refused(&l, "lane a burst 0.9 1", "cannot be");
	refused(&l, "correlation 0.5 a b", "set the loss");
	tell(&l, "lane a loss 0.01");
	tell(&l, "lane b loss 0.1");
	refused(&l, "correlation 0.5 a b", "at most");
	refused(&l, "correlation 0.5 a", "two lanes");
	refused(&l, "lane a down; lane c down", "no lane c");
	refused(&l, "lane a down;", "empty");
	assert_false(lane_add(&l, "a", why, sizeof(why)));
	assert_false(lane_add(&l, "all", why, sizeof(why)));
	assert_false(lane_add(&l, "a b", why, sizeof(why)));
}

static uint64_t key_of(const char *hex)
{
	uint8_t frame[128];
	size_t n = 0;

	for (; *hex != '\0'; hex += *hex == ' ' ? 1 : 2) {
		unsigned octet;

		if (*hex == ' ')
			continue;
		assert_int_equal(sscanf(hex, "%2x", &octet), 1);
		frame[n++] = (uint8_t)octet;
		if (hex[1] == ' ')
			fail_msg("bad hex");
	}
	return copies_key(frame, n);
}

#define SMAC  " 020000000001 "
#define UDP   " 1234 19eb 0014 0000 " /* 6635 */
#define IP(x) " 0800 45000028000040004011000" x " 0a000001 0a000002 "

static void test_key(void **state)
{
	const uint64_t rtag = key_of("02000000000a" SMAC "8100 0064 f1c1 0000 0007 88b5 aabb");

	/* destination and VLAN may differ from path to path, the rest not */
	assert_int_equal(rtag, key_of("02000000000b" SMAC "8100 60c8 f1c1 0000 0007 88b5 aabb"));
	assert_int_equal(rtag, key_of("02000000000b" SMAC "f1c1 0000 0007 88b5 aabb"));
	assert_int_not_equal(rtag,
			     key_of("02000000000a" SMAC "8100 0064 f1c1 0000 0008 88b5 aabb"));
	/* RFC 9566: all in front of the d-CW may */
	assert_int_equal(
		key_of("02000000000a 02000000000b" IP("0") UDP "04000140 00000007 4500aabb"),
		key_of("02000000000c 02000000000d" IP("1") UDP "05000140 00000007 4500aabb"));
	assert_int_not_equal(
		key_of("02000000000a 02000000000b" IP("0") UDP "04000140 00000007 4500aabb"),
		key_of("02000000000a 02000000000b" IP("0") UDP "04000140 00000008 4500aabb"));
	/* PRP: the LAN identifier may */
	assert_int_equal(key_of("02000000000a" SMAC "88b5 aabb 0007 a034 88fb"),
			 key_of("02000000000a" SMAC "88b5 aabb 0007 b034 88fb"));
	/* anything short is taken as it is */
	assert_int_equal(key_of("02"), key_of("03"));
	copies_key((const uint8_t *)"", 0);
}

static void test_queue(void **state)
{
	static const uint64_t due[] = {5, 1, 3, 3, 9, 0, 3};
	uint64_t last = 0;
	unsigned n = 0, order = 0;

	for (unsigned i = 0; i < 7; i++)
		assert_true(queue_put(due[i], (uint16_t)i, (const uint8_t *)"x", 1));
	for (const struct queued *q; (q = queue_first()) != NULL; queue_drop_first(), n++) {
		assert_true(q->due >= last);
		if (q->due == 3) { /* in the order they came */
			assert_true(q->to > order);
			order = q->to;
		}
		last = q->due;
	}
	assert_int_equal(n, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_independent), cmocka_unit_test(test_correlated),
		cmocka_unit_test(test_burst),       cmocka_unit_test(test_same_seed),
		cmocka_unit_test(test_times),       cmocka_unit_test(test_down),
		cmocka_unit_test(test_refused),     cmocka_unit_test(test_key),
		cmocka_unit_test(test_queue),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
