/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules that send a packet more than one way, or to more than the UE: copies, marks, networks
 * behind the UE. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>

#include "../../tests/vectors/upf_vectors.h"
#include "flow.h"
#include "gtpu.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_match.h"

#define S 13 /* a session of no other test; its run is 16 lines long */

static const uint8_t inner_src[4] = {10, 45, 0, S + 1}, remote[4] = {198, 51, 100, 2};

static struct upf_rules *run(void)
{
	return (struct upf_rules *)((char *)upf_tables.lines + (size_t)S * 16 * 64);
}

static struct upf_pdr *line(unsigned i)
{
	return (struct upf_pdr *)((char *)run() + (size_t)i * 64);
}

static struct upf_pdr way(uint32_t peer, uint32_t teid, uint8_t flags)
{
	return (struct upf_pdr){.qfi_set = UPF_ANY_QFI,
				.action = UPF_FORW,
				.flags = flags | UPF_PDR_ENCAP,
				.dest_if = UPF_IF_LI_FUNCTION,
				.peer = peer,
				.out_teid = teid,
				.out_tos = 0x88,
				.out_vrf = VRF_ACCESS};
}

/* Line 1: uplink, 2: downlink, 3: their policy, 4, 5: copies, 6: networks behind the UE. */
static void put_rules(uint8_t action, unsigned copies)
{
	struct upf_policy *policy = (struct upf_policy *)line(3);
	uint8_t flags = copies ? UPF_PDR_POLICY : 0;

	memset(run(), 0, (size_t)16 * 64);
	*run() = (struct upf_rules){.seid = S,
				    .n_lines = 7,
				    .n_ul = 1,
				    .n_dl = 1,
				    .ul = 1,
				    .dl = 2,
				    .flags = UPF_RULES_V4,
				    .vrf = VRF_CORE};
	memcpy(&run()->ue_v4, inner_src, 4);
	*line(1) = (struct upf_pdr){.qfi_set = UPF_ANY_QFI,
				    .need = UPF_NEED_TUNNEL,
				    .teid = TEID(S),
				    .in_vrf = VRF_ACCESS,
				    .action = action,
				    .flags = flags | UPF_PDR_SPOOF,
				    .dest_if = UPF_IF_CORE,
				    .policy = 3,
				    .nets = 6,
				    .n_nets = 1,
				    .counter = COUNT(S, 0),
				    .out_vrf = VRF_CORE};
	*line(2) = way(PEER_GNB4, 0x77, flags);
	line(2)->action = action;
	line(2)->need = UPF_NEED_PLAIN;
	line(2)->in_vrf = VRF_CORE;
	line(2)->source_if = UPF_IF_CORE;
	line(2)->dest_if = UPF_IF_ACCESS;
	line(2)->flags |= UPF_PDR_SPOOF;
	line(2)->policy = 3;
	line(2)->nets = 6;
	line(2)->n_nets = 1;
	line(2)->counter = COUNT(S, 1);
	policy->n_copies = (uint8_t)copies;
	policy->copies = 4;
	*line(4) = way(PEER_NEXT4, 0x4444, 0);
	*line(5) = way(PEER_GNB6, 0x5555, UPF_PDR_MARK);
	*(struct upf_net *)line(6) =
		(struct upf_net){.addr = {192, 168, 7}, .family = 4, .len = 24};
	upf_tables.teids[S] = upf_teid_slot(&upf_tables, TEID(S), UPF_REF(0, S * 16), 0);
	upf_tables.pool_slots[S + 1] = UPF_REF(0, S * 16);
}

/* A user packet of `len` bytes, ToS 0x20. */
static void user_packet(uint8_t *p, uint16_t len, const uint8_t *src, const uint8_t *dst)
{
	for (uint16_t i = 0; i < len; i++)
		p[i] = (uint8_t)(i * 13);
	cst_ip4_put(p, src, dst, CST_PROTO_UDP, len, 0x20, 64, 1, 0);
}

