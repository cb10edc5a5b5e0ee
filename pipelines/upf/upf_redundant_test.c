/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redundant transmission in a session's rules: what is asked for well and badly,
 * what becomes of it, which flows are opened, restarted and closed, and that
 * what fails leaves no trace. Who numbers packets is a fake.
 */
#include "upf_ctl_test.h"

#include "net/redundancy.h"
#include "upf_policy_run.h"

#define MAX_FLOWS 16

static struct {
	struct cst_redundancy_conf conf;
	unsigned refs, restarts;
} flows[MAX_FLOWS];

static uint32_t open_flow(const struct cst_redundancy_conf *c, struct cst_err *e)
{
	if (strcmp(c->recovery, "nobody") == 0) {
		cst_err(e, -ENOENT, "recovery", "there is no recovery nobody");
		return 0;
	}
	for (uint32_t i = 1; i < MAX_FLOWS; i++) {
		if (flows[i].refs)
			continue;
		flows[i].conf = *c;
		flows[i].refs = 1;
		flows[i].restarts = 0;
		return i;
	}
	cst_err(e, -ENOSPC, NULL, "no flows left");
	return 0;
}

static void close_flow(uint32_t flow)
{
	assert_int_equal(flows[flow].refs, 1);
	flows[flow].refs = 0;
}

static void restart_flow(uint32_t flow)
{
	assert_int_equal(flows[flow].refs, 1);
	flows[flow].restarts++;
}

static void counts_of(uint32_t flow, struct cst_redundancy_counts *out)
{
	*out = (struct cst_redundancy_counts){.generated = 100 + flow,
					      .passed = 200 + flow,
					      .discarded = 3,
					      .rogue = 4,
					      .out_of_order = 5,
					      .lost = 6,
					      .resets = 7,
					      .from = {8, 9}};
}

static const struct cst_redundancy fake = {
	.open = open_flow, .close = close_flow, .restart = restart_flow, .counts = counts_of};

static unsigned open_flows(void)
{
	unsigned n = 0;

	cst_rcu_reclaim(true);
	for (unsigned i = 1; i < MAX_FLOWS; i++)
		n += flows[i].refs;
	return n;
}

#define SECOND(more)                                                                        \
	"'redundant_transmission_parameters':{'f_teid':{'choose':true,'choose_id':6}," more \
	"'network_instance':'old'}"
#define FIRST CHOOSE
#define TWICE "," SECOND()
#define TO_N6(actions)                                                   \
	"{'id':1,'apply_action':[" actions "],'forwarding_parameters':{" \
	"'destination_interface':'core','network_instance':'internet'}}"
#define OHC_2(teid)                                                                 \
	"'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'" teid "'," \
	"'ipv4':'203.0.113.2'}"
#define RTFP                  "'redundant_transmission_forwarding_parameters'"
#define BY_SECOND(teid, more) RTFP ":{" OHC_2(teid) ",'network_instance':'old'" more "}"
#define BY_FIRST                                                                        \
	"'forwarding_parameters':{'destination_interface':'access','network_instance':" \
	"'access'," OHC "}"
#define TO_BOTH(actions, more) "{'id':2,'apply_action':[" actions "]," BY_FIRST more "}"
#define QER9                   "{'id':9,'qfi':9}"
#define RULES(ul, dl, uplink, downlink) \
	"{'seid':1,'pdrs':[" ul "," dl "],'fars':[" uplink "," downlink "],'qers':[" QER9 "]}"
