/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-over of a user: what preparing, committing and dropping a next tunnel
 * makes of a session's rules and of its run, what is refused, what is told, and
 * what comes at its time.
 */
#include "upf_ctl_test.h"

#include "gtpu.h"
#include "module.h"
#include "rpc/rpc.h"
#include "upf_buffer_ctl.h"
#include "upf_clock.h"
#include "upf_errind.h"
#include "upf_handover.h"
#include "upf_match.h"
#include "upf_policy.h"
#include "upf_tell.h"

/* ---- what is told, caught ------------------------------------------------------------- */

static char events[8][600];
static unsigned n_events, n_signals;
static uint32_t ended; /* TEID of the last End Marker */
static bool deaf;      /* the worker's inbox is full */

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data);
bool __wrap_upf_tell_signal(uint16_t worker, uint16_t vrf, const uint8_t *ip, uint16_t len);

void __wrap_cst_event_publish(const struct cst_event_type *t, json_t *data)
{
	char *s = json_dumps(data, JSON_COMPACT | JSON_SORT_KEYS);

	snprintf(events[n_events++ % 8], sizeof(events[0]), "%s %s", t->name, s);
	free(s);
	json_decref(data);
}

bool __wrap_upf_tell_signal(uint16_t worker, uint16_t vrf_number, const uint8_t *ip, uint16_t len)
{
	struct cst_gtpu g;

	(void)worker;
	(void)vrf_number;
	if (deaf)
		return false;
	assert_int_equal(cst_gtpu_parse(ip + 28, len - 28u, &g), CST_GTPU_OK);
	assert_int_equal(g.type, CST_GTPU_END_MARKER);
	ended = g.teid;
	n_signals++;
	return true;
}

/* The events since the last look are of these kinds. */
static void told(const char *kinds)
{
	char got[400] = "";

	for (unsigned i = 0; i < n_events; i++) {
		const char *name = events[i % 8] + strlen("handover.");

		snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%.*s", i ? " " : "",
			 (int)strcspn(name, " "), name);
	}
	if (strcmp(got, kinds) != 0)
		fail_msg("told: %s; wanted: %s", got, kinds);
	n_events = 0;
}

/* ---- time ----------------------------------------------------------------------------- */

static struct upf_now clock_now = {.hz = 1000000000, .ms = 5000, .unix_ms = 1800000000000ull};

static void test_clock(struct upf_now *now)
{
	*now = clock_now;
}

static void pass(uint64_t ms)
{
	clock_now.ms += ms;
	clock_now.unix_ms += ms;
	upf_handover_run();
}

/* ---- calls ------------------------------------------------------------------------------- */

static void does_not(const char *method, const char *params, const char *field, const char *reason)
{
	json_t *reply = rpc(method, params);
	json_t *data = json_object_get(json_object_get(reply, "error"), "data");
	const char *f = json_string_value(json_object_get(data, "field"));
	const char *r = json_string_value(json_object_get(data, "reason"));

	if (!f || !r || strcmp(f, field) != 0 || !strstr(r, reason))
		fail_msg("%s %s: %s", method, params, json_dumps(reply, 0));
	json_decref(reply);
}

/* ---- the session -------------------------------------------------------------------------- */

#define PLAIN     SESSION(1, UL(1, CHOOSE), DL(2, "," UE))
#define FAR(what) "{'seid':1,'update_fars':[{'id':2," what "}]}"
#define TO(teid)                                                               \
	"'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'" teid \
	"','ipv4':'192.0.2.3'}"
#define NEXT(teid)    "'next_tunnel':{" TO(teid) "}"
#define FED(until)    "'next_tunnel':{" TO("0x22") ",'feed':true,'feed_until':" until "}"
#define THIS          "'seid':1,'far_id':2"
#define PREPARE(more) does("handover.prepare", "{" THIS "," TO("0x22") more "}")
#define COMMIT(more)  does("handover.commit", "{" THIS more "}")
#define DROP          does("handover.drop", "{" THIS "}")
#define FEED          ",'feed':true"

static const struct upf_policy *policy(void)
{
	const struct upf_pdr *p = pdr_of(1, 2);

	return p->flags & UPF_PDR_POLICY ? upf_policy_of(run_of(1), p) : NULL;
}

static unsigned copies(void)
{
	return policy() ? policy()->n_copies : 0;
}

static const struct upf_pdr *copy(unsigned i)
{
	return (const struct upf_pdr *)upf_line(run_of(1), policy()->copies) + i;
}

