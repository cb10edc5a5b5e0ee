/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which objects came from the file, how it wrote them and what they were right
 * after: a reload takes away those alone that are no longer in it, and leaves in
 * peace those that neither the file nor anybody else has changed since.
 */
#include <stdlib.h>
#include <string.h>

#include "kept.h"
#include "load.h"

static json_t *books; /* {"port": {KEY-TEXT: {"key", "written", "live"}}} */

json_t *origin_key(const struct cst_object *o, const json_t *whole)
{
	json_t *key = json_object();

	for (unsigned i = 0; i < o->n_fields; i++) {
		json_t *v = json_object_get(whole, o->fields[i].name);

		if ((o->fields[i].flags & CST_F_KEY) && v != NULL)
			json_object_set(key, o->fields[i].name, v);
	}
	return key;
}

char *origin_key_text(const struct cst_object *o, const json_t *whole)
{
	json_t *key = origin_key(o, whole);
	char *text = json_object_size(key) > 0 ? json_dumps(key, JSON_COMPACT) : NULL;

	json_decref(key);
	return text;
}

json_t *origin_of_class(const struct cst_class *c)
{
	return json_object_get(books, c->object->name);
}

json_t *origin_live(const struct cst_class *c, const void *obj)
{
	json_t *js = NULL;
	struct cst_err e;

	if (c->get == NULL || c->get(obj, &js, &e) < 0)
		return NULL;
	cst_strip_state(c->object, js);
	return js;
}

void origin_keep(const struct load_entry *en)
{
	const struct cst_class *c = en->class;
	json_t *whole = cst_encode(c->object, en->obj); /* what coast chose is in it by now */
	json_t *one = json_object(), *live = origin_live(c, en->obj), *of_class;
	char *text = origin_key_text(c->object, whole);

	if (books == NULL)
		books = json_object();
	of_class = origin_of_class(c);
	if (of_class == NULL) {
		of_class = json_object();
		json_object_set_new(books, c->object->name, of_class);
	}
	json_object_set_new(one, "key", origin_key(c->object, whole));
	json_object_set(one, "written", en->written);
	if (live != NULL && json_equal(live, en->written)) /* as most are: kept once */
		json_object_set(one, "live", en->written);
	else if (live != NULL)
		json_object_set(one, "live", live);
	json_object_set_new(of_class, text != NULL ? text : "", one);
	/* of a class that keeps its objects itself only what the file said */
	kept_set(c, text, c->config ? live : NULL, en->written);
	free(text);
	json_decref(live);
	json_decref(whole);
}

void origin_drop(const struct cst_class *c, const char *text)
{
	kept_drop(c, text);
	json_object_del(origin_of_class(c), text);
}

/* Deleted by somebody: one made anew under that key is not the file's. The store has been told with
 * the delete itself. */
void cst_origin_forget(const struct cst_class *c, const void *key)
{
	json_t *whole;
	char *text;

	if (json_object_size(origin_of_class(c)) == 0)
		return;
	whole = cst_encode(c->object, key);
	text = origin_key_text(c->object, whole);
	if (text != NULL)
		json_object_del(origin_of_class(c), text);
	free(text);
	json_decref(whole);
}
