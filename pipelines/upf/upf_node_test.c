/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's nodes without a graph: packets in, edges and bytes out, against
 * vectors that scapy made (tests/vectors/make_upf.py). Each case runs alone and
 * in bursts; each drop reason of the slice is reached.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_mbuf.h>

#include "ip.h"
#include "upf_encap.h"
#include "upf_node.h"
#include "upf_split.h"
#include "upf_stray.h"
#include "upf_tables.h"
#include "../../tests/vectors/upf_vectors.h"

#define SESSIONS 16
#define TAG_BITS 11
#define TEID(s)  ((uint32_t)(s) << TAG_BITS | 0x123)

enum { VRF_ACCESS = 1, VRF_CORE = 2 };
enum { PEER_GNB4 = 1, PEER_NEXT4, PEER_GNB6, PEER_NARROW, PEER_GONE };

/* --- what the nodes call of the engine, caught --- */

#define MAX_CAUGHT 512
static struct {
	struct rte_mbuf *m;
	uint8_t edge; /* 0xf0 + owner: handed off */
} caught[MAX_CAUGHT];
static unsigned n_caught;

void __wrap_cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n);
void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n);

void __wrap_cst_emit(struct cst_worker *w, uint8_t edge, struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		assert_true(n_caught < MAX_CAUGHT);
		caught[n_caught].m = pkts[i];
		caught[n_caught++].edge = edge;
	}
}

void __wrap_cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n)
{
	__wrap_cst_emit(w, (uint8_t)(0xf0 + owner), pkts, n);
}

static void forget_caught(void)
{
	for (unsigned i = 0; i < n_caught; i++)
		rte_pktmbuf_free(caught[i].m);
	n_caught = 0;
}

/* --- sessions --- */

#define STRAYS 16
static struct upf_stray strays[STRAYS];
static struct cst_worker worker;
static struct rte_mempool *pool;
static bool reached[UPF_DROPS];

static struct upf_pdr ul(uint8_t action, uint8_t flags)
{
	return (struct upf_pdr){.qfi_set = UPF_ANY_QFI,
				.need = UPF_NEED_TUNNEL,
				.in_vrf = VRF_ACCESS,
				.action = action,
				.flags = flags,
				.source_if = UPF_IF_ACCESS,
				.dest_if = UPF_IF_CORE,
				.out_vrf = VRF_CORE};
}

static struct upf_pdr dl(uint8_t flags, uint32_t peer, uint32_t teid, uint8_t qfi)
{
	return (struct upf_pdr){.qfi_set = UPF_ANY_QFI,
				.need = UPF_NEED_PLAIN,
				.in_vrf = VRF_CORE,
				.action = UPF_FORW,
				.flags = flags | UPF_PDR_ENCAP,
				.source_if = UPF_IF_CORE,
				.dest_if = UPF_IF_ACCESS,
				.out_qfi = qfi,
				.peer = peer,
				.out_teid = teid,
				.out_vrf = VRF_ACCESS};
}

/* A run in the place of session `s`: up to two PDRs each way, one filter each. */
static void put_session(uint32_t s, uint16_t owner, const struct upf_pdr *up, uint16_t n_up,
			const struct upf_pdr *down, uint16_t n_down, const struct upf_sdf *sdf,
			uint16_t n_sdf)
{
	uint32_t line = s * 16;
	struct upf_rules *r = (struct upf_rules *)((char *)upf_tables.lines + (size_t)line * 64);
	struct upf_pdr *p = (struct upf_pdr *)(r + 1);
	uint32_t v4 = 10u << 24 | 45 << 16 | (s + 1);

	*r = (struct upf_rules){.seid = s,
				.n_lines = (uint16_t)(1 + n_up + n_down + n_sdf),
				.n_ul = n_up,
				.n_dl = n_down,
				.ul = 1,
				.dl = (uint16_t)(1 + n_up),
				.sdf = (uint16_t)(1 + n_up + n_down),
				.flags = UPF_RULES_V4 | UPF_RULES_V6,
				.ue_v6_len = 64,
				.vrf = VRF_CORE};
	cst_put_be32(&r->ue_v4, v4);
	cst_put_be64(r->ue_v6, 0x20010db800450000ull | (s + 1));
	for (uint16_t i = 0; i < n_up + n_down; i++) {
		p[i] = i < n_up ? up[i] : down[i - n_up];
		p[i].counter = s * 4 + i;
		if ((p[i].need & UPF_NEED_TUNNEL) && !p[i].teid)
			p[i].teid = TEID(s);
	}
	for (uint16_t i = 0; i < n_sdf; i++)
		((struct upf_sdf *)(p + n_up + n_down))[i] = sdf[i];
	upf_tables.teids[s] = (struct upf_teid_slot){TEID(s), UPF_REF(owner, line)};
	upf_tables.pool_slots[s + 1] = UPF_REF(owner, line);         /* 10.45.0.0/16 */
	upf_tables.pool_slots[65536 + s + 1] = UPF_REF(owner, line); /* 2001:db8:45::/48 */
}

static void put_simple(uint32_t s, uint16_t owner, struct upf_pdr up, struct upf_pdr down)
{
	put_session(s, owner, &up, 1, &down, 1, NULL, 0);
}

