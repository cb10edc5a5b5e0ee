/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Quotas that run out while the session's owner is away, by each policy: what
 * passes, what is recorded, and that each byte is in exactly one report.
 */
#include "upf_owned_test.h"

#include "upf_buffer.h"
#include "upf_errind.h"

static void put_quota(const char *quota)
{
	char urr[200];

	snprintf(urr, sizeof(urr), "{" METHOD("'VOLUM'", "'VOLQU'") ",'volume_quota':%s}", quota);
	put_urrs("[1]", urr);
}

/* Session 1 has such a quota, and its owner is lost. Returns the number of its URR. */
static uint32_t lost_with(enum cst_quota_action when_spent, const char *quota)
{
	plain.quota = when_spent;
	put_quota(quota);
	turn(SMF, CST_OWNER_INERTIAL);
	return number_of(1, 1);
}

/* Its owner comes back and adopts it. */
static void come_back(void)
{
	turn(SMF, CST_OWNER_RECONCILING);
	adopt(1);
}

static unsigned packets(uint32_t number, unsigned n, uint64_t bytes)
{
	unsigned passed = 0;

	for (unsigned i = 0; i < n; i++)
		passed += packet(number, UPF_UL, bytes);
	return passed;
}

static const struct upf_qer *throttle_of(uint64_t seid, uint16_t pdr)
{
	const struct upf_pdr *p = pdr_of(seid, pdr);
	const struct upf_policy *pol = upf_policy_of(run_of(seid), p);

	if (!(p->flags & UPF_PDR_POLICY) || pol->n_qers == 0)
		return NULL;
	return (const struct upf_qer *)((const char *)run_of(seid) + 64 * pol->item[0]);
}

static void test_drop(void **state)
{
	uint32_t n = lost_with(CST_QUOTA_DROP, "{'total':1000}");

	assert_int_equal(packets(n, 5, 300), 3);
	REPORT(1, 0, "VOLQU", 900, 0);
	come_back();
	no_event();
	assert_int_equal(packets(n, 1, 1), 0);
	assert_int_equal(urr_number(1, "overrun"), -1);
	(void)state;
}

static void test_ignore(void **state)
{
	uint32_t n = lost_with(CST_QUOTA_IGNORE, "{'total':1000}");

	assert_int_equal(packets(n, 3, 300), 3);
	no_event();
	assert_int_equal(packets(n, 1, 300), 1);
	REPORT(1, 0, "VOLQU", 1200, 0); /* once, when it is reached */
	assert_int_equal(urr_number(1, "overrun"), 200);
	assert_int_equal(packets(n, 1, 300), 1);
	wait_ms(5000);
	no_event();
	assert_int_equal(urr_number(1, "overrun"), 500);
	/* nothing stops when the owner comes back, until it speaks of the session */
	turn(SMF, CST_OWNER_RECONCILING);
	assert_true(flag(1, "stale"));
	assert_int_equal(packets(n, 1, 50), 1);
	no_event();
	adopt(1);
	REPORT(1, 1, "VOLQU", 350, 0); /* 1550 in all: what was used */
	assert_int_equal(packets(n, 1, 1), 0);
	no_event();
	assert_int_equal(urr_number(1, "overrun"), 550);
	assert_int_equal(urr_number(1, "volume_since_report.total"), 0);
	/* granted anew it is an ordinary quota again */
	update_urr("'volume_quota':{'total':500}");
	assert_int_equal(urr_number(1, "overrun"), -1);
	assert_int_equal(packets(n, 5, 100), 5);
	REPORT(1, 2, "VOLQU", 500, 0);
	assert_int_equal(packets(n, 1, 1), 0);
	(void)state;
}

/* The new quota comes with what tells that the owner is back. */
static void test_return_with_grant(void **state)
{
	uint32_t n = lost_with(CST_QUOTA_IGNORE, "{'total':1000}");

	assert_int_equal(packets(n, 13, 100), 13);
	REPORT(1, 0, "VOLQU", 1000, 0);
	turn(SMF, CST_OWNER_RECONCILING);
	update_urr("'volume_quota':{'total':200}");
	REPORT(1, 1, "VOLQU", 300, 0);
	assert_false(flag(1, "stale"));
	assert_int_equal(packets(n, 2, 100), 2);
	REPORT(1, 2, "VOLQU", 200, 0);
	assert_int_equal(packets(n, 1, 1), 0);
	(void)state;
}

