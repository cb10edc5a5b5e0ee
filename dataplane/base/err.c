/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "err.h"

int cst_err(struct cst_err *e, int code, const char *field, const char *fmt, ...)
{
	va_list ap;

	if (e == NULL)
		return code;
	e->code = code;
	snprintf(e->field, sizeof(e->field), "%s", field != NULL ? field : "");
	va_start(ap, fmt);
	vsnprintf(e->reason, sizeof(e->reason), fmt, ap);
	va_end(ap);
	return code;
}

void cst_err_prefix(struct cst_err *e, const char *fmt, ...)
{
	char tail[sizeof(e->field)];
	va_list ap;
	size_t n;

	if (e == NULL)
		return;
	memcpy(tail, e->field, sizeof(tail));
	va_start(ap, fmt);
	vsnprintf(e->field, sizeof(e->field), fmt, ap);
	va_end(ap);
	n = strlen(e->field);
	snprintf(e->field + n, sizeof(e->field) - n, "%s%s",
		 tail[0] != '\0' && tail[0] != '[' && n > 0 ? "." : "", tail);
}
