/* SPDX-License-Identifier: BSD-3-Clause */
/* Redundant transmission on the nodes' ways: what leaves twice, byte by byte, what is taken once,
 * and that all counts once. Numbers and verdicts are a fake's. */
#include "upf_node_rig.h"

#include <string.h>

#include "../../tests/vectors/upf_vectors.h"
#include "net/redundancy.h"
#include "upf_match.h"

#define POLICY    11 /* lines of session 1's run that its rules leave free */
#define SECOND_AT 12
#define FLOW      5

/* ---- who numbers packets --------------------------------------------------------------- */

static uint32_t next_number;
static unsigned asked, paths[2];
static uint32_t last_seq;
static bool verdict;

static uint32_t next_of(uint32_t flow)
{
	assert_int_equal(flow, FLOW);
	return next_number++;
}

static bool accept_it(struct cst_worker *w, uint32_t flow, unsigned path, uint32_t seq)
{
	assert_ptr_equal(w, &worker);
	assert_int_equal(flow, FLOW);
	asked++;
	paths[path]++;
	last_seq = seq;
	return verdict;
}

static void prefetch_it(uint32_t flow)
{
	assert_int_equal(flow, FLOW);
}

static const struct cst_redundancy fake = {
	.prefetch = prefetch_it, .next = next_of, .accept = accept_it};

/* ---- session 1 with a second tunnel ------------------------------------------------------ */

static struct upf_pdr saved[2];

static void *line(unsigned i)
{
	return (char *)upf_tables.lines + (16 + (size_t)i) * 64;
}

static struct upf_pdr *give_second(enum upf_dir dir, uint8_t by)
{
	struct upf_pdr *p = line(1 + dir), *second = line(SECOND_AT);

	cst_redundancy_offer(&fake);
	asked = paths[0] = paths[1] = 0;
	verdict = true;
	open_usage();
	saved[dir] = *p;
	p->flags |= UPF_PDR_POLICY;
	p->policy = POLICY;
	*(struct upf_policy *)line(POLICY) =
		(struct upf_policy){.n_urrs = 1, .second = 1, .copies = SECOND_AT, .item = {1}};
	*second = *p;
	second->flags &= (uint8_t)~UPF_PDR_POLICY;
	second->counter = FLOW;
	second->first = by;
	((struct upf_rules *)line(0))->flags |= UPF_RULES_SECOND;
	return second;
}

static void take_second(enum upf_dir dir)
{
	*(struct upf_pdr *)line(1 + dir) = saved[dir];
	((struct upf_rules *)line(0))->flags &= (uint8_t)~UPF_RULES_SECOND;
}

static struct upf_pdr *by_two_tunnels(uint8_t by)
{
	struct upf_pdr *second = give_second(UPF_DL, by);

	second->peer = PEER_NEXT4;
	second->out_teid = 0x5151;
	return second;
}

static uint8_t through(int node, struct rte_mbuf *m)
{
	uint8_t edge = ROUTE;

	/* either copy takes the next IPv4 identification: both look as if it were the first */
	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	process[node](&worker, &m, 1, &edge);
	return edge;
}

static uint64_t counted(unsigned pdr)
{
	return upf_tables.counts[COUNT(1, pdr)].packets;
}

static void assert_twice(const uint8_t *first, uint32_t len, const uint8_t *second, uint32_t len_2)
{
	uint64_t before = counted(1), injected = worker.stats.injected;
	struct rte_mbuf *m = packet(IN(in_dl4), VRF_CORE);

	usages[1].bytes[UPF_DL] = 0;
	assert_int_equal(through(DL, m), ROUTE);
	assert_bytes(m, first, len);
	assert_marks(m, VRF_ACCESS, true);
	assert_int_equal(n_caught, 1);
	assert_int_equal(caught[0].edge, ROUTE);
	assert_bytes(caught[0].m, second, len_2);
	assert_marks(caught[0].m, VRF_ACCESS, true);
	/* once, and not the headers */
	assert_int_equal(counted(1), before + 1);
	assert_int_equal(usages[1].bytes[UPF_DL], 44);
	assert_int_equal(worker.stats.injected, injected + 1);
	rte_pktmbuf_free(m);
	forget_caught();
}

