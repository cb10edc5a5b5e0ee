/* SPDX-License-Identifier: BSD-3-Clause */
/* The control socket's protocol without a socket: one line in, one line out. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rpc/rpc_int.h"
#include "rpc/test_class.h"

static json_t *ask_as(const char *line, bool may_write)
{
	char *text = cst_rpc_serve(line, strlen(line), may_write);
	json_t *js;

	if (text == NULL)
		return NULL;
	assert_null(strchr(text, '\n'));
	js = json_loads(text, 0, NULL);
	assert_non_null(js);
	free(text);
	return js;
}

static json_t *ask(const char *line)
{
	return ask_as(line, true);
}

static void expect_text(const char *line, const char *reply)
{
	char *text = cst_rpc_serve(line, strlen(line), true);

	assert_non_null(text);
	assert_string_equal(text, reply);
	free(text);
}

static json_t *member(json_t *js, const char *path)
{
	char name[64];

	while (js != NULL && *path != '\0') {
		size_t n = strcspn(path, ".");

		assert_true(n < sizeof(name));
		memcpy(name, path, n);
		name[n] = '\0';
		js = json_object_get(js, name);
		path += n;
		if (*path == '.')
			path++;
	}
	return js;
}

static void expect_error_as(const char *line, bool may_write, int code, const char *reason)
{
	json_t *js = ask_as(line, may_write);
	const char *got;

	assert_non_null(js);
	assert_string_equal(json_string_value(member(js, "jsonrpc")), "2.0");
	assert_null(member(js, "result"));
	assert_int_equal(json_integer_value(member(js, "error.code")), code);
	got = json_string_value(member(js, "error.data.reason"));
	assert_non_null(got);
	if (reason != NULL && strstr(got, reason) == NULL)
		fail_msg("reason is '%s', expected '%s'", got, reason);
	json_decref(js);
}

static void expect_error(const char *line, int code, const char *reason)
{
	expect_error_as(line, true, code, reason);
}

static int setup(void **state)
{
	thing_reset();
	rpc_event_reset();
	return 0;
}

/* The examples of the specification's section 7, with our method in place of theirs. */
static void spec_examples(void **state)
{
	json_t *js;

	/* parameters by position and by name, in any order */
	expect_text("{\"jsonrpc\": \"2.0\", \"method\": \"thing.sum\", \"params\": [42, 23], "
		    "\"id\": 1}",
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":65}");
	expect_text("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":{\"b\":23,\"a\":42},"
		    "\"id\":\"x\"}",
		    "{\"jsonrpc\":\"2.0\",\"id\":\"x\",\"result\":65}");
	expect_text("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[42],\"id\":null}",
		    "{\"jsonrpc\":\"2.0\",\"id\":null,\"result\":43}");
	/* notifications: no reply, not even to an unknown method */
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[1,2]}"));
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"foobar\"}"));
	/* non-existent method */
	expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"foobar\", \"id\": \"1\"}", -32601,
		     "foobar");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.frob\",\"id\":1}", -32601, NULL);
	/* invalid JSON */
	expect_error("{\"jsonrpc\": \"2.0\", \"method\": \"foobar, \"params\": \"bar\", \"baz]",
		     -32700, NULL);
	/* invalid request object */
	expect_error("{\"jsonrpc\": \"2.0\", \"method\": 1, \"params\": \"bar\"}", -32600,
		     "method");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":\"bar\",\"id\":1}",
		     -32600, "params");
	expect_error("{\"jsonrpc\":\"1.0\",\"method\":\"thing.sum\",\"id\":1}", -32600, "jsonrpc");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":{}}", -32600, "id");
	expect_error("1", -32600, NULL);
	expect_error("\"x\"", -32600, NULL);
	expect_error("null", -32600, NULL);
	/* batches: invalid JSON, empty, not empty but invalid */
	expect_error("[{\"jsonrpc\": \"2.0\", \"method\": \"sum\", \"params\": [1,2,4], \"id\": "
		     "\"1\"},{\"jsonrpc\": \"2.0\", \"method\"]",
		     -32700, NULL);
	expect_error("[]", -32600, "empty");
	js = ask("[1,2,3]");
	assert_int_equal(json_array_size(js), 3);
	assert_int_equal(json_integer_value(member(json_array_get(js, 2), "error.code")), -32600);
	assert_true(json_is_null(member(json_array_get(js, 2), "id")));
	json_decref(js);
	/* a mixed batch: notifications have no reply, the others keep their order */
	js = ask("[{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[1,2],\"id\":\"1\"},"
		 "{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[7]},"
		 "{\"foo\":\"boo\"},"
		 "{\"jsonrpc\":\"2.0\",\"method\":\"foo.get\",\"params\":{\"name\":\"myself\"},"
		 "\"id\":\"5\"},"
		 "{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":\"9\",\"params\":[3]}]");
	assert_int_equal(json_array_size(js), 4);
	assert_int_equal(json_integer_value(member(json_array_get(js, 0), "result")), 3);
	assert_int_equal(json_integer_value(member(json_array_get(js, 1), "error.code")), -32600);
	assert_int_equal(json_integer_value(member(json_array_get(js, 2), "error.code")), -32601);
	assert_string_equal(json_string_value(member(json_array_get(js, 2), "id")), "5");
	assert_int_equal(json_integer_value(member(json_array_get(js, 3), "result")), 4);
	json_decref(js);
	/* all notifications: nothing */
	assert_null(ask("[{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[1]},"
			"{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[7]}]"));
	assert_null(ask(""));
	assert_null(ask(" \r"));
}

