/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: owners, hand-off, notices, RCU. Two workers run, on one CPU if need be.
 */
#include <pthread.h>
#include <time.h>

#include "test_nodes.h"

/* ---- owners, hand-off, notices ----------------------------------------------------- */

static void owners_are_remainders(void **state)
{
	for (uint32_t i = 0; i < 100000; i++)
		assert_int_equal(cst_owner_of(i), i % WORKERS);
	assert_int_equal(cst_owner_of(UINT32_MAX), UINT32_MAX % WORKERS);
}

static void full_inboxes_drop(void **state)
{
	struct cst_worker *w = cst_worker_get(0);
	struct cst_worker_stats st;
	struct rte_mbuf *m;
	unsigned sent = 0;

	for (unsigned i = 0; i < 5000; i++) {
		m = packet(0, i);
		cst_handoff(w, 1, &m, 1);
	}
	assert_int_equal(w->stats.handed_off + w->stats.drops[cst_drop_handoff_full->id], 5000);
	assert_true(w->stats.handed_off > 4000);
	assert_true(w->stats.drops[cst_drop_handoff_full->id] > 0);
	m = packet(0, 0);
	assert_int_equal(cst_inject(1, &m, 1), 0); /* the caller keeps it */
	rte_pktmbuf_free(m);
	m = packet(0, 0);
	assert_int_equal(cst_inject(0, &m, 1), 1);
	cst_worker_stats(0, &st);
	assert_int_equal(st.injected, 1);
	while (cst_graph_walk(cst_worker_get(0)) || cst_graph_walk(cst_worker_get(1)))
		sent++;
	assert_int_equal(sent > 0, 1);
	assert_int_equal(seen_b[0].n, 1);
	assert_int_equal(seen_b[0].worker, CST_NO_WORKER);
	assert_int_equal(seen_b[1].n, w->stats.handed_off);
	assert_int_equal(seen_b[1].worker, 0);
}

static unsigned noticed;
static char notice_text[CST_NOTICE_LEN];

static void on_notice(const void *data, uint8_t len)
{
	memcpy(notice_text, data, len);
	noticed++;
}

static void notices_arrive(void **state)
{
	struct cst_worker *w = cst_worker_get(0);
	uint16_t kind = cst_notice_register(on_notice);
	unsigned taken = 0;

	assert_true(cst_notice(w, kind, "hello", 6));
	assert_true(cst_notice(NULL, kind, "again", 6));
	assert_int_equal(cst_engine_notices(), 2);
	assert_int_equal(noticed, 2);
	assert_string_equal(notice_text, "again");
	for (unsigned i = 0; i < 10000; i++)
		taken += cst_notice(w, kind, "more", 5);
	assert_true(w->stats.notices_lost > 0);
	assert_int_equal(taken + w->stats.notices_lost, 10000);
	noticed = 0;
	while (cst_engine_notices() > 0)
		;
	assert_int_equal(noticed + w->stats.notices_lost, 10000);
}

/* ---- workers running ---------------------------------------------------------------- */

/* To each owner its own, in their order. */
static void burst_of_two_owners(void **state)
{
	struct rte_mbuf *all[8], *m[8], *got;
	uint8_t owner[8];

	for (unsigned i = 0; i < 8; i++) {
		m[i] = all[i] = packet(0, i);
		owner[i] = i % 3 == 0;
	}
	cst_handoff_each(cst_worker_get(0), m, owner, 8);
	for (unsigned i = 0; i < 8; i++) {
		assert_int_equal(rte_ring_dequeue(cst_worker_get(i % 3 == 0)->inbox, (void **)&got),
				 0);
		assert_ptr_equal(got, all[i]);
		rte_pktmbuf_free(got);
	}
	assert_int_equal(rte_ring_count(cst_worker_get(0)->inbox), 0);
	assert_int_equal(rte_ring_count(cst_worker_get(1)->inbox), 0);
}

#define HANDED 10000u

static _Atomic unsigned handed;

/* Worker 0 numbers packets and hands all to worker 1. */
static void hand_over(struct cst_worker *w)
{
	unsigned next = atomic_load(&handed);
	struct rte_mbuf *m[32];

	if (next >= HANDED || rte_ring_count(cst_worker_get(1)->inbox) > 2000)
		return;
	for (unsigned i = 0; i < 32; i++) {
		m[i] = packet(0, next + i);
		cst_pkt(m[i])->resume = rx_c_edge;
	}
	cst_handoff(w, 1, m, 32);
	atomic_store(&handed, next + 32);
}

static bool wait_for(unsigned *counter, unsigned value)
{
	for (int i = 0; i < 10000; i++) {
		if (__atomic_load_n(counter, __ATOMIC_ACQUIRE) >= value)
			return true;
		usleep(1000);
	}
	return false;
}

