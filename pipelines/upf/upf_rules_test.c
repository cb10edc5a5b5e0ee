/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules beyond the ordinary session: PDRs with times, copies, 256 PDRs, several
 * anchors, network instances apart from each other.
 */
#include "upf_clock.h"
#include "upf_rules_test.h"
#include "upf_times.h"

/* ---- times -------------------------------------------------------------------------------- */

static uint64_t unix_s;

static void test_clock(struct upf_now *now)
{
	*now = (struct upf_now){.hz = 1000000000, .unix_ms = unix_s * 1000};
}

static void at(uint64_t t)
{
	unix_s = t;
	upf_times_run((uint32_t)t);
}

static void test_times(void **state)
{
	void (*before)(struct upf_now *) = upf_clock;
	uint32_t counter;

	(void)state;
	upf_clock = test_clock;
	at(1000);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	MODIFY("{'seid':1,'create_pdrs':["
	       "{'id':3,'precedence':10,'pdi':{'source_interface':'core','network_instance':"
	       "'internet'},'far_id':2,'activation_time':2000,'deactivation_time':3000},"
	       "{'id':4,'precedence':5,'pdi':{'source_interface':'core','network_instance':"
	       "'internet'},'far_id':2,'deactivation_time':2500,'activation_time':4000}]}");
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 4);
	counter = pdr_of(1, 3)->counter;
	at(1999);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 4);
	assert_true(pdr_of(1, 3)->flags & UPF_PDR_NEVER);
	at(2000);
	assert_false(pdr_of(1, 3)->flags & UPF_PDR_NEVER);
	at(2500);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 3);
	/* a change of something else leaves the times */
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['BUFF']}]}");
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 3);
	assert_int_equal(pdr_of(1, 3)->counter, counter);
	at(2999);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 3);
	at(3000);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 2);
	at(5000);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 4);
	assert_int_equal(upf_session_by_seid(1)->wake, 0);
	/* an end that is moved; a session that is gone when its time has come */
	MODIFY("{'seid':1,'update_pdrs':[{'id':4,'activation_time':1,'deactivation_time':6000}]}");
	MODIFY("{'seid':1,'update_pdrs':[{'id':4,'deactivation_time':7000}]}");
	at(6500);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 4);
	assert_int_equal(upf_session_by_seid(1)->wake, 7000);
	/* the same put after its time is no longer the same */
	unix_s = 7000;
	MODIFY("{'seid':1,'update_pdrs':[{'id':4,'deactivation_time':7000}]}");
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 2);
	MODIFY("{'seid':1,'update_pdrs':[{'id':4,'deactivation_time':8000}]}");
	DELETE("{'seid':1}");
	at(9000);
	upf_clock = before;
}

/* The clock is set back while what is due is compiled anew: it is, by one time. */
static void test_clock_set_back(void **state)
{
	void (*before)(struct upf_now *) = upf_clock;

	(void)state;
	upf_clock = test_clock;
	at(1000);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	MODIFY("{'seid':1,'create_pdrs':["
	       "{'id':3,'precedence':10,'pdi':{'source_interface':'core','network_instance':"
	       "'internet'},'far_id':2,'activation_time':2000,'deactivation_time':3000}]}");
	upf_times_run(2000);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 3);
	assert_int_equal(upf_session_by_seid(1)->wake, 3000);
	DELETE("{'seid':1}");
	upf_clock = before;
}

/* ---- filters ------------------------------------------------------------------------------ */