static void wrong_params(void **state)
{
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":1}", -32602, NULL);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":1,\"params\":[1,2,3]}",
		     -32602, "at most 2");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":1,\"params\":{\"a\":1,"
		     "\"c\":2}}",
		     -32602, NULL);
	expect_error(
		"{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":1,\"params\":{\"a\":\"x\"}}",
		-32602, NULL);
	expect_error(
		"{\"jsonrpc\":\"2.0\",\"method\":\"rpc.version\",\"id\":1,\"params\":{\"a\":1}}",
		-32602, "no parameters");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{"
		     "\"limit\":-1}}",
		     -32602, NULL);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{"
		     "\"limits\":1}}",
		     -32602, "known are");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{"
		     "\"filter\":{\"colour\":1}}}",
		     -32602, "no such field");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"id\":1}", -32602, NULL);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"event.subscribe\",\"id\":1}", ENOTCONN,
		     NULL);
}

/* Texts that the parser would take, or take badly. */
static void bad_text(void **state)
{
	char nul[] = "{\"jsonrpc\":\"2.0\",\"method\":\"thing\0sum\",\"id\":1}";
	char *text;

	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":{\"a\":1,\"a\":2},"
		     "\"id\":1}",
		     -32700, "duplicate");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"\xff\xfe\",\"id\":1}", -32700, "0xff");
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"a\\u0000b\",\"id\":1}", -32700, NULL);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[1e999],\"id\":1}",
		     -32700, NULL);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":["
		     "99999999999999999999],\"id\":1}",
		     -32700, NULL);
	expect_error("{} {}", -32700, NULL);
	text = cst_rpc_serve(nul, sizeof(nul) - 1, true);
	assert_non_null(strstr(text, "-32700"));
	free(text);
}

static void depth_bomb(void **state)
{
	enum { N = 4 << 20 };
	static char bomb[N];
	char *text;
	size_t n;

	for (size_t i = 0; i < N; i++)
		bomb[i] = i % 2 != 0 ? '[' : '{';
	text = cst_rpc_serve(bomb, N, true);
	assert_non_null(strstr(text, "-32700"));
	assert_non_null(strstr(text, "32 levels"));
	free(text);
	/* just allowed: an outer object, then params and 30 more */
	n = (size_t)sprintf(bomb,
			    "{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":1,\"params\":");
	memset(bomb + n, '[', 31);
	memset(bomb + n + 31, ']', 31);
	strcpy(bomb + n + 62, "}");
	expect_error(bomb, -32602, NULL);
	/* brackets in strings are no levels */
	n = (size_t)sprintf(bomb, "{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"id\":\"\\\"");
	memset(bomb + n, '[', 100);
	strcpy(bomb + n + 100, "\",\"params\":[1,2]}");
	text = cst_rpc_serve(bomb, strlen(bomb), true);
	assert_non_null(strstr(text, "\"result\":3"));
	free(text);
	/* a flood of small values is refused before it becomes a flood of memory */
	n = 0;
	bomb[n++] = '[';
	while (n < N - 8) {
		memcpy(bomb + n, "{},", 3);
		n += 3;
	}
	memcpy(bomb + n, "{}]", 3);
	text = cst_rpc_serve(bomb, n + 3, true);
	assert_non_null(strstr(text, "too many values"));
	free(text);
}

