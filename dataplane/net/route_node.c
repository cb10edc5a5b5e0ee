/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `route`: the way on of a packet that comes from inside coast, by its
 * destination in pkt->vrf. What routers must do on the way (RFC 1812 5.2,
 * RFC 8200 3, 5): TTL, path MTU, destinations that are not forwarded to.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "hash.h"
#include "icmp.h"
#include "ip.h"
#include "net/drops.h"
#include "net/fib.h"
#include "slow/slow.h"

#define AHEAD 4

enum { TO_OUTPUT, TO_ERROR, TO_SLOW, TO_LOCAL, TO_FRAG };

static uint8_t __rte_noinline error(struct rte_mbuf *m, bool v4, uint8_t type4, uint8_t code4,
				    uint8_t type6, uint8_t code6, uint32_t info)
{
	struct cst_pkt *pkt = cst_pkt(m);

	pkt->icmp_type = v4 ? type4 : type6;
	pkt->icmp_code = v4 ? code4 : code6;
	pkt->icmp_info = info;
	return TO_ERROR;
}

/* To one of coast's own addresses: what the frame brought with it is not of this packet any more.
 */
static uint8_t __rte_noinline to_local(struct rte_mbuf *m, const uint8_t *p, union cst_fib_entry fe)
{
	struct cst_pkt *pkt = cst_pkt(m);
	struct cst_ip_info ip;

	/* headers are read within one segment */
	if (m->nb_segs > 1 && rte_pktmbuf_linearize(m) && p[0] >> 4 == 6 && cst_ip6_is_ext(p[6]))
		return cst_drop(m, cst_drop_scattered);
	if (cst_ip_parse(p, m->pkt_len, &ip))
		return cst_drop(m, cst_drop_truncated);
	pkt->iface = (uint16_t)fe.id;
	pkt->l2_len = 0;
	pkt->ip_version = ip.version;
	pkt->l4_proto = ip.proto;
	pkt->l4_off = ip.l4_off;
	pkt->ip_len = (uint16_t)ip.total_len;
	pkt->aux = fe.flags;
	pkt->flags &= ~(CST_PKT_FRAG | CST_PKT_L4_LATER);
	if (ip.flags & CST_IP_FRAG)
		pkt->flags |= CST_PKT_FRAG;
	if (ip.flags & CST_IP_FRAG_LATER)
		pkt->flags |= CST_PKT_L4_LATER;
	return TO_LOCAL;
}

/* What has no next hop. */
static uint8_t __rte_noinline elsewhere(struct rte_mbuf *m, const uint8_t *p, bool v4,
					union cst_fib_entry fe)
{
	struct cst_pkt *pkt = cst_pkt(m);

	switch (fe.type) {
	case CST_FIB_SERVICE:
		pkt->aux = fe.id;
		return *cst_services[fe.sub % CST_MAX_SERVICES].route_edge;
	case CST_FIB_LOCAL:
		return to_local(m, p, fe);
	case CST_FIB_BLACKHOLE:
		return cst_drop(m, fe.sub == CST_FIB_SUB_BROADCAST ? cst_drop_broadcast
								   : cst_drop_blackhole);
	default:
		return error(m, v4, CST_ICMP4_UNREACHABLE, CST_ICMP4_NET, CST_ICMP6_UNREACHABLE,
			     CST_ICMP6_NO_ROUTE, 0);
	}
}

static uint32_t __rte_noinline flow_hash(const struct rte_mbuf *m, const uint8_t *p)
{
	struct cst_flow f;

	if (m->nb_segs > 1 || cst_flow_parse(p, m->pkt_len, &f))
		return 0;
	return cst_hash_flow(&f);
}

/* No fragmentation on the way for IPv6, nor against the sender's wish (RFC 8200 5, RFC 1191); but a
 * sender is coast itself, of tunnels' outer packets for one. Below 1280 nobody goes for IPv6. */
static uint8_t __rte_noinline too_big(struct rte_mbuf *m, const uint8_t *p, bool v4, uint16_t mtu)
{
	if (v4 ? !(p[6] & 0x40) : cst_pkt(m)->flags & CST_PKT_LOCAL)
		return TO_FRAG;
	if (!v4 && mtu < CST_IP6_MIN_MTU)
		mtu = CST_IP6_MIN_MTU;
	return error(m, v4, CST_ICMP4_UNREACHABLE, CST_ICMP4_FRAG_NEEDED, CST_ICMP6_TOO_BIG, 0,
		     mtu);
}