static void test_unspent_on_return(void **state)
{
	uint32_t n = lost_with(CST_QUOTA_IGNORE, "{'ul':1000}");

	assert_int_equal(packets(n, 9, 100), 9);
	come_back();
	turn(SMF, CST_OWNER_CONNECTED);
	no_event();
	assert_int_equal(packets(n, 1, 150), 0); /* as ever: what would exceed it is refused */
	REPORT(1, 0, "VOLQU", 900, 0);
	(void)state;
}

static void test_grace_then_drop(void **state)
{
	uint32_t n;

	plain.grace_bytes = 500;
	n = lost_with(CST_QUOTA_GRACE, "{'total':1000}");
	assert_int_equal(packets(n, 10, 100), 10);
	REPORT(1, 0, "VOLQU", 1000, 0);
	assert_int_equal(packets(n, 8, 100), 5);
	no_event();
	assert_int_equal(urr_number(1, "overrun"), 500);
	come_back();
	REPORT(1, 1, "VOLQU", 500, 0);
	assert_int_equal(packets(n, 1, 1), 0);
	(void)state;
}

/* A worker that is not heard goes no farther than grace goes. */
static void test_grace_deaf(void **state)
{
	uint32_t n;

	plain.grace_bytes = 500;
	n = lost_with(CST_QUOTA_GRACE, "{'total':1000}");
	deaf = true;
	assert_int_equal(packets(n, 20, 100), 15);
	deaf = false;
	wait_ms(200);
	REPORT(1, 0, "VOLQU", 1500, 0);
	assert_int_equal(urr_number(1, "overrun"), 500);
	assert_int_equal(packets(n, 1, 100), 0);
	(void)state;
}

static void test_throttle(void **state)
{
	uint32_t n;

	plain.throttle_kbps = 128;
	n = lost_with(CST_QUOTA_THROTTLE, "{'total':1000}");
	assert_null(throttle_of(1, 1));
	assert_int_equal(packets(n, 11, 100), 11);
	REPORT(1, 0, "VOLQU", 1000, 0);
	upf_owned_tick();
	assert_non_null(throttle_of(1, 1));
	assert_non_null(throttle_of(1, 2));
	assert_true(throttle_of(1, 1)->rate[UPF_UL].limited);
	assert_int_equal(throttle_of(1, 1)->meter, throttle_of(1, 2)->meter);
	assert_int_equal(packets(n, 1, 100), 1); /* what the meter lets pass, the quota does */
	turn(SMF, CST_OWNER_RECONCILING);
	assert_non_null(throttle_of(1, 1)); /* still stale */
	adopt(1);
	REPORT(1, 1, "VOLQU", 200, 0);
	assert_null(throttle_of(1, 1));
	assert_int_equal(packets(n, 1, 1), 0);
	(void)state;
}

static void test_grace_then_throttle(void **state)
{
	uint32_t n;

	plain.grace_bytes = 300;
	plain.throttle_kbps = 64;
	n = lost_with(CST_QUOTA_GRACE, "{'total':1000}");
	assert_int_equal(packets(n, 12, 100), 12);
	REPORT(1, 0, "VOLQU", 1000, 0);
	upf_owned_tick();
	assert_null(throttle_of(1, 1));
	assert_int_equal(packets(n, 2, 100), 2);
	upf_owned_tick();
	assert_non_null(throttle_of(1, 1));
	assert_int_equal(packets(n, 1, 100), 1);
	/* an owner that puts the same again has spoken of it */
	turn(SMF, CST_OWNER_RECONCILING);
	put_quota("{'total':1000}");
	REPORT(1, 1, "VOLQU", 500, 0);
	assert_false(flag(1, "stale"));
	assert_null(throttle_of(1, 1));
	(void)state;
}

/* Spent when it is already away, or just before: nobody could grant anew. */
static void test_spent_before(void **state)
{
	uint32_t n;

	plain.quota = CST_QUOTA_IGNORE;
	put_quota("{'total':1000}");
	n = number_of(1, 1);
	assert_int_equal(packets(n, 12, 100), 10);
	REPORT(1, 0, "VOLQU", 1000, 0);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 2, 100), 2);
	no_event();
	assert_int_equal(urr_number(1, "overrun"), 200);
	/* back and lost again: it goes on counting */
	come_back();
	REPORT(1, 1, "VOLQU", 200, 0);
	turn(SMF, CST_OWNER_CONNECTED);
	assert_int_equal(packets(n, 1, 100), 0);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 1, 100), 1);
	assert_int_equal(urr_number(1, "overrun"), 300);
	(void)state;
}

