/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "class.h"

static struct cst_class *classes;

void cst_class_add(struct cst_class *c)
{
	struct cst_class **at = &classes;

	/* Constructors run in the linker's order: within an order, names decide, so that a file is
	 * always applied alike. */
	while (*at != NULL &&
	       ((*at)->order < c->order ||
		((*at)->order == c->order && strcmp((*at)->object->name, c->object->name) <= 0)))
		at = &(*at)->next;
	c->next = *at;
	*at = c;
}

const struct cst_class *cst_class_first(void)
{
	return classes;
}

const struct cst_class *cst_class_by_name(const char *name)
{
	const struct cst_class *c = classes;

	while (c != NULL && strcmp(c->object->name, name) != 0)
		c = c->next;
	return c;
}

const struct cst_class *cst_class_by_plural(const char *plural)
{
	const struct cst_class *c = classes;

	while (c != NULL && (c->plural == NULL || strcmp(c->plural, plural) != 0))
		c = c->next;
	return c;
}

bool cst_page_wants(const struct cst_page *page, const json_t *item)
{
	const char *name;
	json_t *want;

	json_object_foreach ((json_t *)page->filter, name, want)
		if (!json_equal(json_object_get(item, name), want))
			return false;
	return true;
}
