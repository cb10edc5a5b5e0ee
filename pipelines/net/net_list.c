/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_list.h"

void net_lister_begin(struct net_lister *l, struct cst_page *page, const struct cst_object *object)
{
	*l = (struct net_lister){.page = page, .object = object, .from = page->cursor};
	page->cursor = 0;
}

int net_lister_offer(struct net_lister *l, const void *obj)
{
	json_t *item;

	if (l->at++ < l->from)
		return 0;
	item = cst_encode(l->object, obj);
	if (!cst_page_wants(l->page, item)) {
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
