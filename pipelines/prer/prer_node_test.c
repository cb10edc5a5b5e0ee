/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames through prer_in, prer_replicate and prer_eliminate, octet by octet. */
#include "prer_node_rig.h"

#include <string.h>

#include "engine/worker.h"
#include "icmp.h"
#include "net/fib.h"
#include "net/frames.h"
#include "prer_copy.h"
#include "prer_dcw.h"

#define TO   "\2\0\0\0\0\4"
#define FROM "\2\0\0\0\0\1"
#define MACS TO FROM
#define RTAG "\xf1\xc1\0\0"
#define TEXT "\x88\xb5 payload of an experimental EtherType"

#define B(bytes) (bytes), sizeof(bytes) - 1

/* ---- tags --------------------------------------------------------------------------- */

static const struct way {
	const char *name;
	const char *in; /* tags as sent */
	unsigned in_len;
	int path_vlan; /* -1: as they are */
	const char *on_path;
	unsigned on_path_len;
	int to_vlan; /* puts them back */
} ways[] = {
	{"untagged", B(""), -1, B(""), -1},
	{"C-tag", B("\x81\0\0\x64"), -1, B("\x81\0\0\x64"), -1},
	{"S-tag and C-tag", B("\x88\xa8\x20\x64\x81\0\x40\7"), -1,
	 B("\x88\xa8\x20\x64\x81\0\x40\7"), -1},
	{"priority tag", B("\x81\0\xa0\0"), -1, B("\x81\0\xa0\0"), -1},
	{"PCP 5, DEI 1", B("\x81\0\xb0\x64"), -1, B("\x81\0\xb0\x64"), -1},
	{"untagged, C-tag put on", B(""), 200, B("\x81\0\0\xc8"), 0},
	{"C-tag rewritten", B("\x81\0\xb0\x64"), 200, B("\x81\0\xb0\xc8"), 100},
	{"outer tag rewritten", B("\x88\xa8\x30\x64\x81\0\x40\7"), 4094,
	 B("\x88\xa8\x3f\xfe\x81\0\x40\7"), 100},
	{"priority kept in a VLAN", B("\x81\0\xa0\0"), 200, B("\x81\0\xa0\xc8"), -2},
	{"tag taken off", B("\x81\0\0\x64"), 0, B(""), 100},
	{"outer tag taken off", B("\x88\xa8\0\x64\x81\0\x40\7"), 0, B("\x81\0\x40\7"), -2},
	{"nothing to take off", B(""), 0, B(""), -1},
};

static uint32_t build(uint8_t *out, const char *tags, unsigned n_tags, bool rtag, uint16_t seq,
		      uint32_t payload)
{
	uint32_t at = 12 + n_tags;

	memcpy(out, MACS, 12);
	memcpy(out + 12, tags, n_tags);
	if (rtag) {
		memcpy(out + at, RTAG, 4);
		cst_put_be16(out + at + 4, seq);
		at += 6;
	}
	memcpy(out + at, TEXT, 2);
	for (uint32_t i = 0; i < payload; i++)
		out[at + 2 + i] = (uint8_t)(i * 7 + 1);
	return at + 2 + payload;
}

/* Through both ends: out of A as it is and out of B with its VLAN; the first copy comes back, by
 * either path, as the frame that was sent. */
