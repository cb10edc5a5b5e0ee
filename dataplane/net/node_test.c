/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nodes of dataplane/net in their graph, from a frame on a port to what
 * comes of it: each edge and each drop reason, bytes against scapy's.
 */
#include "net/rig.h"

static struct rig_log *const sent0 = &rig_ports[0].sent, *const sent1 = &rig_ports[1].sent;

/* ---- classify ----------------------------------------------------------------------- */

static void takes_gtpu(void **state)
{
	static const char *const names[] = {
		"gtpu4",     "gtpu6", "gtpu4_no_sum", "gtpu6_no_sum", "gtpu4_priority_tag",
		"extension6"};

	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		const struct net_vec *v = rig_vec("in", names[i]);
		bool tag = strstr(names[i], "tag") != NULL;
		struct rig_packet *p;

		rig_in(0, names[i]);
		assert_int_equal(rig_gtpu.n, 1);
		p = rig_gtpu.p[0];
		assert_int_equal(p->pkt.l2_len, tag ? 18 : 14);
		assert_int_equal(p->len, p->pkt.ip_len); /* trimmed, standing at the IP header */
		assert_memory_equal(p->b, v->p + p->pkt.l2_len, p->len);
		assert_int_equal(p->pkt.ip_version, p->b[0] >> 4);
		assert_int_equal(p->pkt.l4_proto, 17);
		assert_int_equal(p->b[p->pkt.l4_off + 2] << 8 | p->b[p->pkt.l4_off + 3], 2152);
		assert_int_equal(p->pkt.vrf, cst_vrf_by_name("access"));
		assert_int_equal(p->pkt.iface, rig_iface_id("n3"));
		assert_int_equal(p->pkt.port, rig_ports[0].id);
		assert_int_equal(p->pkt.flags, 0);
		rig_clear(&rig_gtpu);
	}
	rig_conserved();
}

static void takes_pools(void **state)
{
	static const char *const names[] = {
		"pool4",        "pool6", "pool4_tiny", "pool4_vlan", "pool4_qinq_priority",
		"pool4_options"};
	uint32_t hash = 0;

	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		const struct net_vec *v = rig_vec("in", names[i]);
		struct rig_packet *p;

		rig_in(1, names[i]);
		assert_int_equal(rig_pool.n, 1);
		p = rig_pool.p[0];
		assert_int_equal(p->pkt.aux, p->pkt.ip_version);
		assert_memory_equal(p->b, v->p + p->pkt.l2_len, p->len);
		assert_int_equal(p->len, p->pkt.ip_len);
		assert_int_not_equal(p->pkt.hash, 0);
		assert_int_equal(p->pkt.drop, 0); /* the buffer's last packet may have had one */
		assert_int_equal(p->pkt.vrf, cst_vrf_by_name("internet"));
		assert_int_equal(p->pkt.iface, rig_iface_id(i == 3 || i == 4 ? "n7" : "n6"));
		if (i == 0)
			hash = p->pkt.hash;
		if (i == 2) /* same flow, same hash */
			assert_int_equal(p->pkt.hash, hash);
		rig_clear(&rig_pool);
	}
}

