/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies on the nodes' ways: what leaves is counted, as large as it leaves; what cannot leave is
 * not, nor charged. The rules themselves: upf_policy_test.c. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>

#include "../../tests/vectors/upf_vectors.h"
#include "ip.h"
#include "upf_encap.h"
#include "upf_match.h"

#define QER    10 /* lines of each run that its rules leave free */
#define POLICY 11
#define SPENT  12

static struct upf_meter meters[2];

static void *line(uint32_t session, unsigned i)
{
	return (char *)upf_tables.lines + ((size_t)session * 16 + i) * 64;
}

/* Every PDR of the session has one QER and one URR; its rate is as good as none. */
static void put_policy(uint32_t session)
{
	const struct upf_rules *r = line(session, 0);
	struct upf_pdr *p = line(session, 1);

	upf_tables.meters = meters;
	open_usage();
	memset(meters, 0, sizeof(meters));
	*(struct upf_qer *)line(session, QER) =
		(struct upf_qer){.id = 1,
				 .meter = 1,
				 .rate = {{.burst = 1ull << 60, .mult = 1, .limited = 1},
					  {.burst = 1ull << 60, .mult = 1, .limited = 1}}};
	*(struct upf_policy *)line(session, POLICY) =
		(struct upf_policy){.n_qers = 1, .n_urrs = 1, .item = {QER, 1, 1}};
	for (unsigned i = 0; i < r->n_ul + r->n_dl; i++) {
		p[i].flags |= UPF_PDR_POLICY;
		p[i].policy = POLICY;
	}
}

static void remove_policy(uint32_t session)
{
	const struct upf_rules *r = line(session, 0);
	struct upf_pdr *p = line(session, 1);

	for (unsigned i = 0; i < r->n_ul + r->n_dl; i++)
		p[i].flags &= (uint8_t)~UPF_PDR_POLICY;
}

static struct rte_mbuf *made(int node, const uint8_t *in, uint32_t len)
{
	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	worker.now += 100 * rte_get_tsc_hz();
	return packet(in, len, node == UL ? VRF_ACCESS : VRF_CORE);
}

static uint8_t sent(int node, struct rte_mbuf *m)
{
	uint8_t edge = ROUTE;

	process[node](&worker, &m, 1, &edge);
	return edge;
}

/* What a packet cost the meter, which takes a unit for a byte. */
static uint64_t charged(enum upf_dir dir, uint64_t now)
{
	uint64_t from = now << 6;

	return meters[1].due[dir] > from ? meters[1].due[dir] - from : 0;
}

static void assert_counted(enum upf_dir dir, uint64_t bytes, uint64_t packets)
{
	assert_int_equal(usages[1].bytes[dir], bytes);
	assert_int_equal(usages[1].packets[dir], packets);
	assert_int_equal(usages[1].bytes[!dir], 0);
	assert_int_equal(charged(dir, worker.now), bytes);
	assert_int_equal(charged(!dir, worker.now), 0);
}

void policy_counts_what_leaves(void **state)
{
	static const struct {
		int node;
		const uint8_t *in;
		uint32_t len, session;
		uint8_t edge;
		enum upf_dir dir;
		uint32_t bytes; /* 0: it does not leave */
	} ways[] = {
		{UL, IN(in_ul4), 1, ROUTE, UPF_UL, sizeof(out_ul4)},
		{UL, IN(in_ul_seq), 1, ROUTE, UPF_UL, sizeof(out_ul4)},
		{UL, IN(in_n9_keep), 4, ROUTE, UPF_UL, 42},
		{UL, IN(in_n9_make), 4, ROUTE, UPF_UL, 42},
		{UL, IN(in_n9_down), 4, ROUTE, UPF_DL, 44}, /* downlink, though by a tunnel */
		{UL, IN(in_n9_gone), 12, DROPPED, UPF_UL, 0},
		{UL, IN(in_ul_drop), 2, DROPPED, UPF_UL, 0},
		{UL, IN(in_ul_no_ohc), 5, DROPPED, UPF_UL, 0},
		{UL, IN(in_ul_keep), 6, DROPPED, UPF_UL, 0},
		{UL, IN(in_ul_spoof4), 1, DROPPED, UPF_UL, 0},
		{UL, IN(in_marker_n9), 4, ROUTE, UPF_UL, 0},
		{DL, IN(in_dl4), 1, ROUTE, UPF_DL, 44},
		{DL, IN(in_dl6), 1, ROUTE, UPF_DL, 64},
		{DL, IN(in_dl_outer6), 7, ROUTE, UPF_DL, 31},
		{DL, IN(in_dl_drop), 2, DROPPED, UPF_DL, 0},
		{DL, IN(in_dl_no_ohc), 5, DROPPED, UPF_DL, 0},
		{DL, IN(in_dl_ttl4), 1, SECOND, UPF_DL, 0},
		{DL, IN(in_dl_ttl6), 1, SECOND, UPF_DL, 0},
		{DL, IN(in_dl_big_df), 10, SECOND, UPF_DL, 0},
		{DL, IN(in_dl_big6), 10, SECOND, UPF_DL, 0},
		{DL, IN(in_dl_least6), 10, ROUTE, UPF_DL, 1280},
	};

	for (unsigned i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		struct rte_mbuf *m = made(ways[i].node, ways[i].in, ways[i].len);

		put_policy(ways[i].session);
		assert_int_equal(sent(ways[i].node, m), ways[i].edge);
		assert_counted(ways[i].dir, ways[i].bytes, ways[i].bytes != 0);
		remove_policy(ways[i].session);
		rte_pktmbuf_free(m);
		forget_caught();
	}
}