static void there_and_back(const struct way *way, uint32_t payload, unsigned first)
{
	uint8_t sent[2048], on_a[2048], on_b[2048];
	uint32_t n_sent = build(sent, way->in, way->in_len, false, 0, payload);
	uint32_t n_a = build(on_a, way->in, way->in_len, true, 0, payload);
	uint32_t n_b = build(on_b, way->on_path, way->on_path_len, true, 0, payload);

	rig_reset(NULL);
	paths[PATH_A].mtu = paths[PATH_B].mtu = 2000;
	if (way->path_vlan >= 0) {
		paths[PATH_B].flags = PRER_PATH_VLAN;
		paths[PATH_B].vlan = (uint16_t)way->path_vlan;
	}
	come(PORT_TALKER, sent, n_sent);
	expect_bytes(FRAME_OUT, PORT_A, on_a, n_a);
	expect_bytes(FRAME_OUT, PORT_B, on_b, n_b);
	assert_int_equal(worker.stats.injected, 1);
	conserved();

	if (way->to_vlan == -2) /* cannot be put back by a VID */
		return;
	if (first && way->to_vlan >= 0) {
		streams[RECEIVES].flags |= PRER_TO_VLAN;
		streams[RECEIVES].to_vlan = (uint16_t)way->to_vlan;
	}
	if (first)
		come(PORT_B, on_b, n_b);
	come(PORT_A, on_a, n_a);
	if (!first)
		come(PORT_B, on_b, n_b);
	expect_bytes(FRAME_OUT, PORT_LISTENER, sent, n_sent);
	expect_drop("prer.duplicate");
	conserved();
	assert_int_equal(STATE(RECEIVES)->recovery.passed, 1);
	assert_int_equal(STATE(RECEIVES)->recovery.discarded, 1);
	assert_int_equal(STATE(RECEIVES)->health[first].first, 1);
	assert_int_equal(STATE(RECEIVES)->health[!first].seen, 1);
	assert_int_equal(STATE(RECEIVES)->health[!first].first, 0);
}

static void tags(void **state)
{
	/* short, shortest on a wire, copied, shared */
	static const uint32_t sizes[] = {0, 30, 46, 1492, PRER_SHARE_FROM - 1, PRER_SHARE_FROM};

	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		print_message("%s\n", ways[i].name);
		for (unsigned s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
			for (unsigned first = 0; first < 2; first++)
				there_and_back(&ways[i], sizes[s], first);
	}
}

/* Active identification: another address on the path, and the old one back. */
static void address(void **state)
{
	uint8_t in[64], out[64];
	uint32_t n = build(in, B(""), false, 0, 40), m = build(out, B(""), true, 0, 40);

	paths[PATH_A].flags = PRER_PATH_DMAC;
	memcpy(paths[PATH_A].dmac, "\1\0\x5e\0\0\1", 6);
	memcpy(out, paths[PATH_A].dmac, 6);
	come(PORT_TALKER, in, n);
	expect_bytes(FRAME_OUT, PORT_A, out, m);
	rte_pktmbuf_free(expect(FRAME_OUT, PORT_B));
	streams[RECEIVES].flags |= PRER_TO_DMAC;
	memcpy(streams[RECEIVES].to_dmac, TO, 6);
	come(PORT_A, out, m);
	expect_bytes(FRAME_OUT, PORT_LISTENER, in, n);
	conserved();
}

/* What the NIC has taken off is the outer tag. */
static void stripped_tag(void **state)
{
	uint8_t in[128], out[128];
	uint32_t n = build(in, B("\x81\0\0\7"), false, 0, 46);
	struct rte_mbuf *m = frame(in, n);

	m->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
	m->vlan_tci = 0xb064;
	n = build(out, B("\x81\0\xb0\x64\x81\0\0\7"), true, 0, 46);
	come_in(PORT_TALKER, &m, 1);
	expect_bytes(FRAME_OUT, PORT_A, out, n);
	expect_bytes(FRAME_OUT, PORT_B, out, n);
	conserved();
}

/* ---- what is refused ------------------------------------------------------------------- */

static void cut(void **state)
{
	static const char whole[] = MACS "\x88\xa8\0\x64\x81\0\0\7" RTAG "\0\1\x08\0";

	for (uint32_t len = 14; len < sizeof(whole) - 1; len++) {
		come(PORT_A, whole, len);
		expect_drop("prer.truncated");
	}
	come(PORT_A, whole, sizeof(whole) - 1);
	rte_pktmbuf_free(expect(FRAME_OUT, PORT_LISTENER));
	conserved();
}

static void not_ours(void **state)
{
	come(PORT_TALKER, B("\2\0\0\0\0\x44" FROM TEXT));
	expect_bytes(CLASSIFY, 0, B("\2\0\0\0\0\x44" FROM TEXT));
	come(PORT_TALKER, B("\2\0\0\0\0\x44" FROM RTAG "\0\1" TEXT));
	expect_bytes(CLASSIFY, 0, B("\2\0\0\0\0\x44" FROM RTAG "\0\1" TEXT));
	/* numbered already */
	come(PORT_TALKER, B(MACS RTAG "\0\1" TEXT));
	expect_drop("prer.has_tag");
	conserved();
	assert_int_equal(STATE(SENDS)->counts.generated, 0);
}