#define USUAL                                                            \
	RULES(UL(1, FIRST TWICE), DL(2, "," UE), TO_N6("'FORW','EDRT'"), \
	      TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", "")))

static const struct upf_pdr *second_of(uint16_t id)
{
	return upf_second_of(run_of(1), pdr_of(1, id));
}

/* ---- what rules become --------------------------------------------------------------- */

static void test_usual(void **state)
{
	const struct upf_pdr *ul, *dl;

	(void)state;
	PUT(USUAL);
	ul = second_of(1);
	dl = second_of(2);
	assert_non_null(ul);
	assert_non_null(dl);
	assert_int_not_equal(ul->teid, pdr_of(1, 1)->teid);
	assert_int_equal(ul->in_vrf, vrf("old"));
	assert_int_equal(pdr_of(1, 1)->in_vrf, vrf("access"));
	assert_int_equal(upf_find_teid(vrf("old"), ul->teid),
			 upf_find_teid(vrf("access"), pdr_of(1, 1)->teid));
	assert_true(run_of(1)->flags & UPF_RULES_SECOND);
	assert_int_equal(dl->out_teid, 0x22);
	assert_int_equal(dl->out_vrf, vrf("old"));
	assert_memory_equal(upf_tables.peers[dl->peer].hdr + 12, "\xcb\x00\x71\x01\xcb\x00\x71\x02",
			    8);
	assert_int_equal(dl->flags, UPF_PDR_ENCAP);
	assert_int_equal(open_flows(), 2);
	assert_string_equal(flows[ul->counter].conf.name, "session 1 uplink");
	assert_string_equal(flows[dl->counter].conf.name, "session 1 downlink");
	assert_int_equal(flows[ul->counter].conf.bits, 16);
	assert_string_equal(flows[ul->counter].conf.recovery, "");
	DELETE("{'seid':1}");
	assert_int_equal(open_flows(), 0);
}

/* Where early Release 16 has the parameters. */
static void test_inside(void **state)
{
	(void)state;
	PUT(RULES(UL(1, FIRST TWICE), DL(2, "," UE), TO_N6("'FORW','EDRT'"),
		  "{'id':2,'apply_action':['FORW','DFRT'],'forwarding_parameters':{"
		  "'destination_interface':'access','network_instance':'access'," OHC
		  "," BY_SECOND("0x33", "") "}}"));
	assert_int_equal(second_of(2)->out_teid, 0x33);
}

static void test_qfi_numbers(void **state)
{
	const struct upf_pdr *ul, *dl;

	(void)state;
	PUT(RULES(UL(1, FIRST ",'qfi':[9]," SECOND("'sequence_number':'qfi','recovery':'slow',")),
		  "{'id':2,'precedence':255,'pdi':{'source_interface':'core',"
		  "'network_instance':'internet'," UE "},'far_id':2,'qer_ids':[9]}",
		  TO_N6("'FORW','EDRT'"),
		  TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", ",'sequence_number':'qfi'"))));
	ul = second_of(1);
	dl = second_of(2);
	assert_int_equal(ul->first, UPF_BY_QFI);
	assert_int_equal(dl->first, UPF_BY_QFI);
	assert_int_equal(dl->flags, UPF_PDR_ENCAP | UPF_PDR_PSC);
	assert_int_equal(dl->out_qfi, 9);
	assert_int_equal(flows[ul->counter].conf.bits, 24);
	assert_string_equal(flows[ul->counter].conf.recovery, "slow");
	assert_string_equal(flows[ul->counter].conf.name, "session 1 qfi 9 uplink");
	assert_string_equal(flows[dl->counter].conf.name, "session 1 qfi 9 downlink");
}

/* GTP-U's numbers count what goes by a pair of tunnels, so its PDRs share a flow. */
static void test_shared(void **state)
{
	(void)state;
	PUT("{'seid':1,'pdrs':[" UL(1, FIRST TWICE) "," UL(3, FIRST ",'qfi':[3]" TWICE) "," DL(
		2,
		"," UE) "," DL(4,
			       "," UE) "],'fars':[" TO_N6("'FORW','EDRT'") "," TO_BOTH("'FORW','"
										       "DFRT'",
										       "," BY_SECOND(
											       "0x2"
											       "2",
											       "")) "]}");
	assert_int_equal(second_of(1)->counter, second_of(3)->counter);
	assert_int_equal(second_of(2)->counter, second_of(4)->counter);
	assert_int_equal(second_of(1)->teid, second_of(3)->teid);
	assert_int_equal(open_flows(), 2);
	/* one of them goes: the flow stays */
	MODIFY("{'seid':1,'remove_pdrs':[{'id':3},{'id':4}]}");
	assert_int_equal(open_flows(), 2);
}

static void test_reply_and_state(void **state)
{
	json_t *all = NULL, *reply, *pdr, *o, *n;
	struct cst_err e;

	(void)state;
	assert_int_equal(call(&upf_session_class, CST_OP_PUT, USUAL, &all), 0);
	reply = json_array_get(all, 0);
	pdr = json_array_get(json_object_get(reply, "created_pdrs"), 0);
	o = json_object_get(pdr, "redundant_f_teid");
	assert_string_equal(json_string_value(json_object_get(o, "ipv4")), "203.0.113.1");
	assert_non_null(json_object_get(o, "teid"));
	o = json_object_get(pdr, "f_teid");
	assert_string_equal(json_string_value(json_object_get(o, "ipv4")), "192.0.2.1");
	json_decref(all);
	assert_int_equal(upf_session_class.get(&(struct upf_session_obj){.seid = 1}, &o, &e), 0);
	pdr = json_array_get(json_object_get(o, "pdrs"), 0);
	assert_non_null(json_object_get(pdr, "redundant_local_f_teid"));
	n = json_object_get(pdr, "redundancy");
	assert_int_equal(json_integer_value(json_object_get(n, "passed")),
			 200 + second_of(1)->counter);
	assert_int_equal(json_integer_value(json_object_get(n, "second_tunnel")), 9);
	assert_null(json_object_get(n, "generated"));
	pdr = json_array_get(json_object_get(o, "pdrs"), 1);
	n = json_object_get(pdr, "redundancy");
	assert_int_equal(json_integer_value(json_object_get(n, "generated")),
			 100 + second_of(2)->counter);
	assert_null(json_object_get(n, "passed"));
	json_decref(o);
}

/* ---- changes -------------------------------------------------------------------------- */

#define SWITCH(teid) "{'seid':1,'update_fars':[{'id':2," RTFP ":{" OHC_2(teid) "}}]}"

/* Another gNB counts its uplink from where it likes. */
static void test_path_switch(void **state)
{
	uint32_t ul, dl, teid;

	(void)state;
	PUT(USUAL);
	ul = second_of(1)->counter;
	dl = second_of(2)->counter;
	teid = second_of(1)->teid;
	assert_int_equal(flows[ul].restarts, 0);
	MODIFY("{'seid':1,'update_qers':[{'id':9,'qfi':8}]}");
	assert_int_equal(flows[ul].restarts, 0);
	MODIFY(SWITCH("0x23"));
	assert_int_equal(flows[ul].restarts, 1);
	MODIFY(SWITCH("0x23")); /* the same */
	assert_int_equal(flows[ul].restarts, 1);
	MODIFY("{'seid':1,'update_fars':[{'id':2,'forwarding_parameters':{'outer_header_creation':"
	       "{'description':'gtpu-udp-ipv4','teid':'0x12','ipv4':'192.0.2.3'}}}]}");
	assert_int_equal(flows[ul].restarts, 2);
	assert_int_equal(second_of(1)->counter, ul);
	assert_int_equal(second_of(2)->counter, dl);
	assert_int_equal(second_of(1)->teid, teid);
	assert_int_equal(second_of(2)->out_teid, 0x23);
	assert_int_equal(flows[dl].restarts, 0);
	/* the user rests, and comes back */
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['BUFF']}]}");
	assert_int_equal(flows[ul].restarts, 3);
	assert_null(second_of(2));
	assert_int_equal(open_flows(), 2);
	MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW','DFRT']}]}");
	assert_int_equal(flows[ul].restarts, 4);
	assert_int_equal(open_flows(), 2);
	assert_int_equal(second_of(2)->counter, dl);
	/* by one tunnel for good */
	PUT(RULES(UL(1, FIRST TWICE), DL(2, "," UE), TO_N6("'FORW','EDRT'"),
		  TO_BOTH("'FORW'", "")));
	assert_int_equal(open_flows(), 1);
}

