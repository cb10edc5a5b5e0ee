/* SPDX-License-Identifier: BSD-3-Clause */
/* Starts over a file and a store: lans are put anew each time, calls outlive coastd themselves. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "file_test.h"
#include "now.h"
#include "store.h"

/* ---- a disk that may be full ------------------------------------------------------------ */

static bool full;
static unsigned n_refused;

int __real_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e)
{
	if (!full || cst_store_mark() == 0)
		return __real_cst_store_write(e);
	n_refused++;
	cst_store_rewind(0);
	return cst_err(e, -ENOSPC, NULL, "no room");
}

/* ---- lan: a name and a number; call: a number that is chosen, and an address of its own -- */

struct thing {
	uint64_t has;
	const char *name;
	uint32_t id, n;
};

#define MANY 5000

static struct row {
	char name[16];
	uint32_t id, n;
} lans[MANY], calls[16];
static unsigned n_lans, n_calls, n_puts;

static struct cst_party party = {.name = "world"};

static int lan_at(const char *name)
{
	unsigned i = strtoul(name + 1, NULL, 10); /* in tests of many it is where it is */

	if (i < n_lans && strcmp(lans[i].name, name) == 0)
		return (int)i;
	for (i = 0; i < n_lans && n_lans < 100; i++)
		if (strcmp(lans[i].name, name) == 0)
			return (int)i;
	return -1;
}

static int lan_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct thing *l = obj;
	int i = lan_at(l->name);

	if (i < 0)
		i = (int)n_lans++;
	snprintf(lans[i].name, sizeof(lans[i].name), "%s", l->name);
	lans[i].n = l->n;
	n_puts++;
	return 0;
}

static int lan_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	int i = lan_at(((const struct thing *)key)->name);

	if (i < 0)
		return cst_err(e, -ENOENT, "name", "no such lan");
	lans[i] = lans[--n_lans];
	return 0;
}

static const struct cst_object lan_object, call_object;

static int lan_get(const void *key, json_t **out, struct cst_err *e)
{
	int i = lan_at(((const struct thing *)key)->name);
	struct thing l;

	if (i < 0)
		return cst_err(e, -ENOENT, "name", "no such lan");
	l = (struct thing){.has = 3, .name = lans[i].name, .n = lans[i].n};
	*out = cst_encode(&lan_object, &l);
	return 0;
}

static struct row *call_of(uint32_t id)
{
	for (unsigned i = 0; i < n_calls; i++)
		if (calls[i].id == id)
			return &calls[i];
	return NULL;
}

static int call_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	struct thing *c = (struct thing *)obj;

	for (unsigned i = 0; i < n_calls; i++)
		if (calls[i].n == c->n && (!cst_has(c, 0) || calls[i].id != c->id))
			return cst_err(e, -EEXIST, "n", "belongs to call %u", calls[i].id);
	while (!cst_has(c, 0) && call_of(++c->id) != NULL)
		;
	while (call_of(c->id) != NULL)
		c->id++;
	c->has |= 1;
	calls[n_calls++] = (struct row){.id = c->id, .n = c->n};
	n_puts++;
	return 0;
}

static int call_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	struct row *r = call_of(((const struct thing *)key)->id);

	if (r == NULL)
		return cst_err(e, -ENOENT, "id", "no such call");
	*r = calls[--n_calls];
	return 0;
}

static int call_get(const void *key, json_t **out, struct cst_err *e)
{
	const struct row *r = call_of(((const struct thing *)key)->id);
	struct thing c;

	if (r == NULL)
		return cst_err(e, -ENOENT, "id", "no such call");
	c = (struct thing){.has = 3, .id = r->id, .n = r->n};
	*out = cst_encode(&call_object, &c);
	return 0;
}

static const struct cst_field lan_fields[] = {
	CST_F_STR(struct thing, name, 1, 15, CST_F_KEY, NULL, "name"),
	CST_F_UINT(struct thing, n, 0, 0, NULL, 0, "1", "number"),
};
static const struct cst_object lan_object = CST_OBJECT("lan", struct thing, lan_fields, "a LAN");
static struct cst_class lan_class = {.object = &lan_object,
				     .plural = "lans",
				     .order = 10,
				     .party = &party,
				     .put = lan_put,
				     .del = lan_del,
				     .get = lan_get,
				     .config = true};
