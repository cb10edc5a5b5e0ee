/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine with nodes of the test's own. Most tests walk the graph from the
 * test's thread; the last ones let two workers run, on one CPU if need be.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <rte_cycles.h>
#include <rte_rcu_qsbr.h>

#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"

#define BUFFERS 16384
#define WORKERS 2

CST_DROP(tired, "test.tired", "the test says so");
CST_DROP(angry, "test.angry", "the test says so");

/* ---- nodes -------------------------------------------------------------------- */

static void (*_Atomic rx_job[WORKERS])(struct cst_worker *w);

static uint16_t rx(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	void (*job)(struct cst_worker *) = atomic_load(&rx_job[w->id]);
	struct rte_mbuf *in[64];
	unsigned got = rte_ring_dequeue_burst(w->inbox, (void **)in, 64, NULL);

	for (unsigned i = 0; i < got; i++)
		cst_emit(w, cst_pkt(in[i])->resume, &in[i], 1);
	if (job != NULL)
		job(w);
	return 0;
}

/* Goes where slice[0] says. */
static uint16_t max_n;

static uint16_t fork_node(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t off = 0;

	max_n = RTE_MAX(max_n, n);
	for (uint16_t i = 0; i < n; i++) {
		uint8_t e = (uint8_t)cst_pkt(pkts[i])->slice[0];

		if (e == 0)
			continue; /* edge[] comes zeroed */
		edge[i] = e;
		if (e == CST_EDGE_DROP)
			edge[i] = cst_drop(pkts[i], i % 2 == 0 ? &tired : &angry);
		off++;
	}
	return off;
}

struct seen {
	unsigned n;
	uint64_t tag[20000]; /* slice[1], in order of arrival */
	uint8_t worker;      /* pkt->worker of the last one */
};

static struct seen seen_b[WORKERS], seen_c[WORKERS], seen_kid1[WORKERS], seen_kid2[WORKERS];

static void see(struct seen *s, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		s->worker = cst_pkt(pkts[i])->worker;
		s->tag[s->n % 20000] = cst_pkt(pkts[i])->slice[1];
		__atomic_store_n(&s->n, s->n + 1, __ATOMIC_RELEASE);
	}
	rte_pktmbuf_free_bulk(pkts, n);
}

#define SINK(name_)                                                                               \
	static uint16_t name_##_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, \
					uint8_t *edge)                                            \
	{                                                                                         \
		see(&seen_##name_[w->id], pkts, n);                                               \
		return 0;                                                                         \
	}                                                                                         \
	CST_NODE(name_##_node, .name = #name_, .process = name_##_process)

SINK(b);
SINK(c);
SINK(kid1);
SINK(kid2);

/* A sink may still drop. */
static uint16_t picky(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		if (cst_pkt(pkts[i])->slice[1] % 2 == 1)
			edge[i] = cst_drop(pkts[i], &angry);
		else
			rte_pktmbuf_free(pkts[i]);
	}
	return n;
}

/* Sends a second packet after each one it gets. */
static uint16_t twice(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

		*cst_pkt(m) = *cst_pkt(pkts[i]);
		cst_pkt(m)->slice[1] += 1000;
		cst_emit(w, 1, &m, 1);
	}
	return 0;
}

static struct rte_mbuf *kept[1024];
static unsigned n_kept;

static uint16_t keeper(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++) {
		if (cst_pkt(pkts[i])->slice[1] < 3)
			continue;
		kept[n_kept++] = pkts[i];
		edge[i] = CST_EDGE_TAKEN;
	}
	return n - RTE_MIN(n, 3);
}

enum { RX_FORK, RX_TWICE, RX_KEEPER, RX_PICKY, RX_C };
static const char *const rx_edges[] = {"fork", "twice", "keeper", "picky", "c", NULL};
static const char *const fork_edges[] = {"b", "c", NULL};
static const char *const b_edges[] = {"b", NULL};
static uint8_t kid1_edge, kid2_edge, again_edge, rx_c_edge;

