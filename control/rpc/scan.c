/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A cheap look at a JSON text before it is parsed. The parser recurses per
 * level and spends some 200 bytes on an empty object: without bounds a few MiB
 * of brackets become a deep stack or most of a GiB.
 */
#include <stdio.h>

#include "rpc_int.h"

#define BYTES_PER_VALUE     4
#define BYTES_PER_CONTAINER 16

const char *rpc_scan(const char *text, size_t len, const struct rpc_limits *lim)
{
	static char reason[96];
	size_t values = 1, containers = 0;
	unsigned depth = 0;
	bool string = false;

	for (size_t i = 0; i < len; i++) {
		if (string) {
			if (text[i] == '\\')
				i++;
			else if (text[i] == '"')
				string = false;
			continue;
		}
		switch (text[i]) {
		case '"':
			string = true;
			break;
		case '[':
		case '{':
			containers++;
			if (++depth > lim->max_depth) {
				snprintf(reason, sizeof(reason),
					 "nested more than %u levels deep at byte %zu",
					 lim->max_depth, i);
				return reason;
			}
			break;
		case ']':
		case '}':
			if (depth > 0)
				depth--;
			break;
		case ',':
			values++;
			break;
		case '\0':
			snprintf(reason, sizeof(reason), "NUL byte at byte %zu", i);
			return reason;
		default:
			break;
		}
	}
	if (values > lim->max_message / BYTES_PER_VALUE ||
	    containers > lim->max_message / BYTES_PER_CONTAINER) {
		snprintf(reason, sizeof(reason),
			 "too many values in one message (%zu in %zu bytes)", values + containers,
			 len);
		return reason;
	}
	return NULL;
}
