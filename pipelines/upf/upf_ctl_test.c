/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions through the control side: what each interoperability trap compiles to,
 * that what fails leaves no trace, who has which F-TEID and address. Memory is
 * compared byte by byte; a small model says what ought to be.
 */
#include "upf_ctl_test.h"

#define PLAIN SESSION(1, UL(1, CHOOSE), DL(2, "," UE))

/* ---- what rules become ------------------------------------------------------------------ */

static void test_plain(void **state)
{
	const struct upf_rules *r;
	const struct upf_pdr *ul, *dl;
	const struct upf_teid_slot *slot;
	struct cst_ip ue;

	(void)state;
	PUT(PLAIN);
	r = run_of(1);
	ul = pdr_of(1, 1);
	dl = pdr_of(1, 2);
	assert_int_equal(r->seid, 1);
	assert_int_equal(r->n_lines, 3);
	assert_int_equal(r->n_ul, 1);
	assert_int_equal(r->n_dl, 1);
	assert_int_equal(r->vrf, vrf("internet"));
	assert_int_equal(r->flags, UPF_RULES_V4);
	assert_memory_equal(&r->ue_v4, "\x0a\x2d\x00\x02", 4);
	assert_int_not_equal(ul->teid, 0);
	slot = &upf_tables.teids[ul->teid >> upf_tables.teid_tag_bits];
	assert_int_equal(slot->tag, upf_teid_slot(&upf_tables, ul->teid, 0, r->state).tag);
	assert_int_equal(UPF_REF_LINE(slot->ref), upf_session_by_seid(1)->line);
	assert_int_equal(upf_find_teid(vrf("access"), ul->teid), slot->ref);
	assert_int_equal(cst_ip_from_text("10.45.0.2", &ue), 0);
	assert_int_equal(addr_find(vrf("internet"), &ue), slot->ref);
	assert_int_equal(ul->in_vrf, vrf("access"));
	assert_int_equal(ul->out_vrf, vrf("internet"));
	assert_int_equal(ul->action, UPF_FORW);
	assert_int_equal(ul->need, UPF_NEED_TUNNEL);
	assert_true(ul->qfi_set == UINT64_MAX);
	assert_int_equal(dl->need, UPF_NEED_PLAIN | UPF_NEED_V4);
	assert_int_equal(dl->flags, UPF_PDR_ENCAP);
	assert_int_equal(dl->out_teid, 0x11);
	assert_int_equal(upf_tables.peers[dl->peer].refs, 1);
	assert_memory_equal(upf_tables.peers[dl->peer].hdr + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02",
			    8);
	assert_int_not_equal(ul->counter, dl->counter);
	assert_int_not_equal(ul->counter / 4, 0);
}

/* Trap 1: the same choose id in a later modification is the same F-TEID. */
static void test_choose_id(void **state)
{
	uint32_t teid;

	(void)state;
	PUT(PLAIN);
	teid = pdr_of(1, 1)->teid;
	MODIFY("{'seid':1,'create_pdrs':[" UL(3, CHOOSE) "]}");
	assert_int_equal(pdr_of(1, 3)->teid, teid);
	MODIFY("{'seid':1,'remove_pdrs':[{'id':1},{'id':3}]}");
	MODIFY("{'seid':1,'create_pdrs':[" UL(4, CHOOSE) "]}");
	assert_int_equal(pdr_of(1, 4)->teid, teid);
	MODIFY("{'seid':1,'create_pdrs':[" UL(5, "'f_teid':{'choose':true,'choose_id':6}") "," UL(
		6, "'f_teid':{'choose':true}") "," UL(7, "'f_teid':{'choose':true}") "]}");
	assert_int_not_equal(pdr_of(1, 5)->teid, teid);
	assert_int_not_equal(pdr_of(1, 6)->teid, pdr_of(1, 5)->teid);
	assert_int_not_equal(pdr_of(1, 6)->teid, pdr_of(1, 7)->teid);
	/* without a choose id it is the PDR's: goes with it, stays through its updates */
	teid = pdr_of(1, 6)->teid;
	MODIFY("{'seid':1,'update_pdrs':[{'id':6,'precedence':7}],'remove_pdrs':[{'id':7}]}");
	assert_int_equal(pdr_of(1, 6)->teid, teid);
	/* and a control plane may name it by the value it was told */
	{
		char text[600];

		snprintf(text, sizeof(text),
			 "{'seid':1,'update_pdrs':[{'id':6,'pdi':{'source_interface':'access',"
			 "'network_instance':'access','f_teid':{'teid':'0x%x','ipv4':'192.0.2.1'}}}"
			 "]}",
			 teid);
		MODIFY(text);
	}
	assert_int_equal(pdr_of(1, 6)->teid, teid);
	assert_int_equal(upf_find_teid(vrf("access"), teid) != 0, 1);
}

