/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdlib.h>
#include <unistd.h>

#include "party_test.h"

#include "config.h"

static char told[8192]; /* "LINE FIELD: REASON\n" of every error */
static char path[64];

static void report(const char *file, unsigned line, const struct cst_err *e)
{
	size_t n = strlen(told);

	assert_string_equal(file, path);
	snprintf(told + n, sizeof(told) - n, "%u %s: %s\n", line, e->field, e->reason);
}

static void put_file(const void *text, size_t n)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, n, f), n);
	fclose(f);
}

static int load_bytes(const void *text, size_t n, bool check_only)
{
	int ret;

	reset(NULL);
	told[0] = '\0';
	put_file(text, n);
	ret = check_only ? cst_config_check(path, report) : cst_config_start(path, false, report);
	unlink(path);
	return ret;
}

static int load(const char *text)
{
	return load_bytes(text, strlen(text), false);
}

static void want(const char *text, const char *errors)
{
	int n = load(text), lines = 0;

	for (const char *c = errors; *c != '\0'; c++)
		lines += *c == '\n';
	if (strcmp(told, errors) != 0)
		fail_msg("got:\n%swant:\n%s", told, errors);
	assert_int_equal(n, lines);
	assert_null(strstr(calls, "commit"));
	assert_int_equal(n_lans, 0);
}

static void test_good(void **state)
{
	static const char text[] =
		"# a comment\n"
		"lans:\n"
		"  - {name: 010, vlan: 10}\n" /* stays text, read as its field asks */
		"  - name: yes\n"
		"    vlan: 0x14\n"
		"hosts:\n"
		"  - {address: 192.0.2.1, lan: '010', ports: [80, 443]}\n"
		"  - address: \"2001:db8::1\"\n"
		"    lan: yes\n";

	want("", "");
	want("# nothing\n", "");
	want("lans:\nhosts:\n", "");
	if (load(text) != 0)
		fail_msg("%s", told);
	assert_string_equal(calls, "a:begin b:begin a:compile b:compile a:commit b:commit ");
	assert_int_equal(n_lans, 2);
	assert_true(last_startup);
	assert_false(last_check_only);

	assert_int_equal(load_bytes(text, sizeof(text) - 1, true), 0);
	assert_string_equal(calls, "a:begin b:begin a:compile b:compile b:abort a:abort ");
	assert_true(last_check_only);
	assert_int_equal(n_lans, 0);

	/* JSON is YAML */
	assert_int_equal(load("{\"lans\": [{\"name\": \"x\", \"vlan\": 1}]}"), 0);
	assert_int_equal(n_lans, 1);
}

static void test_every_error(void **state)
{
	want("lan:\n"
	     "  - {name: a, vlan: 1}\n"
	     "lans:\n"
	     "  - name: b\n"
	     "    vlan: 4095\n"
	     "    vlam: 1\n"
	     "  - vlan: 2\n"
	     "  - {name: c, vlan: 13}\n"
	     "  - {name: d, vlan: 3, up: true}\n"
	     "hosts:\n"
	     "  - address: 192.0.2.999\n"
	     "    lan: b\n"
	     "    ports:\n"
	     "      - 1\n"
	     "      - -2\n"
	     "  - {address: 192.0.2.1, lan: nowhere}\n"
	     "zebra: 1\n",
	     "1 lan: unknown key, did you mean 'lans'?\n"
	     "17 zebra: unknown key\n"
	     "5 lans[0].vlan: must be 1..4094, got 4095\n"
	     "6 lans[0].vlam: unknown member, did you mean 'vlan'?\n"
	     "7 lans[1].name: is required: its name\n"
	     "9 lans[3].up: is state: shown, never given\n"
	     "11 hosts[0].address: must be an IP address, got \"192.0.2.999\"\n"
	     "15 hosts[0].ports[1]: must be 0..65535, got -2\n"
	     "8 lans[2].vlan: brings bad luck\n"
	     "16 hosts[1].lan: no lan 'nowhere'\n");
	assert_string_equal(calls, "a:begin b:begin b:abort a:abort ");
}

