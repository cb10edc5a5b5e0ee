/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side of what waits: what BARs, NOCP and DROBU become; End Markers
 * for the tunnels that a change leaves; Error Indications and what they hold.
 */
#include "upf_ctl_test.h"

#include <time.h>

#include "gtpu.h"
#include "ip.h"
#include "journal.h"
#include "module.h"
#include "rpc/rpc.h"
#include "upf_buffer.h"
#include "upf_buffer_ctl.h"
#include "upf_errind.h"
#include "upf_policy.h"
#include "upf_tell.h"

/* ---- what is told, caught ------------------------------------------------------------- */

static unsigned n_events, n_signals, n_news;
static char event_text[1000];
static uint8_t signal_bytes[100];
static uint16_t signal_len, signal_vrf;
static bool deaf; /* the worker's inbox is full */

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data);
int __wrap_cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			       json_t *data);
bool __wrap_upf_tell_signal(uint16_t worker, uint16_t vrf, const uint8_t *ip, uint16_t len);
bool __wrap_upf_tell_news(uint16_t worker, uint32_t queue);

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data)
{
	char *s = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);

	n_events++;
	snprintf(event_text, sizeof(event_text), "%s %s", t->name, s);
	free(s);
	json_decref(data);
}

int __wrap_cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			       json_t *data)
{
	assert_false(k->mergeable);
	__wrap_cst_event_publish(t, data);
	return 0;
}

bool __wrap_upf_tell_signal(uint16_t worker, uint16_t vrf_number, const uint8_t *ip, uint16_t len)
{
	if (deaf)
		return false;
	n_signals++;
	assert_true(len <= sizeof(signal_bytes));
	memcpy(signal_bytes, ip, len);
	signal_len = len;
	signal_vrf = vrf_number;
	return true;
}

bool __wrap_upf_tell_news(uint16_t worker, uint32_t queue)
{
	n_news += !deaf;
	return !deaf;
}

static void tick(void)
{
	static uint64_t ms;
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	upf_buffer_module.tick(ms);
	upf_endmarker_module.tick(ms);
}

/* ---- sessions ------------------------------------------------------------------------- */

#define PLAIN     SESSION(1, UL(1, CHOOSE), DL(2, "," UE))
#define FAR(what) "{'seid':1,'update_fars':[{'id':2," what "}]}"
#define IDLE      FAR("'apply_action':['BUFF','NOCP']")
#define FORW      FAR("'apply_action':['FORW']")
#define TUNNEL(ip, teid, more)                                                             \
	"'forwarding_parameters':{'outer_header_creation':{'description':'gtpu-udp-ipv4'," \
	"'teid':'" teid "','ipv4':'" ip "'}" more "}"
#define MARK ",'send_end_marker':true"
/* of what FAR 2 forwards, to another UPF or a mediation device */
#define COPIES                                                                                 \
	"'apply_action':['FORW','DUPL'],'duplicating_parameters':[{"                           \
	"'destination_interface':'core','network_instance':'access','outer_header_creation':{" \
	"'description':'gtpu-udp-ipv4','teid':'0x99','ipv4':'192.0.2.9'}}]"

static struct upf_queue *queue(void)
{
	const struct upf_held_part *p = upf_part_of(upf_session_by_seid(1), UPF_PART_QUEUE, 0);

	return p ? &upf_queues[p->number] : NULL;
}

static const struct upf_policy *policy_of(uint16_t pdr)
{
	const struct upf_pdr *p = pdr_of(1, pdr);

	return p->flags & UPF_PDR_POLICY ? upf_policy_of(run_of(1), p) : NULL;
}

static json_t *get(void)
{
	struct upf_session_obj key = {.seid = 1};
	json_t *out;

	assert_int_equal(upf_session_class.get(&key, &out, &err), 0);
	return out;
}

static struct upf_buffer_notice notice_of(uint16_t pdr, uint8_t qfi, uint8_t delay)
{
	return (struct upf_buffer_notice){.queue = (uint32_t)(queue() - upf_queues),
					  .arm = queue()->arm,
					  .first = {pdr, qfi, 10},
					  .delay = delay};
}

