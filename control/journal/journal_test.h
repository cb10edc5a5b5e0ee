/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal with a store of the test's own behind it, which can be full, hold
 * damaged values, and survive an end of coastd.
 */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "journal/journal_int.h"
#include "log.h"
#include "owner.h"
#include "rpc/rpc_int.h"

/* ---- the store --------------------------------------------------------------- */

struct pair {
	uint8_t key[16];
	size_t klen;
	char *val; /* NULL: deleted */
	size_t len;
};

static struct pair pairs[16384], batch[4096];
static size_t n_pairs, n_batch;
static size_t n_foreign; /* of somebody else's in the batch */
static bool is_open = true, full;
static char dir[64];
static unsigned writes;

static int cmp(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	int d = memcmp(x->key, y->key, x->klen < y->klen ? x->klen : y->klen);

	return d != 0 ? d : (int)x->klen - (int)y->klen;
}

bool __wrap_cst_store_is_open(void);
bool __wrap_cst_store_is_open(void)
{
	return is_open;
}

static void note(const void *key, size_t klen, const void *val, size_t len)
{
	struct pair *p = &batch[n_batch++];

	assert_true(klen <= sizeof(p->key) && n_batch < 4096);
	memset(p, 0, sizeof(*p));
	memcpy(p->key, key, klen);
	p->klen = klen;
	p->len = len;
	p->val = val != NULL ? memcpy(malloc(len), val, len) : NULL;
}

void __wrap_cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val,
			  size_t vlen);
void __wrap_cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val,
			  size_t vlen)
{
	if (db != CST_DB_JOURNAL)
		n_foreign++;
	else if (is_open)
		note(key, klen, val, vlen);
}

void __wrap_cst_store_del(enum cst_db db, const void *key, size_t klen);
void __wrap_cst_store_del(enum cst_db db, const void *key, size_t klen)
{
	assert_int_equal(db, CST_DB_JOURNAL);
	if (is_open)
		note(key, klen, NULL, 0);
}

size_t __wrap_cst_store_mark(void);
size_t __wrap_cst_store_mark(void)
{
	return n_batch + n_foreign;
}

static struct pair *find(const struct pair *p)
{
	return bsearch(p, pairs, n_pairs, sizeof(*pairs), cmp);
}

static void apply(const struct pair *p)
{
	struct pair *was = find(p);
	size_t i = n_pairs;

	if (was != NULL) {
		free(was->val);
		if (p->val != NULL) {
			*was = *p;
			return;
		}
		memmove(was, was + 1, (size_t)(&pairs[--n_pairs] - was) * sizeof(*was));
		return;
	}
	if (p->val == NULL)
		return;
	for (; i > 0 && cmp(&pairs[i - 1], p) > 0; i--)
		pairs[i] = pairs[i - 1];
	pairs[i] = *p;
	n_pairs++;
}

int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e)
{
	size_t n = n_batch;

	n_batch = n_foreign = 0;
	if (n == 0)
		return 0;
	if (full) {
		for (size_t i = 0; i < n; i++)
			free(batch[i].val);
		return cst_err(e, -ENOSPC, NULL, "no space left");
	}
	writes++;
	for (size_t i = 0; i < n; i++)
		apply(&batch[i]);
	return 0;
}

int __wrap_cst_store_get(enum cst_db db, const void *key, size_t klen, const void **val,
			 size_t *vlen);
int __wrap_cst_store_get(enum cst_db db, const void *key, size_t klen, const void **val,
			 size_t *vlen)
{
	struct pair p = {.klen = klen}, *found;

	memcpy(p.key, key, klen);
	found = find(&p);
	if (found == NULL)
		return 0;
	*val = found->val;
	*vlen = found->len;
	(void)db;
	return 1;
}

typedef int (*each_fn)(void *arg, const void *key, size_t klen, const void *val, size_t vlen);

int __wrap_cst_store_each(enum cst_db db, const void *from, size_t klen, each_fn fn, void *arg);
int __wrap_cst_store_each(enum cst_db db, const void *from, size_t klen, each_fn fn, void *arg)
{
	for (size_t i = 0; i < n_pairs; i++)
		assert_int_equal(fn(arg, pairs[i].key, pairs[i].klen, pairs[i].val, pairs[i].len),
				 0);
	(void)db, (void)from, (void)klen;
	return 0;
}

void __wrap_cst_store_state(struct cst_store_state *out);
void __wrap_cst_store_state(struct cst_store_state *out)
{
	memset(out, 0, sizeof(*out));
	snprintf(out->path, sizeof(out->path), "%s", dir);
}