static void put_sessions(void)
{
	struct upf_pdr d1 = dl(UPF_PDR_PSC, PEER_GNB4, 0x11, 9);
	struct upf_pdr u = ul(UPF_FORW, UPF_PDR_SPOOF);
	struct upf_pdr u1 = u, n9, n9_down, no_ohc_ul, no_ohc_dl, v, w[2], x[2];
	struct upf_sdf sdf[2] = {
		{.flags = UPF_SDF_PROTO | UPF_SDF_PORTS,
		 .proto = 6,
		 .remote_port_lo = 80,
		 .remote_port_hi = 80,
		 .ue_port_hi = 65535},
		{.flags = UPF_SDF_PROTO | UPF_SDF_PORTS,
		 .family = 4,
		 .proto = 17,
		 .remote_len = 32,
		 .remote = {198, 51, 100, 2},
		 .remote_port_lo = 5000,
		 .remote_port_hi = 5000,
		 .ue_port_hi = 65535},
	};

	u1.qfi_set = 1ull << 9;
	u1.need |= UPF_NEED_QFI;
	put_simple(1, 0, u1, d1);

	v = d1;
	v.action = UPF_DROP;
	put_simple(2, 0, ul(UPF_DROP, 0), v);
	v.action = UPF_BUFF;
	put_simple(3, 0, ul(UPF_BUFF, 0), v);

	/* between two UPFs: downlink comes by tunnel too, to a TEID of its own (slot 11) */
	n9 = ul(UPF_FORW, UPF_PDR_ENCAP | UPF_PDR_PSC);
	n9.peer = PEER_NEXT4;
	n9.out_teid = 0x2222;
	n9.out_qfi = 5;
	n9_down = dl(UPF_PDR_PSC, PEER_GNB4, 0x33, 9);
	n9_down.need = UPF_NEED_TUNNEL;
	n9_down.teid = TEID(11);
	n9_down.in_vrf = VRF_ACCESS;
	put_simple(4, 0, n9, n9_down);
	upf_tables.teids[11] = (struct upf_teid_slot){TEID(11), UPF_REF(0, 4 * 16)};

	no_ohc_ul = ul(UPF_FORW, 0);
	no_ohc_ul.dest_if = UPF_IF_ACCESS;
	no_ohc_dl = d1;
	no_ohc_dl.flags = 0;
	put_simple(5, 0, no_ohc_ul, no_ohc_dl);

	v = dl(UPF_PDR_MARK, PEER_GNB4, 0x66, 0);
	v.out_tos = 0x88;
	put_simple(6, 0, ul(UPF_FORW, UPF_PDR_KEEP), v);
	put_simple(7, 0, u, dl(UPF_PDR_PSC | UPF_PDR_PSC_RQI, PEER_GNB6, 0x77, 1));
	put_simple(8, 5, u, d1);

	w[0] = ul(UPF_DROP, 0);
	w[0].sdf = 5;
	w[0].n_sdf = 1;
	w[1] = u;
	x[0] = dl(UPF_PDR_PSC, PEER_GNB4, 0x99, 1);
	x[0].sdf = 6;
	x[0].n_sdf = 1;
	x[1] = dl(UPF_PDR_PSC, PEER_GNB4, 0x9a, 9);
	x[1].need |= UPF_NEED_V4;
	put_session(9, 0, w, 2, x, 2, sdf, 2);

	n9.peer = PEER_NARROW;
	put_simple(10, 0, n9, dl(UPF_PDR_PSC, PEER_NARROW, 0xaa, 9));
	n9.peer = PEER_GONE;
	put_simple(12, 0, n9, dl(UPF_PDR_PSC, PEER_GONE, 0xbb, 9));
}

static void put_peer(uint32_t n, const char *local, const char *remote, uint8_t family)
{
	struct cst_ip a = {.family = family}, b = {.family = family};

	memcpy(a.b, local, family == 4 ? 4 : 16);
	memcpy(b.b, remote, family == 4 ? 4 : 16);
	upf_peer_set(&upf_tables.peers[n], VRF_ACCESS, &a, &b, 2152);
}

#define V6_UPF "\x20\x01\x0d\xb8\0\3\0\0\0\0\0\0\0\0\0\1"
#define V6_GNB "\x20\x01\x0d\xb8\0\3\0\0\0\0\0\0\0\0\0\2"

static int set_up(void **state)
{
	static char *argv[] = {"upf_node_test", "--no-huge", "-m", "64", "--no-pci",
			       "--no-telemetry", "--no-shconf", "-l", "0", "--log-level", "error"};

	if (rte_eal_init(sizeof(argv) / sizeof(*argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 1023, 0, sizeof(struct cst_pkt), 2048 + 128, 0);
	upf_tables.lines = aligned_alloc(64, SESSIONS * 16 * 64);
	upf_tables.counts = aligned_alloc(64, SESSIONS * 64);
	upf_tables.teids = calloc(1u << (32 - TAG_BITS), sizeof(struct upf_teid_slot));
	upf_tables.pool_slots = calloc(2 * 65536, sizeof(uint32_t));
	upf_tables.peers = aligned_alloc(64, 64 * 8);
	upf_tables.pools = calloc(UPF_MAX_POOLS, sizeof(struct upf_pool));
	upf_tables.teid_tag_bits = TAG_BITS;
	memset(upf_tables.counts, 0, SESSIONS * 64);
	memset(upf_tables.peers, 0, 64 * 8);
	upf_tables.pools[1] = (struct upf_pool){
		.prefix = {.ip = {.family = 4, .b = {10, 45, 0, 1}}, .len = 16},
		.count = 65536, .vrf = VRF_CORE, .used = 1};
	upf_tables.pools[2] = (struct upf_pool){
		.prefix = {.ip = {.family = 6, .b = {0x20, 1, 0xd, 0xb8, 0, 0x45}}, .len = 48},
		.first = 65536, .count = 65536, .vrf = VRF_CORE, .unit = 64, .used = 1};
	upf_stray_init(&upf_strays, strays, STRAYS, 1);
	put_peer(PEER_GNB4, "\xc0\0\2\1", "\xc0\0\2\2", 4);
	put_peer(PEER_NEXT4, "\xc0\0\2\1", "\xc0\0\2\3", 4);
	put_peer(PEER_GNB6, V6_UPF, V6_GNB, 6);
	put_peer(PEER_NARROW, "\xc0\0\2\1", "\xc0\0\2\2", 4);
	upf_tables.peers[PEER_NARROW].mtu = 200;
	put_sessions();
	return pool ? 0 : -1;
}

static int tear_down(void **state)
{
	rte_eal_cleanup();
	return 0;
}

/* --- packets --- */

/* As `classify` leaves it. */
static struct rte_mbuf *packet(const uint8_t *bytes, uint32_t len, uint16_t vrf)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	struct cst_pkt *pkt;
	struct cst_ip_info ip = {0};

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)len), bytes, len);
	assert_int_equal(cst_ip_parse(bytes, len, &ip), 0);
	pkt = cst_pkt(m);
	*pkt = (struct cst_pkt){.iface = 1,
				.vrf = vrf,
				.l2_len = 14,
				.ip_version = ip.version,
				.l4_proto = ip.proto,
				.l4_off = ip.l4_off,
				.ip_len = (uint16_t)ip.total_len,
				/* the pool; 0 for addresses of users outside them */
				.aux = ip.version == 6 ? 2 : bytes[16] == 10 ? 1 : 0,
				.hash = VEC_HASH};
	return m;
}

