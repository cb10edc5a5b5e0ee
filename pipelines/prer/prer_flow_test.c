/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows of other slices: numbers and verdicts, restarts, and that another coastd
 * goes on with them. No EAL.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "prer_ctl.h"
#include "prer_flow.h"
#include "quoted.h"
#include "store.h"
#include "table/arena.h"

#define MS 1000000ull /* TSC cycles, as rte_get_tsc_hz() has it here */

static struct cst_system sys = {.max_streams = 100, .hugepages = CST_HUGE_OFF};
static struct cst_worker worker;
static struct cst_err err;
static char store[64];

uint64_t __wrap_rte_get_tsc_hz(void);
uint64_t __wrap_rte_get_tsc_hz(void)
{
	return 1000 * MS;
}

static const struct cst_redundancy *r(void)
{
	return cst_redundancy();
}

static void put_recovery(const char *text)
{
	json_t *js = quoted(text);

	if (cst_txn_run(&prer_recovery_class, CST_OP_PUT, js, NULL, &err) != 0)
		fail_msg("%s: %s: %s", text, err.field, err.reason);
	json_decref(js);
}

static void open_tables(void)
{
	assert_int_equal(prer_tables_module.reserve(&sys, &err), 0);
	assert_int_equal(prer_flow_module.reserve(&sys, &err), 0);
	if (cst_arena_attach(&sys, 0, &err) != 0)
		fail_msg("%s", err.reason);
	assert_int_equal(prer_flow_module.start(&sys, &err), 0);
	assert_int_equal(prer_tables_module.start(&sys, &err), 0);
	put_recovery("[{'name':'eight','history_length':8,'rogue_rule':'cb_2017','reset_ms':100},"
		     "{'name':'long','history_length':1024},{'name':'ring','history_length':500}]");
	cst_arena_ready();
}

static int delete_result(const char *name)
{
	json_t *js = json_pack("{s:s}", "name", name);
	int rc = cst_txn_run(&prer_recovery_class, CST_OP_DELETE, js, NULL, &err);

	json_decref(js);
	return rc;
}

static void delete_recovery(const char *name)
{
	assert_int_equal(delete_result(name), 0);
}

static void refused_delete(const char *name, const char *user)
{
	assert_int_equal(delete_result(name), -EBUSY);
	assert_string_equal(err.field, "name");
	assert_non_null(strstr(err.reason, user));
}

static void close_tables(void)
{
	prer_entries_fini();
	prer_flow_module.stop();
	prer_tables_module.stop();
	cst_arena_unmap();
}

static int set_up(void **state)
{
	(void)state;
	snprintf(sys.arena_path, sizeof(sys.arena_path), "/dev/shm/prer-flow-%d", getpid());
	snprintf(store, sizeof(store), "/dev/shm/prer-flow-store-%d", getpid());
	open_tables();
	return 0;
}

static int tear_down(void **state)
{
	char cmd[96];

	(void)state;
	close_tables();
	unlink(sys.arena_path);
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", store);
	return system(cmd);
}

static struct cst_redundancy_conf conf(uint64_t key, uint8_t bits, const char *recovery)
{
	struct cst_redundancy_conf c = {.key = key, .bits = bits, .name = "session 1 uplink"};

	snprintf(c.recovery, sizeof(c.recovery), "%s", recovery);
	return c;
}

static uint32_t open_flow(uint64_t key, uint8_t bits, const char *recovery)
{
	struct cst_redundancy_conf c = conf(key, bits, recovery);
	uint32_t flow = r()->open(&c, &err);

	if (flow == 0)
		fail_msg("%s: %s", err.field, err.reason);
	return flow;
}

/* One packet each millisecond, by both paths. */
static unsigned both(uint32_t flow, uint32_t seq)
{
	unsigned passed = r()->accept(&worker, flow, 0, seq);

	passed += r()->accept(&worker, flow, 1, seq);
	worker.now += MS;
	return passed;
}

