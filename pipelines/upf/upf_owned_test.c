/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose sessions are: who may change them, which are stale, what ends. */
#include "upf_owned_test.h"

#include "rpc/rpc.h"
#include "upf_api_admit.h"
#include "upf_times.h"

static unsigned sweep(uint64_t lost_ms, uint64_t stale_ms, bool now, unsigned most)
{
	struct cst_owned_age age = {.lost_ms = lost_ms, .stale_ms = stale_ms};

	return owned()->sweep(SMF, &age, now, most);
}

/* It was made, or spoken of, so many seconds ago. */
static void spoken_ago(uint64_t seid, uint32_t seconds)
{
	struct upf_session *s = upf_session_by_seid(seid);
	uint32_t then = upf_unix_time() - seconds;

	s->spoken = (uint16_t)then;
	s->spoken_high = (uint8_t)(then >> 16);
}

static unsigned writes;
static bool disk_full;

int __wrap_cst_store_write(struct cst_err *e);
int __wrap_cst_store_write(struct cst_err *e)
{
	writes++;
	return disk_full ? cst_err(e, -ENOSPC, NULL, "the disk is full") : 0;
}

/* ---- whose ------------------------------------------------------------------------------ */

static void test_owner(void **state)
{
	json_t *s;

	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	s = shown(1);
	assert_string_equal(json_string_value(json_object_get(s, "owner")), "smf");
	assert_string_equal(json_string_value(json_object_get(s, "inertia_class")), "plain");
	json_decref(s);
	assert_int_equal(counts(SMF).all, 1);
	claim(OTHER, CST_ROLE_OWNER);
	NO_PUT(ONE(1, CHOOSE, "10.45.0.9"), -EPERM, "seid", "belongs to smf");
	NO_MODIFY("{'seid':1,'remove_pdrs':[{'id':2}]}", -EPERM, "seid", "belongs to smf");
	refused(&upf_session_class, CST_OP_DELETE, "{'seid':1}", -EPERM, "seid", "smf");
	NO_PUT("{'seid':2,'owner':'smf'}", -EPERM, "owner", "is other");
	claim(OTHER + 1, CST_ROLE_OWNER); /* its owner has been deleted since */
	NO_PUT("{'seid':2,'owner':'smf'}", -EPERM, "owner", "is an owner that is gone for");
	/* without a claim: anything, and the owner can be told */
	caller.owner = 0;
	NO_PUT("{'seid':2,'owner':'nobody'}", -ENOENT, "owner", "no owner nobody");
	PUT("{'seid':2,'owner':'other'}");
	NO_PUT("{'seid':2,'owner':'smf'}", -EEXIST, "owner", "is other and stays so");
	PUT("{'seid':2,'owner':'other','dnn':'x'}");
	assert_int_equal(counts(OTHER).all, 1);
	PUT("{'seid':3}");
	NO_PUT("{'seid':3,'owner':'smf'}", -EEXIST, "owner", "is nobody");
	/* what was nobody's is whose who puts it */
	claim(OTHER, CST_ROLE_OWNER);
	PUT("{'seid':3,'owner':'other'}");
	assert_int_equal(counts(OTHER).all, 2);
	assert_int_equal(counts(SMF).all, 1);
	/* an owner that is gone leaves what it had to nobody */
	turn(OTHER, CST_OWNER_NONE);
	assert_int_equal(counts(OTHER).all, 0);
	(void)state;
}

/* What is reported when the session has ended is for who has it then. */
static void test_final_owner(void **state)
{
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':9999}}");
	turn(SMF, CST_OWNER_NONE);
	caller.owner = 0;
	DELETE("{'seid':1}");
	REPORT(1, 0, "TERMR", 0, 0);
	assert_int_equal(journal_owner, 0);
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':9999}}");
	turn(SMF, CST_OWNER_CONNECTED);
	claim(SMF, CST_ROLE_OWNER);
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':9999}}");
	DELETE("{'seid':1}");
	REPORT(1, 0, "TERMR", 0, 0);
	assert_int_equal(journal_owner, SMF);
	(void)state;
}

