/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One error, for people: which field is wrong and why, with what to do next.
 * Functions return 0 or a negative errno and fill a `struct cst_err` that the
 * caller owns. Any thread; no allocation.
 */
#pragma once

#include <stddef.h>

struct cst_err {
	int code;        /* negative errno, as returned */
	char field[128]; /* path of the field, e.g. "pdrs[0].pdi.f_teid"; empty: the call as a whole
			  */
	char reason[256]; /* one sentence, no trailing full stop */
};

/* Fill `e` (may be NULL) and return `code`, so that `return cst_err(e, -EINVAL, ...)` reads well.
 * `field` may be NULL. */
int cst_err(struct cst_err *e, int code, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Put `fmt` in front of e->field: "pdi" + "f_teid" -> "pdi.f_teid", "pdrs[0]" + "" -> "pdrs[0]". */
void cst_err_prefix(struct cst_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
