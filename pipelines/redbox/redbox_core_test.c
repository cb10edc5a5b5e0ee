/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PRP's duplicate discard: no frame is discarded that is none, duplicates within
 * the time are. One cycle is a microsecond.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "redbox_core.h"

#define MS     1000ull
#define FORGET (REDBOX_FORGET_MS * MS)

static struct redbox_node node;
static uint64_t now;

static void start(void)
{
	memset(&node, 0, sizeof(node));
	now = 5 * MS;
}

static int first(uint32_t seq)
{
	return redbox_first(&node, (uint16_t)seq, now, FORGET);
}

static void duplicates(void **state)
{
	start();
	for (uint32_t s = 65000; s < 65536 + 4000; s++, now += MS) {
		assert_true(first(s));
		assert_false(first(s));
		if (s > 65100) /* the other LAN lags by 100 ms */
			assert_false(first(s - 100));
	}
}

/* One counter for all destinations: this one sees every 37th, in any order. */
static void gaps(void **state)
{
	start();
	for (uint32_t s = 0; s < 300000; s += 37, now += MS) {
		assert_true(first(s + 37));
		assert_true(first(s + 1));
		assert_false(first(s + 37));
		assert_false(first(s + 1));
	}
}

static void forgotten(void **state)
{
	start();
	assert_true(first(0));
	now += FORGET - 1;
	assert_false(first(0)); /* which does not keep it */
	now += 1;
	assert_true(first(0));
	assert_true(first(8192)); /* its block takes the other's place: passed twice, not lost */
	assert_true(first(0));
	start();
	for (uint32_t s = 0; s < 100; s++, now += 100 * MS) { /* slow: each is remembered */
		assert_true(first(s));
		now += FORGET - 100 * MS - 1;
		assert_false(first(s));
	}
	for (uint32_t s = 0; s < 65536; s++) /* fast: a whole round in no time is still new */
		assert_true(first(s + 100));
}

/* A node that starts anew is silent for longer than the time, or has other numbers. */
static void new_start(void **state)
{
	start();
	for (uint32_t s = 0; s < 50; s++, now += MS)
		assert_true(first(s));
	now += FORGET;
	for (uint32_t s = 0; s < 50; s++, now += MS)
		assert_true(first(s));
}

static void nodes(void **state)
{
	static struct redbox_node set[REDBOX_WAYS];
	struct redbox_node *n[REDBOX_WAYS + 1];
	uint8_t mac[6] = {2};

	memset(set, 0, sizeof(set));
	now = 1;
	for (uint8_t i = 0; i < REDBOX_WAYS; i++, now++) {
		mac[5] = i;
		n[i] = redbox_find(set, mac, now, FORGET);
		assert_non_null(n[i]);
		assert_ptr_equal(redbox_find(set, mac, now, FORGET), n[i]);
		for (uint8_t k = 0; k < i; k++)
			assert_ptr_not_equal(n[k], n[i]);
	}
	mac[5] = 100;
	assert_null(redbox_find(set, mac, now, FORGET));
	n[0]->last = now;
	now += FORGET - 7; /* the second has been silent */
	assert_ptr_equal(redbox_find(set, mac, now, FORGET), n[1]);
	assert_int_equal(n[1]->mac[5], 100);
	assert_int_equal(n[1]->received[0], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(duplicates), cmocka_unit_test(gaps),  cmocka_unit_test(forgotten),
		cmocka_unit_test(new_start),  cmocka_unit_test(nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
