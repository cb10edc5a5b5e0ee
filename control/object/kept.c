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

/* Takes the reference. */
static void put(const struct cst_class *c, const char *key_text, json_t *record)
{
	char *value = record != NULL ? json_dumps(record, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
	char key[MAX_KEY];
	size_t n = key_of(c, key_text, key);

	if (value != NULL && n > 0)
		cst_store_put(CST_DB_OBJECT, key, n, value, strlen(value));
	free(value);
	json_decref(record);
}

/* As it was last written. New reference, NULL: there is none. */
static json_t *stored(const struct cst_class *c, const char *key_text)
{
	const void *val;
	char key[MAX_KEY];
	size_t len, n = key_of(c, key_text, key);

	if (n == 0 || cst_store_get(CST_DB_OBJECT, key, n, &val, &len) <= 0)
		return NULL;
	return json_loadb(val, len, 0, NULL);
}

void kept_set(const struct cst_class *c, const char *key_text, const json_t *live,
	      const json_t *written)
{
	json_t *record = json_pack("{s:O*, s:O*}", "live", live, "written", written);
	json_t *was = stored(c, key_text);

	/* a start from the same file needs no room on the disk */
	if (was != NULL && json_equal(was, record))
		json_decref(record);
	else
		put(c, key_text, record);
	json_decref(was);
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

/* How the file wrote it, also where it is deleted. New reference. */
static json_t *written_of(const struct cst_class *c, const char *text)
{
	json_t *record = json_object_get(origin_of_class(c), text != NULL ? text : ""), *was;
	json_t *written = json_incref(json_object_get(record, "written"));

	if (written != NULL)
		return written;
	was = stored(c, text);
	written = json_incref(json_object_get(was, "written"));
	json_decref(was);
	return written;
}

static void changed(const struct cst_class *c, enum cst_op op, const void *obj, json_t *whole,
		    const char *text, struct cst_pool *p)
{
	json_t *written = written_of(c, text), *live;

	if (op != CST_OP_DELETE) {
		live = op == CST_OP_PUT ? json_incref(whole) : modified(c, obj, p);
		cst_strip_state(c->object, live);
		put(c, text, json_pack("{s:O*, s:O*}", "live", live, "written", written));
		json_decref(live);
	} else if (written != NULL) {
		put(c, text, json_pack("{s:O, s:b}", "written", written, "deleted", true));
	} else if (c->config) {
		kept_drop(c, text);
	}
	json_decref(written);
}

void kept_change(const struct cst_class *c, enum cst_op op, const void *obj, struct cst_pool *p)
{
	json_t *whole;
	char *text;

	if (!cst_store_is_open())
		return;
	/* of objects that keep themselves only that the file's is gone */
	if (!c->config && (op != CST_OP_DELETE || json_object_size(origin_of_class(c)) == 0))
		return;
	whole = cst_encode(c->object, obj);
	text = origin_key_text(c->object, whole);
	changed(c, op, obj, whole, text, p);
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
