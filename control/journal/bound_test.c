/* SPDX-License-Identifier: BSD-3-Clause */
/* Merging, the bounds, and a store that takes nothing. */
#include "journal/journal_test.h"

/* ---- merging ------------------------------------------------------------------------- */

/* So small a bound that all may be merged. */
static void merge_rest(void)
{
	uint64_t bound = journal.bound;

	journal.bound = jnl_total.bytes;
	jnl_merge();
	journal.bound = bound;
}

/* As if nobody had seen any. */
static void merge_all(void)
{
	journal.shown = 0;
	merge_rest();
}

static void test_merge(void **state)
{
	cst_modules_tick(0);
	use(1, 0, 1);
	use(2, 0, 100);
	use(1, 1, 2);
	use(1, 2, 4);
	publish(0, 1, 3, false, json_pack("{s:i}", "n", 8)); /* a quota's end */
	use(1, 4, 16);
	use(2, 1, 200);
	use(1, 5, 32);
	publish(0, 1, 6, true, json_pack("{s:i, s:b}", "n", 64, "alone", 1)); /* refused */
	publish(4, 1, 7, true, json_pack("{s:i}", "n", 128));                 /* of another owner */
	jnl_merge();
	assert_int_equal(info(-1).merged, 0); /* far from the bound */
	merge_all();
	assert_int_equal(info(-1).merged, 4);
	holds("7 8 300 48 64 128");
	/* what comes later goes on from there, also after a restart */
	publish(4, 1, 8, true, json_pack("{s:i}", "n", 256));
	restart();
	holds("7 8 300 48 64 128 256");
	merge_all();
	holds("7 8 300 48 64 384");
	assert_int_equal(cst_journal_next_seqn(1, 1), 9);
	assert_int_equal(cst_journal_next_seqn(2, 1), 2);
	(void)state;
}

/* What is read page by page holds no usage twice, whatever is merged in between. */
static void test_merge_of_shown(void **state)
{
	json_t *r;
	json_int_t cursor;

	for (unsigned i = 0; i < 4; i++)
		use(1, i, 1 << i);
	r = call("journal.export", json_pack("{s:i, s:s}", "limit", 2, "format", "csv"), 0);
	cursor = json_integer_value(json_object_get(r, "cursor"));
	json_decref(r);
	merge_rest();
	r = call("journal.export", json_pack("{s:I, s:s}", "cursor", cursor, "format", "csv"), 0);
	assert_int_equal(json_array_size(json_object_get(r, "items")), 1);
	json_decref(r);
	holds("1 2 12");
	use(1, 4, 16);
	use(1, 5, 32);
	merge_rest();
	holds("1 2 12 48");
	(void)state;
}