CST_NODE(rx_node, .name = "rx", .process = rx, .edges = rx_edges, .help = "the test's \"source\"");
CST_ATTACH(at2, "fork", "kid2", &kid2_edge);
CST_NODE(fork_node_, .name = "fork", .process = fork_node, .edges = fork_edges);
CST_ATTACH(at1, "fork", "kid1", &kid1_edge);
CST_ATTACH(at3, "fork", "c", &again_edge); /* is there already */
CST_ATTACH(at4, "rx", "c", &rx_c_edge);
CST_NODE(twice_node, .name = "twice", .process = twice, .edges = fork_edges);
CST_NODE(keeper_node, .name = "keeper", .process = keeper, .edges = b_edges);
CST_NODE(picky_node, .name = "picky", .process = picky);

/* ---- helpers -------------------------------------------------------------------- */

static void nothing_seen(void)
{
	memset(seen_b, 0, sizeof(seen_b));
	memset(seen_c, 0, sizeof(seen_c));
	memset(seen_kid1, 0, sizeof(seen_kid1));
	memset(seen_kid2, 0, sizeof(seen_kid2));
	for (unsigned i = 0; i < WORKERS; i++)
		memset(&cst_worker_get((uint16_t)i)->stats, 0, sizeof(struct cst_worker_stats));
	max_n = 0;
	n_kept = 0;
}

static int before(void **state)
{
	nothing_seen();
	return 0;
}

/* Nothing may leak, whatever the test did. */
static int after(void **state)
{
	for (unsigned i = 0; i < WORKERS; i++)
		atomic_store(&rx_job[i], NULL);
	assert_int_equal(rte_mempool_avail_count(cst_packet_pool()), BUFFERS);
	return 0;
}

static struct rte_mbuf *packet(uint8_t edge, uint64_t tag)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

	assert_non_null(m);
	memset(cst_pkt(m), 0, sizeof(struct cst_pkt));
	cst_pkt(m)->slice[0] = edge;
	cst_pkt(m)->slice[1] = tag;
	return m;
}

/* What the next walk's rx sends. */
static struct rte_mbuf *script[BUFFERS];
static unsigned n_script;
static uint8_t script_edge;

static void play(struct cst_worker *w)
{
	for (unsigned i = 0; i < n_script; i += 64)
		cst_emit(w, script_edge, script + i, (uint16_t)RTE_MIN(64u, n_script - i));
	n_script = 0;
}

static void walk(uint8_t edge)
{
	struct cst_worker *w = cst_worker_get(0);

	script_edge = edge;
	atomic_store(&rx_job[0], play);
	assert_true(cst_graph_walk(w));
	atomic_store(&rx_job[0], NULL);
	assert_false(cst_graph_walk(w)); /* nothing stays behind in the graph */
}

/* ---- the graph ------------------------------------------------------------------- */

static void faults_name_both_ends(void **state)
{
	static uint8_t edge;
	static struct cst_attach bad = {.parent = "fork", .child = "nowhere", .edge = &edge};
	static struct cst_node lonely = {.name = "lonely", .process = picky};
	static struct cst_attach company = {.parent = "fork", .child = "zoo", .edge = &edge};
	static const char *edges[] = {"moon", NULL};
	struct cst_err e = {0};

	assert_int_equal(cst_registry_resolve(&e), 0);
	cst_attach_add(&bad);
	assert_int_equal(cst_registry_resolve(&e), -ENOENT);
	assert_non_null(strstr(e.reason, "fork"));
	assert_non_null(strstr(e.reason, "nowhere"));
	bad.child = "fork";
	assert_int_equal(cst_registry_resolve(&e), -ELOOP);
	bad.child = "rx";
	assert_int_equal(cst_registry_resolve(&e), -EINVAL);
	bad.child = "b";
	assert_int_equal(cst_registry_resolve(&e), 0);

	cst_node_add(&lonely);
	assert_int_equal(cst_registry_resolve(&e), -EINVAL);
	assert_non_null(strstr(e.reason, "lonely"));
	lonely.name = "zoo";
	cst_attach_add(&company);
	lonely.edges = edges;
	assert_int_equal(cst_registry_resolve(&e), -ENOENT);
	assert_non_null(strstr(e.reason, "zoo"));
	assert_non_null(strstr(e.reason, "moon"));
	lonely.edges = NULL;
	assert_int_equal(cst_registry_resolve(&e), 0);
}

static void edges_are_numbered_by_name(void **state)
{
	assert_int_equal(kid1_edge, 2);
	assert_int_equal(kid2_edge, 3);
	assert_int_equal(again_edge, 1);
	assert_int_equal(rx_c_edge, RX_C);
}

