/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_ul and upf_dl alone: bursts of packets of random sessions through the
 * node, with tables of up to a million sessions:
 *
 *   plain   one PDR each way
 *   full    and in it a filter, two QERs with bit rates, two URRs
 *   hash    plain, but with TEIDs that the control plane chose: they are found
 *           in a hash and not by their place, as in most other UPFs
 *
 * Packets are fresh in the cache, as after `classify`; sessions are where they
 * are.
 *
 * `node` in the report is what counts: cycles per packet inside the node, the
 * median burst. cycles/packet is the mean, and has in it the clock's own cost and
 * whatever else the machine was made to do meanwhile.
 */
#include <string.h>
#include <sys/mman.h>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "bench.h"
#include "gtpu.h"
#include "ip.h"
#include "samples.h"
#include "upf_bench.h"
#include "upf_compile_policy.h"
#include "upf_encap.h"
#include "upf_match.h"
#include "upf_node.h"
#include "upf_stray.h"
#include "upf_tables.h"

#define TAG_BITS     11
#define MAX_SESSIONS 1000000u
#define PEERS        64u
#define INNER        64u /* bytes of the user's packet */
#define BUFFER       2048u
#define QFI          UPF_BENCH_QFI
#define FULL_LINES   8u /* of a session's run: rules, two PDRs, their filters, two QERs, policy */
#define STRAYS       (1u << 21)

enum { VRF_ACCESS = UPF_BENCH_ACCESS, VRF_CORE = UPF_BENCH_CORE };

static struct upf_tables own, full, hashed, theirs;
static struct upf_stray_table strays;
static struct cst_worker worker;
static struct rte_mbuf *pkts[CST_MAX_BURST];
static uint64_t seed = 88172645463325252ull;

void *upf_bench_memory(size_t size)
{
	size_t huge = (size_t)2 << 20;
	void *p;

	size = (size + huge - 1) & ~(huge - 1);
	p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
	if (p != MAP_FAILED)
		return p;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return NULL;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size); /* page faults belong to no benchmark */
	return p;
}

uint32_t upf_bench_teid(uint32_t session)
{
	return session << TAG_BITS | session * 2654435761u >> (32 - TAG_BITS);
}

static void put_session(struct upf_tables *t, uint32_t s, uint32_t n_lines)
{
	uint32_t line = 1 + (s - 1) * n_lines;
	struct upf_rules *r = (struct upf_rules *)((char *)t->lines + (size_t)line * 64);
	struct upf_pdr *p = (struct upf_pdr *)(r + 1);

	*r = (struct upf_rules){.seid = s,
				.n_lines = (uint16_t)n_lines,
				.n_ul = 1,
				.n_dl = 1,
				.ul = 1,
				.dl = 2,
				.flags = UPF_RULES_V4,
				.vrf = VRF_CORE};
	cst_put_be32(&r->ue_v4, 0x0a000000 + s);
	p[0] = (struct upf_pdr){.qfi_set = 1ull << QFI,
				.teid = upf_bench_teid(s),
				.need = UPF_NEED_TUNNEL | UPF_NEED_QFI,
				.in_vrf = VRF_ACCESS,
				.action = UPF_FORW,
				.flags = UPF_PDR_SPOOF,
				.source_if = UPF_IF_ACCESS,
				.dest_if = UPF_IF_CORE,
				.counter = 4 * s,
				.out_vrf = VRF_CORE};
	p[1] = (struct upf_pdr){.qfi_set = UPF_ANY_QFI,
				.need = UPF_NEED_PLAIN,
				.in_vrf = VRF_CORE,
				.action = UPF_FORW,
				.flags = UPF_PDR_ENCAP | UPF_PDR_PSC,
				.source_if = UPF_IF_CORE,
				.dest_if = UPF_IF_ACCESS,
				.out_qfi = QFI,
				.counter = 4 * s + 1,
				.peer = 1 + s % PEERS,
				.out_teid = s,
				.out_vrf = VRF_ACCESS};
	p[0].first = p[1].first = UPF_ONLY;
	p[0].ue_v4 = p[1].ue_v4 = r->ue_v4;
	t->teids[s] = upf_teid_slot(t, upf_bench_teid(s), UPF_REF(0, line), s);
	t->pool_slots[s] = UPF_REF(0, line);
}

