/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet PDU sessions without packets on wires: frames against rules, MAC addresses, groups. */
#include "net/frames.h"
#include "upf_eth_test.h"

/* ---- frames against rules ------------------------------------------------------------------ */

/* PDR that the frame falls to; 0: none. */
static int falls(uint64_t seid, enum upf_dir dir, uint64_t dst, uint64_t src, uint32_t outer,
		 uint32_t inner, uint16_t type)
{
	struct upf_ask ask = {.have = UPF_NEED_FRAME |
				      (dir == UPF_UL ? UPF_NEED_TUNNEL : UPF_NEED_PLAIN),
			      .vrf = vrf(dir == UPF_UL ? "access" : "lan")};
	const struct upf_pdr *p;
	struct upf_eth_frame f;
	uint8_t octets[60];

	frame(octets, dst, src, outer, inner, type);
	assert_int_equal(upf_eth_parse(octets, sizeof(octets), &f), 0);
	ask.teid = dir == UPF_UL ? pdr_of(seid, 1)->teid : 0;
	p = upf_eth_match(run_of(seid), dir, &ask, &f);
	return p ? p->id : 0;
}

static void frames_are_read_within_bounds(void **state)
{
	struct upf_eth_frame f;
	uint8_t octets[60];
	uint32_t hdr = frame(octets, D, A, 0x88a8312cu, 0x8100b007u, 0x88b5);

	(void)state;
	assert_int_equal(hdr, 22);
	for (uint32_t len = 0; len <= sizeof(octets); len++) {
		uint8_t *exact = malloc(len ? len : 1);

		memcpy(exact, octets, len);
		assert_int_equal(upf_eth_parse(exact, len, &f), len < hdr ? -1 : 0);
		if (len >= hdr)
			assert_int_equal(upf_eth_flow(&f)->family, 0);
		free(exact);
	}
	assert_int_equal(upf_eth_parse(octets, sizeof(octets), &f), 0);
	assert_true(f.dst == D && f.src == A && f.ethertype == 0x88b5);
	assert_int_equal(f.stag, 0x312c);
	assert_int_equal(f.ctag, 0xb007);
	assert_int_equal(f.tags, UPF_ETH_CTAG | UPF_ETH_STAG);
	frame(octets, D, 0, 0, 0, 0x0800);
	assert_int_equal(upf_eth_parse(octets, sizeof(octets), &f), -1);
	frame(octets, D, A | 1ull << 40, 0, 0, 0x0800);
	assert_int_equal(upf_eth_parse(octets, sizeof(octets), &f), -1);
	assert_true(upf_eth_is_reserved(0x0180c200000eull));
	assert_false(upf_eth_is_reserved(0x0180c2000010ull));
	assert_false(upf_eth_is_reserved(0x01154e000001ull)); /* PRP supervision */
}

static void filters_match(void **state)
{
	(void)state;
	PUT(ETHERNET(1,
		     ETH_UL(FILTERS("{'mac_addresses':[{'source':'02:00:00:00:0a:00',"
				    "'source_upper':'02:00:00:00:0a:ff'},"
				    "{'source':'02:00:00:00:0b:01',"
				    "'destination':'02:00:00:00:0d:01'}],"
				    "'c_tag':{'vid':7,'pcp':5}},"
				    "{'ethertype':'0x88b5','s_tag':{'dei':1}}")),
		     ETH_DL("")));
	assert_int_equal(falls(1, UPF_UL, D, A, 0x8100a007, 0, 0x0800), 1);
	assert_int_equal(falls(1, UPF_UL, D, A, 0x8100b007, 0, 0x0800), 1); /* whatever its DEI */
	assert_int_equal(falls(1, UPF_UL, D, A, 0x8100a008, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_UL, D, A, 0x81008007, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_UL, D, A, 0, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_UL, D, A, 0x88a8a007, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_UL, D, A, 0x88a80001, 0x8100a007, 0x0800), 1);
	assert_int_equal(falls(1, UPF_UL, D, B, 0x8100a007, 0, 0x0800), 1);
	assert_int_equal(falls(1, UPF_UL, A, B, 0x8100a007, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_UL, A, D, 0x88a81001, 0, 0x88b5), 1);
	assert_int_equal(falls(1, UPF_UL, A, D, 0x88a80001, 0, 0x88b5), 0);
	assert_int_equal(falls(1, UPF_DL, A, D, 0, 0, 0x1234), 2);
	DELETE("{'seid':1}");
}