static void test_what_follows(void **state)
{
	/* hosts in a lan that was refused are not accused as well */
	want("lans: [{name: a, vlan: 0}, {name: b, vlan: 13}]\n"
	     "hosts:\n"
	     "- {address: '::1', lan: a}\n"
	     "- {address: '::2', lan: b}\n",
	     "1 lans[0].vlan: must be 1..4094, got 0\n"
	     "1 lans[1].vlan: brings bad luck\n");
}

static void test_shape(void **state)
{
	want("- lans\n", "0 : must be a mapping such as 'ports: [...]'\n");
	want("lans: {name: a}\n", "1 lans: must be a list\n");
	want("lans: [a, [b]]\n", "1 lans[0]: must be an object\n1 lans[1]: must be an object\n");
	want("lans:\n- name:\n  vlan: 1\n",
	     "2 lans[0].name: must be text of 1..15 characters, got null\n");
	want("lans:\n- &x {name: a, vlan: 1}\n- {name: b, vlan: 1}\n- *x\n",
	     "2 lans[2]: is the same lan as lans[0], {\"name\":\"a\"}\n");
	want("system: {workers: 99}\nlans: []\n", "1 system.workers: must be 1..32, got 99\n");
	want("lans: [{name: a, vlan: 1, vlan: 2}]\n",
	     "1 lans[0].vlan: is given twice, first on line 1\n");
	want("lans:\n- {name: a, vlan: 1}\nhosts: []\nlans: []\n",
	     "4 lans: is given twice, first on line 1\n");
	want("lans: [{name: !secret a, vlan: 1}]\n",
	     "1 lans[0].name: has a tag, which this file does not use\n"
	     "1 lans[0].name: must be text of 1..15 characters, got null\n");
	want("? [a, b]\n: 1\n", "1 : a key must be plain text\n");
	want("lans: []\n---\nlans: []\n", "3 : a second document: one file holds one\n");
}

static void test_not_yaml(void **state)
{
	assert_int_equal(load("lans:\n  - {name: a, vlan: 1\nhosts: []\n"), 1);
	assert_non_null(strstr(told, "3 : is not YAML: while parsing a flow mapping"));
	assert_int_equal(load("lans:\n\t- a\n"), 1);
	assert_non_null(strstr(told, "2 : is not YAML"));
	assert_int_equal(load("lans: \xff\xff\n"), 1);
	assert_non_null(strstr(told, "not text in UTF-8"));
	assert_int_equal(load_bytes("lans: a\0b\n", 10, false), 1);
	assert_int_equal(load("lans: *nobody\n"), 1);
	assert_non_null(strstr(told, "undefined alias"));
	told[0] = '\0';
	assert_int_equal(cst_config_start(path, false, report), 1);
	assert_non_null(strstr(told, "0 : cannot be read: No such file or directory"));
	strcpy(path, "/tmp");
	told[0] = '\0';
	assert_int_equal(cst_config_start(path, false, report), 1);
	assert_non_null(strstr(told, "is a directory"));
}

static void test_bombs(void **state)
{
	char text[8192];
	size_t n;

	/* nine levels of nine aliases each: a billion */
	n = sprintf(text, "a0: &a0 [x,x,x,x,x,x,x,x,x]\n");
	for (int i = 1; i < 10; i++) {
		n += sprintf(text + n, "a%d: &a%d [", i, i);
		for (int k = 0; k < 9; k++)
			n += sprintf(text + n, "%s*a%d", k > 0 ? "," : "", i - 1);
		n += sprintf(text + n, "]\n");
	}
	assert_true(load(text) > 0);
	assert_non_null(strstr(told, "aliases expand to too much"));

	/* an alias to what it is part of */
	assert_true(load("lans: &x [*x]\n") > 0);
	assert_non_null(strstr(told, "nested deeper than 32 levels"));
	assert_in_range(load("lans: &x [*x, *x]\n"), 1, 4); /* told once, not for each way in */

	memset(text, '[', 5000);
	text[5000] = '\0';
	assert_true(load(text) > 0);
	memset(text + 900, ']', 900);
	memset(text, '[', 900);
	text[1800] = '\0';
	assert_true(load(text) > 0);
	assert_non_null(strstr(told, "nested deeper"));
}