/* Hand the bytes behind `at` to a second segment. */
static void split(struct rte_mbuf *m, uint16_t at)
{
	struct rte_mbuf *s = rte_pktmbuf_alloc(pool);
	uint16_t n = (uint16_t)(m->data_len - at);

	assert_non_null(s);
	memcpy(rte_pktmbuf_append(s, n), rte_pktmbuf_mtod_offset(m, char *, at), n);
	m->data_len = at;
	m->next = s;
	m->nb_segs = 2;
}

static void assert_bytes(struct rte_mbuf *m, const uint8_t *want, uint32_t len)
{
	uint8_t buf[4096];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, buf);

	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(p, want, len);
	rte_mbuf_sanity_check(m, 1);
}

/* What the marks must say of a packet that goes on. */
static void assert_marks(struct rte_mbuf *m, uint16_t vrf, bool own)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	struct cst_ip_info ip = {0};
	uint8_t buf[4096];

	assert_int_equal(cst_ip_parse(rte_pktmbuf_read(m, 0, m->pkt_len, buf), m->pkt_len, &ip), 0);
	assert_int_equal(pkt->vrf, vrf);
	assert_int_equal(pkt->ip_version, ip.version);
	assert_int_equal(pkt->l4_proto, ip.proto);
	assert_int_equal(pkt->l4_off, ip.l4_off);
	assert_int_equal(pkt->ip_len, ip.total_len);
	assert_int_equal(pkt->flags, own ? CST_PKT_LOCAL : 0);
}

/* --- one packet, one verdict --- */

enum { UL, DL };
enum { ROUTE = 0, SECOND = 1, DROPPED = CST_EDGE_DROP, TAKEN = CST_EDGE_TAKEN };
static cst_process_t const process[] = {upf_ul_process, upf_dl_process};

struct verdict {
	const char *name;
	int node;
	const uint8_t *in;
	uint32_t in_len;
	int edge; /* UL: 1 is upf_gtpu; DL: 1 is icmp_error */
	int drop; /* enum upf_drop, with DROPPED */
	const uint8_t *out;
	uint32_t out_len;
	uint16_t vrf;     /* that it leaves into */
	uint32_t counter; /* that counts it; 0: none may */
	uint32_t bytes;   /* counted per packet */
	bool any_sport;   /* of IPv4 output: the vector has 0 */
};

#define IN(v)         v, sizeof(v)
#define COUNT(s, pdr) ((s) * 4 + (pdr))