/* The FAR's next tunnel as session.get tells it; NULL: it has none. New reference. */
static json_t *next_tunnel(void)
{
	struct upf_session_obj key = {.seid = 1};
	json_t *out, *far, *next;

	assert_int_equal(upf_session_class.get(&key, &out, &err), 0);
	far = json_array_get(json_object_get(out, "fars"), 1);
	assert_null(json_object_get(far, "hand_over"));
	next = json_incref(json_object_get(far, "next_tunnel"));
	json_decref(out);
	return next;
}

static bool is_prepared(void)
{
	json_t *next = next_tunnel();
	bool is = next != NULL;

	assert_int_equal(is, upf_session_by_seid(1)->prepared);
	json_decref(next);
	return is;
}

static uint64_t next_number(const char *member)
{
	json_t *next = next_tunnel();
	uint64_t n = (uint64_t)json_integer_value(json_object_get(next, member));

	json_decref(next);
	return n;
}

static int begin(void **state)
{
	(void)state;
	PUT(PLAIN);
	n_events = n_signals = 0;
	ended = 0;
	deaf = false;
	return 0;
}

/* ---- prepare, commit, drop ----------------------------------------------------------------- */

static void test_commit(void **state)
{
	(void)state;
	PREPARE("");
	told("prepared");
	assert_true(is_prepared());
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x11);
	assert_null(policy()); /* who is not fed pays nothing */
	COMMIT("");
	told("switch done");
	assert_false(is_prepared());
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
	assert_int_equal(n_signals, 1);
	assert_int_equal(ended, 0x11);
	/* and back */
	does("handover.prepare", "{" THIS ",'outer_header_creation':{'description':'gtpu-udp-ipv4',"
				 "'teid':17,'ipv4':'192.0.2.2'}}");
	COMMIT("");
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x11);
	assert_int_equal(ended, 0x22);
}

static void test_drop(void **state)
{
	(void)state;
	PREPARE(FEED);
	DROP;
	told("prepared dropped");
	assert_false(is_prepared());
	assert_int_equal(copies(), 0);
	assert_int_equal(n_signals, 0);
	PREPARE("");
	MODIFY("{'seid':1,'remove_pdrs':[{'id':2}],'remove_fars':[{'id':2}]}");
	told("prepared dropped");
	PUT(PLAIN);
	PREPARE("");
	DELETE("{'seid':1}");
	told("prepared dropped");
}

/* What a modify alone can say, and a put. */
static void test_by_modify(void **state)
{
	(void)state;
	MODIFY(FAR(NEXT("0x22")));
	MODIFY(FAR(NEXT("0x23")));
	told("prepared prepared");
	MODIFY(FAR("'hand_over':'commit'"));
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x23);
	assert_int_equal(n_signals, 1);
	MODIFY(FAR(NEXT("0x24")));
	n_events = 0;
	MODIFY(FAR("'hand_over':'drop'"));
	told("dropped");
	NO_MODIFY(FAR("'hand_over':'drop'"), -ENOENT, "update_fars[0].hand_over", "no next_tunnel");
	/* the prepared tunnel told as the one in use; another one leaves it prepared */
	MODIFY(FAR(NEXT("0x25")));
	n_events = 0;
	MODIFY(FAR("'forwarding_parameters':{" TO("0x77") "}"));
	told("");
	assert_true(is_prepared());
	MODIFY(FAR("'forwarding_parameters':{" TO("0x25") "}"));
	told("switch done");
	assert_false(is_prepared());
	/* a put without one */
	MODIFY(FAR(NEXT("0x26")));
	n_events = 0;
	PUT(PLAIN);
	told("dropped");
}

static void test_network_instance(void **state)
{
	(void)state;
	MODIFY("{'seid':1,'update_fars':[{'id':2,'next_tunnel':{'network_instance':'old',"
	       "'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'0x22',"
	       "'ipv4':'203.0.113.9'}}}]}");
	COMMIT("");
	assert_int_equal(pdr_of(1, 2)->out_vrf, vrf("old"));
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
	assert_int_equal(ended, 0x11);
}

