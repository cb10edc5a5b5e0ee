/* SPDX-License-Identifier: BSD-3-Clause */
/* session.top: rates from counters that stand in for the packet path's. */
#include <time.h>

#include "config.h"
#include "rpc/rpc.h"
#include "upf_ctl_test.h"
#include "upf_top.h"

#define MANY 400

static uint64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static void put(unsigned seid)
{
	char text[1000];

	snprintf(text, sizeof(text),
		 "{'seid':%u,'dnn':'internet','fars':[" TO_CORE "," TO_GNB "],'pdrs':[" UL(
			 1, CHOOSE) "," DL(2, ",'ue_ip_address':[{'ipv4':'10.45.%u.%u'}]") "]}",
		 seid, seid / 250, 1 + seid % 250);
	PUT(text);
}

static void count(unsigned seid, uint16_t pdr, uint64_t packets, uint64_t bytes)
{
	struct upf_count *c = &upf_tables.counts[pdr_of(seid, pdr)->counter];

	c->packets += packets;
	c->bytes += bytes;
}

static json_t *ask(const char *params)
{
	json_t *call = json_pack("{s:s, s:i, s:s, s:o}", "jsonrpc", "2.0", "id", 1, "method",
				 "session.top", "params", quoted(params));
	char *line = json_dumps(call, 0), *reply = cst_rpc_serve(line, strlen(line), false);
	json_t *got = json_loads(reply, 0, NULL), *result;

	result = json_incref(json_object_get(got, "result"));
	json_decref(got);
	json_decref(call);
	free(reply);
	free(line);
	return result;
}

static json_int_t seid_at(const json_t *result, size_t i)
{
	return json_integer_value(
		json_object_get(json_array_get(json_object_get(result, "items"), i), "seid"));
}

static double rate_at(const json_t *result, size_t i, const char *name)
{
	return json_real_value(
		json_object_get(json_array_get(json_object_get(result, "items"), i), name));
}

static size_t n_items(const json_t *result)
{
	return json_array_size(json_object_get(result, "items"));
}

static void test_rates(void **state)
{
	uint64_t t = real_ms();
	json_t *r;

	put(1);
	put(2);
	put(3);
	count(1, 1, 1000000, 1000000); /* before anybody asked: no rate */
	upf_top_tick(t);
	r = ask("{}");
	assert_true(json_is_false(json_object_get(r, "ready")));
	json_decref(r);
	upf_top_tick(t);
	count(1, 1, 10, 10000);
	count(2, 1, 5, 20000);
	count(2, 2, 5, 30000);
	count(3, 2, 1000, 1000);
	upf_top_tick(t + 500); /* too early for another round */
	r = ask("{}");
	assert_true(json_is_false(json_object_get(r, "ready")));
	json_decref(r);
	upf_top_tick(t + 2000);
	r = ask("{'by':'bits'}");
	assert_true(json_is_true(json_object_get(r, "ready")));
	assert_int_equal(json_integer_value(json_object_get(r, "seen")), 3);
	assert_int_equal(n_items(r), 3);
	assert_int_equal(seid_at(r, 0), 2);
	assert_int_equal(seid_at(r, 1), 1);
	assert_int_equal(seid_at(r, 2), 3);
	assert_true(rate_at(r, 0, "ul_bit_rate") == 80000);
	assert_true(rate_at(r, 0, "dl_bit_rate") == 120000);
	assert_true(rate_at(r, 0, "ul_packet_rate") == 2.5);
	assert_string_equal(json_string_value(cst_json_at(r, "items[0].ue_ipv4")), "10.45.0.3");
	assert_string_equal(json_string_value(cst_json_at(r, "items[0].dnn")), "internet");
	json_decref(r);
	r = ask("{'by':'packets','limit':2}");
	assert_int_equal(n_items(r), 2);
	assert_int_equal(seid_at(r, 0), 3);
	assert_true(rate_at(r, 0, "dl_packet_rate") == 500);
	json_decref(r);
	/* a session that ends is not shown; another one in its place starts from nothing */
	DELETE("{'seid':2}");
	cst_rcu_reclaim(true);
	put(4);
	count(4, 1, 7, 7000000);
	r = ask("{}");
	assert_int_equal(n_items(r), 2);
	json_decref(r);
	upf_top_tick(t + 3000);
	r = ask("{}");
	assert_int_equal(n_items(r), 0); /* nothing moved, and of 4 no rate is known */
	json_decref(r);
	/* after a while without questions everything is forgotten */
	upf_top_tick(real_ms() + UPF_TOP_FORGET_MS + 1000);
	r = ask("{}");
	assert_true(json_is_false(json_object_get(r, "ready")));
	json_decref(r);
	upf_top_stop();
}

/* More sessions than a round remembers: the busiest are those that it does. */
static void test_many(void **state)
{
	uint64_t t = real_ms();
	json_t *r;

	for (unsigned i = 1; i <= MANY; i++)
		put(i);
	json_decref(ask("{}"));
	upf_top_tick(t);
	for (unsigned i = 1; i <= MANY; i++)
		count(i, 1, 1, 1000 + i * 7919 % 401); /* in no order */
	upf_top_tick(t + 1000);
	r = ask("{'limit':256}");
	assert_int_equal(n_items(r), UPF_TOP_MAX);
	for (unsigned i = 0; i + 1 < UPF_TOP_MAX; i++)
		assert_true(rate_at(r, i, "ul_bit_rate") > rate_at(r, i + 1, "ul_bit_rate"));
	assert_true(rate_at(r, 0, "ul_bit_rate") == 8 * 1400);
	assert_true(rate_at(r, UPF_TOP_MAX - 1, "ul_bit_rate") == 8 * (1400 - UPF_TOP_MAX + 1));
	json_decref(r);
	r = ask("{'by':'packets','limit':257}");
	assert_null(r); /* refused */
	upf_top_stop();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_rates, nothing_left),
		cmocka_unit_test_teardown(test_many, nothing_left),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