static void test_all_or_nothing(void **state)
{
	static const char text[] =
		"lans: [{name: a, vlan: 1}]\nhosts: [{address: '::1', lan: a}]\n";

	for (int i = 0; i < 4; i++) {
		static const char *const steps[] = {"a:begin", "b:begin", "a:compile", "b:compile"};
		size_t n = strlen(text);
		int ret;

		reset(NULL);
		told[0] = '\0';
		put_file(text, n);
		fail_at = steps[i];
		ret = cst_config_start(path, false, report);
		unlink(path);
		assert_true(ret > 0);
		assert_null(strstr(calls, "commit"));
		assert_int_equal(n_lans, 0);
		assert_non_null(strstr(told, steps[i]));
		if (i >= 2) /* both had begun */
			assert_non_null(strstr(calls, "b:abort a:abort"));
		assert_false(a_party.open || b_party.open);
	}
}

/* Whatever the bytes, there is an answer and nothing is left behind (ASan). */
static void test_mutated(void **state)
{
	static const char text[] =
		"lans:\n  - {name: a, vlan: 1}\n  - &x\n    name: \"b\"\n"
		"    vlan: 2\nhosts: [{address: '::1', lan: a, ports: [1, 2]}]\n";
	uint32_t rng = 1;

	for (int i = 0; i < 5000; i++) {
		char copy[sizeof(text)];
		size_t n = sizeof(text) - 1;

		memcpy(copy, text, sizeof(text));
		for (int k = 0; k < 1 + i % 4; k++) {
			static const char odd[] = "\n :-[]{}&*x\"'#,?!|>%@`\t1\0\xff";

			rng = rng * 1664525 + 1013904223;
			copy[(rng >> 8) % n] = odd[(rng >> 20) % (sizeof(odd) - 1)];
		}
		load_bytes(copy, n - (i % 7 == 0 ? i % n : 0), i % 2);
		assert_true((strstr(calls, "commit") != NULL) ==
			    (told[0] == '\0' && i % 2 == 0 && strstr(calls, "begin") != NULL));
	}
}

static void test_paths(void **state)
{
	json_error_t e;
	json_t *js = json_loads("{\"a\":[{\"b\":\"x\"},{\"b\":\"y\"}]}", 0, &e);

	assert_string_equal(json_string_value(cst_json_at(js, "a[1].b")), "y");
	assert_ptr_equal(cst_json_at(js, ""), js);
	assert_null(cst_json_at(js, "a[2].b"));
	assert_null(cst_json_at(js, "a.b"));
	assert_null(cst_json_at(js, "a[1"));
	assert_null(cst_json_at(js, "[0]"));
	assert_null(cst_json_at(js, ".."));
	json_decref(js);
}

static int name_file(void **state)
{
	snprintf(path, sizeof(path), "/tmp/coast-config-test.%d.yaml", (int)getpid());
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_good, name_file),
		cmocka_unit_test_setup(test_every_error, name_file),
		cmocka_unit_test_setup(test_what_follows, name_file),
		cmocka_unit_test_setup(test_shape, name_file),
		cmocka_unit_test_setup(test_not_yaml, name_file),
		cmocka_unit_test_setup(test_bombs, name_file),
		cmocka_unit_test_setup(test_all_or_nothing, name_file),
		cmocka_unit_test_setup(test_mutated, name_file),
		cmocka_unit_test(test_paths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
