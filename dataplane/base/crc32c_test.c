/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "crc32c.h"

/* values of RFC 3720, B.4 */
static void test_known(void **state)
{
	uint8_t buf[32] = {0};

	assert_int_equal(cst_crc32c(0, "123456789", 9), 0xe3069283);
	assert_int_equal(cst_crc32c(0, buf, sizeof(buf)), 0x8a9136aa);
	memset(buf, 0xff, sizeof(buf));
	assert_int_equal(cst_crc32c(0, buf, sizeof(buf)), 0x62a8ab43);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = i;
	assert_int_equal(cst_crc32c(0, buf, sizeof(buf)), 0x46dd794e);
	assert_int_equal(cst_crc32c(0, buf, 0), 0);
}

/* with and without the instruction, at every alignment, in parts */
static void test_same(void **state)
{
	uint8_t buf[300];

	srand(1);
	for (unsigned i = 0; i < sizeof(buf); i++)
		buf[i] = rand();
	for (unsigned at = 0; at < 9; at++)
		for (unsigned n = 0; n < 280; n++) {
			uint32_t whole = cst_crc32c(0, buf + at, n);
			uint32_t half = cst_crc32c(0, buf + at, n / 3);

			assert_int_equal(whole, cst_crc32c_plain(0, buf + at, n));
			assert_int_equal(whole, cst_crc32c(half, buf + at + n / 3, n - n / 3));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
