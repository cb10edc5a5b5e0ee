/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several URRs, queries, final reports, refusals; and at random, where the bytes
 * of all reports together are what the worker counted.
 */
#include "upf_timer.h"
#include "upf_urr_test.h"

/* ---- several ------------------------------------------------------------------------------ */

static void test_linked(void **state)
{
	uint32_t one, two, three;

	put_urrs("[1,2,3]",
		 "{" METHOD("'VOLUM'",
			    "'VOLTH'") ",'volume_threshold':{'total':1000}},"
				       "{'id':2,'measurement_method':['VOLUM'],'reporting_triggers'"
				       ":['LIUSA'],"
				       "'linked_urr_ids':[1],'measurement_information':['MBQE']},"
				       "{'id':3,'measurement_method':['VOLUM'],'reporting_triggers'"
				       ":['LIUSA'],"
				       "'linked_urr_ids':[2]}");
	one = number_of(1, 1);
	two = number_of(1, 2);
	three = number_of(1, 3);
	packet(three, UPF_UL, 5);
	packet(two, UPF_UL, 1100);
	no_event();
	packet(one, UPF_UL, 1000);
	REPORT(1, 0, "VOLTH", 1000, 0);
	REPORT(2, 0, "LIUSA", 1100, 0);
	no_event(); /* what a link brought brings no others */
	(void)state;
}

static void test_number_of_reports(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':100},"
							 "'number_of_reports':2}");
	n = number_of(1, 1);
	packet(n, UPF_UL, 100);
	REPORT(1, 0, "VOLTH", 100, 0);
	packet(n, UPF_UL, 100);
	REPORT(1, 1, "VOLTH", 100, 0);
	packet(n, UPF_UL, 1000);
	no_event();
	MODIFY("{'seid':1,'query_all_urrs':true}");
	REPORT(1, 2, "IMMER", 1000, 0);
	update_urr("'number_of_reports':2");
	packet(n, UPF_UL, 100);
	REPORT(1, 3, "VOLTH", 100, 0);
	(void)state;
}

/* INAM: no PDR counts for it, and no time passes. */
static void test_paused(void **state)
{
	const struct upf_pdr *pdr;
	json_t *r;

	put_urrs("[1]", "{" METHOD("'DURAT'", "'PERIO'") ",'measurement_period':10,"
							 "'measurement_information':['ISTM']}");
	assert_true(pdr_of(1, 1)->flags & UPF_PDR_POLICY);
	wait_ms(4000);
	update_urr("'measurement_information':['ISTM','INAM']");
	pdr = pdr_of(1, 1);
	assert_false(pdr->flags & UPF_PDR_POLICY);
	wait_ms(50000);
	no_event();
	update_urr("'measurement_information':['ISTM']");
	wait_ms(100);
	r = report_is(1, 0, "PERIO", -1, -1);
	assert_int_equal(num(r, "duration_measurement"), 4);
	json_decref(r);
	(void)state;
}

/* ---- queries and the end --------------------------------------------------------------------- */

static json_t *usage_in(json_t *reply)
{
	return json_object_get(json_array_get(reply, 0), "usage_reports");
}

/* Its result, or the error. */
static json_t *ask(const char *method, const char *params)
{
	json_t *reply = rpc(method, params), *result = json_object_get(reply, "result");
	json_t *out = json_incref(result ? result : json_object_get(reply, "error"));

	json_decref(reply);
	return out;
}

static void test_query(void **state)
{
	json_t *r, *all;

	put_urrs("[1,2]",
		 "{" METHOD("'VOLUM'",
			    "") "},"
				"{'id':2,'measurement_method':['VOLUM'],'reporting_triggers':[]}");
	packet(number_of(1, 1), UPF_UL, 10);
	packet(number_of(1, 2), UPF_DL, 20);
	r = ask("session.query", "{'seid':1}");
	all = json_object_get(r, "usage_reports");
	assert_int_equal(json_array_size(all), 2);
	assert_int_equal(num(json_array_get(all, 0), "volume_measurement.ul"), 10);
	assert_int_equal(num(json_array_get(all, 1), "volume_measurement.dl"), 20);
	json_decref(r);
	REPORT(1, 0, "IMMER", 10, 0); /* the stream of events has every report */
	REPORT(2, 0, "IMMER", 0, 20);
	r = ask("session.query", "{'seid':1,'urr_ids':[2]}");
	assert_int_equal(json_array_size(json_object_get(r, "usage_reports")), 1);
	json_decref(r);
	REPORT(2, 1, "IMMER", 0, 0);
	r = ask("session.query", "{'seid':1,'urr_ids':[1,9]}");
	assert_string_equal(json_string_value(json_object_get(json_object_get(r, "data"), "field")),
			    "urr_ids[1]");
	json_decref(r);
	no_event();
	NO_MODIFY("{'seid':1,'query_urrs':[{'id':1},{'id':9}]}", -ENOENT, "query_urrs[1].id",
		  "no URR 9");
	/* a query with a grant: the query first, the quota from there on */
	update_urr("'volume_quota':{'total':100},'reporting_triggers':['VOLQU']");
	packet(number_of(1, 1), UPF_UL, 60);
	assert_int_equal(call(&upf_session_class, CST_OP_MODIFY,
			      "[{'seid':1,'query_urrs':[{'id':1}],'update_urrs':[{'id':1,"
			      "'volume_quota':{'total':100}}]}]",
			      &r),
			 0);
	assert_int_equal(num(json_array_get(usage_in(r), 0), "volume_measurement.ul"), 60);
	json_decref(r);
	REPORT(1, 1, "IMMER", 60, 0);
	assert_true(packet(number_of(1, 1), UPF_UL, 100));
	REPORT(1, 2, "VOLQU", 100, 0);
	(void)state;
}

