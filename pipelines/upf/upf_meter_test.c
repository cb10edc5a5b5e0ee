/* SPDX-License-Identifier: BSD-3-Clause */
/* Rates and packet rates with a simulated clock: what passes is exact over time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "upf_compile_policy.h"
#include "upf_meter.h"

static const uint64_t clocks[] = {1900000000, 2450000000, 3693123456, 5000000000};

static struct upf_qer_obj mbr(uint64_t ul, uint64_t dl)
{
	return (struct upf_qer_obj){.has = 1u << QER_ID | 1u << QER_MBR,
				    .mbr = {.has = 3, .ul = ul, .dl = dl}};
}

static struct upf_qer made(const struct upf_qer_obj *o, uint64_t hz)
{
	struct upf_qer q = {0};

	upf_qer_set(&q, o, 1, hz);
	return q;
}

static bool pass(const struct upf_qer *q, struct upf_meter *m, uint64_t now, uint32_t bytes)
{
	if (!upf_meter_has_room(q, m, UPF_DL, now))
		return false;
	upf_meter_charge(q, m, UPF_DL, now, bytes);
	return true;
}

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* One rate, offered `times` as much in bursts of up to 32 packets or 4000 bytes at uneven times: a
 * sender that leaves more than the bucket's contents between two bursts does not use its rate.
 * Returns the rate that passed, in bit/s, measured from the first packet that is refused. */
static double measured(uint64_t kbps, uint64_t hz, uint32_t lo, uint32_t hi, unsigned times)
{
	struct upf_qer_obj o = mbr(0, kbps);
	struct upf_qer q = made(&o, hz);
	struct upf_meter m = {0};
	double per_byte = 8e-3 * (double)hz / (double)kbps / times; /* cycles between them */
	uint64_t start = 0, bytes = 0, last = 0, packets = 0;
	double t = 12345678901.0;
	uint32_t seed = 7;
	bool drained = false;

	while (packets < 20000) {
		unsigned most = kbps < 10000 ? 4000 / hi : 32, burst = 1 + draw(&seed) % 32;
		uint64_t now = (uint64_t)t;
		uint32_t offered = 0;

		for (unsigned i = 0; i < burst && i < most; i++) {
			uint32_t len = lo + draw(&seed) % (hi - lo + 1);

			offered += len;
			if (pass(&q, &m, now, len)) {
				bytes += drained ? len : 0;
				packets += drained;
				last = now;
			} else if (!drained) {
				drained = true;
				start = now;
			}
		}
		t += per_byte * offered * (0.5 + draw(&seed) % 1001 / 1000.0);
	}
	return (double)bytes * 8 * (double)hz / (double)(last - start);
}

static void rates_are_exact(void **state)
{
	static const uint64_t rates[] = {1,      8,      64,      100,      1000,     10000,
					 100000, 500000, 1000000, 10000000, 100000000};
	static const uint32_t sizes[][2] = {{20, 20},     {64, 64},   {256, 256},    {1500, 1500},
					    {9000, 9000}, {20, 1500}, {65535, 65535}};

	for (unsigned c = 0; c < 4; c++)
		for (unsigned r = 0; r < sizeof(rates) / sizeof(*rates); r++)
			for (unsigned s = 0; s < 7; s++) {
				double want = (double)rates[r] * 1000, is, off;

				if (sizes[s][1] * 32 > rates[r] && sizes[s][1] > 1500)
					continue;
				is = measured(rates[r], clocks[c], sizes[s][0], sizes[s][1],
					      2 + r % 3);

				/* 1/64 of a cycle is the least that a packet can cost */
				off = rates[r] < 50000000 ? 0.002 : 0.01;
				if (is < want * (1 - off) || is > want * (1 + off))
					fail_msg("%lu kbit/s at %lu Hz, %u to %u bytes: %.0f",
						 (unsigned long)rates[r], (unsigned long)clocks[c],
						 sizes[s][0], sizes[s][1], is);
			}
}

/* What is offered below the rate passes, all of it. */
static void less_than_the_rate_passes(void **state)
{
	struct upf_qer_obj o = mbr(0, 10000);
	struct upf_qer q = made(&o, clocks[1]);
	struct upf_meter m = {0};
	uint64_t now = 1;

	for (unsigned i = 0; i < 100000; i++) {
		assert_true(pass(&q, &m, now, 1500));
		now += (uint64_t)(1500 * 8 * 1.01 * (double)clocks[1] / 1e7);
	}
}

/* A sender that was silent gets the burst, not what it did not use: 50 ms, at least 10 kB. */
static void bursts(void **state)
{
	static const struct {
		uint64_t kbps;
		uint32_t want;
	} cases[] = {{100, 10000}, {1600, 10000}, {10000, 62500}, {1000000, 6250000}};

	for (unsigned i = 0; i < 4; i++) {
		struct upf_qer_obj o = mbr(0, cases[i].kbps);
		struct upf_qer q = made(&o, clocks[1]);
		struct upf_meter m = {0};
		uint64_t now = 1000 * clocks[1];

		for (int times = 0; times < 2; times++) {
			uint32_t n = 0;

			while (pass(&q, &m, now, 100))
				n += 100;
			assert_in_range(n, cases[i].want, cases[i].want + 200);
			now += 1000 * clocks[1];
		}
	}
}