static void drops_by_name(void **state)
{
	static const struct {
		unsigned port;
		const char *name, *why;
	} cases[] = {
		{0, "gtpu4_bad_sum", "udp.bad_checksum"},
		{0, "gtpu6_bad_sum", "udp.bad_checksum"},
		{0, "udp6_no_sum", "udp.no_checksum"},
		{0, "gtpu4_length", "udp.truncated"},
		{0, "not_ours", "eth.not_ours"},
		{0, "no_vlan", "eth.no_interface"},
		{1, "no_vlan", "eth.no_interface"},
		{1, "qinq", "eth.no_interface"},
		{0, "short", "eth.truncated"},
		{0, "lldp", "eth.unknown_type"},
		{0, "unicast_in_group", "eth.unicast_in_group"},
		{0, "unicast6_in_group", "eth.unicast_in_group"},
		{0, "version4", "ip.bad_version"},
		{0, "version6", "ip.bad_version"},
		{0, "ihl", "ip.bad_header"},
		{0, "length4", "ip.truncated"},
		{0, "length6", "ip.truncated"},
		{0, "checksum", "ip.bad_checksum"},
		{0, "lsrr", "ip.options_source_route"},
		{0, "source_zero", "ip.bad_source"},
		{0, "source_loop", "ip.bad_source"},
		{0, "source_group", "ip.bad_source"},
		{0, "source_all", "ip.bad_source"},
		{0, "source6_none", "ip.bad_source"},
		{0, "source6_loop", "ip.bad_source"},
		{0, "source6_group", "ip.bad_source"},
		{0, "transit4", "ip.not_ours"},
		{0, "transit6", "ip.not_ours"},
		{0, "no_route4", "ip.not_ours"},
		{0, "link_local6", "ip.not_ours"},
		{1, "blackhole", "ip.blackhole"},
		{0, "broadcast", "ip.broadcast"},
		{0, "limited_broadcast", "ip.multicast"},
		{0, "multicast4", "ip.multicast"},
		{0, "multicast6", "ip.multicast"},
		{0, "tcp_local", "ip.local_no_kernel"},
		{0, "echo4_sum", "icmp.bad_checksum"},
		{0, "echo6_sum", "icmp.bad_checksum"},
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		uint64_t before = rig_drops(cases[i].why);

		rig_in(cases[i].port, cases[i].name);
		if (rig_drops(cases[i].why) != before + 1)
			fail_msg("%s: not dropped as %s", cases[i].name, cases[i].why);
		assert_int_equal(rig_gtpu.n + rig_pool.n + rig_inside.n + sent0->n + sent1->n, 0);
	}
	rig_conserved();
}

static void believes_offload_flags(void **state)
{
	const struct net_vec *v = rig_vec("in", "gtpu4_bad_sum");
	const struct net_vec *h = rig_vec("in", "checksum");
	const struct net_vec *good = rig_vec("in", "gtpu4");
	uint64_t before;

	rig_frame(0, v->p, v->len)->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_GOOD;
	rig_frame(0, h->p, h->len)->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_GOOD;
	rig_walk();
	assert_int_equal(rig_gtpu.n, 2);
	rig_clear(&rig_gtpu);
	before = rig_drops("udp.bad_checksum");
	rig_frame(0, good->p, good->len)->ol_flags |= RTE_MBUF_F_RX_L4_CKSUM_BAD;
	rig_walk();
	assert_int_equal(rig_drops("udp.bad_checksum"), before + 1);
	before = rig_drops("ip.bad_checksum");
	rig_frame(0, good->p, good->len)->ol_flags |= RTE_MBUF_F_RX_IP_CKSUM_BAD;
	rig_walk();
	assert_int_equal(rig_drops("ip.bad_checksum"), before + 1);
}

static void takes_stripped_vlan(void **state)
{
	const struct net_vec *v = rig_vec("in", "pool4");
	struct rte_mbuf *m = rig_frame(1, v->p, v->len);

	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0x6007;
	rig_walk();
	assert_int_equal(rig_pool.n, 1);
	assert_int_equal(rig_pool.p[0]->pkt.iface, rig_iface_id("n7"));
	rig_clear(&rig_pool);
}

/* Buffers too small for a packet: put together when that fits, checked in pieces when not. */
static void takes_scattered(void **state)
{
	const struct net_vec *v = rig_vec("in", "gtpu4");
	uint64_t before = rig_drops("ip.scattered");
	struct rte_mbuf *m, *tail;

	for (unsigned cut = 20; cut < v->len; cut += 7) {
		m = rig_frame(0, v->p, cut);
		tail = rig_mbuf(v->p + cut, v->len - cut);
		rte_pktmbuf_chain(m, tail);
		rig_walk();
		assert_int_equal(rig_gtpu.n, 1);
		assert_memory_equal(rig_gtpu.p[0]->b, v->p + 14, rig_gtpu.p[0]->len);
		rig_clear(&rig_gtpu);
	}
	/* no tailroom: cannot be put together, and the first piece is too short to trust */
	m = rig_frame(0, v->p, 60);
	m->data_off = (uint16_t)(m->buf_len - 60);
	memcpy(rte_pktmbuf_mtod(m, void *), v->p, 60);
	memcpy(rte_pktmbuf_mtod(m, void *), rig_ports[0].mac, 6);
	rte_pktmbuf_chain(m, rig_mbuf(v->p + 60, v->len - 60));
	rig_walk();
	assert_int_equal(rig_drops("ip.scattered"), before + 1);
	rig_conserved();
}