/* As upf_compile() lays them out: filters, QERs and the policy that both PDRs share. */
static void put_policies(uint32_t s)
{
	struct upf_rules *r =
		(struct upf_rules *)((char *)full.lines + (size_t)(1 + (s - 1) * FULL_LINES) * 64);
	struct upf_pdr *p = (struct upf_pdr *)(r + 1);
	struct upf_sdf *filter = (struct upf_sdf *)(r + 3);
	struct upf_qer *q = (struct upf_qer *)(r + 5);
	struct upf_policy *policy = (struct upf_policy *)(r + 7);
	struct upf_qer_obj o = {.has = 1u << QER_ID | 1u << QER_MBR,
				.mbr = {.has = 3, .ul = 1000000000, .dl = 1000000000}};

	for (uint32_t i = 0; i < 2; i++) {
		o.id = 1 + i;
		upf_qer_set(&q[i], &o, 2 * s + i, 2450000000);
		filter[i] = (struct upf_sdf){.flags = UPF_SDF_PROTO,
					     .family = 4,
					     .proto = CST_PROTO_UDP,
					     .remote = {198, 51, 100},
					     .remote_len = 24};
		p[i].sdf = (uint16_t)(3 + i);
		p[i].n_sdf = 1;
		p[i].shun = ~upf_sdf_admits(&filter[i]);
		p[i].flags |= UPF_PDR_POLICY;
		p[i].policy = 7;
		memset(&full.limits[2 * s + i], 0xff, sizeof(*full.limits));
		full.limits[2 * s + i].arm = full.limits[2 * s + i].flags = 0;
		full.limits[2 * s + i].idle = 0;
		full.usages[2 * s + i] =
			(struct upf_usage){.first = 1, .last = rte_rdtsc(), .room = UINT64_MAX};
	}
	*policy = (struct upf_policy){.n_qers = 2,
				      .n_urrs = 2,
				      .n_before = 1,
				      .item = {5, 6, 2 * s, 2 * s + 1, 2 * s, 2 * s + 1}};
}

/* Up to this one, as far as they are not there yet. */
static void put_sessions(uint32_t sessions)
{
	static uint32_t made;

	for (; made < sessions; made++)
		put_session(&own, made + 1, 3);
}

static void put_full_sessions(uint32_t sessions)
{
	static uint32_t made;

	for (; made < sessions; made++) {
		put_session(&full, made + 1, FULL_LINES);
		put_policies(made + 1);
	}
}

/* Buffers as a mempool lays them out; no EAL is needed for that. */
static bool make_packets(void)
{
	size_t size = sizeof(struct rte_mbuf) + sizeof(struct cst_pkt) + BUFFER;
	char *mem = upf_bench_memory(size * CST_MAX_BURST);

	for (uint32_t i = 0; mem && i < CST_MAX_BURST; i++) {
		struct rte_mbuf *m = (struct rte_mbuf *)(mem + i * size);

		m->buf_addr = (char *)m + sizeof(*m) + sizeof(struct cst_pkt);
		m->buf_len = BUFFER;
		m->priv_size = sizeof(struct cst_pkt);
		m->nb_segs = 1;
		rte_mbuf_refcnt_set(m, 1);
		pkts[i] = m;
	}
	return mem != NULL;
}

static bool make_tables(uint32_t sessions)
{
	static const uint8_t net[4] = {10};
	struct cst_ip local = {.family = 4, .b = {192, 0, 2, 1}};

	if (own.lines) {
		put_sessions(sessions);
		return true;
	}
	own = (struct upf_tables){
		.lines = upf_bench_memory((size_t)64 * (1 + 3 * MAX_SESSIONS)),
		.counts = upf_bench_memory((size_t)64 * (1 + MAX_SESSIONS)),
		.teids = upf_bench_memory(sizeof(struct upf_teid_slot) << (32 - TAG_BITS)),
		.pool_slots = upf_bench_memory(4ull << 20),
		.peers = upf_bench_memory(sizeof(struct upf_peer) * (PEERS + 1)),
		.pools = upf_bench_memory(sizeof(struct upf_pool) * UPF_MAX_POOLS),
		.teid_tag_bits = TAG_BITS,
	};
	if (!own.lines || !own.counts || !own.teids || !own.pool_slots || !own.peers ||
	    !own.pools || !make_packets()) {
		own.lines = NULL;
		return false;
	}
	own.pools[1] = (struct upf_pool){
		.prefix = {.len = 8}, .count = 1u << 20, .vrf = VRF_CORE, .used = 1};
	memcpy(own.pools[1].prefix.ip.b, net, 4);
	for (uint32_t i = 1; i <= PEERS; i++) {
		struct cst_ip remote = {.family = 4, .b = {192, 0, 2, (uint8_t)(1 + i)}};

		upf_peer_set(&own.peers[i], VRF_ACCESS, &local, &remote, CST_GTPU_PORT);
	}
	put_sessions(sessions);
	return true;
}