/* Trap 2: a dedicated flow's downlink PDR without the UE's address; uplink spoofing is still seen.
 */
static void test_inherits_address(void **state)
{
	(void)state;
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	MODIFY("{'seid':1,'create_pdrs':[" DL(
		9, ",'sdf_filters':[{'id':1,"
		   "'flow_description':'permit out ip from 1.2.3.4 to assigned'}]") "]}");
	assert_int_equal(pdr_of(1, 9)->need, UPF_NEED_PLAIN);
	assert_int_equal(pdr_of(1, 9)->n_sdf, 1);
	assert_true(pdr_of(1, 1)->flags & UPF_PDR_SPOOF);
	/* not what a gNB forwards during a handover: its source is the remote end */
	MODIFY("{'seid':1,'create_pdrs':[" UL(10,
					      "'f_teid':{'choose':true},"
					      "'source_interface_type':'upf-ul-forwarding'") "]}");
	assert_false(pdr_of(1, 10)->flags & UPF_PDR_SPOOF);
}

/* Trap 3: a filter by reference, to a PDR that comes later in the message. */
static void test_filter_reference(void **state)
{
	const struct upf_sdf *a, *b;

	(void)state;
	PUT(SESSION(1, UL(1, CHOOSE ",'sdf_filters':[{'id':3}]"),
		    DL(2, "," UE ",'sdf_filters':[{'id':3,'flow_description':"
			  "'permit out 17 from 10.201.0.0/16 53,80-90 to any'}]")));
	assert_int_equal(pdr_of(1, 1)->n_sdf, 2);
	a = sdf_of(1, 1);
	b = sdf_of(1, 2);
	assert_memory_equal(a, b, 2 * sizeof(*a));
	assert_int_equal(a->proto, 17);
	assert_int_equal(a->remote_len, 16);
	assert_int_equal(a->ue_len, 0);
	assert_int_equal(a->remote_port_lo, 53);
	assert_int_equal(a[1].remote_port_hi, 90);
	assert_int_equal(a->id, 3);
	NO_MODIFY("{'seid':1,'remove_pdrs':[{'id':2}]}", -EINVAL, "pdr 1: pdi.sdf_filters[0].id",
		  "no filter");
}

/* Trap 4: all families that there are, whatever the flags said. */
static void test_reply(void **state)
{
	json_t *all, *reply, *pdr, *f;

	(void)state;
	assert_int_equal(call(&upf_session_class, CST_OP_PUT,
			      "{'pdrs':[" UL(1, CHOOSE) "," DL(
				      2, ",'ue_ip_address':[{"
					 "'choose_v4':true,'choose_v6':true}]") "],'fars':[" TO_CORE
										"," TO_GNB "]}",
			      &all),
			 0);
	reply = json_array_get(all, 0);
	assert_true(json_integer_value(json_object_get(reply, "seid")) > 0);
	pdr = json_array_get(json_object_get(reply, "created_pdrs"), 0);
	f = json_object_get(pdr, "f_teid");
	assert_string_equal(json_string_value(json_object_get(f, "ipv4")), "192.0.2.1");
	assert_string_equal(json_string_value(json_object_get(f, "ipv6")), "2001:db8:3::1");
	assert_non_null(json_object_get(f, "teid"));
	pdr = json_array_get(json_object_get(reply, "created_pdrs"), 1);
	f = json_object_get(pdr, "ue_ip_address");
	assert_string_equal(json_string_value(json_object_get(f, "ipv4")), "10.45.0.1");
	assert_non_null(strstr(json_string_value(json_object_get(f, "ipv6")), "2001:db8:45:"));
	json_decref(all);
}

/* Trap 13: never raw IP to a gNB. And the outer header stays through an update without one. */
static void test_far_updates(void **state)
{
	const struct upf_pdr *dl;
	uint32_t counter;

	(void)state;
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	counter = pdr_of(1, 2)->counter;
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['BUFF','NOCP']}]}");
	dl = pdr_of(1, 2);
	assert_int_equal(dl->action, UPF_BUFF);
	assert_int_equal(dl->out_teid, 0x11);
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW'],'forwarding_parameters':{"
	       "'destination_interface':'access'}}]}");
	dl = pdr_of(1, 2);
	assert_int_equal(dl->action, UPF_FORW);
	assert_true(dl->flags & UPF_PDR_ENCAP);
	assert_int_equal(dl->out_teid, 0x11);
	assert_int_equal(dl->counter, counter);
	MODIFY("{'seid':1,'remove_fars':[{'id':2}],'create_fars':[{'id':2,'apply_action':['FORW'],"
	       "'forwarding_parameters':{'destination_interface':'access'}}]}");
	dl = pdr_of(1, 2);
	assert_int_equal(dl->action, UPF_DROP);
	assert_false(dl->flags & UPF_PDR_ENCAP);
	/* path switch to an IPv6 gNB */
	MODIFY("{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'outer_header_creation':{"
	       "'description':'gtpu-udp-ipv6','teid':'0x22','ipv6':'2001:db8:3::2'}}}]}");
	dl = pdr_of(1, 2);
	assert_int_equal(dl->action, UPF_FORW);
	assert_int_equal(upf_tables.peers[dl->peer].family, 6);
	assert_int_equal(upf_tables.peers[dl->peer].hdr_len, 48);
}