/* ---- buffers ---------------------------------------------------------------------------- */

static void test_refused(void **state)
{
	(void)state;
	PUT(PLAIN);
	NO_MODIFY("{'seid':1,'update_pdrs':[{'id':1,'far_id':2}],'update_fars':[{'id':2,"
		  "'apply_action':['BUFF']}]}",
		  -EINVAL, "update_pdrs[0].far_id", "only downlink");
	NO_MODIFY(FAR("'apply_action':['FORW','NOCP']"), -EINVAL, "update_fars[0].apply_action",
		  "only together with BUFF");
	NO_MODIFY(FAR("'apply_action':['BUFF','BDPN']"), -ENOTSUP, "update_fars[0].apply_action",
		  "BDPN");
	NO_MODIFY("{'seid':1,'create_bars':[{'id':1,'dl_buffering_duration':0}]}", -EINVAL,
		  "create_bars[0].dl_buffering_duration", "");
}

/* With the FAR that holds once a quota is spent: its BAR counts, and what it cannot do is said. */
static void test_quota_action(void **state)
{
#define QUOTA(pdr, what)                                                                           \
	"{'seid':1,'create_bars':[{'id':3,'suggested_buffering_packets_count':7}],"                \
	"'create_fars':[{'id':9," what "}],'create_urrs':[{'id':1,'measurement_method':['VOLUM']," \
	"'reporting_triggers':['VOLQU'],'volume_quota':{'total':1},"                               \
	"'far_id_for_quota_action':9}],'update_pdrs':[{'id':" #pdr ",'urr_ids':[1]}]}"
	(void)state;
	PUT(PLAIN);
	NO_MODIFY(QUOTA(2, "'apply_action':['BUFF','NOCP']"), -ENOTSUP,
		  "create_urrs[0].far_id_for_quota_action", "NOCP");
	NO_MODIFY(QUOTA(2, "'apply_action':['DROP','DUPL'],'duplicating_parameters':[{"
			   "'destination_interface':'core','network_instance':'access'," OHC "}]"),
		  -ENOTSUP, "create_urrs[0].far_id_for_quota_action", "DUPL");
	NO_MODIFY(QUOTA(1, "'apply_action':['BUFF']"), -EINVAL, "update_pdrs[0].urr_ids",
		  "only downlink");
	MODIFY(QUOTA(2, "'apply_action':['BUFF'],'bar_id':3"));
	assert_non_null(queue());
	assert_int_equal(run_of(1)->buffer_packets, 7);
	/* both buffer: the more generous one */
	MODIFY(FAR("'apply_action':['BUFF']"));
	assert_int_equal(run_of(1)->buffer_packets, UPF_BUFFER_PACKETS);
}

/* New sessions that nothing waits for yet, but may: there is no older one to compare them with. */
static void test_new_ones(void **state)
{
	(void)state;
#define MAY_WAIT(pdr_more, fars)                                                                   \
	"{'seid':1,'pdrs':[" UL(1, CHOOSE) ",{'id':2,'precedence':255,'pdi':{'source_interface'"   \
					   ":'core','network_instance':'internet'," UE             \
					   "},'far_id':2," pdr_more "}],'fars':[" TO_CORE "," fars \
					   "]"
	PUT(MAY_WAIT("'urr_ids':[1]", TO_GNB
		     ",{'id':9,'apply_action':['BUFF']}") ","
							  "'urrs':[{'id':1,'measurement_method':['"
							  "VOLUM'],'reporting_triggers':['VOLQU'],"
							  "'volume_quota':{'total':1},'far_id_for_"
							  "quota_action':9}]}");
	assert_non_null(queue());
	DELETE("{'seid':1}");
	PUT(MAY_WAIT("'activation_time':4000000000", "{'id':2,'apply_action':['BUFF']}") "}");
	assert_non_null(queue());
}

