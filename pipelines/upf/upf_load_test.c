/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions in numbers, with a reader that holds on to what it saw: nothing is
 * used again before its grace period, and nothing is lost in 100 000 of them.
 */
#include "upf_ctl_test.h"

#include <malloc.h>
#include <pthread.h>
#include <time.h>

#include <rte_eal.h>
#include <rte_rcu_qsbr.h>

#include "engine/internal.h"
#include "poison.h"

#define N 100000

static int load_setup(void **state)
{
	char *argv[] = {"upf_load",    "--no-huge",         "-m64",
			"--no-pci",    "--no-telemetry",    "-l0",
			"--no-shconf", "--log-level=error", NULL};

	(void)state;
	if (rte_eal_init(8, argv) < 0)
		return -1;
	assert_int_equal(cst_rcu_create(&err), 0);
	open_tables(N, 400000);
	open_network();
	open_pools();
	upf_inventory(&empty);
	return 0;
}

static int load_teardown(void **state)
{
	(void)state;
	close_tables();
	cst_rcu_destroy();
	rte_eal_cleanup();
	return 0;
}

static json_t *session(int n, uint32_t far_teid)
{
	char text[2000];

	snprintf(text, sizeof(text),
		 "{'seid':%d,'dnn':'internet','pdrs':[{'id':1,'precedence':255,'pdi':{"
		 "'source_interface':'access','network_instance':'access','f_teid':{'choose':true,"
		 "'choose_id':5}},'outer_header_removal':'gtpu-udp-ip','far_id':1},"
		 "{'id':2,'precedence':255,'pdi':{'source_interface':'core',"
		 "'network_instance':'internet','ue_ip_address':[{'ipv4':'10.45.%d.%d'}]},"
		 "'far_id':2}],'fars':[{'id':1,'apply_action':['FORW'],'forwarding_parameters':{"
		 "'destination_interface':'core','network_instance':'internet'}},"
		 "{'id':2,'apply_action':['FORW'],'forwarding_parameters':{"
		 "'destination_interface':'access','network_instance':'access',"
		 "'outer_header_creation':{'description':'gtpu-udp-ipv4','teid':%u,"
		 "'ipv4':'192.0.2.2'}}}]}",
		 n, n % 65536 / 256, n % 256, far_teid);
	if (n >= 65536) { /* the rest in the other network instance's pool */
		char *at;

		while ((at = strstr(text, "internet'")) != NULL)
			memcpy(at, "mec'     ", 9);
	}
	return quoted(text);
}

static void run(enum cst_op op, json_t *j)
{
	if (cst_txn_run(&upf_session_class, op, j, NULL, &err) != 0)
		fail_msg("%s: %s", err.field, err.reason);
	json_decref(j);
}

/* A worker in the middle of a burst: it counts by rules that are gone since. */
struct late {
	struct upf_usage *u;
	uint32_t teid; /* leads nowhere from the commit on */
	uint16_t vrf;
};

static void *count_late(void *arg)
{
	const struct late *late = arg;
	struct upf_usage *u = late->u;
	struct rte_rcu_qsbr *v = cst_rcu();

	while (upf_find_teid(late->vrf, late->teid))
		usleep(100);
	usleep(50000);
	__atomic_store_n(&u->bytes[UPF_UL], 77, __ATOMIC_RELAXED);
	rte_rcu_qsbr_quiescent(v, 1);
	rte_rcu_qsbr_thread_offline(v, 1);
	return NULL;
}

/* The final report has all that was counted, also after the commit, and the reply has it. */
static void test_final_report_waits(void **state)
{
	json_t *s = session(7, 1), *reply, *report, *key = quoted("{'seid':7}");
	struct rte_rcu_qsbr *v = cst_rcu();
	struct late late;
	pthread_t worker;

	(void)state;
	assert_int_equal(rte_rcu_qsbr_thread_register(v, 1), 0);
	json_object_set_new(s, "urrs",
			    quoted("[{'id':1,'measurement_method':['VOLUM'],"
				   "'reporting_triggers':[]}]"));
	json_object_set_new(json_array_get(json_object_get(s, "pdrs"), 0), "urr_ids",
			    quoted("[1]"));
	run(CST_OP_PUT, s);
	late.u = &upf_tables.usages[upf_part_of(upf_session_by_seid(7), UPF_PART_USAGE, 1)->number];
	late.teid = upf_session_by_seid(7)->teids[0].teid;
	late.vrf = vrf("access");
	rte_rcu_qsbr_thread_online(v, 1);
	assert_int_equal(pthread_create(&worker, NULL, count_late, &late), 0);
	assert_int_equal(cst_txn_run(&upf_session_class, CST_OP_DELETE, key, &reply, &err), 0);
	pthread_join(worker, NULL);
	rte_rcu_qsbr_thread_unregister(v, 1);
	report = json_array_get(json_object_get(json_array_get(reply, 0), "usage_reports"), 0);
	assert_int_equal(json_integer_value(json_object_get(
				 json_object_get(report, "volume_measurement"), "ul")),
			 77);
	json_decref(reply);
	json_decref(key);
}