#define PUT(params) "{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"id\":1,\"params\":" params "}"

static void class_methods(void **state)
{
	json_t *js;

	expect_text(PUT("{\"name\":\"a\",\"size\":100}"),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
	expect_text(PUT("[{\"name\":\"b\",\"size\":100},{\"name\":\"c\",\"size\":70}]"),
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{},{}]}");
	expect_text(PUT("[]"), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}");
	assert_int_equal(thing_count(), 3);
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.get\",\"id\":1,\"params\":{\"name\":"
		 "\"c\"}}");
	assert_int_equal(json_integer_value(member(js, "result.size")), 70);
	assert_int_equal(json_integer_value(member(js, "result.changes")), 1);
	assert_string_equal(json_string_value(member(js, "result.mode")), "poll");
	json_decref(js);
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.get\",\"id\":1,\"params\":[{\"name\":"
		 "\"c\"},{\"name\":\"a\"}]}");
	assert_int_equal(json_array_size(member(js, "result")), 2);
	json_decref(js);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"thing.get\",\"id\":1,\"params\":{\"name\":"
		     "\"z\"}}",
		     ENOENT, "no thing z");
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.modify\",\"params\":{\"name\":"
			"\"c\",\"size\":80}}"));
	assert_int_equal(thing_size("c"), 80);
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{\"limit\":2}"
		 "}");
	assert_int_equal(json_array_size(member(js, "result.items")), 2);
	assert_true(json_integer_value(member(js, "result.cursor")) > 0);
	json_decref(js);
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{\"filter\":{"
		 "\"name\":\"b\"}}}");
	assert_int_equal(json_array_size(member(js, "result.items")), 1);
	assert_int_equal(json_integer_value(member(js, "result.cursor")), 0);
	json_decref(js);
	expect_text("{\"jsonrpc\":\"2.0\",\"method\":\"thing.delete\",\"id\":1,\"params\":[{"
		    "\"name\":\"a\"},{\"name\":\"b\"}]}",
		    "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{},{}]}");
	assert_int_equal(thing_count(), 1);
}

static void all_or_nothing(void **state)
{
	json_t *js;

	js = ask(PUT("[{\"name\":\"a\",\"size\":100},{\"name\":\"b\",\"size\":12}]"));
	assert_int_equal(json_integer_value(member(js, "error.code")), -32602);
	assert_string_equal(json_string_value(member(js, "error.data.field")), "[1].size");
	assert_string_equal(json_string_value(member(js, "error.data.errno")), "EINVAL");
	json_decref(js);
	assert_int_equal(thing_count(), 0);
	/* also when planning fails, after a change that was fine */
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\","
			"\"size\":100}}"));
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.modify\",\"id\":1,\"params\":"
		 "[{\"name\":\"a\",\"size\":200},{\"name\":\"b\",\"size\":200}]}");
	assert_int_equal(json_integer_value(member(js, "error.code")), ENOENT);
	assert_string_equal(json_string_value(member(js, "error.data.errno")), "ENOENT");
	json_decref(js);
	assert_int_equal(thing_size("a"), 100);
}

/* Its errors would tell what is in a file that the client itself may not read. */
static void reload_of_other_files(void **state)
{
	static const char line[] = "{\"jsonrpc\":\"2.0\",\"method\":\"config.reload\",\"id\":1,"
				   "\"params\":{\"path\":\"/etc/passwd\",\"check\":true}}";
	const struct rpc_peer member_of_group = {.may_write = true};
	char *text = rpc_serve(line, sizeof(line) - 1, &member_of_group, NULL);

	assert_non_null(strstr(text, "\"EPERM\""));
	assert_non_null(strstr(text, "\"path\""));
	assert_null(strstr(text, "root:"));
	free(text);
	text = cst_rpc_serve(line, sizeof(line) - 1, true);
	assert_null(strstr(text, "\"EPERM\""));
	free(text);
}

