/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is in the log and not in LMDB yet, in memory, so that who reads need not
 * wait for the store's thread. It is made when somebody reads, grows with what was
 * written since, and goes when LMDB has all of it. That it also has what LMDB has
 * by now does no harm: the last change of a key is the same in both.
 *
 * Control thread. The store's thread may remove a segment meanwhile: then begin anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "object.h"
#include "store/overlay.h"

#define TRIES 3
#define LIMIT (1ull << 30) /* beyond it a reader waits */

static struct {
	struct cst_pool *pool;
	struct store_over **slots;
	unsigned n_slots, n;
	uint64_t upto; /* batch; 0: there is none */
} over;

/* Where the log was read up to last: what comes next is not sought from a segment's beginning. */
static struct store_cursor cursor = {.fd = -1};

static void forget(void)
{
	cst_pool_free(over.pool);
	free(over.slots);
	memset(&over, 0, sizeof(over));
}

void store_over_free(void)
{
	forget();
	store_cursor_free(&cursor);
}

static unsigned slot_of(enum cst_db db, const void *key, size_t klen)
{
	return cst_crc32c(db, key, klen) & (over.n_slots - 1);
}

static int widen(void)
{
	unsigned n = over.n_slots != 0 ? 2 * over.n_slots : 1024;
	struct store_over **old = over.slots, *o, *next;
	unsigned old_n = over.n_slots;

	if (over.n < over.n_slots)
		return 0;
	over.slots = calloc(n, sizeof(*over.slots));
	if (over.slots == NULL) {
		over.slots = old;
		return -ENOMEM;
	}
	over.n_slots = n;
	for (unsigned i = 0; i < old_n; i++)
		for (o = old[i]; o != NULL; o = next) {
			unsigned k = slot_of(o->db, o->key, o->klen);

			next = o->next;
			o->next = over.slots[k];
			over.slots[k] = o;
		}
	free(old);
	return 0;
}

const struct store_over *store_over_get(enum cst_db db, const void *key, size_t klen)
{
	const struct store_over *o = NULL;

	if (over.n_slots > 0)
		o = over.slots[slot_of(db, key, klen)];
	while (o != NULL && (o->db != db || o->klen != klen || memcmp(o->key, key, klen) != 0))
		o = o->next;
	return o;
}

static int add(const struct log_change *c)
{
	struct store_over *o = (void *)store_over_get(c->db, c->key, c->klen);
	void *val = cst_pool_alloc(over.pool, c->vlen + 1);
	unsigned k;

	if (val == NULL || widen() < 0)
		return -ENOMEM;
	memcpy(val, c->val, c->vlen);
	if (o == NULL) {
		o = cst_pool_alloc(over.pool, sizeof(*o) + c->klen);
		if (o == NULL)
			return -ENOMEM;
		memcpy(o->key, c->key, c->klen);
		o->db = c->db;
		o->klen = c->klen;
		k = slot_of(c->db, c->key, c->klen);
		o->next = over.slots[k];
		over.slots[k] = o;
		over.n++;
	}
	o->val = c->del ? NULL : val;
	o->vlen = c->vlen;
	return 0;
}

static int add_record(const struct log_record *r)
{
	const uint8_t *at = (const void *)(r + 1), *end = at + r->len;
	struct log_change c;
	int ret = 0;

	while (ret == 0 && log_change_next(&at, end, &c) > 0)
		ret = add(&c);
	over.upto = r->batch;
	return ret;
}

static int extend(struct store *s, uint64_t from)
{
	const struct log_record *r;
	int ret;

	if (over.pool == NULL) {
		over.pool = cst_pool_new();
		if (over.pool == NULL)
			return -ENOMEM;
		cst_pool_limit(over.pool, LIMIT);
	}
	ret = store_cursor_seek(s, &cursor, from);
	while (ret >= 0 && (ret = store_cursor_next(s, &cursor, s->written, &r)) > 0)
		ret = add_record(r);
	return ret;
}

static uint64_t carried(struct store *s)
{
	uint64_t n;

	pthread_mutex_lock(&s->mu);
	n = s->carried;
	pthread_mutex_unlock(&s->mu);
	return n;
}

int store_over_fill(struct store *s)
{
	int ret = 0;

	for (unsigned i = 0; i < TRIES; i++) {
		uint64_t in_db = carried(s);

		if (over.upto <= in_db)
			forget();
		if (in_db == s->written || over.upto == s->written)
			return 0;
		ret = extend(s, over.upto != 0 ? over.upto + 1 : in_db + 1);
		if (ret == 0)
			return 0;
		store_over_free();
	}
	return ret;
}

static int by_key(const void *a, const void *b)
{
	const struct store_over *x = *(struct store_over *const *)a;
	const struct store_over *y = *(struct store_over *const *)b;

	return store_key_compare(x->key, x->klen, y->key, y->klen);
}

int store_over_list(enum cst_db db, const void *from, size_t klen, const struct store_over ***out,
		    size_t *n)
{
	*n = 0;
	*out = NULL;
	if (over.n == 0)
		return 0;
	*out = malloc(over.n * sizeof(**out));
	if (*out == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < over.n_slots; i++)
		for (struct store_over *o = over.slots[i]; o != NULL; o = o->next)
			if (o->db == db &&
			    (from == NULL || store_key_compare(o->key, o->klen, from, klen) >= 0))
				(*out)[(*n)++] = o;
	qsort(*out, *n, sizeof(**out), by_key);
	return 0;
}