/* The walk has not come to it yet: the first packet that is refused brings the policy about. */
static void test_before_the_walk(void **state)
{
	uint32_t n;

	plain.quota = CST_QUOTA_IGNORE;
	put_quota("{'total':1000}");
	n = number_of(1, 1);
	turn_only(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 12, 100), 12);
	REPORT(1, 0, "VOLQU", 1000, 0);
	assert_int_equal(urr_number(1, "overrun"), 200);
	(void)state;
}

/* A book made anew does not know of policies that its URRs still go by. */
static void test_forgotten_policy(void **state)
{
	uint32_t n = lost_with(CST_QUOTA_IGNORE, "{'total':1000}");

	upf_session_by_seid(1)->inert = 0;
	turn(SMF, CST_OWNER_CONNECTED); /* it had lost nothing but its connection */
	assert_int_equal(packets(n, 12, 100), 10);
	REPORT(1, 0, "VOLQU", 1000, 0);
	(void)state;
}

static void test_time_quota(void **state)
{
	uint32_t n;

	plain.quota = CST_QUOTA_IGNORE;
	put_urrs("[1]", "{" METHOD("'VOLUM','DURAT'", "'TIMQU'") ",'time_quota':10}");
	n = number_of(1, 1);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 1, 100), 1);
	wait_ms(10100);
	REPORT(1, 0, "TIMQU", 100, 0);
	assert_int_equal(packets(n, 2, 100), 2);
	assert_int_equal(urr_number(1, "overrun"), 200);
	come_back();
	REPORT(1, 1, "TIMQU", 200, 0);
	assert_int_equal(packets(n, 1, 1), 0);
	(void)state;
}

/* A threshold below the quota is told as ever, and the last report tells all that is left. */
static void test_thresholds_go_on(void **state)
{
	uint32_t n;

	plain.quota = CST_QUOTA_IGNORE;
	put_urrs("[1]",
		 "{" METHOD("'VOLUM'", "'VOLTH','VOLQU'") ",'volume_threshold':{'total':400},"
							  "'volume_quota':{'total':1000}}");
	n = number_of(1, 1);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 4, 100), 4);
	REPORT(1, 0, "VOLTH", 400, 0);
	assert_int_equal(packets(n, 4, 100), 4);
	REPORT(1, 1, "VOLTH", 400, 0);
	assert_int_equal(packets(n, 2, 100), 2);
	REPORT(1, 2, "VOLQU", 200, 0);
	assert_int_equal(packets(n, 4, 100), 4);
	REPORT(1, 3, "VOLTH", 400, 0);
	assert_int_equal(packets(n, 1, 50), 1);
	assert_int_equal(urr_number(1, "overrun"), 450);
	caller.owner = 0;
	DELETE("{'seid':1}");
	REPORT(1, 4, "TERMR", 50, 0);
	(void)state;
}

/* Classes differ; another owner's sessions and nobody's are left alone. */
static void test_whose(void **state)
{
	uint32_t n;

	plain.quota = CST_QUOTA_DROP;
	special.quota = CST_QUOTA_IGNORE;
	PUT("{'seid':1,'dnn':'special','urrs':[{" METHOD(
		"'VOLUM'", "'VOLQU'") ",'volume_quota':{'total':100}}],"
				      "'pdrs':[" UL(1, CHOOSE) "],'fars':[" TO_CORE "]}");
	n = number_of(1, 1);
	turn(OTHER, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 3, 100), 1);
	REPORT(1, 0, "VOLQU", 100, 0);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(packets(n, 3, 100), 3);
	turn(SMF, CST_OWNER_RECONCILING);
	turn(SMF, CST_OWNER_CONNECTED);
	assert_true(flag(1, "stale"));
	assert_int_equal(packets(n, 1, 100), 1); /* it has been forgotten, not ended */
	(void)state;
}

static void test_suppression(void **state)
{
	plain.suppress_error_indications = true;
	assert_false(atomic_load(&upf_suppress_error_indications));
	turn(SMF, CST_OWNER_INERTIAL);
	assert_true(atomic_load(&upf_suppress_error_indications));
	turn(SMF, CST_OWNER_RECONCILING);
	assert_false(atomic_load(&upf_suppress_error_indications));
	(void)state;
}