static void test_order(void **state)
{
	const struct upf_pdr *p;

	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':["
	    "{'id':7,'precedence':20,'pdi':{'source_interface':'core','network_instance':'internet'"
	    "},'far_id':2},"
	    "{'id':5,'precedence':20,'pdi':{'source_interface':'core','network_instance':'internet'"
	    "},'far_id':2},"
	    "{'id':6,'precedence':10,'pdi':{'source_interface':'cp-function'},'far_id':2},"
	    "{'id':9,'precedence':20,'pdi':{'source_interface':'core','network_instance':'internet'"
	    "},'far_id':2}," UL(3, CHOOSE) "]}");
	p = upf_run_pdrs(upf_session_by_seid(1));
	assert_int_equal(p[0].id, 3);
	assert_int_equal(p[1].id, 6);
	assert_int_equal(p[2].id, 7);
	assert_int_equal(p[3].id, 5);
	assert_int_equal(p[4].id, 9);
}

static bool gate_closed(uint64_t seid, uint16_t id)
{
	const struct upf_pdr *p = pdr_of(seid, id);
	const struct upf_policy *policy =
		(const struct upf_policy *)((const char *)run_of(seid) + 64 * p->policy);

	return (p->flags & UPF_PDR_POLICY) && (policy->flags & UPF_POLICY_GATE);
}

static void test_qos(void **state)
{
	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':["
	    "{'id':1,'precedence':1,'pdi':{'source_interface':'access','network_instance':'access'"
	    "," CHOOSE ",'qfi':[9]},'outer_header_removal':'gtpu-udp-ip','far_id':1,'qer_ids':[1]},"
	    "{'id':2,'precedence':1,'pdi':{'source_interface':'core','network_instance':'internet'"
	    "," UE "},'far_id':2,'qer_ids':[1,2]}],'qers':[{'id':1,'mbr':{'ul':50000,'dl':100000}},"
	    "{'id':2,'qfi':7,'rqi':true,'gate_status':{'ul':'open','dl':'open'}}]}");
	assert_true(pdr_of(1, 1)->qfi_set == 1ull << 9);
	assert_int_equal(pdr_of(1, 2)->out_qfi, 7);
	assert_true(pdr_of(1, 2)->flags & UPF_PDR_PSC);
	assert_true(pdr_of(1, 2)->flags & UPF_PDR_PSC_RQI);
	MODIFY("{'seid':1,'update_qers':[{'id':2,'gate_status':{'ul':'open','dl':'closed'}}]}");
	assert_true(gate_closed(1, 2));
	assert_false(gate_closed(1, 1));
	/* no QER: the QFI that uplink comes with */
	MODIFY("{'seid':1,'update_pdrs':[{'id':2,'qer_ids':[]}],'remove_qers':[{'id':2}]}");
	assert_int_equal(pdr_of(1, 2)->out_qfi, 9);
	/* no QFI anywhere: no container */
	MODIFY("{'seid':1,'update_pdrs':[{'id':1,'pdi':{'source_interface':'access',"
	       "'network_instance':'access'," CHOOSE "}}]}");
	assert_false(pdr_of(1, 2)->flags & UPF_PDR_PSC);
}

/* The source interface decides, not S/D: an SMF sends 0 for downlink too. */
static void test_sd_and_families(void **state)
{
	const struct upf_rules *r;

	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB "],'pdrs':[" UL(
		1,
		CHOOSE ",'ue_ip_address':[{'ipv4':'10.45.0.9','sd':'"
		       "source'}]") "," DL(2, ",'ue_ip_address':[{'ipv4':"
					      "'10.45.0.9','sd':'source'}"
					      "]") "," DL(3, ",'ue_ip_address':[{'ipv6':'2001:db8:"
							     "45:7::1','sd':'destination'}]") "]}");
	r = run_of(1);
	assert_int_equal(r->flags, UPF_RULES_V4 | UPF_RULES_V6);
	assert_memory_equal(r->ue_v6, "\x20\x01\x0d\xb8\x00\x45\x00\x07", 8);
	assert_int_equal(r->ue_v6_len, 64);
	assert_int_equal(pdr_of(1, 1)->need, UPF_NEED_TUNNEL | UPF_NEED_V4);
	assert_int_equal(pdr_of(1, 3)->need, UPF_NEED_PLAIN | UPF_NEED_V6);
	assert_true(pdr_of(1, 1)->flags & UPF_PDR_SPOOF);
}

