/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_list.h"

void net_lister_begin(struct net_lister *l, struct cst_page *page, const struct cst_object *object)
{
	*l = (struct net_lister){.page = page, .object = object, .from = page->cursor};
	page->cursor = 0;
}

static bool match(const json_t *item, const json_t *filter)
{
	const char *name;
	json_t *want;

	if (filter == NULL)
		return true;
	json_object_foreach ((json_t *)filter, name, want)
		if (!json_equal(json_object_get(item, name), want))
			return false;
	return true;
}

int net_lister_offer(struct net_lister *l, const void *obj)
{
	json_t *item;

	if (l->at++ < l->from)
		return 0;
	item = cst_encode(l->object, obj);
	if (!match(item, l->page->filter)) {
		json_decref(item);
		return 0;
	}
	if (json_array_size(l->page->items) >= l->page->limit) {
		json_decref(item);
		l->page->cursor = l->at - 1;
		return 1;
	}
	json_array_append_new(l->page->items, item);
	return 0;
}