CST_CLASS(lan_class);

static const struct cst_field call_fields[] = {
	CST_F_UINT(struct thing, id, 1, 999, NULL, CST_F_KEY | CST_F_AUTO, NULL, "number"),
	CST_F_UINT(struct thing, n, 0, 0, NULL, CST_F_REQUIRED, NULL, "address"),
};
static const struct cst_object call_object =
	CST_OBJECT("call", struct thing, call_fields, "a call");
static struct cst_class call_class = {.object = &call_object,
				      .plural = "calls",
				      .order = 20,
				      .party = &party,
				      .put = call_put,
				      .del = call_del,
				      .get = call_get,
				      .late = true};
CST_CLASS(call_class);

/* ---- lives of coastd -------------------------------------------------------------------- */

static char dir[48];

/* What a new process does not know any more. */
static void end_life(void)
{
	struct thing t = {.has = 1};
	char name[16];

	for (unsigned i = 0; i < n_lans; i++) {
		t.name = lans[i].name;
		cst_origin_forget(&lan_class, &t);
	}
	for (t.name = name, name[1] = '\0', name[0] = 'a'; name[0] < 'e'; name[0]++)
		cst_origin_forget(&lan_class, &t);
	for (t.id = 1; t.id < 20; t.id++)
		cst_origin_forget(&call_class, &t);
	cst_store_close();
	n_lans = n_puts = n_refused = 0;
}

/* What is said against it. */
static int start(const char *file)
{
	struct cst_err e;
	int errors;

	put_file(file);
	told[0] = '\0';
	end_life();
	if (cst_store_open(dir, &e) < 0)
		fail_msg("%s", e.reason);
	errors = cst_config_start(path, false, report);
	return errors > 0 ? errors : cst_config_start(path, true, report);
}

static void life(const char *file)
{
	if (start(file) > 0)
		fail_msg("%s", told);
}

static int setup(void **state)
{
	struct cst_system sys;
	struct cst_err e;

	assert_int_equal(cst_system_load(NULL, &sys, &e), 0);
	snprintf(dir, sizeof(dir), "/tmp/coast-start-test.%d", (int)getpid());
	snprintf(path, sizeof(path), "%s.yaml", dir);
	n_calls = 0;
	return 0;
}

static int remove_one(const char *name, const struct stat *st, int flag, struct FTW *ftw)
{
	return remove(name);
}

