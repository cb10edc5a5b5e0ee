/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks behind the UE: as text, in the match, and who has them. */
#include "upf_framed.h"
#include "upf_net.h"
#include "upf_rules_test.h"

#define FRAMED(more)                                        \
	SESSION(1, UL(1, CHOOSE),                           \
		DL(2, "," UE ",'framed_routes':[" more "]," \
		      "'framed_ipv6_routes':['2001:db8:77::/48 :: 1']"))

static void test_net_text(void **state)
{
	static const struct {
		const char *text;
		uint8_t family, len; /* 0: refused */
	} cases[] = {
		{"192.0.2.0/24", 4, 24},
		{"192.0.2.0/24 10.45.0.2", 4, 24},
		{"  192.0.2.0/24\t0.0.0.0 1 2 -", 4, 0},
		{"192.0.2.0/24 0.0.0.0 1 2", 4, 24},
		{"192.0.2.0/24 1", 4, 0},
		{"192.0.2.0/24 2001:db8::1", 4, 0},
		{"192.0.2.1/24", 4, 0},
		{"192.0.2.0/33", 4, 0},
		{"0.0.0.0/0", 4, 0},
		{"224.0.0.0/8", 4, 0},
		{"127.0.0.0/8", 4, 0},
		{"", 4, 0},
		{"   ", 4, 0},
		{"10.0.0.0", 4, 8},
		{"172.16.0.0", 4, 16},
		{"192.168.7.0", 4, 24},
		{"10.1.0.0", 4, 0},
		{"2001:db8::/32", 4, 0},
		{"2001:db8:7::/48 :: 1", 6, 48},
		{"2001:db8:7::1/128", 6, 128},
		{"2001:db8:7::1", 6, 128},
		{"fe80::/64", 6, 0},
		{"ff02::/16", 6, 0},
		{"::/0", 6, 0},
		{"192.0.2.0/24", 6, 0},
		{"192.0.2.0/24 0.0.0.0 1 1 1 1 1 1 1 1 1", 4, 0},
		{"192.0.2.0/24 0.0.0.0 "
		 "1111111111111111111111111111111111111111111111111111111111111"
		 "1111",
		 4, 0},
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct upf_net n;
		int rc = upf_net_parse(cases[i].text, cases[i].family, &n, &err);

		if ((rc == 0) != (cases[i].len != 0) || (rc == 0 && n.len != cases[i].len))
			fail_msg("'%s': %d, %s", cases[i].text, rc, err.reason);
	}
}

static uint32_t framed_ref(uint64_t seid, const char *in, const char *prefix)
{
	const struct upf_session *s = upf_session_by_seid(seid);
	struct upf_net n;

	assert_int_equal(upf_net_parse(prefix, strchr(prefix, ':') ? 6 : 4, &n, &err), 0);
	for (unsigned i = 0; i < s->n_parts; i++)
		if (upf_parts(s)[i].kind == UPF_PART_FRAMED &&
		    upf_framed_is(upf_parts(s)[i].number, vrf(in), &n))
			return upf_tables.framed[upf_parts(s)[i].number];
	return 0;
}

static void test_framed(void **state)
{
	const struct upf_rules *r;
	uint32_t teid;

	(void)state;
	PUT(FRAMED("'192.168.7.0/24 10.45.0.2 1','192.168.7.128/25','172.30.0.0/16'"));
	r = run_of(1);
	teid = pdr_of(1, 1)->teid;
	assert_int_equal(r->n_nets, 3); /* what another one holds is not kept */
	assert_int_equal(UPF_REF_LINE(framed_ref(1, "internet", "192.168.7.0/24")),
			 upf_session_by_seid(1)->line);
	assert_int_not_equal(framed_ref(1, "internet", "172.30.0.0/16"), 0);
	assert_int_not_equal(framed_ref(1, "internet", "2001:db8:77::/48"), 0);
	assert_int_equal(framed_ref(1, "internet", "192.168.7.128/25"), 0);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 2);
	assert_int_equal(plain(1, "internet", "192.168.7.200"), 2);
	assert_int_equal(plain(1, "internet", "172.30.255.255"), 2);
	assert_int_equal(plain(1, "internet", "2001:db8:77:1::9"), 2);
	assert_int_equal(plain(1, "internet", "172.31.0.1"), -1);
	assert_int_equal(plain(1, "internet", "2001:db8:78::9"), -1);
	/* the uplink PDR names nothing: whoever is behind the UE may send, nobody else */
	assert_int_equal(tunnel(1, teid, "access", "10.45.0.2"), 1);
	assert_int_equal(tunnel(1, teid, "access", "192.168.7.1"), 1);
	assert_int_equal(tunnel(1, teid, "access", "2001:db8:77::1"), 1);
	assert_int_equal(tunnel(1, teid, "access", "192.168.8.1"), -1);
	assert_int_equal(tunnel(1, teid, "access", "2001:db8:45:1::1"), -1);
	/* the same numbers stay when other rules change; a smaller one takes a larger one's place
	 */
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['BUFF']}]}");
	assert_int_equal(UPF_REF_LINE(framed_ref(1, "internet", "192.168.7.0/24")),
			 upf_session_by_seid(1)->line);
	MODIFY("{'seid':1,'update_pdrs':[" DL(2,
					      "," UE ",'framed_routes':['192.168.7.64/26']") "]}");
	assert_int_equal(framed_ref(1, "internet", "192.168.7.0/24"), 0);
	assert_int_not_equal(framed_ref(1, "internet", "192.168.7.64/26"), 0);
	assert_int_equal(plain(1, "internet", "192.168.7.1"), -1);
	assert_int_equal(tunnel(1, teid, "access", "172.30.0.1"), -1);
	/* and none at all */
	MODIFY("{'seid':1,'update_pdrs':[" DL(2, "," UE) "]}");
	assert_int_equal(run_of(1)->n_nets, 0);
	cst_rcu_reclaim(true);
	assert_int_equal(upf_parts_used(UPF_PART_FRAMED), 0);
}