static struct cst_redundancy_counts counts(uint32_t flow)
{
	struct cst_redundancy_counts n;

	r()->counts(flow, &n);
	assert_int_equal(n.from[0] + n.from[1], n.passed + n.discarded + n.rogue);
	return n;
}

static uint64_t how(uint32_t flow)
{
	return prer_flows.flow[flow].how;
}

static void numbers(void **state)
{
	uint32_t a = open_flow(1, 16, ""), b = open_flow(2, 24, "");

	(void)state;
	assert_int_not_equal(a, b);
	for (uint32_t i = 0; i < 65536 + 10; i++)
		assert_int_equal(r()->next(a), i & 0xffff);
	assert_int_equal(r()->next(b), 0);
	prer_flows.flow[b].state.counts.gen_seq = 0xffffff;
	assert_int_equal(r()->next(b), 0xffffff);
	assert_int_equal(r()->next(b), 0);
	assert_int_equal(counts(a).generated, 65546);
	r()->close(a);
	r()->close(b);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
}

static void verdicts(void **state)
{
	uint32_t flow = open_flow(1, 16, "eight");
	struct cst_redundancy_counts n;
	unsigned passed = 0;

	(void)state;
	for (uint32_t i = 0; i < 1000; i++)
		passed += both(flow, i);
	n = counts(flow);
	assert_int_equal(passed, 1000);
	assert_int_equal(n.passed, 1000);
	assert_int_equal(n.discarded, 1000);
	assert_int_equal(n.out_of_order, 0);
	assert_int_equal(n.lost, 7);
	assert_int_equal(n.resets, 1);
	assert_int_equal(n.from[0], 1000);
	assert_int_equal(n.from[1], 1000);
	/* the sender starts anew, near and far: what comes is taken, then the rest as ever */
	assert_int_equal(both(flow, 990), 0);
	assert_int_equal(counts(flow).rogue, 2);
	r()->restart(flow);
	assert_int_equal(both(flow, 990), 1);
	assert_int_equal(both(flow, 991), 1);
	assert_int_equal(counts(flow).resets, 2);
	r()->close(flow);
	cst_rcu_reclaim(true);
}

static void wraps(void **state)
{
	uint32_t flow = open_flow(1, 24, "eight");

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		assert_int_equal(both(flow, (0xfffff8 + i) & 0xffffff), 1);
	assert_int_equal(counts(flow).rogue, 0);
	assert_int_equal(counts(flow).out_of_order, 0);
	r()->close(flow);
	cst_rcu_reclaim(true);
}

static void keys(void **state)
{
	uint32_t a = open_flow(7, 16, "long"), b = open_flow(8, 16, "long"), c;
	struct cst_redundancy_conf unknown = conf(9, 16, "nobody");

	(void)state;
	assert_int_equal(open_flow(7, 16, "long"), a);
	assert_int_not_equal(a, b);
	assert_int_equal(prer_how_params(how(a)), prer_how_params(how(b)));
	assert_int_not_equal(prer_how_ring(how(a)), prer_how_ring(how(b)));
	assert_string_equal(prer_flow_name(a), "session 1 uplink");
	assert_int_equal(r()->open(&unknown, &err), 0);
	assert_int_equal(err.code, -ENOENT);
	assert_string_equal(err.field, "recovery");
	/* one that is closed is another one when it is opened again */
	both(a, 5);
	r()->close(a);
	c = open_flow(7, 16, "long");
	assert_int_not_equal(c, a);
	assert_int_equal(counts(c).passed, 0);
	r()->close(b);
	r()->close(c);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
}

static void full(void **state)
{
	struct cst_redundancy_conf c;
	uint32_t flow[100];

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		flow[i] = open_flow(100 + i, 16, "");
	c = conf(1, 16, "");
	assert_int_equal(r()->open(&c, &err), 0);
	assert_int_equal(err.code, -ENOSPC);
	for (unsigned i = 0; i < 100; i++)
		r()->close(flow[i]);
	cst_rcu_reclaim(true);
}