static void test_kept_how(void **state)
{
	(void)state;
	PUT(PLAIN);
	assert_null(queue());
	assert_null(policy_of(2));
	MODIFY(IDLE);
	assert_non_null(queue());
	assert_int_equal(policy_of(2)->queue, queue() - upf_queues);
	assert_int_equal(policy_of(2)->flags, UPF_POLICY_NOTIFY);
	assert_null(policy_of(1));
	assert_int_equal(run_of(1)->buffer_packets, UPF_BUFFER_PACKETS);
	assert_int_equal(queue()->seid, 1);
	assert_int_equal(UPF_REF_LINE(queue()->ref), upf_session_by_seid(1)->line);
	MODIFY("{'seid':1,'create_bars':[{'id':3,'suggested_buffering_packets_count':7,"
	       "'downlink_data_notification_delay':4}],'update_fars':[{'id':2,'bar_id':3}]}");
	assert_int_equal(run_of(1)->buffer_packets, 7);
	assert_int_equal(run_of(1)->notify_delay, 4);
	MODIFY("{'seid':1,'update_bars':[{'id':3,'dl_buffering_suggested_packet_count':900,"
	       "'dl_buffering_duration':20}]}");
	assert_int_equal(run_of(1)->buffer_packets, 900);
	assert_int_equal(run_of(1)->buffer_for, 20);
	/* the queue stays when the user is back, and is the same one the next time */
	{
		struct upf_queue *q = queue();

		MODIFY(FORW);
		assert_ptr_equal(queue(), q);
		assert_int_equal(policy_of(2)->queue, q - upf_queues);
		assert_int_equal(policy_of(2)->flags, 0);
		MODIFY(FAR("'apply_action':['BUFF']"));
		assert_ptr_equal(queue(), q);
		assert_int_equal(policy_of(2)->flags, 0);
	}
}

static void test_told(void **state)
{
	struct upf_buffer_notice n;
	uint32_t arm;
	json_t *js;

	(void)state;
	PUT(PLAIN);
	MODIFY(IDLE);
	n_events = 0;
	n = notice_of(2, 9, 0);
	upf_buffer_told(&n);
	upf_buffer_told(&n);
	assert_int_equal(n_events, 1);
	assert_string_equal(event_text, "session.downlink_data_report "
					"{\"pdr_ids\":[2],\"ppi\":10,\"qfi\":9,\"seid\":1}");
	js = get();
	assert_true(json_is_true(json_object_get(json_object_get(js, "buffer"), "notified")));
	json_decref(js);
	/* another QoS flow is told of as well; one without a container says none */
	n = notice_of(2, UPF_NO_QFI, 0);
	upf_buffer_told(&n);
	assert_int_equal(n_events, 2);
	assert_string_equal(event_text,
			    "session.downlink_data_report {\"pdr_ids\":[2],\"ppi\":10,\"seid\":1}");
	/* a change of something else is no new episode, DROBU and the next BUFF are */
	arm = queue()->arm;
	MODIFY("{'seid':1,'create_bars':[{'id':3,'suggested_buffering_packets_count':7}]}");
	assert_int_equal(queue()->arm, arm);
	MODIFY("{'seid':1,'drop_buffered_packets':true}");
	assert_int_equal(queue()->arm, arm + 1);
	assert_int_equal(queue()->discard, 1);
	MODIFY(FORW);
	MODIFY(IDLE);
	assert_int_equal(queue()->arm, arm + 3);
	assert_int_equal(queue()->heard, 0);
	/* what an old episode's notice says is not told any more */
	n = notice_of(2, 9, 0);
	n.arm--;
	upf_buffer_told(&n);
	assert_int_equal(n_events, 2);
	/* not before its delay, and not when the user is back by then */
	n = notice_of(2, 9, 1);
	upf_buffer_told(&n);
	assert_int_equal(n_events, 2);
	usleep(60000);
	tick();
	assert_int_equal(n_events, 3);
	MODIFY(FORW);
	MODIFY(IDLE);
	n = notice_of(2, 9, 1);
	upf_buffer_told(&n);
	MODIFY(FORW);
	usleep(60000);
	tick();
	assert_int_equal(n_events, 3);
}

