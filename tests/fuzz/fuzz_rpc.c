/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control socket's parser and every class's decoder: the input is what a
 * client sends, line by line. Classes keep their objects in memory; what is put
 * must survive encoding and packing.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "rpc/rpc_int.h"
#include "rpc/test_class.h"
#include "rpc/test_memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Both encoders say the same. */
static void check_text(const struct cst_object *o, const void *obj, const json_t *js)
{
	char *text = json_dumps(js, JSON_COMPACT);
	struct cst_text t = {0};

	cst_write(o, obj, &t);
	if (text == NULL || t.failed || strcmp(t.s, text) != 0)
		abort();
	free(t.s);
	free(text);
}

/* What was accepted must survive encoding, and the packed form. */
static int check_round_trip(const struct cst_object *o, const void *obj, struct cst_txn *t,
			    struct cst_err *e)
{
	json_t *js = cst_encode(o, obj), *again;
	size_t len = cst_pack(o, obj, NULL, 0);
	void *bytes = malloc(len), *copy = cst_pool_alloc(t->pool, o->size);
	int ret;

	if (js == NULL || bytes == NULL)
		abort();
	ret = copy == NULL ? -ENOMEM : 0;
	if (ret == 0) {
		if (cst_pack(o, obj, bytes, len) != len)
			abort();
		ret = cst_unpack(o, bytes, len, t->pool, copy);
	}
	if (ret == 0) {
		again = cst_encode(o, copy);
		if (!json_equal(js, again))
			abort();
		json_decref(again);
	} else if (ret != -ENOMEM) {
		abort();
	}
	check_text(o, obj, js);
	json_decref(js);
	free(bytes);
	return ret == 0 ? 0 : cst_err(e, ret, NULL, "out of memory");
}

/* ---- target -------------------------------------------------------------- */

static void serve_line(const char *line, size_t len)
{
	char *reply = cst_rpc_serve(line, len, true);
	json_t *js;

	if (reply == NULL)
		return;
	/* A client must be able to read what it is told, as one line. */
	js = json_loads(reply, JSON_REJECT_DUPLICATES, NULL);
	if (js == NULL || strchr(reply, '\n') != NULL)
		abort();
	json_decref(js);
	free(reply);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	const char *at = (const char *)data, *end = at + size, *nl;

	if (!ready) {
		memory_bind();
		memory_check = check_round_trip;
		ready = true;
	}
	while (at < end) {
		nl = memchr(at, '\n', (size_t)(end - at));
		if (nl == NULL)
			nl = end;
		serve_line(at, (size_t)(nl - at));
		at = nl + 1;
	}
	thing_reset();
	memory_reset();
	rpc_event_reset();
	return 0;
}