/* One id is one filter: told again it must be the same. */
static void test_filter_defined_twice(void **state)
{
#define FILTER(what) ",'sdf_filters':[{'id':1,'flow_description':'permit out " what "'}]"
#define DNS          FILTER("udp from any 53 to assigned")
	(void)state;
	NO_PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[" UL(1, CHOOSE DNS) "," DL(
		       2, "," UE FILTER("tcp from any 80 to assigned")) "," DL(3, ",'sdf_filters':["
										  "{'id':1}]") "]}",
	       -EINVAL, "pdrs[1].pdi.sdf_filters[0].id", "filter 1");
	PUT(SESSION(1, UL(1, CHOOSE DNS), DL(2, "," UE DNS)));
	NO_MODIFY("{'seid':1,'create_pdrs':[" DL(
			  3, ",'sdf_filters':[{'id':1,'flow_description':"
			     "'permit out udp from any 53 to assigned','spi':1}]") "]}",
		  -EINVAL, "create_pdrs[0].pdi.sdf_filters[0].id", "other contents");
	NO_MODIFY("{'seid':1,'create_pdrs':[" DL(
			  3, ",'sdf_filters':[{'id':7,'tos_traffic_class':'0x10fc'},"
			     "{'id':7,'tos_traffic_class':'0x20fc'}]") "]}",
		  -EINVAL, "create_pdrs[0].pdi.sdf_filters[1].id", "filter 7");
}

/* ---- copies ------------------------------------------------------------------------------- */

#define DUP(where, teid, ip)                                                                  \
	"{'destination_interface':'" where "','network_instance':'access',"                   \
	"'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':" #teid ",'ipv4':'" ip \
	"'}}"

static void test_copies(void **state)
{
	const struct upf_policy *p;
	const struct upf_pdr *c;
	struct upf_inventory before, after;

	(void)state;
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	upf_inventory(&before);
	MODIFY("{'seid':1,'update_fars':[{'id':1,'apply_action':['FORW','DUPL'],"
	       "'duplicating_parameters':[" DUP("li-function", 7, "192.0.2.77") "," DUP(
		       "cp-function", 8, "192.0.2.78") "]}]}");
	assert_true(pdr_of(1, 1)->flags & UPF_PDR_POLICY);
	assert_false(pdr_of(1, 2)->flags & UPF_PDR_POLICY);
	p = upf_line(run_of(1), pdr_of(1, 1)->policy);
	assert_int_equal(p->n_copies, 2);
	c = upf_line(run_of(1), p->copies);
	assert_int_equal(c[0].out_teid, 7);
	assert_int_equal(c[1].out_teid, 8);
	assert_int_equal(c[0].dest_if, UPF_IF_LI_FUNCTION);
	assert_int_equal(c[0].flags, UPF_PDR_ENCAP);
	assert_int_equal(c[0].out_vrf, vrf("access"));
	assert_memory_equal(upf_tables.peers[c[0].peer].hdr + 16, "\xc0\x00\x02\x4d", 4);
	upf_inventory(&after);
	assert_int_equal(after.peers, before.peers + 2);
	NO_MODIFY("{'seid':1,'update_fars':[{'id':1,'duplicating_parameters':[]}]}", -EINVAL,
		  "update_fars[0].duplicating_parameters", "required by DUPL");
	NO_MODIFY("{'seid':1,'update_fars':[{'id':1,'duplicating_parameters':[" DUP(
			  "li-function", 7,
			  "192.0.2.77") ",{'destination_interface':'core',"
					"'network_instance':'internet','outer_header_creation':{'"
					"description':"
					"'gtpu-udp-ipv4','teid':1,'ipv4':'1.2.3.4'}}]}]}",
		  -EINVAL, "update_fars[0].duplicating_parameters[1].outer_header_creation",
		  "no IPv4 GTP-U address");
	/* off again: the parameters may stay */
	MODIFY("{'seid':1,'update_fars':[{'id':1,'apply_action':['DROP']}]}");
	assert_false(pdr_of(1, 1)->flags & UPF_PDR_POLICY);
	cst_rcu_reclaim(true);
	upf_inventory(&after);
	assert_int_equal(after.peers, before.peers);
	MODIFY("{'seid':1,'update_fars':[{'id':1,'apply_action':['DROP','DUPL']}]}");
	assert_true(pdr_of(1, 1)->flags & UPF_PDR_POLICY);
}

