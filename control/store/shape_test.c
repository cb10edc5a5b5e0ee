/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects that were packed with an older table come out by the present one. */
#include <errno.h>

#include "object.h"
#include "store/store_test.h"

/* ---- as it was ---------------------------------------------------------------------- */

static const char *const old_colours[] = {"red", "green", NULL};
static const char *const old_marks[] = {"fast", "slow", NULL};

struct old_end {
	uint64_t has;
	uint16_t port;
	const char *label;
};
static const struct cst_field old_end_fields[] = {
	CST_F_UINT(struct old_end, port, 1, 0, NULL, CST_F_REQUIRED, NULL, "port"),
	CST_F_STR(struct old_end, label, 0, 20, 0, NULL, "label"),
};
static const struct cst_object old_end_object =
	CST_OBJECT("end", struct old_end, old_end_fields, "an end");

struct old_line {
	uint64_t has;
	const char *name;
	uint8_t colour;
	uint32_t marks;
	uint32_t speed;
	uint8_t gone;
	struct cst_ip ip;
	struct cst_prefix prefix;
	uint64_t big;
	struct old_end end;
	struct cst_list ends, numbers;
};
static const struct cst_field old_fields[] = {
	CST_F_STR(struct old_line, name, 1, 15, CST_F_KEY, NULL, "name"),
	CST_F_ENUM(struct old_line, colour, old_colours, 0, "red", "colour"),
	CST_F_FLAGS(struct old_line, marks, old_marks, 0, NULL, "marks"),
	CST_F_UINT(struct old_line, speed, 1, 1000, "Mbit/s", 0, NULL, "speed"),
	CST_F_UINT(struct old_line, gone, 0, 0, NULL, 0, NULL, "no longer there"),
	CST_F_IP(struct old_line, ip, CST_T_IP, 0, "address"),
	CST_F_IP(struct old_line, prefix, CST_T_PREFIX, 0, "prefix"),
	CST_F_UINT(struct old_line, big, 0, 0, NULL, 0, NULL, "large"),
	CST_F_OBJ(struct old_line, end, &old_end_object, 0, "one end"),
	CST_F_LIST(struct old_line, ends, CST_T_OBJ, struct old_end, 8, 0, "ends",
		   .sub = &old_end_object),
	CST_F_LIST(struct old_line, numbers, CST_T_UINT, uint16_t, 8, 0, "numbers"),
};
static const struct cst_object old_object =
	CST_OBJECT("line", struct old_line, old_fields, "a line");

/* ---- as it is: other order, wider members, more names, new and gone fields ------------ */

static const char *const new_colours[] = {"blue", "green", "red", NULL};
static const char *const new_marks[] = {"long", "slow", "fast", NULL};

struct new_end {
	uint64_t has;
	bool up;
	uint32_t port;
};
static const struct cst_field new_end_fields[] = {
	CST_F_BOOL(struct new_end, up, 0, "true", "new, with a default"),
	CST_F_UINT(struct new_end, port, 1, 0, NULL, CST_F_REQUIRED | CST_F_HEX, NULL, "port"),
};
static const struct cst_object new_end_object =
	CST_OBJECT("end", struct new_end, new_end_fields, "an end");

struct new_line {
	uint64_t has;
	struct cst_list ends, numbers;
	struct new_end end;
	uint64_t speed, big;
	const char *note;
	struct cst_prefix prefix;
	struct cst_ip ip;
	uint32_t marks, fresh;
	uint8_t colour;
	const char *name;
};
enum { N_ENDS, N_NUMBERS, N_END, N_SPEED, N_BIG, N_NOTE, N_PREFIX, N_IP, N_MARKS, N_FRESH };
static const struct cst_field new_fields[] = {
	CST_F_LIST(struct new_line, ends, CST_T_OBJ, struct new_end, 8, 0, "ends",
		   .sub = &new_end_object),
	CST_F_LIST(struct new_line, numbers, CST_T_UINT, uint64_t, 9, 0, "numbers"),
	CST_F_OBJ(struct new_line, end, &new_end_object, 0, "one end"),
	CST_F_UINT(struct new_line, speed, 1, 100000, "Mbit/s", 0, "10", "speed"),
	CST_F_UINT(struct new_line, big, 0, 0, NULL, 0, NULL, "large"),
	CST_F_STR(struct new_line, note, 0, 20, 0, NULL, "new, without a default"),
	CST_F_IP(struct new_line, prefix, CST_T_PREFIX, 0, "prefix"),
	CST_F_IP(struct new_line, ip, CST_T_IP, 0, "address"),
	CST_F_FLAGS(struct new_line, marks, new_marks, 0, NULL, "marks"),
	CST_F_UINT(struct new_line, fresh, 0, 0, NULL, 0, "7", "new, with a default"),
	CST_F_ENUM(struct new_line, colour, new_colours, 0, "blue", "colour"),
	CST_F_STR(struct new_line, name, 1, 31, CST_F_KEY, NULL, "name"),
};
static const struct cst_object new_object =
	CST_OBJECT("line", struct new_line, new_fields, "a line");

static struct cst_pool *pool;

static size_t pack_old(uint8_t *buf, size_t cap)
{
	json_t *js = json_loads("{\"name\":\"a\",\"colour\":\"green\",\"marks\":[\"fast\"],"
				"\"speed\":100,\"gone\":3,\"ip\":\"2001:db8::1\","
				"\"prefix\":\"10.0.0.0/8\",\"big\":\"0xfedcba9876543210\","
				"\"end\":{\"port\":80,\"label\":\"x\"},"
				"\"ends\":[{\"port\":1},{\"port\":2,\"label\":\"y\"}],"
				"\"numbers\":[1,65535]}",
				0, NULL);
	struct old_line line;
	size_t n;

	assert_non_null(js);
	if (cst_decode(&old_object, js, false, pool, &line, &err) < 0)
		fail_msg("%s: %s", err.field, err.reason);
	json_decref(js);
	n = cst_pack(&old_object, &line, buf, cap);
	assert_true(n <= cap);
	return n;
}

