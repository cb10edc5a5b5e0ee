/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A JSON value as a flat tree: the nodes of a text stand one after another in the
 * order of the text, a container before what it holds. The decoder walks it, and
 * nothing is allocated per value, which is what makes large requests cheap.
 *
 *   {"id":7,"a":[1,2]}   ->   OBJECT n=2 span=7 | "id" | 7 | "a" | ARRAY n=2 span=3 | 1 | 2
 *
 * Two things fill a tree: cst_tree_parse() from plain text, which most requests
 * are, and cst_tree_take() from whatever jansson has read. Single-threaded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

enum cst_node_type {
	CST_N_NULL,
	CST_N_FALSE,
	CST_N_TRUE,
	CST_N_INT,
	CST_N_REAL,
	CST_N_STRING,
	CST_N_ARRAY,
	CST_N_OBJECT, /* each member: its name, a string, then its value */
};

struct cst_node {
	uint8_t type; /* enum cst_node_type */
	uint32_t n;   /* of a string: bytes; of an array: elements; of an object: members */
	union {
		const char *s; /* ends with a NUL that `n` does not count */
		int64_t i;
		double r;
		uint32_t span; /* nodes of a container, itself included */
	};
};
_Static_assert(sizeof(struct cst_node) == 16, "four to a cache line");

/* Memory of trees, kept from one to the next. Begin with zeroes. */
struct cst_tree {
	struct cst_node *nodes; /* the root first */
	uint32_t n_nodes;
	char *text; /* what strings point into */
	size_t n_fit, text_fit;
};

/* -EBADMSG: not JSON, or JSON with what is left to jansson: escapes, bytes beyond ASCII, reals and
 * large numbers, more than `max_depth` levels, a member twice. Who gets it asks jansson, which has
 * the reason too. -ENOMEM. The tree is valid until the next of this memory; `text` need not be
 * kept. */
int cst_tree_parse(struct cst_tree *t, const char *text, size_t len, unsigned max_depth);
/* Strings are borrowed from `js`. -ENOMEM. */
int cst_tree_take(struct cst_tree *t, const json_t *js);
/* Give memory back, what is above `keep` bytes of text or all of it (0). */
void cst_tree_trim(struct cst_tree *t, size_t keep);

static inline const struct cst_node *cst_node_next(const struct cst_node *v)
{
	return v + (v->type >= CST_N_ARRAY ? v->span : 1);
}

/* NULL: no object, or it has no such member. */
const struct cst_node *cst_node_member(const struct cst_node *v, const char *name);
/* New reference, NULL without memory. */
json_t *cst_node_json(const struct cst_node *v);