/* A UPF between two others gets downlink by tunnel too, and takes it by the TEID. */
static void test_intermediate(void **state)
{
	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB
	    "],'pdrs':[" UL(1, CHOOSE) ","
				       "{'id':2,'precedence':255,'pdi':{'source_interface':'core','"
				       "network_instance':'old',"
				       "'f_teid':{'choose':true}," UE "},'far_id':2}]}");
	assert_int_equal(pdr_of(1, 2)->need, UPF_NEED_TUNNEL | UPF_NEED_V4);
	assert_true(pdr_of(1, 2)->flags & UPF_PDR_SPOOF);
	assert_true(pdr_of(1, 2)->flags & UPF_PDR_KEEP);
	assert_false(pdr_of(1, 1)->flags & UPF_PDR_KEEP);
	assert_int_equal(upf_session_by_seid(1)->n_addrs, 0);
}

/* An establishment as Open5GS sends it: one network instance for all, router solicitations to and
 * advertisements from the SMF by tunnels of their own; a dedicated flow in a later modification. */
static void test_open5gs(void **state)
{
	const char *flow =
		"{'seid':1,'create_pdrs':[{'id':5,'precedence':10,'pdi':{'source_interface':'core',"
		"'network_instance':'OLD','sdf_filters':[{'id':3,'flow_description':"
		"'permit out ip from 10.201.0.0/16 to "
		"any'}]},'far_id':1},{'id':6,'precedence':10,'pdi':{"
		"'source_interface':'access','network_instance':'OLD','f_teid':{'choose':true,"
		"'choose_id':5},'qfi':[2],'sdf_filters':[{'id':3}]},'outer_header_removal':'gtpu-"
		"udp-ip',"
		"'far_id':2}]}";

	(void)state;
	PUT("{'seid':1,'pdrs':[{'id':1,'precedence':65535,'pdi':{'source_interface':'core',"
	    "'network_instance':'OLD','ue_ip_address':[{'ipv4':'10.99.0.2','sd':'destination'}],"
	    "'source_interface_type':'n6'},'far_id':1},{'id':2,'precedence':65535,'pdi':{"
	    "'source_interface':'access','network_instance':'OLD','f_teid':{'choose':true,"
	    "'choose_id':5},'qfi':[1],'source_interface_type':'n3-3gpp-access'},"
	    "'outer_header_removal':'gtpu-udp-ip','far_id':2},{'id':3,'precedence':255,'pdi':{"
	    "'source_interface':'cp-function','network_instance':'OLD','f_teid':{'choose':true}},"
	    "'outer_header_removal':'gtpu-udp-ip','far_id':1},{'id':4,'precedence':255,'pdi':{"
	    "'source_interface':'access','network_instance':'OLD','f_teid':{'choose':true,"
	    "'choose_id':5},'sdf_filters':[{'flow_description':"
	    "'permit out 58 from ff02::2/128 to assigned'}]},'outer_header_removal':'gtpu-udp-ip',"
	    "'far_id':3}],'fars':[{'id':1,'apply_action':['BUFF','NOCP'],'bar_id':1},{'id':2,"
	    "'apply_action':['FORW'],'forwarding_parameters':{'destination_interface':'core',"
	    "'network_instance':'OLD'}},{'id':3,'apply_action':['FORW'],'forwarding_parameters':{"
	    "'destination_interface':'cp-function','network_instance':'OLD','outer_header_creation'"
	    ":{"
	    "'description':'gtpu-udp-ipv4','teid':3,'ipv4':'203.0.113.4'}}}],'bars':[{'id':1}]}");
	assert_int_equal(pdr_of(1, 1)->need, UPF_NEED_PLAIN | UPF_NEED_V4);
	assert_int_equal(pdr_of(1, 1)->action, UPF_BUFF);
	assert_int_equal(upf_session_by_seid(1)->n_addrs, 1);
	assert_int_equal(upf_session_by_seid(1)->n_teids, 2);
	assert_int_equal(pdr_of(1, 2)->teid, pdr_of(1, 4)->teid);
	assert_int_not_equal(pdr_of(1, 2)->teid, pdr_of(1, 3)->teid);
	assert_int_equal(pdr_of(1, 4)->dest_if, UPF_IF_CP_FUNCTION);
	assert_true(pdr_of(1, 4)->flags & UPF_PDR_ENCAP);
	assert_int_equal(sdf_of(1, 4)->ue_len, 0);
	assert_int_equal(sdf_of(1, 4)->remote_len, 128);
	MODIFY(flow);
	assert_int_equal(pdr_of(1, 5)->need, UPF_NEED_PLAIN);
	assert_int_equal(pdr_of(1, 6)->teid, pdr_of(1, 2)->teid);
	assert_memory_equal(sdf_of(1, 5), sdf_of(1, 6), 64);
	MODIFY("{'seid':1,'update_fars':[{'id':1,'apply_action':['FORW'],'forwarding_parameters':{"
	       "'destination_interface':'access','network_instance':'OLD','outer_header_creation':{"
	       "'description':'gtpu-udp-ipv4','teid':17,'ipv4':'203.0.113.2'}}}]}");
	assert_int_equal(pdr_of(1, 3)->action, UPF_FORW);
	assert_int_equal(pdr_of(1, 5)->out_teid, 17);
	/* no QER in sight: the default flow's QFI, which uplink tells */
	assert_int_equal(pdr_of(1, 1)->out_qfi, 1);
}

