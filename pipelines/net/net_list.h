/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A page of a listing: offer every object in a fixed order, it keeps those
 * that match the filter and stand on the page.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "class.h"

struct net_lister {
	struct cst_page *page;
	const struct cst_object *object;
	uint64_t at; /* objects offered so far */
	uint64_t from;
};

void net_lister_begin(struct net_lister *l, struct cst_page *page, const struct cst_object *object);
/* 0: go on; 1: the page is full, stop. */
int net_lister_offer(struct net_lister *l, const void *obj);
