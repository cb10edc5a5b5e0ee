/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start: the file against what the store has of an earlier life. For each
 * object the file counts where it says something new, else what was live last.
 */
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "kept.h"
#include "load.h"
#include "log.h"
#include "store.h"

/* Entries stay in the order of the classes: where those of this one end. */
static struct load_entry **end_of(struct load *l, const struct cst_class *c)
{
	struct load_entry **at = &l->first;

	while (*at != NULL && (*at)->class->order <= c->order)
		at = &(*at)->next;
	return at;
}

static void take_out(struct load_entry **at)
{
	json_decref((*at)->written);
	*at = (*at)->next;
}

/* What is not in the class's table any more is left out. */
static void *decode(struct load *l, const struct cst_class *c, json_t *live)
{
	void *obj = cst_pool_alloc(l->pool, c->object->size);
	struct cst_err e;
	const char *name;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(live, tmp, name, v) if (cst_field_index(c->object, name) < 0)
		json_object_del(live, name);
	if (obj != NULL && cst_decode(c->object, live, false, l->pool, obj, &e) == 0)
		return obj;
	LOG_WARN("a %s of the store is not applied: %s%s%s", c->object->name, e.field,
		 e.field[0] != '\0' ? ": " : "", e.reason);
	return NULL;
}

/* ---- which record is whose ------------------------------------------------------------- */

/* What is left in `all` is nobody's of the file. */
static bool pair(struct load *l, struct load_entry *en, json_t *all, const char *text)
{
	en->record = json_object_get(all, text);
	if (en->record == NULL)
		return false;
	json_array_append(l->kept, en->record);
	json_object_del(all, text);
	return true;
}

static bool has_own_key(const struct load_entry *en, char **text)
{
	*text = origin_key_text(en->class->object, en->written);
	return *text != NULL || en->class->singleton;
}

static char *as_text(const json_t *written)
{
	return json_dumps(written, JSON_COMPACT | JSON_SORT_KEYS);
}

/* {"what the file said": ["key text" of each that it said so, those deleted first]} */
static json_t *by_written(json_t *all)
{
	json_t *table = json_object(), *record, *keys;
	const char *key;

	json_object_foreach (all, key, record) {
		char *text = as_text(json_object_get(record, "written"));

		if (text == NULL)
			continue;
		keys = json_object_get(table, text);
		if (keys == NULL) {
			keys = json_array();
			json_object_set_new(table, text, keys);
		}
		json_array_insert_new(
			keys, json_object_get(record, "deleted") ? 0 : json_array_size(keys),
			json_string(key));
		free(text);
	}
	return table;
}

/* An object without a key of its own is known again by how it was written, and has the key that
 * coast chose for it. */
static void pair_by_written(struct load *l, struct load_entry *en, json_t *all, json_t *table)
{
	char *text = as_text(en->written);
	json_t *keys = text != NULL ? json_object_get(table, text) : NULL, *key;
	size_t n = json_array_size(keys);

	free(text);
	if (n == 0)
		return;
	text = strdup(json_string_value(json_array_get(keys, n - 1)));
	json_array_remove(keys, n - 1);
	key = text != NULL ? json_loads(text, 0, NULL) : NULL;
	if (key != NULL && load_take_key(l, en, key) == 0)
		pair(l, en, all, text);
	json_decref(key);
	free(text);
}

static void pair_class(struct load *l, const struct cst_class *c, json_t *all)
{
	unsigned chosen = 0;
	json_t *table;
	char *text;

	for (struct load_entry *en = l->first; en != NULL; en = en->next) {
		if (en->class != c)
			continue;
		if (has_own_key(en, &text))
			pair(l, en, all, text != NULL ? text : "");
		else
			chosen++;
		free(text);
	}
	table = chosen > 0 ? by_written(all) : NULL;
	for (struct load_entry *en = l->first; en != NULL && chosen > 0; en = en->next) {
		if (en->class != c || en->record != NULL)
			continue;
		if (!has_own_key(en, &text))
			pair_by_written(l, en, all, table);
		free(text);
	}
	json_decref(table);
}

