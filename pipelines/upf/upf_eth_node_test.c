/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nodes for frames where packets on wires do not lead: takers of tunnels, what
 * workers tell of MAC addresses, storms. Packets are built in place, without EAL.
 */
#include "engine/node.h"
#include "net/frames.h"
#include "net/redundancy.h"
#include "upf_eth_node.h"
#include "upf_eth_test.h"

enum { TO_ROUTE, TO_SWITCH, TO_TAKER }; /* of upf_eth_ul */

static unsigned n_notices;
static bool deaf;

bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len);
bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len)
{
	n_notices += !deaf;
	return !deaf;
}

static struct cst_worker worker;

static struct {
	struct rte_mbuf m;
	struct cst_pkt pkt;
	uint8_t octets[512];
} __rte_cache_aligned packet;

static struct rte_mbuf *a_frame(uint64_t dst, uint64_t src)
{
	memset(&packet, 0, sizeof(packet));
	packet.m.buf_addr = packet.octets;
	packet.m.buf_len = sizeof(packet.octets);
	packet.m.priv_size = sizeof(packet.pkt);
	packet.m.data_off = RTE_PKTMBUF_HEADROOM;
	packet.m.data_len = 60;
	packet.m.pkt_len = 60;
	packet.m.nb_segs = 1;
	frame(packet.octets + RTE_PKTMBUF_HEADROOM, dst, src, 0, 0, 0x88b5);
	assert_ptr_equal(cst_pkt(&packet.m), &packet.pkt);
	return &packet.m;
}

/* By a node, known by its name. */
static uint8_t through(const char *name, struct rte_mbuf *m)
{
	const struct cst_node *n = cst_node_first();
	uint8_t edge = 0;
	uint16_t aside;

	while (strcmp(n->name, name) != 0)
		n = n->next;
	aside = n->process(&worker, &m, 1, &edge);
	assert_int_equal(aside, edge != 0);
	return edge;
}

static uint8_t uplink(uint64_t seid, uint64_t dst, uint64_t src)
{
	struct rte_mbuf *m = a_frame(dst, src);
	uint32_t state = run_of(seid)->state;

	*upf_eth_in(m) = (struct upf_eth_in){upf_eth_ref(state), pdr_of(seid, 1)->teid, 9, 1};
	cst_pkt(m)->vrf = vrf("access");
	cst_pkt(m)->port = 3;
	return through("upf_eth_ul", m);
}

static void frames_of_taken_tunnels(void **state)
{
	static uint8_t taker_edge = 9;
	const struct cst_frame_tunnels *t = cst_frame_tunnels();
	uint8_t taker = cst_frames_register(&taker_edge);
	uint32_t tunnel;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	tunnel = t->find(1, &err);
	assert_int_equal(uplink(1, D, A), TO_SWITCH);
	t->take(tunnel, true);
	cst_frames_take(0, taker);
	assert_int_equal(uplink(1, D, A), TO_TAKER);
	assert_int_equal(packet.pkt.port, 0);
	assert_int_equal(packet.pkt.aux, tunnel);
	assert_int_equal(through("classify", &packet.m), taker_edge);
	cst_frames_pass(&packet.pkt);
	upf_eth_from_classify = 7;
	assert_int_equal(through("classify", &packet.m), 7);
	/* the octets are as they came */
	assert_int_equal(packet.m.pkt_len, 60);
	assert_int_equal(cst_be16(packet.octets + RTE_PKTMBUF_HEADROOM + 12), 0x88b5);
	upf_eth_from_frame_out = 5;
	assert_int_equal(through("frame_out", &packet.m), 5);
	/* 36 octets in front, there is no QFI: 1500 of IP with a redundancy tag */
	upf_tables.peers[pdr_of(1, 2)->peer].mtu = 1556;
	assert_int_equal(t->room(tunnel), 14 + 6 + 1500);
	upf_tables.peers[pdr_of(1, 2)->peer].mtu = 0;
	assert_int_equal(t->room(0), 0);
	t->take(tunnel, false);
	assert_int_equal(uplink(1, D, A), TO_SWITCH);
	cst_frames_take(0, 0);
	/* counted once each, whoever got them */
	assert_int_equal(upf_tables.counts[pdr_of(1, 1)->counter].packets, 3);
	DELETE("{'seid':1}");
	packet.pkt.aux = tunnel;
	assert_int_equal(through("upf_eth_dl", &packet.m), CST_EDGE_DROP);
	assert_int_equal(packet.pkt.drop, upf_drops[UPF_DROP_NO_SESSION].id);
}

/* ---- two tunnels ------------------------------------------------------------------- */

static uint32_t open_flow(const struct cst_redundancy_conf *conf, struct cst_err *e)
{
	return 1;
}

static void close_flow(uint32_t flow)
{
	assert_int_equal(flow, 1);
}

#define TWICE                                                                                    \
	"{'id':2,'apply_action':['FORW','DFRT'],'forwarding_parameters':{"                       \
	"'destination_interface':'access','network_instance':'access','outer_header_creation':{" \
	"'description':'gtpu-udp-ipv4','teid':'0x11','ipv4':'192.0.2.2'}},"                      \
	"'redundant_transmission_forwarding_parameters':{'outer_header_creation':{"              \
	"'description':'gtpu-udp-ipv4','teid':'0x12','ipv4':'192.0.2.3'}}}"

