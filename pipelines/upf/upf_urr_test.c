/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Usage reporting: every trigger of TS 29.244 5.2.2 that coast has, with a
 * clock and a worker of the test's own.
 */
#include "upf_urr_test.h"

/* ---- volume ------------------------------------------------------------------------- */

static void test_volume_threshold(void **state)
{
	json_t *r;
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':1000},"
							 "'measurement_information':['MNOP']}");
	n = number_of(1, 1);
	assert_true(packet(n, UPF_UL, 400));
	assert_true(packet(n, UPF_DL, 599));
	no_event();
	wait_ms(3000);
	assert_true(packet(n, UPF_DL, 51));
	r = report_is(1, 0, "VOLTH", 400, 650);
	assert_int_equal(num(r, "volume_measurement.total_packets"), 3);
	assert_int_equal(num(r, "volume_measurement.dl_packets"), 2);
	assert_int_equal(num(r, "seid"), 1);
	assert_int_equal(num(r, "cp_f_seid.seid"), 77);
	assert_int_equal(num(r, "end_time") - num(r, "start_time"), 3);
	assert_int_equal(num(r, "time_of_last_packet") - num(r, "time_of_first_packet"), 3);
	json_decref(r);
	/* from 0 again, and traffic goes on */
	assert_true(packet(n, UPF_UL, 999));
	no_event();
	assert_true(packet(n, UPF_UL, 1));
	REPORT(1, 1, "VOLTH", 1000, 0);
	/* a new threshold is for the running measurement; what is not about it leaves it alone */
	assert_true(packet(n, UPF_UL, 700));
	update_urr("'measurement_information':[]");
	wait_ms(200);
	no_event();
	update_urr("'volume_threshold':{'ul':600}");
	wait_ms(100);
	REPORT(1, 2, "VOLTH", 700, 0);
	assert_true(packet(n, UPF_DL, 100000));
	no_event();
	(void)state;
}

static void test_volume_quota(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLQU'") ",'volume_quota':{'total':1000}}");
	n = number_of(1, 1);
	for (int i = 0; i < 3; i++)
		assert_true(packet(n, UPF_UL, 300));
	no_event();
	assert_false(packet(n, UPF_UL, 300));
	REPORT(1, 0, "VOLQU", 900, 0);
	assert_false(packet(n, UPF_UL, 1)); /* although there would be room */
	wait_ms(5000);
	no_event();
	/* the same value again is a new quota, from the last report on */
	update_urr("'volume_quota':{'total':1000}");
	assert_true(packet(n, UPF_UL, 400));
	assert_true(packet(n, UPF_DL, 600)); /* used up to the last byte: told at once */
	REPORT(1, 1, "VOLQU", 400, 600);
	assert_false(packet(n, UPF_DL, 1));
	/* a quota of nothing is spent when somebody wants to use it */
	update_urr("'volume_quota':{'total':0}");
	wait_ms(200);
	no_event();
	assert_false(packet(n, UPF_DL, 1));
	REPORT(1, 2, "VOLQU", 0, 0);
	(void)state;
}

static void test_threshold_before_quota(void **state)
{
	uint32_t n;

	put_urrs("[1]",
		 "{" METHOD("'VOLUM'", "'VOLTH','VOLQU'") ",'volume_quota':{'total':1000},"
							  "'volume_threshold':{'total':800}}");
	n = number_of(1, 1);
	assert_true(packet(n, UPF_UL, 850));
	REPORT(1, 0, "VOLTH", 850, 0);
	/* the threshold's report does not renew the quota */
	assert_false(packet(n, UPF_UL, 151));
	REPORT(1, 1, "VOLQU", 0, 0);
	/* a new quota counts from the last report on, so do all after it */
	update_urr("'volume_quota':{'total':1000}");
	assert_true(packet(n, UPF_UL, 1000)); /* both at once: first the threshold */
	REPORT(1, 2, "VOLTH", 1000, 0);
	REPORT(1, 3, "VOLQU", 0, 0);
	assert_false(packet(n, UPF_UL, 1));
	no_event();
	(void)state;
}

/* A quota without its trigger stops traffic and tells nobody. */
static void test_silent_quota(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_quota':{'ul':500},"
							 "'volume_threshold':{'total':800}}");
	n = number_of(1, 1);
	assert_true(packet(n, UPF_UL, 500));
	assert_false(packet(n, UPF_UL, 1));
	assert_false(packet(n, UPF_DL, 1));
	no_event();
	(void)state;
}