/* ---- refusals ------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
	static const struct {
		const char *text;
		int code;
		const char *field, *reason;
	} no[] = {
		{"{'seid':1,'update_fars':[{'id':9,'apply_action':['DROP']}]}", -ENOENT,
		 "update_fars[0].id", "no FAR 9"},
		{"{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW','DROP']}]}", -EINVAL,
		 "update_fars[0].apply_action", "exactly one"},
		{"{'seid':1,'remove_fars':[{'id':2}]}", -EINVAL, "pdr 2: far_id", "no FAR 2"},
		{"{'seid':1,'create_pdrs':[" UL(1, CHOOSE) "]}", -EEXIST, "create_pdrs[0].id",
		 "already"},
		{"{'seid':1,'create_pdrs':[" UL(3,
						"'f_teid':{'teid':'0x77','ipv4':'192.0.2.9'}") "]}",
		 -EINVAL, "create_pdrs[0].pdi.f_teid.ipv4", "not a GTP-U address"},
		{"{'seid':1,'create_pdrs':[" UL(
			 3,
			 "'f_teid':{'teid':'0x777','ipv4':'192.0."
			 "2.1'}") "," UL(4, "'f_teid':{'choose':true}") "," DL(5, ",'framed_routes'"
										  ":['10.0."
										  "0.0/8']") "]}",
		 -EEXIST, "create_pdrs[2].pdi.framed_routes[0]", "pool"},
		{"{'seid':1,'create_pdrs':[" DL(3, ",'ue_ip_address':[{'ipv4':'10.45.0.77'}]") "]}",
		 -EINVAL, "create_pdrs[0].pdi.ue_ip_address[0].ipv4", "another address"},
		{"{'seid':1,'create_pdrs':[" DL(3, ",'sdf_filters':[{'id':1,'flow_description':"
						   "'permit out ip'}]") "]}",
		 -EINVAL, "create_pdrs[0].pdi.sdf_filters[0].flow_description", "from"},
		{"{'seid':1,'create_pdrs':[" UL(3, "'f_teid':{'choose':true}") "," DL(
			 4, ",'sdf_filters':[{'id':77}]") "]}",
		 -EINVAL, "create_pdrs[1].pdi.sdf_filters[0].id", "no filter"},
		{"{'seid':1,'create_pdrs':[{'id':3,'precedence':1,'pdi':{'source_interface'"
		 ":'"
		 "access',"
		 "'network_instance':'nowhere'},'far_id':1}]}",
		 -ENOENT, "create_pdrs[0].pdi.network_instance", "nowhere"},
		{"{'seid':1,'create_pdrs':[{'id':3,'precedence':1,'pdi':{'source_interface'"
		 ":'"
		 "access',"
		 "'network_instance':'internet','f_teid':{'choose':true}},'far_id':1}]}",
		 -EINVAL, "create_pdrs[0].pdi.f_teid", "ends no tunnels"},
		{"{'seid':1,'create_pdrs':[{'id':3,'precedence':1,'pdi':{'source_interface'"
		 ":'"
		 "access',"
		 "'f_teid':{'choose':true}},'far_id':1}]}",
		 -EINVAL, "create_pdrs[0].pdi.network_instance", "named default"},
		{"{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'network_"
		 "instance':'"
		 "old',"
		 "'outer_header_creation':{'description':'gtpu-udp-ipv6','teid':1,'ipv6':':"
		 ":1'}}}]"
		 "}",
		 -EINVAL, "update_fars[0].forwarding_parameters.outer_header_creation", "no IPv6"},
		{"{'seid':1,'update_pdrs':[{'id':2,'qer_ids':[4]}]}", -EINVAL,
		 "update_pdrs[0].qer_ids[0]", "no QER 4"},
		{"{'seid':1,'update_pdrs':[{'id':2,'outer_header_removal':'ipv4'}]}", -ENOTSUP,
		 "update_pdrs[0].outer_header_removal", "GTP-U"},
		{"{'seid':8,'update_pdrs':[]}", -ENOENT, "seid", "no session 8"},
		{"[{'seid':1,'create_pdrs':[" UL(
			 3, "'f_teid':{'choose':true}") "]},"
							"{'seid':1,'remove_pdrs':[{'id':2}]}]",
		 -EINVAL, "[1].seid", "twice"},
		{"[{'seid':2,'create_pdrs':[" UL(3, "'f_teid':{'choose':true}") "," UL(
			 4,
			 "'f_teid'"
			 ":{'teid'"
			 ":'0x99',"
			 "'ipv4':'"
			 "192.0.2."
			 "1'}") "," UL(5,
				       CHOOSE) "," UL(6,
						      CHOOSE) "," UL(7,
								     CHOOSE) "]},{'seid':1,"
									     "'create_pdrs'"
									     ":[" UL(3,
										     "'f_"
										     "teid'"
										     ":{'"
										     "teid'"
										     ":'"
										     "0x99'"
										     ",'"
										     "ipv4'"
										     ":'"
										     "192."
										     "0.2."
										     "1'}") "]}]",
		 -EEXIST, "[1].create_pdrs[0].pdi.f_teid.teid", "twice"},
		{"{'seid':1,'create_pdrs':[" UL(
			 3, "'f_teid':{'teid':'0x5555','ipv4':'192.0.2.1'}") "]}",
		 -EEXIST, "create_pdrs[0].pdi.f_teid.teid", "session 2"},
	};
	const struct upf_stray_table *st = &upf_strays;
	size_t teids = (size_t)8 << (32 - upf_tables.teid_tag_bits), slots = 400001 * 4;
	void *memory[5];
	struct upf_inventory before;
	struct upf_session *s, copy;
	char lines[3 * 64];

	(void)state;
	PUT(PLAIN);
	PUT("{'seid':2,'fars':[" TO_CORE "," TO_GNB
	    "],'pdrs':[" UL(1, "'f_teid':{'teid':'0x5555','ipv4':'192.0.2.1'}") "," DL(
		    2, ",'ue_ip_address':[{'ipv4':'172.16.0.1'}]") "]}");
	s = upf_session_by_seid(1);
	copy = *s;
	memcpy(lines, upf_run(s), sizeof(lines));
	upf_inventory(&before);
	memory[0] = memcpy(malloc(teids), upf_tables.teids, teids);
	memory[1] = memcpy(malloc(slots), upf_tables.pool_slots, slots);
	memory[2] = memcpy(malloc((st->mask + 1) * 16), st->e, (st->mask + 1) * 16);
	memory[3] = memcpy(malloc(UPF_MAX_PEERS * 64), upf_tables.peers, UPF_MAX_PEERS * 64);
	memory[4] = memcpy(malloc(UPF_MAX_POOLS * 64), upf_tables.pools, UPF_MAX_POOLS * 64);
	for (unsigned i = 0; i < sizeof(no) / sizeof(*no); i++) {
		NO_MODIFY(no[i].text, no[i].code, no[i].field, no[i].reason);
		assert_ptr_equal(upf_session_by_seid(1), s);
		assert_memory_equal(s, &copy, sizeof(copy));
		assert_memory_equal(upf_run(s), lines, sizeof(lines));
		assert_memory_equal(upf_tables.teids, memory[0], teids);
		assert_memory_equal(upf_tables.pool_slots, memory[1], slots);
		/* a removed entry may stand where a free one was */
		for (uint32_t k = 0; k <= st->mask; k++)
			if (st->e[k].ref != 0 || ((struct upf_stray *)memory[2])[k].ref != 0)
				assert_memory_equal(&st->e[k], (struct upf_stray *)memory[2] + k,
						    sizeof(*st->e));
		assert_memory_equal(upf_tables.peers, memory[3], UPF_MAX_PEERS * 64);
		assert_memory_equal(upf_tables.pools, memory[4], UPF_MAX_POOLS * 64);
		same_usage(&before);
	}
	for (unsigned i = 0; i < 5; i++)
		free(memory[i]);
	MODIFY("{'seid':1,'update_pdrs':[{'id':2,'precedence':1}]}");
}

