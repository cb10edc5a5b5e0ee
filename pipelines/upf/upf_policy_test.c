/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet has to pass beyond the match: sessions by the control side's own
 * calls, packets told to upf_policy_pass() with a clock of ours.
 */
#include "upf_ctl_test.h"

#include <rte_cycles.h>

#include "upf_match.h"
#include "upf_policy.h"

static struct cst_worker w;
static unsigned n_told;
static struct upf_usage_notice told;
static bool deaf;

bool __wrap_cst_notice(struct cst_worker *by, uint16_t kind, const void *data, uint8_t len);

bool __wrap_cst_notice(struct cst_worker *by, uint16_t kind, const void *data, uint8_t len)
{
	assert_ptr_equal(by, &w);
	assert_int_equal(len, sizeof(told));
	if (deaf)
		return false;
	memcpy(&told, data, len);
	n_told++;
	return true;
}

/* There is no EAL to measure it. */
uint64_t __wrap_rte_get_tsc_hz(void);

uint64_t __wrap_rte_get_tsc_hz(void)
{
	return 2450000000;
}

/* Bits told since the last look. */
static uint32_t news(void)
{
	uint32_t bits = n_told ? told.told : 0;

	assert_true(n_told <= 1);
	n_told = 0;
	return bits;
}

enum { PASSED = -1, INSTEAD = -2 };

static const struct upf_pdr *step(uint64_t seid, const struct upf_pdr *p, uint32_t bytes, int *drop)
{
	enum upf_drop why = UPF_DROPS;
	enum upf_dir dir = p->source_if == UPF_IF_ACCESS ? UPF_UL : UPF_DL;
	const struct upf_pdr *by = upf_policy_pass(&w, run_of(seid), p, dir, bytes, &why);

	*drop = (int)why;
	return by;
}

/* What becomes of a packet of a PDR: PASSED, INSTEAD when by the FAR for quota action, else why it
 * is dropped. As the nodes do it. */
static int send_packet(uint64_t seid, uint16_t pdr, uint32_t bytes)
{
	const struct upf_pdr *p = pdr_of(seid, pdr), *by;
	int drop;

	if (!(p->flags & UPF_PDR_POLICY))
		return PASSED;
	by = step(seid, p, bytes, &drop);
	if (by == p)
		return PASSED;
	if (!by)
		return drop;
	assert_true(by->flags & UPF_PDR_POLICY);
	if (by->action != UPF_FORW)
		return UPF_DROP_FAR;
	p = by;
	by = step(seid, p, bytes, &drop);
	assert_true(!by || by == p);
	return by ? INSTEAD : drop;
}

static unsigned how_many(uint64_t seid, uint16_t pdr, uint32_t bytes, unsigned n)
{
	unsigned passed = 0;

	while (n-- > 0)
		passed += send_packet(seid, pdr, bytes) == PASSED;
	return passed;
}

static struct upf_usage *usage(uint64_t seid, uint32_t urr)
{
	const struct upf_held_part *p = upf_part_of(upf_session_by_seid(seid), UPF_PART_USAGE, urr);

	assert_non_null(p);
	return &upf_tables.usages[p->number];
}

static struct upf_meter *meter(uint64_t seid, uint32_t qer)
{
	const struct upf_held_part *p = upf_part_of(upf_session_by_seid(seid), UPF_PART_METER, qer);

	assert_non_null(p);
	return &upf_tables.meters[p->number];
}

/* Nothing counted, nothing limited; the control thread's part in this test is the test's. */
static struct upf_limit *unlimited(uint64_t seid, uint32_t urr)
{
	struct upf_usage *u = usage(seid, urr);
	struct upf_limit *l = &upf_tables.limits[u - upf_tables.usages];

	*u = (struct upf_usage){0};
	memset(l, 0xff, sizeof(*l));
	l->arm = u->kick = 1;
	l->flags = 0;
	l->idle = 0;
	return l;
}