/* A put that no longer has the quota takes it away. */
static void test_quota_withdrawn(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLQU'") ",'volume_quota':{'total':100}}");
	n = number_of(1, 1);
	assert_true(packet(n, UPF_UL, 100));
	REPORT(1, 0, "VOLQU", 100, 0);
	assert_false(packet(n, UPF_UL, 1));
	put_urrs("[1]", "{" METHOD("'VOLUM'", "") "}");
	assert_int_equal(number_of(1, 1), n);
	assert_true(packet(n, UPF_UL, 100000));
	wait_ms(200);
	no_event();
	(void)state;
}

/* Notices may be lost: the search finds what they would have said. */
static void test_lost_notice(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':800}}");
	n = number_of(1, 1);
	deaf = true;
	assert_true(packet(n, UPF_UL, 900));
	deaf = false;
	no_event();
	wait_ms(1000);
	REPORT(1, 0, "VOLTH", 900, 0);
	(void)state;
}

/* ---- time --------------------------------------------------------------------------------- */

static void test_periodic(void **state)
{
	json_t *r;
	uint32_t n;

	put_urrs("[1]",
		 "{" METHOD("'VOLUM','DURAT'", "'PERIO'") ",'measurement_period':10,"
							  "'measurement_information':['ISTM']}");
	n = number_of(1, 1);
	wait_ms(9900);
	no_event();
	wait_ms(100);
	r = report_is(1, 0, "PERIO", 0, 0); /* nothing is a measurement too */
	assert_int_equal(num(r, "duration_measurement"), 10);
	assert_int_equal(num(r, "time_of_first_packet"), -1);
	json_decref(r);
	wait_ms(5000);
	packet(n, UPF_UL, 5);
	wait_ms(5000);
	REPORT(1, 1, "PERIO", 5, 0);
	update_urr("'measurement_period':2");
	wait_ms(2000);
	REPORT(1, 2, "PERIO", 0, 0);
	update_urr("'reporting_triggers':[]");
	wait_ms(20000);
	no_event();
	(void)state;
}

/* While the store takes nothing what may be reported later is; nothing is left out or told twice.
 */
static void test_store_full(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'",
				   "'PERIO','VOLTH','VOLQU'") ",'measurement_period':10,"
							      "'volume_threshold':{'total':500},"
							      "'volume_quota':{'total':1000}}");
	n = number_of(1, 1);
	store_full = true;
	packet(n, UPF_UL, 100);
	wait_ms(20000);
	no_event();
	packet(n, UPF_UL, 450);
	no_event();
	store_full = false;
	wait_ms(5000);
	REPORT(1, 0, "PERIO VOLTH", 550, 0);
	wait_ms(5000);
	REPORT(1, 1, "PERIO", 0, 0); /* at 30 s */
	/* the end of a quota is told at once, and so is the rest */
	store_full = true;
	packet(n, UPF_UL, 250);
	wait_ms(10000);
	no_event();
	packet(n, UPF_UL, 200);
	REPORT(1, 2, "VOLQU", 450, 0);
	MODIFY("{'seid':1,'query_all_urrs':true}");
	REPORT(1, 3, "IMMER", 0, 0);
	store_full = false;
	(void)state;
}

static void test_time(void **state)
{
	json_t *r;
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'DURAT','VOLUM'", "'TIMTH','TIMQU'") ",'time_threshold':10,"
									 "'time_quota':25}");
	n = number_of(1, 1);
	wait_ms(30000); /* time runs from the first packet on */
	no_event();
	packet(n, UPF_UL, 7);
	wait_ms(9900);
	no_event();
	wait_ms(100);
	r = report_is(1, 0, "TIMTH", 7, 0);
	assert_int_equal(num(r, "duration_measurement"), 10);
	json_decref(r);
	wait_ms(10000);
	REPORT(1, 1, "TIMTH", 0, 0);
	assert_true(packet(n, UPF_UL, 7));
	wait_ms(5000);
	r = report_is(1, 2, "TIMQU", 7, 0);
	assert_int_equal(num(r, "duration_measurement"), 5);
	json_decref(r);
	assert_false(packet(n, UPF_UL, 7));
	wait_ms(60000); /* and stands still while a quota is spent */
	no_event();
	update_urr("'time_quota':25");
	assert_true(packet(n, UPF_UL, 7));
	wait_ms(10000);
	r = report_is(1, 3, "TIMTH", 7, 0);
	assert_int_equal(num(r, "duration_measurement"), 10);
	json_decref(r);
	(void)state;
}