/* Those who cannot be told now are told later; a number with packets is nobody else's. */
static void test_owed(void **state)
{
	struct upf_queue *q;
	uint32_t used = upf_parts_used(UPF_PART_QUEUE);

	(void)state;
	PUT(PLAIN);
	MODIFY(IDLE);
	q = queue();
	q->packets = 1;
	deaf = true;
	n_news = 0;
	MODIFY("{'seid':1,'drop_buffered_packets':true}");
	tick();
	assert_int_equal(n_news, 0);
	deaf = false;
	tick();
	assert_int_equal(n_news, 1);
	DELETE("{'seid':1}");
	assert_int_equal(q->ref, 0);
	cst_rcu_reclaim(true);
	tick();
	assert_int_equal(upf_parts_used(UPF_PART_QUEUE), used + 1);
	q->packets = 0;
	tick();
	assert_int_equal(upf_parts_used(UPF_PART_QUEUE), used);
}

static void test_duration(void **state)
{
	(void)state;
	PUT(PLAIN);
	MODIFY("{'seid':1,'create_bars':[{'id':3,'dl_buffering_duration':1}],'update_fars':[{"
	       "'id':2,'apply_action':['BUFF'],'bar_id':3}]}");
	usleep(700000);
	tick();
	assert_int_equal(queue()->discard, 0);
	/* told anew, it runs anew */
	MODIFY("{'seid':1,'update_bars':[{'id':3,'dl_buffering_duration':1}]}");
	usleep(500000);
	tick();
	assert_int_equal(queue()->discard, 0);
	usleep(600000);
	tick();
	assert_int_equal(queue()->discard, 1);
}

/* ---- End Markers ------------------------------------------------------------------------- */

static void test_end_marker(void **state)
{
	struct cst_gtpu g;

	(void)state;
	n_signals = 0;
	PUT(PLAIN);
	MODIFY(FAR(TUNNEL("192.0.2.3", "0x22", MARK)));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 1);
	assert_int_equal(signal_vrf, vrf("access"));
	assert_int_equal(signal_len, 20 + 8 + 8);
	assert_memory_equal(signal_bytes + 12, "\xc0\x00\x02\x01\xc0\x00\x02\x02", 8);
	assert_int_equal(cst_gtpu_parse(signal_bytes + 28, 8, &g), CST_GTPU_OK);
	assert_int_equal(g.type, CST_GTPU_END_MARKER);
	assert_int_equal(g.teid, 0x11);
	/* the same tunnel again, another one without being asked: none */
	MODIFY(FAR(TUNNEL("192.0.2.3", "0x22", MARK)));
	MODIFY(FAR(TUNNEL("192.0.2.4", "0x22", "")));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 1);
	/* with the container that data has; another TEID alone is another tunnel */
	MODIFY("{'seid':1,'create_qers':[{'id':1,'qfi':5}],'update_pdrs':[{'id':2,'qer_ids':[1]}]"
	       "}");
	deaf = true;
	MODIFY(FAR(TUNNEL("192.0.2.4", "0x23", MARK)));
	cst_rcu_reclaim(true);
	tick();
	assert_int_equal(n_signals, 1);
	deaf = false;
	tick();
	assert_int_equal(n_signals, 2);
	assert_int_equal(signal_len, 20 + 8 + 16);
	assert_int_equal(cst_gtpu_parse(signal_bytes + 28, 16, &g), CST_GTPU_OK);
	assert_int_equal(g.teid, 0x22);
	assert_true(g.has_psc);
	assert_int_equal(g.qfi, 5);
	/* it is not kept: nothing is left of it in the session */
	{
		json_t *js = get();
		char *s = json_dumps(js, 0);

		assert_null(strstr(s, "send_end_marker"));
		free(s);
		json_decref(js);
	}
	/* two PDRs into one tunnel: one marker */
	MODIFY("{'seid':1,'create_pdrs':[" DL(7, "") "]}");
	MODIFY(FAR(TUNNEL("192.0.2.4", "0x24", MARK)));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 3);
}

