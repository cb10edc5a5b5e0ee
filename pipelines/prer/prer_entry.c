/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_entry.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hash.h"

static struct list {
	struct prer_entry **at; /* [0] is not used */
	uint32_t n, fit, holes;
	struct prer_entry **bucket;
	uint32_t mask, used;
	struct prer_entry **numbered; /* by number in the tables */
	uint32_t n_numbered;
} lists[PRER_KINDS];

static struct prer_entry *first_touched, **last_touched = &first_touched;

uint64_t prer_name_hash(const char *name)
{
	uint64_t h = cst_hash_bytes(name, (uint32_t)strlen(name), 0);

	return h ? h : 1;
}

const struct cst_object *prer_object_of(enum prer_kind kind)
{
	static const struct cst_object *const objects[] = {&prer_recovery_object, &prer_path_object,
							   &prer_stream_object};

	return objects[kind];
}

/* ---- by name ---------------------------------------------------------------------- */

static struct prer_entry *look(enum prer_kind kind, const char *name)
{
	const struct list *l = &lists[kind];
	uint64_t hash = prer_name_hash(name);
	struct prer_entry *x = l->bucket ? l->bucket[hash & l->mask] : NULL;

	while (x && (x->hash != hash || strcmp(x->name, name) != 0))
		x = x->chain;
	return x;
}

struct prer_entry *prer_entry_find(enum prer_kind kind, const char *name)
{
	struct prer_entry *x = look(kind, name);

	return x && (x->is_touched ? x->next : x->live) ? x : NULL;
}

struct prer_entry *prer_entry_live(enum prer_kind kind, const char *name)
{
	struct prer_entry *x = look(kind, name);

	return x && x->live ? x : NULL;
}

static bool grow_buckets(struct list *l)
{
	uint32_t n = l->bucket ? 2 * (l->mask + 1) : 64;
	struct prer_entry **b = calloc(n, sizeof(struct prer_entry *)), *next;

	if (!b)
		return false;
	for (uint32_t i = 1; i < l->n; i++) {
		next = l->at[i];
		if (!next)
			continue;
		next->chain = b[next->hash & (n - 1)];
		b[next->hash & (n - 1)] = next;
	}
	free(l->bucket);
	l->bucket = b;
	l->mask = n - 1;
	return true;
}

static bool grow_list(struct list *l)
{
	uint32_t n = l->fit ? 2 * l->fit : 64;
	struct prer_entry **at = realloc(l->at, n * sizeof(struct prer_entry *));

	if (!at)
		return false;
	l->at = at;
	l->fit = n;
	if (l->n == 0)
		l->at[l->n++] = NULL;
	return true;
}

/* Its place in the list: one that is free, else a new one. 0: no memory. */
static uint32_t place(struct list *l)
{
	for (uint32_t i = l->n; l->holes > 0 && i > 1; i--)
		if (!l->at[i - 1]) {
			l->holes--;
			return i - 1;
		}
	if (l->n == l->fit && !grow_list(l))
		return 0;
	return l->n++;
}

static struct prer_entry *make(enum prer_kind kind, const char *name)
{
	struct list *l = &lists[kind];
	struct prer_entry *x, **bucket;

	if ((!l->bucket || l->used > l->mask) && !grow_buckets(l))
		return NULL;
	x = calloc(1, sizeof(*x));
	if (!x)
		return NULL;
	x->at = place(l);
	if (x->at == 0) {
		free(x);
		return NULL;
	}
	l->at[x->at] = x;
	l->used++;
	x->kind = (uint8_t)kind;
	x->hash = prer_name_hash(name);
	snprintf(x->name, sizeof(x->name), "%s", name);
	bucket = &l->bucket[x->hash & l->mask];
	x->chain = *bucket;
	*bucket = x;
	return x;
}

void prer_entry_drop(struct prer_entry *x)
{
	struct list *l = &lists[x->kind];
	struct prer_entry **link = &l->bucket[x->hash & l->mask];

	if (x->live || x->is_touched || x->number)
		return;
	while (*link != x)
		link = &(*link)->chain;
	*link = x->chain;
	l->at[x->at] = NULL;
	l->holes++;
	l->used--;
	free(x);
}

struct prer_entry *prer_entry_from(enum prer_kind kind, uint32_t at)
{
	const struct list *l = &lists[kind];

