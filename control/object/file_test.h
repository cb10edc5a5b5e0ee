/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: a start-up file, what is said against it, and changes that do not come from it. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config.h"

static char path[64], told[2048]; /* "LINE FIELD: REASON\n" of every error */

static inline void report(const char *file, unsigned line, const struct cst_err *e)
{
	size_t n = strlen(told);

	snprintf(told + n, sizeof(told) - n, "%u %s: %s\n", line, e->field, e->reason);
}

static inline void put_file(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static inline void by_socket(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *js = json_loads(text, JSON_DECODE_ANY, NULL);
	struct cst_err e;

	if (cst_txn_run(c, op, js, NULL, &e) < 0)
		fail_msg("%s: %s", e.field, e.reason);
	json_decref(js);
}
