/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc_int.h"

json_t *rpc_text(const char *s)
{
	json_t *js = json_string(s);
	char *copy;

	if (js != NULL)
		return js;
	/* A sentence cut in the middle of a character, or a byte that never was one. */
	copy = strdup(s);
	if (copy == NULL)
		return NULL;
	for (char *c = copy; *c != '\0'; c++)
		if ((unsigned char)*c >= 0x80)
			*c = '?';
	js = json_string(copy);
	free(copy);
	return js;
}

static const char *standard_message(int code)
{
	switch (code) {
	case RPC_PARSE:
		return "Parse error";
	case RPC_REQUEST:
		return "Invalid Request";
	case RPC_METHOD:
		return "Method not found";
	case RPC_PARAMS:
		return "Invalid params";
	case RPC_INTERNAL:
		return "Internal error";
	default:
		return NULL;
	}
}

json_t *rpc_error(int code, const struct cst_err *e)
{
	int err = e->code < 0 ? -e->code : e->code;
	const char *name = err != 0 ? strerrorname_np(err) : NULL;
	char line[sizeof(e->field) + sizeof(e->reason) + 2];
	const char *message;
	json_t *data;

	if (code == 0)
		code = err == EINVAL ? RPC_PARAMS : err != 0 ? err : RPC_INTERNAL;
	message = standard_message(code);
	if (message == NULL) {
		snprintf(line, sizeof(line), "%s%s%s", e->field, e->field[0] != '\0' ? ": " : "",
			 e->reason);
		message = line;
	}
	data = json_object();
	if (e->field[0] != '\0')
		json_object_set_new(data, "field", rpc_text(e->field));
	json_object_set_new(data, "reason", rpc_text(e->reason));
	if (name != NULL)
		json_object_set_new(data, "errno", json_string(name));
	return json_pack("{s:i, s:o, s:o}", "code", code, "message", rpc_text(message), "data",
			 data);
}

char *rpc_error_line(int code, int err, const char *reason)
{
	struct cst_err e;
	json_t *js;
	char *line;

	cst_err(&e, -err, NULL, "%s", reason);
	js = json_pack("{s:s, s:n, s:o}", "jsonrpc", "2.0", "id", "error", rpc_error(code, &e));
	line = js != NULL ? json_dumps(js, JSON_COMPACT) : NULL;
	json_decref(js);
	return line;
}