/* What either does not take goes by neither, and numbers need their room. */
static void room_of_two_tunnels(void **state)
{
	static const struct cst_redundancy fake = {.open = open_flow, .close = close_flow};
	const struct cst_frame_tunnels *t = cst_frame_tunnels();
	const struct upf_pdr *first, *second;

	(void)state;
	cst_redundancy_offer(&fake);
	PUT("{'seid':1,'pdn_type':'ethernet','pdrs':[" ETH_UL("") "," ETH_DL("") "],'fars':[" TO_LAN
										 "," TWICE "]}");
	first = pdr_of(1, 2);
	second = upf_second_of(run_of(1), first);
	upf_tables.peers[first->peer].mtu = 1500;
	upf_tables.peers[second->peer].mtu = 1600;
	assert_int_equal(t->room(t->find(1, &err)), 1500 - 28 - 12);
	upf_tables.peers[second->peer].mtu = 1400;
	assert_int_equal(t->room(t->find(1, &err)), 1400 - 28 - 12);
	upf_tables.peers[first->peer].mtu = upf_tables.peers[second->peer].mtu = 0;
	DELETE("{'seid':1}");
	cst_redundancy_offer(NULL);
}

/* A frame from there is switched. */
static void heard(uint64_t seid, uint64_t src)
{
	assert_int_equal(uplink(seid, D, src), TO_SWITCH);
	through("upf_eth_switch", &packet.m);
}

/* Once for what is new, then not for a while, and not at all once it is known. */
static void workers_tell_what_is_new(void **state)
{
	uint32_t a;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	a = run_of(1)->state;
	worker.now = 1000 * SECOND;
	n_notices = 0;
	deaf = true;
	heard(1, A);
	deaf = false;
	for (int i = 0; i < 10; i++)
		heard(1, A);
	assert_int_equal(n_notices, 1);
	worker.now += SECOND / 2;
	heard(1, A);
	assert_int_equal(n_notices, 2);
	upf_eth_heard(upf_eth_key(vrf("lan"), A), a, 1001);
	worker.now += SECOND;
	heard(1, A);
	assert_int_equal(n_notices, 2);
	worker.now += SECOND * UPF_ETH_AGE_S / 4; /* still there */
	heard(1, A);
	assert_int_equal(n_notices, 3);
	/* many at once from one side do not keep the control thread busy */
	for (unsigned i = 0; i < 10000; i++)
		heard(1, A + i * 3);
	assert_in_range(n_notices, 4, 100);
	DELETE("{'seid':1}");
}

static void nobody_else_is_there(void **state)
{
	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	worker.now += 10 * SECOND;
	assert_int_equal(uplink(1, 0xffffffffffffull, A), TO_SWITCH);
	assert_int_equal(through("upf_eth_switch", &packet.m), CST_EDGE_DROP);
	assert_int_equal(packet.pkt.drop, upf_eth_drops[UPF_ETH_DROP_NOBODY].id);
	DELETE("{'seid':1}");
}

/* One receiver beside many frames: none is copied, and what is above the rate is dropped. */
static void storms_are_bounded(void **state)
{
	unsigned passed = 0, dropped = 0;

	(void)state;
	PUT(ETHERNET(1, ETH_UL(""), ETH_DL("")));
	PUT(ETHERNET(2, ETH_UL(""), ETH_DL("")));
	worker.now += 10 * SECOND;
	for (unsigned i = 0; i < 50000; i++) {
		uplink(1, 0xffffffffffffull, A);
		if (through("upf_eth_switch", &packet.m) == CST_EDGE_DROP) {
			assert_int_equal(packet.pkt.drop, upf_eth_drops[UPF_ETH_DROP_STORM].id);
			dropped++;
		} else {
			assert_int_equal(packet.pkt.aux, run_of(2)->state);
			passed++;
		}
	}
	assert_in_range(passed, 9000, 11000); /* two are counted for each */
	assert_int_equal(dropped, 50000 - passed);
	worker.now += SECOND;
	uplink(1, 0xffffffffffffull, A);
	assert_int_not_equal(through("upf_eth_switch", &packet.m), CST_EDGE_DROP);
	/* the other side is not held up by it */
	uplink(2, 0xffffffffffffull, B);
	assert_int_not_equal(through("upf_eth_switch", &packet.m), CST_EDGE_DROP);
	DELETE("[{'seid':1},{'seid':2}]");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(frames_of_taken_tunnels, nothing_left),
		cmocka_unit_test_teardown(room_of_two_tunnels, nothing_left),
		cmocka_unit_test_teardown(workers_tell_what_is_new, nothing_left),
		cmocka_unit_test_teardown(nobody_else_is_there, nothing_left),
		cmocka_unit_test_teardown(storms_are_bounded, nothing_left),
	};

	return cmocka_run_group_tests_name("upf_eth_node", tests, open_all, close_all);
}