/* A short packet in a long frame that lies in several buffers. */
static void cuts_what_follows(void **state)
{
	const struct net_vec *v = rig_vec("in", "pool4");
	uint8_t frame[4000] = {0};

	memcpy(frame, v->p, v->len);
	rig_frame(1, frame, sizeof(frame));
	rig_walk();
	assert_int_equal(rig_pool.n, 1);
	assert_int_equal(rig_pool.p[0]->len, rig_pool.p[0]->pkt.ip_len);
	assert_memory_equal(rig_pool.p[0]->b, v->p + 14, rig_pool.p[0]->len);
	rig_clear(&rig_pool);
	rig_conserved();
}

static void link_local_stays(void **state)
{
	const struct net_vec *v = rig_vec("in", "pool6");
	uint64_t before = rig_drops("ip.bad_source");
	uint8_t frame[2048];

	memcpy(frame, v->p, v->len);
	frame[14 + 8] = 0xfe;
	frame[14 + 9] = 0x80;
	rig_frame(1, frame, v->len);
	rig_walk();
	assert_int_equal(rig_pool.n, 0);
	assert_int_equal(rig_drops("ip.bad_source"), before + 1);
	rig_conserved();
}

/* ---- echo -------------------------------------------------------------------------------- */

static void answers_echo(void **state)
{
	rig_in(0, "echo4");
	rig_expect(sent0, "out", "echo4");
	rig_in(0, "echo4_odd");
	rig_expect(sent0, "out", "echo4_odd");
	rig_in(0, "echo6");
	rig_expect(sent0, "out", "echo6");
	rig_in(1, "echo_vlan");
	rig_expect(sent1, "out", "echo_vlan");
	rig_go("internet", "echo_local", 0); /* from a user, through a slice */
	rig_expect(&rig_inside, "out", "echo_local");
	rig_conserved();
}

static void echo_is_limited(void **state)
{
	const struct net_vec *v = rig_vec("in", "echo4");
	uint64_t before = rig_drops("icmp.echo_limited");
	uint64_t now = rte_rdtsc();
	unsigned got = 0;

	for (int i = 0; i < 2000; i++) {
		rig_frame(0, v->p, v->len);
		rig_worker->now = now; /* time stands still */
		cst_graph_walk(rig_worker);
		got += sent0->n;
		rig_clear(sent0);
	}
	rig_walk();
	got += sent0->n;
	rig_clear(sent0);
	assert_in_range(got, 1, 1500);
	assert_int_equal(rig_drops("icmp.echo_limited") - before, 2000 - got);
}

/* ---- route, output ------------------------------------------------------------------------- */

static void forwards(void **state)
{
	static const char *const names[] = {"far4", "far6", "ttl2", "narrow4"};

	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		if (i == 2) { /* vector is for the neighbour itself */
			rig_go("internet", "ttl2", 0);
			rig_expect(sent1, "out", "ttl2");
			continue;
		}
		rig_go("internet", names[i], 0);
		rig_expect(sent1, "out", names[i]);
	}
	rig_conserved();
}

static void own_words_keep_their_ttl(void **state)
{
	const struct net_vec *v = rig_vec("go", "far4");

	rig_go("internet", "far4", CST_PKT_LOCAL);
	assert_int_equal(sent1->n, 1);
	assert_memory_equal(sent1->p[0]->b + 14, v->p, v->len);
	rig_clear(sent1);
	rig_go("internet", "far4", CST_PKT_TTL_DONE);
	assert_int_equal(sent1->n, 1);
	assert_memory_equal(sent1->p[0]->b + 14, v->p, v->len);
	rig_clear(sent1);
}