/* ---- limits -----------------------------------------------------------------------------------
 */

static char *many_pdrs(unsigned n, bool own_teids)
{
	char *text = malloc(300 * 1024), *at_ = text;

	if (!text)
		abort();
	at_ += sprintf(at_, "{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[" DL(1, "," UE));
	for (unsigned i = 2; i <= n; i++)
		at_ += sprintf(at_,
			       ",{'id':%u,'precedence':%u,'pdi':{'source_interface':'access',"
			       "'network_instance':'access','f_teid':{'choose':true%s},"
			       "'sdf_filters':[{'id':%u,'flow_description':'permit out 17 from "
			       "any %u to assigned'}]},'outer_header_removal':'gtpu-udp-ip',"
			       "'far_id':1}",
			       i, n - i, own_teids ? "" : ",'choose_id':1", i, i);
	strcpy(at_, "]}");
	return text;
}

static void test_most_pdrs(void **state)
{
	char *text = many_pdrs(256, false);
	const struct upf_rules *r;
	uint32_t teid;

	(void)state;
	PUT(text);
	free(text);
	r = run_of(1);
	assert_int_equal(r->n_ul, 255);
	assert_in_range(r->sieve[UPF_UL].line, 1 + 256 + 255, r->n_lines - 32);
	assert_int_equal(r->sieve[UPF_DL].line, 0);
	assert_int_equal(upf_session_by_seid(1)->n_teids, 1);
	assert_int_equal(upf_session_by_seid(1)->n_states, 64);
	/* the last one to come is the first one looked at */
	assert_int_equal(upf_pdrs(r, UPF_UL)[0].id, 256);
	assert_int_equal(upf_pdrs(r, UPF_UL)[254].id, 2);
	teid = pdr_of(1, 2)->teid;
	for (uint16_t port = 2; port <= 256; port++) {
		struct cst_flow f = flow_of("10.45.0.2", "8.8.8.8");
		struct upf_ask q = {.flow = &f,
				    .have = upf_have(4, true, false),
				    .vrf = vrf("access"),
				    .teid = teid};
		int spoofed;

		f.dst_port = port;
		assert_int_equal(upf_match_tunnel(r, &q, &spoofed)->id, port);
	}
	for (unsigned i = 0; i < 256; i++)
		for (unsigned j = 0; j < i; j++)
			assert_int_not_equal(upf_run_pdrs(upf_session_by_seid(1))[i].counter,
					     upf_run_pdrs(upf_session_by_seid(1))[j].counter);
	NO_MODIFY("{'seid':1,'create_pdrs':[" UL(999, CHOOSE) "]}", -E2BIG, "create_pdrs",
		  "at most 256");
	MODIFY("{'seid':1,'update_pdrs':[{'id':7,'precedence':0}]}");
	/* each with a tunnel of its own, all others than before */
	text = many_pdrs(256, true);
	PUT(text);
	assert_int_equal(upf_session_by_seid(1)->n_teids, 255);
	PUT(text);
	free(text);
	text = many_pdrs(257, false);
	NO_PUT(text, -EINVAL, "pdrs", "256");
	free(text);
}

/* ---- instances ----------------------------------------------------------------------------------
 */