static void test_final(void **state)
{
	json_t *r;

	put_urrs("[1,2]",
		 "{" METHOD("'VOLUM'",
			    "") "},"
				"{'id':2,'measurement_method':['VOLUM'],'reporting_triggers':[]}");
	packet(number_of(1, 1), UPF_UL, 10);
	packet(number_of(1, 2), UPF_UL, 20);
	/* the last PDR that names it goes, the URR stays */
	MODIFY("{'seid':1,'update_pdrs':[{'id':1,'urr_ids':[1]}]}");
	no_event();
	assert_int_equal(call(&upf_session_class, CST_OP_MODIFY,
			      "[{'seid':1,'update_pdrs':[{'id':2,'urr_ids':[1]}]}]", &r),
			 0);
	assert_int_equal(json_array_size(usage_in(r)), 1);
	json_decref(r);
	REPORT(2, 0, "TERMR", 20, 0);
	/* the URR itself */
	MODIFY("{'seid':1,'remove_urrs':[{'id':2}]}");
	REPORT(2, 1, "TERMR", 0, 0);
	/* its id comes again: the numbers go on */
	MODIFY("{'seid':1,'create_urrs':[{'id':2,'measurement_method':['VOLUM'],"
	       "'reporting_triggers':[]}],'update_pdrs':[{'id':2,'urr_ids':[1,2]}]}");
	packet(number_of(1, 2), UPF_UL, 5);
	assert_int_equal(call(&upf_session_class, CST_OP_DELETE, "[{'seid':1}]", &r), 0);
	assert_int_equal(json_array_size(usage_in(r)), 2);
	json_decref(r);
	REPORT(1, 0, "TERMR", 10, 0);
	REPORT(2, 2, "TERMR", 5, 0);
	no_event();
	/* another session: from 0 */
	put_urrs("[2]", "{'id':2,'measurement_method':['VOLUM'],'reporting_triggers':[]}");
	ok(&upf_session_class, CST_OP_DELETE, "{'seid':1}");
	REPORT(2, 0, "TERMR", 0, 0);
	(void)state;
}

/* What a plan took that was undone counts for nobody. */
static void test_undone(void **state)
{
	struct upf_inventory before;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':100}}");
	packet(number_of(1, 1), UPF_UL, 60);
	upf_inventory(&before);
	assert_true(call(&upf_session_class, CST_OP_MODIFY,
			 "[{'seid':1,'remove_urrs':[{'id':1}],'update_pdrs':[{'id':1,'urr_ids':[]},"
			 "{'id':2,'urr_ids':[]}]},{'seid':99}]",
			 NULL) < 0);
	same_usage(&before);
	no_event();
	packet(number_of(1, 1), UPF_UL, 40);
	REPORT(1, 0, "VOLTH", 100, 0);
	(void)state;
}

/* ---- what is shown ------------------------------------------------------------------------------
 */

static void test_state(void **state)
{
	json_t *js, *u;

	put_urrs("[1]", "{" METHOD("'VOLUM','DURAT'",
				   "'VOLQU','PERIO'") ",'volume_quota':"
						      "{'total':1000},'measurement_period':10}");
	packet(number_of(1, 1), UPF_UL, 300);
	MODIFY("{'seid':1,'query_all_urrs':true}");
	REPORT(1, 0, "IMMER", 300, 0);
	packet(number_of(1, 1), UPF_DL, 200);
	wait_ms(4000);
	js = ask("session.get", "{'seid':1}");
	u = json_array_get(json_object_get(js, "urrs"), 0);
	assert_int_equal(num(u, "ur_seqn"), 1);
	assert_int_equal(num(u, "volume_since_report.total"), 200);
	assert_int_equal(num(u, "volume_measured.total"), 500);
	assert_int_equal(num(u, "volume_measured.ul_packets"), 1);
	assert_int_equal(num(u, "volume_quota_left.total"), 500);
	assert_int_equal(num(u, "duration_since_report"), 4);
	assert_int_equal(num(u, "next_deadline"), 6000);
	assert_true(json_is_false(json_object_get(u, "quota_spent")));
	json_decref(js);
	assert_false(packet(number_of(1, 1), UPF_DL, 501));
	js = ask("session.get", "{'seid':1}");
	u = json_array_get(json_object_get(js, "urrs"), 0);
	assert_true(json_is_true(json_object_get(u, "quota_spent")));
	assert_int_equal(num(u, "volume_quota_left.total"), 0);
	assert_int_equal(num(u, "refused_packets"), 1);
	json_decref(js);
	(void)state;
}