static void users_reach_each_other(void **state)
{
	rig_go("internet", "pool4", 0);
	assert_int_equal(rig_inside.n, 1);
	assert_int_equal(rig_inside.p[0]->pkt.aux, 4);
	rig_expect(&rig_inside, "go", "pool4");
	rig_go("internet", "pool6", 0);
	rig_expect(&rig_inside, "go", "pool6");
}

static void route_drops_by_name(void **state)
{
	static const char *const cases[][2] = {
		{"blackhole", "ip.blackhole"},   {"broadcast", "ip.broadcast"},
		{"group4", "ip.multicast"},      {"all4", "ip.multicast"},
		{"loop4", "ip.bad_destination"}, {"group6", "ip.multicast"},
		{"link6", "ip.bad_destination"}, {"none6", "ip.bad_destination"},
		{"short", "ip.truncated"},       {"gtpu_local", "ip.local_tunnel"},
	};

	for (unsigned i = 0; i < RTE_DIM(cases); i++) {
		uint64_t before = rig_drops(cases[i][1]);

		/* the address must be one where tunnels end */
		rig_go("internet", cases[i][0], 0);
		if (!strcmp(cases[i][0], "gtpu_local")) {
			/* n6 ends no tunnels: a closed port like any other, told to the user */
			assert_int_equal(rig_inside.n, 1);
			rig_clear(&rig_inside);
			continue;
		}
		if (rig_drops(cases[i][1]) != before + 1)
			fail_msg("%s: not dropped as %s", cases[i][0], cases[i][1]);
		assert_int_equal(sent0->n + sent1->n + rig_inside.n, 0);
	}
	rig_conserved();
}

/* A user's GTP-U to the address where tunnels end must not get into them. */
static void no_tunnel_from_inside(void **state)
{
	const struct net_vec *v = rig_vec("in", "gtpu4");
	struct rte_mbuf *m = rig_mbuf(v->p + 14, v->len - 14);
	uint64_t before = rig_drops("ip.local_tunnel");

	*cst_pkt(m) = (struct cst_pkt){.vrf = cst_vrf_by_name("access"), .resume = rig_edge_route};
	assert_int_equal(cst_inject(0, &m, 1), 1);
	rig_walk();
	assert_int_equal(rig_drops("ip.local_tunnel"), before + 1);
	assert_int_equal(rig_gtpu.n, 0);
}

static void spreads_over_paths(void **state)
{
	const struct net_vec *v = rig_vec("go", "far4");
	uint32_t ids[4], hits[4] = {0};
	char gw[32];

	for (int i = 0; i < 4; i++) {
		snprintf(gw, sizeof(gw), "198.51.100.%d", i + 2);
		ids[i] = rig_nexthop("n6", gw);
		assert_int_not_equal(ids[i], 0);
	}
	for (unsigned k = 0; k < 4000; k++) {
		uint8_t dst[4] = {172, 16, 5, 5};
		uint8_t b[128];
		union cst_fib_entry fe;
		struct rte_mbuf *m;
		uint32_t nexthop;

		memcpy(b, v->p, v->len);
		memcpy(b + 16, dst, 4);
		b[20] = (uint8_t)(k >> 8); /* another flow: source port */
		b[21] = (uint8_t)k;
		m = rig_mbuf(b, v->len);
		*cst_pkt(m) = (struct cst_pkt){.vrf = cst_vrf_by_name("internet"),
					       .resume = rig_edge_route};
		assert_int_equal(cst_inject(0, &m, 1), 1);
		rig_walk();
		assert_int_equal(sent1->n, 1);
		nexthop = sent1->p[0]->pkt.nexthop;
		for (int i = 0; i < 4; i++)
			hits[i] += nexthop == ids[i];
		/* the same flow takes the same path */
		fe = cst_fib_lookup4(cst_vrf_by_name("internet"), *(uint32_t *)dst);
		assert_int_equal(cst_fib_nexthop(fe, 4, dst, sent1->p[0]->pkt.hash), nexthop);
		rig_clear(sent1);
	}
	for (int i = 0; i < 4; i++)
		assert_in_range(hits[i], 850, 1150); /* 1000 each, five standard deviations */
}