static void test_conflicts(void **state)
{
	(void)state;
	PUT(PLAIN);
	NO_PUT(SESSION(2, UL(1, CHOOSE), DL(2, "," UE)), -EADDRINUSE, "ue_ip_address", "session 1");
	NO_PUT("[" SESSION(
		       3, UL(1, CHOOSE),
		       DL(2,
			  ",'ue_ip_address':[{'ipv4':'10.45.0.3'}]")) "," SESSION(4, UL(1, CHOOSE),
										  DL(2,
										     ",'ue_ip_"
										     "address':[{'"
										     "ipv4':'10.45."
										     "0.3'}]")) "]",
	       -EADDRINUSE, "[1].ue_ip_address", "twice in this call");
	assert_null(upf_session_by_seid(3));
	/* the same address elsewhere is another address */
	PUT("{'seid':5,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
	    "'source_interface':'core','network_instance':'mec'," UE "},'far_id':1}]}");
	refused(&upf_pool_class, CST_OP_DELETE, "{'name':'mec'}", -EBUSY, "name", "in use");
	DELETE("{'seid':5}");
	ok(&upf_pool_class, CST_OP_DELETE, "{'name':'mec'}");
	ok(&upf_pool_class, CST_OP_PUT,
	   "{'name':'mec','network_instance':'mec','prefix':'10.45.0.0/16'}");
	refused(&upf_pool_class, CST_OP_PUT,
		"{'name':'x','network_instance':'mec','prefix':'10.45.9.0/24'}", -EEXIST, "prefix",
		"overlaps with pool mec");
	refused(&upf_pool_class, CST_OP_PUT,
		"{'name':'x','network_instance':'mec','prefix':'11.0.0.0/9'}", -ENOSPC, "prefix",
		"max_addresses");
}

