/* SPDX-License-Identifier: BSD-3-Clause */
/* A control thread that gives signs of life, is silent, and comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/alive.h"

#define PER_MS 2450000

static uint64_t tsc_of_ms(uint64_t ms)
{
	return (UINT64_C(1) << 40) + ms * PER_MS;
}

static uint64_t look(uint64_t ms)
{
	cst_alive_look(tsc_of_ms(ms), 1000 * (uint64_t)PER_MS);
	return cst_alive_stalls();
}

static void silence_is_counted_once(void **state)
{
	uint64_t stalls = look(0);

	/* none yet: nothing to miss */
	assert_int_equal(look(100000), stalls);
	for (uint64_t ms = 0; ms < 10000; ms += 100) {
		cst_alive_sign(tsc_of_ms(ms));
		assert_int_equal(look(ms + 99), stalls);
	}
	assert_int_equal(look(10900), stalls);
	assert_int_equal(look(10910), stalls + 1);
	assert_int_equal(look(60000), stalls + 1);
	cst_alive_sign(tsc_of_ms(60000));
	assert_int_equal(look(60010), stalls + 1);
	assert_int_equal(look(61010), stalls + 2);
	/* from one silence into the next, between two looks */
	cst_alive_sign(tsc_of_ms(62000));
	assert_int_equal(look(70000), stalls + 3);
	/* a sign given after the worker read its clock */
	cst_alive_sign(tsc_of_ms(70001));
	assert_int_equal(look(70000), stalls + 3);
	cst_alive_sign(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(silence_is_counted_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