/* ---- a life of coastd ------------------------------------------------------------ */

static struct cst_system sys = {.journal_mb = 64, .journal_hours = 168};

static inline void start(void)
{
	struct cst_err e = {0};

	assert_int_equal(cst_modules_start(&sys, &e), 0);
}

static inline void restart(void)
{
	cst_modules_stop();
	rpc_event_reset();
	start();
}

static inline void empty_dir(void)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	char path[400];

	while (d != NULL && (f = readdir(d)) != NULL) {
		snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
		if (f->d_name[0] != '.')
			unlink(path);
	}
	if (d != NULL)
		closedir(d);
}

static inline int setup(void **state)
{
	is_open = true;
	full = false;
	sys.journal_mb = 64;
	sys.journal_hours = 168;
	snprintf(dir, sizeof(dir), "/tmp/coast-journal-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	rpc_event_reset();
	start();
	(void)state;
	return 0;
}

static inline int teardown(void **state)
{
	cst_modules_stop();
	while (n_pairs > 0)
		free(pairs[--n_pairs].val);
	empty_dir();
	rmdir(dir);
	(void)state;
	return 0;
}

/* ---- events ------------------------------------------------------------------------ */

static struct cst_event_type used = {.name = "test.used", .help = "usage"};
CST_EVENT(used);
static struct cst_event_type other = {.name = "test.other", .help = "another event"};
CST_EVENT(other);

static bool sum(const json_t *older, json_t *newer)
{
	json_t *a = json_object_get(older, "n"), *b = json_object_get(newer, "n");

	if (json_object_get(newer, "alone") != NULL)
		return false;
	json_integer_set(b, json_integer_value(a) + json_integer_value(b));
	return true;
}

static const char *const columns[] = {"n", "text", "sub.names", NULL};

static inline uint64_t publish(uint8_t owner, uint64_t subject, uint32_t seqn, bool mergeable,
			       json_t *data)
{
	struct cst_journal_key k = {.owner = owner,
				    .mergeable = mergeable,
				    .subject = subject,
				    .rule = 1,
				    .seqn = seqn};
	uint64_t number = cst_event_next();

	cst_journal_publish(&used, &k, data);
	return number;
}

static inline uint64_t use(uint64_t subject, uint32_t seqn, int n)
{
	return publish(0, subject, seqn, true, json_pack("{s:i}", "n", n));
}

static inline json_t *large(int n)
{
	char text[4001];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	return json_pack("{s:i, s:s}", "n", n, "text", text);
}

static inline json_t *call(const char *method, json_t *params, int code)
{
	json_t *js = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method", method,
			       "params", params != NULL ? params : json_object()),
	       *result;
	char *line = json_dumps(js, 0), *reply = cst_rpc_serve(line, strlen(line), true);

	json_decref(js);
	js = json_loads(reply, 0, NULL);
	if (json_integer_value(json_object_get(json_object_get(js, "error"), "code")) != code)
		fail_msg("%s: %s", line, reply);
	result = json_incref(json_object_get(js, code != 0 ? "error" : "result"));
	json_decref(js);
	free(line);
	free(reply);
	return result;
}

static inline int64_t ack(json_t *params)
{
	json_t *r = call("journal.ack", params, 0);
	int64_t n = json_integer_value(json_object_get(r, "acknowledged"));

	json_decref(r);
	return n;
}

/* "subject:n" of the journal's entries in order. */
static inline void holds(const char *want)
{
	json_t *r = call("journal.list", NULL, 0), *items = json_object_get(r, "items"), *v;
	char got[1000] = "";
	uint64_t last = 0, seq;
	size_t i;

	json_array_foreach (items, i, v) {
		seq = (uint64_t)json_integer_value(json_object_get(v, "seq"));
		assert_true(seq > last);
		assert_non_null(json_string_value(json_object_get(v, "time")));
		last = seq;
		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%lld", i > 0 ? " " : "",
			 (long long)json_integer_value(
				 json_object_get(json_object_get(v, "data"), "n")));
	}
	assert_string_equal(got, want);
	json_decref(r);
}

static inline struct cst_journal_info info(int owner)
{
	struct cst_journal_info in;

	cst_journal_info(owner, &in);
	return in;
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

static inline int run(const struct CMUnitTest *tests, size_t n)
{
	cst_log_set_level(CST_LOG_ERR);
	cst_journal_set_merge(&used, sum);
	cst_journal_set_columns(&used, columns);
	return _cmocka_run_group_tests("journal", tests, n, NULL, NULL);
}