/* `route` answers a packet whose hops are used up, and sends it nowhere. */
void policy_and_hops(void **state)
{
	const struct upf_count *c = &upf_tables.counts[COUNT(1, 0)];
	uint64_t before = c->packets;
	struct rte_mbuf *m = made(UL, IN(in_ul4));

	put_policy(1);
	*rte_pktmbuf_mtod_offset(m, uint8_t *, sizeof(in_ul4) - sizeof(out_ul4) + 8) = 1;
	assert_int_equal(sent(UL, m), ROUTE);
	assert_counted(UPF_UL, 0, 0);
	assert_int_equal(c->packets, before);
	remove_policy(1);
	rte_pktmbuf_free(m);
}

void policy_and_headroom(void **state)
{
	struct rte_mbuf *m = made(DL, IN(in_dl4));

	put_policy(1);
	m->data_off = 40;
	memcpy(rte_pktmbuf_mtod(m, char *), in_dl4, sizeof(in_dl4));
	assert_int_equal(sent(DL, m), DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_HEADROOM].id);
	assert_counted(UPF_DL, 0, 0);
	remove_policy(1);
	rte_pktmbuf_free(m);
}

/* Each piece by itself, header and all; what is refused of them is dropped by name. */
void policy_and_fragments(void **state)
{
	uint64_t bytes = 0;
	unsigned dropped = 0;

	put_policy(10);
	assert_int_equal(sent(DL, made(DL, IN(in_dl_big))), TAKEN);
	assert_int_equal(n_caught, VEC_FRAGMENTS);
	for (unsigned i = 0; i < n_caught; i++)
		bytes += caught[i].m->pkt_len - 44;
	assert_counted(UPF_DL, bytes, VEC_FRAGMENTS);
	assert_true(bytes > sizeof(in_dl_big));
	forget_caught();

	put_policy(10);
	limits[1].quota[2] = bytes - 1;
	assert_int_equal(sent(DL, made(DL, IN(in_dl_big))), TAKEN);
	assert_int_equal(n_caught, VEC_FRAGMENTS);
	for (unsigned i = 0; i < n_caught; i++)
		dropped += caught[i].edge == DROPPED;
	assert_int_equal(dropped, 1);
	assert_int_equal(usages[1].packets[UPF_DL], VEC_FRAGMENTS - 1);
	remove_policy(10);
	forget_caught();
}

static void assert_refused(int node, const uint8_t *in, uint32_t len, enum upf_drop why)
{
	struct rte_mbuf *m = made(node, in, len);

	assert_int_equal(sent(node, m), DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[why].id);
	assert_counted(node == UL ? UPF_UL : UPF_DL, 0, 0);
	reached[why] = true;
	rte_pktmbuf_free(m);
}

void policy_refuses(void **state)
{
	struct upf_policy *p = line(1, POLICY);
	struct upf_qer *q = line(1, QER);

	put_policy(1);
	p->flags = UPF_POLICY_GATE;
	assert_refused(UL, IN(in_ul4), UPF_DROP_GATE);
	assert_refused(DL, IN(in_dl4), UPF_DROP_GATE);
	p->flags = 0;
	q->rate[UPF_UL].mult = q->rate[UPF_DL].mult = 0;
	assert_refused(UL, IN(in_ul4), UPF_DROP_RATE);
	assert_refused(DL, IN(in_dl4), UPF_DROP_RATE);
	assert_int_equal(meters[1].dropped[UPF_UL], 1);
	assert_int_equal(meters[1].dropped[UPF_DL], 1);
	q->rate[UPF_UL].mult = q->rate[UPF_DL].mult = 1;
	limits[1].quota[2] = 10;
	assert_refused(UL, IN(in_ul4), UPF_DROP_QUOTA);
	assert_refused(DL, IN(in_dl4), UPF_DROP_QUOTA);
	remove_policy(1);
}

/* By the FAR for quota action: another tunnel, one hop less as ever, too big for it or not. */
void policy_sends_otherwise(void **state)
{
	struct upf_policy *p = line(1, POLICY);
	struct upf_pdr *spent = line(1, SPENT);
	struct rte_mbuf *m;
	uint8_t *ip;

	put_policy(1);
	limits[1].quota[2] = 0;
	p->spent = SPENT;
	p->spent_by = 1;
	*spent = *(struct upf_pdr *)line(1, 2);
	spent->peer = PEER_NEXT4;
	spent->out_teid = 0x5555;
	m = made(DL, IN(in_dl4));
	assert_int_equal(sent(DL, m), ROUTE);
	ip = rte_pktmbuf_mtod(m, uint8_t *);
	assert_int_equal(cst_be32(ip + 32), 0x5555);
	assert_memory_equal(ip + 16, "\xc0\0\2\3", 4);
	assert_int_equal(ip[44 + 8], in_dl4[8] - 1);
	assert_int_equal(usages[1].bytes[UPF_DL], 0); /* the URR is spent */
	assert_int_equal(charged(UPF_DL, worker.now), 44);
	rte_pktmbuf_free(m);

	/* uplink: out of one tunnel and into another */
	*spent = *(struct upf_pdr *)line(1, 1);
	spent->flags |= UPF_PDR_ENCAP;
	spent->peer = PEER_NEXT4;
	spent->out_teid = 0x6666;
	m = made(UL, IN(in_ul_seq));
	assert_int_equal(sent(UL, m), ROUTE);
	assert_int_equal(cst_be32(rte_pktmbuf_mtod_offset(m, uint8_t *, 32)), 0x6666);
	rte_pktmbuf_free(m);

	spent->action = UPF_DROP;
	assert_refused(UL, IN(in_ul4), UPF_DROP_FAR);
	p->spent_by = 0;
	p->spent = 0;
	remove_policy(1);
}