static void handoff_keeps_order(void **state)
{
	struct cst_worker_stats st;
	struct cst_err e = {0};
	unsigned total = (HANDED + 31) / 32 * 32;

	atomic_store(&handed, 0);
	atomic_store(&rx_job[0], hand_over);
	assert_int_equal(cst_engine_run(&e), 0);
	assert_true(wait_for(&seen_c[1].n, total));
	cst_engine_stop();
	assert_int_equal(seen_c[1].n, total);
	for (unsigned i = 0; i < total; i++)
		assert_int_equal(seen_c[1].tag[i], i);
	cst_worker_stats(0, &st);
	assert_int_equal(st.handed_off, total);
	cst_worker_stats(1, &st);
	assert_true(st.cycles_busy > 0);
	assert_true(st.cycles_idle > 0);
}

static atomic_bool hold, holding;

/* Keeps worker 1 inside one walk. */
static void dwell(struct cst_worker *w)
{
	atomic_store(&holding, true);
	while (atomic_load(&hold))
		;
}

static unsigned freed;

static void count_freed(void *ptr, uint64_t arg)
{
	freed += (unsigned)arg;
}

static void defer_again(void *ptr, uint64_t arg)
{
	cst_rcu_defer(count_freed, NULL, 10);
}

/* The engine runs, and worker 1 is in a walk that lasts while `hold` is set. */
static void run_held(void)
{
	struct cst_err e = {0};

	atomic_store(&hold, true);
	atomic_store(&holding, false);
	atomic_store(&rx_job[1], dwell);
	assert_int_equal(cst_engine_run(&e), 0);
	while (!atomic_load(&holding))
		usleep(100);
}

static void deferred_waits_for_all(void **state)
{
	run_held();
	freed = 0;
	cst_rcu_defer(count_freed, NULL, 1);
	cst_rcu_defer(defer_again, NULL, 0);
	for (int i = 0; i < 20; i++) {
		usleep(1000);
		assert_int_equal(cst_rcu_reclaim(false), 2); /* worker 0 passed, worker 1 has not */
	}
	assert_int_equal(freed, 0);
	atomic_store(&rx_job[1], NULL);
	atomic_store(&hold, false);
	assert_int_equal(cst_rcu_reclaim(true), 0);
	assert_int_equal(freed, 11);
	assert_true(cst_worker_get(1)->stats.big_loops > 0); /* 20 ms in one walk */
	cst_engine_stop();
}

static uint64_t cpu_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void *lets_go_later(void *arg)
{
	usleep(200000);
	atomic_store(&hold, false);
	return arg;
}

/* A worker that is waited for may need the very CPU that the control thread waits on. */
static void waits_without_cpu(void **state)
{
	pthread_t other;
	uint64_t before;

	run_held();
	atomic_store(&rx_job[1], NULL);
	freed = 0;
	cst_rcu_defer(count_freed, NULL, 1);
	assert_int_equal(pthread_create(&other, NULL, lets_go_later, NULL), 0);
	before = cpu_us();
	assert_int_equal(cst_rcu_reclaim(true), 0);
	assert_in_range(cpu_us() - before, 0, 20000);
	assert_int_equal(freed, 1);
	pthread_join(other, NULL);
	cst_engine_stop();
}

static void sleeping_workers_hold_nothing_up(void **state)
{
	struct cst_err e = {0};
	uint64_t start;

	assert_int_equal(cst_engine_run(&e), 0);
	usleep(50000); /* idle for long: they sleep */
	freed = 0;
	start = rte_rdtsc();
	for (unsigned i = 0; i < 100; i++) {
		cst_rcu_defer(count_freed, NULL, 1);
		cst_rcu_reclaim(true);
	}
	assert_int_equal(freed, 100);
	assert_true(rte_rdtsc() - start < rte_get_tsc_hz());
	cst_engine_stop();
}

/* ---- CPUs ----------------------------------------------------------------------------- */

static void cpu_lists_are_checked(void **state)
{
	static const char *const bad[] = {"0",   "0@",     "@0",   "0@0-", "0@0,",
					  "x@0", "0@9999", "0@0 ", "0@0;0"};
	struct cst_system sys = {.workers = 3};
	struct cst_cpus cpus;
	struct cst_err e;

	snprintf(sys.cpus, sizeof(sys.cpus), "0@0,0");
	assert_int_equal(cst_cpus_choose(&sys, &cpus, NULL), 0);
	assert_true(cpus.shared);
	assert_int_equal(cpus.worker[2], 0);
	for (unsigned i = 0; i < RTE_DIM(bad); i++) {
		snprintf(sys.cpus, sizeof(sys.cpus), "%s", bad[i]);
		memset(&e, 0, sizeof(e));
		assert_int_equal(cst_cpus_choose(&sys, &cpus, &e), -EINVAL);
		assert_string_equal(e.field, "system.cpus");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_lists_are_checked),
		T(owners_are_remainders),
		T(full_inboxes_drop),
		T(burst_of_two_owners),
		T(notices_arrive),
		T(handoff_keeps_order),
		T(deferred_waits_for_all),
		T(waits_without_cpu),
		T(sleeping_workers_hold_nothing_up),
	};

	return cmocka_run_group_tests(tests, engine_up, engine_down);
}