/* With the FAR for a spent quota: its tunnel is one of the session's, and can end. */
static void test_end_marker_quota(void **state)
{
	(void)state;
	n_signals = 0;
	PUT(PLAIN);
	MODIFY(QUOTA(2, "'apply_action':['FORW'],'forwarding_parameters':{'destination_interface':"
			"'access','network_instance':'access'," OHC "}"));
	/* the quota's FAR still enters it */
	MODIFY(FAR(TUNNEL("192.0.2.3", "0x22", MARK)));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 0);
	MODIFY("{'seid':1,'update_fars':[{'id':9," TUNNEL("192.0.2.3", "0x23", MARK) "}]}");
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 1);
	assert_memory_equal(signal_bytes + 16, "\xc0\x00\x02\x02", 4);
}

/* With copies: they may still go where the FAR has sent, and their own end is not marked. */
static void test_end_marker_copies(void **state)
{
	(void)state;
	n_signals = 0;
	PUT(PLAIN);
	MODIFY(FAR(COPIES));
	MODIFY(FAR(TUNNEL("192.0.2.9", "0x99", "")));
	MODIFY(FAR(TUNNEL("192.0.2.3", "0x22", MARK)));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 0);
	MODIFY(FAR("'apply_action':['FORW']," TUNNEL("192.0.2.4", "0x23", MARK)));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 1);
	assert_memory_equal(signal_bytes + 16, "\xc0\x00\x02\x03", 4);
}

static void test_no_end_marker(void **state)
{
	(void)state;
	NO_PUT("{'seid':1,'pdrs':[" DL(
		       2, "," UE) "],'fars':[{'id':2,'apply_action':['FORW'],"
				  "'forwarding_parameters':{'destination_interface':'access',"
				  "'network_instance':'access'," OHC MARK "}}]}",
	       -EINVAL, "fars[0].forwarding_parameters.send_end_marker", "update_fars");
	PUT(PLAIN);
	NO_MODIFY("{'seid':1,'create_fars':[{'id':5,'apply_action':['FORW'],"
		  "'forwarding_parameters':{'destination_interface':'access',"
		  "'network_instance':'access'," OHC MARK "}}]}",
		  -EINVAL, "create_fars[0].forwarding_parameters.send_end_marker", "update_fars");
	/* a change that fails leaves none */
	n_signals = 0;
	NO_MODIFY("{'seid':1,'update_fars':[{'id':2," TUNNEL("192.0.2.9", "0x99",
							     MARK) "},{'id':1,'bar_id':9}]}",
		  -EINVAL, "update_fars[1].bar_id", "no BAR 9");
	MODIFY(FAR(TUNNEL("192.0.2.3", "0x22", "")));
	cst_rcu_reclaim(true);
	assert_int_equal(n_signals, 0);
}

/* ---- Error Indications --------------------------------------------------------------------- */

static struct upf_errind_notice lost(const char *ip, uint32_t teid)
{
	struct upf_errind_notice n = {.teid = teid, .vrf = vrf("access")};

	assert_int_equal(cst_ip_from_text(ip, &n.peer), 0);
	return n;
}

static bool is_held(void)
{
	json_t *js = get(), *far = json_array_get(json_object_get(js, "fars"), 1);
	bool held = json_is_true(json_object_get(far, "held"));

	assert_int_equal(json_integer_value(json_object_get(far, "id")), 2);
	assert_int_equal(pdr_of(1, 2)->action, held ? UPF_BUFF : UPF_FORW);
	json_decref(js);
	return held;
}

