/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_node_rig.h"

#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>

#include "../../tests/vectors/upf_vectors.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_stray.h"

/* --- what the nodes call of the engine, caught --- */

struct caught caught[MAX_CAUGHT];
unsigned n_caught;

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

/* Notices go nowhere; the last one is kept. */
unsigned n_notices;
bool no_notices;
uint8_t last_notice[CST_NOTICE_LEN];

bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len);
bool __wrap_cst_notice(struct cst_worker *w, uint16_t kind, const void *data, uint8_t len)
{
	if (no_notices)
		return false;
	n_notices++;
	memcpy(last_notice, data, len);
	return true;
}

void forget_caught(void)
{
	for (unsigned i = 0; i < n_caught; i++)
		rte_pktmbuf_free(caught[i].m);
	n_caught = 0;
}

/* --- usage --- */

struct upf_usage usages[2];
struct upf_limit limits[2];

void open_usage(void)
{
	upf_tables.usages = usages;
	upf_tables.limits = limits;
	memset(usages, 0, sizeof(usages));
	memset(limits, 0xff, sizeof(limits));
	limits[1].arm = limits[1].flags = 0;
	limits[1].idle = 0;
}

/* --- sessions --- */

#define STRAYS 16
static struct upf_stray strays[STRAYS];
struct cst_worker worker;
struct rte_mempool *pool;
bool reached[UPF_DROPS];
cst_process_t const process[2] = {upf_ul_process, upf_dl_process};

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
				.state = s,
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
		if (i == 0 || i == n_up)
			p[i].first = (i < n_up ? n_up : n_down) == 1 ? UPF_ONLY : UPF_FIRST;
		p[i].ue_v4 = r->ue_v4;
		p[i].counter = s * 4 + i;
		if ((p[i].need & UPF_NEED_TUNNEL) && !p[i].teid)
			p[i].teid = TEID(s);
	}
	for (uint16_t i = 0; i < n_sdf; i++)
		((struct upf_sdf *)(p + n_up + n_down))[i] = sdf[i];
	upf_tables.teids[s] = upf_teid_slot(&upf_tables, TEID(s), UPF_REF(owner, line), 0);
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
	/* a user of more addresses, at the ends of the pools */
	upf_tables.pool_slots[0xfffe] = UPF_REF(0, 16);
	upf_tables.pool_slots[65536 + 0xfffe] = UPF_REF(0, 16);

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
	upf_tables.teids[11] = upf_teid_slot(&upf_tables, TEID(11), UPF_REF(0, 4 * 16), 0);

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

	put_simple(14, 0, u, d1);

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

int set_up(void **state)
{
	static char *argv[] = {"upf_node_test",  "--no-huge",   "-m", "64", "--no-pci",
			       "--no-telemetry", "--no-shconf", "-l", "0",  "--log-level",
			       "error"};

	if (rte_eal_init(sizeof(argv) / sizeof(*argv), argv) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("test", 4095, 0, sizeof(struct cst_pkt), 2048 + 128, 0);
	upf_tables.lines = aligned_alloc(64, SESSIONS * 16 * 64);
	upf_tables.counts = aligned_alloc(64, SESSIONS * 64);
	upf_tables.teids = calloc(1u << (32 - TAG_BITS), sizeof(struct upf_teid_slot));
	upf_tables.pool_slots = calloc(2 * 65536, sizeof(uint32_t));
	upf_tables.peers = aligned_alloc(64, 64 * 8);
	upf_tables.pools = calloc(UPF_MAX_POOLS, sizeof(struct upf_pool));
	upf_tables.teid_tag_bits = TAG_BITS;
	memset(upf_tables.counts, 0, SESSIONS * 64);
	memset(upf_tables.peers, 0, 64 * 8);
	upf_tables.pools[1] =
		(struct upf_pool){.prefix = {.ip = {.family = 4, .b = {10, 45, 0, 1}}, .len = 16},
				  .count = 65536,
				  .vrf = VRF_CORE,
				  .used = 1};
	upf_tables.pools[2] = (struct upf_pool){
		.prefix = {.ip = {.family = 6, .b = {0x20, 1, 0xd, 0xb8, 0, 0x45}}, .len = 48},
		.first = 65536,
		.count = 65536,
		.vrf = VRF_CORE,
		.unit = 64,
		.used = 1};
	upf_stray_init(&upf_strays, strays, STRAYS, 1);
	put_peer(PEER_GNB4, "\xc0\0\2\1", "\xc0\0\2\2", 4);
	put_peer(PEER_NEXT4, "\xc0\0\2\1", "\xc0\0\2\3", 4);
	put_peer(PEER_GNB6, V6_UPF, V6_GNB, 6);
	put_peer(PEER_NARROW, "\xc0\0\2\1", "\xc0\0\2\2", 4);
	upf_tables.peers[PEER_NARROW].mtu = 200;
	put_sessions();
	return pool ? 0 : -1;
}

int tear_down(void **state)
{
	rte_eal_cleanup();
	return 0;
}

/* --- packets --- */

/* As `classify` leaves it. */
/* As from a NIC that marks (upf_mark.h), rightly, for a session that is over, or beyond all of
 * them: packets fare the same. */
static void mark(struct rte_mbuf *m)
{
	static const uint32_t marks[] = {1, SESSIONS - 1, SESSIONS + 1, 0xffffef, UINT32_MAX};
	static unsigned n;

	if (n++ % 2 == 0)
		return;
	m->ol_flags |= RTE_MBUF_F_RX_FDIR | RTE_MBUF_F_RX_FDIR_ID;
	m->hash.fdir.hi = marks[n / 2 % RTE_DIM(marks)];
}

struct rte_mbuf *packet(const uint8_t *bytes, uint32_t len, uint16_t vrf)
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
				.aux = ip.version == 6   ? 2
				       : bytes[16] == 10 ? 1
							 : 0,
				.hash = VEC_HASH};
	mark(m);
	return m;
}

/* Hand the bytes behind `at` to a second segment. */
void split(struct rte_mbuf *m, uint16_t at)
{
	struct rte_mbuf *s = rte_pktmbuf_alloc(pool);
	uint16_t n = (uint16_t)(m->data_len - at);

	assert_non_null(s);
	memcpy(rte_pktmbuf_append(s, n), rte_pktmbuf_mtod_offset(m, char *, at), n);
	m->data_len = at;
	m->next = s;
	m->nb_segs = 2;
}

void assert_bytes(struct rte_mbuf *m, const uint8_t *want, uint32_t len)
{
	uint8_t buf[4096];
	const uint8_t *p = rte_pktmbuf_read(m, 0, m->pkt_len, buf);

	assert_int_equal(m->pkt_len, len);
	assert_memory_equal(p, want, len);
	rte_mbuf_sanity_check(m, 1);
}

/* What the marks must say of a packet that goes on. */
void assert_marks(struct rte_mbuf *m, uint16_t vrf, bool own)
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