/* ---- what becomes of it ------------------------------------------------------------------ */

/* It has outlived coastd as it is, and the file says what it said. */
static bool is_there(const struct load_entry *en)
{
	json_t *js = NULL;
	struct cst_err e;
	bool there = en->class->get != NULL && en->class->get(en->obj, &js, &e) == 0;

	json_decref(js);
	return there;
}

/* False: there is nothing to be put. */
static bool stays(struct load *l, struct load_entry *en)
{
	json_t *live = json_object_get(en->record, "live");
	void *obj;

	if (!json_equal(json_object_get(en->record, "written"), en->written))
		return true;
	if (json_object_get(en->record, "deleted") != NULL) {
		LOG_NOTICE("%s[%u] was deleted, and stays so while the file says the same",
			   en->class->plural, en->index);
		return false;
	}
	if (en->class->late && is_there(en)) {
		origin_keep(en);
		return false;
	}
	if (live != NULL && (obj = decode(l, en->class, live)) != NULL)
		en->obj = obj;
	return true;
}

/* Nobody but the socket has it. */
static struct load_entry **add(struct load *l, struct load_entry **at, const struct cst_class *c,
			       json_t *live)
{
	struct load_entry *en = cst_pool_alloc(l->pool, sizeof(*en));
	void *obj = decode(l, c, live);

	if (en == NULL || obj == NULL)
		return at;
	*en = (struct load_entry){.class = c,
				  .js = live,
				  .obj = obj,
				  .stored = true,
				  .written = json_incref(live),
				  .next = *at};
	*at = en;
	return &en->next;
}

/* The file has said it once. */
static void drop(const struct cst_class *c, const char *text, const json_t *record)
{
	kept_drop(c, text);
	if (c->late && json_object_get(record, "deleted") == NULL)
		LOG_NOTICE("%s %s is no longer in the file and stays: delete it", c->object->name,
			   text);
}

static void merge_class(struct load *l, const struct cst_class *c)
{
	json_t *all = kept_of_class(c), *record, *live;
	struct load_entry **at = &l->first;
	const char *text;

	pair_class(l, c, all);
	while (*at != NULL) {
		if ((*at)->class == c && (*at)->record != NULL && !stays(l, *at))
			take_out(at);
		else
			at = &(*at)->next;
	}
	at = end_of(l, c);
	json_object_foreach (all, text, record) {
		live = json_object_get(record, "live");
		if (json_object_get(record, "written") != NULL)
			drop(c, text, record);
		else if (live != NULL)
			at = add(l, at, c, live);
	}
	json_decref(all);
}

static void select_classes(struct load *l, bool late)
{
	struct load_entry **at = &l->first;

	while (*at != NULL) {
		if ((*at)->class->late != late)
			take_out(at);
		else
			at = &(*at)->next;
	}
}

static char *started_with;

const char *cst_config_file(void)
{
	return started_with;
}

int cst_config_start(const char *path, bool late, cst_config_report report)
{
	size_t mark = cst_store_mark();
	struct cst_err e = {0};
	struct load l;
	int errors;

	load_open(&l, path, false, report);
	select_classes(&l, late);
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (c->put != NULL && c->party != NULL && c->late == late)
			merge_class(&l, c);
	load_apply(&l, false);
	if (l.errors > 0)
		cst_store_rewind(mark); /* a slip in the file costs nothing that is kept */
	else if (cst_store_write(&e) < 0)
		LOG_WARN("what the file says is not kept: %s", e.reason);
	free(started_with);
	/* whole: a reload may come from elsewhere */
	started_with = path != NULL ? realpath(path, NULL) : NULL;
	errors = (int)l.errors;
	load_close(&l);
	return errors;
}