static void list_is(const char *filter, unsigned n)
{
	struct cst_page page = {.filter = quoted(filter), .limit = 100, .items = json_array()};

	assert_int_equal(upf_session_class.list(&page, &err), 0);
	assert_int_equal(json_array_size(page.items), n);
	json_decref((json_t *)page.filter);
	json_decref(page.items);
}

static void test_list(void **state)
{
	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	caller.owner = 0;
	PUT(ONE(2, CHOOSE, "10.45.0.2"));
	turn(SMF, CST_OWNER_RECONCILING);
	list_is("{'owner':'smf'}", 1);
	list_is("{'owner':'nobody'}", 0);
	list_is("{'stale':true}", 1);
	list_is("{'stale':false}", 1);
	list_is("{'local':true}", 0);
	(void)state;
}

/* The method alone, `obj` for its parameters: errors are told as it tells them. */
static int method(const char *name, void *obj, const char *params, json_t **result)
{
	const struct cst_method *m = cst_method_by_name(name);
	struct cst_pool *p = cst_pool_new();
	json_t *j = quoted(params);
	int rc = cst_decode(m->params, j, false, p, obj, &err);

	if (rc == 0)
		rc = m->call(obj, result, &err);
	json_decref(j);
	cst_pool_free(p);
	return rc;
}

static int admit(const char *params, json_t **result)
{
	struct upf_admit_obj a;

	return method("session.admit", &a, params, result);
}

#define GNB \
	"'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':'0x21','ipv4':'192.0.2.7'}"

static void put_template(const char *more)
{
	char text[500];

	caller.owner = 0;
	snprintf(text, sizeof(text),
		 "{'name':'t','dnn':'special','access_network_instance':'access',"
		 "'network_instance':'internet','qfi':9,'mbr':{'ul':1000,'dl':2000},%s}",
		 more);
	ok(&upf_template_class, CST_OP_PUT, text);
}

/* ---- stale --------------------------------------------------------------------------------- */

static json_t *page(bool stale_only, uint64_t *cursor, uint32_t limit)
{
	json_t *items = json_array();

	assert_int_equal(owned()->page(SMF, stale_only, cursor, limit, items, &err), 0);
	return items;
}

static unsigned page_size(bool stale_only)
{
	uint64_t cursor = 0;
	json_t *items = page(stale_only, &cursor, 100);
	unsigned n = (unsigned)json_array_size(items);

	json_decref(items);
	return n;
}