/* A recovery that is put again is followed: by a reset if what was seen says nothing any more. */
static void recovery_changes(void **state)
{
	uint32_t a = open_flow(7, 16, "eight"), b = open_flow(8, 16, "ring");

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		both(a, i), both(b, i);
	/* another timer: what was seen is known */
	put_recovery("{'name':'eight','history_length':8,'rogue_rule':'cb_2017','reset_ms':5000}");
	assert_int_equal(both(a, 99), 0);
	worker.now += 1000 * MS;
	assert_int_equal(both(a, 99), 0);
	assert_int_equal(counts(a).resets, 1);
	/* another history, with room of its own now */
	put_recovery("{'name':'eight','history_length':600}");
	assert_true(prer_how_ring(how(a)) != 0);
	assert_int_equal(both(a, 99), 1);
	assert_int_equal(counts(a).resets, 2);
	for (uint32_t i = 100; i < 800; i++)
		both(a, i);
	assert_int_equal(both(a, 300), 0);
	assert_int_equal(counts(a).rogue, 0);
	/* and a start anew at the same time */
	r()->restart(b);
	put_recovery("{'name':'ring','history_length':500,'resync':true}");
	assert_int_equal(both(b, 20000), 1);
	/* it is in use as long as a flow has it */
	refused_delete("eight", "session 1 uplink");
	r()->close(a);
	r()->close(b);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
	delete_recovery("eight");
	put_recovery("[{'name':'eight','history_length':8,'rogue_rule':'cb_2017','reset_ms':100},"
		     "{'name':'ring','history_length':500}]");
}

/* No room for the histories of all: the change is refused, and nothing has changed. */
static void change_without_room(void **state)
{
	uint32_t flow[100];
	json_t *js = quoted("{'name':'eight','history_length':8000}");

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		flow[i] = open_flow(100 + i, 16, "eight");
	for (uint32_t i = 0; i < 20; i++)
		both(flow[7], i);
	assert_int_equal(cst_txn_run(&prer_recovery_class, CST_OP_PUT, js, NULL, &err), -ENOSPC);
	assert_non_null(strstr(err.reason, "history"));
	json_decref(js);
	assert_int_equal(both(flow[7], 19), 0);
	assert_int_equal(both(flow[7], 20), 1);
	for (unsigned i = 0; i < 100; i++)
		r()->close(flow[i]);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
	/* what it had taken for the first ones is free again */
	flow[0] = open_flow(1, 16, "long");
	r()->close(flow[0]);
	cst_rcu_reclaim(true);
}

/* Another coastd: workers go on by the numbers before anybody has opened the flows again. */
static void restarted(void **state)
{
	uint32_t a = open_flow(7, 16, "eight"), b = open_flow(8, 16, "long");
	uint32_t gone = open_flow(9, 16, "ring"), other = open_flow(10, 16, "ring");

	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		both(a, i), both(b, i), both(gone, i), both(other, i), r()->next(other);
	close_tables();
	open_tables();
	assert_int_equal(prer_flows_used(), 4);
	assert_int_equal(both(a, 99), 0);
	assert_int_equal(both(a, 100), 1);
	assert_int_equal(both(b, 99), 0);
	assert_int_equal(open_flow(7, 16, "eight"), a);
	assert_int_equal(open_flow(8, 16, "long"), b);
	assert_int_equal(both(b, 42), 0);
	assert_int_equal(counts(b).passed, 100);
	assert_int_equal(counts(b).resets, 1);
	/* by another recovery now: what it knew is lost, but numbers do not go back */
	other = open_flow(10, 16, "eight");
	assert_int_equal(counts(other).passed, 0);
	assert_int_equal(r()->next(other), 100);
	prer_flow_resume_module.resume(&err);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 3);
	r()->close(a);
	r()->close(b);
	r()->close(other);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
}