static char *picture(void)
{
	char *text;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	cst_engine_graph(f);
	fclose(f);
	return text;
}

static void picture_is_stable(void **state)
{
	char *a = picture(), *b = picture();

	assert_string_equal(a, b);
	assert_non_null(strstr(a, "\"rx\" -> \"fork\";\n"));
	assert_non_null(strstr(a, "\"fork\" -> \"kid1\" [style=dashed];\n"));
	assert_non_null(strstr(a, "\"rx\" [tooltip=\"the test's \\\"source\\\"\"];\n"));
	free(a);
	free(b);
}

static void drop_reasons_are_ordered(void **state)
{
	unsigned n = 0;

	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next) {
		assert_int_equal(d->id, ++n);
		if (d->next != NULL)
			assert_true(strcmp(d->name, d->next->name) < 0);
	}
	assert_true(n >= 6);
}

/* ---- moving packets -------------------------------------------------------------- */

static void whole_burst_moves(void **state)
{
	for (unsigned i = 0; i < 64; i++)
		script[n_script++] = packet(0, i);
	walk(RX_FORK);
	assert_int_equal(seen_b[0].n, 64);
	for (unsigned i = 0; i < 64; i++)
		assert_int_equal(seen_b[0].tag[i], i);
}

/* Random edges, bursts over CST_MAX_BURST: each packet arrives once, at its edge, in order. */
static void runs_are_enqueued_in_order(void **state)
{
	static uint8_t want[1000];
	struct seen *to[] = {&seen_b[0], &seen_c[0], &seen_kid1[0], &seen_kid2[0]};
	unsigned at[4] = {0}, dropped = 0;

	srand(7);
	for (unsigned i = 0; i < RTE_DIM(want); i++) {
		static const uint8_t edges[] = {0, 0, 0, 1, 2, 3, CST_EDGE_DROP};

		/* runs of some length, as traffic has them */
		want[i] = i > 0 && rand() % 3 != 0 ? want[i - 1] : edges[rand() % 7];
		script[n_script++] = packet(want[i], i);
	}
	walk(RX_FORK);
	assert_int_equal(max_n, CST_MAX_BURST);
	for (unsigned i = 0; i < RTE_DIM(want); i++) {
		if (want[i] == CST_EDGE_DROP) {
			dropped++;
			continue;
		}
		assert_int_equal(to[want[i]]->tag[at[want[i]]++], i);
	}
	for (unsigned k = 0; k < 4; k++)
		assert_int_equal(to[k]->n, at[k]);
	assert_true(dropped > 50);
	assert_int_equal(cst_worker_get(0)->stats.drops[tired.id] +
				 cst_worker_get(0)->stats.drops[angry.id],
			 dropped);
}

static void drops_are_counted_by_reason(void **state)
{
	struct cst_worker *w = cst_worker_get(0);

	for (unsigned i = 0; i < 5; i++)
		script[n_script++] = packet(CST_EDGE_DROP, i);
	walk(RX_FORK);
	assert_int_equal(w->stats.drops[tired.id], 3);
	assert_int_equal(w->stats.drops[angry.id], 2);
	for (unsigned i = 0; i < 4; i++)
		script[n_script++] = packet(0, i);
	walk(RX_PICKY);
	assert_int_equal(w->stats.drops[angry.id], 4);
}

static void bad_edges_do_no_harm(void **state)
{
	script[n_script++] = packet(77, 0);
	script[n_script++] = packet(0, 1);
	walk(RX_FORK);
	assert_int_equal(cst_worker_get(0)->stats.drops[cst_drop_bad_edge->id], 1);
	assert_int_equal(seen_b[0].n, 1);
}

static void emitted_packets_go_along(void **state)
{
	for (unsigned i = 0; i < 10; i++)
		script[n_script++] = packet(0, i);
	walk(RX_TWICE);
	assert_int_equal(seen_b[0].n, 10);
	assert_int_equal(seen_c[0].n, 10);
	assert_int_equal(seen_c[0].tag[9], 1009);
}

static void taken_packets_stay_taken(void **state)
{
	for (unsigned i = 0; i < 10; i++)
		script[n_script++] = packet(0, i);
	walk(RX_KEEPER);
	assert_int_equal(seen_b[0].n, 3);
	assert_int_equal(n_kept, 7);
	assert_int_equal(rte_mempool_in_use_count(cst_packet_pool()), 7);
	rte_pktmbuf_free_bulk(kept, n_kept);
}