/* Downlink PDRs take what they name, and nothing else of the session. */
static void test_framed_by_pdr(void **state)
{
	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB
	    "],'pdrs':[" UL(1, CHOOSE) "," DL(2, "," UE) "," DL(
		    3, ",'framed_routes':['192.168.1.0/"
		       "24']") "," DL(4, ",'framed_routes':['192.168.2.0/24'],"
					 "'ue_ip_address':[{'ipv4':'10.45.0.2'}]") "]}");
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 2);
	assert_int_equal(plain(1, "internet", "192.168.1.9"), 3);
	assert_int_equal(plain(1, "internet", "192.168.2.9"), 4);
	assert_int_equal(plain(1, "internet", "192.168.3.9"), -1);
	MODIFY("{'seid':1,'remove_pdrs':[{'id':2}]}");
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 4);
	/* one that names nobody takes all */
	MODIFY("{'seid':1,'create_pdrs':[{'id':9,'precedence':900,'pdi':{'source_interface':"
	       "'core','network_instance':'internet'},'far_id':2}]}");
	assert_int_equal(plain(1, "internet", "192.168.1.9"), 3);
}

static void test_framed_refusals(void **state)
{
#define ROUTE2(r) SESSION(2, UL(1, CHOOSE), DL(2, ",'framed_routes':[" r "]"))
#define AT        "pdrs[1].pdi.framed_routes[0]"
	struct upf_inventory before;

	(void)state;
	PUT(FRAMED("'192.168.0.0/16'"));
	upf_inventory(&before);
	NO_PUT(ROUTE2("'192.168.0.0/16'"), -EADDRINUSE, AT, "192.168.0.0/16 of session 1");
	NO_PUT(ROUTE2("'192.168.9.0/24'"), -EADDRINUSE, AT, "session 1");
	NO_PUT(ROUTE2("'192.0.0.0/8'"), -EADDRINUSE, AT, "session 1");
	NO_PUT(ROUTE2("'10.45.9.0/24'"), -EEXIST, AT, "pool v4");
	NO_PUT(ROUTE2("'10.0.0.0/8'"), -EEXIST, AT, "pool v4");
	NO_PUT(ROUTE2("'198.51.100.0/24'"), -EEXIST, AT, "connected prefix");
	NO_PUT(ROUTE2("'nonsense'"), -EINVAL, AT, "does not begin");
	/* the first of several stays as little as the last */
	NO_PUT("[" SESSION(
		       3, UL(1, CHOOSE),
		       DL(2,
			  ",'framed_routes':['172.20.0.0/16','172.21.0.0/16']")) "," SESSION(4,
											     UL(1,
												CHOOSE),
											     DL(2,
												",'"
												"fr"
												"am"
												"ed"
												"_r"
												"ou"
												"te"
												"s'"
												":["
												"'1"
												"72"
												".2"
												"0."
												"7."
												"0/"
												"24"
												"'"
												"]")) "]",
	       -EADDRINUSE, "[1]." AT, "session 3");
	NO_MODIFY("{'seid':1,'update_pdrs':[" DL(
			  2, "," UE ",'framed_routes':['192.168.7.0/24','1.1']") "]}",
		  -EINVAL, "update_pdrs[0].pdi.framed_routes[1]", "does not begin");
	same_usage(&before);
	assert_int_not_equal(framed_ref(1, "internet", "192.168.0.0/16"), 0);
	NO_PUT(ROUTE2("'192.168.9.0/24'"), -EADDRINUSE, AT, "session 1");
	/* the same network in another instance is another one */
	PUT("{'seid':5,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
	    "'source_interface':'core','network_instance':'mec','framed_routes':['192.168.0.0/16']"
	    "},'far_id':1}]}");
	/* UE addresses and pools against them */
	NO_PUT(SESSION(6, UL(1, CHOOSE), DL(2, ",'ue_ip_address':[{'ipv4':'192.168.3.3'}]")),
	       -EADDRINUSE, "ue_ip_address", "framed route 192.168.0.0/16 of session 1");
	refused(&upf_pool_class, CST_OP_PUT,
		"{'name':'x','network_instance':'internet','prefix':'192.168.4.0/24'}", -EADDRINUSE,
		"prefix", "session 1");
	PUT(SESSION(7, UL(1, CHOOSE),
		    DL(2, ",'ue_ip_address':[{'ipv4':'172.16.0.1'}],"
			  "'framed_routes':['172.16.0.0/24']")));
	NO_PUT(ROUTE2("'172.16.0.0/12'"), -EADDRINUSE, AT, "session 7");
	/* one goes, the other takes it, in one call */
	DELETE("{'seid':7}");
	DELETE("{'seid':1}");
	PUT(ROUTE2("'192.168.9.0/24'"));
	assert_int_not_equal(framed_ref(2, "internet", "192.168.9.0/24"), 0);
}

