/* SPDX-License-Identifier: BSD-3-Clause */
#include <assert.h>
#include <stdlib.h>

#include "table/index.h"

#define IN_USE UINT32_MAX

/* The free ones form a list through prev/next, whose ends are link 0: taken at the front, given
 * back at the end. Kept is by how much a link differs from one to its neighbour by number, so that
 * zeroes are the list of all: memory of what was never taken is not touched. */
struct cst_index {
	uint32_t n, used;
	struct {
		uint32_t prev, next;
	} link[];
};

static uint32_t prev_of(const struct cst_index *x, uint32_t i)
{
	return x->link[i].prev + i - 1;
}

static uint32_t next_of(const struct cst_index *x, uint32_t i) /* IN_USE: not in the list */
{
	return x->link[i].next + i + 1;
}

static void set_prev(struct cst_index *x, uint32_t i, uint32_t prev)
{
	x->link[i].prev = prev - i + 1;
}

static void set_next(struct cst_index *x, uint32_t i, uint32_t next)
{
	x->link[i].next = next - i - 1;
}

struct cst_index *cst_index_new(uint32_t n)
{
	struct cst_index *x;

	if (n >= IN_USE - 1)
		return NULL;
	x = calloc(1, sizeof(*x) + ((size_t)n + 1) * sizeof(x->link[0]));
	if (x == NULL)
		return NULL;
	x->n = n;
	set_prev(x, 0, n);
	set_next(x, n, 0);
	return x;
}

void cst_index_destroy(struct cst_index *x)
{
	free(x);
}

static void take(struct cst_index *x, uint32_t i)
{
	set_next(x, prev_of(x, i), next_of(x, i));
	set_prev(x, next_of(x, i), prev_of(x, i));
	set_next(x, i, IN_USE);
	x->used++;
}

uint32_t cst_index_alloc(struct cst_index *x)
{
	uint32_t i = next_of(x, 0);

	if (i != 0)
		take(x, i);
	return i;
}

bool cst_index_take(struct cst_index *x, uint32_t index)
{
	if (index == 0 || index > x->n || next_of(x, index) == IN_USE)
		return false;
	take(x, index);
	return true;
}

void cst_index_free(struct cst_index *x, uint32_t index)
{
	uint32_t last = prev_of(x, 0);

	assert(index != 0 && index <= x->n && next_of(x, index) == IN_USE);
	set_prev(x, index, last);
	set_next(x, index, 0);
	set_next(x, last, index);
	set_prev(x, 0, index);
	x->used--;
}

uint32_t cst_index_used(const struct cst_index *x)
{
	return x->used;
}