static void arm(struct upf_limit *l)
{
	upf_tables.usages[l - upf_tables.limits].kick = ++l->arm;
}

static uint64_t volume(uint64_t seid, uint32_t urr)
{
	const struct upf_usage *u = usage(seid, urr);

	return u->bytes[UPF_UL] + u->bytes[UPF_DL];
}

static void seconds(double s)
{
	w.now += (uint64_t)(s * (double)rte_get_tsc_hz());
}

/* Session 1: PDR 1 uplink, 2 downlink, with these ids of QERs and URRs, and these QERs and URRs. */
static void put(const char *ids, const char *rules)
{
	static char text[8192];

	snprintf(text, sizeof(text),
		 "{'seid':1,'pdrs':[{'id':1,'precedence':255,'pdi':{'source_interface':'access',"
		 "'network_instance':'access'," CHOOSE
		 "},'outer_header_removal':'gtpu-udp-ip','far_id':1,%s},"
		 "{'id':2,'precedence':255,'pdi':{'source_interface':'core','network_instance':"
		 "'internet'," UE "},'far_id':2,%s}],'fars':[" TO_CORE "," TO_GNB
		 ",{'id':3,'apply_action':['FORW'],'forwarding_parameters':{"
		 "'destination_interface':'core','network_instance':'mec'}},"
		 "{'id':4,'apply_action':['FORW'],'forwarding_parameters':{"
		 "'destination_interface':'access','network_instance':'access',"
		 "'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'0x44',"
		 "'ipv4':'192.0.2.44'}}},{'id':5,'apply_action':['DROP']}],%s}",
		 ids, ids, rules);
	w.now = 1000 * rte_get_tsc_hz();
	n_told = 0;
	deaf = false;
	PUT(text);
}

#define VOLUME(id, more)                                \
	"{'id':" #id ",'measurement_method':['VOLUM']," \
	"'reporting_triggers':['VOLTH'],'volume_threshold':{'total':1000000000}" more "}"

/* ---- QERs ------------------------------------------------------------------------ */

static void gates(void **state)
{
	put("'qer_ids':[1,2]", "'qers':[{'id':1,'gate_status':{'ul':'open','dl':'closed'}},"
			       "{'id':2,'gate_status':{'ul':'open','dl':'open'}}]");
	assert_int_equal(send_packet(1, 1, 100), PASSED);
	assert_int_equal(send_packet(1, 2, 100), UPF_DROP_GATE);
	assert_false(pdr_of(1, 1)->flags & UPF_PDR_POLICY); /* asks for nothing more */
	put("'qer_ids':[1,2]", "'qers':[{'id':1,'gate_status':{'ul':'open','dl':'open'}},"
			       "{'id':2,'gate_status':{'ul':'closed','dl':'open'}}]");
	assert_int_equal(send_packet(1, 1, 100), UPF_DROP_GATE);
	assert_int_equal(send_packet(1, 2, 100), PASSED);
}

/* Session-AMBR and a flow's MBR together: both hold, and what one refuses is not charged by the
 * other, whichever is named first. */
static void all_qers_or_none(void **state)
{
	static const char *const ids[] = {"'qer_ids':[1,2]", "'qer_ids':[2,1]"};

	for (int i = 0; i < 2; i++) {
		uint64_t due;

		put(ids[i], "'qers':[{'id':1,'qfi':9,'mbr':{'ul':1000,'dl':1000}},"
			    "{'id':2,'mbr':{'ul':100000,'dl':100000}}]");
		*meter(1, 1) = *meter(1, 2) = (struct upf_meter){0};
		how_many(1, 2, 1000, 50);
		due = meter(1, 2)->due[UPF_DL];
		assert_in_range(meter(1, 1)->dropped[UPF_DL], 30, 45);
		assert_int_equal(send_packet(1, 2, 1000), UPF_DROP_RATE);
		assert_int_equal(meter(1, 2)->due[UPF_DL], due);
		assert_int_equal(meter(1, 2)->dropped[UPF_DL], 0);
		assert_int_equal(meter(1, 1)->due[UPF_UL], 0);
		DELETE("{'seid':1}");
	}
}

