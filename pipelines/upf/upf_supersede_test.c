/* SPDX-License-Identifier: BSD-3-Clause */
/* A stale session gives way to a new one: in one step, or not at all. */
#include "upf_owned_test.h"

static uint64_t holder_of_teid(uint32_t teid)
{
	const struct upf_session *s = upf_session_by_ref(upf_find_teid(vrf("access"), teid));

	return s ? s->seid : 0;
}

static void ended(uint64_t seid)
{
	json_t *r = pop_event("session.superseded");

	assert_int_equal(num(r, "seid"), (int64_t)seid);
	json_decref(r);
	assert_null(upf_session_by_seid(seid));
}

static void test_supersede_address(void **state)
{
	struct upf_inventory one;

	PUT(ONE(1, CHOOSE, "10.45.0.2"));
	upf_inventory(&one);
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':9999}}");
	packet(number_of(1, 1), UPF_UL, 70);
	NO_PUT(ONE(2, CHOOSE, "10.45.0.2"), -EADDRINUSE, "ue_ip_address", "session 1");
	turn(SMF, CST_OWNER_INERTIAL);
	turn(SMF, CST_OWNER_RECONCILING);
	PUT(ONE(2, CHOOSE, "10.45.0.2"));
	assert_int_equal(holder("10.45.0.2"), 2);
	ended(1);
	REPORT(1, 0, "TERMR", 70, 0);
	same_usage(&one);
	assert_int_equal(counts(SMF).all, 1);
	assert_int_equal(counts(SMF).stale, 0);
	/* it is its own now, to the end */
	DELETE("{'seid':2}");
	assert_int_equal(ref_of("10.45.0.2"), 0);
	PUT(ONE(3, CHOOSE, "10.45.0.2"));
	(void)state;
}

static void test_supersede_outside_pools(void **state)
{
	struct upf_inventory one;

	PUT(ONE(1, CHOOSE, "172.16.0.1"));
	upf_inventory(&one);
	turn(SMF, CST_OWNER_RECONCILING);
	PUT(ONE(2, CHOOSE, "172.16.0.1"));
	ended(1);
	assert_int_equal(holder("172.16.0.1"), 2);
	same_usage(&one);
	/* what must not overlap with it is told of who has it now */
	refused(&upf_pool_class, CST_OP_PUT,
		"{'name':'p','network_instance':'internet','prefix':'172.16.0.0/24'}", -EBUSY,
		"prefix", "session 2");
	(void)state;
}

static void test_supersede_teid(void **state)
{
	struct upf_inventory one;
	char text[2000];
	uint32_t teid;

	/* one that the control plane chose */
	PUT(ONE(1, GIVEN("0x77"), "10.45.0.1"));
	upf_inventory(&one);
	turn(SMF, CST_OWNER_RECONCILING);
	PUT(ONE(2, GIVEN("0x77"), "10.45.0.5"));
	ended(1);
	assert_int_equal(holder_of_teid(0x77), 2);
	assert_int_equal(ref_of("10.45.0.1"), 0);
	same_usage(&one);
	DELETE("{'seid':2}");
	assert_int_equal(holder_of_teid(0x77), 0);
	/* one that coast chose, and the address with it */
	PUT(ONE(3, CHOOSE, "10.45.0.1"));
	upf_inventory(&one);
	teid = pdr_of(3, 1)->teid;
	turn(SMF, CST_OWNER_INERTIAL);
	turn(SMF, CST_OWNER_RECONCILING);
	snprintf(text, sizeof(text),
		 SESSION(4, UL(1, "'f_teid':{'teid':'%#x','ipv4':'192.0.2.1'}"),
			 DL(2, UE_IS("10.45.0.1"))),
		 teid);
	PUT(text);
	ended(3);
	assert_int_equal(holder_of_teid(teid), 4);
	assert_int_equal(holder("10.45.0.1"), 4);
	same_usage(&one);
	DELETE("{'seid':4}");
	assert_int_equal(holder_of_teid(teid), 0);
	(void)state;
}