/* Many: no overlap is missed, all can go again. The model is a list. */
static void test_framed_many(void **state)
{
	enum { N = 300, STEPS = 3000 };
	static struct {
		bool live;
		uint32_t base;
		unsigned len;
	} model[N];
	uint64_t x = 88172645463325252ull;

	(void)state;
	memset(model, 0, sizeof(model));
	for (int step = 0; step < STEPS; step++) {
		char text[900];
		bool fits = true;
		uint32_t base;
		unsigned i, len;

		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		i = x % N;
		len = 12 + (x >> 10) % 13;
		base = (100u << 24 | (uint32_t)(x >> 20 & 0x3fffff)) & ~0u << (32 - len);
		if (x >> 60 < 4) {
			snprintf(text, sizeof(text), "{'seid':%u}", i + 1);
			assert_int_equal(call(&upf_session_class, CST_OP_DELETE, text, NULL) == 0,
					 model[i].live);
			model[i].live = false;
			continue;
		}
		for (unsigned k = 0; k < N; k++) {
			unsigned l = model[k].len < len ? model[k].len : len;

			if (k != i && model[k].live && (model[k].base ^ base) >> (32 - l) == 0)
				fits = false;
		}
		snprintf(text, sizeof(text),
			 "{'seid':%u,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
			 "'source_interface':'core','network_instance':'internet','framed_routes':["
			 "'%u.%u.%u.%u/%u']},'far_id':1}]}",
			 i + 1, base >> 24, base >> 16 & 255, base >> 8 & 255, base & 255, len);
		if ((call(&upf_session_class, CST_OP_PUT, text, NULL) == 0) != fits)
			fail_msg("step %d: %s: %s", step, text, err.reason);
		if (fits) {
			model[i].live = true;
			model[i].base = base;
			model[i].len = len;
		}
	}
}

/* More failed plans in one transaction than there are numbers, as a start-up file may have that is
 * read on after errors: none gets a number whose network is still there. */
static void test_framed_many_failures(void **state)
{
	unsigned n = upf_parts_count(UPF_PART_FRAMED) + 100;
	struct cst_txn t = {.pool = cst_pool_new()};
	char text[600];

	(void)state;
	assert_int_equal(upf_session_class.party->begin(&t, &err), 0);
	for (unsigned i = 0; i < n; i++) {
		struct upf_session_obj s;
		json_t *j;

		snprintf(text, sizeof(text),
			 "{'seid':%u,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
			 "'source_interface':'core','network_instance':'internet','framed_routes':["
			 "'100.%u.%u.0/24'],'sdf_filters':[{'flow_description':'nonsense'}]},"
			 "'far_id':1}]}",
			 i + 1, 64 + i / 256, i % 256);
		j = quoted(text);
		assert_int_equal(cst_decode(&upf_session_object, j, false, t.pool, &s, &err), 0);
		assert_true(upf_session_class.put(&t, &s, &err) < 0);
		json_decref(j);
	}
	upf_session_class.party->abort(&t);
	cst_pool_free(t.pool);
	assert_int_equal(upf_parts_used(UPF_PART_FRAMED), 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_net_text), T(test_framed),      T(test_framed_by_pdr),
		T(test_framed_refusals),         T(test_framed_many), T(test_framed_many_failures),
	};

	return cmocka_run_group_tests(tests, setup, group_teardown);
}
