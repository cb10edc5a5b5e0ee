/* SPDX-License-Identifier: BSD-3-Clause */
/* Random objects there and back, and bytes that are none. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"
#include "sample_test.h"

static struct cst_pool *pool, *pool2;
static uint64_t rng = 88172645463325252;

static uint64_t rnd(void)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	return rng ^= rng << 17;
}

static uint64_t between(uint64_t lo, uint64_t hi)
{
	return hi - lo == UINT64_MAX ? rnd() : lo + rnd() % (hi - lo + 1);
}

static json_t *random_object(const struct cst_object *o);

static json_t *random_uint(const struct cst_field *f)
{
	char buf[32];
	uint64_t v = between(f->min, cst_uint_max(f));

	if (rnd() % 4 == 0)
		v = rnd() % 2 ? f->min : cst_uint_max(f);
	if (v == 666) /* refused by rule_check() */
		v++;
	snprintf(buf, sizeof(buf), "0x%llx", (unsigned long long)v);
	return v > INT64_MAX || (f->flags & CST_F_HEX) ? json_string(buf) : json_integer(v);
}

static json_t *random_ip(bool six)
{
	char buf[64];
	uint64_t b[2] = {rnd(), rnd()};

	inet_ntop(six ? AF_INET6 : AF_INET, b, buf, sizeof(buf));
	return json_string(buf);
}

static json_t *random_value(const struct cst_field *f)
{
	char buf[64];
	uint64_t r = rnd();
	json_t *js;

	switch (f->type) {
	case CST_T_BOOL:
		return json_boolean(r & 1);
	case CST_T_UINT:
		return random_uint(f);
	case CST_T_STR:
		r = between(f->min, cst_str_max(f));
		for (uint64_t i = 0; i < r; i++)
			buf[i] = 'a' + rnd() % 26;
		return json_stringn(buf, r);
	case CST_T_ENUM:
		return json_string(f->names[r % cst_names_count(f->names)]);
	case CST_T_FLAGS:
		js = json_array();
		for (unsigned i = 0; f->names[i] != NULL; i++)
			if (rnd() & 1)
				json_array_append_new(js, json_string(f->names[i]));
		return js;
	case CST_T_IP:
		return random_ip(r & 1);
	case CST_T_IP4:
	case CST_T_IP6:
		return random_ip(f->type == CST_T_IP6);
	case CST_T_PREFIX:
		js = random_ip(r & 1);
		snprintf(buf, sizeof(buf), "%s/%u", json_string_value(js),
			 (unsigned)(rnd() % (r & 1 ? 129 : 33)));
		json_decref(js);
		return json_string(buf);
	case CST_T_MAC:
		snprintf(buf, sizeof(buf), "%02x:%02x:%02x:%02x:%02x:%02x", (uint8_t)r,
			 (uint8_t)(r >> 8), (uint8_t)(r >> 16), (uint8_t)(r >> 24),
			 (uint8_t)(r >> 32), (uint8_t)(r >> 40));
		return json_string(buf);
	default:
		return random_object(f->sub);
	}
}

static json_t *random_object(const struct cst_object *o)
{
	json_t *js = json_object();

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		json_t *v;

		if ((f->flags & CST_F_STATE) ||
		    (rnd() % 3 == 0 && !(f->flags & (CST_F_KEY | CST_F_REQUIRED))))
			continue;
		if (cst_is_list(f)) {
			v = json_array();
			for (unsigned n = 1 + rnd() % cst_list_max(f); n > 0; n--)
				json_array_append_new(v, random_value(f));
		} else {
			v = random_value(f);
		}
		json_object_set_new(js, f->name, v);
	}
	return js;
}

/* Is all of `part` in `whole` too? Defaults are in `whole` alone. */
static bool covers(const json_t *whole, const json_t *part)
{
	const char *key;
	json_t *v;
	size_t i;

	if (json_is_array(part)) {
		json_array_foreach (part, i, v)
			if (!covers(json_array_get(whole, i), v))
				return false;
		return json_array_size(whole) == json_array_size(part);
	}
	if (!json_is_object(part))
		return json_equal(whole, part);
	json_object_foreach ((json_t *)part, key, v)
		if (!covers(json_object_get(whole, key), v))
			return false;
	return true;
}