	for (uint32_t i = at ? at : 1; i < l->n; i++)
		if (l->at[i])
			return l->at[i];
	return NULL;
}

struct prer_entry *prer_entry_numbered(enum prer_kind kind, uint32_t number)
{
	const struct list *l = &lists[kind];

	return number < l->n_numbered ? l->numbered[number] : NULL;
}

/* Without memory for it names are found the long way. */
void prer_entry_number(enum prer_kind kind, uint32_t number, struct prer_entry *x)
{
	struct list *l = &lists[kind];
	uint32_t n = l->n_numbered ? l->n_numbered : 64;
	struct prer_entry **all;

	while (n <= number)
		n *= 2;
	if (n > l->n_numbered) {
		all = realloc(l->numbered, n * sizeof(*all));
		if (!all)
			return;
		memset(all + l->n_numbered, 0, (n - l->n_numbered) * sizeof(*all));
		l->numbered = all;
		l->n_numbered = n;
	}
	l->numbered[number] = x;
}

/* ---- a transaction ----------------------------------------------------------------- */

static struct prer_conf *pack(enum prer_kind kind, const void *obj)
{
	const struct cst_object *o = prer_object_of(kind);
	size_t len = cst_pack(o, obj, NULL, 0);
	struct prer_conf *c = malloc(sizeof(*c) + len);

	if (!c)
		return NULL;
	c->len = (uint32_t)len;
	cst_pack(o, obj, c->bytes, len);
	return c;
}

static void touch(struct prer_entry *x)
{
	if (x->is_touched)
		return;
	x->is_touched = true;
	x->touched = NULL;
	*last_touched = x;
	last_touched = &x->touched;
	if (x->kind == PRER_STREAMS)
		x->made_next = x->made;
	else
		x->shared_next = x->shared;
}

struct prer_entry *prer_entry_touch(enum prer_kind kind, const char *name, const void *obj,
				    struct cst_err *e)
{
	struct prer_conf *c = obj ? pack(kind, obj) : NULL;
	struct prer_entry *x = obj && !c ? NULL : look(kind, name);

	if (!x && (!obj || c))
		x = make(kind, name);
	if (!x) {
		free(c);
		cst_err(e, -ENOMEM, NULL, "no memory for '%s'", name);
		return NULL;
	}
	touch(x);
	if (x->next != x->live)
		free(x->next);
	x->next = c;
	x->next_put = obj != NULL;
	return x;
}

void prer_entry_again(struct prer_entry *x)
{
	if (x->is_touched)
		return;
	touch(x);
	x->next = x->live;
	x->next_put = x->put;
}

struct prer_entry *prer_entry_touched(void)
{
	return first_touched;
}

static void end(bool commit)
{
	struct prer_entry *x = first_touched, *next;

	first_touched = NULL;
	last_touched = &first_touched;
	for (; x; x = next) {
		struct prer_conf *stays = commit ? x->next : x->live;
		struct prer_conf *goes = commit ? x->live : x->next;

		next = x->touched;
		if (goes != stays)
			free(goes);
		x->live = stays;
		x->next = NULL;
		x->put = commit ? x->next_put : x->put;
		/* a stream's record names what its path and its recovery are to become */
		if (!commit && x->kind == PRER_STREAMS)
			x->made_next = x->made;
		else if (!commit)
			x->shared_next = x->shared;
		x->is_touched = false;
		prer_entry_drop(x);
	}
}

void prer_entries_commit(void)
{
	end(true);
}

void prer_entries_abort(void)
{
	end(false);
}

int prer_entry_read(const struct prer_entry *x, bool live, struct cst_pool *pool, void *out)
{
	const struct prer_conf *c = live || !x->is_touched ? x->live : x->next;

	return cst_unpack(prer_object_of(x->kind), c->bytes, c->len, pool, out);
}

void prer_entries_fini(void)
{
	for (unsigned k = 0; k < PRER_KINDS; k++) {
		struct list *l = &lists[k];

		for (uint32_t i = 1; i < l->n; i++)
			if (l->at[i]) {
				free(l->at[i]->live);
				free(l->at[i]);
			}
		free(l->at);
		free(l->bucket);
		free(l->numbered);
		*l = (struct list){0};
	}
}