static void read_only(void **state)
{
	json_t *js;

	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\","
			"\"size\":100}}"));
	expect_error_as(PUT("{\"name\":\"b\",\"size\":100}"), false, EACCES, "only read");
	expect_error_as("{\"jsonrpc\":\"2.0\",\"method\":\"thing.modify\",\"id\":1,\"params\":{}}",
			false, EACCES, NULL);
	expect_error_as("{\"jsonrpc\":\"2.0\",\"method\":\"thing.delete\",\"id\":1,\"params\":{"
			"\"name\":\"a\"}}",
			false, EACCES, NULL);
	expect_error_as("{\"jsonrpc\":\"2.0\",\"method\":\"thing.reset\",\"id\":1}", false, EACCES,
			NULL);
	assert_null(ask_as("{\"jsonrpc\":\"2.0\",\"method\":\"thing.reset\"}", false));
	assert_int_equal(thing_count(), 1);
	js = ask_as("{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1}", false);
	assert_int_equal(json_array_size(member(js, "result.items")), 1);
	json_decref(js);
}

static void batch_reply_is_bounded(void **state)
{
	static const char one[] = "{\"jsonrpc\":\"2.0\",\"method\":\"rpc.describe\",\"id\":1}";
	size_t kept = rpc_limits.max_reply, n = 0;
	char line[20 * sizeof(one) + 3];
	json_t *js;

	rpc_limits.max_reply = 3000;
	for (unsigned i = 0; i < 20; i++)
		n += (size_t)sprintf(line + n, "%c%s", i == 0 ? '[' : ',', one);
	strcpy(line + n, "]");
	js = ask(line);
	rpc_limits.max_reply = kept;
	assert_int_equal(json_array_size(js), 20);
	assert_non_null(member(json_array_get(js, 0), "result"));
	assert_int_equal(json_integer_value(member(json_array_get(js, 19), "error.code")), E2BIG);
	json_decref(js);
}

static void describe(void **state)
{
	json_t *js = ask_as("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.describe\",\"id\":1}", false),
	       *c = NULL;
	size_t i;

	json_array_foreach (member(js, "result.classes"), i, c)
		if (strcmp(json_string_value(member(c, "name")), "thing") == 0)
			break;
	assert_string_equal(json_string_value(member(c, "name")), "thing");
	assert_int_equal(json_array_size(member(c, "methods")), 5);
	assert_true(json_array_size(member(js, "result.methods")) >= 8);
	assert_true(json_array_size(member(js, "result.events")) >= 2);
	json_decref(js);
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"rpc.version\",\"id\":1}");
	assert_string_equal(json_string_value(member(js, "result.coast")), COAST_VERSION);
	json_decref(js);
	assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{\"name\":\"a\","
			"\"size\":100}}"));
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"config.get\",\"id\":1}");
	c = json_array_get(member(js, "result.things"), 0);
	assert_int_equal(json_integer_value(member(c, "size")), 100);
	assert_null(member(c, "changes"));
	json_decref(js);
}

static void event_pages(void **state)
{
	json_t *js;
	json_int_t first, cursor;
	char line[128];

	for (int i = 0; i < 7; i++) {
		cst_event_publish(thing_noise_type, json_pack("{s:i}", "i", i));
		assert_null(ask("{\"jsonrpc\":\"2.0\",\"method\":\"thing.put\",\"params\":{"
				"\"name\":\"a\",\"size\":100}}"));
	}
	js = ask("{\"jsonrpc\":\"2.0\",\"method\":\"event.list\",\"id\":1,\"params\":{\"types\":["
		 "\"thing.noise\"],\"limit\":4}}");
	assert_int_equal(json_array_size(member(js, "result.items")), 4);
	first = json_integer_value(member(json_array_get(member(js, "result.items"), 0), "seq"));
	cursor = json_integer_value(member(js, "result.cursor"));
	assert_int_equal(cursor, first + 7);
	json_decref(js);
	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"event.list\",\"id\":1,\"params\":{\"cursor\":%"
		 "lld}}",
		 (long long)cursor);
	js = ask(line);
	assert_int_equal(json_array_size(member(js, "result.items")), 7);
	assert_int_equal(json_integer_value(member(js, "result.cursor")), 0);
	json_decref(js);
	expect_error("{\"jsonrpc\":\"2.0\",\"method\":\"event.list\",\"id\":1,\"params\":{"
		     "\"types\":[\"no.such\"]}}",
		     -32602, "no event");
	/* the ring forgets the oldest and says so */
	for (int i = 0; i < CST_EVENT_RING; i++)
		cst_event_publish(thing_noise_type, NULL);
	snprintf(line, sizeof(line),
		 "{\"jsonrpc\":\"2.0\",\"method\":\"event.list\",\"id\":1,\"params\":{\"cursor\":%"
		 "lld}}",
		 (long long)first);
	js = ask(line);
	assert_int_equal(json_integer_value(member(js, "result.lost")), 14);
	assert_int_equal(json_integer_value(member(js, "result.first")), first + 14);
	json_decref(js);
}