static void references_turn_round(void **state)
{
	(void)state;
	PUT(ETHERNET(1,
		     ETH_UL(FILTERS("{'id':3,'bidirectional':true,'mac_addresses':[{'source':"
				    "'02:00:00:00:0a:01','destination':'02:00:00:00:0d:01'}]}")),
		     ETH_DL(FILTERS("{'id':3}"))));
	assert_int_equal(falls(1, UPF_UL, D, A, 0, 0, 0x0800), 1);
	assert_int_equal(falls(1, UPF_UL, A, D, 0, 0, 0x0800), 0);
	assert_int_equal(falls(1, UPF_DL, A, D, 0, 0, 0x0800), 2);
	assert_int_equal(falls(1, UPF_DL, D, A, 0, 0, 0x0800), 0);
	DELETE("{'seid':1}");
}

/* However an IP packet comes to such a session, and a frame to another one: no rule takes it. */
static void packets_and_frames_do_not_mix(void **state)
{
	struct cst_flow flow = {.family = 4};
	struct upf_ask ask = {.flow = &flow, .have = upf_have(4, true, true), .vrf = vrf("access")};
	int spoofed;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	assert_true(run_of(1)->flags & UPF_RULES_ETHERNET);
	ask.teid = pdr_of(1, 1)->teid;
	assert_null(upf_match_first_tunnel(run_of(1), &ask));
	assert_null(upf_match_tunnel(run_of(1), &ask, &spoofed));
	PUT(SESSION(2, UL(1, CHOOSE "," UE), DL(2, "," UE)));
	assert_int_equal(run_of(2)->flags & UPF_RULES_ETHERNET, 0);
	DELETE("[{'seid':1},{'seid':2}]");
}

static void refusals(void **state)
{
	(void)state;
	NO_PUT(ETHERNET(1, ETH_UL("," UE), ETH_DL("")), -EINVAL, "pdrs[0].pdi.ue_ip_address",
	       "no IP address");
	NO_PUT(ETHERNET(1, ETH_UL(",'framed_routes':['10.0.0.0/8']"), ETH_DL("")), -EINVAL,
	       "pdrs[0].pdi.framed_routes", "no IP address");
	NO_PUT(ETHERNET(1,
			ETH_UL(",'sdf_filters':[{'flow_description':'permit out ip from any to "
			       "any'}]"),
			ETH_DL("")),
	       -EINVAL, "pdrs[0].pdi.sdf_filters", "ethernet_packet_filters");
	NO_PUT(ETHERNET(1, ETH_UL(",'ethernet_pdu_session_information':true"), ETH_DL("")), -EINVAL,
	       "pdrs[0].pdi.ethernet_pdu_session_information", "source_interface is access");
	NO_PUT(ETHERNET(1, ETH_UL(FILTERS("{'id':1}")), ETH_DL("")), -EINVAL,
	       "pdrs[0].pdi.ethernet_packet_filters[0].id", "no bidirectional filter");
	NO_PUT(ETHERNET(1, ETH_UL(FILTERS("{'bidirectional':true,'ethertype':'0x88b5'}")),
			ETH_DL("")),
	       -EINVAL, "pdrs[0].pdi.ethernet_packet_filters[0].id", "required");
	NO_PUT(ETHERNET(1, ETH_UL(FILTERS("{'bidirectional':false}")), ETH_DL("")), -EINVAL,
	       "pdrs[0].pdi.ethernet_packet_filters[0]", "says nothing");
	NO_PUT(ETHERNET(1,
			ETH_UL(FILTERS("{'ethertype':'0x88b5','sdf_filters':[{'flow_description':"
				       "'permit out ip from any to any'}]}")),
			ETH_DL("")),
	       -EINVAL, "pdrs[0].pdi.ethernet_packet_filters[0].ethertype", "not IP's");
	NO_PUT(ETHERNET(1,
			ETH_UL(FILTERS("{'mac_addresses':[{'source':'02:00:00:00:00:02',"
				       "'source_upper':'02:00:00:00:00:01'}]}")),
			ETH_DL("")),
	       -EINVAL, "pdrs[0].pdi.ethernet_packet_filters[0].mac_addresses[0].source_upper",
	       "below");
	NO_PUT(ETHERNET(1, ETH_UL(FILTERS("{'c_tag':{}}")), ETH_DL("")), -EINVAL,
	       "pdrs[0].pdi.ethernet_packet_filters[0].c_tag.vid", "required");
	NO_PUT(SESSION(1, UL(1, CHOOSE "," UE), DL(2, ",'ethernet_pdu_session_information':true")),
	       -EINVAL, "pdrs[1].pdi.ethernet_pdu_session_information", "pdn_type is ethernet");
	NO_PUT("{'seid':1,'pdn_type':'ethernet','pdrs':[" ETH_UL("") "," ETH_DL(
		       "") "],"
			   "'fars':[" TO_CORE "," TO_GNB "]}",
	       -EINVAL, "pdrs[0].far_id", "into network instance internet");
	NO_PUT("{'seid':1,'pdn_type':'non-ip'}", -ENOTSUP, "pdn_type", "unstructured");
	same_usage(&empty);
}

