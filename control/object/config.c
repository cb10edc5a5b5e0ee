/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of objects applied: decode all, plan all, then commit or nothing. Every
 * error is told, but not one that only follows from another: what refers to an
 * object that was refused is not accused of naming something that is not there.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"
#include "log.h"

void load_tell(struct load *l, const struct cst_err *e)
{
	l->errors++;
	if (l->report != NULL)
		l->report(l->file, cst_yaml_line(&l->yaml, e->field), e);
}

static void tell_in_object(void *arg, const struct cst_err *e)
{
	struct load *l = arg;
	struct cst_err full = *e;

	cst_err_prefix(&full, "%s", l->where);
	load_tell(l, &full);
}

static void locate(struct load *l, const struct cst_class *c, unsigned index)
{
	if (c->singleton)
		snprintf(l->where, sizeof(l->where), "%s", c->plural);
	else
		snprintf(l->where, sizeof(l->where), "%s[%u]", c->plural, index);
}

static void unknown_key(struct load *l, const char *key)
{
	struct cst_suggest s = {.word = key};
	struct cst_err e;

	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (c->plural != NULL)
			cst_suggest_try(&s, c->plural);
	if (s.best != NULL)
		cst_err(&e, -EINVAL, key, "unknown key, did you mean '%s'?", s.best);
	else
		cst_err(&e, -EINVAL, key, "unknown key");
	load_tell(l, &e);
}

static void check_keys(struct load *l)
{
	const char *key;
	json_t *value;

	json_object_foreach (l->yaml.root, key, value) {
		const struct cst_class *c = cst_class_by_plural(key);
		struct cst_err e;

		if (c == NULL) {
			unknown_key(l, key);
		} else if (c->put == NULL) {
			cst_err(&e, -ENOTSUP, key, "cannot be configured");
			load_tell(l, &e);
		}
	}
}

/* Note the key of an object that was refused, for follows_from(). */
static void refuse(struct load *l, const struct cst_class *c, const json_t *js)
{
	for (unsigned i = 0; i < c->object->n_fields; i++) {
		const struct cst_field *f = &c->object->fields[i];
		const json_t *v = json_object_get(js, f->name);

		if ((f->flags & CST_F_KEY) && json_is_string(v))
			json_object_set_new(l->refused, json_string_value(v), json_true());
	}
}

static bool follows_from(const struct load *l, const struct load_entry *en, const struct cst_err *e)
{
	const json_t *v = e->code == -ENOENT ? cst_json_at(en->js, e->field) : NULL;

	return json_is_string(v) && json_object_get(l->refused, json_string_value(v)) != NULL;
}

/* The same key twice in one file is a slip, never an update. */
static bool is_twin(struct load *l, const struct load_entry *en, json_t *seen)
{
	const struct cst_class *c = en->class;
	char *text = origin_key_text(c->object, en->written);
	json_t *before = text != NULL ? json_object_get(seen, text) : NULL;
	struct cst_err e;

	if (before != NULL) {
		cst_err(&e, -EEXIST, l->where, "is the same %s as %s[%d], %.150s", c->object->name,
			c->plural, (int)json_integer_value(before), text);
		load_tell(l, &e);
	} else if (text != NULL) {
		json_object_set_new(seen, text, json_integer(en->index));
	}
	free(text);
	return before != NULL;
}

static void decode_one(struct load *l, const struct cst_class *c, const json_t *js, unsigned index,
		       json_t *seen)
{
	struct load_entry *en = cst_pool_alloc(l->pool, sizeof(*en));
	void *obj = cst_pool_alloc(l->pool, c->object->size);
	struct cst_err e;

	locate(l, c, index);
	if (en == NULL || obj == NULL) {
		cst_err(&e, -ENOMEM, l->where, "the file needs too much memory");
		load_tell(l, &e);
		return;
	}
	if (cst_decode_all(c->object, js, l->pool, obj, tell_in_object, l) > 0) {
		refuse(l, c, js);
		return;
	}
	*en = (struct load_entry){.class = c, .js = js, .obj = obj, .index = index};
	en->written = cst_encode(c->object, obj);
	if (is_twin(l, en, seen)) {
		json_decref(en->written);
		return;
	}
	*l->last = en;
	l->last = &en->next;
}

