/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two-level segregated fit without the second level: free runs hang in lists by
 * size class, a bit map finds the first list that must fit, and a freed run
 * joins its free neighbours at once, so that no mix of sizes wears the section
 * out.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "table/lines.h"

#define N_CLASSES 62 /* 1,2,3,4,6,8,... 3 << 30 */
#define FREE      0x80000000u
#define MAX_COUNT 0x7fffffffu

struct link { /* of a free run: its list; 0 ends it */
	uint32_t prev, next;
};

struct cst_lines {
	uint32_t count, used;
	uint32_t rest;     /* the free run behind all that cst_lines_take() took */
	uint64_t nonempty; /* bit c: list[c] has runs */
	uint32_t list[N_CLASSES];
	uint32_t *run;     /* [count + 1] first and last line of a run: its length, FREE when it is;
			    * the line behind the last counts as taken */
	struct link *link; /* [count] first line of a free run. Apart from the other, as the many
			    * lines of one run, in use or never used, need none */
};

/* 1,2,3,4,6,8,12,...: class 0 is 1, then 2^k at 2k-1 and 3*2^(k-1) at 2k */
static uint32_t class_size(unsigned c)
{
	return c == 0 ? 1 : c % 2 == 1 ? 1u << (c / 2 + 1) : 3u << (c / 2 - 1);
}

/* The largest class not above n. */
static unsigned class_floor(uint32_t n)
{
	unsigned k = 31u - (unsigned)__builtin_clz(n);

	if (k == 0)
		return 0;
	return 2 * k - 1 + (n >> (k - 1) & 1);
}

static unsigned class_ceil(uint32_t n)
{
	unsigned c = class_floor(n);

	return class_size(c) < n ? c + 1 : c;
}

static void mark(struct cst_lines *l, uint32_t first, uint32_t n, uint32_t flag)
{
	l->run[first] = n | flag;
	l->run[first + n - 1] = n | flag;
}

static void link_free(struct cst_lines *l, uint32_t first, uint32_t n)
{
	unsigned c = class_floor(n);

	mark(l, first, n, FREE);
	l->link[first].prev = 0;
	l->link[first].next = l->list[c];
	if (l->list[c] != 0)
		l->link[l->list[c]].prev = first;
	l->list[c] = first;
	l->nonempty |= UINT64_C(1) << c;
}

static void unlink_free(struct cst_lines *l, uint32_t first)
{
	unsigned c = class_floor(l->run[first] & ~FREE);
	struct link *b = &l->link[first];

	if (b->prev != 0)
		l->link[b->prev].next = b->next;
	else
		l->list[c] = b->next;
	if (b->next != 0)
		l->link[b->next].prev = b->prev;
	if (l->list[c] == 0)
		l->nonempty &= ~(UINT64_C(1) << c);
}

struct cst_lines *cst_lines_new(void *base, uint32_t count)
{
	struct cst_lines *l;

	if (base == NULL || count < 2 || count > MAX_COUNT)
		return NULL;
	l = calloc(1, sizeof(*l));
	if (l == NULL)
		return NULL;
	l->run = calloc((size_t)count + 1, sizeof(l->run[0]));
	l->link = calloc(count, sizeof(l->link[0]));
	if (l->run == NULL || l->link == NULL) {
		cst_lines_free_all(l);
		return NULL;
	}
	l->count = count;
	l->rest = 1;
	link_free(l, 1, count - 1);
	return l;
}

void cst_lines_free_all(struct cst_lines *l)
{
	if (l == NULL)
		return;
	free(l->run);
	free(l->link);
	free(l);
}

uint32_t cst_lines_alloc(struct cst_lines *l, uint32_t n)
{
	uint64_t fit;
	uint32_t first, have;
	unsigned c;

	if (n == 0 || n >= l->count)
		return 0;
	c = class_ceil(n);
	fit = l->nonempty & (~UINT64_C(0) << c);
	if (fit == 0)
		return 0;
	n = class_size(c);
	first = l->list[__builtin_ctzll(fit)];
	unlink_free(l, first);
	have = l->run[first] & ~FREE;
	if (have > n) { /* the rest begins where the whole did: its link is in place */
		link_free(l, first, have - n);
		first += have - n;
	}
	mark(l, first, n, 0);
	l->used += n;
	return first;
}

void cst_lines_free(struct cst_lines *l, uint32_t first, uint32_t n)
{
	uint32_t before, after;

	n = class_size(class_ceil(n));
	assert(first > 0 && first + n <= l->count && l->run[first] == n);
	l->used -= n;
	/* line 0 and the line behind the last are never free: no test for the ends */
	before = l->run[first - 1];
	after = l->run[first + n];
	if (after & FREE) {
		unlink_free(l, first + n);
		n += after & ~FREE;
	}
	if (before & FREE) {
		first -= before & ~FREE;
		unlink_free(l, first);
		n += before & ~FREE;
	}
	link_free(l, first, n);
}

bool cst_lines_take(struct cst_lines *l, uint32_t first, uint32_t n)
{
	uint32_t rest = l->rest, have = l->count - rest;

	n = class_size(class_ceil(n));
	if (n == 0 || first < rest || have == 0 || first - rest > have || have - (first - rest) < n)
		return false;
	unlink_free(l, rest);
	if (first > rest)
		link_free(l, rest, first - rest);
	mark(l, first, n, 0);
	l->used += n;
	l->rest = first + n;
	if (l->rest < l->count)
		link_free(l, l->rest, l->count - l->rest);
	return true;
}

uint32_t cst_lines_used(const struct cst_lines *l)
{
	return l->used;
}