/* ---- MAC addresses ------------------------------------------------------------------------- */

static uint32_t where(const char *in, uint64_t mac)
{
	return upf_eth_where(upf_eth_find(upf_eth_key(vrf(in), mac)));
}

static void heard(uint64_t mac, uint32_t at, uint32_t now)
{
	upf_eth_heard(upf_eth_key(vrf("lan"), mac), at, now);
}

static void addresses_are_learnt_and_forgotten(void **state)
{
	uint32_t a, b;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(2, ETH_UL(""), ETH_DL("")));
	a = run_of(1)->state;
	b = run_of(2)->state;
	heard(A, a, 10);
	heard(B, b, 10);
	heard(D, UPF_ETH_IFACE | 5, 10);
	assert_int_equal(where("lan", A), a);
	assert_int_equal(where("lan", D), UPF_ETH_IFACE | 5);
	assert_int_equal(where("internet", A), 0);
	heard(A, b, 11); /* moves */
	assert_int_equal(where("lan", A), b);
	assert_int_equal(upf_eth_stats.moved, 1);
	assert_int_equal(upf_eth_members[a].n_macs, 0);
	assert_int_equal(upf_eth_members[b].n_macs, 2);
	heard(B, b, 200);
	upf_eth_age_all(11 + UPF_ETH_AGE_S);
	assert_int_equal(where("lan", A), b);
	assert_int_equal(where("lan", D), 0);
	upf_eth_age_all(12 + UPF_ETH_AGE_S);
	assert_int_equal(where("lan", A), 0);
	assert_int_equal(where("lan", B), b);
	assert_int_equal(upf_eth_members[b].n_macs, 1);
	DELETE("{'seid':2}");
	assert_int_equal(where("lan", B), 0);
	heard(B, b, 201); /* what a worker saw before it ended */
	assert_int_equal(where("lan", B), 0);
	assert_int_equal(upf_eth_macs_count(), 0);
	DELETE("{'seid':1}");
}

static void one_session_has_so_many(void **state)
{
	uint32_t a;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	a = run_of(1)->state;
	for (uint64_t i = 0; i < 2 * UPF_ETH_SESSION_MACS; i++)
		heard(A + i, a, 1);
	assert_int_equal(upf_eth_macs_count(), UPF_ETH_SESSION_MACS);
	assert_int_equal(upf_eth_stats.refused, UPF_ETH_SESSION_MACS);
	assert_int_equal(where("lan", A + UPF_ETH_SESSION_MACS), 0);
	heard(A, a, 2); /* those that it has stay */
	assert_int_equal(where("lan", A), a);
	DELETE("{'seid':1}");
	assert_int_equal(upf_eth_macs_count(), 0);
}

