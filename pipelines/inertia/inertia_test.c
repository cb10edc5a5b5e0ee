/* SPDX-License-Identifier: BSD-3-Clause */
/* Owners and classes as objects: through transactions, and what matches what. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "inertia_double.h"
#include "inertia_keep.h"
#include "quoted.h"

static struct cst_err err;

static int run(const struct cst_class *c, enum cst_op op, const char *text)
{
	json_t *js = quoted(text);
	int ret = cst_txn_run(c, op, js, NULL, &err);

	json_decref(js);
	return ret;
}

static const char *match(struct cst_inertia_traits t)
{
	return cst_owner_keeper->match(&t)->name;
}

static struct cst_ip ip4(uint8_t a, uint8_t b)
{
	return (struct cst_ip){.family = 4, .b = {10, a, b, 1}};
}

static void tables_are_sound(void **state)
{
	const struct cst_object *all[] = {&inertia_owner_object, &inertia_class_object,
					  &inertia_claim_object, &inertia_reconcile_object,
					  &inertia_adopt_object, &inertia_adopt_all_object,
					  &inertia_done_object,  &inertia_release_object};

	for (unsigned i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (cst_object_verify(all[i], &err) < 0)
			fail_msg("%s: %s: %s", all[i]->name, err.field, err.reason);
}

static void shipped_classes(void **state)
{
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "SOS"}), "emergency");
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "ims", .arp = 1}),
			    "emergency_arp");
	assert_string_equal(match((struct cst_inertia_traits){.five_qi = 84, .arp = 9}), "plc");
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "prepaid"}), "prepaid");
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "internet", .five_qi = 9}),
			    "default");
	assert_string_equal(match((struct cst_inertia_traits){0}), "default");
	assert_int_equal(cst_owner_keeper->match(&(struct cst_inertia_traits){0})->grace_bytes,
			 100000000);
}

static void first_match_of_those_put(void **state)
{
	const struct cst_class *c = &inertia_class_class;

	assert_int_equal(
		run(c, CST_OP_PUT,
		    "[{'name': 'b', 'dnn': 'ims', 'order': 20},"
		    " {'name': 'a', 'sst': 1, 'sd': '0xabcdef', 'order': 10},"
		    " {'name': 'net', 'prefix': '10.1.2.0/23', 'order': 5, 'quota': 'ignore'},"
		    " {'name': 'fast', 'five_qi': [1, 2], 'arp_max': 3, 'order': 1}]"),
		0);
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "ims", .sst = 1}), "b");
	assert_string_equal(
		match((struct cst_inertia_traits){.dnn = "ims", .sst = 1, .sd = 0xabcdef}), "a");
	assert_string_equal(
		match((struct cst_inertia_traits){.n_ue = 2, .ue = {ip4(9, 9), ip4(1, 3)}}), "net");
	assert_string_equal(match((struct cst_inertia_traits){.n_ue = 1, .ue = {ip4(1, 4)}}),
			    "default");
	assert_string_equal(match((struct cst_inertia_traits){.five_qi = 2, .arp = 3}), "fast");
	assert_string_equal(match((struct cst_inertia_traits){.five_qi = 2, .arp = 4}), "default");
	assert_string_equal(match((struct cst_inertia_traits){.five_qi = 2}), "default");
	/* those shipped for special sessions are for when there are no others */
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "sos"}), "default");
	/* all or nothing */
	assert_int_equal(run(c, CST_OP_DELETE, "[{'name': 'a'}, {'name': 'x'}]"), -ENOENT);
	assert_string_equal(
		match((struct cst_inertia_traits){.dnn = "ims", .sst = 1, .sd = 0xabcdef}), "a");
	assert_int_equal(run(c, CST_OP_DELETE,
			     "[{'name': 'a'}, {'name': 'b'}, {'name': 'net'}, {'name': 'fast'}]"),
			 0);
	assert_string_equal(match((struct cst_inertia_traits){.dnn = "sos"}), "emergency");
}