/* An identical put changes nothing that packets see. */
static void test_same_put(void **state)
{
	const struct upf_session *s;

	(void)state;
	PUT(PLAIN);
	s = upf_session_by_seid(1);
	PUT(PLAIN);
	assert_ptr_equal(upf_session_by_seid(1), s);
	/* another one keeps F-TEID, address and counters */
	{
		uint32_t teid = pdr_of(1, 1)->teid, counter = pdr_of(1, 2)->counter;

		PUT(SESSION(1, UL(1, CHOOSE ",'qfi':[1]"), DL(2, "," UE)));
		assert_int_equal(pdr_of(1, 1)->teid, teid);
		assert_int_equal(pdr_of(1, 2)->counter, counter);
		assert_int_equal(run_of(1)->generation, 2);
	}
}

static void test_address_outside_pools(void **state)
{
	struct cst_ip ip;
	const char *text =
		"{'seid':1,'fars':[" TO_CORE "," TO_GNB
		"],'pdrs':[" DL(2, ",'ue_ip_address':[{'ipv4':'172.16.0.1'},{'ipv6':"
				   "'2001:db8:99:10::','ipv6_prefix_delegation_bits':4}]") "]}";

	(void)state;
	PUT(text);
	assert_int_equal(cst_ip_from_text("172.16.0.1", &ip), 0);
	assert_int_not_equal(upf_stray_addr(vrf("internet"), &ip), 0);
	assert_int_equal(upf_stray_addr(vrf("mec"), &ip), 0);
	assert_int_equal(cst_ip_from_text("2001:db8:99:1f::7", &ip), 0);
	assert_int_not_equal(upf_stray_addr(vrf("internet"), &ip), 0);
	assert_int_equal(cst_ip_from_text("2001:db8:99:20::", &ip), 0);
	assert_int_equal(upf_stray_addr(vrf("internet"), &ip), 0);
	refused(&upf_pool_class, CST_OP_PUT,
		"{'name':'x','network_instance':'internet','prefix':'172.16.0.0/24'}", -EBUSY,
		"prefix", "session 1");
	DELETE("{'seid':1}");
	assert_int_equal(cst_ip_from_text("172.16.0.1", &ip), 0);
	assert_int_equal(upf_stray_addr(vrf("internet"), &ip), 0);
}

static void test_pool_exhausted(void **state)
{
	char text[700];

	(void)state;
	for (int i = 1; i <= 2; i++) {
		snprintf(text, sizeof(text),
			 "{'seid':%d,'fars':[" TO_CORE "],'pdrs':[{'id':1,'precedence':1,'pdi':{"
			 "'source_interface':'core','network_instance':'old','ue_ip_address':[{"
			 "'choose_v4':true}]},'far_id':1}]}",
			 i);
		PUT(text);
	}
	text[8] = '3';
	NO_PUT(text, -ENOSPC, "ue_ip_address", "used up");
	DELETE("{'seid':1}");
	PUT(text);
}