/* One QER of both directions' PDRs and of two PDRs of one direction: one rate for both. */
static void qer_shared_by_pdrs(void **state)
{
	unsigned n, m;

	put("'qer_ids':[7]", "'qers':[{'id':7,'correlation_id':5,'mbr':{'ul':8000,'dl':8000}}]");
	MODIFY("{'seid':1,'create_pdrs':[{'id':3,'precedence':100,'pdi':{'source_interface':'core',"
	       "'network_instance':'internet'},'far_id':2,'qer_ids':[7]}]}");
	n = how_many(1, 2, 1000, 200);
	assert_in_range(n, 49, 52); /* 50 ms */
	assert_int_equal(how_many(1, 3, 1000, 200), 0);
	assert_in_range(how_many(1, 1, 1000, 200), 49, 52); /* uplink has its own */
	for (n = m = 0; w.now < 1010 * rte_get_tsc_hz(); seconds(0.001)) {
		n += how_many(1, 2, 1000, 1);
		m += how_many(1, 3, 1000, 1);
	}
	assert_in_range(n + m, 9990, 10010);
	assert_int_equal(pdr_of(1, 2)->policy, pdr_of(1, 3)->policy);
}

/* The meter lives as long as the QER, whatever else of the session changes. */
static void meter_outlives_changes(void **state)
{
	put("'qer_ids':[7]", "'qers':[{'id':7,'mbr':{'ul':8000,'dl':8000}}]");
	how_many(1, 2, 1000, 200);
	assert_int_equal(send_packet(1, 2, 1000), UPF_DROP_RATE);
	MODIFY("{'seid':1,'update_pdrs':[{'id':2,'precedence':7}]}");
	assert_int_equal(send_packet(1, 2, 1000), UPF_DROP_RATE);
	MODIFY("{'seid':1,'update_qers':[{'id':7,'mbr':{'ul':8000,'dl':80000}}]}");
	seconds(0.06); /* the new rate's bucket has room soon, not after the old one's debt */
	assert_in_range(how_many(1, 2, 1000, 1000), 500, 610);
	MODIFY("{'seid':1,'update_qers':[{'id':7,'mbr':{'ul':8000,'dl':0}}]}");
	seconds(100);
	assert_int_equal(send_packet(1, 2, 20), UPF_DROP_RATE);
	assert_int_equal(send_packet(1, 1, 20), PASSED);
}

static void packet_rate_of_a_pdr(void **state)
{
	put("'qer_ids':[7]", "'qers':[{'id':7,'packet_rate':{'ul_unit':'minute','ul':3}}]");
	assert_int_equal(how_many(1, 1, 100, 10), 3);
	assert_int_equal(how_many(1, 2, 100, 10), 10);
	seconds(59);
	assert_int_equal(send_packet(1, 1, 100), UPF_DROP_RATE);
	seconds(1.1);
	assert_int_equal(how_many(1, 1, 100, 10), 3);
}

/* ---- order --------------------------------------------------------------------------- */

static void before_and_after_qos(void **state)
{
	put("'qer_ids':[1],'urr_ids':[1,2]",
	    "'qers':[{'id':1,'mbr':{'ul':8000,'dl':8000}}],'urrs':[" VOLUME(1, "") "," VOLUME(
		    2, ",'measurement_information':['MBQE']") "]");
	unlimited(1, 1);
	unlimited(1, 2)->dropped_packets = 30;
	assert_in_range(how_many(1, 2, 1000, 100), 49, 52);
	assert_int_equal(volume(1, 2), 100000);
	assert_in_range(volume(1, 1), 49000, 52000);
	assert_int_equal(usage(1, 1)->packets[UPF_DL], volume(1, 1) / 1000);
	/* what downlink loses to QoS is told to those who asked */
	assert_int_equal(usage(1, 1)->dropped_dl[0], 100 - volume(1, 1) / 1000);
	assert_int_equal(usage(1, 2)->dropped_dl[1], 100000 - volume(1, 1));
	assert_int_equal(news(), UPF_TOLD_DROPPED);
	how_many(1, 1, 1000, 100);
	assert_int_equal(usage(1, 1)->dropped_dl[0], 100 - usage(1, 1)->packets[UPF_DL]);
	MODIFY("{'seid':1,'update_qers':[{'id':1,'gate_status':{'ul':'closed','dl':'closed'}}]}");
	unlimited(1, 1);
	unlimited(1, 2);
	assert_int_equal(send_packet(1, 1, 500), UPF_DROP_GATE);
	assert_int_equal(volume(1, 1), 0);
	assert_int_equal(volume(1, 2), 500);
	assert_int_equal(news(), 0);
}