void sent_twice(void **state)
{
	struct upf_pdr *second = by_two_tunnels(UPF_BY_GTPU);
	struct upf_pdr *first = line(2);

	next_number = 0xfffe;
	assert_twice(IN(out_twice_0), IN(out_twice_1));
	assert_int_equal(next_number, 0xffff);

	second->first = UPF_BY_QFI;
	next_number = 0xabcdef;
	assert_twice(IN(out_twice_qfi_0), IN(out_twice_qfi_1));

	/* a 4G neighbour has no containers */
	second->first = UPF_BY_GTPU;
	first->flags &= (uint8_t)~UPF_PDR_PSC;
	second->flags &= (uint8_t)~UPF_PDR_PSC;
	next_number = 0xfffe;
	assert_twice(IN(out_twice_bare_0), IN(out_twice_bare_1));
	first->flags |= UPF_PDR_PSC;
	second->flags |= UPF_PDR_PSC;

	/* IPv6 outside: the checksum covers the number */
	second->peer = PEER_GNB6;
	next_number = 0xfffe;
	assert_twice(IN(out_twice_0), IN(out_twice_six));
	take_second(UPF_DL);
}

/* What one tunnel does not take goes by neither, whichever it is. */
void sent_twice_too_big(void **state)
{
	struct upf_pdr *second = by_two_tunnels(UPF_BY_QFI);
	uint8_t big[200];
	struct rte_mbuf *m;
	uint32_t room = 200 - 28 - 20;

	memset(big, 'x', sizeof(big));
	memcpy(big, in_dl4, sizeof(in_dl4));
	big[6] |= 0x40; /* DF */
	second->peer = PEER_NARROW;
	next_number = 7;
	for (uint32_t len = room; len <= room + 1; len++) {
		cst_put_be16(big + 2, (uint16_t)len);
		m = packet(big, len, VRF_CORE);
		assert_int_equal(through(DL, m), len > room ? SECOND : ROUTE);
		if (len > room)
			assert_int_equal(cst_pkt(m)->icmp_info, room);
		assert_int_equal(n_caught, len > room ? 0 : 1);
		rte_pktmbuf_free(m);
		forget_caught();
	}
	assert_int_equal(next_number, 8);
	take_second(UPF_DL);
}

/* Without a buffer, or a peer, for one of them the other one goes. */
void sent_twice_unable(void **state)
{
	struct upf_pdr *second = by_two_tunnels(UPF_BY_GTPU);
	uint64_t lost = worker.stats.drops[upf_drops[UPF_DROP_COPY].id];
	uint64_t before = counted(1);
	struct rte_mbuf *m = packet(IN(in_dl4), VRF_CORE);

	second->peer = PEER_GONE;
	next_number = 0xfffe;
	assert_int_equal(through(DL, m), ROUTE);
	assert_bytes(m, IN(out_twice_0));
	assert_int_equal(n_caught, 0);
	assert_int_equal(worker.stats.drops[upf_drops[UPF_DROP_COPY].id], lost + 1);
	assert_int_equal(counted(1), before + 1);
	rte_pktmbuf_free(m);

	/* no room for headers: nothing goes, nothing counts, no number is used up */
	m = packet(IN(in_dl4), VRF_CORE);
	m->data_off = 40;
	memcpy(rte_pktmbuf_mtod(m, void *), IN(in_dl4));
	assert_int_equal(through(DL, m), DROPPED);
	assert_int_equal(cst_pkt(m)->drop, upf_drops[UPF_DROP_NO_HEADROOM].id);
	assert_int_equal(counted(1), before + 1);
	assert_int_equal(next_number, 0xffff);
	rte_pktmbuf_free(m);
	take_second(UPF_DL);
}