static void the_table_fills_up(void **state)
{
	uint32_t found = 0;

	(void)state;
	for (uint64_t i = 0; i < UPF_ETH_MAX_MACS + 100; i++)
		heard(A + i * 0x10001, UPF_ETH_IFACE | 1, 1);
	assert_int_equal(upf_eth_macs_count(), UPF_ETH_MAX_MACS);
	for (uint64_t i = 0; i < UPF_ETH_MAX_MACS; i++)
		found += where("lan", A + i * 0x10001) == (UPF_ETH_IFACE | 1);
	assert_int_equal(found, UPF_ETH_MAX_MACS);
	upf_eth_forget(UPF_ETH_IFACE | 1);
	assert_int_equal(upf_eth_macs_count(), 0);
}

/* ---- groups -----------------------------------------------------------------------------------
 */

static uint32_t members(const char *in)
{
	const struct upf_eth_group *g = upf_eth_group_of(vrf(in));

	return g ? g->n : 0;
}

static void sessions_join_and_leave(void **state)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();
	uint32_t a, ref;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(2, ETH_UL(""), ETH_DL("")));
	PUT(SESSION(3, UL(1, CHOOSE "," UE), DL(2, "," UE)));
	assert_int_equal(members("lan"), 2);
	assert_int_equal(members("internet"), 0);
	a = t->find(1, &err);
	assert_int_equal(a, run_of(1)->state);
	assert_int_equal(t->find(3, &err), 0);
	assert_non_null(strstr(err.reason, "must be ethernet"));
	assert_int_equal(t->find(4, &err), 0);
	t->take(a, true);
	assert_true(upf_eth_is_taken(a));
	ref = upf_eth_ref(a);
	MODIFY("{'seid':1,'update_pdrs':[{'id':2,'precedence':9}]}");
	assert_int_not_equal(upf_eth_ref(a), ref);
	assert_int_equal(UPF_REF_LINE(upf_eth_ref(a)), upf_session_by_seid(1)->line);
	assert_int_equal(members("lan"), 2);
	assert_true(upf_eth_is_taken(a)); /* a change of rules does not end it */
	DELETE("{'seid':1}");
	assert_int_equal(members("lan"), 1);
	assert_int_equal(upf_eth_ref(a), 0);
	PUT(SESSION(2, UL(1, CHOOSE ",'ue_ip_address':[{'ipv4':'10.45.0.3'}]"),
		    DL(2, ",'ue_ip_address':[{'ipv4':'10.45.0.3'}]")));
	assert_int_equal(members("lan"), 0); /* it is another kind of session by now */
	DELETE("[{'seid':2},{'seid':3}]");
}

static void a_group_has_so_many(void **state)
{
	char text[2000];

	(void)state;
	for (unsigned i = 1; i <= UPF_ETH_GROUP_MAX; i++) {
		snprintf(text, sizeof(text), "{'seid':%u,%s", i,
			 strchr(ETHERNET(0, ETH_UL(""), ETH_DL("")), ',') + 1);
		PUT(text);
	}
	NO_PUT(ETHERNET(1025, ETH_UL(""), ETH_DL("")), -ENOSPC, "pdn_type", "1024");
	MODIFY("{'seid':7,'update_pdrs':[{'id':2,'precedence':9}]}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_read_within_bounds),
		cmocka_unit_test_teardown(filters_match, nothing_left),
		cmocka_unit_test_teardown(references_turn_round, nothing_left),
		cmocka_unit_test_teardown(packets_and_frames_do_not_mix, nothing_left),
		cmocka_unit_test_teardown(refusals, nothing_left),
		cmocka_unit_test_teardown(addresses_are_learnt_and_forgotten, nothing_left),
		cmocka_unit_test_teardown(one_session_has_so_many, nothing_left),
		cmocka_unit_test(the_table_fills_up),
		cmocka_unit_test_teardown(sessions_join_and_leave, nothing_left),
		cmocka_unit_test_teardown(a_group_has_so_many, nothing_left),
	};

	return cmocka_run_group_tests_name("upf_eth", tests, open_all, close_all);
}