static void test_refused(void **state)
{
	(void)state;
	does_not("handover.prepare", "{'seid':9,'far_id':2," TO("0x22") "}", "seid",
		 "no session 9");
	does_not("handover.prepare", "{'seid':1,'far_id':9," TO("0x22") "}", "far_id", "no FAR 9");
	does_not("handover.prepare", "{'seid':1,'far_id':1," TO("0x22") "}", "far_id", "no tunnel");
	does_not("handover.prepare",
		 "{" THIS ",'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':17,"
		 "'ipv4':'192.0.2.2'}}",
		 "outer_header_creation", "uses already");
	does_not("handover.prepare", "{" THIS "," TO("0x22") ",'network_instance':'nowhere'}",
		 "network_instance", "nowhere");
	does_not("handover.prepare", "{" THIS "," TO("0x22") ",'network_instance':'internet'}",
		 "outer_header_creation", "no IPv4 GTP-U address");
	does_not("handover.prepare", "{" THIS "}", "outer_header_creation", "required");
	does_not("handover.prepare", "{" THIS "," TO("0x22") ",'feed_ms':10001}", "feed_ms",
		 "10000");
	does_not("handover.commit", "{" THIS "}", "far_id", "no next tunnel");
	does_not("handover.commit", "{'seid':1}", "far_id", "required");
	does_not("handover.commit", "{'far_id':1}", "seid", "required");
	does_not("handover.commit", "{'items':[]}", "items", "empty");
	does_not("handover.commit", "{" THIS ",'items':[{" THIS "}]}", "items", "not with");
	does_not("handover.drop", "{" THIS "}", "far_id", "no next tunnel");
	does_not("handover.list", "{'seid':9}", "seid", "no session 9");
	PREPARE("");
	does_not("handover.prepare", "{" THIS "," TO("0x23") "}", "far_id", "already");
	does_not("handover.commit", "{'items':[{" THIS "},{" THIS "}]}", "items[1].far_id",
		 "twice");
	does_not("handover.commit", "{'items':[{" THIS "},{'seid':1,'far_id':1}]}",
		 "items[1].far_id", "no next tunnel");
	assert_true(is_prepared());
	told("prepared");
	MODIFY(FAR("'apply_action':['DROP']"));
	DROP;
	does_not("handover.prepare", "{" THIS "," TO("0x22") ",'feed':true}", "feed",
		 "does not forward");
	NO_MODIFY("{'seid':1,'create_fars':[{'id':7,'apply_action':['DROP'],'hand_over':'drop'}]}",
		  -EINVAL, "create_fars[0].hand_over", "update_fars");
	NO_MODIFY("{'seid':1,'update_fars':[{'id':1," NEXT("0x22") "}]}", -EINVAL,
		  "update_fars[0].next_tunnel", "no tunnel");
	NO_MODIFY(FAR("'next_tunnel':{" TO("0x22") ",'feed':true}"), -EINVAL,
		  "update_fars[0].next_tunnel.feed_until", "required");
}

#define UE2   "'ue_ip_address':[{'ipv4':'10.45.0.3'}]"
#define OTHER SESSION(2, UL(1, CHOOSE), DL(2, "," UE2))

static void test_all_or_nothing(void **state)
{
	(void)state;
	PUT(OTHER);
	PREPARE("");
	does("handover.prepare", "{'seid':2,'far_id':2," TO("0x33") "}");
	n_events = 0;
	does_not("handover.commit", "{'items':[{" THIS "},{'seid':3,'far_id':2}]}", "items[1].seid",
		 "no session 3");
	told("");
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x11);
	does("handover.commit", "{'items':[{" THIS "},{'seid':2,'far_id':2}]}");
	told("switch done switch done");
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
	assert_int_equal(pdr_of(2, 2)->out_teid, 0x33);
	assert_int_equal(n_signals, 2);
}

static void test_list(void **state)
{
	json_t *reply, *items;

	(void)state;
	PUT(OTHER);
	PREPARE("");
	does("handover.prepare", "{'seid':2,'far_id':2," TO("0x33") "}");
	reply = rpc("handover.list", "{'limit':1}");
	items = json_object_get(json_object_get(reply, "result"), "items");
	assert_int_equal(json_array_size(items), 1);
	assert_int_not_equal(
		json_integer_value(json_object_get(json_object_get(reply, "result"), "cursor")), 0);
	json_decref(reply);
	reply = rpc("handover.list", "{}");
	items = json_object_get(json_object_get(reply, "result"), "items");
	assert_int_equal(json_array_size(items), 2);
	assert_non_null(json_object_get(json_array_get(items, 0), "tunnel"));
	assert_non_null(json_object_get(json_array_get(items, 0), "next_tunnel"));
	assert_int_equal(
		json_integer_value(json_object_get(json_object_get(reply, "result"), "cursor")), 0);
	json_decref(reply);
}

/* ---- the feed ---------------------------------------------------------------------------------
 */