static void fragments(void **state)
{
	rig_go("internet", "frag", 0);
	assert_int_equal(sent1->n, 3);
	rig_expect(sent1, "out", "frag0");
	rig_expect(sent1, "out", "frag1");
	rig_expect(sent1, "out", "frag2");
	rig_go("internet", "refrag", 0); /* the middle of a packet cut elsewhere */
	assert_int_equal(sent1->n, 2);
	rig_expect(sent1, "out", "refrag0");
	rig_expect(sent1, "out", "refrag1");
	rig_conserved();
}

static void fragment_options(void **state)
{
	rig_go("internet", "frag_options", 0);
	assert_int_equal(sent1->n, 2);
	assert_int_equal(sent1->p[0]->b[18], 0x47);
	assert_int_equal(sent1->p[0]->b[18 + 20], 7); /* record route: in the first only */
	assert_int_equal(sent1->p[1]->b[18], 0x47);
	assert_int_equal(sent1->p[1]->b[18 + 20], 1);
	rig_clear(sent1);
}

/* ---- errors ---------------------------------------------------------------------------------- */

static void tells_the_sender(void **state)
{
	static const char *const users[][2] = {
		{"err_ttl4", "ip.ttl_exceeded"},   {"err_ttl4_long", "ip.ttl_exceeded"},
		{"err_ttl6", "ip.ttl_exceeded"},   {"err_ttl6_long", "ip.ttl_exceeded"},
		{"err_big4", "ip.too_big"},        {"err_big6", "ip.too_big"},
		{"told_echo4", "ip.ttl_exceeded"},
	};

	for (unsigned i = 0; i < RTE_DIM(users); i++) {
		uint64_t before = rig_drops(users[i][1]);

		rig_go("internet", users[i][0], 0);
		assert_int_equal(rig_drops(users[i][1]), before + 1);
		assert_int_equal(rig_inside.n, 1);
		rig_expect(&rig_inside, "out", users[i][0]);
	}
	rig_in(0, "err_port4");
	rig_expect(sent0, "reply", "err_port4");
	rig_in(0, "err_port6");
	rig_expect(sent0, "reply", "err_port6");
	rig_go("access", "err_route4", 0);
	rig_expect(sent0, "reply", "err_route4");
	rig_go("access", "err_route6", 0);
	rig_expect(sent0, "reply", "err_route6");
	assert_int_equal(sent0->n + sent1->n, 0);
	rig_conserved();
}

static void nobody_is_told(void **state)
{
	static const char *const names[] = {
		"mute_error4",    "mute_redirect4", "mute_fragment4", "mute_zero4",
		"mute_loop4",     "mute_group4",    "mute_all4",      "mute_error6",
		"mute_fragment6", "mute_none6",     "mute_group6",
	};

	for (unsigned i = 0; i < RTE_DIM(names); i++) {
		uint64_t before = rig_drops("ip.ttl_exceeded");

		rig_go("internet", names[i], 0);
		assert_int_equal(rig_drops("ip.ttl_exceeded"), before + 1);
		if (sent0->n + sent1->n + rig_inside.n)
			fail_msg("%s: somebody is told", names[i]);
	}
	/* nor about coast's own words */
	rig_go("access", "err_route4", CST_PKT_LOCAL);
	assert_int_equal(sent0->n, 0);
	rig_conserved();
}

static void errors_are_limited(void **state)
{
	uint64_t before = rig_drops("ip.ttl_exceeded");
	uint64_t now = rte_rdtsc();
	unsigned told = 0;

	for (int i = 0; i < 400; i++) {
		const struct net_vec *v = rig_vec("go", "err_ttl4");
		struct rte_mbuf *m = rig_mbuf(v->p, v->len);

		*cst_pkt(m) = (struct cst_pkt){.vrf = cst_vrf_by_name("internet"),
					       .resume = rig_edge_route};
		assert_int_equal(cst_inject(0, &m, 1), 1);
		rig_worker->now = now; /* time stands still */
		for (int k = 0; k < 4; k++)
			cst_graph_walk(rig_worker);
		told += rig_inside.n;
		rig_clear(&rig_inside);
	}
	assert_int_equal(rig_drops("ip.ttl_exceeded"), before + 400);
	assert_in_range(told, 1, 200);
	usleep(300000); /* for those that come after */
}