/* Fractions of a second are in the next report. */
static void test_time_sums_up(void **state)
{
	int64_t sum = 0;
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'DURAT'", "'PERIO'") ",'measurement_period':100}");
	n = number_of(1, 1);
	packet(n, UPF_UL, 1);
	for (uint32_t i = 0; i < 10; i++) {
		json_t *r;

		wait_ms(2500);
		MODIFY("{'seid':1,'query_all_urrs':true}");
		r = report_is(1, i, "IMMER", -1, -1);
		sum += num(r, "duration_measurement");
		json_decref(r);
	}
	assert_int_equal(sum, 25);
	(void)state;
}

static void test_inactivity_detection(void **state)
{
	json_t *r;
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'DURAT'", "'TIMTH'") ",'time_threshold':10,"
							 "'inactivity_detection_time':3}");
	n = number_of(1, 1);
	for (int i = 0; i < 5; i++) { /* 4 s, then 3 s of silence count */
		packet(n, UPF_UL, 1);
		wait_ms(1000);
	}
	wait_ms(100000);
	no_event();
	packet(n, UPF_UL, 1);
	wait_ms(2900);
	no_event();
	wait_ms(100);
	r = report_is(1, 0, "TIMTH", -1, -1);
	assert_int_equal(num(r, "duration_measurement"), 10);
	json_decref(r);
	wait_ms(100000);
	no_event();
	(void)state;
}

static void test_start_stop(void **state)
{
	uint32_t n;

	put_urrs(
		"[1]",
		"{" METHOD(
			"'VOLUM'",
			"'START','STOPT','VOLTH'") ",'volume_threshold':"
						   "{'total':1000},'inactivity_detection_time':2}");
	n = number_of(1, 1);
	packet(n, UPF_UL, 100);
	REPORT(1, 0, "START", -1, -1);
	packet(n, UPF_UL, 900);
	REPORT(1, 1, "VOLTH", 1000, 0);
	packet(n, UPF_UL, 100); /* the first one since the report, but no start */
	no_event();
	wait_ms(1900);
	no_event();
	wait_ms(200);
	REPORT(1, 2, "STOPT", -1, -1);
	wait_ms(10000);
	no_event();
	packet(n, UPF_DL, 10);
	REPORT(1, 3, "START", -1, -1);
	MODIFY("{'seid':1,'query_urrs':[{'id':1}]}");
	REPORT(1, 4, "IMMER", 100, 10); /* starts and stops took nothing away */
	(void)state;
}

static void test_events(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'EVENT'", "'EVETH','EVEQU'") ",'event_threshold':2,"
								 "'event_quota':3}");
	n = number_of(1, 1);
	packet(n, UPF_UL, 1);
	wait_ms(1000);
	packet(n, UPF_UL, 1); /* the same event */
	no_event();
	wait_ms(10100);
	packet(n, UPF_UL, 1);
	REPORT(1, 0, "EVETH", -1, -1);
	wait_ms(10100);
	assert_true(packet(n, UPF_UL, 1));
	REPORT(1, 1, "EVEQU", -1, -1);
	wait_ms(1000);
	assert_true(packet(n, UPF_UL, 1)); /* the last event goes on to its end */
	wait_ms(10100);
	assert_false(packet(n, UPF_UL, 1));
	no_event();
	update_urr("'event_quota':3");
	assert_true(packet(n, UPF_UL, 1));
	(void)state;
}

static void test_dropped(void **state)
{
	struct upf_usage *u;
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'DROTH'") ",'dropped_dl_traffic_threshold':"
							 "{'packets':3}}");
	n = number_of(1, 1);
	u = &upf_tables.usages[n];
	for (int round = 0; round < 2; round++) {
		u->dropped_dl[0] += 2;
		tell_of(n, UPF_TOLD_DROPPED);
		no_event();
		u->dropped_dl[0]++;
		u->told = 0;
		tell_of(n, UPF_TOLD_DROPPED);
		REPORT(1, (uint32_t)round, "DROTH", 0, 0);
	}
	(void)state;
}

/* ---- the life of a quota ------------------------------------------------------------------ */