/* A decoded object in exactly-sized memory, so that ASan sees the first byte read beyond. */
static unsigned char *pack_random(size_t *len, json_t **text)
{
	json_t *js = random_object(&sample_object);
	struct cst_err e = {0};
	struct sample s;
	unsigned char *buf;

	cst_pool_reset(pool);
	if (cst_decode(&sample_object, js, false, pool, &s, &e) < 0)
		fail_msg("%s: %s in %s", e.field, e.reason, json_dumps(js, 0));
	*text = cst_encode(&sample_object, &s);
	if (!covers(*text, js))
		fail_msg("%s\nbecame %s", json_dumps(js, 0), json_dumps(*text, 0));
	*len = cst_pack(&sample_object, &s, NULL, 0);
	buf = malloc(*len);
	assert_int_equal(cst_pack(&sample_object, &s, buf, *len), *len);
	json_decref(js);
	return buf;
}

static void test_round_trip(void **state)
{
	for (int i = 0; i < 3000; i++) {
		struct sample s;
		json_t *text, *back;
		size_t len;
		unsigned char *buf = pack_random(&len, &text), *again = malloc(len);

		cst_pool_reset(pool2);
		assert_int_equal(cst_unpack(&sample_object, buf, len, pool2, &s), 0);
		back = cst_encode(&sample_object, &s);
		assert_true(json_equal(text, back));
		assert_int_equal(cst_pack(&sample_object, &s, again, len), len);
		assert_memory_equal(buf, again, len);
		json_decref(text);
		json_decref(back);
		free(buf);
		free(again);
	}
}

static void test_truncated(void **state)
{
	for (int i = 0; i < 200; i++) {
		struct sample s;
		json_t *text;
		size_t len;
		unsigned char *buf = pack_random(&len, &text);

		for (size_t n = 0; n < len; n++) {
			unsigned char *cut = malloc(n);

			memcpy(cut, buf, n);
			cst_pool_reset(pool2);
			assert_int_equal(cst_unpack(&sample_object, cut, n, pool2, &s), -74);
			free(cut);
		}
		buf = realloc(buf, len + 1);
		buf[len] = 0;
		assert_int_equal(cst_unpack(&sample_object, buf, len + 1, pool2, &s), -74);
		json_decref(text);
		free(buf);
	}
}

/* What is accepted after a mutation must be an object that the front door would take too. */
static void test_mutated(void **state)
{
	unsigned refused = 0, taken = 0;

	for (int i = 0; i < 20000; i++) {
		struct sample s, t;
		struct cst_err e;
		json_t *text, *js;
		size_t len;
		unsigned char *buf = pack_random(&len, &text);

		for (unsigned n = 1 + rnd() % 4; n > 0; n--)
			buf[rnd() % len] = rnd() % 2 ? rnd() : 1u << rnd() % 8;
		cst_pool_reset(pool2);
		if (cst_unpack(&sample_object, buf, len, pool2, &s) == 0) {
			s.has &= ~(UINT64_C(1) << cst_field_index(&sample_object, "hits"));
			js = cst_encode(&sample_object, &s);
			if (cst_decode(&sample_object, js, false, pool, &t, &e) < 0)
				fail_msg("%s: %s in %s", e.field, e.reason, json_dumps(js, 0));
			json_decref(js);
			taken++;
		} else {
			refused++;
		}
		json_decref(text);
		free(buf);
	}
	assert_true(refused > 1000 && taken > 1000);
}

static void test_cap(void **state)
{
	struct sample s = {.has = 1, .name = "abcdef"};
	unsigned char buf[8];

	memset(buf, 0xee, sizeof(buf));
	assert_int_equal(cst_pack(&sample_object, &s, buf, 4), 8);
	assert_int_equal(buf[4], 0xee);
	assert_int_equal(cst_pack(&sample_object, &s, buf, 8), 8);
	assert_memory_equal(buf,
			    "\x01\x06"
			    "abcdef",
			    8);
}

static void test_memory_bomb(void **state)
{
	static const struct cst_field fields[] = {
		CST_F_LIST(struct sample, numbers, CST_T_OBJ, struct sample, 0, 0, "many",
			   .sub = &sample_object),
	};
	static const struct cst_object many = CST_OBJECT("many", struct sample, fields, "many");
	static unsigned char buf[60000] = {1, 0xff, 0xff, 3};
	struct cst_pool *small = cst_pool_new();
	struct sample s;

	cst_pool_limit(small, 1 << 20);
	assert_int_equal(cst_unpack(&many, buf, sizeof(buf), small, &s), -74);
	buf[1] = 0x80; /* 50048 items */
	buf[2] = 0x87;
	assert_int_equal(cst_unpack(&many, buf, sizeof(buf), small, &s), -12);
	cst_pool_free(small);
}

static int setup(void **state)
{
	pool = cst_pool_new();
	pool2 = cst_pool_new();
	return 0;
}

static int teardown(void **state)
{
	cst_pool_free(pool);
	cst_pool_free(pool2);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),  cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_mutated),     cmocka_unit_test(test_cap),
		cmocka_unit_test(test_memory_bomb),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