/* The same number in another network instance is another tunnel, whatever the PDI says. */
static void test_teid_of_instance(void **state)
{
	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
	    "'source_interface':'access','f_teid':{'choose':true}},'outer_header_removal':"
	    "'gtpu-udp-ip','far_id':1},{'id':2,'precedence':9,'pdi':{'source_interface':'access'},"
	    "'outer_header_removal':'gtpu-udp-ip','far_id':1}]}");
	assert_int_equal(pdr_of(1, 1)->in_vrf, vrf("default"));
	assert_int_equal(pdr_of(1, 2)->in_vrf, vrf("default"));
	assert_int_equal(tunnel(1, pdr_of(1, 1)->teid, "default", "10.0.0.1"), 1);
	assert_int_equal(tunnel(1, pdr_of(1, 1)->teid, "access", "10.0.0.1"), 0);
	assert_null(upf_match_signal(run_of(1), pdr_of(1, 1)->teid, vrf("access")));
	/* and what control planes choose may be the same in two of them */
	PUT("{'seid':2,'fars':[" TO_CORE
	    "],'pdrs':[" UL(1, "'f_teid':{'teid':'0x70000001','ipv4':'192.0.2.1'}") "]}");
	PUT("{'seid':3,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
	    "'source_interface':'access','network_instance':'old','f_teid':{'teid':'0x70000001',"
	    "'ipv4':'203.0.113.1'}},'outer_header_removal':'gtpu-udp-ip','far_id':1}]}");
	assert_int_equal(upf_session_by_ref(upf_find_teid(vrf("access"), 0x70000001))->seid, 2);
	assert_int_equal(upf_session_by_ref(upf_find_teid(vrf("old"), 0x70000001))->seid, 3);
	assert_int_equal(upf_find_teid(vrf("default"), 0x70000001), 0);
}

/* Two GTP-U addresses of one instance: each peer hears from the one on its own network. */
static void test_local_address(void **state)
{
	const struct upf_peer *p;

	(void)state;
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	p = &upf_tables.peers[pdr_of(1, 2)->peer];
	assert_memory_equal(p->hdr + 12, "\xc0\x00\x02\x01", 4);
	MODIFY("{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'outer_header_creation':"
	       "{'description':'gtpu-udp-ipv4','teid':1,'ipv4':'198.18.0.9'}}}]}");
	p = &upf_tables.peers[pdr_of(1, 2)->peer];
	assert_memory_equal(p->hdr + 12, "\xc6\x12\x00\x01\xc6\x12\x00\x09", 8);
	/* F-TEIDs may be named on either */
	MODIFY("{'seid':1,'create_pdrs':[" UL(
		3, "'f_teid':{'teid':'0x123456','ipv4':'198.18.0.1'}") "]}");
	/* beyond both networks: the first */
	MODIFY("{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'outer_header_creation':"
	       "{'description':'gtpu-udp-ipv4','teid':1,'ipv4':'198.19.0.9'}}}]}");
	p = &upf_tables.peers[pdr_of(1, 2)->peer];
	assert_memory_equal(p->hdr + 12, "\xc0\x00\x02\x01", 4);
}

/* One session, an anchor beyond N9 and one beside it: uplink by filter, downlink by where it
 * comes from. */
