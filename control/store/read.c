/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading: what is in LMDB, under what is in the log alone. The tail is the log's. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/overlay.h"

typedef int (*each_fn)(void *arg, const void *key, size_t klen, const void *val, size_t vlen);
typedef int (*tail_fn)(void *arg, uint64_t batch, enum cst_db db, const void *key, size_t klen,
		       const void *val, size_t vlen);

/* Reads go on within each(): they see what it sees. */
static int begin_reading(struct store *s, MDB_txn **txn)
{
	int ret = s->reading == 0 ? store_over_fill(s) : 0;

	if (ret < 0)
		ret = store_carry_wait(s);
	if (ret < 0)
		return ret;
	if (s->reading++ == 0)
		pthread_mutex_lock(&s->map_mu);
	ret = mdb_txn_begin(s->db.env, NULL, MDB_RDONLY, txn);
	if (ret == 0)
		return 0;
	if (--s->reading == 0)
		pthread_mutex_unlock(&s->map_mu);
	return store_db_code(ret);
}

static void end_reading(struct store *s, MDB_txn *txn)
{
	mdb_txn_abort(txn);
	if (--s->reading == 0)
		pthread_mutex_unlock(&s->map_mu);
}

static bool is_sound(enum cst_db db, const MDB_val *key, MDB_val *val)
{
	return store_value_check(db, key->mv_data, key->mv_size, val->mv_data, &val->mv_size);
}

/* To where it stays. 1 or -ENOMEM. */
static int copy_value(struct store *s, const void *val, size_t n)
{
	if (n > s->val_cap) {
		uint8_t *p = realloc(s->val, n);

		if (p == NULL)
			return -ENOMEM;
		s->val = p;
		s->val_cap = n;
	}
	memcpy(s->val, val, n);
	return 1;
}

static int get(struct store *s, MDB_txn *txn, enum cst_db db, MDB_val *key, MDB_val *val)
{
	const struct store_over *o = store_over_get(db, key->mv_data, key->mv_size);
	int ret;

	if (o != NULL) {
		val->mv_size = o->vlen;
		return o->val != NULL ? copy_value(s, o->val, o->vlen) : 0;
	}
	ret = mdb_get(txn, s->db.dbi[db], key, val);
	if (ret != 0)
		return ret == MDB_NOTFOUND ? 0 : store_db_code(ret);
	return is_sound(db, key, val) ? copy_value(s, val->mv_data, val->mv_size) : -EBADMSG;
}

int cst_store_get(enum cst_db db, const void *key, size_t klen, const void **val, size_t *vlen)
{
	struct store *s = &cst_the_store;
	MDB_val k = {klen, (void *)key}, v;
	MDB_txn *txn;
	int ret;

	if (!s->open || db >= CST_DBS || klen == 0 || klen > LOG_KEY_MAX)
		return 0;
	ret = begin_reading(s, &txn);
	if (ret < 0)
		return ret;
	ret = get(s, txn, db, &k, &v);
	end_reading(s, txn);
	if (ret <= 0)
		return ret;
	*val = s->val;
	*vlen = v.mv_size;
	return 1;
}

struct walk {
	enum cst_db db;
	const struct store_over **at, **end; /* what the log has */
	each_fn fn;
	void *arg;
};

/* How the next key of the log's stands to this one. */
static int order(const struct walk *w, const MDB_val *key)
{
	return store_key_compare((*w->at)->key, (*w->at)->klen, key->mv_data, key->mv_size);
}

/* What the log has before `key` (NULL: to the end). */
static int tell_over(struct walk *w, const MDB_val *key)
{
	int ret = 0;

	for (; w->at < w->end && ret == 0 && (key == NULL || order(w, key) < 0); w->at++) {
		const struct store_over *o = *w->at;

		if (o->val != NULL)
			ret = w->fn(w->arg, o->key, o->klen, o->val, o->vlen);
	}
	return ret;
}

/* An entry of LMDB's, unless the log has another one for its key, which comes next. */
static int tell_entry(struct walk *w, const MDB_val *key, MDB_val *val)
{
	int ret = tell_over(w, key);

	if (ret != 0 || (w->at < w->end && order(w, key) == 0))
		return ret;
	return is_sound(w->db, key, val)
		       ? w->fn(w->arg, key->mv_data, key->mv_size, val->mv_data, val->mv_size)
		       : -EBADMSG;
}

static int walk(struct walk *w, MDB_cursor *cur, const void *from, size_t klen)
{
	MDB_val k = {klen, (void *)from}, v;
	int ret = mdb_cursor_get(cur, &k, &v, from != NULL ? MDB_SET_RANGE : MDB_FIRST);

	while (ret == 0) {
		ret = tell_entry(w, &k, &v);
		if (ret != 0)
			return ret;
		ret = mdb_cursor_get(cur, &k, &v, MDB_NEXT);
	}
	return ret == MDB_NOTFOUND ? tell_over(w, NULL) : store_db_code(ret);
}

int cst_store_each(enum cst_db db, const void *from, size_t klen, each_fn fn, void *arg)
{
	struct store *s = &cst_the_store;
	struct walk w = {.db = db, .fn = fn, .arg = arg};
	const struct store_over **list;
	MDB_cursor *cur;
	MDB_txn *txn;
	size_t n;
	int ret;

	if (!s->open || db >= CST_DBS)
		return 0;
	ret = begin_reading(s, &txn);
	if (ret < 0)
		return ret;
	ret = store_over_list(db, from, klen, &list, &n);
	w.at = list;
	w.end = list + n;
	if (ret == 0)
		ret = store_db_code(mdb_cursor_open(txn, s->db.dbi[db], &cur));
	if (ret == 0) {
		ret = walk(&w, cur, from, klen);
		mdb_cursor_close(cur);
	}
	free(list);
	end_reading(s, txn);
	return ret;
}

static int tell_record(const struct log_record *r, tail_fn fn, void *arg)
{
	const uint8_t *at = (const void *)(r + 1), *end = at + r->len;
	struct log_change c;
	int ret = 0;

	while (ret == 0 && log_change_next(&at, end, &c) > 0)
		ret = fn(arg, r->batch, c.db, c.key, c.klen, c.del ? NULL : c.val, c.vlen);
	return ret;
}

static int tell_records(struct store *s, struct store_cursor *c, tail_fn fn, void *arg)
{
	const struct log_record *r;
	int ret;

	while ((ret = store_cursor_next(s, c, s->written, &r)) > 0) {
		ret = tell_record(r, fn, arg);
		if (ret != 0)
			return ret;
	}
	return ret;
}

int cst_store_tail(uint64_t after, tail_fn fn, void *arg)
{
	struct store *s = &cst_the_store;
	struct store_cursor c;
	int ret;

	if (!s->open)
		return 0;
	if (after >= s->written)
		return after == s->written ? 0 : -ERANGE;
	store_cursor_init(&c);
	ret = store_cursor_seek(s, &c, after + 1);
	if (ret == 0)
		ret = tell_records(s, &c, fn, arg);
	store_cursor_free(&c);
	/* a segment went meanwhile, or cannot be read: all is to be read anew either way */
	return ret == -ESTALE || ret == -EBADMSG ? -ERANGE : ret;
}