/* A session without quotas says so too, by its own class. */
static void test_suppression_by_class(void **state)
{
	special.suppress_error_indications = true;
	PUT("{'seid':1}");
	turn(SMF, CST_OWNER_INERTIAL);
	assert_false(atomic_load(&upf_suppress_error_indications));
	turn(SMF, CST_OWNER_CONNECTED);
	PUT("{'seid':2,'dnn':'special'}");
	assert_false(atomic_load(&upf_suppress_error_indications));
	turn(SMF, CST_OWNER_INERTIAL);
	assert_true(atomic_load(&upf_suppress_error_indications));
	turn(SMF, CST_OWNER_CONNECTED);
	assert_false(atomic_load(&upf_suppress_error_indications));
	(void)state;
}

static void test_buffer(void **state)
{
	plain.buffer_packets = 5;
	PUT("{'seid':1,'pdrs':[" UL(1, CHOOSE) "," DL(
		2, "," UE) "],'fars':[" TO_CORE
			   ",{'id':2,'apply_action':['BUFF','NOCP'],'bar_id':1}],"
			   "'bars':[{'id':1,'suggested_buffering_packets_count':50}]}");
	assert_int_equal(run_of(1)->buffer_packets, 50);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(run_of(1)->buffer_packets, 5);
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(run_of(1)->buffer_packets, 5);
	adopt(1);
	assert_int_equal(run_of(1)->buffer_packets, 50);
	(void)state;
}

/* ---- what the owner could not be told ------------------------------------------------ */

static uint32_t asked; /* queue whose worker was asked to say it again */

bool __wrap_upf_tell_lost(uint16_t worker, uint32_t queue);
bool __wrap_upf_tell_lost(uint16_t worker, uint32_t queue)
{
	(void)worker;
	asked = queue;
	return true;
}

static void put_buffering(void)
{
	PUT("{'seid':1,'pdrs':[" UL(1, CHOOSE) "," DL(
		2, "," UE) "],'fars':[" TO_CORE ",{'id':2,'apply_action':['BUFF','NOCP']}]}");
}

static void test_owed_data(void **state)
{
	const struct upf_held_part *part;
	struct upf_buffer_notice n = {.first = {.pdr = 2, .qfi = UPF_NO_QFI}};

	put_buffering();
	part = upf_part_of(upf_session_by_seid(1), UPF_PART_QUEUE, 0);
	n.queue = part->number;
	n.arm = upf_queues[n.queue].arm;
	turn(SMF, CST_OWNER_INERTIAL);
	upf_buffer_told(&n);
	json_decref(pop_event("session.downlink_data_report"));
	assert_int_equal(counts(SMF).owed, 1);
	/* the worker says it again when the owner is back, once */
	upf_queues[n.queue].packets = upf_queues[n.queue].entered = 1;
	asked = 0;
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(asked, n.queue);
	assert_int_equal(counts(SMF).owed, 0);
	n.arm = upf_queues[n.queue].arm;
	upf_buffer_told(&n);
	json_decref(pop_event("session.downlink_data_report"));
	assert_int_equal(counts(SMF).owed, 0);
	upf_queues[n.queue].packets = 0;
	(void)state;
}

/* It was there when it was told, and may have been gone already. */
static void test_owed_unanswered(void **state)
{
	const struct upf_held_part *part;
	struct upf_buffer_notice n = {.first = {.pdr = 2, .qfi = UPF_NO_QFI}};
	struct upf_queue *q;

	put_buffering();
	part = upf_part_of(upf_session_by_seid(1), UPF_PART_QUEUE, 0);
	q = &upf_queues[part->number];
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(counts(SMF).owed, 0);
	turn(SMF, CST_OWNER_CONNECTED);
	n.queue = part->number;
	n.arm = q->arm;
	upf_buffer_told(&n);
	json_decref(pop_event("session.downlink_data_report"));
	assert_int_equal(counts(SMF).owed, 0);
	q->packets = q->entered = 1;
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(counts(SMF).owed, 1);
	asked = 0;
	turn(SMF, CST_OWNER_CONNECTED);
	assert_int_equal(asked, part->number);
	assert_int_equal(counts(SMF).owed, 0);
	/* heard of by nobody since then */
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(counts(SMF).owed, 0);
	q->packets = 0;
	no_event();
	(void)state;
}