static void ends_of_the_range(void **state)
{
	struct upf_qer_obj none = mbr(0, 0), most = mbr(0, 0xffffffffffull);
	struct upf_qer q0 = made(&none, clocks[1]), q1 = made(&most, clocks[1]);
	struct upf_qer_obj other = {.has = 1u << QER_ID};
	struct upf_qer q2 = made(&other, clocks[1]);
	struct upf_meter m0 = {0}, m1 = {0}, m2 = {0};

	for (uint64_t now = 1; now < 1000000; now += 100) {
		assert_false(pass(&q0, &m0, now, 20));
		assert_true(pass(&q1, &m1, now, 9000));
		assert_true(pass(&q2, &m2, now, 9000));
	}
	assert_int_equal(m0.due[UPF_DL], 0);
}

static void directions_are_apart(void **state)
{
	struct upf_qer_obj o = mbr(0, 1000);
	struct upf_qer q = made(&o, clocks[1]);
	struct upf_meter m = {0};

	assert_false(upf_meter_has_room(&q, &m, UPF_UL, 1));
	assert_true(upf_meter_has_room(&q, &m, UPF_DL, 1));
}

/* A slow rate's debt, 80 seconds of it, does not hold up a faster one; nor does a faster one's
 * credit help a slower one. */
static void rates_change(void **state)
{
	struct upf_qer_obj slow = mbr(0, 1), fast = mbr(0, 1000000);
	struct upf_qer qs = made(&slow, clocks[1]), qf = made(&fast, clocks[1]);
	struct upf_meter m = {0};
	uint64_t now = 1;
	unsigned n = 0;

	while (pass(&qs, &m, now, 1500))
		;
	while (!pass(&qf, &m, now, 1500)) {
		now += clocks[1] / 1000;
		assert_true(n++ < 2);
	}
	for (n = 0; pass(&qs, &m, now, 1500); n++)
		assert_true(n < 8);
	for (now += clocks[1] * 60, n = 0; n < 10; n++)
		assert_int_equal(pass(&qs, &m, now, 1500), n < 5);
}

/* 1/64 cycles do not fit 64 bits for more than some years. */
static void years_of_uptime(void **state)
{
	struct upf_qer_obj o = mbr(0, 10000);
	struct upf_qer q = made(&o, clocks[3]);
	struct upf_meter m = {0};
	uint64_t wrap = 1ull << (64 - UPF_METER_SHIFT), step = clocks[3] / 10000;
	uint64_t bytes = 0, from = wrap - 20000 * step;

	for (uint64_t now = from; now < wrap + 20000 * step; now += step)
		for (unsigned i = 0; i < 4; i++)
			bytes += pass(&q, &m, now, 125) ? 125 : 0;
	/* 4 seconds */
	assert_in_range(bytes, 5000000 - 125, 5000000 + 62500 + 1000);
}

static struct upf_qer_obj packet_rate(uint8_t unit, uint16_t n)
{
	return (struct upf_qer_obj){
		.has = 1u << QER_ID | 1u << QER_PACKET_RATE,
		.packet_rate = {.has = 1u << PACKET_RATE_DL | 1u << PACKET_RATE_DL_UNIT,
				.dl_unit = unit,
				.dl = n}};
}

static void packet_rates(void **state)
{
	static const uint32_t seconds[] = {60, 360, 3600, 86400, 604800};

	for (uint8_t unit = 0; unit < 5; unit++) {
		struct upf_qer_obj o = packet_rate(unit, 100);
		struct upf_qer q = made(&o, clocks[1]);
		struct upf_meter m = {0};
		uint64_t length = seconds[unit] * clocks[1], now = 777;

		for (int w = 0; w < 3; w++) {
			unsigned n = 0;

			for (unsigned i = 0; i < 400; i++)
				n += pass(&q, &m, now + i * (length / 400), 1500);
			assert_int_equal(n, 100);
			assert_false(pass(&q, &m, now + length - 1, 20));
			now += length;
		}
		assert_true(upf_meter_has_room(&q, &m, UPF_UL, now));
	}
}

static void packet_rates_change(void **state)
{
	struct upf_qer_obj week = packet_rate(4, 10), minute = packet_rate(0, 5),
			   none = packet_rate(0, 0);
	struct upf_qer qw = made(&week, clocks[1]), qm = made(&minute, clocks[1]),
		       q0 = made(&none, clocks[1]);
	struct upf_meter m = {0};
	unsigned n = 0;

	while (pass(&qw, &m, 5, 100))
		n++;
	assert_int_equal(n, 10);
	for (n = 0; pass(&qm, &m, 6, 100); n++)
		;
	assert_int_equal(n, 5); /* another unit: it begins anew */
	assert_false(pass(&qm, &m, 7, 100));
	m = (struct upf_meter){0};
	minute.packet_rate.dl = 50;
	qm = made(&minute, clocks[1]);
	assert_true(pass(&qm, &m, 8, 100));
	minute.packet_rate.dl = 5;
	qm = made(&minute, clocks[1]);
	for (n = 0; pass(&qm, &m, 9, 100); n++)
		;
	assert_int_equal(n, 5); /* lowered: at once */
	assert_false(pass(&q0, &m, 9 + 120 * clocks[1], 100));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rates_are_exact),
		cmocka_unit_test(less_than_the_rate_passes),
		cmocka_unit_test(bursts),
		cmocka_unit_test(ends_of_the_range),
		cmocka_unit_test(directions_are_apart),
		cmocka_unit_test(rates_change),
		cmocka_unit_test(years_of_uptime),
		cmocka_unit_test(packet_rates),
		cmocka_unit_test(packet_rates_change),
	};

	return cmocka_run_group_tests_name("upf_meter", tests, NULL, NULL);
}
