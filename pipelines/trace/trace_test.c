/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What traces and captures take, and how recorded packets are read: scapy's
 * packets, cut anywhere, and bytes that are no packets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../tests/vectors/upf_vectors.h"
#include "rpc/rpc.h"
#include "trace_api.h"
#include "trace_decode.h"

/* ---- objects ------------------------------------------------------------------------- */

static void objects_are_sound(void **state)
{
	static const struct cst_object *const objects[] = {
		&trace_add_object, &trace_list_object, &trace_key_object, &capture_start_object};
	struct cst_err e = {0};

	for (unsigned i = 0; i < 4; i++)
		if (cst_object_verify(objects[i], &e) != 0)
			fail_msg("%s: %s: %s", objects[i]->name, e.field, e.reason);
}

/* Decode; the field that is refused, "" when none is. */
static const char *refused(const struct cst_object *o, const char *text)
{
	static struct cst_err e;
	static uint64_t obj[32];
	struct cst_pool *p = cst_pool_new();
	json_t *js = json_loads(text, 0, NULL);

	memset(&e, 0, sizeof(e));
	assert_non_null(js);
	assert_true(o->size <= sizeof(obj));
	cst_decode(o, js, false, p, obj, &e);
	json_decref(js);
	cst_pool_free(p);
	return e.field;
}

static void wrong_requests_are_refused(void **state)
{
	static const struct {
		const struct cst_object *object;
		const char *text, *field;
	} cases[] = {
		{&trace_add_object, "{}", ""},
		{&trace_add_object, "{\"session\": 7, \"count\": 1000}", ""},
		{&trace_add_object, "{\"ue\": \"2001:db8::/64\"}", ""},
		{&trace_add_object, "{\"teid\": \"0x1001\"}", ""},
		{&trace_add_object, "{\"session\": 7, \"port\": \"n3\"}", "port"},
		{&trace_add_object, "{\"ue\": \"10.0.0.1\", \"teid\": 1}", "teid"},
		{&trace_add_object, "{\"count\": 0}", "count"},
		{&trace_add_object, "{\"count\": 1001}", "count"},
		{&trace_add_object, "{\"imsi\": \"001010000000001\"}", "imsi"},
		{&trace_list_object, "{\"limit\": 0}", "limit"},
		{&trace_key_object, "{}", "id"},
		{&capture_start_object, "{}", ""},
		{&capture_start_object, "{\"session\": 1, \"direction\": [\"drop\"]}", ""},
		{&capture_start_object, "{\"session\": 1, \"port\": \"n3\"}", "session"},
		{&capture_start_object, "{\"direction\": []}", "direction"},
		{&capture_start_object, "{\"direction\": [\"up\"]}", "direction"},
		{&capture_start_object, "{\"snaplen\": 20}", "snaplen"},
		{&capture_start_object, "{\"snaplen\": 65536}", "snaplen"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *field = refused(cases[i].object, cases[i].text);

		if (strncmp(field, cases[i].field, strlen(cases[i].field)) != 0 ||
		    (cases[i].field[0] == '\0') != (field[0] == '\0'))
			fail_msg("%s: '%s' was refused", cases[i].text, field);
	}
}

/* Changing needs the right to change. */
static void readers_may_not_trace(void **state)
{
	static const char *const methods[] = {"trace.add", "trace.list", "trace.clear",
					      "capture.start", "capture.stop"};
	char line[128], *reply;

	for (unsigned i = 0; i < 5; i++) {
		snprintf(line, sizeof(line),
			 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"%s\",\"params\":{}}",
			 methods[i]);
		reply = cst_rpc_serve(line, strlen(line), false);
		assert_non_null(strstr(reply, "may only read"));
		free(reply);
	}
}

/* ---- headers ----------------------------------------------------------------------------- */

/* "ipv4 udp gtpu ipv4 udp" */
static const char *names(const json_t *headers)
{
	static char text[256];
	json_t *h;
	size_t i;

	text[0] = '\0';
	json_array_foreach (headers, i, h)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i > 0 ? " " : "",
			 json_string_value(json_object_get(h, "header")));
	return text;
}

static json_int_t number(const json_t *headers, unsigned at, const char *name)
{
	return json_integer_value(json_object_get(json_array_get(headers, at), name));
}

static const char *word(const json_t *headers, unsigned at, const char *name)
{
	return json_string_value(json_object_get(json_array_get(headers, at), name)) ?: "";
}