/* R-TAG with another EtherType is no R-TAG. */
static void tagless(void **state)
{
	static const char other[] = MACS "\xf1\xc2\0\0\0\1" TEXT;

	come(PORT_A, B(other));
	expect_drop("prer.tagless");
	params[1].flags |= PRER_TAKE_NO_SEQUENCE;
	come(PORT_A, B(other));
	expect_bytes(FRAME_OUT, PORT_LISTENER, B(other));
	assert_int_equal(STATE(RECEIVES)->counts.tagless, 2);
	assert_int_equal(STATE(RECEIVES)->recovery.passed, 1);
	assert_int_equal(STATE(RECEIVES)->recovery.discarded, 1);
	conserved();
}

static void mtu(void **state)
{
	uint8_t in[2048], out[2048];
	uint32_t n;

	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		n = build(in, ways[i].in, ways[i].in_len, false, 0, 1501);
		come(PORT_TALKER, in, n);
		expect_drop("prer.too_big");
	}
	assert_int_equal(STATE(SENDS)->counts.encode_errored, sizeof(ways) / sizeof(*ways));
	/* no path is left out for another's sake */
	paths[PATH_A].mtu = 1500;
	n = build(in, B("\x81\0\xb0\x64"), false, 0, 1495);
	come(PORT_TALKER, in, n);
	expect_drop("prer.too_big");
	conserved();
	/* and numbers have no gap */
	n = build(in, B(""), false, 0, 1494);
	come(PORT_TALKER, in, n);
	n = build(out, B(""), true, 0, 1494);
	expect_bytes(FRAME_OUT, PORT_A, out, n);
	expect_bytes(FRAME_OUT, PORT_B, out, n);
	conserved();
}

static uint32_t tunnel_room;

static uint32_t room(uint32_t tunnel)
{
	assert_int_equal(tunnel, 7);
	return tunnel_room;
}

/* A path through a PDU session: the whole frame counts, and what it cannot carry goes nowhere. */
static void through_a_session(void **state)
{
	static const struct cst_frame_tunnels tunnels = {.room = room};
	uint8_t in[64], out[64];
	uint32_t n = build(in, B("\x81\0\0\x64"), false, 0, 20);
	uint32_t m = build(out, B("\x81\0\0\x64"), true, 0, 20);

	cst_frame_tunnels_offer(&tunnels);
	paths[PATH_B] = (struct prer_path){.tunnel = 7};
	tunnel_room = m - 1;
	come(PORT_TALKER, in, n);
	expect_drop("prer.too_big");
	tunnel_room = m;
	come(PORT_TALKER, in, n);
	expect_bytes(FRAME_OUT, PORT_A, out, m);
	assert_int_equal(cst_pkt(ended[0].m)->aux, 7);
	expect_bytes(FRAME_OUT, 0, out, m);
	/* without its tag it is shorter */
	paths[PATH_B].flags = PRER_PATH_VLAN;
	tunnel_room = m - 4;
	come(PORT_TALKER, in, n);
	rte_pktmbuf_free(expect(FRAME_OUT, PORT_A));
	rte_pktmbuf_free(expect(FRAME_OUT, 0));
	/* shut for now: no hindrance to the other */
	tunnel_room = 0;
	come(PORT_TALKER, in, n);
	rte_pktmbuf_free(expect(FRAME_OUT, PORT_A));
	rte_pktmbuf_free(expect(FRAME_OUT, 0));
	conserved();
}

static void paths_down(void **state)
{
	paths[PATH_A].flags = PRER_PATH_DOWN;
	come(PORT_TALKER, B(MACS TEXT));
	expect_bytes(FRAME_OUT, PORT_B, B(MACS RTAG "\0\0" TEXT));
	paths[PATH_B].flags = PRER_PATH_DOWN;
	come(PORT_TALKER, B(MACS TEXT));
	expect_drop("prer.paths_down");
	conserved();
}