static const struct verdict verdicts[] = {
	{"IPv4 in IPv4", UL, IN(in_ul4), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0), sizeof(out_ul4)},
	{"IPv6 in IPv6", UL, IN(in_ul6), ROUTE, 0, IN(out_ul6), VRF_CORE, COUNT(1, 0), sizeof(out_ul6)},
	{"IPv4 in IPv6", UL, IN(in_ul4_outer6), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"bytes behind the inner packet", UL, IN(in_ul_trailer), ROUTE, 0, IN(out_ul4), VRF_CORE,
	 COUNT(1, 0), sizeof(out_ul4)},
	{"outer IP options", UL, IN(in_ul_options), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"sequence number", UL, IN(in_ul_seq), ROUTE, 0, IN(out_ul4), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul4)},
	{"congestion outside", UL, IN(in_ul_ce), ROUTE, 0, IN(out_ul_ce), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul_ce)},
	{"ECT(1) outside", UL, IN(in_ul_ect1), ROUTE, 0, IN(out_ul_ect1), VRF_CORE, COUNT(1, 0),
	 sizeof(out_ul_ect1)},
	{"lower precedence", UL, IN(in_ul_sdf_udp), ROUTE, 0, IN(out_ul_sdf_udp), VRF_CORE,
	 COUNT(9, 1), sizeof(out_ul_sdf_udp)},
	{"filter", UL, IN(in_ul_sdf_tcp), DROPPED, UPF_DROP_FAR},
	{"QFI of no PDR", UL, IN(in_ul_wrong_qfi), DROPPED, UPF_DROP_NO_PDR},
	{"no QFI, one is wanted", UL, IN(in_ul_no_qfi), DROPPED, UPF_DROP_NO_PDR},
	{"someone else's IPv4", UL, IN(in_ul_spoof4), DROPPED, UPF_DROP_SPOOFED},
	{"someone else's IPv6", UL, IN(in_ul_spoof6), DROPPED, UPF_DROP_SPOOFED},
	{"unknown TEID", UL, IN(in_ul_unknown), SECOND},
	{"old tag", UL, IN(in_ul_stale_tag), SECOND},
	{"inner version", UL, IN(in_ul_inner_version), DROPPED, UPF_DROP_INNER},
	{"inner cut short", UL, IN(in_ul_inner_short), DROPPED, UPF_DROP_INNER},
	{"no inner", UL, IN(in_ul_empty), DROPPED, UPF_DROP_INNER},
	{"GTP'", UL, IN(in_ul_prime), DROPPED, UPF_DROP_MALFORMED},
	{"extension of length 0", UL, IN(in_ul_zero_ext), DROPPED, UPF_DROP_MALFORMED},
	{"extension to be understood", UL, IN(in_ul_must_ext), SECOND},
	{"congestion, deaf transport", UL, IN(in_ul_ce_deaf), DROPPED, UPF_DROP_ECN},
	{"FAR drops", UL, IN(in_ul_drop), DROPPED, UPF_DROP_FAR},
	{"FAR buffers", UL, IN(in_ul_buff), DROPPED, UPF_DROP_BUFFERING_OFF},
	{"to access, no tunnel", UL, IN(in_ul_no_ohc), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"no header removal", UL, IN(in_ul_keep), DROPPED, UPF_DROP_KEPT_OUTER_HEADER},
	{"echo", UL, IN(in_echo), SECOND},
	{"N9, container kept", UL, IN(in_n9_keep), ROUTE, 0, IN(out_n9_keep), VRF_ACCESS, COUNT(4, 0),
	 42, true},
	{"N9, container made", UL, IN(in_n9_make), ROUTE, 0, IN(out_n9_make), VRF_ACCESS, COUNT(4, 0),
	 42, true},
	{"N9, downlink", UL, IN(in_n9_down), ROUTE, 0, IN(out_n9_down), VRF_ACCESS, COUNT(4, 1), 44,
	 true},
	{"N9, too big", UL, IN(in_n9_big), DROPPED, UPF_DROP_MTU},
	{"N9, peer unknown", UL, IN(in_n9_gone), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"End Marker passed on", UL, IN(in_marker_n9), ROUTE, 0, IN(out_marker_n9), VRF_ACCESS, 0, 0,
	 true},
	{"End Marker", UL, IN(in_marker), DROPPED, UPF_DROP_END_MARKER},
	{"End Marker of no session", UL, IN(in_marker_unknown), DROPPED, UPF_DROP_UNKNOWN_TEID},

	{"IPv4 to a UE", DL, IN(in_dl4), ROUTE, 0, IN(out_dl4), VRF_ACCESS, COUNT(1, 1), 44},
	{"IPv6 to a UE", DL, IN(in_dl6), ROUTE, 0, IN(out_dl6), VRF_ACCESS, COUNT(1, 1), 64},
	{"DSCP and ECN", DL, IN(in_dl_tos), ROUTE, 0, IN(out_dl_tos), VRF_ACCESS, COUNT(1, 1), 44},
	{"marked, no container", DL, IN(in_dl_mark), ROUTE, 0, IN(out_dl_mark), VRF_ACCESS, COUNT(6, 1),
	 44},
	{"IPv4 in IPv6, odd", DL, IN(in_dl_outer6), ROUTE, 0, IN(out_dl_outer6), VRF_ACCESS,
	 COUNT(7, 1), 31},
	{"IPv6 in IPv6", DL, IN(in_dl6_outer6), ROUTE, 0, IN(out_dl6_outer6), VRF_ACCESS, COUNT(7, 1),
	 64},
	{"filter's tunnel", DL, IN(in_dl_sdf), ROUTE, 0, IN(out_dl_sdf), VRF_ACCESS, COUNT(9, 2), 44},
	{"other tunnel", DL, IN(in_dl_sdf_default), ROUTE, 0, IN(out_dl_sdf_default), VRF_ACCESS,
	 COUNT(9, 3), 44},
	{"no PDR", DL, IN(in_dl_no_pdr), DROPPED, UPF_DROP_NO_PDR},
	{"FAR drops", DL, IN(in_dl_drop), DROPPED, UPF_DROP_FAR},
	{"FAR buffers", DL, IN(in_dl_buff), DROPPED, UPF_DROP_BUFFERING_OFF},
	{"no tunnel yet", DL, IN(in_dl_no_ohc), DROPPED, UPF_DROP_NO_OUTER_HEADER},
	{"TTL over", DL, IN(in_dl_ttl4), SECOND},
	{"hop limit over", DL, IN(in_dl_ttl6), SECOND},
	{"too big, DF", DL, IN(in_dl_big_df), SECOND},
	{"too big, IPv6", DL, IN(in_dl_big6), SECOND},
};

static uint64_t all_counted(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < SESSIONS * 4; i++)
		sum += upf_tables.counts[i].packets;
	return sum;
}

static void assert_out(const struct verdict *v, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	assert_marks(m, v->vrf, v->vrf == VRF_ACCESS);
	if (v->any_sport) {
		assert_true(cst_be16(p + 20) >= 49152);
		cst_put_be16(p + 20, 0);
	}
	assert_bytes(m, v->out, v->out_len);
}