const struct upf_tables *upf_bench_tables(uint32_t sessions)
{
	return make_tables(sessions) ? &own : NULL;
}

static bool make_full_tables(uint32_t sessions)
{
	size_t n = 2 * ((size_t)MAX_SESSIONS + 1);

	if (!make_tables(0))
		return false;
	if (full.lines) {
		put_full_sessions(sessions);
		return true;
	}
	full = own;
	full.lines = upf_bench_memory((size_t)64 * (1 + FULL_LINES * MAX_SESSIONS));
	full.teids = upf_bench_memory(sizeof(struct upf_teid_slot) << (32 - TAG_BITS));
	full.pool_slots = upf_bench_memory(4ull << 20);
	full.meters = upf_bench_memory(n * sizeof(struct upf_meter));
	full.usages = upf_bench_memory(n * sizeof(struct upf_usage));
	full.limits = upf_bench_memory(n * sizeof(struct upf_limit));
	if (!full.lines || !full.teids || !full.pool_slots || !full.meters || !full.usages ||
	    !full.limits) {
		full.lines = NULL;
		return false;
	}
	put_full_sessions(sessions);
	return true;
}

/* The TEIDs of plain sessions, and none in the table of places. */
static bool make_hash_tables(void)
{
	struct upf_stray *e;

	if (!make_tables(MAX_SESSIONS))
		return false;
	if (hashed.lines)
		return true;
	e = upf_bench_memory(STRAYS * sizeof(*e));
	hashed = own;
	hashed.teids = upf_bench_memory(sizeof(struct upf_teid_slot) << (32 - TAG_BITS));
	if (!e || !hashed.teids) {
		hashed.lines = NULL;
		return false;
	}
	upf_stray_init(&strays, e, STRAYS, 1);
	for (uint32_t s = 1; s <= MAX_SESSIONS; s++)
		upf_stray_set(
			upf_stray_take(&strays, UPF_STRAY_TEID(VRF_ACCESS), upf_bench_teid(s)),
			own.teids[s].ref);
	return true;
}

uint32_t upf_bench_some(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (uint32_t)((seed >> 32) * n >> 32);
}

static void put_inner(uint8_t *p, const struct upf_bench_to *to, bool ul)
{
	uint8_t ue[4], dn[4];
	uint32_t ports = ul ? 5000u << 16 | to->port : (uint32_t)to->port << 16 | 5000u;

	cst_put_be32(ue, 0x0a000000 + to->session);
	cst_put_be32(dn, to->server);
	cst_ip4_put(p, ul ? ue : dn, ul ? dn : ue, CST_PROTO_UDP, INNER, 0, 64, 1, 1);
	cst_put_be32(p + 20, ports);
}

static void put_ul(struct rte_mbuf *m, const struct upf_bench_to *to)
{
	static const struct cst_ip gnb = {.family = 4, .b = {192, 0, 2, 2}};
	static const struct cst_ip upf = {.family = 4, .b = {192, 0, 2, 1}};
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	upf_put_signal(p, &gnb, &upf, CST_GTPU_PORT, CST_GTPU_PORT, 16 + INNER, 0, 1);
	cst_gtpu_put_psc(p + 28, CST_GTPU_GPDU, upf_bench_teid(to->session), INNER,
			 cst_gtpu_psc_ul(QFI));
	put_inner(p + 44, to, true);
	m->data_len = 44 + INNER;
	*cst_pkt(m) = (struct cst_pkt){.vrf = VRF_ACCESS,
				       .ip_version = 4,
				       .l4_proto = 17,
				       .l4_off = 20,
				       .ip_len = 44 + INNER};
}

