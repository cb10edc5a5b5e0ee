/* SPDX-License-Identifier: BSD-3-Clause */
/* What takes more than one packet or one look: errors, fragments, hand-off, odd buffers, jumbo
 * frames. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>

#include "../../tests/vectors/upf_vectors.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_stray.h"

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

void icmp(void **state)
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
		{IN(in_dl_big6), 2, 0, 1280}, /* less is never asked for (RFC 8200 5) */
	};
	uint8_t edge;

	for (unsigned i = 0; i < 4; i++) {
		struct rte_mbuf *m = one(DL, cases_[i].in, cases_[i].len, 0, &edge);

		assert_int_equal(edge, SECOND);
		assert_icmp(m, cases_[i].type, cases_[i].code, cases_[i].info);
		rte_pktmbuf_free(m);
	}
}

void ttl_already_counted(void **state)
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
void nobody(void **state)
{
	static const struct {
		const uint8_t *in;
		uint32_t len;
		uint8_t type, code;
	} cases_[] = {
		{IN(in_dl_nobody4), 3, 1}, {IN(in_dl_nobody6), 1, 3}, {IN(in_dl_outside), 3, 1}};
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

void fragmented(void **state)
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

	/* one of coast's own goes whole, whatever the link takes: nobody can be told */
	m = one(DL, IN(in_dl_big), CST_PKT_LOCAL, &edge);
	assert_int_equal(edge, ROUTE);
	assert_int_equal(m->pkt_len, sizeof(in_dl_big) + 44);
	rte_pktmbuf_free(m);
	/* and none is cut to less than 68 bytes */
	upf_tables.peers[PEER_NARROW].mtu = 80;
	one(DL, IN(in_dl_big), 0, &edge);
	assert_int_equal(edge, TAKEN);
	assert_int_equal(n_caught, (sizeof(in_dl_big) - 28 + 39) / 40);
	assert_int_equal(caught[0].m->pkt_len, 68 + 44);
	forget_caught();
	/* what fits without DF needs neither */
	m = one(DL, IN(in_dl_least4), 0, &edge);
	upf_tables.peers[PEER_NARROW].mtu = 200;
	assert_int_equal(edge, ROUTE);
	assert_bytes(m, IN(out_dl_least4));
	rte_pktmbuf_free(m);
}

void handed_off(void **state)
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
void strays_are_found(void **state)
{
	struct upf_teid_slot slot = upf_tables.teids[1];
	struct upf_stray *t = upf_stray_take(&upf_strays, UPF_STRAY_TEID(VRF_ACCESS), TEID(1));
	struct cst_ip ip = {.family = 4, .b = {203, 0, 113, 7}};
	struct upf_stray *a =
		upf_stray_take(&upf_strays, UPF_STRAY_V4(VRF_CORE), upf_stray_key(&ip));
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

/* From another UE a packet comes without a hash; flows must spread all the same. */
void from_another_ue(void **state)
{
	uint8_t p[sizeof(in_dl4)];
	bool seen[65536] = {false};
	unsigned ports = 0;

	memcpy(p, in_dl4, sizeof(p));
	for (uint16_t flow = 0; flow < 200; flow++) {
		struct rte_mbuf *m;
		uint16_t sport;
		uint8_t edge = 0;

		cst_put_be16(p + 20, flow);
		m = packet(p, sizeof(p), VRF_CORE);
		cst_pkt(m)->hash = 0;
		upf_dl_process(&worker, &m, 1, &edge);
		assert_int_equal(edge, ROUTE);
		sport = cst_be16(rte_pktmbuf_mtod(m, uint8_t *) + 20);
		assert_true(sport >= 49152);
		ports += !seen[sport];
		seen[sport] = true;
		rte_pktmbuf_free(m);
	}
	assert_true(ports > 150);
}

void several_owners(void **state)
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

void odd_buffers(void **state)
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
void jumbo(void **state)
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
	assert_int_equal(
		cst_csum_fold(cst_csum_add(cst_csum_pseudo6(got + 8, got + 24, 17, m->pkt_len - 40),
					   got + 40, m->pkt_len - 40)),
		0);
	rte_pktmbuf_free(m);
}

