/* SPDX-License-Identifier: BSD-3-Clause */
#include "party_test.h"

#include "config.h"

static struct cst_err err;

static int run(const struct cst_class *c, enum cst_op op, const char *text, json_t **reply)
{
	json_error_t why;
	json_t *js = json_loads(text, 0, &why);
	int ret;

	assert_non_null(js);
	ret = cst_txn_run(c, op, js, reply, &err);
	json_decref(js);
	return ret;
}

static void test_commit(void **state)
{
	json_t *reply;

	assert_int_equal(run(&lan_class, CST_OP_PUT,
			     "[{\"name\":\"x\",\"vlan\":7},{\"name\":\"y\",\"vlan\":8}]", &reply),
			 0);
	assert_string_equal(calls, "a:begin a:compile a:commit ");
	assert_int_equal(n_lans, 2);
	assert_int_equal(json_array_size(reply), 2);
	assert_string_equal(json_string_value(json_object_get(json_array_get(reply, 0), "name")),
			    "x");
	assert_int_equal(json_object_size(json_array_get(reply, 1)), 0);
	assert_false(last_startup || last_check_only || a_party.open);
	json_decref(reply);
}

static void test_single(void **state)
{
	assert_int_equal(run(&lan_class, CST_OP_PUT, "{\"name\":\"x\",\"vlan\":1}", NULL), 0);
	assert_int_equal(run(&lan_class, CST_OP_PUT, "{\"name\":\"x\",\"vlan\":0}", NULL), -22);
	assert_string_equal(err.field, "vlan");
	assert_int_equal(run(&lan_class, CST_OP_PUT, "[{\"name\":\"x\",\"vlan\":0}]", NULL), -22);
	assert_string_equal(err.field, "vlan");
	assert_int_equal(run(&lan_class, CST_OP_PUT, "[]", NULL), -22);
	assert_int_equal(n_lans, 1);
}

static void test_plan_fails(void **state)
{
	/* the last of three: nothing of the first two stays */
	assert_int_equal(run(&lan_class, CST_OP_PUT,
			     "[{\"name\":\"x\",\"vlan\":7},{\"name\":\"y\",\"vlan\":8},"
			     "{\"name\":\"z\",\"vlan\":13}]",
			     NULL),
			 -22);
	assert_string_equal(err.field, "[2].vlan");
	assert_string_equal(calls, "a:begin a:abort ");
	assert_int_equal(n_lans, 0);
}

static void test_decode_fails(void **state)
{
	assert_int_equal(
		run(&lan_class, CST_OP_PUT, "[{\"name\":\"x\",\"vlan\":7},{\"name\":\"y\"}]", NULL),
		-22);
	assert_string_equal(err.field, "[1].vlan");
	assert_string_equal(calls, "a:begin a:abort ");
}

static void test_begin_and_compile_fail(void **state)
{
	fail_at = "a:begin";
	assert_int_equal(run(&lan_class, CST_OP_PUT, "{\"name\":\"x\",\"vlan\":7}", NULL), -5);
	assert_string_equal(calls, "a:begin "); /* what never began is not aborted */
	reset(NULL);
	fail_at = "a:compile";
	assert_int_equal(run(&lan_class, CST_OP_PUT, "{\"name\":\"x\",\"vlan\":7}", NULL), -5);
	assert_string_equal(err.reason, "a:compile failed");
	assert_string_equal(calls, "a:begin a:compile a:abort ");
	assert_int_equal(n_lans, 0);
	assert_false(a_party.open);
}

/* ---- a store that does not take it ------------------------------------------------- */

static bool full;

int __real_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e)
{
	if (!full)
		return __real_cst_store_write(e);
	called("persist", NULL);
	return cst_err(e, -28, NULL, "disk full");
}

static void test_persist_fails(void **state)
{
	full = true;
	assert_int_equal(run(&lan_class, CST_OP_PUT, "{\"name\":\"x\",\"vlan\":7}", NULL), -28);
	full = false;
	assert_string_equal(err.reason, "disk full");
	assert_string_equal(calls, "a:begin a:compile persist a:abort ");
	assert_int_equal(n_lans, 0);
}

static void test_operations(void **state)
{
	assert_int_equal(run(&lan_class, CST_OP_MODIFY, "{\"name\":\"x\",\"vlan\":7}", NULL), -95);
	assert_string_equal(err.reason, "lan has no modify: delete it and put it anew");
	assert_int_equal(run(&host_class, CST_OP_DELETE, "{\"address\":\"::1\"}", NULL), -95);
	assert_int_equal(run(&lan_class, CST_OP_DELETE, "{\"name\":\"x\",\"vlan\":7}", NULL), -22);
	assert_string_equal(err.field, "vlan");
	assert_string_equal(calls, "");
	assert_int_equal(run(&lan_class, CST_OP_DELETE, "{\"name\":\"x\"}", NULL), -2);
	assert_string_equal(calls, "a:begin a:abort ");
	reset(NULL);
	assert_int_equal(
		run(&host_class, CST_OP_MODIFY, "{\"address\":\"::1\",\"ports\":[1]}", NULL), 0);
	assert_string_equal(calls, "b:begin b:modify b:compile b:commit ");
}

static void test_registry(void **state)
{
	assert_string_equal(cst_class_first()->object->name, "system");
	assert_ptr_equal(cst_class_first()->next, &lan_class);
	assert_ptr_equal(lan_class.next, &host_class);
	assert_ptr_equal(cst_class_by_name("host"), &host_class);
	assert_ptr_equal(cst_class_by_plural("hosts"), &host_class);
	assert_null(cst_class_by_name("hosts"));
}

static void test_dump(void **state)
{
	struct cst_system sys;
	json_t *js, *want = json_pack("[{s:s,s:i},{s:s,s:i}]", "name", "one", "vlan", 1, "name",
				      "two", "vlan", 1);

	assert_int_equal(cst_system_load(NULL, &sys, &err), 0);
	js = cst_config_dump(&err);
	assert_true(json_equal(json_object_get(js, "lans"), want));
	assert_true(json_is_object(json_object_get(js, "system")));
	assert_null(json_object_get(js, "hosts"));
	json_decref(js);
	json_decref(want);

	endless = true;
	assert_null(cst_config_dump(&err));
	assert_string_equal(err.reason, "more than 65536: use lan.list");
	endless = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_commit, reset),
		cmocka_unit_test_setup(test_single, reset),
		cmocka_unit_test_setup(test_plan_fails, reset),
		cmocka_unit_test_setup(test_decode_fails, reset),
		cmocka_unit_test_setup(test_begin_and_compile_fail, reset),
		cmocka_unit_test_setup(test_persist_fails, reset),
		cmocka_unit_test_setup(test_operations, reset),
		cmocka_unit_test_setup(test_registry, reset),
		cmocka_unit_test_setup(test_dump, reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
