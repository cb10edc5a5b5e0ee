/* SPDX-License-Identifier: BSD-3-Clause */
/* What the unit test and the fuzz target ask of cst_tree_parse(): jansson's word is law. */
#pragma once

#include <stdbool.h>
#include <string.h>

#include "tree.h"

static inline bool tree_same(const struct cst_tree *a, const struct cst_tree *b)
{
	if (a->n_nodes != b->n_nodes)
		return false;
	for (uint32_t i = 0; i < a->n_nodes; i++) {
		const struct cst_node *x = &a->nodes[i], *y = &b->nodes[i];

		if (x->type != y->type || x->n != y->n)
			return false;
		if (x->type == CST_N_STRING ? memcmp(x->s, y->s, x->n + 1) != 0 : x->i != y->i)
			return false;
	}
	return true;
}

/* Parsed here (*taken) and by jansson: both the same, or left to jansson. False: neither. */
static inline bool tree_agrees(const char *text, size_t len, bool *taken)
{
	struct cst_tree ours = {0}, theirs = {0};
	json_t *js = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	bool good = true;

	*taken = cst_tree_parse(&ours, text, len, 32) == 0;
	if (*taken)
		good = js != NULL && cst_tree_take(&theirs, js) == 0 && tree_same(&ours, &theirs);
	cst_tree_trim(&ours, 0);
	cst_tree_trim(&theirs, 0);
	json_decref(js);
	return good;
}