static void test_feed(void **state)
{
	(void)state;
	PREPARE(FEED ",'feed_ms':300");
	assert_int_equal(copies(), 1);
	assert_int_equal(copy(0)->out_teid, 0x22);
	assert_int_equal(copy(0)->out_vrf, vrf("access"));
	assert_true(copy(0)->peer != 0);
	assert_int_equal(next_number("feed_until"), clock_now.unix_ms + 300);
	pass(299);
	assert_int_equal(copies(), 1);
	told("prepared");
	pass(1);
	assert_int_equal(copies(), 0);
	told("feed_end");
	assert_true(is_prepared());
	COMMIT("");
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
	assert_int_equal(n_signals, 1);
	/* a commit ends it too */
	MODIFY(FAR("'next_tunnel':{" TO("0x23") ",'feed':true,'feed_until':1800000001000}"));
	assert_int_equal(copies(), 1);
	n_events = 0;
	COMMIT("");
	told("switch done");
	assert_int_equal(copies(), 0);
	pass(20000);
	told("");
}

/* Beside copies that the FAR asks for, as many as there can be; with its marking and QFI. */
static void test_feed_beside_copies(void **state)
{
#define COPY(teid) "{'destination_interface':'core','network_instance':'access'," TO(teid) "}"
	(void)state;
	MODIFY("{'seid':1,'create_qers':[{'id':1,'qfi':5,'rqi':true}],'update_pdrs':[{'id':2,"
	       "'qer_ids':[1]}],'update_fars':[{'id':2,'apply_action':['FORW','DUPL'],"
	       "'forwarding_parameters':{'transport_level_marking':'0xb8fc'},"
	       "'duplicating_parameters':[" COPY("0x91") "," COPY("0x92") "," COPY("0x93") "]}]}");
	PREPARE(FEED);
	assert_int_equal(copies(), 4);
	assert_int_equal(copy(2)->out_teid, 0x93);
	assert_int_equal(copy(3)->out_teid, 0x22);
	assert_int_equal(copy(3)->out_qfi, 5);
	assert_int_equal(copy(3)->flags, pdr_of(1, 2)->flags & ~UPF_PDR_POLICY & ~UPF_PDR_SPOOF);
	assert_int_equal(copy(3)->out_tos, 0xb8);
	DROP;
	assert_int_equal(copies(), 3);
	MODIFY(FAR("'duplicating_parameters':[" COPY("0x91") "," COPY("0x92") "," COPY(
		"0x93") "," COPY("0x94") "]"));
	does_not("handover.prepare", "{" THIS "," TO("0x22") ",'feed':true}", "feed", "most there");
	PREPARE("");
	/* a copy still goes there: the tunnel does not end */
	MODIFY(FAR("'duplicating_parameters':[" COPY("0x91") "]"));
	COMMIT("");
	assert_int_equal(n_signals, 1);
}

/* Bounds hold though the clock is set: forth, the feed ends; back, it goes on for 10 s at most. */
static void test_clock_is_set(void **state)
{
	(void)state;
	PREPARE(FEED ",'feed_ms':5000");
	clock_now.unix_ms += 86400000;
	pass(4999);
	assert_int_equal(copies(), 1);
	pass(1);
	assert_int_equal(copies(), 0);
	DROP;
	PREPARE(FEED ",'feed_ms':5000");
	clock_now.unix_ms -= 4000;
	pass(5000);
	assert_int_equal(copies(), 1);
	pass(4000);
	assert_int_equal(copies(), 0);
	DROP;
	PREPARE(FEED ",'feed_ms':5000");
	clock_now.unix_ms -= 86400000;
	pass(5000);
	assert_int_equal(copies(), 0);
	assert_true(is_prepared());
}

static void test_feed_until_past(void **state)
{
	(void)state;
	MODIFY(FAR(FED("1000")));
	assert_int_equal(copies(), 1);
	pass(0);
	assert_int_equal(copies(), 0);
}

/* ---- announced
 * ------------------------------------------------------------------------------------ */

static void test_lead(void **state)
{
	(void)state;
	PREPARE(FEED);
	n_events = 0;
	COMMIT(",'lead_ms':200");
	told("switch");
	assert_non_null(strstr(events[0], "\"in_ms\":200"));
	assert_int_equal(next_number("switch_at"), clock_now.unix_ms + 200);
	pass(199);
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x11);
	assert_int_equal(n_signals, 0);
	pass(1);
	told("done");
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
	assert_int_equal(n_signals, 1);
	assert_false(is_prepared());
	/* sooner than announced: told again */
	MODIFY(FAR(NEXT("0x23")));
	COMMIT(",'lead_ms':200");
	n_events = 0;
	COMMIT("");
	told("switch done");
	/* dropped before its time */
	MODIFY(FAR(NEXT("0x24")));
	COMMIT(",'lead_ms':200");
	n_events = 0;
	DROP;
	pass(1000);
	told("dropped");
}

