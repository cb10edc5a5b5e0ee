/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "log.h"

static enum cst_log_level threshold = CST_LOG_NOTICE;

void cst_log_set_level(enum cst_log_level level)
{
	threshold = level;
}

bool cst_log_on(enum cst_log_level level)
{
	return level <= threshold;
}

void cst_log(enum cst_log_level level, const char *fmt, ...)
{
	/* sd-daemon(3): the journal reads the priority from "<N>" at the line's start */
	static const char *const journal[] = {"<3>", "<4>", "<5>", "<6>", "<7>"};
	static const char *const plain[] = {"error: ", "warning: ", "", "", "debug: "};
	char line[1024];
	va_list ap;

	if (level > threshold)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s%s%s\n",
		getenv("JOURNAL_STREAM") != NULL ? journal[level] : "coast: ", plain[level], line);
}
