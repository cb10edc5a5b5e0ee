/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "config.h"

static struct cst_system sys;
static struct cst_err err;

static int load(const char *text)
{
	char path[64];
	FILE *f;
	int ret;

	snprintf(path, sizeof(path), "/tmp/coast-system-test.%d.yaml", (int)getpid());
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
	memset(&err, 0, sizeof(err));
	ret = cst_system_load(path, &sys, &err);
	unlink(path);
	return ret;
}

static void test_defaults(void **state)
{
	assert_int_equal(cst_system_load(NULL, &sys, &err), 0);
	assert_in_range(sys.workers, 1, CST_MAX_WORKERS);
	assert_false(sys.busy);
	assert_int_equal(sys.hugepages, CST_HUGE_AUTO);
	assert_int_equal(sys.packet_buffers, 65535);
	assert_int_equal(sys.buffer_size, 2048);
	assert_int_equal(sys.max_sessions, 100000);
	assert_int_equal(sys.max_pdrs, 400000);
	assert_int_equal(sys.max_addresses, 1 << 20);
	assert_int_equal(sys.big_loop_us, 1000);
	assert_int_equal(sys.journal_mb, 64);
	assert_int_equal(sys.journal_hours, 168);
	assert_in_range(sys.memory_mb, 64, 1024);
	assert_string_equal(sys.name, "coastd");
	assert_string_equal(sys.run_dir, "/run/coast");
	assert_string_equal(sys.cpus, "");
	assert_int_equal(load("ports: []\n"), 0);
	assert_int_equal(load("system:\n"), 0);
	assert_int_equal(sys.max_sessions, 100000);
}

static void test_values(void **state)
{
	assert_int_equal(load("system: {workers: 3, poll: busy, hugepages: off, max_sessions: 10, "
			      "name: b-1}"),
			 0);
	assert_int_equal(sys.workers, 3);
	assert_true(sys.busy);
	assert_int_equal(sys.hugepages, CST_HUGE_OFF);
	assert_int_equal(sys.max_pdrs, 40);
	assert_string_equal(sys.name, "b-1");
	assert_int_equal(load("system: {cpus: '0@1-3,5'}"), 0);
	assert_int_equal(sys.workers, 4);
}

static void bad(const char *text, const char *field, const char *reason)
{
	assert_int_equal(load(text), -22);
	assert_string_equal(err.field, field);
	if (strstr(err.reason, reason) == NULL)
		fail_msg("%s", err.reason);
}

static void test_errors(void **state)
{
	bad("#\nsystem:\n  workers: 0\n", "system.workers", "must be 1..32, got 0 (line 3)");
	bad("system: {poll: lazy}", "system.poll", "adaptive or busy");
	bad("system: {worker: 1}", "system.worker", "did you mean 'workers'? (line 1)");
	bad("system: []", "system", "must be an object (line 1)");
	bad("system: {cpus: '1-3'}", "system.cpus", "CONTROL@WORKERS");
	bad("system: {cpus: '0-1@2'}", "system.cpus", "CONTROL@WORKERS");
	bad("system: {cpus: '0@3-1'}", "system.cpus", "CONTROL@WORKERS");
	bad("system: {cpus: '0@1,'}", "system.cpus", "CONTROL@WORKERS");
	bad("system: {cpus: '0@1-3', workers: 2}", "system.workers", "cpus lists 3");
	bad("system: {name: a/b}", "system.name", "letters");
	bad("system: {run_dir: run}", "system.run_dir", "begin with '/'");
	bad("system: {max_sessions: 10, max_pdrs: 9}", "system.max_pdrs", "less than max_sessions");
	bad("system: {\n", "", "is not YAML");
	assert_int_equal(cst_system_load("/nonexistent.yaml", &sys, &err), -22);
	assert_string_equal(err.reason, "cannot be read: No such file or directory");
}

static void test_class(void **state)
{
	const struct cst_class *c = cst_class_by_plural("system");
	json_t *js;

	assert_int_equal(cst_object_verify(c->object, &err), 0);
	assert_int_equal(cst_system_load(NULL, &sys, &err), 0);
	assert_int_equal(c->get(NULL, &js, &err), 0);
	assert_int_equal(json_integer_value(json_object_get(js, "max_pdrs")), 400000);
	assert_int_equal(cst_txn_run(c, CST_OP_PUT, js, NULL, &err), 0); /* as it is already */
	json_object_set_new(js, "max_pdrs", json_integer(400001));
	assert_int_equal(cst_txn_run(c, CST_OP_PUT, js, NULL, &err), -95);
	assert_string_equal(err.field, "max_pdrs");
	json_decref(js);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