/* A packet that has no room in a quota is charged by no meter and counted by no URR. */
static void quota_before_all(void **state)
{
	uint64_t due;

	put("'qer_ids':[1],'urr_ids':[1,2]",
	    "'qers':[{'id':1,'mbr':{'ul':8000,'dl':8000}}],'urrs':[" VOLUME(1, "") "," VOLUME(
		    2, ",'measurement_information':['MBQE']") "]");
	unlimited(1, 1)->quota[2] = 2000;
	unlimited(1, 2);
	assert_int_equal(how_many(1, 2, 900, 2), 2);
	due = meter(1, 1)->due[UPF_DL];
	assert_int_equal(send_packet(1, 2, 900), UPF_DROP_QUOTA);
	assert_int_equal(meter(1, 1)->due[UPF_DL], due);
	assert_int_equal(volume(1, 1), 1800);
	assert_int_equal(volume(1, 2), 1800);
	assert_int_equal(usage(1, 1)->refused[0], 1);
	assert_int_equal(usage(1, 1)->refused[1], 900);
	assert_int_equal(usage(1, 2)->refused[0], 0);
	assert_int_equal(usage(1, 1)->dropped_dl[0], 0);
}

/* ---- quotas and thresholds -------------------------------------------------------------- */

static struct upf_limit *one_urr(void)
{
	put("'urr_ids':[1]", "'urrs':[" VOLUME(1, "") "]");
	return unlimited(1, 1);
}

static void quota_at_its_limit(void **state)
{
	struct upf_limit *l = one_urr();

	l->quota[2] = 1000;
	assert_int_equal(send_packet(1, 1, 600), PASSED);
	assert_int_equal(news(), 0);
	assert_int_equal(send_packet(1, 2, 400), PASSED); /* exactly all of it */
	assert_int_equal(news(), UPF_TOLD_QUOTA);         /* and that is told at once */
	assert_int_equal(send_packet(1, 2, 1), UPF_DROP_QUOTA);
	assert_int_equal(news(), 0);
	l->quota[2] = 2000; /* refilled */
	arm(l);
	assert_int_equal(send_packet(1, 2, 900), PASSED);
	assert_int_equal(send_packet(1, 2, 101), UPF_DROP_QUOTA);
	assert_int_equal(news(), UPF_TOLD_QUOTA);
	assert_int_equal(told.arm, 2);
	/* once told it is spent for smaller packets too */
	assert_int_equal(send_packet(1, 1, 20), UPF_DROP_QUOTA);
	assert_int_equal(volume(1, 1), 1900);
}

static void quota_of_nothing(void **state)
{
	struct upf_limit *l = one_urr();

	l->quota[UPF_UL] = 0;
	assert_int_equal(send_packet(1, 1, 20), UPF_DROP_QUOTA);
	assert_int_equal(news(), UPF_TOLD_QUOTA);
	assert_int_equal(volume(1, 1), 0);
	assert_int_equal(usage(1, 1)->last, 0);
}

static void quota_of_one_direction(void **state)
{
	struct upf_limit *l = one_urr();

	l->quota[UPF_DL] = 1000;
	assert_int_equal(how_many(1, 1, 700, 10), 10);
	assert_int_equal(news(), 0);
	assert_int_equal(how_many(1, 2, 700, 10), 1);
	assert_int_equal(news(), UPF_TOLD_QUOTA);
}