static void classes_refused(void **state)
{
	const struct cst_class *c = &inertia_class_class;

	assert_int_equal(run(c, CST_OP_PUT, "{'name': 'x', 'quota': 'throttle'}"), -EINVAL);
	assert_string_equal(err.field, "throttle");
	assert_int_equal(run(c, CST_OP_PUT, "{'name': 'x', 'quota': 'grace'}"), -EINVAL);
	assert_string_equal(err.field, "grace_bytes");
	assert_int_equal(run(c, CST_OP_PUT, "{'name': 'x', 'arp_max': 16}"), -EINVAL);
	assert_int_equal(run(c, CST_OP_PUT, "{'name': 'x', 'five_qi': [0]}"), -EINVAL);
}

static json_t *listed(const struct cst_class *c, bool config, uint32_t limit, uint64_t *cursor)
{
	struct cst_page page = {
		.limit = limit, .cursor = *cursor, .config = config, .items = json_array()};

	assert_int_equal(c->list(&page, &err), 0);
	*cursor = page.cursor;
	return page.items;
}

static void owners_put_and_deleted(void **state)
{
	const struct cst_class *c = &inertia_owner_class;
	uint64_t cursor = 0;
	json_t *items, *one;

	assert_int_equal(run(c, CST_OP_PUT, "{'name': 'a', 'lease_ms': 500, 'grace_ms': 600}"),
			 -ERANGE);
	assert_string_equal(err.field, "grace_ms");
	assert_int_equal(run(c, CST_OP_PUT,
			     "[{'name': 'a', 'heirs': ['smf-2', 'smf-3'], 'lease_ms': 2000},"
			     " {'name': 'b'}]"),
			 0);
	assert_int_equal(cst_owner_keeper->by_name("a"), 1);
	assert_int_equal(cst_owner_keeper->by_name("x"), 0);
	keep_new("claimed", NULL);
	items = listed(c, true, 100, &cursor);
	assert_int_equal(json_array_size(items), 2);
	json_decref(items);
	items = listed(c, false, 2, &cursor);
	assert_int_equal(json_array_size(items), 2);
	assert_int_equal(cursor, 3);
	one = json_array_get(items, 0);
	assert_int_equal(json_integer_value(json_object_get(one, "lease_ms")), 2000);
	assert_string_equal(json_string_value(json_object_get(one, "state")), "none");
	json_decref(items);
	assert_int_equal(run(c, CST_OP_DELETE, "[{'name': 'b'}, {'name': 'x'}]"), -ENOENT);
	assert_int_equal(cst_owner_keeper->by_name("b"), 2);
	assert_int_equal(run(c, CST_OP_DELETE, "[{'name': 'a'}, {'name': 'b'}]"), 0);
	assert_int_equal(run(c, CST_OP_DELETE, "{'name': 'claimed'}"), 0);
	assert_int_equal(cst_owner_keeper->by_name("b"), 0);
}

static void as_many_as_there_are_numbers(void **state)
{
	for (int i = 0; i < CST_OWNERS - 1; i++) {
		char text[64];

		snprintf(text, sizeof(text), "{'name': 'o%d'}", i);
		assert_int_equal(run(&inertia_owner_class, CST_OP_PUT, text), 0);
	}
	assert_int_equal(run(&inertia_owner_class, CST_OP_PUT, "{'name': 'more'}"), -ENOSPC);
	assert_int_equal(run(&inertia_owner_class, CST_OP_PUT, "{'name': 'o7', 'lease_ms': 900}"),
			 0);
	for (int i = 0; i < CST_OWNERS - 1; i++) {
		char text[64];

		snprintf(text, sizeof(text), "{'name': 'o%d'}", i);
		assert_int_equal(run(&inertia_owner_class, CST_OP_DELETE, text), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables_are_sound),
		cmocka_unit_test(shipped_classes),
		cmocka_unit_test(first_match_of_those_put),
		cmocka_unit_test(classes_refused),
		cmocka_unit_test(owners_put_and_deleted),
		cmocka_unit_test(as_many_as_there_are_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