/* By an earlier coastd, with which the packets went. */
static void test_owed_before(void **state)
{
	json_t *r;

	put_buffering();
	turn(SMF, CST_OWNER_INERTIAL);
	upf_owned_owe_data(upf_session_by_seid(1));
	assert_int_equal(counts(SMF).owed, 1);
	turn(SMF, CST_OWNER_RECONCILING);
	r = pop_event("session.downlink_data_report");
	assert_int_equal(num(r, "seid"), 1);
	assert_int_equal(json_integer_value(json_array_get(json_object_get(r, "pdr_ids"), 0)), 2);
	assert_int_equal(json_array_size(json_object_get(r, "pdr_ids")), 1);
	json_decref(r);
	assert_int_equal(counts(SMF).owed, 0);
	no_event();
	(void)state;
}

/* What the owner's own change pays is paid once. */
static void test_owed_to_who_changes(void **state)
{
	put_buffering();
	turn(SMF, CST_OWNER_INERTIAL);
	upf_owned_owe_data(upf_session_by_seid(1));
	turn_only(SMF, CST_OWNER_RECONCILING);
	MODIFY("{'seid':1,'user_plane_inactivity_timer':60}");
	json_decref(pop_event("session.downlink_data_report"));
	assert_int_equal(counts(SMF).owed, 0);
	turn(SMF, CST_OWNER_CONNECTED);
	no_event();
	(void)state;
}

static void test_owed_error(void **state)
{
	struct upf_errind_notice n = {.teid = 0x11, .vrf = vrf("access")};
	json_t *first, *again;

	cst_ip_from_text("192.0.2.2", &n.peer);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	turn(SMF, CST_OWNER_INERTIAL);
	assert_true(upf_errind_handle(&n));
	first = pop_event("session.error_indication");
	assert_int_equal(pdr_of(1, 2)->action, UPF_BUFF);
	assert_int_equal(counts(SMF).owed, 1);
	turn(SMF, CST_OWNER_RECONCILING);
	again = pop_event("session.error_indication");
	assert_true(json_equal(first, again));
	assert_int_equal(counts(SMF).owed, 0);
	assert_int_equal(pdr_of(1, 2)->action, UPF_BUFF);
	no_event();
	/* still unanswered when it is lost again */
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(counts(SMF).owed, 1);
	turn(SMF, CST_OWNER_CONNECTED);
	json_decref(pop_event("session.error_indication"));
	no_event();
	json_decref(first);
	json_decref(again);
	(void)state;
}

/* A class that says so keeps its tunnels while the owner is away, and no longer. */
static void test_kept_tunnels(void **state)
{
	struct upf_errind_notice n = {.teid = 0x11, .vrf = vrf("access")};

	plain.suppress_error_indications = true;
	cst_ip_from_text("192.0.2.2", &n.peer);
	PUT(SESSION(1, UL(1, CHOOSE), DL(2, "," UE)));
	turn(SMF, CST_OWNER_INERTIAL);
	assert_true(upf_errind_handle(&n));
	json_decref(pop_event("session.error_indication"));
	assert_int_equal(pdr_of(1, 2)->action, UPF_FORW);
	assert_int_equal(counts(SMF).owed, 1);
	/* each packet brings one */
	assert_false(upf_errind_handle(&n));
	no_event();
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(counts(SMF).owed, 0);
	no_event();
	assert_true(upf_errind_handle(&n));
	json_decref(pop_event("session.error_indication"));
	assert_int_equal(pdr_of(1, 2)->action, UPF_BUFF);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNED(test_drop),
		OWNED(test_ignore),
		OWNED(test_return_with_grant),
		OWNED(test_unspent_on_return),
		OWNED(test_grace_then_drop),
		OWNED(test_grace_deaf),
		OWNED(test_throttle),
		OWNED(test_grace_then_throttle),
		OWNED(test_spent_before),
		OWNED(test_before_the_walk),
		OWNED(test_forgotten_policy),
		OWNED(test_time_quota),
		OWNED(test_thresholds_go_on),
		OWNED(test_whose),
		OWNED(test_suppression),
		OWNED(test_suppression_by_class),
		OWNED(test_buffer),
		OWNED(test_owed_data),
		OWNED(test_owed_unanswered),
		OWNED(test_owed_before),
		OWNED(test_owed_to_who_changes),
		OWNED(test_owed_error),
		OWNED(test_kept_tunnels),
	};

	return cmocka_run_group_tests(tests, owned_setup, group_teardown);
}