static void test_merge_fails(void **state)
{
	use(1, 0, 1);
	use(1, 1, 2);
	full = true;
	merge_all();
	full = false;
	holds("1 2");
	is_open = false; /* in memory it is the same */
	teardown(NULL);
	snprintf(dir, sizeof(dir), "/tmp/coast-journal-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	start();
	use(1, 0, 1);
	use(1, 1, 2);
	merge_all();
	holds("3");
	(void)state;
}

/* ---- bounds -------------------------------------------------------------------------- */

static FILE *exported(void)
{
	DIR *d = opendir(dir);
	struct dirent *f;
	char path[400];
	FILE *file = NULL;

	while ((f = readdir(d)) != NULL)
		if (strncmp(f->d_name, "export-", 7) == 0) {
			snprintf(path, sizeof(path), "%s/%s", dir, f->d_name);
			assert_null(file);
			file = fopen(path, "r");
		}
	closedir(d);
	return file;
}

/* Lines of the export; each is an event, with rising numbers. Sum of `n`. */
static unsigned exported_lines(int64_t *total)
{
	FILE *f = exported();
	char line[8192];
	unsigned n = 0;
	json_t *js;

	*total = 0;
	for (; f != NULL && fgets(line, sizeof(line), f) != NULL; n++) {
		js = json_loads(line, 0, NULL);
		assert_non_null(js);
		*total += json_integer_value(json_object_get(json_object_get(js, "data"), "n"));
		json_decref(js);
	}
	if (f != NULL)
		fclose(f);
	return n;
}

static void test_bytes(void **state)
{
	int64_t out, in = 0;
	unsigned lines;
	size_t i;

	sys.journal_mb = 1;
	restart();
	for (unsigned k = 0; k < 600; k++) {
		publish(0, k, 0, false, large((int)k));
		assert_true(info(-1).bytes <= 1 << 20);
	}
	lines = exported_lines(&out);
	assert_true(lines > 300);
	assert_int_equal(info(-1).exported, lines);
	assert_int_equal(info(-1).entries, 600 - lines);
	assert_int_equal(info(-1).lost, 0);
	for (i = jnl_first(); i < jnl_n(); i++)
		in += (int64_t)jnl_at(i)->rule->subject;
	assert_int_equal(out + in, 600 * 599 / 2);
	assert_int_equal(cst_journal_next_seqn(0, 1), 1); /* it was exported, not forgotten */
	restart();
	assert_int_equal(info(-1).entries, 600 - lines);
	assert_int_equal(cst_journal_next_seqn(0, 1), 1);
	(void)state;
}

static void test_export_fails(void **state)
{
	int64_t total;
	unsigned lines;

	sys.journal_mb = 1;
	restart();
	rmdir(dir);
	for (unsigned k = 0; k < 300; k++)
		publish(0, k, 0, false, large(1));
	assert_int_equal(info(-1).entries, 300); /* rather beyond the bound than lost */
	assert_string_not_equal(journal.export_error, "");
	assert_int_equal(mkdir(dir, 0700), 0);
	journal.next_export = 0;
	cst_modules_tick(0);
	assert_true(info(-1).entries < 300);
	assert_string_equal(journal.export_error, "");
	assert_int_equal(exported_lines(&total) + info(-1).entries, 300);
	/* on disk, but the journal cannot let go of them: as if they had not been written */
	full = true;
	journal.bound /= 2;
	lines = exported_lines(&total);
	jnl_bound();
	full = false;
	assert_int_equal(exported_lines(&total), lines);
	(void)state;
}

static void test_age(void **state)
{
	int64_t out;

	use(1, 0, 1);
	use(1, 1, 2);
	use(2, 0, 4);
	jnl_at(0)->since -= 169ll * 3600 * 1000;
	jnl_at(2)->since -= 169ll * 3600 * 1000;
	assert_true(info(-1).oldest_ms > 168ull * 3600 * 1000);
	restart(); /* the age is that of the publication */
	holds("1 2 4");
	jnl_at(0)->since -= 169ll * 3600 * 1000;
	jnl_at(2)->since -= 169ll * 3600 * 1000;
	journal.next_age = 0;
	jnl_bound();
	assert_int_equal(exported_lines(&out), 2);
	assert_int_equal(out, 5);
	holds("2");
	(void)state;
}

static void test_memory_only(void **state)
{
	int64_t out;

	teardown(NULL);
	is_open = false;
	sys.journal_mb = 1;
	start();
	for (unsigned k = 0; k < 300; k++)
		publish(0, k, 0, false, large(1));
	assert_true(info(-1).bytes <= 1 << 20);
	assert_int_equal(info(-1).lost + info(-1).entries, 300);
	assert_int_equal(info(-1).exported, 0);
	assert_int_equal(ack(json_pack("{s:I}", "through", (json_int_t)info(-1).last_number)),
			 300 - (int64_t)info(-1).lost);
	snprintf(dir, sizeof(dir), "/tmp/coast-journal-test.XXXXXX");
	assert_non_null(mkdtemp(dir));
	assert_int_equal(exported_lines(&out), 0);
	(void)state;
}

/* ---- a store that fails ---------------------------------------------------------------- */

static void test_full(void **state)
{
	json_t *r;

	use(1, 0, 1);
	full = true;
	use(1, 1, 2);
	use(1, 2, 4);
	holds("1 2 4");
	assert_int_equal(info(-1).pending, 2);
	r = call("journal.show", NULL, 0);
	assert_string_equal(json_string_value(json_object_get(r, "error")), "no space left");
	json_decref(r);
	r = call("event.list", NULL, 0); /* published all the same */
	assert_int_equal(json_array_size(json_object_get(r, "items")), 3);
	json_decref(r);
	json_decref(call("journal.ack",
			 json_pack("{s:I}", "through", (json_int_t)jnl_at(0)->number), ENOSPC));
	cst_modules_tick(0);
	assert_int_equal(info(-1).pending, 2);
	full = false;
	cst_modules_tick(0);
	assert_int_equal(info(-1).pending, 0);
	assert_string_equal(journal.store_error, "");
	restart();
	holds("1 2 4");
	/* one that the store never had can be acknowledged */
	full = true;
	use(1, 3, 8);
	use(2, 0, 16);
	full = false;
	ack(json_pack("{s:[I]}", "numbers", (json_int_t)jnl_at(3)->number));
	assert_int_equal(info(-1).pending, 1);
	cst_modules_tick(0);
	restart();
	holds("1 2 4 16");
	assert_int_equal(cst_journal_next_seqn(1, 1), 4);
	(void)state;
}

/* Neither kept nor published, and no UR-SEQN is spent by it. */
static void test_may_wait(void **state)
{
	struct cst_journal_key k = {.subject = 7, .rule = 1, .seqn = 5, .may_wait = true};

	full = true;
	assert_int_equal(cst_journal_publish(&used, &k, json_pack("{s:i}", "n", 1)), -EIO);
	assert_int_equal(cst_journal_next_seqn(7, 1), 0);
	use(7, 5, 1);
	k.seqn = 6;
	full = false; /* it has only just failed */
	assert_int_equal(cst_journal_publish(&used, &k, json_pack("{s:i}", "n", 2)), -EIO);
	assert_int_equal(info(-1).entries, 1);
	cst_modules_tick(0);
	full = true;
	assert_int_equal(cst_journal_publish(&used, &k, json_pack("{s:i}", "n", 4)), -EIO);
	assert_int_equal(cst_journal_next_seqn(7, 1), 6);
	assert_int_equal(info(-1).pending, 0);
	full = false;
	cst_store_put(CST_DB_SESSION, "s", 1, "v", 1); /* with a change: as it goes */
	assert_int_equal(cst_journal_publish(&used, &k, json_pack("{s:i}", "n", 8)), 0);
	assert_int_equal(cst_store_write(NULL), 0);
	cst_modules_tick(0);
	restart();
	holds("1 8");
	assert_int_equal(cst_journal_next_seqn(7, 1), 7);
	(void)state;
}

/* A final report is written with the end of its session, never before it. */
static void test_within_a_change(void **state)
{
	unsigned before;

	use(1, 0, 1);
	before = writes;
	cst_store_put(CST_DB_SESSION, "s", 1, "v", 1);
	use(1, 1, 2);
	use(1, 2, 4);
	assert_int_equal(writes, before);
	assert_int_equal(info(-1).pending, 2);
	holds("1 2 4");
	assert_int_equal(cst_store_write(NULL), 0);
	cst_modules_tick(0);
	assert_int_equal(writes, before + 1);
	assert_int_equal(info(-1).pending, 0);
	restart();
	holds("1 2 4");
	/* acknowledged before the journal has seen that it is in the store */
	cst_store_put(CST_DB_SESSION, "s", 1, "v", 1);
	use(1, 3, 8);
	assert_int_equal(cst_store_write(NULL), 0);
	ack(json_pack("{s:[I]}", "numbers", (json_int_t)info(-1).last_number));
	restart();
	holds("1 2 4");
	/* the change failed, the event was seen all the same */
	cst_store_put(CST_DB_SESSION, "s", 1, "v", 1);
	use(1, 4, 16);
	full = true;
	assert_int_equal(cst_store_write(NULL), -ENOSPC);
	full = false;
	cst_modules_tick(0);
	assert_int_equal(info(-1).pending, 0);
	restart();
	holds("1 2 4 16");
	(void)state;
}

/* The bound waits for the change: what an export removes is written apart from it. */
static void test_bound_within_a_change(void **state)
{
	unsigned before;

	sys.journal_mb = 1;
	restart();
	while (info(-1).bytes + 5000 < 1 << 20)
		publish(0, 1, (uint32_t)info(-1).entries, false, large(1));
	before = writes;
	cst_store_put(CST_DB_SESSION, "s", 1, "v", 1);
	publish(0, 2, 0, false, large(1));
	publish(0, 2, 1, false, large(1));
	assert_true(info(-1).bytes > 1 << 20);
	assert_int_equal(writes, before);
	assert_int_equal(cst_store_write(NULL), 0);
	cst_modules_tick(0);
	assert_true(info(-1).bytes <= 1 << 20 && info(-1).exported > 0);
	assert_int_equal(info(-1).lost, 0);
	(void)state;
}

static void test_full_for_long(void **state)
{
	sys.journal_mb = 1;
	restart();
	full = true;
	rmdir(dir);
	for (unsigned k = 0; k < 600; k++)
		publish(0, k, 0, false, large(1));
	assert_true(info(-1).bytes <= 1 << 20);
	assert_int_equal(info(-1).lost + info(-1).entries, 600);
	full = false;
	assert_int_equal(mkdir(dir, 0700), 0);
	cst_modules_tick(0);
	assert_int_equal(info(-1).pending, 0);
	(void)state;
}

static void test_many(void **state)
{
	for (unsigned i = 0; i < 5000; i++)
		use(i % 50, i / 50, 1);
	assert_int_equal(writes > 5000, true);
	ack(json_pack("{s:I}", "through", (json_int_t)jnl_at(3999)->number));
	assert_true(jnl_n() < 2500); /* the dead are gone */
	assert_int_equal(info(-1).entries, 1000);
	for (unsigned ticks = 0; ticks < 200 && info(-1).entries > 50; ticks++)
		merge_all();
	assert_int_equal(info(-1).entries, 50);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_merge),
		TEST(test_merge_of_shown),
		TEST(test_merge_fails),
		TEST(test_bytes),
		TEST(test_age),
		TEST(test_export_fails),
		TEST(test_memory_only),
		TEST(test_full),
		TEST(test_may_wait),
		TEST(test_full_for_long),
		TEST(test_within_a_change),
		TEST(test_bound_within_a_change),
		TEST(test_many),
	};

	return run(tests, sizeof(tests) / sizeof(*tests));
}