static void test_stale(void **state)
{
	uint64_t ids[] = {1, 99}, cursor = 0;
	json_t *a, *b;
	uint32_t ref;

	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	PUT(ONE(2, CHOOSE, "10.45.0.2"));
	PUT(ONE(3, CHOOSE, "10.45.0.3"));
	a = page(false, &cursor, 2);
	assert_int_equal(json_array_size(a), 2);
	assert_int_not_equal(cursor, 0);
	json_decref(a);
	a = page(false, &cursor, 2);
	assert_int_equal(json_array_size(a), 1);
	assert_int_equal(cursor, 0);
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(counts(SMF).stale, 0);
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(counts(SMF).stale, 3);
	assert_int_equal(page_size(true), 3);
	/* all or none */
	assert_int_equal(owned()->adopt(SMF, ids, 2, &err), -ENOENT);
	assert_string_equal(err.field, "ids[1]");
	assert_int_equal(owned()->adopt(OTHER, ids, 1, &err), -ENOENT);
	assert_int_equal(counts(SMF).stale, 3);
	/* adopted, put again, modified: nothing of the traffic changes but by the last */
	ref = ref_of("10.45.0.2");
	adopt(1);
	PUT(ONE(2, CHOOSE, "10.45.0.2"));
	assert_int_equal(ref_of("10.45.0.2"), ref);
	MODIFY("{'seid':3,'update_fars':[{'id':1,'apply_action':['DROP']}]}");
	assert_int_equal(counts(SMF).stale, 0);
	assert_int_equal(page_size(true), 0);
	/* an operator does not speak for the owner */
	turn(SMF, CST_OWNER_INERTIAL);
	turn(SMF, CST_OWNER_RECONCILING);
	caller.owner = 0;
	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	MODIFY("{'seid':2,'update_fars':[{'id':1,'apply_action':['DROP']}]}");
	assert_int_equal(counts(SMF).stale, 3);
	/* a call that fails does not either */
	claim(SMF, CST_ROLE_OWNER);
	NO_PUT("[" ONE(1, CHOOSE, "10.45.0.1") ",{'seid':9,'owner':'other'}]", -EPERM, "[1].owner",
	       "is smf");
	assert_int_equal(counts(SMF).stale, 3);
	/* the digest is of what is asked for */
	cursor = 0;
	b = page(false, &cursor, 100);
	assert_int_equal(json_array_size(b), 3);
	assert_true(json_is_true(json_object_get(json_array_get(b, 0), "stale")));
	assert_string_equal(json_string_value(json_object_get(json_array_get(b, 0), "class")),
			    "plain");
	assert_int_equal(strlen(json_string_value(json_object_get(json_array_get(b, 0), "digest"))),
			 16);
	json_decref(a);
	json_decref(b);
	(void)state;
}

static void test_classes_are_counted(void **state)
{
	uint64_t age = 1;

	PUT("[{'seid':1,'dnn':'special'},{'seid':2},{'seid':3}]");
	caller.owner = 0;
	PUT("{'seid':4}"); /* nobody's: no class goes for it */
	assert_int_equal(owned()->of_class("plain", &age), 2);
	assert_true(age < 1000);
	assert_int_equal(owned()->of_class("special", &age), 1);
	assert_int_equal(owned()->of_class("other", &age), 0);
	/* not at each call */
	claim(SMF, CST_ROLE_OWNER);
	PUT("{'seid':5}");
	assert_int_equal(owned()->of_class("plain", &age), 2);
	usleep(1000000);
	assert_int_equal(owned()->of_class("plain", &age), 3);
	(void)state;
}

/* A call is one write, and what cannot be kept is not adopted. */
static void test_adopt_is_kept(void **state)
{
	uint64_t ids[] = {1, 2, 3};

	PUT("[{'seid':1},{'seid':2},{'seid':3}]");
	turn(SMF, CST_OWNER_INERTIAL);
	turn(SMF, CST_OWNER_RECONCILING);
	disk_full = true;
	assert_int_equal(owned()->adopt(SMF, ids, 3, &err), -ENOSPC);
	disk_full = false;
	assert_int_equal(counts(SMF).stale, 3);
	assert_true(upf_owned_stale(upf_session_by_seid(1)));
	writes = 0;
	assert_int_equal(owned()->adopt(SMF, ids, 3, &err), 0);
	assert_in_range(writes, 1, 2); /* the second one of nothing */
	assert_int_equal(counts(SMF).stale, 0);
	(void)state;
}

/* However often its owner comes back without it. */
static void test_stale_for_good(void **state)
{
	PUT("[{'seid':1},{'seid':2}]");
	for (int i = 0; i < 70000; i++) {
		turn_only(SMF, CST_OWNER_INERTIAL);
		turn_only(SMF, CST_OWNER_RECONCILING);
		upf_owned_tick();
		assert_int_equal(counts(SMF).stale, 2);
		assert_true(upf_owned_stale(upf_session_by_seid(1)));
	}
	adopt(2);
	assert_int_equal(counts(SMF).stale, 1);
	assert_int_equal(owned()->adopt(SMF, NULL, 0, &err), 0);
	assert_false(upf_owned_stale(upf_session_by_seid(1)));
	(void)state;
}

