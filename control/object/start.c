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

/* Entries stay in the order of the classes. */
static void insert(struct load *l, struct load_entry *en)
{
	struct load_entry **at = &l->first;

	while (*at != NULL && (*at)->class->order <= en->class->order)
		at = &(*at)->next;
	en->next = *at;
	*at = en;
	if (en->next == NULL)
		l->last = &en->next;
}

static void take_out(struct load *l, struct load_entry **at)
{
	json_decref((*at)->written);
	*at = (*at)->next;
	if (*at == NULL)
		l->last = at;
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

static struct load_entry **entry_of(struct load *l, const struct cst_class *c, const char *text)
{
	struct load_entry **at = &l->first;

	for (; *at != NULL; at = &(*at)->next) {
		char *own;
		bool same;

		if ((*at)->class != c)
			continue;
		own = origin_key_text(c->object, (*at)->written);
		same = strcmp(own != NULL ? own : "", text) == 0;
		free(own);
		if (same)
			return at;
	}
	return NULL;
}

/* Nobody but the socket has it. */
static void add(struct load *l, const struct cst_class *c, json_t *live)
{
	struct load_entry *en = cst_pool_alloc(l->pool, sizeof(*en));
	void *obj = decode(l, c, live);

	if (en == NULL || obj == NULL)
		return;
	*en = (struct load_entry){
		.class = c, .js = live, .obj = obj, .stored = true, .written = json_incref(live)};
	insert(l, en);
}

/* It has outlived coastd as it is, and the file says what it said. */
static bool is_there(const struct cst_class *c, const struct load_entry *en)
{
	json_t *js = NULL;
	struct cst_err e;
	bool there = c->get != NULL && c->get(en->obj, &js, &e) == 0;

	json_decref(js);
	return there;
}

static void merge(struct load *l, const struct cst_class *c, const char *text, json_t *record)
{
	json_t *live = json_object_get(record, "live");
	json_t *written = json_object_get(record, "written");
	struct load_entry **at = entry_of(l, c, text), *en = at != NULL ? *at : NULL;
	void *obj;

	if (en == NULL && written != NULL) {
		kept_drop(c, text);
		if (c->late)
			LOG_NOTICE("%s %s is no longer in the file and stays: delete it",
				   c->object->name, text);
	} else if (en == NULL && live != NULL) {
		json_array_append(l->kept, record); /* en->js is part of it */
		add(l, c, live);
	} else if (en != NULL && json_equal(written, en->written)) {
		if (c->late && is_there(c, en)) {
			origin_keep(en);
			take_out(l, at);
		} else if (live != NULL && (obj = decode(l, c, live)) != NULL) {
			en->obj = obj;
		}
	}
}

static void merge_class(struct load *l, const struct cst_class *c)
{
	json_t *all = kept_of_class(c), *record;
	const char *text;

	json_object_foreach (all, text, record)
		merge(l, c, text, record);
	json_decref(all);
}

static void select_classes(struct load *l, bool late)
{
	struct load_entry **at = &l->first;

	while (*at != NULL) {
		if ((*at)->class->late != late)
			take_out(l, at);
		else
			at = &(*at)->next;
	}
}

int cst_config_start(const char *path, bool late, cst_config_report report)
{
	struct cst_err e = {0};
	struct load l;
	int errors;

	if (path != NULL)
		load_open(&l, path, false, report);
	else
		load_open_empty(&l, report);
	select_classes(&l, late);
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (c->put != NULL && c->party != NULL && c->late == late)
			merge_class(&l, c);
	if (l.errors == 0)
		load_apply(&l, false);
	if (l.errors == 0 && cst_store_write(&e) < 0)
		load_tell(&l, &e);
	load_start_with(path);
	errors = (int)l.errors;
	load_close(&l);
	return errors;
}