static inline uint8_t forward(const struct cst_snap *snap, struct rte_mbuf *m, uint8_t *p, bool v4,
			      union cst_fib_entry fe)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint8_t edge = TO_OUTPUT;
	uint32_t id;
	uint16_t mtu;

	if (fe.type == CST_FIB_NEXTHOPS && !pkt->hash && snap->groups[fe.id].n > 1)
		pkt->hash = flow_hash(m, p);
	id = cst_snap_nexthop(snap, fe, v4 ? 4 : 6, v4 ? p + 16 : p + 24, pkt->hash);
	pkt->nexthop = id;
	if (likely(id)) {
		mtu = cst_nexthops[id].mtu;
	} else {
		mtu = snap->ifaces[fe.id % CST_MAX_IFACES].mtu;
		pkt->aux = fe.id;
		pkt->slow = CST_SLOW_RESOLVE;
		edge = TO_SLOW;
	}

	if (!(pkt->flags & (CST_PKT_LOCAL | CST_PKT_TTL_DONE)) && unlikely((v4 ? p[8] : p[7]) <= 1))
		return error(m, v4, CST_ICMP4_TIME_EXCEEDED, 0, CST_ICMP6_TIME_EXCEEDED, 0, 0);
	if (unlikely(m->pkt_len > mtu)) {
		pkt->icmp_info = mtu;
		edge = too_big(m, p, v4, mtu);
		if (edge == TO_ERROR)
			return edge;
	}
	if (!(pkt->flags & (CST_PKT_LOCAL | CST_PKT_TTL_DONE))) {
		if (v4)
			cst_ip4_ttl_dec(p);
		else
			cst_ip6_hop_dec(p);
		pkt->flags |= CST_PKT_TTL_DONE;
	}
	return edge;
}

static inline uint8_t route4(const struct cst_snap *snap, struct rte_mbuf *m, uint8_t *p)
{
	union cst_fib_entry fe;
	uint32_t dst;

	if (unlikely(p[16] >= 224))
		return cst_drop(m, cst_drop_multicast);
	if (unlikely(p[16] == 0 || p[16] == 127))
		return cst_drop(m, cst_drop_bad_destination);
	__builtin_memcpy(&dst, p + 16, 4);
	fe = cst_snap_lookup4(snap, cst_pkt(m)->vrf, dst);
	if (likely(fe.type == CST_FIB_NEXTHOPS || fe.type == CST_FIB_CONNECTED))
		return forward(snap, m, p, true, fe);
	return elsewhere(m, p, true, fe);
}

static inline uint8_t route6(const struct cst_snap *snap, struct rte_mbuf *m, uint8_t *p)
{
	struct cst_pkt *pkt = cst_pkt(m);
	union cst_fib_entry fe;

	if (unlikely(cst_ip6_is_multicast(p + 24)))
		return cst_drop(m, cst_drop_multicast);
	if (unlikely(cst_ip6_bad_source(p + 24))) /* :: and ::1 */
		return cst_drop(m, cst_drop_bad_destination);
	if (unlikely(cst_ip6_is_link_local(p + 24))) {
		/* only coast's own words stay on the link (RFC 4291 2.5.6) */
		if (!(pkt->flags & CST_PKT_LOCAL))
			return cst_drop(m, cst_drop_bad_destination);
		fe = (union cst_fib_entry){.type = CST_FIB_CONNECTED, .id = pkt->iface};
		return forward(snap, m, p, false, fe);
	}
	fe = cst_snap_lookup6(snap, pkt->vrf, p + 24);
	if (likely(fe.type == CST_FIB_NEXTHOPS || fe.type == CST_FIB_CONNECTED))
		return forward(snap, m, p, false, fe);
	return elsewhere(m, p, false, fe);
}

static inline uint8_t route(const struct cst_snap *snap, struct rte_mbuf *m)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (likely(m->data_len >= 20 && p[0] >> 4 == 4)) {
		cst_pkt(m)->ip_version = 4;
		return route4(snap, m, p);
	}
	if (likely(m->data_len >= 40 && p[0] >> 4 == 6)) {
		cst_pkt(m)->ip_version = 6;
		return route6(snap, m, p);
	}
	return cst_drop(m, cst_drop_truncated);
}

static uint16_t route_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			      uint8_t *edge)
{
	const struct cst_snap *snap = cst_snap();
	uint16_t off = 0;

	for (uint16_t i = 0; i < AHEAD && i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], void *));
		edge[i] = route(snap, pkts[i]);
		off += edge[i] != 0;
	}
	return off;
}

static const char *const edges[] = {"output", "icmp_error", "slow", "ip_local", "ip_frag", NULL};
CST_NODE(route_node, .name = "route",
	 .help = "FIB look-up of packets from inside coast; TTL and MTU", .process = route_process,
	 .edges = edges);