/* The same in the tunnel of session S. */
static uint32_t tunnelled(uint8_t *p, uint16_t len, const uint8_t *src, const uint8_t *dst)
{
	static const uint8_t gnb[4] = {192, 0, 2, 2}, upf[4] = {192, 0, 2, 1};

	cst_ip4_put(p, gnb, upf, CST_PROTO_UDP, (uint16_t)(36 + len), 0, 64, 1, 0);
	memset(p + 20, 0, 8);
	cst_put_be16(p + 20, 2152);
	cst_put_be16(p + 22, 2152);
	cst_put_be16(p + 24, (uint16_t)(16 + len));
	cst_gtpu_put(p + 28, CST_GTPU_GPDU, TEID(S), len);
	user_packet(p + 36, len, src, dst);
	return 36u + len;
}

static struct rte_mbuf *sent(int node, const uint8_t *bytes, uint32_t len, uint16_t cut,
			     uint8_t *edge)
{
	struct rte_mbuf *m = packet(bytes, len, node == UL ? VRF_ACCESS : VRF_CORE);

	upf_worker[0] = (struct upf_worker){.ip_id = 1, .ip_id_step = 1};
	worker.now += 100 * rte_get_tsc_hz();
	if (cut)
		split(m, cut);
	*edge = 0;
	process[node](&worker, &m, 1, edge);
	return m;
}

/* Is it the user packet, whole, behind headers of this peer? */
static void assert_copy(struct rte_mbuf *m, uint8_t family, uint32_t teid, uint8_t tos,
			const uint8_t *inner, uint32_t len)
{
	uint32_t hdr = family == 4 ? 28 : 48;
	uint8_t got[4096];
	uint32_t n = m->pkt_len;

	assert_marks(m, VRF_ACCESS, true);
	rte_memcpy(got, rte_pktmbuf_read(m, 0, n, got), n);
	assert_int_equal(n, hdr + 8 + len);
	assert_int_equal(family == 4 ? got[1] : (uint8_t)(cst_be16(got) >> 4), tos);
	assert_int_equal(cst_be16(got + hdr - 6), 2152);
	assert_true(cst_be16(got + hdr - 8) >= 49152);
	assert_int_equal(got[hdr], 0x30);
	assert_int_equal(got[hdr + 1], 255);
	assert_int_equal(cst_be16(got + hdr + 2), len);
	assert_int_equal(cst_be32(got + hdr + 4), teid);
	assert_memory_equal(got + hdr + 8, inner, len);
	rte_mbuf_sanity_check(m, 1);
}

static void both_copies(const uint8_t *inner, uint32_t len)
{
	assert_int_equal(n_caught, 2);
	assert_int_equal(caught[0].edge, ROUTE);
	assert_copy(caught[0].m, 4, 0x4444, 0x20, inner, len);
	assert_copy(caught[1].m, 6, 0x5555, 0x88, inner, len);
	forget_caught();
}

void copies(void **state)
{
	static const uint16_t lengths[] = {40, 400, 1400, 1900};
	uint64_t injected = worker.stats.injected;
	uint8_t p[2100], in[2100], edge;
	struct rte_mbuf *m;
	uint32_t n;

	for (unsigned i = 0; i < 4; i++) {
		uint16_t len = lengths[i], cut = len > 1800 ? 1000 : 0;

		put_rules(UPF_FORW, 2);
		n = tunnelled(p, len, inner_src, remote);
		m = sent(UL, p, n, cut, &edge);
		assert_int_equal(edge, ROUTE);
		assert_marks(m, VRF_CORE, false);
		assert_bytes(m, p + 36, len);
		rte_pktmbuf_free(m);
		both_copies(p + 36, len);

		user_packet(in, len, remote, inner_src);
		m = sent(DL, in, len, cut, &edge);
		assert_int_equal(edge, ROUTE);
		assert_int_equal(m->pkt_len, 36 + len);
		rte_pktmbuf_free(m);
		cst_ip4_ttl_dec(in); /* as it goes on */
		both_copies(in, len);

		/* dropped, but not for those who listen */
		put_rules(UPF_DROP, 2);
		m = sent(UL, p, n, cut, &edge);
		assert_int_equal(edge, DROPPED);
		assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_FAR].id);
		rte_pktmbuf_free(m);
		both_copies(p + 36, len);
		m = sent(DL, in, len, cut, &edge);
		assert_int_equal(edge, DROPPED);
		rte_pktmbuf_free(m);
		both_copies(in, len);
	}
	assert_int_equal(worker.stats.injected - injected, 4 * 8);
}