/* More than fit at one node in one walk are dropped by name, never written past the end. */
static void streams_have_an_end(void **state)
{
	uint64_t dropped;

	for (unsigned i = 0; i < 14000; i++)
		script[n_script++] = packet(0, i);
	walk(RX_FORK);
	dropped = cst_worker_get(0)->stats.drops[cst_drop_stream_full->id];
	assert_true(dropped > 0);
	assert_int_equal(seen_b[0].n + dropped, 14000);
}

static void nodes_are_counted(void **state)
{
	struct cst_node_stats before_, after_;
	unsigned id = fork_node_.id;
	bool sampled = false;

	assert_true(cst_node_stats(id, 0, &before_));
	assert_string_equal(before_.name, "fork");
	for (unsigned k = 0; k < 300; k++) {
		for (unsigned i = 0; i < 8; i++)
			script[n_script++] = packet(0, i);
		walk(RX_FORK);
	}
	assert_true(cst_node_stats(id, CST_ALL_WORKERS, &after_));
	assert_int_equal(after_.calls - before_.calls, 300);
	assert_int_equal(after_.packets - before_.packets, 2400);
	sampled = after_.sampled_packets > before_.sampled_packets;
	assert_true(sampled);
	assert_true(after_.sampled_cycles > before_.sampled_cycles);
	assert_true(after_.sampled_packets - before_.sampled_packets <= 16);
	assert_false(cst_node_stats(cst_node_count(), 0, &after_));
}

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

	cst_notice(w, kind, "hello", 6);
	cst_notice(NULL, kind, "again", 6);
	assert_int_equal(cst_engine_notices(), 2);
	assert_int_equal(noticed, 2);
	assert_string_equal(notice_text, "again");
	for (unsigned i = 0; i < 10000; i++)
		cst_notice(w, kind, "more", 5);
	assert_true(w->stats.notices_lost > 0);
	noticed = 0;
	while (cst_engine_notices() > 0)
		;
	assert_int_equal(noticed + w->stats.notices_lost, 10000);
}

/* ---- workers running ---------------------------------------------------------------- */

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

static void deferred_waits_for_all(void **state)
{
	struct cst_err e = {0};

	atomic_store(&hold, true);
	atomic_store(&holding, false);
	atomic_store(&rx_job[1], dwell);
	assert_int_equal(cst_engine_run(&e), 0);
	while (!atomic_load(&holding))
		usleep(100);
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

/* ---- all -------------------------------------------------------------------------------- */

static int engine_up(void **state)
{
	struct cst_system sys = {
		.workers = WORKERS,
		.hugepages = CST_HUGE_OFF,
		.memory_mb = 128,
		.packet_buffers = BUFFERS,
		.buffer_size = 2048,
		.big_loop_us = 1000,
	};
	struct cst_err e = {0};

	snprintf(sys.name, sizeof(sys.name), "coast-test-%d", getpid());
	snprintf(sys.run_dir, sizeof(sys.run_dir), "/tmp");
	if (cst_engine_init(&sys, &e) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", e.field, e.reason);
	return -1;
}

static int engine_down(void **state)
{
	cst_engine_fini();
	return 0;
}

int main(void)
{
#define T(fn) cmocka_unit_test_setup_teardown(fn, before, after)
	const struct CMUnitTest early[] = {
		cmocka_unit_test(faults_name_both_ends),
		cmocka_unit_test(picture_is_stable),
		cmocka_unit_test(drop_reasons_are_ordered),
		cmocka_unit_test(cpu_lists_are_checked),
	};
	const struct CMUnitTest tests[] = {
		T(edges_are_numbered_by_name),
		T(whole_burst_moves),
		T(runs_are_enqueued_in_order),
		T(drops_are_counted_by_reason),
		T(bad_edges_do_no_harm),
		T(emitted_packets_go_along),
		T(taken_packets_stay_taken),
		T(streams_have_an_end),
		T(nodes_are_counted),
		T(owners_are_remainders),
		T(full_inboxes_drop),
		T(notices_arrive),
		T(handoff_keeps_order),
		T(deferred_waits_for_all),
		T(sleeping_workers_hold_nothing_up),
	};
	int failed = cmocka_run_group_tests(early, NULL, NULL);

	return failed + cmocka_run_group_tests(tests, engine_up, engine_down);
}