/* All at once: nothing is stale any more, and the walk makes up for the rest. */
static void test_adopt_all(void **state)
{
	json_t *r = NULL;

	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	put_template("'max_sessions':1");
	turn(SMF, CST_OWNER_INERTIAL);
	claim(SMF, CST_ROLE_AUTHORITY);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), 0);
	json_decref(r);
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(counts(SMF).stale, 2);
	assert_int_equal(owned()->adopt(SMF, NULL, 0, &err), 0);
	assert_int_equal(counts(SMF).stale, 0);
	assert_int_equal(sweep(0, 0, true, 10), 0);
	turn(SMF, CST_OWNER_CONNECTED);
	assert_int_equal(counts(SMF).local, 0);
	assert_int_equal(counts(SMF).stale, 0);
	/* until the next time */
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(counts(SMF).stale, 2);
	assert_int_equal(page_size(true), 2);
	(void)state;
}

static void test_digest(void **state)
{
	uint64_t cursor = 0;
	json_t *a, *b;

	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	a = page(false, &cursor, 1);
	MODIFY("{'seid':1,'update_fars':[{'id':1,'apply_action':['DROP']}]}");
	cursor = 0;
	b = page(false, &cursor, 1);
	assert_false(json_equal(a, b));
	json_decref(b);
	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	cursor = 0;
	b = page(false, &cursor, 1);
	assert_true(json_equal(a, b));
	json_decref(a);
	json_decref(b);
	(void)state;
}

static void test_sweep(void **state)
{
	char text[2000];

	special.seconds = 60;
	special.drop_at_end = true;
	plain.seconds = 60; /* and kept */
	for (int i = 1; i <= 6; i++) {
		snprintf(text, sizeof(text),
			 "{'seid':%d,'dnn':'%s','pdrs':[" UL(1, CHOOSE) "],"
									"'fars':[" TO_CORE "]}",
			 i, i <= 4 ? "special" : "plain");
		PUT(text);
		spoken_ago((uint64_t)i, 1000);
	}
	assert_int_equal(sweep(100000, 100000, false, 10), 0); /* it is there */
	turn(SMF, CST_OWNER_INERTIAL);
	assert_int_equal(sweep(59999, 59999, false, 10), 0);
	assert_int_equal(sweep(60000, 60000, false, 1), 1);
	turn(SMF, CST_OWNER_RECONCILING);
	adopt(2);
	assert_int_equal(sweep(59999, 59999, false, 10), 0);
	assert_int_equal(sweep(60000, 60000, false, 10), 2);
	assert_int_equal(counts(SMF).all, 3);
	assert_int_equal(counts(SMF).stale, 2); /* kept, and forgotten */
	assert_int_equal(sweep(0, 0, true, 1), 1);
	assert_int_equal(sweep(0, 0, true, 10), 1);
	assert_int_equal(counts(SMF).all, 1);
	assert_non_null(upf_session_by_seid(2));
	(void)state;
}

static int (*real_del)(struct cst_txn *t, const void *key, struct cst_err *e);

static int del_but_2(struct cst_txn *t, const void *key, struct cst_err *e)
{
	if (((const struct upf_session_obj *)key)->seid == 2)
		return cst_err(e, -EBUSY, "seid", "will not go");
	return real_del(t, key, e);
}

/* One that cannot be ended keeps no other. */
static void test_sweep_one_that_stays(void **state)
{
	PUT("[{'seid':1},{'seid':2},{'seid':3}]");
	turn(SMF, CST_OWNER_RECONCILING);
	real_del = upf_session_class.del;
	upf_session_class.del = del_but_2;
	assert_int_equal(sweep(0, 0, true, 10), 2);
	assert_int_equal(sweep(0, 0, true, 10), 0);
	upf_session_class.del = real_del;
	assert_int_equal(counts(SMF).all, 1);
	assert_int_equal(sweep(0, 0, true, 10), 1);
	(void)state;
}