/* `n` copies in one burst; `cut` not 0: in two segments each. */
static void run_case(const struct verdict *v, uint16_t n, uint16_t cut)
{
	struct rte_mbuf *pkts[CST_MAX_BURST];
	uint8_t edge[CST_MAX_BURST] = {0};
	uint64_t before = all_counted();
	struct upf_count was = upf_tables.counts[v->counter];
	const struct upf_count *is = &upf_tables.counts[v->counter];
	uint16_t aside;

	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	worker.now += 100 * rte_get_tsc_hz();
	for (uint16_t i = 0; i < n; i++) {
		pkts[i] = packet(v->in, v->in_len, v->node == UL ? VRF_ACCESS : VRF_CORE);
		if (cut && cut < pkts[i]->data_len)
			split(pkts[i], cut);
	}
	aside = process[v->node](&worker, pkts, n, edge);
	assert_int_equal(aside, v->edge == ROUTE ? 0 : n);
	for (uint16_t i = 0; i < n; i++) {
		assert_int_equal(edge[i], v->edge);
		if (v->edge == DROPPED) {
			assert_int_equal(cst_pkt(pkts[i])->drop, upf_drops[v->drop].id);
			reached[v->drop] = true;
		} else if (v->edge == ROUTE) {
			assert_out(v, pkts[i]);
		}
		rte_pktmbuf_free(pkts[i]);
	}
	assert_int_equal(all_counted() - before, v->counter ? n : 0);
	assert_int_equal(is->packets - was.packets, v->counter ? n : 0);
	assert_int_equal(is->bytes - was.bytes, v->counter ? n * v->bytes : 0);
	forget_caught();
}

static void cases(void **state)
{
	static const uint16_t bursts[] = {1, 2, 7, 8, 31, 32, 33, 64, 100, 256};

	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		print_message("%s %s\n", verdicts[i].node == UL ? "uplink:" : "downlink:",
			      verdicts[i].name);
		for (unsigned b = 0; b < sizeof(bursts) / sizeof(*bursts); b++)
			run_case(&verdicts[i], bursts[b], 0);
	}
}

static void cases_in_segments(void **state)
{
	for (unsigned i = 0; i < sizeof(verdicts) / sizeof(*verdicts); i++) {
		for (uint16_t cut = 1; cut < 120; cut++) {
			/* `classify` has brought the headers that it read together */
			if (verdicts[i].node == DL && cut < 60)
				continue;
			run_case(&verdicts[i], 1, cut);
		}
	}
}

/* All verdicts in one burst, each packet must get its own. */
static void mixed_burst(void **state)
{
	enum { N = sizeof(verdicts) / sizeof(*verdicts) };

	for (int node = UL; node <= DL; node++) {
		struct rte_mbuf *pkts[CST_MAX_BURST];
		const struct verdict *of[CST_MAX_BURST];
		uint8_t edge[CST_MAX_BURST] = {0};
		uint16_t n = 0, aside = 0;

		upf_worker[0] = (struct upf_worker){.ip_id = 1};
		for (unsigned i = 0; n < 200; i = (i + 7) % N) {
			if (verdicts[i].node != node)
				continue;
			of[n] = &verdicts[i];
			pkts[n++] = packet(verdicts[i].in, verdicts[i].in_len,
					   node == UL ? VRF_ACCESS : VRF_CORE);
			aside += verdicts[i].edge != ROUTE;
		}
		assert_int_equal(process[node](&worker, pkts, n, edge), aside);
		for (uint16_t i = 0; i < n; i++) {
			assert_int_equal(edge[i], of[i]->edge);
			if (edge[i] == ROUTE)
				assert_out(of[i], pkts[i]);
			rte_pktmbuf_free(pkts[i]);
		}
		forget_caught();
	}
}

/* --- the single ways out --- */

static struct rte_mbuf *one(int node, const uint8_t *in, uint32_t len, uint8_t flags, uint8_t *edge)
{
	struct rte_mbuf *m = packet(in, len, node == UL ? VRF_ACCESS : VRF_CORE);

	upf_worker[0] = (struct upf_worker){.ip_id = 0, .ip_id_step = 1};
	worker.now += 100 * rte_get_tsc_hz();
	cst_pkt(m)->flags = flags;
	*edge = 0;
	process[node](&worker, &m, 1, edge);
	return m;
}

static void assert_icmp(struct rte_mbuf *m, uint8_t type, uint8_t code, uint32_t info)
{
	assert_int_equal(cst_pkt(m)->icmp_type, type);
	assert_int_equal(cst_pkt(m)->icmp_code, code);
	assert_int_equal(cst_pkt(m)->icmp_info, info);
	assert_int_equal(cst_pkt(m)->vrf, VRF_CORE);
}

static void icmp(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		uint8_t type, code;
		uint32_t info;
	} cases_[] = {
		{IN(in_dl_ttl4), 11, 0, 0},
		{IN(in_dl_ttl6), 3, 0, 0},
		{IN(in_dl_big_df), 3, 4, 200 - 44},
		{IN(in_dl_big6), 2, 0, 200 - 44},
	};
	uint8_t edge;

	for (unsigned i = 0; i < 4; i++) {
		struct rte_mbuf *m = one(DL, cases_[i].in, cases_[i].len, 0, &edge);

		assert_int_equal(edge, SECOND);
		assert_icmp(m, cases_[i].type, cases_[i].code, cases_[i].info);
		rte_pktmbuf_free(m);
	}
}