static void test_user_plane_inactivity(void **state)
{
	struct upf_count *c;
	json_t *r;

	put_urrs("[]", "");
	MODIFY("{'seid':1,'user_plane_inactivity_timer':8}");
	c = &upf_tables.counts[pdr_of(1, 1)->counter];
	for (int i = 0; i < 5; i++) {
		wait_ms(7000);
		c->packets++;
	}
	no_event();
	wait_ms(8000);
	no_event(); /* never early */
	wait_ms(1100);
	r = pop_event("session.user_plane_inactivity");
	assert_int_equal(num(r, "seid"), 1);
	assert_int_equal(num(r, "cp_f_seid.seid"), 77);
	json_decref(r);
	wait_ms(60000);
	no_event(); /* once */
	c->packets++;
	wait_ms(10100);
	json_decref(pop_event("session.user_plane_inactivity"));
	MODIFY("{'seid':1,'user_plane_inactivity_timer':0}");
	c->packets++;
	wait_ms(60000);
	no_event();
	(void)state;
}

/* ---- refusals
 * -------------------------------------------------------------------------------------- */

static void test_refusals(void **state)
{
	static const struct {
		const char *urr, *field, *reason;
		int code;
	} bad[] = {
		{"'measurement_method':[],'reporting_triggers':[]", "measurement_method",
		 "at least one", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['VOLTH']",
		 "volume_threshold", "trigger VOLTH", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['VOLQU']", "volume_quota",
		 "trigger VOLQU", -EINVAL},
		{"'measurement_method':['DURAT'],'reporting_triggers':['TIMTH']", "time_threshold",
		 "trigger TIMTH", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['PERIO']",
		 "measurement_period", "trigger PERIO", -EINVAL},
		{"'measurement_method':['DURAT'],'reporting_triggers':['VOLTH'],"
		 "'volume_threshold':{'total':1}",
		 "measurement_method", "needs VOLUM", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':[],'time_threshold':5",
		 "time_threshold", "method DURAT", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['VOLTH'],"
		 "'volume_threshold':{'total':0}",
		 "volume_threshold", "must not be 0", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['VOLTH'],"
		 "'volume_threshold':{}",
		 "volume_threshold", "total, ul or dl", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['PERIO'],"
		 "'measurement_period':0",
		 "measurement_period", "must not be 0", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['MACAR']",
		 "reporting_triggers", "MACAR", -ENOTSUP},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['ENVCL']",
		 "reporting_triggers", "ENVCL", -ENOTSUP},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['UPINT']",
		 "reporting_triggers", "UPINT", -ENOTSUP},
		{"'measurement_method':['VOLUM'],'reporting_triggers':[],"
		 "'measurement_information':['CIAM']",
		 "measurement_information", "only MBQE", -ENOTSUP},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['LIUSA'],"
		 "'linked_urr_ids':[9]",
		 "linked_urr_ids[0]", "no URR 9", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['LIUSA'],"
		 "'linked_urr_ids':[1]",
		 "linked_urr_ids[0]", "itself", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':[],"
		 "'far_id_for_quota_action':9",
		 "far_id_for_quota_action", "no FAR 9", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['QUHTI']",
		 "quota_holding_time", "trigger QUHTI", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':[],"
		 "'subsequent_volume_quota':{'total':5}",
		 "subsequent_volume_quota", "monitoring_time", -EINVAL},
		{"'measurement_method':['VOLUM'],'reporting_triggers':['DROTH'],"
		 "'dropped_dl_traffic_threshold':{}",
		 "dropped_dl_traffic_threshold", "packets or bytes", -EINVAL},
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		char text[1500], field[80];

		snprintf(text, sizeof(text),
			 "{'seid':1,'pdrs':[" UL(1, CHOOSE) "," DL(
				 2, "," UE) "],'fars':[" TO_CORE "," TO_GNB
					    "],'urrs':[{'id':1,%s}]}",
			 bad[i].urr);
		snprintf(field, sizeof(field), "urrs[0].%s", bad[i].field);
		NO_PUT(text, bad[i].code, field, bad[i].reason);
	}
	put_urrs("[1]", "{" METHOD("'VOLUM'", "") "}");
	NO_MODIFY("{'seid':1,'update_urrs':[{'id':1,'reporting_triggers':['TIMTH']}]}", -EINVAL,
		  "update_urrs[0].time_threshold", "trigger TIMTH");
	(void)state;
}