static void test_error_indication(void **state)
{
	struct upf_errind_notice n = lost("192.0.2.2", 0x11), other;

	(void)state;
	PUT(PLAIN);
	n_events = 0;
	other = lost("192.0.2.2", 0x12);
	assert_false(upf_errind_handle(&other));
	other = lost("192.0.2.3", 0x11);
	assert_false(upf_errind_handle(&other));
	other = n;
	other.vrf = vrf("old");
	assert_false(upf_errind_handle(&other));
	assert_int_equal(n_events, 0);
	assert_false(is_held());
	assert_true(upf_errind_handle(&n));
	assert_int_equal(n_events, 1);
	assert_string_equal(event_text,
			    "session.error_indication {\"far_ids\":[2],\"pdr_ids\":[2],"
			    "\"remote_f_teid\":{\"ipv4\":\"192.0.2.2\",\"teid\":\"0x11\"},"
			    "\"seid\":1}");
	assert_true(is_held());
	/* once, and nobody is told of what waits: the control plane knows */
	assert_false(upf_errind_handle(&n));
	assert_int_equal(n_events, 1);
	assert_int_equal(policy_of(2)->flags, 0);
	/* until the control plane speaks of the FAR, though it says what it said before */
	MODIFY("{'seid':1,'create_qers':[{'id':1,'qfi':5}],'update_pdrs':[{'id':2,'qer_ids':[1]}]"
	       "}");
	assert_true(is_held());
	NO_MODIFY("{'seid':1,'update_fars':[{'id':2,'apply_action':['FORW']},{'id':1,'bar_id':9}]}",
		  -EINVAL, "update_fars[1].bar_id", "no BAR 9");
	assert_true(is_held());
	MODIFY(FORW);
	assert_false(is_held());
	assert_true(upf_errind_handle(&n));
	assert_true(is_held());
	MODIFY(FAR(TUNNEL("192.0.2.2", "0x33", "")));
	assert_false(is_held());
	assert_false(upf_errind_handle(&n));
	n.teid = 0x33;
	assert_true(upf_errind_handle(&n));
	/* the whole session told anew */
	PUT(PLAIN);
	assert_false(is_held());
	assert_int_equal(n_events, 3);
}

/* The tunnel of the FAR that holds once a quota is spent. */
static void test_error_indication_quota(void **state)
{
	struct upf_errind_notice n = lost("192.0.2.5", 0x55);
	const struct upf_pdr *spent;

	(void)state;
	PUT(PLAIN);
	MODIFY(QUOTA(2, "'apply_action':['FORW']," TUNNEL(
				"192.0.2.5", "0x55",
				",'destination_interface':'access','network_instance':'access'")));
	n_events = 0;
	assert_true(upf_errind_handle(&n));
	assert_string_equal(event_text,
			    "session.error_indication {\"far_ids\":[9],\"pdr_ids\":[2],"
			    "\"remote_f_teid\":{\"ipv4\":\"192.0.2.5\",\"teid\":\"0x55\"},"
			    "\"seid\":1}");
	assert_false(is_held());
	assert_non_null(upf_part_of(upf_session_by_seid(1), UPF_PART_HELD, 9));
	spent = upf_line(run_of(1), policy_of(2)->spent);
	assert_int_equal(spent->action, UPF_BUFF);
	assert_non_null(queue());
	assert_false(upf_errind_handle(&n));
	assert_int_equal(n_events, 1);
	MODIFY("{'seid':1,'update_fars':[{'id':9,'apply_action':['FORW']}]}");
	spent = upf_line(run_of(1), policy_of(2)->spent);
	assert_int_equal(spent->action, UPF_FORW);
}

/* The tunnel of copies: told now and then, and the user's packets do not wait. */
static void test_error_indication_copies(void **state)
{
	struct upf_errind_notice n = lost("192.0.2.9", 0x99);
	uint32_t before = upf_errind_tunnels();

	(void)state;
	PUT(PLAIN);
	MODIFY(FAR(COPIES));
	assert_int_equal(upf_errind_tunnels(), before + 2);
	n_events = 0;
	assert_true(upf_errind_handle(&n));
	assert_string_equal(event_text,
			    "session.error_indication {\"far_ids\":[],\"pdr_ids\":[2],"
			    "\"remote_f_teid\":{\"ipv4\":\"192.0.2.9\",\"teid\":\"0x99\"},"
			    "\"seid\":1}");
	assert_false(is_held());
	assert_false(upf_errind_handle(&n));
	upf_errind_module.tick(9999);
	assert_false(upf_errind_handle(&n));
	upf_errind_module.tick(10000);
	assert_true(upf_errind_handle(&n));
	assert_int_equal(n_events, 2);
	MODIFY(FAR("'apply_action':['FORW']"));
	assert_int_equal(upf_errind_tunnels(), before + 1);
	assert_false(upf_errind_handle(&n));
}