static int teardown(void **state)
{
	full = false;
	end_life();
	unlink(path);
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* ---- cases ------------------------------------------------------------------------------ */

#define LANS "lans: [{name: a, n: 1}, {name: b, n: 2}]\n"

static uint32_t lan(const char *name)
{
	int i = lan_at(name);

	return i < 0 ? 0 : lans[i].n;
}

static void test_socket_counts(void **state)
{
	life(LANS);
	by_socket(&lan_class, CST_OP_PUT, "[{\"name\":\"a\",\"n\":7},{\"name\":\"c\",\"n\":3}]");
	life(LANS);
	assert_int_equal(lan("a"), 7);
	assert_int_equal(lan("b"), 2);
	assert_int_equal(lan("c"), 3);
	life("lans: [{name: a, n: 5}]\n");
	assert_int_equal(lan("a"), 5);
	assert_int_equal(lan("b"), 0);
	assert_int_equal(lan("c"), 3);
}

/* Calls without an id are known again, also two that are written alike but for the address. */
static void test_chosen_keys(void **state)
{
	life("calls: [{n: 1}, {n: 2}]\n");
	assert_int_equal(n_calls, 2);
	for (int i = 0; i < 3; i++) {
		life("calls: [{n: 2}, {n: 1}]\n");
		assert_int_equal(n_calls, 2);
		assert_int_equal(n_puts, 0);
	}
	n_calls = 1; /* one is lost: it comes back with its id */
	life("calls: [{n: 1}, {n: 2}]\n");
	assert_int_equal(n_calls, 2);
	assert_int_equal(n_puts, 1);
	assert_int_equal(call_of(2)->n, 2);
	life("calls: [{id: 2, n: 2}]\n");
	assert_int_equal(call_of(1)->n, 1); /* it stays until it is deleted */
}

/* What the socket has deleted the file does not bring back until it says something else. */
static void test_deleted(void **state)
{
	static const char file[] = LANS "calls: [{n: 1}, {id: 4, n: 4}]\n";

	life(file);
	by_socket(&lan_class, CST_OP_DELETE, "{\"name\":\"b\"}");
	by_socket(&call_class, CST_OP_DELETE, "[{\"id\":1},{\"id\":4}]");
	for (int i = 0; i < 2; i++) {
		life(file);
		assert_int_equal(lan("a"), 1);
		assert_int_equal(lan("b"), 0);
		assert_int_equal(n_calls, 0);
	}
	by_socket(&lan_class, CST_OP_PUT, "{\"name\":\"b\",\"n\":9}");
	by_socket(&call_class, CST_OP_PUT, "{\"id\":4,\"n\":9}");
	life(file);
	assert_int_equal(lan("b"), 9);
	assert_int_equal(n_calls, 1);
	assert_int_equal(call_of(4)->n, 9);
	by_socket(&lan_class, CST_OP_DELETE, "{\"name\":\"b\"}");
	by_socket(&call_class, CST_OP_DELETE, "[4]");
	life(file);
	assert_int_equal(lan("b"), 0);
	assert_int_equal(n_calls, 0);
	life("lans: [{name: b, n: 3}]\ncalls: [{id: 4, n: 5}]\n");
	assert_int_equal(lan("b"), 3);
	assert_int_equal(call_of(4)->n, 5);
}

/* A file with a slip in it is not begun with; one that is mended finds all as it was. */
static void test_slip(void **state)
{
	static const char file[] = LANS "calls: [{n: 1}]\n";
	struct cst_err e;

	life(file);
	by_socket(&lan_class, CST_OP_PUT, "{\"name\":\"a\",\"n\":7}");
	by_socket(&call_class, CST_OP_DELETE, "[1]");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(start("lans: [{name: b, n: x}, {name: d, m: 1}]\n"), 2);
		assert_int_equal(cst_store_write(&e), 0); /* as others do until coastd has ended */
		life(file);
		assert_int_equal(lan("a"), 7);
		assert_int_equal(lan("b"), 2);
		assert_int_equal(n_calls, 0);
	}
}

/* The same file needs no room, and another one is gone by as well. */
static void test_full_disk(void **state)
{
	static const char file[] = LANS "calls: [{n: 1}]\n";

	life(file);
	by_socket(&lan_class, CST_OP_PUT, "{\"name\":\"a\",\"n\":7}");
	full = true;
	life(file);
	assert_int_equal(n_refused, 0);
	assert_int_equal(lan("a"), 7);
	life("lans: [{name: a, n: 1}, {name: c, n: 3}]\ncalls: [{n: 1}, {n: 2}]\n");
	assert_true(n_refused > 0);
	assert_int_equal(lan("b"), 0);
	assert_int_equal(lan("c"), 3);
	assert_int_equal(n_calls, 2);
}

static uint64_t us_of(char *text, unsigned n)
{
	size_t at = (size_t)sprintf(text, "lans:\n");
	uint64_t since;

	for (unsigned i = 0; i < n; i++)
		at += (size_t)sprintf(text + at, "- {name: x%u}\n", i);
	life(text);
	since = cst_now_us();
	life(text);
	assert_int_equal(n_lans, n);
	return cst_now_us() - since;
}

/* Ten times as many take ten times as long, not a hundred times. */
static void test_many(void **state)
{
	static char text[32 * MANY];
	uint64_t few = us_of(text, MANY / 10), many = us_of(text, MANY);

	assert_true(many < 50 * few);
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_socket_counts), T(test_chosen_keys), T(test_deleted),
		T(test_slip),          T(test_full_disk),   T(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