/* Another recovery object makes another flow, and nothing else does. */
static void test_other_recovery(void **state)
{
	uint32_t dl;

	(void)state;
	PUT(USUAL);
	dl = second_of(2)->counter;
	PUT(RULES(UL(1, FIRST "," SECOND("'recovery':'slow',")), DL(2, "," UE),
		  TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", ""))));
	assert_string_equal(flows[second_of(1)->counter].conf.recovery, "slow");
	assert_int_equal(second_of(2)->counter, dl);
	assert_int_equal(open_flows(), 2);
}

/* The second TEID is told and kept as the first one is. */
static void test_given_teid(void **state)
{
	(void)state;
	PUT(RULES(UL(1, FIRST ",'redundant_transmission_parameters':{'network_instance':'old',"
			      "'f_teid':{'teid':'0x77','ipv4':'203.0.113.1'}}"),
		  DL(2, "," UE), TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")));
	assert_int_equal(second_of(1)->teid, 0x77);
}

/* ---- what is wrong ---------------------------------------------------------------------- */

static void test_bad_fars(void **state)
{
	(void)state;
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"), TO_BOTH("'BUFF','DFRT'", "")),
	       -EINVAL, "fars[1].apply_action", "only together with FORW");
	NO_PUT(RULES(UL(1, FIRST TWICE), DL(2, "," UE), TO_N6("'DROP','EDRT'"),
		     TO_BOTH("'FORW'", "")),
	       -EINVAL, "fars[0].apply_action", "only together with FORW");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"), TO_BOTH("'FORW','DFRT'", "")),
	       -EINVAL, "fars[1].redundant_transmission_forwarding_parameters",
	       "is required by DFRT");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'", "," RTFP ":{'network_instance':'old'}")),
	       -EINVAL,
	       "fars[1].redundant_transmission_forwarding_parameters.outer_header_creation",
	       "is required by DFRT");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     "{'id':2,'apply_action':['FORW','DFRT'],'forwarding_parameters':{"
		     "'destination_interface':'access'}," BY_SECOND("0x22", "") "}"),
	       -EINVAL, "fars[1].forwarding_parameters.outer_header_creation",
	       "the first of two tunnels");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'", "," RTFP ":{" OHC "}")),
	       -EINVAL,
	       "fars[1].redundant_transmission_forwarding_parameters.outer_header_creation",
	       "is the tunnel that FAR 2 uses already");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     "{'id':2,'apply_action':['FORW','DFRT'],'forwarding_parameters':{"
		     "'destination_interface':'access'," OHC
		     "," BY_SECOND("0x22", "") "}," BY_SECOND("0x22", "") "}"),
	       -EINVAL,
	       "fars[1].forwarding_parameters.redundant_transmission_forwarding_parameters",
	       "is there twice");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", ",'sequence_number':'pdcp'"))),
	       -EINVAL, "fars[1].redundant_transmission_forwarding_parameters.sequence_number", "");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'",
			     "," RTFP ":{" OHC_2("0x22") ",'network_instance':'nowhere'}")),
	       -ENOENT, "fars[1].redundant_transmission_forwarding_parameters.network_instance",
	       "nowhere");
}