/* ---- snapshots ---------------------------------------------------------------------------------
 */

static void change_takes_effect_at_once(void **state)
{
	struct cst_prefix p = rig_prefix("8.8.8.0/24");
	struct cst_err e = {0};
	uint64_t before = rig_drops("ip.blackhole");

	assert_int_equal(cst_net_begin(), 0);
	rig_route("8.8.8.0/24", 0, NULL);
	rig_ok(cst_net_compile(&e), &e);
	rig_go("internet", "far4", 0); /* compiled is not committed */
	rig_expect(sent1, "out", "far4");
	cst_net_abort();
	rig_go("internet", "far4", 0);
	rig_expect(sent1, "out", "far4");

	assert_int_equal(cst_net_begin(), 0);
	rig_route("8.8.8.0/24", 0, NULL);
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
	rig_go("internet", "far4", 0);
	assert_int_equal(rig_drops("ip.blackhole"), before + 1);

	assert_int_equal(cst_net_begin(), 0);
	rig_ok(cst_net_del_route("internet", &p, &e), &e);
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
	rig_go("internet", "far4", 0);
	rig_expect(sent1, "out", "far4");
}

static void snapshots_hold_their_next_hops(void **state)
{
	uint32_t id = rig_nexthop("n6", "198.51.100.66");
	struct cst_prefix p = rig_prefix("172.31.0.0/16");
	struct cst_err e = {0};

	cst_rcu_reclaim(true);
	assert_int_not_equal(id, 0);
	assert_int_equal(cst_nexthops[id].refs, 1);
	assert_int_equal(cst_net_begin(), 0);
	rig_ok(cst_net_compile(&e), &e);
	assert_int_equal(cst_nexthops[id].refs, 2);
	cst_net_abort();
	assert_int_equal(cst_nexthops[id].refs, 1);
	assert_int_equal(cst_net_begin(), 0);
	rig_ok(cst_net_del_route("internet", &p, &e), &e);
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
	cst_rcu_reclaim(true);
	assert_int_equal(cst_nexthops[id].refs, 0);
	assert_int_equal(cst_net_begin(), 0);
	rig_route("172.31.0.0/16", 1, (const char *const[]){"198.51.100.66"});
	rig_ok(cst_net_compile(&e), &e);
	cst_net_commit();
	cst_rcu_reclaim(true);
	assert_int_equal(rig_nexthop("n6", "198.51.100.66"), id);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_gtpu),
		cmocka_unit_test(takes_pools),
		cmocka_unit_test(drops_by_name),
		cmocka_unit_test(believes_offload_flags),
		cmocka_unit_test(takes_stripped_vlan),
		cmocka_unit_test(takes_scattered),
		cmocka_unit_test(cuts_what_follows),
		cmocka_unit_test(link_local_stays),
		cmocka_unit_test(answers_echo),
		cmocka_unit_test(echo_is_limited),
		cmocka_unit_test(forwards),
		cmocka_unit_test(own_words_keep_their_ttl),
		cmocka_unit_test(users_reach_each_other),
		cmocka_unit_test(route_drops_by_name),
		cmocka_unit_test(no_tunnel_from_inside),
		cmocka_unit_test(spreads_over_paths),
		cmocka_unit_test(fragments),
		cmocka_unit_test(fragment_options),
		cmocka_unit_test(tells_the_sender),
		cmocka_unit_test(nobody_is_told),
		cmocka_unit_test(errors_are_limited),
		cmocka_unit_test(change_takes_effect_at_once),
		cmocka_unit_test(snapshots_hold_their_next_hops),
	};

	return cmocka_run_group_tests(tests, rig_up, rig_down);
}