static void all_or_none(void **state)
{
	static struct rte_mbuf *others[4096];
	struct rte_mbuf *m = frame(B(MACS TEXT));
	unsigned n = rte_mempool_avail_count(pool);

	/* four paths, buffers for two copies */
	paths[3] = paths[4] = paths[PATH_A];
	streams[SENDS].n_paths = 4;
	streams[SENDS].path[2] = 3;
	streams[SENDS].path[3] = 4;
	assert_int_equal(rte_pktmbuf_alloc_bulk(pool, others, n - 2), 0);
	come_in(PORT_TALKER, &m, 1);
	expect_drop("engine.no_buffer");
	assert_int_equal(STATE(SENDS)->counts.encode_errored, 1);
	assert_int_equal(STATE(SENDS)->counts.generated, 0);
	rte_pktmbuf_free_bulk(others, n - 2);
	conserved();
	come(PORT_TALKER, B(MACS TEXT));
	for (unsigned i = 0; i < 4; i++)
		rte_pktmbuf_free(expect(FRAME_OUT, i == 1 ? PORT_B : PORT_A));
	conserved();
}

static void of_others(void **state)
{
	struct rte_mbuf *m;

	come(PORT_TALKER, B("\2\0\0\0\0\5" FROM TEXT));
	m = expect(HANDED, 0);
	assert_int_equal(cst_pkt(m)->slice[0] & 0xffffffff, ELSEWHERE);
	rte_pktmbuf_free(m);
	conserved();
}

/* ---- IP --------------------------------------------------------------------------------- */

#define IP4                                                          \
	"\x45\xb8\0\x24\0\1\0\0\x40\x11\x66\x0e\x0a\0\0\1\x0a\0\0\2" \
	"\x13\x88\x13\x89\0\x10\0\0pppppppp"

static void ip_payload(void **state)
{
	struct rte_mbuf *m;

	streams[RECEIVES].flags |= PRER_IP;
	streams[RECEIVES].to_vrf = 5;
	/* padded to 60 octets on its way */
	come(PORT_A, B(MACS "\x81\0\0\7" RTAG "\0\1\x08\0" IP4 "\0\0\0\0\0\0\0\0"));
	m = expect(ROUTE, 0);
	assert_int_equal(cst_pkt(m)->vrf, 5);
	assert_int_equal(cst_pkt(m)->l4_off, 20);
	assert_int_equal(m->pkt_len, sizeof(IP4) - 1);
	assert_memory_equal(rte_pktmbuf_mtod(m, void *), IP4, sizeof(IP4) - 1);
	rte_pktmbuf_free(m);
	/* a damaged copy does not take the place of the sound one */
	come(PORT_A, B(MACS RTAG "\0\2\x08\0" IP4));
	rte_pktmbuf_free(expect(ROUTE, 0));
	come(PORT_A, B(MACS RTAG "\0\3\x08\0\x46" IP4));
	expect_drop("prer.bad_ip");
	come(PORT_B, B(MACS RTAG "\0\3\x08\0" IP4));
	rte_pktmbuf_free(expect(ROUTE, 0));
	/* ARP is the port's own */
	come(PORT_B, B(MACS "\x08\6"));
	rte_pktmbuf_free(expect(CLASSIFY, 0));
	conserved();
}

/* ---- routed paths -------------------------------------------------------------------------- */

static void route_b(uint16_t mtu)
{
	struct cst_ip local = {.family = 4, .b = {192, 0, 2, 1}},
		      remote = {.family = 4, .b = {192, 0, 2, 2}};

	prer_dcw_path_set(&paths[PATH_B], 6, &local, &remote);
	paths[PATH_B].mtu = mtu;
	streams[SENDS].label_out = 16384;
	streams[SENDS].udp_port = 50000;
}

/* 28 octets of IP and UDP, S-Label 16384 with TTL 64, control word with number 0. */
static void expect_routed(const void *payload, uint32_t len)
{
	struct rte_mbuf *m = expect(ROUTE, 0);
	uint8_t buf[2048];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, buf);

	assert_int_equal(m->pkt_len, 36 + len);
	assert_int_equal(cst_pkt(m)->vrf, 6);
	assert_int_equal(cst_be16(p + 2), 36 + len);
	assert_int_equal(cst_be16(p + 20), 50000);
	assert_memory_equal(p + 28, "\x04\0\x01\x40\0\0\0\0", 8);
	assert_memory_equal(p + 36, payload, len);
	rte_pktmbuf_free(m);
}

