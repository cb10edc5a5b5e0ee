/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The node contract: edges, bursts, drops, figures. The graph is walked from
 * the test's own thread.
 */
#include "test_nodes.h"

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

int main(void)
{
	const struct CMUnitTest early[] = {
		cmocka_unit_test(faults_name_both_ends),
		cmocka_unit_test(picture_is_stable),
		cmocka_unit_test(drop_reasons_are_ordered),
	};
	const struct CMUnitTest tests[] = {
		T(edges_are_numbered_by_name), T(whole_burst_moves),
		T(runs_are_enqueued_in_order), T(drops_are_counted_by_reason),
		T(bad_edges_do_no_harm),       T(emitted_packets_go_along),
		T(taken_packets_stay_taken),   T(streams_have_an_end),
		T(nodes_are_counted),
	};
	int failed = cmocka_run_group_tests(early, NULL, NULL);

	return failed + cmocka_run_group_tests(tests, engine_up, engine_down);
}