static void ttl_already_counted(void **state)
{
	static const uint8_t flags[] = {CST_PKT_TTL_DONE, CST_PKT_LOCAL};
	uint8_t edge;

	for (unsigned i = 0; i < 2; i++) {
		struct rte_mbuf *m = one(DL, IN(in_dl4), flags[i], &edge);

		assert_int_equal(edge, ROUTE);
		assert_bytes(m, IN(out_dl4_same_ttl));
		rte_pktmbuf_free(m);
		m = one(DL, IN(in_dl_ttl4), flags[i], &edge);
		assert_int_equal(edge, ROUTE);
		rte_pktmbuf_free(m);
	}
}

/* Dropped by name in any case; the sender is told, but not too often. */
static void nobody(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		uint8_t type, code;
	} cases_[] = {{IN(in_dl_nobody4), 3, 1}, {IN(in_dl_nobody6), 1, 3}, {IN(in_dl_outside), 3, 1}};
	struct rte_mbuf *pkts[64];
	uint8_t edge[64] = {0};
	struct rte_mbuf *m;

	for (unsigned i = 0; i < 3; i++) {
		m = one(DL, cases_[i].in, cases_[i].len, 0, edge);
		assert_int_equal(edge[0], SECOND);
		assert_icmp(m, cases_[i].type, cases_[i].code, 0);
		assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_SESSION].id);
		assert_bytes(m, cases_[i].in, cases_[i].len);
		rte_pktmbuf_free(m);
	}
	m = one(DL, IN(in_dl_nobody4), CST_PKT_LOCAL, edge);
	assert_int_equal(edge[0], DROPPED);
	rte_pktmbuf_free(m);

	worker.now += 100 * rte_get_tsc_hz();
	for (int i = 0; i < 64; i++)
		pkts[i] = packet(IN(in_dl_nobody4), VRF_CORE);
	assert_int_equal(upf_dl_process(&worker, pkts, 64, edge), 64);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(edge[i], i < 10 ? SECOND : DROPPED);
		assert_int_equal(cst_pkt(pkts[i])->drop, upf_drops[UPF_DROP_NO_SESSION].id);
	}
	reached[UPF_DROP_NO_SESSION] = true;
	rte_pktmbuf_free_bulk(pkts, 64);
}

static void fragmented(void **state)
{
	static const struct {
		const uint8_t *p;
		uint32_t len;
	} want[] = {{IN(out_dl_big_0)}, {IN(out_dl_big_1)}, {IN(out_dl_big_2)}, {IN(out_dl_big_3)}};
	uint64_t injected = worker.stats.injected, consumed = worker.stats.consumed;
	uint64_t packets = upf_tables.counts[COUNT(10, 1)].packets;
	struct rte_mbuf *m;
	uint8_t edge;

	assert_int_equal(VEC_FRAGMENTS, 4);
	one(DL, IN(in_dl_big), 0, &edge); /* taken */
	assert_int_equal(edge, TAKEN);
	assert_int_equal(n_caught, VEC_FRAGMENTS);
	for (unsigned i = 0; i < VEC_FRAGMENTS; i++) {
		assert_int_equal(caught[i].edge, ROUTE);
		assert_marks(caught[i].m, VRF_ACCESS, true);
		assert_bytes(caught[i].m, want[i].p, want[i].len);
	}
	assert_int_equal(worker.stats.injected - injected, VEC_FRAGMENTS);
	assert_int_equal(worker.stats.consumed - consumed, 1);
	assert_int_equal(upf_tables.counts[COUNT(10, 1)].packets - packets, VEC_FRAGMENTS);
	forget_caught();

	/* one of coast's own that does not fit, and one that would be cut too small */
	m = one(DL, IN(in_dl_big), CST_PKT_LOCAL, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_MTU].id);
	rte_pktmbuf_free(m);
	upf_tables.peers[PEER_NARROW].mtu = 80;
	m = one(DL, IN(in_dl_big), 0, &edge);
	upf_tables.peers[PEER_NARROW].mtu = 200;
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_MTU].id);
	rte_pktmbuf_free(m);
}

static void handed_off(void **state)
{
	struct rte_mbuf *pkts[40];
	uint8_t edge[40] = {0};

	for (int node = UL; node <= DL; node++) {
		for (int i = 0; i < 40; i++) {
			bool mine = i % 4 == 0;

			pkts[i] = node == UL ? mine ? packet(IN(in_ul4), VRF_ACCESS)
						    : packet(IN(in_ul_other), VRF_ACCESS)
				  : mine ? packet(IN(in_dl4), VRF_CORE)
					 : packet(IN(in_dl_other), VRF_CORE);
			cst_pkt(pkts[i])->slice[0] = (uint64_t)i;
			edge[i] = 0;
		}
		assert_int_equal(process[node](&worker, pkts, 40, edge), 30);
		assert_int_equal(n_caught, 30);
		for (unsigned i = 0; i < 30; i++) {
			assert_int_equal(caught[i].edge, 0xf0 + 5);
			/* in the order they came, and as they came */
			assert_int_equal(cst_pkt(caught[i].m)->slice[0], i / 3 * 4 + i % 3 + 1);
			if (node == UL)
				assert_bytes(caught[i].m, IN(in_ul_other));
			else
				assert_bytes(caught[i].m, IN(in_dl_other));
		}
		for (int i = 0; i < 40; i++) {
			assert_int_equal(edge[i], i % 4 ? TAKEN : ROUTE);
			if (i % 4 == 0)
				rte_pktmbuf_free(pkts[i]);
		}
		forget_caught();
	}
}

