/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON with ' for ", so that requests in tests can be read. */
#pragma once

#include <stdlib.h>
#include <string.h>

#include <jansson.h>

static inline void unquote(char *text)
{
	for (; *text != '\0'; text++)
		if (*text == '\'')
			*text = '"';
}

/* The caller decrefs. */
static inline json_t *quoted(const char *text)
{
	char *s = strdup(text);
	json_error_t e;
	json_t *js;

	unquote(s);
	js = json_loads(s, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (js == NULL)
		fail_msg("%s at %d of %s", e.text, e.position, s);
	free(s);
	return js;
}