static void test_bad_pdrs(void **state)
{
#define GIVES "'f_teid':{'teid':'0x55','ipv4':'192.0.2.1'}"
	(void)state;
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[0].pdi.redundant_transmission_parameters",
	       "is required by EDRT of FAR 1");
	NO_PUT(RULES(UL(1, SECOND()), DL(2, "," UE), TO_N6("'FORW'"), TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[0].pdi.f_teid", "is required beside");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," FIRST TWICE "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[1].pdi.redundant_transmission_parameters",
	       "only packets from access");
	NO_PUT(RULES(UL(1, FIRST), DL(2, ",'f_teid':{'choose':true}," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", ""))),
	       -EINVAL, "pdrs[1].far_id", "only downlink that comes by no tunnel");
	NO_PUT(RULES(UL(1, FIRST "," SECOND("'sequence_number':'qfi',")), DL(2, "," UE),
		     TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[0].pdi.qfi", "one is required by sequence_number qfi");
	NO_PUT(RULES(UL(1, FIRST), DL(2, "," UE), TO_N6("'FORW'"),
		     TO_BOTH("'FORW','DFRT'", "," BY_SECOND("0x22", ",'sequence_number':'qfi'"))),
	       -EINVAL, "pdrs[1].qer_ids", "one that tells a qfi");
	NO_PUT(RULES(UL(1, FIRST ",'redundant_transmission_parameters':{}"), DL(2, "," UE),
		     TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[0].pdi.redundant_transmission_parameters.f_teid", "required");
	NO_PUT(RULES(UL(1, GIVES ",'redundant_transmission_parameters':{" GIVES "}"), DL(2, "," UE),
		     TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")),
	       -EINVAL, "pdrs[0].pdi.redundant_transmission_parameters.f_teid.teid",
	       "is the first tunnel's, too");
	NO_PUT(RULES(UL(1, FIRST "," SECOND("'recovery':'nobody',")), DL(2, "," UE),
		     TO_N6("'FORW','EDRT'"), TO_BOTH("'FORW'", "")),
	       -ENOENT, "pdrs[0].pdi.redundant_transmission_parameters.recovery",
	       "there is no recovery nobody");
	/* downlink is opened after it, and what was opened before a failure is closed */
	assert_int_equal(open_flows(), 0);
	NO_PUT("{'seid':1,'pdrs':[" UL(1, FIRST TWICE) "," UL(
		       3,
		       "'f_teid':{'choose':true}" TWICE) "],'fars':[" TO_N6("'FORW','EDRT'") "]}",
	       -EINVAL, "pdrs[1].pdi.redundant_transmission_parameters", "PDR 1 has other tunnels");
	NO_PUT("{'seid':1,'pdrs':[" UL(1, FIRST TWICE) "," UL(
		       3, FIRST
		       "," SECOND("'recovery':'slow',")) "],'fars':[" TO_N6("'FORW','EDRT'") "]}",
	       -EINVAL, "pdrs[1].pdi.redundant_transmission_parameters.recovery",
	       "PDR 1, whose packets have the same numbers, has another");
	assert_int_equal(open_flows(), 0);
}

/* A change that fails leaves flows and tunnels as they were. */
static void test_failed_change(void **state)
{
	struct upf_inventory before;
	uint32_t ul;

	(void)state;
	PUT(USUAL);
	ul = second_of(1)->counter;
	upf_inventory(&before);
	NO_MODIFY("{'seid':1,'update_fars':[{'id':2," RTFP
		  ":{'outer_header_creation':{'description':'gtpu-udp-ipv6','teid':'0x1','ipv6':"
		  "'2001:db8::9'}}}]}",
		  -EINVAL,
		  "update_fars[0].redundant_transmission_forwarding_parameters."
		  "outer_header_creation",
		  "has no IPv6 GTP-U address");
	same_usage(&before);
	assert_int_equal(flows[ul].restarts, 0);
	assert_int_equal(open_flows(), 2);
}

static int setup(void **state)
{
	cst_redundancy_offer(&fake);
	return group_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_usual, nothing_left),
		cmocka_unit_test_teardown(test_inside, nothing_left),
		cmocka_unit_test_teardown(test_qfi_numbers, nothing_left),
		cmocka_unit_test_teardown(test_shared, nothing_left),
		cmocka_unit_test_teardown(test_reply_and_state, nothing_left),
		cmocka_unit_test_teardown(test_path_switch, nothing_left),
		cmocka_unit_test_teardown(test_other_recovery, nothing_left),
		cmocka_unit_test_teardown(test_given_teid, nothing_left),
		cmocka_unit_test_teardown(test_bad_fars, nothing_left),
		cmocka_unit_test_teardown(test_bad_pdrs, nothing_left),
		cmocka_unit_test_teardown(test_failed_change, nothing_left),
	};

	return cmocka_run_group_tests_name("upf_redundant", tests, setup, group_teardown);
}