/* What fails later in the same call leaves no trace. */
static void test_supersede_undone(void **state)
{
	struct upf_inventory before;
	uint32_t ref;

	PUT(ONE(1, GIVEN("0x77"), "10.45.0.1"));
	PUT(ONE(2, CHOOSE, "172.16.0.1"));
	turn(SMF, CST_OWNER_RECONCILING);
	ref = ref_of("10.45.0.1");
	upf_inventory(&before);
	NO_PUT("[" ONE(3, GIVEN("0x77"),
		       "10.45.0.1") "," ONE(4, CHOOSE, "172.16.0.1") ",{'seid':6,'owner':'x'}]",
	       -EPERM, "[2].owner", "is smf");
	same_usage(&before);
	no_event();
	assert_int_equal(ref_of("10.45.0.1"), ref);
	assert_int_equal(holder("172.16.0.1"), 2);
	assert_int_equal(holder_of_teid(0x77), 1);
	assert_int_equal(counts(SMF).stale, 2);
	/* given out once */
	NO_PUT("[" ONE(3, GIVEN("0x78"), "10.45.0.1") "," ONE(4, CHOOSE, "10.45.0.1") "]",
	       -EADDRINUSE, "[1].ue_ip_address", "10.45.0.1");
	NO_PUT("[" ONE(3, GIVEN("0x77"), "10.45.0.7") "," ONE(4, GIVEN("0x77"), "10.45.0.8") "]",
	       -EEXIST, "[1].pdrs[0].pdi.f_teid.teid", "session 1");
	same_usage(&before);
	PUT("[" ONE(3, GIVEN("0x77"), "10.45.0.7") "," ONE(4, CHOOSE, "10.45.0.1") "," ONE(
		5, CHOOSE, "172.16.0.1") "]");
	assert_int_equal(holder("10.45.0.1"), 4);
	assert_int_equal(holder("172.16.0.1"), 5);
	assert_int_equal(holder_of_teid(0x77), 3);
	assert_int_equal(counts(SMF).all, 3);
	json_array_clear(events);
	(void)state;
}

static void test_supersede_refused(void **state)
{
	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	turn(SMF, CST_OWNER_RECONCILING);
	/* no claim; local authority */
	caller.owner = 0;
	NO_PUT(ONE(2, CHOOSE, "10.45.0.1"), -EADDRINUSE, "ue_ip_address", "session 1");
	/* what was adopted stays, though all has not been looked through */
	claim(SMF, CST_ROLE_OWNER);
	adopt(1);
	NO_PUT(ONE(2, CHOOSE, "10.45.0.1"), -EADDRINUSE, "ue_ip_address", "session 1");
	/* not by one that is there already */
	PUT(ONE(2, CHOOSE, "10.45.0.2"));
	turn(SMF, CST_OWNER_CONNECTED);
	NO_PUT(ONE(2, CHOOSE, "10.45.0.1"), -EADDRINUSE, "ue_ip_address", "session 1");
	/* a living owner's, from another one */
	claim(OTHER, CST_ROLE_OWNER);
	NO_PUT(ONE(3, CHOOSE, "10.45.0.2"), -EADDRINUSE, "ue_ip_address", "session 2");
	/* nobody's */
	caller.owner = 0;
	PUT(ONE(4, CHOOSE, "10.45.0.4"));
	claim(SMF, CST_ROLE_OWNER);
	NO_PUT(ONE(5, CHOOSE, "10.45.0.4"), -EADDRINUSE, "ue_ip_address", "session 4");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNED(test_supersede_address), OWNED(test_supersede_outside_pools),
		OWNED(test_supersede_teid),    OWNED(test_supersede_undone),
		OWNED(test_supersede_refused),
	};

	return cmocka_run_group_tests(tests, owned_setup, group_teardown);
}
