/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `output`: the L2 header of pkt->nexthop in front of an IP packet, and out of
 * its port. `frame_out`: whole frames by pkt->port, or, that being 0, into the
 * tunnel pkt->aux (net/frames.h).
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "icmp.h"
#include "net/drops.h"
#include "net/fib.h"
#include "net/frames.h"
#include "net/nexthop.h"
#include "port/port.h"
#include "slow/slow.h"
#include "vlan.h"

enum { TO_SLOW, TO_ERROR };

static inline void put_l2(uint8_t *p, const struct cst_nexthop *nh, uint64_t word, bool v4)
{
	uint16_t type = v4 ? CST_BE16(CST_ETH_IPV4) : CST_BE16(CST_ETH_IPV6);
	uint8_t *at = p + 12;

	__builtin_memcpy(p, &word, 8); /* two bytes too many, overwritten next */
	__builtin_memcpy(p + 6, nh->src_mac, 6);
	if (unlikely(nh->vlan))
		at += cst_vlan_put(at, CST_ETH_CTAG, nh->vlan);
	__builtin_memcpy(at, &type, 2);
}

/* What cannot go out now. */
static uint8_t __rte_noinline not_usable(struct rte_mbuf *m, enum cst_nh_state state, bool v4)
{
	struct cst_pkt *pkt = cst_pkt(m);

	if (state == CST_NH_INCOMPLETE) {
		pkt->slow = CST_SLOW_HOLD;
		return TO_SLOW;
	}
	if (state != CST_NH_FAILED)
		return cst_drop(m, cst_drop_unresolved);
	pkt->icmp_type = v4 ? CST_ICMP4_UNREACHABLE : CST_ICMP6_UNREACHABLE;
	pkt->icmp_code = v4 ? CST_ICMP4_HOST : CST_ICMP6_ADDRESS;
	pkt->icmp_info = 0;
	return TO_ERROR;
}

static inline uint8_t output(struct rte_mbuf *m)
{
	struct cst_pkt *pkt = cst_pkt(m);
	struct cst_nexthop *nh = &cst_nexthops[pkt->nexthop % CST_MAX_NEXTHOPS];
	uint64_t word = cst_nexthop_word(nh);
	bool v4 = *rte_pktmbuf_mtod(m, uint8_t *) >> 4 == 4;
	char *p;

	if (unlikely(!atomic_load_explicit(&nh->used, memory_order_relaxed)))
		atomic_store_explicit(&nh->used, 1, memory_order_relaxed);
	if (unlikely(!cst_nexthop_usable(word)))
		return not_usable(m, cst_nexthop_state(word), v4);
	p = rte_pktmbuf_prepend(m, nh->vlan ? 18 : 14);
	if (unlikely(!p))
		return cst_drop(m, cst_drop_no_headroom);
	put_l2((uint8_t *)p, nh, word, v4);
	pkt->port = nh->port;
	return CST_EDGE_TAKEN;
}

/* Runs of packets that leave by the same port. */
static void send(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, const uint8_t *edge)
{
	uint16_t first = 0;

	for (uint16_t i = 0; i <= n; i++) {
		bool goes_on = i < n && edge[i] == CST_EDGE_TAKEN &&
			       (i == first || cst_pkt(pkts[i])->port == cst_pkt(pkts[first])->port);

		if (goes_on)
			continue;
		if (i > first && edge[first] == CST_EDGE_TAKEN)
			cst_port_tx(w, cst_pkt(pkts[first])->port, &pkts[first], i - first);
		first = i < n && edge[i] == CST_EDGE_TAKEN ? i : i + 1;
	}
}

static uint16_t output_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			       uint8_t *edge)
{
	for (uint16_t i = 0; i < n; i++)
		edge[i] = output(pkts[i]);
	send(w, pkts, n, edge);
	return n;
}

static const char *const output_edges[] = {"slow", "icmp_error", NULL};
CST_NODE(output_node, .name = "output",
	 .help = "puts the next hop's L2 header in front and sends by its port",
	 .process = output_process, .edges = output_edges);

CST_DROP(no_tunnels, "frame.no_tunnels", "a frame for a tunnel, and nothing here has any");

/* A frame without a port is for a tunnel (net/frames.h). */
static uint8_t __rte_noinline to_tunnel(struct rte_mbuf *m)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();

	return t ? *t->frame_out_edge : cst_drop(m, &no_tunnels);
}

static uint16_t frame_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			      uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = likely(cst_pkt(pkts[i])->port) ? CST_EDGE_TAKEN : to_tunnel(pkts[i]);
		aside += edge[i] != 0;
	}
	send(w, pkts, n, edge);
	return aside;
}

CST_NODE(frame_node, .name = "frame_out",
	 .help = "sends frames as they are, by a port or into a tunnel", .process = frame_process,
	 .frames = true);
