/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>

#include "table/index.h"

#define IN_USE UINT32_MAX

/* The free ones form a list through prev/next, whose ends are link 0: taken at the front, given
 * back at the end. */
struct cst_index {
	uint32_t n, used;
	struct {
		uint32_t prev, next; /* next == IN_USE: not in the list */
	} link[];
};

struct cst_index *cst_index_new(uint32_t n)
{
	struct cst_index *x;

	if (n >= IN_USE - 1)
		return NULL;
	x = malloc(sizeof(*x) + ((size_t)n + 1) * sizeof(x->link[0]));
	if (x == NULL)
		return NULL;
	x->n = n;
	x->used = 0;
	for (uint32_t i = 0; i <= n; i++) {
		x->link[i].prev = i == 0 ? n : i - 1;
		x->link[i].next = i == n ? 0 : i + 1;
	}
	return x;
}

void cst_index_destroy(struct cst_index *x)
{
	free(x);
}

static void take(struct cst_index *x, uint32_t i)
{
	x->link[x->link[i].prev].next = x->link[i].next;
	x->link[x->link[i].next].prev = x->link[i].prev;
	x->link[i].next = IN_USE;
	x->used++;
}

uint32_t cst_index_alloc(struct cst_index *x)
{
	uint32_t i = x->link[0].next;

	if (i != 0)
		take(x, i);
	return i;
}

bool cst_index_take(struct cst_index *x, uint32_t index)
{
	if (index == 0 || index > x->n || x->link[index].next == IN_USE)
		return false;
	take(x, index);
	return true;
}

void cst_index_free(struct cst_index *x, uint32_t index)
{
	uint32_t last = x->link[0].prev;

	assert(index != 0 && index <= x->n && x->link[index].next == IN_USE);
	x->link[index].prev = last;
	x->link[index].next = 0;
	x->link[last].next = index;
	x->link[0].prev = index;
	x->used--;
}

uint32_t cst_index_used(const struct cst_index *x)
{
	return x->used;
}