static void stopped(void **state)
{
	struct upf_limit *l = one_urr();

	l->flags = UPF_LIMIT_STOP;
	assert_int_equal(send_packet(1, 1, 20), UPF_DROP_QUOTA);
	assert_int_equal(news(), 0); /* the control thread knows */
	l->flags = 0;
	assert_int_equal(send_packet(1, 1, 20), PASSED);
}

static void thresholds(void **state)
{
	struct upf_limit *l = one_urr();

	l->threshold[2] = 1000;
	assert_int_equal(how_many(1, 1, 333, 3), 3);
	assert_int_equal(news(), 0);
	assert_int_equal(send_packet(1, 2, 1), PASSED);
	assert_int_equal(news(), UPF_TOLD_THRESHOLD);
	assert_int_equal(how_many(1, 2, 1000, 5), 5);
	assert_int_equal(news(), 0);
	l->threshold[2] = ~0ull;
	l->threshold[UPF_UL] = 2000;
	arm(l);
	how_many(1, 2, 1000, 5);
	assert_int_equal(news(), 0);
	how_many(1, 1, 1001, 1);
	assert_int_equal(news(), UPF_TOLD_THRESHOLD);
	/* both with one packet: in one notice */
	l->quota[2] = volume(1, 1) + 500;
	l->threshold[2] = volume(1, 1) + 500;
	arm(l);
	how_many(1, 1, 500, 1);
	assert_int_equal(news(), UPF_TOLD_THRESHOLD | UPF_TOLD_QUOTA);
}

/* What the control thread could not take is told again. */
static void notices_are_not_lost(void **state)
{
	struct upf_limit *l = one_urr();

	l->threshold[2] = 1000;
	l->flags = UPF_LIMIT_START;
	l->event_threshold = 1;
	deaf = true;
	how_many(1, 1, 1000, 1);
	how_many(1, 1, 10, 10);
	assert_int_equal(news(), 0);
	deaf = false;
	how_many(1, 1, 10, 1);
	assert_int_equal(news(), UPF_TOLD_THRESHOLD | UPF_TOLD_START | UPF_TOLD_EVENT);
	how_many(1, 1, 10, 1);
	assert_int_equal(news(), 0);
	/* nor is a quota that is spent unspent for a smaller packet meanwhile */
	l->quota[2] = volume(1, 1) + 9;
	deaf = true;
	assert_int_equal(send_packet(1, 1, 10), UPF_DROP_QUOTA);
	assert_int_equal(send_packet(1, 1, 5), UPF_DROP_QUOTA);
	deaf = false;
	assert_int_equal(send_packet(1, 1, 5), UPF_DROP_QUOTA);
	assert_int_equal(news(), UPF_TOLD_QUOTA);
}

/* ---- time ------------------------------------------------------------------------------ */

static double active(void)
{
	return (double)usage(1, 1)->active / (double)rte_get_tsc_hz();
}

/* The first packet since the control thread asked, and only it. */
static void start_of_traffic(void **state)
{
	struct upf_limit *l = one_urr();

	how_many(1, 1, 10, 1);
	assert_int_equal(news(), 0);
	l->flags = UPF_LIMIT_START;
	arm(l);
	seconds(1);
	how_many(1, 1, 10, 3);
	assert_int_equal(news(), UPF_TOLD_START);
	assert_int_equal(usage(1, 1)->first, w.now);
	seconds(1);
	how_many(1, 1, 10, 3);
	assert_int_equal(news(), 0);
	assert_int_not_equal(usage(1, 1)->first, w.now);
	assert_int_equal(usage(1, 1)->last, w.now);
	arm(l);
	how_many(1, 1, 10, 3);
	assert_int_equal(news(), UPF_TOLD_START);
}

