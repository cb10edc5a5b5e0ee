/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Fragments to coast's own addresses: what scapy cuts comes out whole, whatever
 * the order; what is wrong goes by its name; bounds hold; nothing is lost or
 * leaked.
 */
#include "net/reassembly.h"
#include "net/rig.h"

static struct rig_log *const sent0 = &rig_ports[0].sent;

static const struct net_vec *part(const char *name, unsigned i)
{
	char full[64];

	snprintf(full, sizeof(full), "%s_%u", name, i);
	return rig_vec("in", full);
}

static unsigned n_parts(const char *name)
{
	unsigned n = 0;
	char full[64];

	for (;; n++) {
		bool there = false;

		snprintf(full, sizeof(full), "in_%s_%u", name, n);
		for (unsigned i = 0; i < RTE_DIM(net_vecs); i++)
			there |= strcmp(net_vecs[i].name, full) == 0;
		if (!there)
			return n;
	}
}

static void put(const char *name, unsigned i)
{
	const struct net_vec *v = part(name, i);

	rig_frame(0, v->p, v->len);
	rig_walk();
}

static void is_whole(const char *name)
{
	struct cst_worker_stats w;

	if (rig_gtpu.n != 1) {
		rig_show_drops();
		fail_msg("%s: %u came out", name, rig_gtpu.n);
	}
	assert_int_equal(rig_gtpu.p[0]->pkt.flags, 0);
	assert_int_equal(rig_gtpu.p[0]->pkt.ip_len, rig_gtpu.p[0]->len);
	assert_int_equal(rig_gtpu.p[0]->pkt.l2_len, 14);
	assert_int_equal(rig_gtpu.p[0]->pkt.l4_proto, 17);
	assert_int_equal(cst_be16(rig_gtpu.p[0]->b + rig_gtpu.p[0]->pkt.l4_off + 2), 2152);
	rig_expect(&rig_gtpu, "whole", name);
	cst_worker_stats(0, &w);
	assert_int_equal(w.held, 0);
	rig_conserved();
}

static void any_order(void **state)
{
	static const char *const names[] = {"part4", "part4_options", "part6", "part6_options"};

	for (unsigned k = 0; k < RTE_DIM(names); k++) {
		unsigned n = n_parts(names[k]);

		assert_in_range(n, 3, 5);
		for (unsigned first = 0; first < n; first++) {
			for (unsigned i = 0; i < n; i++) /* forward, from each */
				put(names[k], (first + i) % n);
			is_whole(names[k]);
			for (unsigned i = 0; i < n; i++) /* backward */
				put(names[k], (first + n - i) % n);
			is_whole(names[k]);
		}
	}
}

static void both_families_at_once(void **state)
{
	for (unsigned i = 0; i < 3; i++) {
		put("part4", i);
		put("part6", i);
		put("part4_options", i);
	}
	put("part4", 3);
	rig_expect(&rig_gtpu, "whole", "part6");
	rig_expect(&rig_gtpu, "whole", "part4_options");
	is_whole("part4");
}

static void duplicates_do_no_harm(void **state)
{
	uint64_t before = rig_drops("ip.fragment_duplicate");

	for (unsigned i = 0; i < 3; i++) {
		put("part4", 1);
		put("part4", 0);
	}
	put("part4", 2);
	put("part4", 3);
	is_whole("part4");
	assert_int_equal(rig_drops("ip.fragment_duplicate"), before + 4);
}

/* A whole one after its parts, from small buffers: in more than one piece. */
static void small_buffers(void **state)
{
	for (unsigned i = 0; i < 4; i++) {
		const struct net_vec *v = part("part4", i);
		struct rte_mbuf *m = rig_frame(0, v->p, 60);

		rte_pktmbuf_chain(m, rig_mbuf(v->p + 60, v->len - 60));
	}
	rig_walk();
	is_whole("part4");
}

static void echo_is_answered(void **state)
{
	for (unsigned i = 0; i < n_parts("part4_echo"); i++)
		put("part4_echo", i);
	for (unsigned i = 0; i < 3; i++) {
		char name[32];

		snprintf(name, sizeof(name), "part4_echo_%u", i);
		rig_expect(sent0, "out", name);
	}
	rig_conserved();
}

