/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A chain of chunks that a cursor walks. Reset rewinds the cursor; what is above
 * KEEP goes back, so that one huge request does not stay with the process.
 */
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "object.h"

#define FIRST (16u << 10)
#define LARGE (1u << 20)
#define KEEP  (8u << 20)

struct chunk {
	struct chunk *next;
	size_t size, used;
	alignas(8) unsigned char mem[];
};

struct cst_pool {
	struct chunk *first, *at;
	size_t limit, held;
};

struct cst_pool *cst_pool_new(void)
{
	struct cst_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		abort(); /* a few bytes at start-up */
	p->limit = CST_POOL_LIMIT;
	return p;
}

void cst_pool_limit(struct cst_pool *p, size_t bytes)
{
	p->limit = bytes;
}

/* The next chunk that can take n bytes, behind the current one. */
static struct chunk *grow(struct cst_pool *p, size_t n)
{
	struct chunk **link = p->at != NULL ? &p->at->next : &p->first;
	struct chunk *c = *link;
	size_t size = p->at == NULL ? FIRST : p->at->size * 2;

	if (c != NULL && c->size >= n) {
		c->used = 0;
		return p->at = c;
	}
	if (size > LARGE)
		size = LARGE;
	if (size < n)
		size = n;
	if (p->held + size > p->limit)
		size = n;
	if (p->held + size > p->limit)
		return NULL;
	c = malloc(sizeof(*c) + size);
	if (c == NULL)
		return NULL;
	c->size = size;
	c->used = 0;
	c->next = *link;
	*link = c;
	p->held += size;
	return p->at = c;
}

void *cst_pool_alloc(struct cst_pool *p, size_t n)
{
	struct chunk *c = p->at;
	void *mem;

	if (n > p->limit)
		return NULL;
	n = (n + 7) & ~(size_t)7;
	if (c == NULL || c->size - c->used < n) {
		c = grow(p, n);
		if (c == NULL)
			return NULL;
	}
	mem = c->mem + c->used;
	c->used += n;
	return memset(mem, 0, n);
}

char *cst_pool_strdup(struct cst_pool *p, const char *s)
{
	size_t n = strlen(s) + 1;
	char *out = cst_pool_alloc(p, n);

	return out != NULL ? memcpy(out, s, n) : NULL;
}

void cst_pool_reset(struct cst_pool *p)
{
	struct chunk **link = &p->first;
	size_t kept = 0;

	while (*link != NULL) {
		struct chunk *c = *link;

		if (kept + c->size > KEEP) {
			*link = c->next;
			p->held -= c->size;
			free(c);
		} else {
			kept += c->size;
			c->used = 0;
			link = &c->next;
		}
	}
	p->at = p->first;
}

void cst_pool_free(struct cst_pool *p)
{
	if (p == NULL)
		return;
	while (p->first != NULL) {
		struct chunk *c = p->first;

		p->first = c->next;
		free(c);
	}
	free(p);
}