static uint32_t rnd(uint32_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 17;
	*s ^= *s << 5;
	return *s;
}

/* Texts near the valid ones: bytes flipped, cut, doubled, spliced. Nothing may crash and the next
 * valid request must be served. */
static void mutated(void **state)
{
	static const char *const seeds[] = {
		"{\"jsonrpc\":\"2.0\",\"method\":\"thing.sum\",\"params\":[42,23],\"id\":1}",
		PUT("{\"name\":\"a\",\"size\":100,\"addresses\":[\"10.0.0.1/24\",\"2001:db8::1/"
		    "64\"],\"mode\":\"sleep\"}"),
		PUT("[{\"name\":\"b\",\"size\":\"0x64\"},{\"name\":\"c\",\"size\":70}]"),
		"{\"jsonrpc\":\"2.0\",\"method\":\"thing.list\",\"id\":1,\"params\":{\"filter\":{"
		"\"name\":\"b\"},\"limit\":2,\"cursor\":1}}",
		"[{\"jsonrpc\":\"2.0\",\"method\":\"thing.get\",\"id\":1,\"params\":{\"name\":"
		"\"c\"}},{\"jsonrpc\":\"2.0\",\"method\":\"thing.delete\",\"id\":\"\\u00e4\","
		"\"params\":{\"name\":\"c\"}}]",
		"{\"jsonrpc\":\"2.0\",\"method\":\"event.list\",\"id\":1.5,\"params\":{\"types\":["
		"\"thing.noise\"],\"limit\":4}}",
		"{\"jsonrpc\":\"2.0\",\"method\":\"config.get\",\"id\":null}",
	};
	static const char alphabet[] = "{}[]\",:\\.-0123456789eEtfnu \xc3\xff";
	uint32_t s = 0x2545f491, replies = 0, results = 0;
	char line[1024], *text;

	for (unsigned i = 0; i < 100000; i++) {
		const char *seed = seeds[rnd(&s) % (sizeof(seeds) / sizeof(*seeds))];
		size_t len = strlen(seed);

		memcpy(line, seed, len);
		for (unsigned n = rnd(&s) % 4; n > 0 && len > 4; n--) {
			size_t at = rnd(&s) % len, run = 1 + rnd(&s) % 16;

			if (run > len - at)
				run = len - at;
			switch (rnd(&s) % 5) {
			case 0:
				line[at] = (char)rnd(&s);
				break;
			case 1:
				line[at] = alphabet[rnd(&s) % (sizeof(alphabet) - 1)];
				break;
			case 2: /* out */
				memmove(line + at, line + at + run, len - at - run);
				len -= run;
				break;
			case 3: /* twice */
				if (len + run > sizeof(line))
					break;
				memmove(line + at + run, line + at, len - at);
				len += run;
				break;
			default: /* elsewhere */
				memmove(line + rnd(&s) % (len - run + 1), line + at, run);
				break;
			}
		}
		text = cst_rpc_serve(line, len, rnd(&s) % 4 != 0);
		if (text != NULL) {
			replies++;
			results += strstr(text, "\"result\"") != NULL;
			assert_non_null(strstr(text, "\"jsonrpc\":\"2.0\""));
		}
		free(text);
		if (i % 1000 == 0)
			expect_text(seeds[0], "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":65}");
	}
	expect_text(seeds[0], "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":65}");
	/* both sides of the border were visited */
	assert_true(replies - results > 10000);
	assert_true(results > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(spec_examples, setup),
		cmocka_unit_test_setup(wrong_params, setup),
		cmocka_unit_test_setup(bad_text, setup),
		cmocka_unit_test_setup(depth_bomb, setup),
		cmocka_unit_test_setup(class_methods, setup),
		cmocka_unit_test_setup(all_or_nothing, setup),
		cmocka_unit_test_setup(read_only, setup),
		cmocka_unit_test_setup(reload_of_other_files, setup),
		cmocka_unit_test_setup(batch_reply_is_bounded, setup),
		cmocka_unit_test_setup(describe, setup),
		cmocka_unit_test_setup(event_pages, setup),
		cmocka_unit_test_setup(mutated, setup),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	rpc_event_reset();
	return failed;
}