static void test_holding_time(void **state)
{
	uint32_t n;

	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLQU','QUHTI'") ",'volume_quota':{'total':1000},"
								 "'quota_holding_time':5}");
	n = number_of(1, 1);
	for (int i = 0; i < 4; i++) {
		wait_ms(4000);
		assert_true(packet(n, UPF_UL, 10));
	}
	no_event();
	wait_ms(5000);
	REPORT(1, 0, "QUHTI", 40, 0);
	assert_false(packet(n, UPF_UL, 10));
	wait_ms(20000);
	no_event();
	update_urr("'volume_quota':{'total':1000}");
	assert_true(packet(n, UPF_UL, 10));
	wait_ms(5000);
	REPORT(1, 1, "QUHTI", 10, 0);
	(void)state;
}

static void test_validity_time(void **state)
{
	uint32_t n;

	/* without the trigger it means nothing: some control planes send garbage then */
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLQU'") ",'volume_quota':{'total':1000},"
							 "'quota_validity_time':5}");
	n = number_of(1, 1);
	wait_ms(20000);
	no_event();
	update_urr("'reporting_triggers':['VOLQU','QUVTI'],'volume_quota':{'total':1000}");
	packet(n, UPF_UL, 10);
	wait_ms(4900);
	no_event();
	wait_ms(100);
	REPORT(1, 0, "QUVTI", 10, 0);
	assert_false(packet(n, UPF_UL, 10));
	update_urr("'volume_quota':{'total':1000}");
	wait_ms(4000);
	update_urr("'volume_quota':{'total':1000}"); /* from now on */
	wait_ms(4000);
	update_urr("'quota_validity_time':6"); /* and again */
	wait_ms(5000);
	no_event();
	assert_true(packet(n, UPF_UL, 10));
	(void)state;
}

static void test_monitoring_time(void **state)
{
	char text[400];
	json_t *r;
	uint32_t n;

	snprintf(text, sizeof(text),
		 "{" METHOD("'VOLUM'",
			    "'VOLTH','VOLQU'") ",'volume_quota':{'total':5000},"
					       "'volume_threshold':{'total':1000},'subsequent_"
					       "volume_threshold':{'total':300},"
					       "'subsequent_volume_quota':{'total':500},'"
					       "monitoring_time':%llu}",
		 (unsigned long long)(test_now.unix_ms / 1000 + 60));
	put_urrs("[1]", text);
	n = number_of(1, 1);
	packet(n, UPF_UL, 900);
	wait_ms(61000);
	r = report_is(1, 0, "MONIT", 900, 0);
	assert_true(has_name(json_object_get(r, "usage_information"), "BEF"));
	json_decref(r);
	packet(n, UPF_UL, 299);
	no_event();
	packet(n, UPF_UL, 1);
	r = report_is(1, 1, "VOLTH", 300, 0);
	assert_true(has_name(json_object_get(r, "usage_information"), "AFT"));
	json_decref(r);
	packet(n, UPF_UL, 200); /* 500 since the monitoring time */
	r = report_is(1, 2, "VOLQU", 200, 0);
	assert_null(json_object_get(r, "usage_information"));
	json_decref(r);
	(void)state;
}

/* Without subsequent values what is left of the old ones holds on. */
static void test_monitoring_remainder(void **state)
{
	char text[400];
	uint32_t n;

	snprintf(text, sizeof(text),
		 "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':1000},"
						  "'monitoring_time':%llu}",
		 (unsigned long long)(test_now.unix_ms / 1000 + 30));
	put_urrs("[1]", text);
	n = number_of(1, 1);
	packet(n, UPF_UL, 900);
	wait_ms(31000);
	REPORT(1, 0, "MONIT", 900, 0);
	packet(n, UPF_UL, 100);
	REPORT(1, 1, "VOLTH", 100, 0);
	packet(n, UPF_UL, 999);
	no_event();
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_volume_threshold),
		T(test_volume_quota),
		T(test_threshold_before_quota),
		T(test_silent_quota),
		T(test_quota_withdrawn),
		T(test_lost_notice),
		T(test_periodic),
		T(test_store_full),
		T(test_time),
		T(test_time_sums_up),
		T(test_inactivity_detection),
		T(test_start_stop),
		T(test_events),
		T(test_dropped),
		T(test_holding_time),
		T(test_validity_time),
		T(test_monitoring_time),
		T(test_monitoring_remainder),
	};

	return cmocka_run_group_tests(tests, setup, group_teardown);
}