/* A session that sends into tunnel `t` of one of three gNBs. */
static void to_far_end(char text[1000], unsigned s, unsigned t)
{
	snprintf(text, 1000,
		 "{'seid':%u,'pdrs':[{'id':2,'precedence':1,'pdi':{'source_interface':"
		 "'core','network_instance':'internet','ue_ip_address':[{'ipv4':"
		 "'10.45.%u.%u'}]},'far_id':2}],'fars':[{'id':2,'apply_action':['FORW'],"
		 "'forwarding_parameters':{'destination_interface':'access',"
		 "'network_instance':'access','outer_header_creation':{'description':"
		 "'gtpu-udp-ipv4','teid':%u,'ipv4':'192.0.2.%u'}}}]}",
		 s + 1, 1 + s / 250, 1 + s % 250, t, 2 + s % 3);
}

/* The index through many sessions that share gNBs, by a model: which of them has the tunnel. */
static void test_index(void **state)
{
	uint32_t before = upf_errind_tunnels();
	uint32_t teid[600] = {0};
	struct upf_errind_notice n;

	(void)state;
	srandom(7);
	for (int round = 0; round < 3000; round++) {
		unsigned s = (unsigned)random() % 600, t = 1 + s * 8 + (unsigned)random() % 8;
		char text[1000];

		if (teid[s] && random() % 3 == 0) {
			snprintf(text, sizeof(text), "{'seid':%u}", s + 1);
			DELETE(text);
			teid[s] = 0;
			continue;
		}
		to_far_end(text, s, t);
		PUT(text);
		teid[s] = t;
	}
	cst_rcu_reclaim(true);
	for (unsigned s = 0; s < 600; s++) {
		for (unsigned t = 1 + s * 8; t < 9 + s * 8; t++) {
			char ip[32];

			snprintf(ip, sizeof(ip), "192.0.2.%u", 2 + s % 3);
			n = lost(ip, t);
			assert_int_equal(upf_errind_handle(&n), teid[s] == t);
		}
		before += teid[s] != 0;
	}
	assert_int_equal(upf_errind_tunnels(), before);
}

/* Many sessions with one far end: the index stays short, and empties. */
static void test_index_of_alike(void **state)
{
	uint32_t before = upf_errind_tunnels();
	struct upf_errind_notice n = lost("192.0.2.2", 7);
	char text[1000];

	(void)state;
	for (unsigned s = 0; s < 300; s++) {
		to_far_end(text, s, 7);
		PUT(text);
	}
	assert_int_equal(upf_errind_tunnels() - before, 3 * 32);
	/* all that the index keeps are told of */
	n_events = 0;
	assert_true(upf_errind_handle(&n));
	assert_int_equal(n_events, 32);
	assert_false(upf_errind_handle(&n));
	for (unsigned s = 0; s < 300; s++) {
		snprintf(text, sizeof(text), "{'seid':%u}", s + 1);
		DELETE(text);
	}
	assert_int_equal(upf_errind_tunnels(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_refused, nothing_left),
		cmocka_unit_test_teardown(test_quota_action, nothing_left),
		cmocka_unit_test_teardown(test_new_ones, nothing_left),
		cmocka_unit_test_teardown(test_kept_how, nothing_left),
		cmocka_unit_test_teardown(test_told, nothing_left),
		cmocka_unit_test_teardown(test_owed, nothing_left),
		cmocka_unit_test_teardown(test_duration, nothing_left),
		cmocka_unit_test_teardown(test_end_marker, nothing_left),
		cmocka_unit_test_teardown(test_end_marker_quota, nothing_left),
		cmocka_unit_test_teardown(test_end_marker_copies, nothing_left),
		cmocka_unit_test_teardown(test_no_end_marker, nothing_left),
		cmocka_unit_test_teardown(test_error_indication, nothing_left),
		cmocka_unit_test_teardown(test_error_indication_quota, nothing_left),
		cmocka_unit_test_teardown(test_error_indication_copies, nothing_left),
		cmocka_unit_test_teardown(test_index, nothing_left),
		cmocka_unit_test_teardown(test_index_of_alike, nothing_left),
	};

	return cmocka_run_group_tests_name("upf_buffer", tests, group_setup, group_teardown);
}