/* More PDRs than a state line has counts for; a removed one's count is used again, from zero. */
static void test_counters(void **state)
{
	char text[400];
	uint32_t counter;
	json_t *out;

	(void)state;
	PUT(PLAIN);
	for (int i = 10; i < 20; i++) {
		snprintf(text, sizeof(text),
			 "{'seid':1,'create_pdrs':[{'id':%d,'precedence':9,'pdi':{"
			 "'source_interface':'core','network_instance':'internet'},'far_id':2}]}",
			 i);
		MODIFY(text);
	}
	assert_int_equal(upf_session_by_seid(1)->n_states, 3);
	for (int i = 10; i < 20; i++)
		for (int j = 10; j < i; j++)
			assert_int_not_equal(pdr_of(1, i)->counter, pdr_of(1, j)->counter);
	counter = pdr_of(1, 15)->counter;
	upf_tables.counts[counter] = (struct upf_count){7, 700};
	upf_tables.counts[pdr_of(1, 2)->counter] = (struct upf_count){3, 300};
	{
		struct upf_session_obj key = {.has = 1, .seid = 1};

		assert_int_equal(upf_session_class.get(&key, &out, &err), 0);
	}
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(json_object_get(out, "pdrs"), 1), "bytes")),
			 300);
	json_decref(out);
	MODIFY("{'seid':1,'remove_pdrs':[{'id':15}]}");
	MODIFY("{'seid':1,'create_pdrs':[{'id':99,'precedence':9,'pdi':{"
	       "'source_interface':'core','network_instance':'internet'},'far_id':2}]}");
	assert_int_equal(pdr_of(1, 99)->counter, counter);
	assert_int_equal(upf_tables.counts[counter].bytes, 0);
	assert_int_equal(upf_session_by_seid(1)->n_states, 3);
}

static unsigned listed(const char *filter, uint32_t limit)
{
	struct cst_page page = {.filter = quoted(filter), .limit = limit};
	unsigned n = 0;

	do {
		page.items = json_array();
		assert_int_equal(upf_session_class.list(&page, &err), 0);
		n += json_array_size(page.items);
		json_decref(page.items);
	} while (page.cursor);
	json_decref((json_t *)page.filter);
	return n;
}

static void test_list(void **state)
{
	char text[1000], teid[64];

	(void)state;
	for (int i = 1; i <= 25; i++) {
		snprintf(text, sizeof(text),
			 "{'seid':%d,'dnn':'%s','fars':[" TO_CORE "," TO_GNB
			 "],'pdrs':[" UL(1, CHOOSE) "," DL(
				 2, ",'ue_ip_address':[{'ipv4':'10.45.1.%d'}]") "]}",
			 i, i % 5 ? "internet" : "ims", i);
		PUT(text);
	}
	assert_int_equal(listed("{}", 10), 25);
	assert_int_equal(listed("{'dnn':'IMS'}", 2), 5);
	assert_int_equal(listed("{'ue_ip_address':'10.45.1.7'}", 10), 1);
	assert_int_equal(listed("{'ue_ip_address':'10.45.1.77'}", 10), 0);
	assert_int_equal(listed("{'network_instance':'internet'}", 10), 25);
	assert_int_equal(listed("{'network_instance':'mec'}", 10), 0);
	snprintf(teid, sizeof(teid), "{'teid':'0x%x'}", pdr_of(9, 1)->teid);
	assert_int_equal(listed(teid, 10), 1);
}

static void test_tables_sound(void **state)
{
	const struct cst_object *all[] = {&upf_session_object, &upf_modify_object,
					  &upf_pool_object};

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		if (cst_object_verify(all[i], &err) != 0)
			fail_msg("%s: %s: %s", all[i]->name, err.field, err.reason);
}

int main(void)
{
#define T(f) cmocka_unit_test_teardown(f, nothing_left)
	const struct CMUnitTest tests[] = {
		T(test_tables_sound),
		T(test_plain),
		T(test_choose_id),
		T(test_inherits_address),
		T(test_filter_reference),
		T(test_reply),
		T(test_far_updates),
		T(test_order),
		T(test_qos),
		T(test_sd_and_families),
		T(test_intermediate),
		T(test_open5gs),
		T(test_refusals),
		T(test_conflicts),
		T(test_same_put),
		T(test_address_outside_pools),
		T(test_pool_exhausted),
		T(test_counters),
		T(test_list),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