static unsigned writes_left; /* that fail */

int __real_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e)
{
	if (writes_left == 0)
		return __real_cst_store_write(e);
	writes_left--;
	return cst_err(e, -ENOSPC, NULL, "the disk is full");
}

static int unfill(void **state)
{
	writes_left = 0;
	return nothing_left(state);
}

static void test_switch_fails(void **state)
{
	(void)state;
	PREPARE("");
	COMMIT(",'lead_ms':200");
	n_events = 0;
	writes_left = 2; /* with others, and alone */
	pass(200);
	told("failed");
	assert_non_null(strstr(events[0], "the disk is full"));
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x11);
	assert_int_equal(next_number("switch_at"), 0);
	pass(10000);
	told("");
	COMMIT("");
	told("switch done");
}

/* Not even that it is announced no more can be kept. */
static void test_nothing_can_be_kept(void **state)
{
	(void)state;
	PREPARE(FEED ",'feed_ms':100");
	COMMIT(",'lead_ms':200");
	n_events = 0;
	writes_left = 1000;
	pass(100);
	assert_int_equal(copies(), 1);
	pass(100);
	told("failed");
	writes_left = 0;
	pass(999);
	assert_int_equal(copies(), 1);
	pass(1);
	told("done");
	assert_int_equal(copies(), 0);
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
}

static void test_feed_end_is_tried_again(void **state)
{
	(void)state;
	PREPARE(FEED ",'feed_ms':100");
	writes_left = 2;
	pass(100);
	assert_int_equal(copies(), 1);
	pass(999);
	assert_int_equal(copies(), 1);
	pass(1);
	assert_int_equal(copies(), 0);
}

/* ---- beside other things
 * -------------------------------------------------------------------------- */

/* The tunnel in use is lost: preparing another one does not revive it, the commit does. */
static void test_held(void **state)
{
	struct upf_errind_notice n = {.teid = 0x11, .vrf = vrf("access")};

	(void)state;
	assert_int_equal(cst_ip_from_text("192.0.2.2", &n.peer), 0);
	assert_true(upf_errind_handle(&n));
	n_events = 0;
	PREPARE("");
	assert_int_equal(pdr_of(1, 2)->action, UPF_BUFF);
	DROP;
	assert_int_equal(pdr_of(1, 2)->action, UPF_BUFF);
	PREPARE(FEED);
	COMMIT("");
	assert_int_equal(pdr_of(1, 2)->action, UPF_FORW);
	assert_int_equal(pdr_of(1, 2)->out_teid, 0x22);
}

/* Back before the End Marker could be sent: the tunnel has not ended. */
static void test_back_before_the_marker(void **state)
{
	(void)state;
	deaf = true;
	PREPARE("");
	COMMIT("");
	does("handover.prepare", "{" THIS ",'outer_header_creation':{'description':'gtpu-udp-ipv4',"
				 "'teid':17,'ipv4':'192.0.2.2'}}");
	COMMIT("");
	deaf = false;
	upf_endmarker_module.tick(0);
	assert_int_equal(n_signals, 1);
	assert_int_equal(ended, 0x22);
}

/* The same put again changes nothing, also not the time of a feed. */
static void test_put_again(void **state)
{
	struct upf_session *s;

	(void)state;
	PREPARE(FEED);
	s = upf_session_by_seid(1);
	MODIFY(FAR("'apply_action':['FORW']"));
	assert_ptr_equal(upf_session_by_seid(1), s);
	told("prepared");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, nothing_left)
	const struct CMUnitTest tests[] = {
		T(test_commit),
		T(test_drop),
		T(test_by_modify),
		T(test_network_instance),
		T(test_refused),
		T(test_all_or_nothing),
		T(test_list),
		T(test_feed),
		T(test_feed_beside_copies),
		T(test_clock_is_set),
		T(test_feed_until_past),
		T(test_lead),
		cmocka_unit_test_setup_teardown(test_switch_fails, begin, unfill),
		cmocka_unit_test_setup_teardown(test_nothing_can_be_kept, begin, unfill),
		cmocka_unit_test_setup_teardown(test_feed_end_is_tried_again, begin, unfill),
		T(test_held),
		T(test_back_before_the_marker),
		T(test_put_again),
	};

	upf_clock = test_clock;
	return cmocka_run_group_tests_name("upf_handover", tests, group_setup, group_teardown);
}
