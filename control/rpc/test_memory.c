/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "test_memory.h"

#define MAX_CLASSES 16

struct memory {
	struct cst_class *c;
	struct cst_party party;
	json_t *live, *plan; /* arrays of objects */
};
static struct memory mem[MAX_CLASSES];
static unsigned n_mem;
int (*memory_check)(const struct cst_object *o, const void *obj, struct cst_txn *t,
		    struct cst_err *e);

static bool same_key(const struct cst_object *o, const json_t *a, const json_t *b)
{
	for (unsigned i = 0; i < o->n_fields; i++)
		if ((o->fields[i].flags & CST_F_KEY) &&
		    !json_equal(json_object_get(a, o->fields[i].name),
				json_object_get(b, o->fields[i].name)))
			return false;
	return true;
}

static int find(const struct memory *m, const json_t *list, const json_t *key)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (same_key(m->c->object, item, key))
			return (int)i;
	return -1;
}

static int missing(const struct memory *m, struct cst_err *e)
{
	return cst_err(e, -ENOENT, NULL, "there is no such %s", m->c->object->name);
}

static int put(struct memory *m, struct cst_txn *t, const void *obj, struct cst_err *e)
{
	int ret = memory_check != NULL ? memory_check(m->c->object, obj, t, e) : 0, at;
	json_t *js;

	if (ret < 0)
		return ret;
	js = cst_encode(m->c->object, obj);
	at = find(m, m->plan, js);
	if (at >= 0)
		json_array_set_new(m->plan, (size_t)at, js);
	else
		json_array_append_new(m->plan, js);
	return 0;
}

static int modify(struct memory *m, struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct cst_object *o = m->c->modify_object;
	json_t *js = cst_encode(o != NULL ? o : m->c->object, obj), *merged;
	int at = find(m, m->plan, js);

	if (at >= 0 && o == NULL) {
		merged = json_deep_copy(json_array_get(m->plan, (size_t)at));
		json_object_update(merged, js);
		json_array_set_new(m->plan, (size_t)at, merged);
	}
	json_decref(js);
	return at >= 0 ? 0 : missing(m, e);
}

static int del(struct memory *m, struct cst_txn *t, const void *key, struct cst_err *e)
{
	json_t *js = cst_encode(m->c->object, key);
	int at = find(m, m->plan, js);

	json_decref(js);
	if (at < 0)
		return missing(m, e);
	json_array_remove(m->plan, (size_t)at);
	return 0;
}

static int get(struct memory *m, const void *key, json_t **out, struct cst_err *e)
{
	json_t *js = cst_encode(m->c->object, key);
	int at = find(m, m->live, js);

	json_decref(js);
	if (at < 0)
		return missing(m, e);
	*out = json_incref(json_array_get(m->live, (size_t)at));
	return 0;
}

static int list(struct memory *m, struct cst_page *page, struct cst_err *e)
{
	size_t n = json_array_size(m->live), i;

	for (i = (size_t)page->cursor; i < n && json_array_size(page->items) < page->limit; i++) {
		json_t *item = json_array_get(m->live, i);

		if (cst_page_wants(page, item))
			json_array_append(page->items, item);
	}
	page->cursor = i < n ? i : 0;
	return 0;
}

static int begin(struct memory *m)
{
	m->plan = json_copy(m->live);
	return 0;
}

static void commit(struct memory *m)
{
	json_decref(m->live);
	m->live = m->plan;
	m->plan = NULL;
}

static void undo(struct memory *m)
{
	json_decref(m->plan);
	m->plan = NULL;
}

/* A callback gets no word about its class, hence a set of functions per class. */
#define SET(n)                                                                       \
	static int put_##n(struct cst_txn *t, const void *obj, struct cst_err *e)    \
	{                                                                            \
		return put(&mem[n], t, obj, e);                                      \
	}                                                                            \
	static int modify_##n(struct cst_txn *t, const void *obj, struct cst_err *e) \
	{                                                                            \
		return modify(&mem[n], t, obj, e);                                   \
	}                                                                            \
	static int del_##n(struct cst_txn *t, const void *key, struct cst_err *e)    \
	{                                                                            \
		return del(&mem[n], t, key, e);                                      \
	}                                                                            \
	static int get_##n(const void *key, json_t **out, struct cst_err *e)         \
	{                                                                            \
		return get(&mem[n], key, out, e);                                    \
	}                                                                            \
	static int list_##n(struct cst_page *page, struct cst_err *e)                \
	{                                                                            \
		return list(&mem[n], page, e);                                       \
	}                                                                            \
	static int begin_##n(struct cst_txn *t, struct cst_err *e)                   \
	{                                                                            \
		return begin(&mem[n]);                                               \
	}                                                                            \
	static void commit_##n(struct cst_txn *t)                                    \
	{                                                                            \
		commit(&mem[n]);                                                     \
	}                                                                            \
	static void abort_##n(struct cst_txn *t)                                     \
	{                                                                            \
		undo(&mem[n]);                                                       \
	}
SET(0)
SET(1)
SET(2)
SET(3)
SET(4)
SET(5)
SET(6)
SET(7)
SET(8)
SET(9)
SET(10)
SET(11)
SET(12)
SET(13)
SET(14)
SET(15)

#define ROW(n)                                                                        \
	{                                                                             \
		.put = put_##n, .modify = modify_##n, .del = del_##n, .get = get_##n, \
		.list = list_##n, .party = {                                          \
			.begin = begin_##n,                                           \
			.commit = commit_##n,                                         \
			.abort = abort_##n                                            \
		}                                                                     \
	}
static const struct {
	int (*put)(struct cst_txn *, const void *, struct cst_err *);
	int (*modify)(struct cst_txn *, const void *, struct cst_err *);
	int (*del)(struct cst_txn *, const void *, struct cst_err *);
	int (*get)(const void *, json_t **, struct cst_err *);
	int (*list)(struct cst_page *, struct cst_err *);
	struct cst_party party;
} rows[MAX_CLASSES] = {ROW(0), ROW(1), ROW(2),  ROW(3),  ROW(4),  ROW(5),  ROW(6),  ROW(7),
		       ROW(8), ROW(9), ROW(10), ROW(11), ROW(12), ROW(13), ROW(14), ROW(15)};

void memory_bind(void)
{
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		struct cst_class *own = (struct cst_class *)c; /* variables, all of them */
		struct memory *m = &mem[n_mem];

		if (own->put != NULL || own->get != NULL || own->list != NULL || own->singleton ||
		    n_mem == MAX_CLASSES)
			continue;
		m->c = own;
		m->live = json_array();
		m->party = rows[n_mem].party;
		m->party.name = own->object->name;
		own->party = &m->party;
		own->put = rows[n_mem].put;
		own->modify = rows[n_mem].modify;
		own->del = rows[n_mem].del;
		own->get = rows[n_mem].get;
		own->list = rows[n_mem].list;
		n_mem++;
	}
}

void memory_reset(void)
{
	for (unsigned i = 0; i < n_mem; i++)
		json_array_clear(mem[i].live);
}