static void assert_new(const struct new_line *l)
{
	const struct new_end *ends = l->ends.items;
	const uint64_t *numbers = l->numbers.items;

	assert_string_equal(l->name, "a");
	assert_int_equal(l->colour, 1);
	assert_int_equal(l->marks, 4);
	assert_int_equal(l->speed, 100);
	assert_int_equal(l->ip.family, 6);
	assert_int_equal(l->prefix.len, 8);
	assert_true(l->big == 0xfedcba9876543210);
	assert_int_equal(l->fresh, 7);
	assert_true(cst_has(l, N_FRESH));
	assert_false(cst_has(l, N_NOTE));
	assert_int_equal(l->end.port, 80);
	assert_true(l->end.up);
	assert_int_equal(l->ends.n, 2);
	assert_true(ends[0].port == 1 && ends[1].port == 2 && ends[1].up);
	assert_int_equal(l->numbers.n, 2);
	assert_int_equal(numbers[1], 65535);
}

static void test_numbers(void **state)
{
	uint16_t old, new;

	open_store();
	old = cst_store_shape(&old_object);
	new = cst_store_shape(&new_object);
	assert_true(old != 0 && new != 0 && old != new);
	assert_int_equal(cst_store_shape(&old_object), old);
	/* a batch that is forgotten does not take them along */
	put("a", "1");
	cst_store_rewind(0);
	put("b", "2");
	write_sync();
	cst_store_close();
	open_store();
	assert_int_equal(cst_store_shape(&new_object), new);
	assert_int_equal(cst_store_shape(&old_object), old);
	assert_false(cst_store_dirty());
}

static void test_older(void **state)
{
	struct new_line line;
	struct old_line same;
	uint8_t buf[512];
	uint16_t shape;
	size_t n;

	open_store();
	shape = cst_store_shape(&old_object);
	n = pack_old(buf, sizeof(buf));
	put("b", "2");
	write_sync();
	cst_store_close();
	open_store();
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(cst_store_unpack(shape, &new_object, buf, n, pool, &line), 0);
		assert_new(&line);
	}
	assert_int_equal(cst_store_unpack(shape, &old_object, buf, n, pool, &same), 0);
	assert_int_equal(same.gone, 3);
}

static void test_bad(void **state)
{
	struct new_line line;
	uint8_t buf[512];
	uint16_t shape;
	size_t n;

	cst_log_set_level(CST_LOG_ERR);
	open_store();
	shape = cst_store_shape(&old_object);
	n = pack_old(buf, sizeof(buf));
	assert_int_equal(cst_store_unpack(shape, &new_object, buf, n - 1, pool, &line), -EBADMSG);
	assert_int_equal(cst_store_unpack(shape + 9, &new_object, buf, n, pool, &line), -EBADMSG);
	assert_int_equal(cst_store_unpack(0, &new_object, buf, n, pool, &line), -EBADMSG);
	/* what no longer fits: a field that is required now */
	assert_int_equal(cst_store_unpack(cst_store_shape(&old_end_object), &new_object, "\1\1", 2,
					  pool, &line),
			 -EBADMSG);
}

static int setup_pool(void **state)
{
	pool = cst_pool_new();
	return pool != NULL ? setup(state) : -1;
}

static int teardown_pool(void **state)
{
	cst_pool_free(pool);
	return teardown(state);
}

/* A store that format 1 has left: it opens, also in versions to come. */
static void test_format_1(void **state)
{
	static const char *const names[] = {"one", "two", "three"};
	const void *val;
	struct new_line line;
	char cmd[512];
	size_t n;

	snprintf(cmd, sizeof(cmd), "tar -C '%s' -xJf '%s'", base, getenv("STORE_FORMAT_1"));
	assert_int_equal(system(cmd), 0);
	open_store();
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(cst_store_number("pool", names[i]), i + 1);
	assert_value("in-lmdb", "carried");
	assert_value("in-log", "not carried");
	assert_int_equal(cst_store_get(CST_DB_SESSION, "long", 4, &val, &n), 1);
	assert_int_equal(n, 10000);
	assert_int_equal(cst_store_get(CST_DB_SESSION, "line", 4, &val, &n), 1);
	assert_int_equal(cst_store_unpack(1, &new_object, val, n, pool, &line), 0);
	assert_new(&line);
}

/* Leaves such a store in `dir`, with batches in LMDB and others in the log alone. */
static int make_format(const char *where)
{
	static uint8_t buf[10000];
	size_t n;

	snprintf(dir, sizeof(dir), "%s", where);
	pool = cst_pool_new();
	open_store();
	if (cst_store_shape(&old_object) != 1)
		return 1;
	n = pack_old(buf, sizeof(buf));
	cst_store_put(CST_DB_SESSION, "line", 4, buf, n);
	cst_store_put(CST_DB_SESSION, "long", 4, buf, sizeof(buf));
	put("in-lmdb", "carried");
	cst_store_set_number("pool", "one", 1);
	cst_store_set_number("pool", "two", 2);
	write_sync();
	cst_store_close();
	open_store();
	put("in-log", "not carried");
	cst_store_set_number("pool", "three", 3);
	write_sync();
	_exit(0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup_pool, teardown_pool)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		T(test_numbers),
		T(test_older),
		T(test_bad),
		T(test_format_1),
	};

	if (argc > 1)
		return make_format(argv[1]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