static void put_dl(struct rte_mbuf *m, const struct upf_bench_to *to)
{
	put_inner(rte_pktmbuf_mtod(m, uint8_t *), to, false);
	m->data_len = INNER;
	*cst_pkt(m) = (struct cst_pkt){.vrf = VRF_CORE,
				       .ip_version = 4,
				       .l4_proto = 17,
				       .l4_off = 20,
				       .ip_len = INNER,
				       .aux = 1,
				       .hash = to->session * 2654435761u};
}

static struct upf_bench_to plain(uint32_t sessions)
{
	return (struct upf_bench_to){.session = 1 + upf_bench_some(sessions),
				     .server = 0xc6336402,
				     .port = (uint16_t)(1024 + upf_bench_some(256))};
}

static void prepare(bool ul, uint32_t n, upf_bench_pick_t pick, uint32_t arg)
{
	for (uint32_t i = 0; i < n; i++) {
		struct upf_bench_to to = pick(arg);
		struct rte_mbuf *m = pkts[i];

		m->data_off = RTE_PKTMBUF_HEADROOM + 14;
		if (ul)
			put_ul(m, &to);
		else
			put_dl(m, &to);
		m->pkt_len = m->data_len;
	}
}

static struct cst_samples samples; /* of one burst each */

void upf_bench_run(struct cst_bench *b, bool ul, const struct upf_tables *tables,
		   upf_bench_pick_t pick, uint32_t arg)
{
	uint16_t n = (uint16_t)cst_bench_arg(b);
	cst_process_t process = ul ? upf_ul_process : upf_dl_process;
	uint8_t edge[CST_MAX_BURST];
	uint16_t aside = 0;

	theirs = upf_tables;
	upf_tables = *tables;
	cst_samples_reset(&samples);
	while (cst_bench_run(b, n)) {
		uint64_t t;

		cst_bench_pause(b);
		prepare(ul, n, pick, arg);
		memset(edge, 0, n);
		cst_bench_resume(b);
		t = cst_samples_clock();
		worker.now = t;
		aside |= process(&worker, pkts, n, edge);
		cst_samples_add(&samples, t);
	}
	upf_tables = theirs;
	if (aside)
		cst_bench_fail(b, "a packet did not go on");
	else
		cst_bench_counter(b, "node", cst_samples_median(&samples) / n);
}

/* ---- kinds of sessions ------------------------------------------------------------ */

enum kind { PLAIN, FULL, HASH };

static bool make_kind(enum kind kind, uint32_t sessions)
{
	switch (kind) {
	case FULL:
		return make_full_tables(sessions);
	case HASH:
		return make_hash_tables();
	default:
		return make_tables(sessions);
	}
}

static void run(struct cst_bench *b, bool ul, enum kind kind, uint32_t sessions)
{
	static const struct upf_tables *const tables[] = {&own, &full, &hashed};
	struct upf_stray_table live = upf_strays;

	if (!make_kind(kind, sessions)) {
		cst_bench_fail(b, "no memory for a million sessions");
		return;
	}
	upf_strays = strays;
	upf_bench_run(b, ul, tables[kind], plain, sessions);
	upf_strays = live;
}

/* upf.DIRECTION.KIND.SESSIONS */
#define BENCH(dir, kind, KIND, size, sessions)                 \
	static void dir##_##kind##_##size(struct cst_bench *b) \
	{                                                      \
		run(b, #dir[0] == 'u', KIND, sessions);        \
	}                                                      \
	CST_BENCH(dir##_##kind##_##size, "upf." #dir "." #kind "." #size, 1, 8, 32, 256)
#define SIZES(dir, kind, KIND)                \
	BENCH(dir, kind, KIND, 1k, 1000);     \
	BENCH(dir, kind, KIND, 100k, 100000); \
	BENCH(dir, kind, KIND, 1M, MAX_SESSIONS)

SIZES(ul, plain, PLAIN);
SIZES(dl, plain, PLAIN);
SIZES(ul, full, FULL);
SIZES(dl, full, FULL);
SIZES(ul, hash, HASH);
