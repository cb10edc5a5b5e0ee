/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "config.h"

#define PAGE 256
#define MOST 65536 /* of one class: beyond that a listing, page by page, is the way */

void cst_strip_state(const struct cst_object *o, json_t *js)
{
	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		json_t *v = json_object_get(js, f->name), *item;
		size_t k;

		if (v == NULL)
			continue;
		if (f->flags & CST_F_STATE)
			json_object_del(js, f->name);
		else if (f->type == CST_T_OBJ && json_is_array(v))
			json_array_foreach (v, k, item)
				cst_strip_state(f->sub, item);
		else if (f->type == CST_T_OBJ)
			cst_strip_state(f->sub, v);
	}
}

static json_t *dump_class(const struct cst_class *c, struct cst_err *e)
{
	struct cst_page page = {.limit = PAGE, .items = json_array(), .config = true};
	json_t *item;
	int ret = 0;
	size_t i;

	do {
		ret = c->list(&page, e);
		if (ret == 0 && json_array_size(page.items) > MOST)
			ret = cst_err(e, -E2BIG, NULL, "more than %u: use %s.list", MOST,
				      c->object->name);
	} while (ret == 0 && page.cursor != 0);
	if (ret < 0) {
		json_decref(page.items);
		return NULL;
	}
	json_array_foreach (page.items, i, item)
		cst_strip_state(c->object, item);
	return page.items;
}

json_t *cst_config_dump(struct cst_err *e)
{
	json_t *js = json_object();

	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		json_t *items;

		if (!c->config || c->plural == NULL || c->list == NULL)
			continue;
		items = dump_class(c, e);
		if (items == NULL) {
			json_decref(js);
			return NULL;
		}
		if (!c->singleton && json_array_size(items) > 0)
			json_object_set(js, c->plural, items);
		else if (json_array_size(items) > 0)
			json_object_set(js, c->plural, json_array_get(items, 0));
		json_decref(items);
	}
	return js;
}