/* Of a TEID that a control plane chose, and of an address outside the pools. */
static void strays_are_found(void **state)
{
	struct upf_teid_slot slot = upf_tables.teids[1];
	struct upf_stray *t = upf_stray_take(&upf_strays, UPF_STRAY_TEID(VRF_ACCESS), TEID(1));
	struct cst_ip ip = {.family = 4, .b = {203, 0, 113, 7}};
	struct upf_stray *a = upf_stray_take(&upf_strays, UPF_STRAY_V4(VRF_CORE), upf_stray_key(&ip));
	struct rte_mbuf *m;
	uint8_t edge;

	assert_non_null(t);
	assert_non_null(a);
	upf_tables.teids[1] = (struct upf_teid_slot){0};
	m = one(UL, IN(in_ul4), 0, &edge);
	assert_int_equal(edge, SECOND); /* taken, not live */
	rte_pktmbuf_free(m);
	upf_stray_set(t, slot.ref);
	m = one(UL, IN(in_ul4), 0, &edge);
	assert_int_equal(edge, ROUTE);
	assert_bytes(m, IN(out_ul4));
	rte_pktmbuf_free(m);
	upf_stray_remove(&upf_strays, t);
	upf_tables.teids[1] = slot;

	upf_stray_set(a, slot.ref);
	m = one(DL, IN(in_dl_outside), 0, &edge);
	assert_int_equal(edge, ROUTE);
	rte_pktmbuf_free(m);
	upf_stray_remove(&upf_strays, a);
}

static void several_owners(void **state)
{
	struct rte_mbuf *pkts[32];
	uint8_t edge[32] = {0};
	unsigned n = 0;

	/* sessions 1, 2, 3 move away to workers 1, 2, 3 for a moment */
	for (uint32_t s = 1; s <= 3; s++)
		upf_tables.teids[s].ref = UPF_REF(s, s * 16);
	for (unsigned i = 0; i < 32; i++) {
		pkts[i] = i % 3 == 0   ? packet(IN(in_ul4), VRF_ACCESS)
			  : i % 3 == 1 ? packet(IN(in_ul_drop), VRF_ACCESS)
				       : packet(IN(in_ul_buff), VRF_ACCESS);
		cst_pkt(pkts[i])->slice[0] = i;
	}
	assert_int_equal(upf_ul_process(&worker, pkts, 32, edge), 32);
	assert_int_equal(n_caught, 32);
	for (unsigned owner = 1; owner <= 3; owner++) {
		for (unsigned i = owner - 1; i < 32; i += 3, n++) {
			assert_int_equal(caught[n].edge, 0xf0 + owner);
			assert_int_equal(cst_pkt(caught[n].m)->slice[0], i);
		}
	}
	for (uint32_t s = 1; s <= 3; s++)
		upf_tables.teids[s].ref = UPF_REF(0, s * 16);
	forget_caught();
}

static void odd_buffers(void **state)
{
	struct rte_mbuf *m = packet(IN(in_dl4), VRF_CORE);
	uint8_t edge = 0;

	/* no room in front */
	memmove((char *)m->buf_addr + 10, rte_pktmbuf_mtod(m, char *), m->data_len);
	m->data_off = 10;
	upf_dl_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_HEADROOM].id);
	reached[UPF_DROP_NO_HEADROOM] = true;
	rte_pktmbuf_free(m);

	/* no room behind a split header */
	m = packet(IN(in_ul4), VRF_ACCESS);
	split(m, 40);
	memmove((char *)m->buf_addr + m->buf_len - 40, rte_pktmbuf_mtod(m, char *), 40);
	m->data_off = (uint16_t)(m->buf_len - 40);
	edge = 0;
	upf_ul_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_HEADROOM].id);
	rte_pktmbuf_free(m);

	/* an outer fragment */
	m = packet(IN(in_ul4), VRF_ACCESS);
	cst_pkt(m)->flags = CST_PKT_FRAG;
	edge = 0;
	upf_ul_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_FRAGMENT].id);
	reached[UPF_DROP_FRAGMENT] = true;
	rte_pktmbuf_free(m);
}

/* A jumbo packet both ways: what comes out in three segments is what went in. */
static void jumbo(void **state)
{
	uint8_t inner[1900], got[2100];
	struct rte_mbuf *m;
	uint8_t edge = 0;
	uint32_t dn, ue;

	for (unsigned i = 0; i < sizeof(inner); i++)
		inner[i] = (uint8_t)(i * 7);
	memcpy(&dn, "\xc6\x33\x64\x02", 4);
	memcpy(&ue, "\x0a\x2d\x00\x02", 4);
	cst_ip4_put(inner, &dn, &ue, CST_PROTO_UDP, sizeof(inner), 0, 10, 1, 1);
	m = packet(inner, sizeof(inner), VRF_CORE);
	split(m, 1500);
	upf_dl_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, ROUTE);
	assert_marks(m, VRF_ACCESS, true);
	assert_int_equal(m->pkt_len, sizeof(inner) + 44);
	cst_ip4_ttl_dec(inner);
	rte_memcpy(got, rte_pktmbuf_read(m, 0, m->pkt_len, got), m->pkt_len);
	assert_memory_equal(got + 44, inner, sizeof(inner));
	rte_pktmbuf_free(m);

	/* to a peer whose outer checksum covers all segments */
	ue += (7u - 1) << 24;
	cst_ip4_put(inner, &dn, &ue, CST_PROTO_UDP, sizeof(inner), 0, 10, 1, 1);
	m = packet(inner, sizeof(inner), VRF_CORE);
	split(m, 1501);
	edge = 0;
	upf_dl_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, ROUTE);
	rte_memcpy(got, rte_pktmbuf_read(m, 0, m->pkt_len, got), m->pkt_len);
	assert_int_equal(cst_csum_fold(cst_csum_add(
				 cst_csum_pseudo6(got + 8, got + 24, 17, m->pkt_len - 40), got + 40,
				 m->pkt_len - 40)),
			 0);
	rte_pktmbuf_free(m);
}