static void test_classifier(void **state)
{
	const struct upf_pdr *n9;
	uint32_t core_teid;

	(void)state;
	PUT("{'seid':1,'fars':["
	    "{'id':1,'apply_action':['FORW'],'forwarding_parameters':{'destination_interface':"
	    "'core','network_instance':'old','outer_header_creation':{'description':"
	    "'gtpu-udp-ipv4','teid':99,'ipv4':'203.0.113.7'}}}," TO_GNB ","
	    "{'id':3,'apply_action':['FORW'],'forwarding_parameters':{'destination_interface':"
	    "'core','network_instance':'mec'}}],'pdrs':["
	    "{'id':1,'precedence':255,'pdi':{'source_interface':'access','network_instance':"
	    "'access','f_teid':{'choose':true,'choose_id':1},'qfi':[9]},'far_id':1},"
	    "{'id':2,'precedence':255,'pdi':{'source_interface':'core','network_instance':'old',"
	    "'f_teid':{'choose':true}},'far_id':2},"
	    "{'id':3,'precedence':10,'pdi':{'source_interface':'access','network_instance':"
	    "'access','f_teid':{'choose':true,'choose_id':1},'sdf_filters':[{'id':1,"
	    "'flow_description':'permit out ip from 203.0.113.128/25 to assigned'}]},"
	    "'outer_header_removal':'gtpu-udp-ip','far_id':3},"
	    "{'id':4,'precedence':10,'pdi':{'source_interface':'core','network_instance':'mec',"
	    "'ue_ip_address':[{'ipv4':'10.45.0.2'}]},'far_id':2}]}");
	n9 = pdr_of(1, 1);
	core_teid = pdr_of(1, 2)->teid;
	assert_int_not_equal(core_teid, n9->teid);
	assert_true(n9->flags & UPF_PDR_KEEP);
	assert_int_equal(n9->out_vrf, vrf("old"));
	assert_int_equal(plain(1, "mec", "10.45.0.2"), 4);
	assert_int_equal(plain(1, "internet", "10.45.0.2"), 0);
	{
		struct cst_flow f = flow_of("10.45.0.2", "203.0.113.200");
		struct upf_ask q = {.flow = &f,
				    .have = upf_have(4, true, true),
				    .qfi_bit = 1 << 9,
				    .vrf = vrf("access"),
				    .teid = n9->teid};
		int spoofed;

		assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 3);
		f.dst.b[0] = 8;
		assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 1);
		/* from the anchor, by the tunnel for that and by no other */
		q.teid = core_teid;
		q.vrf = vrf("old");
		assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 2);
		q.vrf = vrf("access");
		assert_null(upf_match_tunnel(run_of(1), &q, &spoofed));
	}
}

/* Router advertisements from the SMF go to all nodes, or to the UE's link-local address. */
static void test_router_advertisement(void **state)
{
	struct cst_flow f = flow_of("fe80::1", "ff02::1");
	struct upf_ask q = {.flow = &f, .have = upf_have(6, true, false), .vrf = vrf("access")};
	int spoofed;

	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB
	    "],'pdrs':[" UL(1, CHOOSE) ","
				       "{'id':2,'precedence':9,'pdi':{'source_interface':'cp-"
				       "function','network_instance':"
				       "'access','f_teid':{'choose':true},'ue_ip_address':[{'ipv6':"
				       "'2001:db8:45:7::'}]},"
				       "'outer_header_removal':'gtpu-udp-ip','far_id':2}]}");
	q.teid = pdr_of(1, 2)->teid;
	assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 2);
	f = flow_of("fe80::1", "fe80::77");
	assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 2);
	f = flow_of("fe80::1", "2001:db8:45:7::5");
	assert_int_equal(upf_match_tunnel(run_of(1), &q, &spoofed)->id, 2);
	f = flow_of("fe80::1", "2001:db8:45:8::5");
	assert_null(upf_match_tunnel(run_of(1), &q, &spoofed));
}