/* What a worker that has not yet been quiescent may still read stays as it is. */
static void test_grace(void **state)
{
	struct rte_rcu_qsbr *v = cst_rcu();
	const struct upf_session *s;
	const void *line;
	char before[192];
	uint32_t teid, ref;
	struct upf_inventory u;

	(void)state;
	assert_int_equal(rte_rcu_qsbr_thread_register(v, 0), 0);
	rte_rcu_qsbr_thread_online(v, 0);
	run(CST_OP_PUT, session(7, 1));
	s = upf_session_by_seid(7);
	line = upf_run(s);
	memcpy(before, line, sizeof(before));
	teid = s->teids[0].teid;
	ref = upf_find_teid(vrf("access"), teid);

	/* replaced: new rules at once, the old ones still there */
	run(CST_OP_PUT, session(7, 2));
	assert_int_not_equal(upf_find_teid(vrf("access"), teid), ref);
	cst_rcu_reclaim(false);
	assert_memory_equal(line, before, sizeof(before));
	upf_inventory(&u);
	assert_int_equal(u.lines, 6);
	rte_rcu_qsbr_quiescent(v, 0);
	cst_rcu_reclaim(false);
	upf_inventory(&u);
	assert_int_equal(u.lines, 3);

	/* deleted: its TEID leads nowhere at once, its places stay taken */
	line = upf_run(upf_session_by_seid(7));
	memcpy(before, line, sizeof(before));
	run(CST_OP_DELETE, quoted("{'seid':7}"));
	assert_int_equal(upf_find_teid(vrf("access"), teid), 0);
	for (int i = 100; i < 120; i++)
		run(CST_OP_PUT, session(i, 3));
	assert_memory_equal(line, before, sizeof(before));
	for (int i = 100; i < 120; i++) {
		char key[32];

		assert_int_not_equal(upf_session_by_seid((uint64_t)i)->teids[0].teid >>
					     upf_tables.teid_tag_bits,
				     teid >> upf_tables.teid_tag_bits);
		snprintf(key, sizeof(key), "{'seid':%d}", i);
		run(CST_OP_DELETE, quoted(key));
	}
	upf_inventory(&u);
	assert_int_equal(u.sessions, 0);
	assert_int_equal(u.teids, 21);
	assert_int_equal(u.addresses, 21);
	assert_int_equal(u.peers, 1);
	rte_rcu_qsbr_thread_offline(v, 0);
	rte_rcu_qsbr_thread_unregister(v, 0);
	assert_int_equal(cst_rcu_reclaim(false), 0);
	same_usage(&empty);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Put, change and delete a hundred thousand, plan and commit timed apart from JSON. */
static void test_many(void **state)
{
	struct cst_pool *pool = cst_pool_new();
	struct cst_party *party = upf_session_class.party;
	struct upf_session_obj o;
	struct upf_inventory u;
	size_t heap, used = 0;
	double control = 0, all = now();

	(void)state;
	heap = mallinfo2().uordblks;
	for (int n = 1; n <= N; n++) {
		struct cst_txn t = {.pool = pool};
		json_t *j = session(n, (uint32_t)n);
		double from;

		assert_int_equal(cst_decode(&upf_session_object, j, false, pool, &o, &err), 0);
		json_decref(j);
		from = now();
		assert_int_equal(party->begin(&t, &err), 0);
		if (upf_session_class.put(&t, &o, &err) != 0)
			fail_msg("%s: %s", err.field, err.reason);
		assert_int_equal(party->compile(&t, &err), 0);
		party->commit(&t);
		control += now() - from;
		cst_pool_reset(pool);
	}
	used = mallinfo2().uordblks - heap;
	upf_inventory(&u);
	assert_int_equal(u.sessions, N);
	assert_int_equal(u.lines, 3 * N);
	assert_int_equal(u.states, N);
	assert_int_equal(u.teids, N);
	/* Lines 64, and 12 of books each; a state line 64, and 8 + 8 of books; a TEID slot 8, and 8
	 * of books; a pool slot 4; the SEID hash, at most half empty, 8. */
	print_message("%d sessions: %.0f a second without JSON, %.0f with; %zu bytes each in "
		      "memory of their own, %zu in all\n",
		      N, N / control, N / (now() - all), used / N,
		      used / N + 3 * (64 + 12) + 64 + 16 + 16 + 4 + 8);
	if (used == 0)
		print_message("skipped: bytes each, another allocator than the C library's runs\n");
	assert_true(used / N + 3 * (64 + 12) + 64 + 16 + 16 + 4 + 8 <= 512);
	for (int n = 1; n <= N; n += 2)
		run(CST_OP_PUT, session(n, (uint32_t)n + 1));
	for (int n = 1; n <= N; n++) {
		char key[32];

		snprintf(key, sizeof(key), "{'seid':%d}", n);
		run(CST_OP_DELETE, quoted(key));
	}
	cst_rcu_reclaim(true);
	same_usage(&empty);
	assert_true(mallinfo2().uordblks - heap < 100000);
	cst_pool_free(pool);
}

#ifdef CST_POISON
/* What is given back is out of bounds for the address sanitizer, what is in use is not. */
static void test_given_back(void **state)
{
	const struct upf_session *s;
	char *lines, *counts;

	(void)state;
	PUT("{'seid':1,'fars':[" TO_CORE "," TO_GNB
	    "],'pdrs':[" UL(1, CHOOSE) "," DL(2, ",'ue_ip_address':[{'ipv4':'10.45.3.1'}]") "]}");
	s = upf_session_by_seid(1);
	lines = (char *)upf_tables.lines + (size_t)s->line * 64;
	counts = (char *)&upf_tables.counts[(size_t)upf_run(s)->state * 4];
	assert_null(__asan_region_is_poisoned(lines, 3 * 64));
	assert_null(__asan_region_is_poisoned(counts, 64));
	DELETE("{'seid':1}");
	cst_rcu_reclaim(true);
	for (int i = 0; i < 3 * 64; i++)
		assert_true(__asan_address_is_poisoned(lines + i));
	assert_true(__asan_address_is_poisoned(counts));
}
#endif

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_grace),
					   cmocka_unit_test(test_final_report_waits),
#ifdef CST_POISON
					   cmocka_unit_test(test_given_back),
#endif
					   cmocka_unit_test(test_many)};

	return cmocka_run_group_tests(tests, load_setup, load_teardown);
}