static void scapys_uplink_packet(void **state)
{
	json_t *h = trace_decode(in_ul4, sizeof(in_ul4), sizeof(in_ul4), false);

	assert_string_equal(names(h), "ipv4 udp gtpu ipv4 udp");
	assert_string_equal(word(h, 0, "source"), "192.0.2.2");
	assert_string_equal(word(h, 0, "destination"), "192.0.2.1");
	assert_int_equal(number(h, 0, "ttl"), 64);
	assert_int_equal(number(h, 1, "destination"), 2152);
	assert_string_equal(word(h, 2, "message"), "g_pdu");
	assert_string_equal(word(h, 2, "teid"), "0x923");
	assert_string_equal(word(h, 2, "psc"), "ul");
	assert_int_equal(number(h, 2, "qfi"), 9);
	assert_string_equal(word(h, 3, "source"), "10.45.0.2");
	assert_string_equal(word(h, 3, "destination"), "198.51.100.2");
	assert_int_equal(number(h, 4, "source"), 4000);
	assert_int_equal(number(h, 4, "destination"), 53);
	json_decref(h);
}

static void ipv6_too(void **state)
{
	json_t *h = trace_decode(in_ul6, sizeof(in_ul6), sizeof(in_ul6), false);

	assert_string_equal(names(h), "ipv6 udp gtpu ipv6 udp");
	assert_string_equal(word(h, 3, "source"), "2001:db8:45:2::2");
	json_decref(h);
}

/* What was not kept is not shown, and is no fault of the packet. */
static void of_a_part_what_is_there(void **state)
{
	static const struct {
		unsigned cap;
		const char *names;
	} cases[] = {
		{19, ""},
		{20, "ipv4"},
		{28, "ipv4 udp"},
		{36, "ipv4 udp gtpu"},
		{44, "ipv4 udp gtpu"},
		{64, "ipv4 udp gtpu ipv4"},
		{72, "ipv4 udp gtpu ipv4 udp"},
	};

	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		json_t *h = trace_decode(in_ul4, cases[i].cap, sizeof(in_ul4), false);

		assert_string_equal(names(h), cases[i].names);
		json_decref(h);
	}
}

static void frames(void **state)
{
	static const uint8_t macs[] = {2, 0, 0, 0, 0, 0x22, 2, 0, 0, 0, 0, 0x11};
	uint8_t frame[18 + sizeof(in_ul4)];
	json_t *h;

	memcpy(frame, macs, 12);
	memcpy(frame + 12, "\x81\x00\xa0\x07\x08\x00", 6);
	memcpy(frame + 18, in_ul4, sizeof(in_ul4));
	h = trace_decode(frame, sizeof(frame), sizeof(frame), true);
	assert_string_equal(names(h), "eth vlan ipv4 udp gtpu ipv4 udp");
	assert_string_equal(word(h, 0, "source"), "02:00:00:00:00:11");
	assert_string_equal(word(h, 0, "type"), "0x0800");
	assert_int_equal(number(h, 1, "id"), 7);
	assert_int_equal(number(h, 1, "priority"), 5);
	json_decref(h);
	h = trace_decode(frame, 9, 9, true);
	assert_string_equal(names(h), "eth");
	assert_true(strlen(word(h, 0, "malformed")) > 0);
	json_decref(h);
}

/* Nothing that a peer sends is more than malformed. */
static void any_bytes(void **state)
{
	uint8_t b[160];

	srand(11);
	for (int i = 0; i < 100000; i++) {
		uint32_t cap = (uint32_t)rand() % (sizeof(b) + 1);
		json_t *h;

		memcpy(b, i % 2 ? in_ul4 : in_ul6, sizeof(in_ul4));
		for (int k = rand() % 8; k > 0; k--)
			b[rand() % (int)sizeof(b)] = (uint8_t)rand();
		h = trace_decode(b, cap, cap + (rand() % 4 ? 0 : (uint32_t)rand() % 70000),
				 rand() % 4 == 0);
		assert_true(json_is_array(h));
		json_decref(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(objects_are_sound),
		cmocka_unit_test(wrong_requests_are_refused),
		cmocka_unit_test(readers_may_not_trace),
		cmocka_unit_test(scapys_uplink_packet),
		cmocka_unit_test(ipv6_too),
		cmocka_unit_test(of_a_part_what_is_there),
		cmocka_unit_test(frames),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