static void decode_class(struct load *l, const struct cst_class *c, bool absent_too)
{
	const json_t *js = json_object_get(l->yaml.root, c->plural), *item;
	json_t *seen;
	struct cst_err e;
	size_t i;

	if ((js == NULL || json_is_null(js)) && c->singleton && absent_too)
		js = l->made;
	if (js == NULL || json_is_null(js))
		return; /* a key with nothing under it: all commented out */
	if (!c->singleton && !json_is_array(js)) {
		cst_err(&e, -EINVAL, c->plural, "must be a list");
		load_tell(l, &e);
		return;
	}
	seen = json_object();
	if (c->singleton)
		decode_one(l, c, js, 0, seen);
	else
		json_array_foreach (js, i, item)
			decode_one(l, c, item, i, seen);
	json_decref(seen);
}

int load_take_key(struct load *l, struct load_entry *en, const json_t *key)
{
	json_t *js = json_deep_copy(en->js);
	struct cst_err e;
	int ret;

	json_object_update(js, (json_t *)key);
	ret = cst_decode(en->class->object, js, false, l->pool, en->obj, &e);
	json_decref(js);
	return ret;
}

void load_open(struct load *l, const char *path, bool absent_too, cst_config_report report)
{
	struct cst_err e;

	*l = (struct load){.file = path != NULL ? path : "store", .report = report};
	l->last = &l->first;
	l->pool = cst_pool_new();
	l->refused = json_object();
	l->made = json_object();
	l->kept = json_array();
	if (path == NULL)
		return;
	cst_yaml_read(&l->yaml, path, NULL, report);
	l->errors = l->yaml.errors;
	if (l->yaml.root == NULL)
		return;
	if (!json_is_object(l->yaml.root) && !json_is_null(l->yaml.root)) {
		cst_err(&e, -EINVAL, NULL, "must be a mapping such as 'ports: [...]'");
		load_tell(l, &e);
		return;
	}
	check_keys(l);
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (c->plural != NULL && c->put != NULL)
			decode_class(l, c, absent_too);
}

void load_close(struct load *l)
{
	for (struct load_entry *en = l->first; en != NULL; en = en->next)
		json_decref(en->written);
	json_decref(l->refused);
	json_decref(l->made);
	json_decref(l->kept);
	cst_pool_free(l->pool);
	cst_yaml_free(&l->yaml);
}

void load_refuse(struct load *l, const struct load_entry *en, const struct cst_err *e)
{
	struct cst_err full = *e;

	if (!follows_from(l, en, e)) {
		locate(l, en->class, en->index);
		cst_err_prefix(&full, "%s", l->where);
		load_tell(l, &full);
	}
	refuse(l, en->class, en->js);
}

/* ---- the start-up file ----------------------------------------------------------------- */

/* What the file does not name was accepted once; a file that now stands against it goes first. */
static void pass_over(const struct load_entry *en, const struct cst_err *e)
{
	char *text = origin_key_text(en->class->object, en->js);

	LOG_WARN("%s %s of the store is not applied: %s%s%s", en->class->object->name,
		 text != NULL ? text : "", e->field, e->field[0] != '\0' ? ": " : "", e->reason);
	free(text);
}

static void plan(struct load *l, struct cst_txn_run *run)
{
	for (struct load_entry *en = l->first; en != NULL; en = en->next) {
		struct cst_err e = {0};

		if (cst_txn_plan(run, en->class, CST_OP_PUT, en->obj, &e) == 0)
			continue;
		if (en->stored)
			pass_over(en, &e);
		else
			load_refuse(l, en, &e);
	}
}

void load_apply(struct load *l, bool check_only)
{
	struct cst_txn_run run;
	struct cst_err e = {0};

	cst_txn_open(&run, l->pool);
	run.txn.check_only = check_only;
	run.txn.startup = true;
	plan(l, &run);
	if (l->errors == 0 && cst_txn_prepare(&run, &e) < 0)
		load_tell(l, &e);
	if (l->errors > 0 || check_only) {
		cst_txn_abort(&run);
		return;
	}
	cst_txn_commit(&run);
	for (struct load_entry *en = l->first; en != NULL; en = en->next)
		if (!en->stored)
			origin_keep(en);
}

int cst_config_check(const char *path, cst_config_report report)
{
	struct load l;
	int errors;

	load_open(&l, path, false, report);
	load_apply(&l, true);
	errors = (int)l.errors;
	load_close(&l);
	return errors;
}