/* A rest longer than the inactivity detection time counts as that time. */
static void time_in_use(void **state)
{
	struct upf_limit *l = one_urr();

	how_many(1, 1, 10, 5);
	assert_true(active() == 0);
	seconds(3);
	how_many(1, 1, 10, 5);
	seconds(2);
	how_many(1, 2, 10, 5);
	assert_true(active() > 4.999 && active() < 5.001);
	assert_int_equal(usage(1, 1)->starts, 1);
	l->idle = 2 * rte_get_tsc_hz();
	arm(l);
	seconds(1.5);
	how_many(1, 2, 10, 5);
	seconds(60);
	how_many(1, 2, 10, 5);
	assert_true(active() > 8.499 && active() < 8.501);
	assert_int_equal(usage(1, 1)->starts, 2);
}

/* An event is a start of traffic. The last one that the quota allows may go on. */
static void events(void **state)
{
	struct upf_limit *l = one_urr();

	l->idle = 2 * rte_get_tsc_hz();
	l->event_threshold = 2;
	l->event_quota = 3;
	for (unsigned i = 1; i <= 3; i++) {
		assert_int_equal(how_many(1, 1, 10, 5), 5);
		assert_int_equal(news(), i == 1 ? 0 : i == 2 ? UPF_TOLD_EVENT : UPF_TOLD_EVQUOTA);
		seconds(1);
		assert_int_equal(how_many(1, 1, 10, 5), 5);
		seconds(3);
	}
	assert_int_equal(send_packet(1, 1, 10), UPF_DROP_QUOTA);
	assert_int_equal(usage(1, 1)->starts, 3);
	l->event_quota = 4;
	arm(l);
	assert_int_equal(how_many(1, 1, 10, 5), 5);
	assert_int_equal(news(), UPF_TOLD_EVENT | UPF_TOLD_EVQUOTA);
}

/* ---- FAR for quota action ------------------------------------------------------------------ */

static void another_far(void **state)
{
	const struct upf_pdr *spent;
	int drop;

	put("'qer_ids':[1],'urr_ids':[1,2]",
	    "'qers':[{'id':1,'qfi':9,'mbr':{'ul':8000,'dl':8000}}],'urrs':[" VOLUME(
		    1, ",'far_id_for_quota_action':4") "," VOLUME(2, "") "]");
	unlimited(1, 1)->quota[2] = 1000;
	unlimited(1, 2);
	assert_int_equal(send_packet(1, 2, 1000), PASSED);
	assert_int_equal(send_packet(1, 2, 1000), INSTEAD);
	/* the URR that is spent does not count it, the others and the meter do */
	assert_int_equal(volume(1, 1), 1000);
	assert_int_equal(volume(1, 2), 2000);
	assert_int_equal(usage(1, 1)->refused[0], 0);
	assert_in_range(how_many(1, 2, 1000, 100), 0, 0);
	assert_int_equal(send_packet(1, 2, 1000), UPF_DROP_RATE);
	spent = step(1, pdr_of(1, 2), 1000, &drop);
	assert_int_equal(spent->far_id, 4);
	assert_int_equal(spent->out_teid, 0x44);
	assert_int_equal(spent->out_qfi, 9);
	assert_true(spent->flags & UPF_PDR_PSC);
	assert_int_equal(spent->counter, pdr_of(1, 2)->counter);
	assert_int_equal(spent->out_vrf, vrf("access"));
	assert_int_not_equal(spent->peer, pdr_of(1, 2)->peer);
	assert_int_not_equal(spent->peer, 0);
	/* another URR of the same PDR is spent and wants no other FAR: dropped */
	upf_tables.limits[usage(1, 2) - upf_tables.usages].quota[2] = 0;
	arm(&upf_tables.limits[usage(1, 2) - upf_tables.usages]);
	assert_int_equal(send_packet(1, 2, 1000), UPF_DROP_QUOTA);
	assert_int_equal(usage(1, 2)->refused[0], 1);
}

