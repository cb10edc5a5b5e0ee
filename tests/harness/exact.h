/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: copies on the heap that end where the bytes end, so that ASan sees any read behind. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static inline uint8_t *exact(const void *p, size_t len)
{
	uint8_t *copy = malloc(len);

	assert_true(copy || !len);
	if (len)
		memcpy(copy, p, len);
	return copy;
}