/* --- signalling --- */

static struct rte_mbuf *ask(const uint8_t *in, uint32_t len, uint16_t cut, uint8_t *edge)
{
	struct rte_mbuf *m = packet(in, len, VRF_ACCESS);
	uint16_t aside;

	if (cut && cut < m->data_len)
		split(m, cut);
	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	worker.now += 100 * rte_get_tsc_hz();
	*edge = 0;
	aside = upf_gtpu_process(&worker, &m, 1, edge);
	assert_int_equal(aside, *edge != ROUTE);
	return m;
}

static void echo(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		const uint8_t *out;
		uint32_t out_len;
	} cases_[] = {{IN(in_echo), IN(out_echo)}, {IN(in_echo6), IN(out_echo6)}};
	uint8_t edge;

	for (unsigned i = 0; i < 2; i++) {
		for (uint16_t cut = 0; cut < 60; cut++) {
			struct rte_mbuf *m = ask(cases_[i].in, cases_[i].len, cut, &edge);

			assert_int_equal(edge, ROUTE);
			assert_marks(m, VRF_ACCESS, true);
			assert_bytes(m, cases_[i].out, cases_[i].out_len);
			rte_pktmbuf_free(m);
		}
	}
}

static void answers(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		int drop;
		const uint8_t *out;
		uint32_t out_len;
	} cases_[] = {
		{IN(in_ul_unknown), UPF_DROP_UNKNOWN_TEID, IN(out_error)},
		{IN(in_ul_unknown6), UPF_DROP_UNKNOWN_TEID, IN(out_error6)},
		{IN(in_ul_must_ext), UPF_DROP_UNKNOWN_EXTENSION, IN(out_must_ext)},
		{IN(in_echo_response), UPF_DROP_MESSAGE, NULL, 0},
		{IN(in_error), UPF_DROP_ERROR_INDICATION, NULL, 0},
		{IN(in_error_forged), UPF_DROP_FORGED_ERROR, NULL, 0},
		{IN(in_error_short), UPF_DROP_FORGED_ERROR, NULL, 0},
		{IN(in_ul_prime), UPF_DROP_MALFORMED, NULL, 0},
	};
	uint8_t edge;

	for (unsigned i = 0; i < sizeof(cases_) / sizeof(*cases_); i++) {
		uint64_t injected = worker.stats.injected;
		struct rte_mbuf *m = ask(cases_[i].in, cases_[i].len, 0, &edge);

		assert_int_equal(edge, DROPPED);
		assert_int_equal(cst_pkt(m)->drop, upf_drops[cases_[i].drop].id);
		assert_int_equal(n_caught, cases_[i].out ? 1 : 0);
		assert_int_equal(worker.stats.injected - injected, n_caught);
		if (cases_[i].out) {
			assert_int_equal(caught[0].edge, ROUTE);
			assert_marks(caught[0].m, VRF_ACCESS, true);
			assert_bytes(caught[0].m, cases_[i].out, cases_[i].out_len);
		}
		reached[cases_[i].drop] = true;
		rte_pktmbuf_free(m);
		forget_caught();
	}
}

static unsigned errors_for(unsigned n)
{
	unsigned got;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = packet(IN(in_ul_unknown), VRF_ACCESS);
		uint8_t edge = 0;

		upf_gtpu_process(&worker, &m, 1, &edge);
		assert_int_equal(edge, DROPPED);
		rte_pktmbuf_free(m);
	}
	got = n_caught;
	forget_caught();
	return got;
}

static void rate_limit(void **state)
{
	worker.now += 100 * rte_get_tsc_hz();
	assert_int_equal(errors_for(100), 10);
	assert_int_equal(errors_for(100), 0);
	worker.now += rte_get_tsc_hz() / 10;
	assert_int_equal(errors_for(100), 1);
	worker.now += rte_get_tsc_hz();
	assert_int_equal(errors_for(100), 10);
}

static void suppressed(void **state)
{
	worker.now += 100 * rte_get_tsc_hz();
	atomic_store(&upf_suppress_error_indications, true);
	assert_int_equal(errors_for(5), 0);
	atomic_store(&upf_suppress_error_indications, false);
	assert_int_equal(errors_for(5), 5);
}

static void every_drop_was_reached(void **state)
{
	for (int i = 0; i < UPF_DROPS; i++) {
		if (!reached[i])
			fail_msg("%s was not reached", upf_drops[i].name);
	}
}

static void nothing_leaks(void **state)
{
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cases),
		cmocka_unit_test(cases_in_segments),
		cmocka_unit_test(mixed_burst),
		cmocka_unit_test(icmp),
		cmocka_unit_test(ttl_already_counted),
		cmocka_unit_test(nobody),
		cmocka_unit_test(fragmented),
		cmocka_unit_test(handed_off),
		cmocka_unit_test(several_owners),
		cmocka_unit_test(strays_are_found),
		cmocka_unit_test(odd_buffers),
		cmocka_unit_test(jumbo),
		cmocka_unit_test(echo),
		cmocka_unit_test(answers),
		cmocka_unit_test(rate_limit),
		cmocka_unit_test(suppressed),
		cmocka_unit_test(every_drop_was_reached),
		cmocka_unit_test(nothing_leaks),
	};

	return cmocka_run_group_tests_name("upf_node", tests, set_up, tear_down);
}
