/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A reload: the file against what is live, as one transaction over all classes.
 *
 * Deletes are planned first, in the reverse order of the classes, so that what is
 * put may take the place of what goes; one that is refused because something still
 * stands on the object is tried again after the puts, which may have moved it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "log.h"
#include "store.h"

struct reload {
	struct load load;
	struct cst_txn_run run;
	json_t *created, *changed, *deleted;
	unsigned unchanged;
	struct step *first, **last; /* planned, in the pool */
	struct gone *gone;          /* deletes, the last class first */
};

struct step { /* to be kept as the file's after the commit */
	const struct load_entry *entry;
	struct step *next;
};

struct gone {
	const struct cst_class *class;
	const char *key_text; /* of the record, which stays until the commit */
	const json_t *record;
	void *key;
	bool planned;
	struct gone *next;
};

/* ---- what differs --------------------------------------------------------------------- */

#define MET "met" /* marks the records of what the file still has, while a reload goes on */

/* An object without a key of its own (coast chose it) is known again by how it was written. */
static json_t *record_of(const struct load_entry *en)
{
	const struct cst_class *c = en->class;
	char *key = origin_key_text(c->object, en->written);
	json_t *v = NULL;
	const char *text;

	if (key != NULL || c->singleton) {
		v = json_object_get(origin_of_class(c), key != NULL ? key : "");
		free(key);
		return v;
	}
	json_object_foreach (origin_of_class(c), text, v)
		if (json_equal(json_object_get(v, "written"), en->written) &&
		    json_object_get(v, MET) == NULL)
			return v;
	return NULL;
}

static void match(struct reload *r)
{
	for (struct load_entry *en = r->load.first; en != NULL; en = en->next) {
		en->record = record_of(en);
		if (en->record != NULL && !en->class->singleton &&
		    load_take_key(&r->load, en, json_object_get(en->record, "key")) < 0)
			en->record = NULL;
		if (en->record != NULL)
			json_object_set_new(en->record, MET, json_true());
	}
}

static void unmark(void)
{
	const char *text;
	json_t *v;

	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		json_object_foreach (origin_of_class(c), text, v)
			json_object_del(v, MET);
}

/* Neither the file nor anybody else has changed it. */
static bool same(const json_t *record, const json_t *written, const json_t *live)
{
	if (record == NULL || live == NULL)
		return false;
	if (json_equal(written, live))
		return true;
	return json_equal(json_object_get(record, "written"), written) &&
	       json_equal(json_object_get(record, "live"), live);
}

/* {NAME: {"from", "to"}}; a member that is absent is null. */
static json_t *differences(const json_t *live, const json_t *written)
{
	json_t *out = json_object(), *a, *b;
	const char *name;

	json_object_foreach ((json_t *)written, name, b) {
		a = json_object_get(live, name);
		if (a == NULL || !json_equal(a, b))
			json_object_set_new(out, name,
					    json_pack("{s:O?, s:O}", "from", a, "to", b));
	}
	json_object_foreach ((json_t *)live, name, a)
		if (json_object_get(written, name) == NULL)
			json_object_set_new(out, name, json_pack("{s:O, s:n}", "from", a, "to"));
	return out;
}

static json_t *named(const struct cst_class *c, const json_t *whole)
{
	return json_pack("{s:s, s:o}", "class", c->object->name, "key",
			 origin_key(c->object, whole));
}

/* ---- plan ------------------------------------------------------------------------------- */

static int no_memory(struct reload *r)
{
	struct cst_err e;

	cst_err(&e, -ENOMEM, NULL, "the file needs too much memory");
	load_tell(&r->load, &e);
	return -ENOMEM;
}

static void keep_later(struct reload *r, const struct load_entry *en)
{
	struct step *s = cst_pool_alloc(r->load.pool, sizeof(*s));

	if (s == NULL) {
		no_memory(r);
		return;
	}
	s->entry = en;
	*r->last = s;
	r->last = &s->next;
}

/* A change that the class refuses for the living object may be one for a new one in its place. */
static int put_anew(struct reload *r, const struct load_entry *en)
{
	struct cst_err e = {0};

	if (en->class->del == NULL ||
	    cst_txn_plan(&r->run, en->class, CST_OP_DELETE, en->obj, &e) < 0)
		return -EBUSY;
	return cst_txn_plan(&r->run, en->class, CST_OP_PUT, en->obj, &e);
}

static void plan_put(struct reload *r, struct load_entry *en, json_t *live)
{
	const struct cst_class *c = en->class;
	struct cst_err e = {0};
	json_t *js;
	int ret;

	ret = cst_txn_plan(&r->run, c, CST_OP_PUT, en->obj, &e);
	if (ret == -EBUSY && live != NULL && put_anew(r, en) == 0)
		ret = 0;
	if (ret < 0) {
		load_refuse(&r->load, en, &e);
		return;
	}
	if (en->js == r->load.made)
		return; /* not in the file, and that agrees */
	keep_later(r, en);
	if (c->party == NULL) { /* it accepts what is so already, and no more */
		r->unchanged++;
		return;
	}
	js = named(c, en->written);
	if (live != NULL)
		json_object_set_new(js, "fields", differences(live, en->written));
	json_array_append_new(live != NULL ? r->changed : r->created, js);
}