/* ---- by hand -------------------------------------------------------------------------- */

/* One IPv4 fragment to coast from the gNB; zeros with a UDP header's start at offset 0. */
static void hand(uint16_t id, uint32_t off, uint32_t len, bool more, uint8_t tos)
{
	static const uint8_t src[4] = {192, 0, 2, 2}, dst[4] = {192, 0, 2, 1};
	uint8_t b[2048] = {0};

	memcpy(b, rig_own, 6);
	memcpy(b + 6, rig_peer, 6);
	b[12] = 8;
	cst_ip4_put(b + 14, src, dst, 17, (uint16_t)(20 + len), tos, 64, id, 0);
	cst_put_be16(b + 20, (uint16_t)(off / 8 | (more ? 0x2000 : 0)));
	cst_ip4_csum_set(b + 14);
	rig_frame(0, b, 34 + len < 60 ? 60 : 34 + len);
	rig_walk();
}

/* Fragments that go together and what becomes of them. */
static void refused_by_name(void **state)
{
	static const struct {
		const char *why;
		unsigned n;
		struct {
			uint32_t off, len;
			bool more;
			uint8_t tos;
		} f[4];
	} cases[] = {
		{"ip.fragment_overlap", 2, {{0, 64, true}, {56, 64, true}}},
		{"ip.fragment_overlap", 2, {{56, 64, true}, {0, 64, true}}},
		{"ip.fragment_overlap", 2, {{0, 64, true}, {0, 32, true}}},
		{"ip.fragment_overlap", 2, {{0, 32, true}, {0, 64, true}}},
		{"ip.fragment_overlap", 3, {{0, 64, true}, {128, 64, false}, {40, 112, true}}},
		{"ip.fragment_overlap", 3, {{0, 64, true}, {64, 8, true}, {8, 8, true}}},
		{"ip.fragment_malformed", 2, {{64, 64, false}, {128, 64, true}}},
		{"ip.fragment_malformed", 2, {{64, 64, false}, {128, 64, false}}},
		{"ip.fragment_malformed", 2, {{128, 64, true}, {64, 64, false}}},
		{"ip.fragment_malformed", 2, {{0, 64, true, 3}, {64, 64, true, 0}}},
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		uint64_t before = rig_drops(cases[i].why);
		uint16_t id = (uint16_t)(100 + i);

		for (unsigned k = 0; k < cases[i].n; k++)
			hand(id, cases[i].f[k].off, cases[i].f[k].len, cases[i].f[k].more,
			     cases[i].f[k].tos);
		if (rig_drops(cases[i].why) != before + cases[i].n)
			fail_msg("case %u: %" PRIu64 " dropped as %s, not %u", i,
				 rig_drops(cases[i].why) - before, cases[i].why, cases[i].n);
		/* and what still comes of it (RFC 5722) */
		hand(id, 1024, 64, true, cases[i].f[0].tos);
		assert_int_equal(rig_drops(cases[i].why), before + cases[i].n + 1);
	}
	assert_int_equal(rig_worker->stats.held, 0);
	rig_conserved();
}

static void cut_off_the_line(void **state)
{
	uint64_t before = rig_drops("ip.bad_header"), empty = rig_drops("ip.fragment_malformed");

	hand(150, 0, 63, true, 0);      /* not a multiple of eight */
	hand(150, 0, 0, true, 0);       /* nothing */
	hand(150, 65528, 64, false, 0); /* past the end of all datagrams */
	assert_int_equal(rig_drops("ip.bad_header"), before + 3);
	hand(150, 64, 0, false, 0); /* an end without bytes */
	hand(151, 65512, 8, false, 0);
	assert_int_equal(rig_drops("ip.fragment_malformed"), empty + 2);
	rig_conserved();
}

static void sixty_four_and_no_more(void **state)
{
	uint64_t before = rig_drops("ip.fragment_limit");

	for (unsigned i = 0; i < 64; i++)
		hand(200, i * 16, 8, true, 0);
	assert_int_equal(rig_worker->stats.held, 64);
	hand(200, 64 * 16, 8, true, 0);
	assert_int_equal(rig_drops("ip.fragment_limit"), before + 65);
	assert_int_equal(rig_worker->stats.held, 0);
}