static void test_far_refusals(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *field, *reason;
	} no[] = {
		{"{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW','IPMA']}]}", -ENOTSUP,
		 "update_fars[0].apply_action", "multicast"},
		{"{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW','EDRT']}]}", -EINVAL,
		 "pdr 2: pdi.redundant_transmission_parameters", "required"},
		{"{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW','DUPL']}]}", -EINVAL,
		 "update_fars[0].duplicating_parameters", "required"},
		{"{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{"
		 "'destination_interface':'li-function'}}]}",
		 -EINVAL, "update_fars[0].forwarding_parameters.destination_interface", "copies"},
		{"{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{"
		 "'transport_level_marking':'0xb8e0'}}]}",
		 -EINVAL, "update_fars[0].forwarding_parameters.transport_level_marking", "0xfc"},
		{"{'seid':1,'create_qers':[{'id':77,'ppi':3}]}", -ENOTSUP, "create_qers[0].ppi",
		 "not marked"},
		{"{'seid':1,'update_pdrs':[" DL(2, ",'application_id':'youtube'") "]}", -ENOTSUP,
		 "update_pdrs[0].pdi.application_id", "no application is known"},
		{"{'seid':1,'update_pdrs':[" DL(2,
						",'ue_ip_address':[{'ipv6':'2001:db8:45::'}]") "]}",
		 -EINVAL, "update_pdrs[0].pdi.ue_ip_address[0].ipv6", "pdn_type is ipv4"},
		{"{'seid':1,'update_pdrs':[" DL(
			 2, ",'ue_ip_address':[{'ipv4':'10.45.0.2','ipv6_prefix_length':60}]") "]}",
		 -EINVAL, "update_pdrs[0].pdi.ue_ip_address[0].ipv6_prefix_length",
		 "there is none"},
		{"{'seid':1,'update_pdrs':[" UL(1,
						"'f_teid':{'choose':true,'ipv4':'192.0.2.1'}") "]}",
		 -EINVAL, "update_pdrs[0].pdi.f_teid.ipv4", "with choose"},
		{"{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'outer_header_creation'"
		 ":{"
		 "'description':'gtpu-udp-ipv4','teid':1,'ipv4':'192.0.2.3','ipv6':'::9'}}}]}",
		 -EINVAL, "update_fars[0].forwarding_parameters.outer_header_creation.ipv6",
		 "description"},
		{"{'seid':1,'update_pdrs':[" DL(
			 2, ",'sdf_filters':[{'id':1,'flow_description':'permit out 17 from any to "
			    "assigned','spi':7}]") "]}",
		 -EINVAL, "update_pdrs[0].pdi.sdf_filters[0].spi", "protocol 17"},
		{"{'seid':1,'update_pdrs':[" DL(
			 2,
			 ",'sdf_filters':[{'id':1,'flow_description':'permit out ip from 1.2.3.4 "
			 "to assigned','flow_label':7}]") "]}",
		 -EINVAL, "update_pdrs[0].pdi.sdf_filters[0].flow_label", "IPv4"},
		{"{'seid':1,'update_pdrs':[{'id':2,'activation_time':5,'deactivation_time':5}]}",
		 -EINVAL, "update_pdrs[0].deactivation_time", "the same"},
	};

	(void)state;
	PUT("{'seid':1,'pdn_type':'ipv4','pdrs':[" UL(1, CHOOSE) "," DL(
		2, "," UE) "],'fars':[" TO_CORE "," TO_GNB "]}");
	for (unsigned i = 0; i < sizeof(no) / sizeof(*no); i++)
		NO_MODIFY(no[i].text, no[i].code, no[i].field, no[i].reason);
}

/* ---- replies ------------------------------------------------------------------------------- */

#define TEID(n) "'f_teid':{'teid':" n ",'ipv4':'192.0.2.1'}"

/* Of sessions in which nothing was chosen; a SEID as session.get shows it. */
static void test_plain_replies(void **state)
{
	json_t *replies, *wanted = quoted("[{'seid':'0xffffffffffffffff'},{'seid':7}]");

	(void)state;
	assert_int_equal(call(&upf_session_class, CST_OP_PUT,
			      "[{'seid':'18446744073709551615','pdrs':[" UL(
				      1, TEID("9")) "],'fars':[" TO_CORE
						    "]},{'seid':7,'pdrs':[" UL(
							    1, TEID("10")) "],'fars':[" TO_CORE
									   "]}]",
			      &replies),
			 0);
	assert_true(json_equal(replies, wanted));
	json_decref(replies);
	json_decref(wanted);
	DELETE("{'seid':'0xffffffffffffffff'}");
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		T(test_times),         T(test_clock_set_back), T(test_filter_defined_twice),
		T(test_copies),        T(test_most_pdrs),      T(test_teid_of_instance),
		T(test_local_address), T(test_classifier),     T(test_router_advertisement),
		T(test_far_refusals),  T(test_plain_replies),
	};

	return cmocka_run_group_tests(tests, setup, group_teardown);
}