static void look_at(struct reload *r, struct load_entry *en)
{
	json_t *live = origin_live(en->class, en->obj);

	if (!same(en->record, en->written, live)) {
		plan_put(r, en, live);
	} else {
		r->unchanged++;
		/* it may be written now as somebody made it meanwhile */
		if (!json_equal(json_object_get(en->record, "written"), en->written))
			keep_later(r, en);
	}
	json_decref(live);
}

static void tell_gone(struct reload *r, const struct gone *g, const struct cst_err *why)
{
	struct cst_err e;

	cst_err(&e, why->code, g->class->plural,
		"%s %.100s is no longer in the file, but cannot go: %.120s", g->class->object->name,
		g->key_text, why->reason);
	load_tell(&r->load, &e);
}

static int plan_delete(struct reload *r, struct gone *g, struct cst_err *e)
{
	int ret = cst_txn_plan(&r->run, g->class, CST_OP_DELETE, g->key, e);

	g->planned = ret == 0;
	if (ret == 0)
		json_array_append_new(r->deleted,
				      named(g->class, json_object_get(g->record, "key")));
	return ret;
}

/* Objects of the file that are not in it any more, and are there. */
static void find_gone(struct reload *r, const struct cst_class *c)
{
	const char *text;
	struct cst_err e;
	json_t *v, *live;

	json_object_foreach (origin_of_class(c), text, v) {
		struct gone *g;

		if (json_object_get(v, MET) != NULL)
			continue;
		g = cst_pool_alloc(r->load.pool, sizeof(*g));
		if (g != NULL)
			g->key = cst_pool_alloc(r->load.pool, c->object->size);
		if (g == NULL || g->key == NULL) {
			no_memory(r);
			return;
		}
		if (cst_decode_key(c->object, json_object_get(v, "key"), r->load.pool, g->key, &e) <
		    0)
			continue;
		live = origin_live(c, g->key);
		if (live == NULL)
			continue;
		json_decref(live);
		g->class = c;
		g->key_text = text;
		g->record = v;
		g->next = r->gone;
		r->gone = g;
	}
}

static void plan_all(struct reload *r)
{
	struct cst_err e;

	if (json_is_null(r->load.yaml.root)) { /* more likely a slip than a wish */
		cst_err(&e, -EINVAL, NULL,
			"has nothing in it: that would delete all that came from the file");
		load_tell(&r->load, &e);
		return;
	}
	match(r);
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (!c->singleton && c->del != NULL)
			find_gone(r, c);
	for (struct gone *g = r->gone; g != NULL; g = g->next) {
		memset(&e, 0, sizeof(e));
		if (plan_delete(r, g, &e) < 0 && e.code != -EBUSY)
			tell_gone(r, g, &e);
	}
	for (struct load_entry *en = r->load.first; en != NULL; en = en->next)
		look_at(r, en);
	for (struct gone *g = r->gone; g != NULL && r->load.errors == 0; g = g->next) {
		memset(&e, 0, sizeof(e));
		if (!g->planned && plan_delete(r, g, &e) < 0)
			tell_gone(r, g, &e);
	}
}

/* ---- the end ------------------------------------------------------------------------------ */

/* Records of what others deleted go as well: the file does not name them any more. */
static void drop_absent(void)
{
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		json_t *of_class = origin_of_class(c), *v;
		const char *text;
		void *next;

		json_object_foreach_safe(of_class, next, text,
					 v) if (!c->singleton && json_object_get(v, MET) == NULL)
			origin_drop(c, text);
	}
}

static void keep_books(struct reload *r)
{
	struct cst_err e;

	drop_absent();
	for (struct step *s = r->first; s != NULL; s = s->next)
		origin_keep(s->entry);
	if (cst_store_write(&e) < 0)
		LOG_ERR("what the file says is not kept: %s", e.reason);
}

static void finish(struct reload *r, bool check_only)
{
	struct cst_err e = {0};

	if (r->load.errors == 0 && cst_txn_prepare(&r->run, &e) < 0)
		load_tell(&r->load, &e);
	if (r->load.errors > 0 || check_only) {
		cst_txn_abort(&r->run);
		return;
	}
	cst_txn_commit(&r->run);
	keep_books(r);
}

int cst_config_reload(const char *path, bool check_only, cst_config_report report, json_t **result)
{
	struct reload r = {0};
	struct cst_err e;
	int errors;

	*result = NULL;
	path = path != NULL ? path : cst_config_file();
	if (path == NULL) {
		cst_err(&e, -ENOENT, "path", "coastd was started without a file: name one");
		report("coastd", 0, &e);
		return 1;
	}
	load_open(&r.load, path, true, report);
	r.last = &r.first;
	r.created = json_array();
	r.changed = json_array();
	r.deleted = json_array();
	cst_txn_open(&r.run, r.load.pool);
	r.run.txn.check_only = check_only;
	/* a file with errors is planned no further: what is missing in it would be deleted */
	if (r.load.errors == 0)
		plan_all(&r);
	finish(&r, check_only);
	unmark();
	errors = (int)r.load.errors;
	if (errors == 0)
		*result = json_pack("{s:s, s:b, s:O, s:O, s:O, s:i}", "file", path, "applied",
				    !check_only, "created", r.created, "changed", r.changed,
				    "deleted", r.deleted, "unchanged", r.unchanged);
	json_decref(r.created);
	json_decref(r.changed);
	json_decref(r.deleted);
	load_close(&r.load);
	return errors;
}