/* ---- at random
 * ------------------------------------------------------------------------------------- */

/* Bytes of all reports of session 1 so far; UR-SEQNs without a gap. */
static void sum_reports(uint64_t sum[3][2], int64_t seqn[3])
{
	size_t i;
	json_t *e;

	json_array_foreach (events, i, e) {
		const json_t *d = json_object_get(e, "data");
		int64_t urr = num(d, "urr_id");

		assert_int_equal(num(d, "ur_seqn"), seqn[urr]++);
		if (num(d, "volume_measurement.ul") < 0)
			continue;
		sum[urr][0] += (uint64_t)num(d, "volume_measurement.ul");
		sum[urr][1] += (uint64_t)num(d, "volume_measurement.dl");
	}
	json_array_clear(events);
}

static void test_random(void **state)
{
	static const char *const updates[] = {
		"'volume_quota':{'total':50000}",
		"'volume_quota':{'ul':3000,'dl':9000}",
		"'volume_threshold':{'total':7000}",
		"'measurement_information':['MBQE']",
		"'measurement_information':['INAM']",
		"'measurement_information':[]",
		"'reporting_triggers':['VOLTH','VOLQU','PERIO','START','STOPT']",
		"'reporting_triggers':['VOLTH','VOLQU','QUHTI'],'quota_holding_time':2",
		"'reporting_triggers':[]",
		"'time_quota':9,'number_of_reports':3",
	};
	unsigned seed = 7;

	for (int life = 0; life < 40; life++) {
		uint64_t counted[3][2] = {0}, sum[3][2] = {0};
		int64_t seqn[3] = {0};

		put_urrs("[1,2]",
			 "{" METHOD("'VOLUM','DURAT'",
				    "'VOLTH','VOLQU'") ",'volume_threshold':"
						       "{'total':5000},'volume_quota':{'total':"
						       "20000},'measurement_period':3},"
						       "{'id':2,'measurement_method':['VOLUM'],'"
						       "reporting_triggers':['LIUSA'],"
						       "'linked_urr_ids':[1]}");
		for (int step = 0; step < 300; step++) {
			unsigned r = (unsigned)rand_r(&seed), urr = 1 + r / 64 % 2;
			uint64_t bytes = 40 + r / 128 % 1460;
			enum upf_dir dir = r / 8192 % 2 ? UPF_UL : UPF_DL;

			deaf = r % 11 == 0;
			if (r % 16 < 12) {
				if (packet(number_of(1, urr), dir, bytes))
					counted[urr][dir] += bytes;
			} else if (r % 16 < 14) {
				wait_ms(r / 16384 % 1500);
			} else if (r % 16 == 14) {
				update_urr(updates[r / 16384 % 10]);
			} else {
				MODIFY("{'seid':1,'query_all_urrs':true}");
			}
			deaf = false;
			sum_reports(sum, seqn);
		}
		DELETE("{'seid':1}");
		sum_reports(sum, seqn);
		assert_memory_equal(sum, counted, sizeof(sum));
	}
	(void)state;
}

/* Against an array that is searched. */
static void test_timers(void **state)
{
	struct upf_timers *t = upf_timers_new(500);
	uint64_t due[501] = {0}, now = 1;
	unsigned seed = 3;

	for (int step = 0; step < 200000; step++) {
		uint32_t n = 1 + (unsigned)rand_r(&seed) % 500, got;

		if (rand_r(&seed) % 4) {
			due[n] = rand_r(&seed) % 5 ? now + (unsigned)rand_r(&seed) % 1000 : 0;
			upf_timer_set(t, n, due[n]);
			assert_true(upf_timer_due(t, n) == due[n]);
			continue;
		}
		now += (unsigned)rand_r(&seed) % 20;
		got = upf_timer_pop(t, now);
		if (got) {
			assert_true(due[got] && due[got] <= now);
			for (int i = 1; i <= 500; i++)
				assert_false(due[i] && due[i] < due[got]);
			due[got] = 0;
		} else {
			for (int i = 1; i <= 500; i++)
				assert_false(due[i] && due[i] <= now);
		}
	}
	upf_timers_free(t);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_linked),   T(test_number_of_reports),
		T(test_paused),   T(test_query),
		T(test_final),    T(test_undone),
		T(test_state),    T(test_user_plane_inactivity),
		T(test_refusals), T(test_random),
		T(test_timers),
	};

	return cmocka_run_group_tests(tests, setup, group_teardown);
}