/* Uplink, in two segments that part at `cut`; `trailer` bytes behind the inner packet go. */
static void jumbo_up(uint16_t cut, uint16_t trailer, uint16_t segs)
{
	enum { INNER = 1500 };
	const struct upf_count *count = &upf_tables.counts[COUNT(1, 0)];
	uint64_t bytes = count->bytes;
	uint8_t p[44 + INNER + 100] = {0}, got[INNER];
	struct rte_mbuf *m;
	uint8_t edge;

	for (unsigned i = 44; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 11);
	memcpy(p, in_ul4, 44);
	cst_put_be16(p + 2, (uint16_t)(44 + INNER + trailer));
	cst_put_be16(p + 24, (uint16_t)(24 + INNER + trailer));
	cst_put_be16(p + 30, (uint16_t)(8 + INNER + trailer));
	cst_ip4_put(p + 44, in_ul4 + 44 + 12, in_ul4 + 44 + 16, CST_PROTO_UDP, INNER, 0, 10, 1, 1);
	m = packet(p, 44u + INNER + trailer, VRF_ACCESS);
	split(m, cut);
	upf_ul_process(&worker, &m, 1, &(uint8_t){0});
	assert_marks(m, VRF_CORE, false);
	assert_int_equal(m->nb_segs, segs);
	assert_int_equal(m->pkt_len, INNER);
	assert_memory_equal(rte_pktmbuf_read(m, 0, INNER, got), p + 44, INNER);
	rte_mbuf_sanity_check(m, 1);
	assert_int_equal(count->bytes - bytes, INNER);
	rte_pktmbuf_free(m);

	/* shorter than its inner header says */
	m = packet(p, 44u + INNER + trailer, VRF_ACCESS);
	cst_put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 46, (uint16_t)(INNER + trailer + 1));
	split(m, cut);
	edge = 0;
	upf_ul_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_INNER].id);
	rte_pktmbuf_free(m);

	/* and than its GTP-U header says */
	m = packet(p, 44u + INNER + trailer, VRF_ACCESS);
	cst_put_be16(rte_pktmbuf_mtod(m, uint8_t *) + 30, (uint16_t)(8 + INNER + trailer + 1));
	split(m, cut);
	edge = 0;
	upf_ul_process(&worker, &m, 1, &edge);
	assert_int_equal(edge, DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_MALFORMED].id);
	rte_pktmbuf_free(m);
}

void jumbo_uplink(void **state)
{
	jumbo_up(300, 0, 2);
	jumbo_up(300, 50, 2);
	jumbo_up(1100, 13, 2);
	jumbo_up(44 + 1500, 50, 1); /* the second one has nothing left */
	jumbo_up(44 + 1500 + 20, 50, 1);
}

/* The largest datagram there is, put together from fragments: with a longer tunnel header it would
 * be one that cannot be. */
void largest(void **state)
{
	static const uint8_t ue[4] = {10, 45, 0, 5}, dn[4] = {198, 51, 100, 2};
	const struct upf_count *count = &upf_tables.counts[COUNT(4, 0)];
	uint8_t p[1000] = {0}, edge = 0;
	uint64_t packets = count->packets;

	for (uint16_t less = 0; less <= 8; less += 8) {
		uint32_t size = UINT16_MAX - less;
		struct rte_mbuf *m;

		memcpy(p, in_ul4, 28);
		cst_put_be16(p + 2, sizeof(p));
		cst_put_be16(p + 24, (uint16_t)(size - 20));
		cst_gtpu_put(p + 28, CST_GTPU_GPDU, TEID(4), (uint16_t)(size - 36));
		cst_ip4_put(p + 36, ue, dn, CST_PROTO_UDP, (uint16_t)(size - 36), 0, 10, 1, 1);
		m = packet(p, sizeof(p), VRF_ACCESS);
		cst_put_be16(rte_pktmbuf_mtod_offset(m, uint8_t *, 2), (uint16_t)size);
		while (m->pkt_len < size) {
			struct rte_mbuf *s = rte_pktmbuf_alloc(pool);

			rte_pktmbuf_append(s, (uint16_t)RTE_MIN(size - m->pkt_len, 1500u));
			rte_pktmbuf_chain(m, s);
		}
		upf_ul_process(&worker, &m, 1, &edge);
		assert_int_equal(edge, less ? ROUTE : DROPPED);
		if (less)
			assert_int_equal(cst_pkt(m)->ip_len, UINT16_MAX);
		else
			assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_HEADROOM].id);
		assert_int_equal(count->packets - packets, less ? 1 : 0);
		rte_pktmbuf_free(m);
	}
}
