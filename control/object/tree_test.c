/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tree_test.h"

static bool taken(const char *text, size_t len)
{
	bool here;

	if (!tree_agrees(text, len, &here))
		fail_msg("not as jansson reads it: %.*s", (int)len, text);
	return here;
}

/* Plain texts are read here, and as jansson reads them. */
static void test_plain(void **state)
{
	static const char *const texts[] = {
		"null",
		"true",
		" false\r\n",
		"0",
		"-0",
		"-17",
		"999999999999999999",
		"-999999999999999999",
		"\"\"",
		"\"a b/c\"",
		"[]",
		"{}",
		"[ ]",
		"{ }",
		"[[],{},[{}]]",
		"[1,\"2\",[3,[4]],{\"5\":6}]",
		" { \"a\" : 1 ,\t\"b\" : [ 1 , 2 ] , \"c\" : { \"a\" : null } } ",
		"{\"\":1,\"a\":2}",
		"{\"ab\":1,\"ba\":2,\"aab\":3,\"axb\":4,\"ayb\":5}",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (!taken(texts[i], strlen(texts[i])))
			fail_msg("refused: %s", texts[i]);
}

/* Good JSON that is jansson's, and what is no JSON at all. */
static void test_left(void **state)
{
	static const char *const texts[] = {
		"\"\\u00e4\"",
		"\"a\\/b\"",
		"\"\xc3\xa4\"",
		"1.5",
		"1e3",
		"1E3",
		"1000000000000000000",
		"9223372036854775808",
		"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
		"",
		"  ",
		"01",
		"-",
		"--1",
		"+1",
		".5",
		"tru",
		"truer",
		"nul",
		"\"",
		"\"a",
		"\"a\tb\"",
		"\"\xff\"",
		"[",
		"]",
		"[1",
		"[1,",
		"[1,]",
		"[,1]",
		"[1 2]",
		"{",
		"{\"a\"",
		"{\"a\":",
		"{\"a\":1",
		"{\"a\":1,}",
		"{a:1}",
		"{1:1}",
		"{\"a\" 1}",
		"{\"a\":1,\"a\":1}",
		"{\"a\":1,\"b\":{\"c\":1},\"a\":1}",
		"[1}",
		"{\"a\":1]",
		"1 2",
		"[] []",
	};
	char open[100];

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (taken(texts[i], strlen(texts[i])))
			fail_msg("taken: %s", texts[i]);
	for (size_t n = 0; n < sizeof(open); n++) {
		memset(open, '[', n);
		open[n] = '1';
		assert_true(taken(open, n + 1) == (n == 0));
	}
	assert_false(taken("[1\0]", 4));
	assert_false(taken("\"a\0b\"", 5));
	assert_false(taken("1\0", 2));
}

/* One byte of a request changed, each way that ends or begins something. */
static void test_changed_bytes(void **state)
{
	static const char text[] =
		"{\"jsonrpc\":\"2.0\",\"id\":12,\"method\":\"session.put\",\"params\":[{\"seid\":1,"
		"\"dnn\":\"internet\",\"pdrs\":[{\"id\":1,\"pdi\":{\"f_teid\":{\"choose\":true},"
		"\"qfi\":[9,10]},\"far_id\":null}],\"fars\":[]},{}]}";
	static const char bytes[] = "{}[]\",:\\ 0-9.eatn\x01\x80";
	char copy[sizeof(text)];
	size_t len = strlen(text);

	assert_true(taken(text, len));
	for (size_t i = 0; i < len; i++) {
		taken(text, i);
		for (size_t k = 0; k < sizeof(bytes); k++) { /* the NUL too */
			memcpy(copy, text, sizeof(text));
			copy[i] = bytes[k];
			taken(copy, len);
		}
	}
}

static void test_members(void **state)
{
	static const char text[] = "{\"a\":{\"b\":1},\"b\":[2,{\"c\":3}],\"c\":\"x\"}";
	struct cst_tree t = {0};
	json_t *js, *back;

	assert_int_equal(cst_tree_parse(&t, text, strlen(text), 3), 0);
	assert_int_equal(t.n_nodes, 13);
	assert_int_equal(t.nodes->span, 13);
	assert_int_equal(cst_node_member(t.nodes, "b")->type, CST_N_ARRAY);
	assert_string_equal(cst_node_member(t.nodes, "c")->s, "x");
	assert_null(cst_node_member(t.nodes, "d"));
	assert_null(cst_node_member(cst_node_member(t.nodes, "b"), "c"));
	js = json_loads(text, 0, NULL);
	back = cst_node_json(t.nodes);
	assert_true(json_equal(js, back));
	json_decref(js);
	json_decref(back);
	assert_int_equal(cst_tree_parse(&t, text, strlen(text), 2), -EBADMSG);
	cst_tree_trim(&t, 1000);
	assert_non_null(t.nodes);
	cst_tree_trim(&t, 10);
	assert_null(t.nodes);
}

/* What jansson alone reads comes through it whole, and back. */
static void test_taken_over(void **state)
{
	json_t *js =
		json_loads("[1.5,\"\\u00e4\\u0000b\",{\"a\":9223372036854775807},[],true,null]",
			   JSON_ALLOW_NUL, NULL);
	struct cst_tree t = {0};
	json_t *back;

	assert_int_equal(cst_tree_take(&t, js), 0);
	assert_int_equal(t.nodes[2].n, 4);
	back = cst_node_json(t.nodes);
	assert_true(json_equal(js, back));
	json_decref(back);
	json_decref(js);
	cst_tree_trim(&t, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),         cmocka_unit_test(test_left),
		cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_members),
		cmocka_unit_test(test_taken_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