/* Told once the first fragment has come (RFC 792), and only then. */
static void time_runs_out(void **state)
{
	uint64_t before = rig_drops("ip.fragment_timeout");

	hand(300, 0, 64, true, 0);
	hand(300, 64, 64, true, 0);
	hand(301, 64, 64, true, 0);
	assert_int_equal(rig_worker->stats.held, 3);
	rig_walk();
	assert_int_equal(rig_drops("ip.fragment_timeout"), before);
	usleep(CST_REASM_MS * 1000 + 20000);
	rig_walk();
	assert_int_equal(rig_drops("ip.fragment_timeout"), before + 3);
	assert_int_equal(rig_worker->stats.held, 0);
	assert_int_equal(sent0->n, 1);
	assert_int_equal(sent0->p[0]->b[34], 11);
	assert_int_equal(sent0->p[0]->b[35], 1);
	assert_int_equal(sent0->p[0]->len, 14 + 28 + 84);
	rig_clear(sent0);
	rig_conserved();
}

/* The oldest makes room; what comes together passes a flood of what does not. */
static void flood(void **state)
{
	uint64_t before = rig_drops("ip.fragment_overflow");

	for (unsigned i = 0; i < CST_REASM_DATAGRAMS + 500; i++)
		hand((uint16_t)(1000 + i), 64, 64, true, 0);
	assert_int_equal(rig_drops("ip.fragment_overflow"), before + 500);
	assert_int_equal(rig_worker->stats.held, CST_REASM_DATAGRAMS);
	for (unsigned i = 0; i < 4; i++) {
		put("part4", i);
		hand((uint16_t)(5000 + i), 64, 64, true, 0);
	}
	rig_expect(&rig_gtpu, "whole", "part4");
	/* buffers are bounded too: a quarter of them */
	for (unsigned i = 0; i < 60; i++)
		for (unsigned k = 0; k < 60; k++)
			hand((uint16_t)(9000 + i), k * 16, 8, true, 0);
	assert_in_range(rig_worker->stats.held, 1, 8192 / 4);
	rig_conserved();
}

/* Whatever comes, every fragment is somewhere. */
static void storm(void **state)
{
	unsigned seed = 1;

	for (unsigned i = 0; i < 60000; i++) {
		uint32_t r = (uint32_t)rand_r(&seed);
		uint32_t off = (r >> 8) % 24 * 8, len = (r >> 16) % 12 * 8;

		if (r % 7 == 0)
			len += r % 5;
		hand((uint16_t)(20000 + r % 40), off, len, (r >> 4) & 3, r % 97 ? 0 : 3);
		if (i % 1000 == 0) {
			rig_clear(&rig_gtpu);
			rig_clear(sent0);
		}
	}
	rig_conserved();
	rig_clear(&rig_gtpu);
	rig_clear(sent0);
}

static void no_buffer_is_lost(void **state)
{
	struct rte_mempool *pool = cst_packet_pool();

	usleep(CST_REASM_MS * 1000 + 20000);
	rig_walk();
	rig_conserved();
	assert_int_equal(rig_worker->stats.held, 0);
	assert_int_equal(rte_mempool_avail_count(pool), pool->size);
	hand(1, 0, 64, true, 0); /* left behind for teardown to free */
	put("part6", 1);
}

static int down(void **state)
{
	unsigned size = cst_packet_pool()->size;

	cst_reasm_stop();
	if (rte_mempool_avail_count(cst_packet_pool()) != size)
		return -1;
	return rig_down(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_order),
		cmocka_unit_test(both_families_at_once),
		cmocka_unit_test(duplicates_do_no_harm),
		cmocka_unit_test(small_buffers),
		cmocka_unit_test(echo_is_answered),
		cmocka_unit_test(refused_by_name),
		cmocka_unit_test(cut_off_the_line),
		cmocka_unit_test(sixty_four_and_no_more),
		cmocka_unit_test(time_runs_out),
		cmocka_unit_test(flood),
		cmocka_unit_test(storm),
		cmocka_unit_test(no_buffer_is_lost),
	};

	return cmocka_run_group_tests(tests, rig_up, down);
}
