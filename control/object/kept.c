/* SPDX-License-Identifier: BSD-3-Clause */
#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "log.h"
#include "store.h"

#define MAX_KEY 400

/* "port\0{"name":"n3"}"; returns its length, 0: it is too long. */
static size_t key_of(const struct cst_class *c, const char *text, char key[MAX_KEY])
{
	size_t name = strlen(c->object->name) + 1, n = text != NULL ? strlen(text) : 0;

	if (name + n > MAX_KEY)
		return 0;
	memcpy(key, c->object->name, name);
	if (n > 0)
		memcpy(key + name, text, n);
	return name + n;
}

void kept_set(const struct cst_class *c, const char *key_text, const json_t *live,
	      const json_t *written)
{
	json_t *js = json_pack("{s:O*, s:O*}", "live", live, "written", written);
	char *value = js != NULL ? json_dumps(js, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char key[MAX_KEY];
	size_t n = key_of(c, key_text, key);

	if (value != NULL && n > 0)
		cst_store_put(CST_DB_OBJECT, key, n, value, strlen(value));
	free(value);
	json_decref(js);
}

void kept_drop(const struct cst_class *c, const char *key_text)
{
	char key[MAX_KEY];
	size_t n = key_of(c, key_text, key);

	if (n > 0)
		cst_store_del(CST_DB_OBJECT, key, n);
}

/* What a modify makes of it: what it was with the change over it. New reference. */
static json_t *modified(const struct cst_class *c, const void *delta, struct cst_pool *p)
{
	json_t *was = origin_live(c, delta), *js;
	void *obj = cst_pool_alloc(p, c->object->size);
	struct cst_err e;

	if (was == NULL || obj == NULL || cst_decode(c->object, was, false, p, obj, &e) < 0) {
		json_decref(was);
		return NULL;
	}
	json_decref(was);
	cst_merge(c->object, obj, delta);
	js = cst_encode(c->object, obj);
	cst_strip_state(c->object, js);
	return js;
}

void kept_change(const struct cst_class *c, enum cst_op op, const void *obj, struct cst_pool *p)
{
	json_t *whole, *live, *record;
	char *text;

	if (!c->config || !cst_store_is_open())
		return;
	whole = cst_encode(c->object, obj);
	text = origin_key_text(c->object, whole);
	if (op == CST_OP_DELETE) {
		kept_drop(c, text);
	} else {
		live = op == CST_OP_PUT ? json_incref(whole) : modified(c, obj, p);
		cst_strip_state(c->object, live);
		record = json_object_get(origin_of_class(c), text != NULL ? text : "");
		kept_set(c, text, live, json_object_get(record, "written"));
		json_decref(live);
	}
	free(text);
	json_decref(whole);
}

/* ---- reading ------------------------------------------------------------------------- */

struct reading {
	const char *class;
	json_t *all;
};

static int read_one(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	struct reading *r = arg;
	size_t name = strlen(r->class) + 1;
	json_t *js;

	if (klen < name || memcmp(key, r->class, name) != 0)
		return 1;
	js = json_loadb(val, vlen, 0, NULL);
	if (js == NULL)
		LOG_ERR("a %s of the store cannot be read", r->class);
	else
		json_object_setn_new(r->all, (const char *)key + name, klen - name, js);
	return 0;
}

json_t *kept_of_class(const struct cst_class *c)
{
	struct reading r = {.class = c->object->name, .all = json_object()};
	char key[MAX_KEY];

	cst_store_each(CST_DB_OBJECT, key, key_of(c, NULL, key), read_one, &r);
	return r.all;
}