static void other_fars(void **state)
{
	static const struct {
		const char *urr;
		int down;
	} cases[] = {{VOLUME(1, ",'far_id_for_quota_action':5"), UPF_DROP_FAR},
		     {VOLUME(1, ",'far_id_for_quota_action':3"), INSTEAD},
		     {VOLUME(1, ""), UPF_DROP_QUOTA}};

	for (unsigned i = 0; i < 3; i++) {
		char rules[1000];

		snprintf(rules, sizeof(rules), "'urrs':[%s]", cases[i].urr);
		put("'urr_ids':[1]", rules);
		unlimited(1, 1)->quota[2] = 0;
		assert_int_equal(send_packet(1, 1, 100), cases[i].down);
		assert_int_equal(volume(1, 1), 0);
	}
}

/* Peers of records beside the PDRs' are held and given back with the session. */
static void peers_are_counted(void **state)
{
	struct upf_inventory before, after;

	put("'urr_ids':[1]", "'urrs':[" VOLUME(1, "") "]");
	upf_inventory(&before);
	put("'urr_ids':[1]", "'urrs':[" VOLUME(1, ",'far_id_for_quota_action':4") "]");
	cst_rcu_reclaim(true);
	upf_inventory(&after);
	assert_int_equal(after.peers, before.peers + 1);
	NO_MODIFY("{'seid':1,'update_urrs':[{'id':1,'far_id_for_quota_action':99}]}", -EINVAL,
		  "update_urrs[0].far_id_for_quota_action", "no FAR 99");
	MODIFY("{'seid':1,'update_pdrs':[{'id':1,'urr_ids':[]}]}");
	MODIFY("{'seid':1,'update_pdrs':[{'id':2,'urr_ids':[]}]}");
	cst_rcu_reclaim(true);
	upf_inventory(&after);
	assert_int_equal(after.peers, before.peers);
}

static void refusals(void **state)
{
#define TWO_PDRS(ids, rules)                                                             \
	"{'seid':9,'pdrs':[{'id':1,'precedence':255,'pdi':{'source_interface':'access'," \
	"'network_instance':'access'," CHOOSE "},'far_id':1," ids "}],'fars':[" TO_CORE  \
	",{'id':3,'apply_action':['DROP']}]," rules "}"
	NO_PUT(TWO_PDRS("'qer_ids':[1,1]", "'qers':[{'id':1}]"), -EINVAL, "pdrs[0].qer_ids[1]",
	       "QER 1 is there twice");
	NO_PUT(TWO_PDRS("'urr_ids':[1,1]", "'urrs':[" VOLUME(1, "") "]"), -EINVAL,
	       "pdrs[0].urr_ids[1]", "URR 1 is there twice");
	NO_PUT(TWO_PDRS("'urr_ids':[1]", "'urrs':[" VOLUME(1, ",'far_id_for_quota_action':7") "]"),
	       -EINVAL, "urrs[0].far_id_for_quota_action", "no FAR 7");
	NO_PUT(TWO_PDRS("'urr_ids':[1,2]",
			"'urrs':[" VOLUME(1, ",'far_id_for_quota_action':1") "," VOLUME(
				2, ",'far_id_for_quota_action':3") "]"),
	       -ENOTSUP, "pdrs[0].urr_ids[1]", "another one");
}

#define T(f) cmocka_unit_test_teardown(f, nothing_left)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(gates),
		T(all_qers_or_none),
		T(qer_shared_by_pdrs),
		T(meter_outlives_changes),
		T(packet_rate_of_a_pdr),
		T(before_and_after_qos),
		T(quota_before_all),
		T(quota_at_its_limit),
		T(quota_of_nothing),
		T(quota_of_one_direction),
		T(stopped),
		T(thresholds),
		T(notices_are_not_lost),
		T(start_of_traffic),
		T(time_in_use),
		T(events),
		T(another_far),
		T(other_fars),
		T(peers_are_counted),
		T(refusals),
	};

	return cmocka_run_group_tests_name("upf_policy", tests, group_setup, group_teardown);
}
