/* SPDX-License-Identifier: BSD-3-Clause */
/* Changes gather here in the form that the log has, so that writing them is one system call. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/store_int.h"

#define HEAD sizeof(struct log_record)

/* The batch cannot be written as a whole any more; rewinding behind this change helps. */
static void refuse(struct store *s, int code, const char *why)
{
	if (s->refused.code != 0)
		return;
	cst_err(&s->refused, code, NULL, "the store refuses a change: %s", why);
	s->refused_at = s->batch_len;
}

static void forget(struct store *s, size_t mark)
{
	if (mark <= s->refused_at)
		s->refused.code = 0;
	store_numbers_rewind(mark);
	s->batch_len = mark;
}

static bool make_room(struct store *s, size_t n)
{
	size_t need = HEAD + s->batch_len + n, cap = s->batch_cap != 0 ? s->batch_cap : 4096;
	uint8_t *buf;

	if (need <= s->batch_cap)
		return true;
	while (cap < need)
		cap *= 2;
	buf = realloc(s->batch, cap);
	if (buf == NULL)
		return false;
	s->batch = buf;
	s->batch_cap = cap;
	return true;
}

static void add(const struct log_change *c)
{
	struct store *s = &cst_the_store;
	size_t n = LOG_CHANGE_HEAD + c->klen + c->vlen;
	uint8_t *at;

	if (!s->open)
		return;
	if (c->db >= CST_DBS || c->klen == 0 || c->klen > LOG_KEY_MAX)
		refuse(s, -EINVAL, "a key has 1 to 400 bytes");
	else if (c->vlen >= LOG_VALUE_MAX)
		refuse(s, -EFBIG, "a value is shorter than 8 MiB");
	else if (s->batch_len + n > LOG_BATCH_MAX)
		refuse(s, -EFBIG, "a batch is at most 1 GiB: change less at once");
	else if (!make_room(s, n + 8))
		refuse(s, -ENOMEM, "out of memory");
	if (s->refused.code != 0)
		return;
	at = s->batch + HEAD + s->batch_len;
	log_change_head(at, c);
	at += LOG_CHANGE_HEAD;
	memcpy(at, c->key, c->klen);
	if (c->vlen > 0)
		memcpy(at + c->klen, c->val, c->vlen);
	s->batch_len += n;
}

void cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val, size_t vlen)
{
	add(&(struct log_change){.db = db, .key = key, .klen = klen, .val = val, .vlen = vlen});
}

void cst_store_del(enum cst_db db, const void *key, size_t klen)
{
	add(&(struct log_change){.db = db, .del = true, .key = key, .klen = klen});
}

size_t cst_store_mark(void)
{
	return cst_the_store.batch_len;
}

void cst_store_rewind(size_t mark)
{
	if (mark <= cst_the_store.batch_len)
		forget(&cst_the_store, mark);
}

static uint32_t count_changes(const struct store *s)
{
	const uint8_t *at = s->batch + HEAD, *end = at + s->batch_len;
	struct log_change c;
	uint32_t n = 0;

	while (log_change_next(&at, end, &c) > 0)
		n++;
	return n;
}

static int append(struct store *s, struct cst_err *e)
{
	if (s->refused.code != 0) {
		if (e != NULL)
			*e = s->refused;
		return s->refused.code;
	}
	memset(s->batch + HEAD + s->batch_len, 0, 7);
	return store_log_append(s, (struct log_record *)s->batch, s->batch_len, count_changes(s),
				e);
}

int cst_store_write(struct cst_err *e)
{
	struct store *s = &cst_the_store;
	int ret;

	if (!s->open)
		return 0;
	if (s->refused.code == 0)
		store_shapes_flush();
	if (s->batch_len == 0 && s->refused.code == 0)
		return 0;
	ret = append(s, e);
	store_shapes_written(ret == 0);
	if (ret == 0)
		store_numbers_written();
	forget(s, 0);
	return ret;
}