/* What is stale counts from the first loss, the rest from the latest; what is younger than that
 * from its own beginning. */
static void test_sweep_by_two_clocks(void **state)
{
	special.seconds = plain.seconds = 60;
	special.drop_at_end = plain.drop_at_end = true;
	PUT("[{'seid':1},{'seid':2},{'seid':3}]");
	for (uint64_t seid = 1; seid <= 3; seid++)
		spoken_ago(seid, 1000);
	turn(SMF, CST_OWNER_INERTIAL);
	turn(SMF, CST_OWNER_RECONCILING);
	adopt(2);
	spoken_ago(2, 500);
	turn(SMF, CST_OWNER_INERTIAL);
	spoken_ago(3, 30);
	assert_int_equal(sweep(5000, 100000, false, 10), 1);
	assert_null(upf_session_by_seid(1));
	/* made while it is away */
	caller.owner = 0;
	PUT("{'seid':4,'owner':'smf'}");
	spoken_ago(3, 100);
	assert_int_equal(sweep(60000, 1000000, false, 10), 2);
	assert_non_null(upf_session_by_seid(4));
	spoken_ago(4, 59);
	assert_int_equal(sweep(1000000, 1000000, false, 10), 0);
	spoken_ago(4, 63);
	assert_int_equal(sweep(1000000, 1000000, false, 10), 1);
	(void)state;
}

/* ---- local authority --------------------------------------------------------------------------
 */

static void test_admit(void **state)
{
	json_t *r = NULL, *s;
	uint64_t seid;
	uint32_t ref;

	put_template("'max_sessions':2");
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), -EPERM);
	claim(SMF, CST_ROLE_AUTHORITY);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), -EBUSY);
	turn(SMF, CST_OWNER_INERTIAL);
	NO_PUT(ONE(1, CHOOSE, "10.45.0.1"), -EPERM, "", "session.admit");
	assert_int_equal(admit("{'session_template':'x'," GNB "}", &r), -ENOENT);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), 0);
	seid = (uint64_t)num(r, "seid");
	assert_int_equal(holder(json_string_value(json_object_get(r, "ue_ipv4"))), seid);
	assert_non_null(json_object_get(json_object_get(r, "f_teid"), "teid"));
	assert_int_equal(pdr_of(seid, 2)->out_teid, 0x21);
	assert_int_equal(pdr_of(seid, 2)->out_qfi, 9);
	json_decref(r);
	s = shown(seid);
	assert_string_equal(json_string_value(json_object_get(s, "session_template")), "t");
	assert_string_equal(json_string_value(json_object_get(s, "inertia_class")), "special");
	assert_string_equal(json_string_value(json_object_get(s, "owner")), "smf");
	json_decref(s);
	assert_int_equal(admit("{'session_template':'t','ue_ipv4':'10.45.7.7'," GNB "}", &r), 0);
	assert_int_equal(holder("10.45.7.7"), num(r, "seid"));
	json_decref(r);
	assert_int_equal(counts(SMF).local, 2);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), -EDQUOT);
	assert_non_null(strstr(err.reason, "2 sessions by template t"));
	caller.owner = 0;
	refused(&upf_template_class, CST_OP_DELETE, "{'name':'t'}", -EBUSY, "name", "2 sessions");
	/* the keeper's own limit */
	put_template("'max_sessions':10");
	claim(SMF, CST_ROLE_AUTHORITY);
	admits_left = 0;
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), -EDQUOT);
	admits_left = 10;
	assert_int_equal(admit("{'session_template':'t','ue_ipv4':'10.45.7.7'," GNB "}", &r),
			 -EADDRINUSE);
	/* handed over */
	claim(SMF, CST_ROLE_OWNER);
	turn(SMF, CST_OWNER_RECONCILING);
	assert_true(flag(seid, "local"));
	assert_true(flag(seid, "stale"));
	ref = ref_of("10.45.7.7");
	adopt(seid);
	assert_false(flag(seid, "local"));
	assert_int_equal(ref_of("10.45.7.7"), ref);
	assert_int_equal(counts(SMF).local, 1);
	assert_int_equal(counts(SMF).stale, 1);
	(void)state;
}