/* ---- uplink ------------------------------------------------------------------------------ */

/* Duplicates are gone at once, by the burst. */
static void take(const uint8_t *in, uint32_t len, uint8_t edge, enum upf_drop why)
{
	uint64_t before = counted(0);
	uint64_t drops = worker.stats.drops[upf_drops[why].id];
	struct rte_mbuf *m = packet(in, len, VRF_ACCESS);
	bool duplicate = why == UPF_DROP_DUPLICATE;

	usages[1].bytes[UPF_UL] = 0;
	assert_int_equal(through(UL, m), duplicate ? CST_EDGE_TAKEN : edge);
	if (duplicate) {
		assert_int_equal(worker.stats.drops[upf_drops[why].id], drops + 1);
		reached[why] = true;
	} else if (edge == DROPPED) {
		assert_int_equal(cst_pkt(m)->drop, upf_drops[why].id);
		reached[why] = true;
	} else {
		assert_bytes(m, IN(out_ul4));
	}
	assert_int_equal(counted(0), before + (edge == ROUTE));
	assert_int_equal(usages[1].bytes[UPF_UL], edge == ROUTE ? 42 : 0);
	if (!duplicate)
		rte_pktmbuf_free(m);
}

static struct upf_pdr *from_two_tunnels(uint8_t by)
{
	struct upf_pdr *second = give_second(UPF_UL, by);

	second->flags = 0;
	second->teid = TEID(13);
	second->in_vrf = VRF_ACCESS;
	upf_tables.teids[13] = upf_teid_slot(&upf_tables, TEID(13), UPF_REF(0, 16), 0);
	return second;
}

static void end_two_tunnels(void)
{
	take_second(UPF_UL);
	upf_tables.teids[13] = (struct upf_teid_slot){0, 0};
}

void taken_once(void **state)
{
	struct upf_pdr *second = from_two_tunnels(UPF_BY_GTPU);

	take(IN(in_twice_0), ROUTE, 0);
	verdict = false;
	take(IN(in_twice_1), DROPPED, UPF_DROP_DUPLICATE);
	assert_int_equal(asked, 2);
	assert_int_equal(paths[0], 1);
	assert_int_equal(paths[1], 1);
	assert_int_equal(last_seq, 7);
	verdict = true;
	take(IN(in_twice_1), ROUTE, 0);
	/* the same octets without S: not a number, whatever stands there */
	verdict = false;
	take(IN(in_twice_bypass), ROUTE, 0);
	take(IN(in_ul4), ROUTE, 0);
	assert_int_equal(asked, 3);
	/* by the second tunnel nothing comes but what has two */
	take(IN(in_twice_other), DROPPED, UPF_DROP_NO_PDR);
	second->teid++;
	take(IN(in_twice_1), DROPPED, UPF_DROP_NO_PDR);
	second->teid--;
	second->in_vrf = VRF_CORE;
	take(IN(in_twice_1), DROPPED, UPF_DROP_NO_PDR);
	second->in_vrf = VRF_ACCESS;
	/* two tunnels, and nobody to tell copies apart */
	second->counter = 0;
	take(IN(in_twice_1), ROUTE, 0);
	assert_int_equal(asked, 3);
	end_two_tunnels();
}

void taken_by_qfi_numbers(void **state)
{
	from_two_tunnels(UPF_BY_QFI);
	take(IN(in_twice_qfi), ROUTE, 0);
	assert_int_equal(last_seq, 0xfffffe);
	assert_int_equal(asked, 1);
	verdict = false;
	take(IN(in_twice_qfi), DROPPED, UPF_DROP_DUPLICATE);
	/* GTP-U's own number means nothing then, nor one that has no room */
	take(IN(in_twice_1), ROUTE, 0);
	take(IN(in_twice_short), ROUTE, 0);
	assert_int_equal(asked, 2);
	end_two_tunnels();
}