/* Nothing that lies in the arena leads out of it. */
static void damaged(void **state)
{
	uint32_t a = open_flow(7, 16, "long"), b = open_flow(8, 16, "long");
	uint32_t c = open_flow(9, 16, "long"), d = open_flow(10, 16, "long");

	(void)state;
	prer_flows.flow[a].how = prer_how(0, prer_how_params(how(a)), 1u << 30);
	prer_flows.flow[b].how = prer_how(0, 60000, prer_how_ring(how(b)));
	prer_flows.flow[c].how = how(d);
	close_tables();
	open_tables();
	assert_int_equal(prer_flows_used(), 1);
	prer_flow_resume_module.resume(&err);
	cst_rcu_reclaim(true);
	assert_int_equal(prer_flows_used(), 0);
}

/* The tables are lost, and so is what was not written by then. */
static void lose_tables(bool killed)
{
	if (killed)
		cst_store_close();
	close_tables();
	cst_store_close();
	unlink(sys.arena_path);
	if (cst_store_open(store, &err) < 0)
		fail_msg("%s", err.reason);
	open_tables();
	assert_int_equal(prer_flows_used(), 0);
}

static uint32_t open_named(uint64_t key, uint8_t bits, const char *name)
{
	struct cst_redundancy_conf c = conf(key, bits, "long");

	snprintf(c.name, sizeof(c.name), "%s", name);
	return r()->open(&c, &err);
}

static void give_numbers(uint32_t flow, unsigned n)
{
	while (n-- > 0)
		r()->next(flow);
}

static void tick(uint64_t now_ms)
{
	prer_flow_module.tick(now_ms);
	assert_int_equal(cst_store_write(&err), 0);
}

/* They do not go back, whatever key the flow has then; who eliminates takes what comes. */
static void numbers_without_tables(void **state)
{
	uint32_t down, up;

	(void)state;
	if (cst_store_open(store, &err) < 0)
		fail_msg("%s", err.reason);
	down = open_named(1, 16, "session 1 downlink");
	up = open_named(2, 16, "session 1 uplink");
	give_numbers(down, 10);
	both(up, 500);
	tick(1000);
	give_numbers(down, 200);
	lose_tables(true);
	down = open_named(11, 16, "session 1 downlink");
	up = open_named(12, 16, "session 1 uplink");
	assert_int_equal(r()->next(down), 10 + 256);
	assert_int_equal(both(up, 501), 1);
	/* thousand each second: half a minute ahead, though not by more than a quarter of all */
	tick(2000);
	give_numbers(down, 1000);
	tick(3000);
	give_numbers(down, 16000);
	lose_tables(true);
	down = open_named(1, 16, "session 1 downlink");
	assert_int_equal(r()->next(down), (267 + 1000 + (1 << 14)) & 0xffff);
	give_numbers(down, 65535 - 17651);
	/* in order: the very next, which wraps */
	lose_tables(false);
	down = open_named(1, 16, "session 1 downlink");
	assert_int_equal(r()->next(down), 0);
	/* one that ends is forgotten */
	tick(4000);
	r()->close(down);
	cst_rcu_reclaim(true);
	assert_int_equal(cst_store_write(&err), 0);
	lose_tables(true);
	down = open_named(1, 16, "session 1 downlink");
	assert_int_equal(r()->next(down), 0);
	r()->close(down);
	cst_rcu_reclaim(true);
	cst_store_close();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),
		cmocka_unit_test(verdicts),
		cmocka_unit_test(wraps),
		cmocka_unit_test(keys),
		cmocka_unit_test(full),
		cmocka_unit_test(recovery_changes),
		cmocka_unit_test(change_without_room),
		cmocka_unit_test(restarted),
		cmocka_unit_test(damaged),
		cmocka_unit_test(numbers_without_tables),
	};

	return cmocka_run_group_tests_name("prer_flow", tests, set_up, tear_down);
}