static int query(const char *params)
{
	struct upf_query_obj q;
	json_t *result = NULL;
	int rc = method("session.query", &q, params, &result);

	json_decref(result);
	return rc;
}

/* A query begins a measurement anew: it is a change. */
static void test_query(void **state)
{
	put_urrs("[1]", "{" METHOD("'VOLUM'", "'VOLTH'") ",'volume_threshold':{'total':9999}}");
	claim(OTHER, CST_ROLE_OWNER);
	assert_int_equal(query("{'seid':1}"), -EPERM);
	assert_string_equal(err.field, "seid");
	claim(SMF, CST_ROLE_AUTHORITY);
	assert_int_equal(query("{'seid':1}"), -EPERM);
	no_event();
	claim(SMF, CST_ROLE_OWNER);
	turn(SMF, CST_OWNER_RECONCILING);
	assert_int_equal(query("{'seid':1}"), 0);
	REPORT(1, 0, "IMMER", 0, 0);
	assert_int_equal(counts(SMF).stale, 1); /* and tells nothing of its rules */
	caller.owner = 0;
	assert_int_equal(query("{'seid':1}"), 0);
	REPORT(1, 1, "IMMER", 0, 0);
	(void)state;
}

/* It may change what it admitted, and nothing else. */
static void test_authority(void **state)
{
	json_t *r = NULL;
	char text[100];

	put_template("'max_sessions':1");
	claim(SMF, CST_ROLE_OWNER);
	PUT(ONE(1, CHOOSE, "10.45.0.1"));
	turn(SMF, CST_OWNER_INERTIAL);
	claim(SMF, CST_ROLE_AUTHORITY);
	refused(&upf_session_class, CST_OP_DELETE, "{'seid':1}", -EPERM, "seid", "not admitted");
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), 0);
	snprintf(text, sizeof(text), "{'seid':%lld}", (long long)num(r, "seid"));
	json_decref(r);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), -EDQUOT);
	DELETE(text);
	assert_int_equal(admit("{'session_template':'t'," GNB "}", &r), 0);
	json_decref(r);
	(void)state;
}

static void test_templates(void **state)
{
	caller.owner = 0;
	refused(&upf_template_class, CST_OP_PUT,
		"{'name':'u','access_network_instance':'nowhere','network_instance':'internet'}",
		-ENOENT, "access_network_instance", "nowhere");
	refused(&upf_template_class, CST_OP_PUT,
		"[{'name':'u','access_network_instance':'access','network_instance':'internet'},"
		"{'name':'v','access_network_instance':'access','network_instance':'nowhere'}]",
		-ENOENT, "[1].network_instance", "nowhere");
	refused(&upf_template_class, CST_OP_DELETE, "{'name':'u'}", -ENOENT, "name", "no template");
	ok(&upf_template_class, CST_OP_PUT,
	   "{'name':'u','access_network_instance':'access','network_instance':'internet'}");
	ok(&upf_template_class, CST_OP_DELETE, "{'name':'u'}");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		OWNED(test_owner),
		OWNED(test_final_owner),
		OWNED(test_list),
		OWNED(test_stale),
		OWNED(test_classes_are_counted),
		OWNED(test_adopt_is_kept),
		OWNED(test_stale_for_good),
		OWNED(test_adopt_all),
		OWNED(test_digest),
		OWNED(test_sweep),
		OWNED(test_sweep_by_two_clocks),
		OWNED(test_sweep_one_that_stays),
		OWNED(test_admit),
		OWNED(test_query),
		OWNED(test_authority),
		OWNED(test_templates),
	};

	return cmocka_run_group_tests(tests, owned_setup, group_teardown);
}