/* The FAR that holds once a quota is spent asks for no copies. */
void copies_end_with_quota(void **state)
{
	struct upf_policy *policy = (struct upf_policy *)line(3);
	uint8_t p[500], in[500], edge;
	uint32_t n = tunnelled(p, 400, inner_src, remote);
	struct rte_mbuf *m;

	open_usage();
	memset(limits, 0, sizeof(limits)); /* nothing may pass */
	user_packet(in, 400, remote, inner_src);
	for (int action = UPF_DROP; action <= UPF_FORW; action++) {
		put_rules(UPF_FORW, 2);
		policy->n_urrs = 1;
		policy->item[0] = 1;
		policy->spent = 12;
		policy->spent_by = 1;
		for (int way = UL; way <= DL; way++) {
			*line(12) = *line(1 + way);
			line(12)->action = (uint8_t)action;
			m = way == UL ? sent(UL, p, n, 0, &edge) : sent(DL, in, 400, 0, &edge);
			assert_int_equal(edge, action == UPF_DROP ? DROPPED : ROUTE);
			rte_pktmbuf_free(m);
			assert_int_equal(n_caught, 0);
		}
	}
}

/* What cannot be copied goes on all the same, and is told. */
void copies_fail(void **state)
{
	uint64_t injected = worker.stats.injected;
	uint64_t dropped = worker.stats.drops[upf_drops[UPF_DROP_COPY].id];
	uint8_t p[500], edge;
	struct rte_mbuf *m;
	uint32_t n = tunnelled(p, 400, inner_src, remote);

	put_rules(UPF_FORW, 2);
	line(4)->peer = PEER_GONE;
	m = sent(UL, p, n, 0, &edge);
	assert_int_equal(edge, ROUTE);
	rte_pktmbuf_free(m);
	assert_int_equal(n_caught, 1);
	forget_caught();
	assert_int_equal(worker.stats.injected - injected, 2);
	assert_int_equal(worker.stats.drops[upf_drops[UPF_DROP_COPY].id] - dropped, 1);
	reached[UPF_DROP_COPY] = true;
}

/* No outer header: the packet's own DSCP is marked, its ECN stays. */
void marked_plain(void **state)
{
	uint8_t p[200], edge;
	uint32_t n = tunnelled(p, 100, inner_src, remote);
	struct rte_mbuf *m;

	put_rules(UPF_FORW, 0);
	line(1)->flags |= UPF_PDR_MARK;
	line(1)->out_tos = 0xb8;
	cst_ip4_set_tos(p + 36, 0x21);
	m = sent(UL, p, n, 0, &edge);
	assert_int_equal(edge, ROUTE);
	cst_ip4_set_tos(p + 36, 0xb9);
	assert_bytes(m, p + 36, 100);
	rte_pktmbuf_free(m);
}

/* A network behind the UE is found by its number; whoever is in it may send. */
void behind_ue(void **state)
{
	static const uint8_t host[4] = {192, 168, 7, 9}, stranger[4] = {192, 168, 8, 9};
	static uint32_t slots[3] = {0, 0, UPF_REF(0, S * 16)};
	uint8_t p[200], edge;
	struct rte_mbuf *m;
	uint32_t n;

	put_rules(UPF_FORW, 0);
	upf_tables.framed = slots;
	upf_tables.n_framed = 3;
	for (uint32_t number = 0; number < 5; number++) {
		user_packet(p, 100, remote, host);
		m = packet(p, 100, VRF_CORE);
		cst_pkt(m)->aux = UPF_MAX_POOLS + number;
		worker.now += 100 * rte_get_tsc_hz();
		edge = 0;
		upf_dl_process(&worker, &m, 1, &edge);
		if (number == 2) {
			assert_int_equal(edge, ROUTE);
			assert_int_equal(m->pkt_len, 136);
		} else {
			assert_int_equal(edge, SECOND); /* nobody there */
			assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_SESSION].id);
		}
		rte_pktmbuf_free(m);
	}
	n = tunnelled(p, 100, host, remote);
	m = sent(UL, p, n, 0, &edge);
	assert_int_equal(edge, ROUTE);
	rte_pktmbuf_free(m);
	n = tunnelled(p, 100, stranger, remote);
	m = sent(UL, p, n, 0, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_SPOOFED].id);
	rte_pktmbuf_free(m);
	upf_tables.framed = NULL;
	upf_tables.n_framed = 0;
}