/* One path tags the frame, the other carries it whole; whichever of them gets the copy. */
static void one_path_routed(void **state)
{
	static const uint32_t sizes[] = {46, PRER_SHARE_FROM};
	uint8_t in[2048], out[2048];

	for (unsigned i = 0; i < 4; i++) {
		uint32_t n = build(in, B("\x81\0\xb0\x64"), false, 0, sizes[i / 2]);
		uint32_t m = build(out, B("\x81\0\xb0\x64"), true, 0, sizes[i / 2]);

		rig_reset(NULL);
		paths[PATH_A].mtu = 2000;
		route_b(2000);
		streams[SENDS].path[0] = i % 2 ? PATH_B : PATH_A;
		streams[SENDS].path[1] = i % 2 ? PATH_A : PATH_B;
		come(PORT_TALKER, in, n);
		if (i % 2)
			expect_routed(in, n);
		expect_bytes(FRAME_OUT, PORT_A, out, m);
		if (i % 2 == 0)
			expect_routed(in, n);
		conserved();
	}
}

static void ip_routed(void **state)
{
	static struct cst_snap snap;
	struct rte_mbuf *m;

	route_b(80);
	streams[SENDS].flags |= PRER_IP;
	streams[SENDS].n_paths = 1;
	streams[SENDS].path[0] = PATH_B;
	come(PORT_TALKER, B(MACS "\x81\0\xb0\x64\x08\0" IP4 "\0\0\0\0\0\0"));
	expect_routed(B(IP4));
	come(PORT_TALKER, B(MACS "\x08\0\x46" IP4));
	expect_drop("prer.bad_ip");
	come(PORT_TALKER, B(MACS "\x08\6"));
	rte_pktmbuf_free(expect(CLASSIFY, 0));
	/* too big, and the sender is told where there is a way back */
	paths[PATH_B].mtu = 71;
	come(PORT_TALKER, B(MACS "\x08\0" IP4));
	expect_drop("prer.too_big");
	snap.ports[PORT_TALKER].untagged = 1;
	snap.ifaces[1].vrf = 3;
	atomic_store(&cst_snap_live, &snap);
	come(PORT_TALKER, B(MACS "\x08\0" IP4 "\0\0"));
	m = expect(ICMP_ERROR, 0);
	assert_int_equal(cst_pkt(m)->vrf, 3);
	assert_int_equal(cst_pkt(m)->icmp_type, CST_ICMP4_UNREACHABLE);
	assert_int_equal(cst_pkt(m)->icmp_code, CST_ICMP4_FRAG_NEEDED);
	assert_int_equal(cst_pkt(m)->icmp_info, 71 - 36);
	assert_int_equal(m->pkt_len, sizeof(IP4) - 1);
	rte_pktmbuf_free(m);
	assert_int_equal(STATE(SENDS)->counts.encode_errored, 2);
	conserved();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tags, rig_reset),
		cmocka_unit_test_setup(address, rig_reset),
		cmocka_unit_test_setup(stripped_tag, rig_reset),
		cmocka_unit_test_setup(cut, rig_reset),
		cmocka_unit_test_setup(not_ours, rig_reset),
		cmocka_unit_test_setup(tagless, rig_reset),
		cmocka_unit_test_setup(mtu, rig_reset),
		cmocka_unit_test_setup(through_a_session, rig_reset),
		cmocka_unit_test_setup(paths_down, rig_reset),
		cmocka_unit_test_setup(all_or_none, rig_reset),
		cmocka_unit_test_setup(of_others, rig_reset),
		cmocka_unit_test_setup(ip_payload, rig_reset),
		cmocka_unit_test(one_path_routed),
		cmocka_unit_test_setup(ip_routed, rig_reset),
		cmocka_unit_test(conformance),
		cmocka_unit_test_setup(individual_recovery, rig_reset),
		cmocka_unit_test_setup(put_in_order, rig_reset),
		cmocka_unit_test_setup(queue_given_up, rig_reset),
		cmocka_unit_test_setup(order_by_path, rig_reset),
		cmocka_unit_test_setup(older_is_dropped, rig_reset),
		cmocka_unit_test_setup(order_follows_resets, rig_reset),
	};

	return cmocka_run_group_tests(tests, rig_up, rig_down);
}
