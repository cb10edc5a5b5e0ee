/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `classify`: from a frame to a packet that somebody here cares for. L2 and L3
 * headers are checked once, the packet is trimmed to its IP length and stands
 * at its IP header from here on.
 */
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "flow.h"
#include "hash.h"
#include "icmp.h"
#include "ip.h"
#include "net/drops.h"
#include "net/fib.h"
#include "net/frames.h"
#include "net/ip_in.h"
#include "net/udp_in.h"
#include "slow/slow.h"
#include "vlan.h"

#define AHEAD 4 /* packets whose bytes are fetched before their turn */

/* What a packet that cannot be had in one piece must have of itself in the first. */
#define FIRST_SEGMENT 512

enum { TO_LOCAL, TO_SLOW };

CST_DROP(eth_truncated, "eth.truncated", "the frame ends within its Ethernet header");
CST_DROP(eth_not_ours, "eth.not_ours",
	 "the frame is for another station's MAC address; a switch floods it or the port is "
	 "promiscuous");
CST_DROP(eth_no_interface, "eth.no_interface", "no interface is configured for this port and VLAN");
CST_DROP(eth_type, "eth.unknown_type", "neither IPv4, IPv6 nor ARP; LLDP, spanning tree, ...");
CST_DROP(eth_group, "eth.unicast_in_group",
	 "a unicast IP packet in a broadcast or multicast frame (RFC 1122 3.3.6)");
CST_DROP(ip_version, "ip.bad_version", "the IP version does not agree with the EtherType");
CST_DROP(ip_header, "ip.bad_header",
	 "the IP header contradicts itself: header length, extension headers or fragment offset");
CST_DROP(ip_csum, "ip.bad_checksum", "the IPv4 header checksum is wrong; bytes were damaged");
CST_DROP(ip_source_route, "ip.options_source_route",
	 "source-routed packets are not taken (RFC 7126, RFC 5095)");

static inline const struct cst_drop *why_bad(int rc)
{
	return rc == CST_IP_TRUNCATED ? cst_drop_truncated
	       : rc == CST_IP_VERSION ? &ip_version
				      : &ip_header;
}

/* ---- L2 -------------------------------------------------------------------- */

struct l2 {
	uint16_t ethertype;
	uint16_t len;
};

/* A frame with tags, of its own or taken off by the NIC: its header and interface, 0: none. False:
 * it ends before its header. */
static bool __rte_noinline tagged(const struct cst_snap_port *port, const struct rte_mbuf *m,
				  struct l2 *out, uint16_t *id)
{
	uint16_t vid[3] = {0}, n = 0;
	struct cst_l2 l2;

	if (cst_l2_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &l2))
		return false;
	*out = (struct l2){l2.ethertype, l2.len};
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vid[n++] = CST_VLAN_VID(m->vlan_tci);
	for (int i = 0; i < l2.tags; i++)
		vid[n++] = CST_VLAN_VID(l2.tci[i]);
	/* VLAN 0 is a priority and no VLAN (802.1Q 6.9); interfaces have one tag at most */
	if (n && vid[0] == 0) {
		vid[0] = vid[1];
		n--;
	}
	if (n == 0)
		*id = port->untagged;
	else
		*id = n == 1 && port->vlan ? port->vlan[vid[0]] : 0;
	return true;
}

/* Whose MAC address the frame is for. */
static inline bool frame_is_ours(const struct cst_snap_port *port, const uint8_t *p, bool *group)
{
	uint64_t dst;

	__builtin_memcpy(&dst, p, 8); /* an IP packet is longer than this, an ARP too */
	*group = p[0] & 1;
	return (dst & (RTE_BIT64(48) - 1)) == port->mac || *group;
}

/* ---- packets that end here -------------------------------------------------- */

static inline uint8_t to_slow(struct rte_mbuf *m, enum cst_slow_op op)
{
	cst_pkt(m)->slow = op;
	return TO_SLOW;
}

static inline uint8_t local(struct rte_mbuf *m, const uint8_t *p, const struct cst_ip_info *ip,
			    union cst_fib_entry fe)
{
	const struct cst_udp_slot *slot;
	const struct cst_drop *why;
	struct cst_udp udp;

	cst_pkt(m)->aux = fe.flags;
	if (ip->proto != CST_PROTO_UDP || (ip->flags & CST_IP_FRAG))
		return TO_LOCAL;
	if (cst_udp_parse(p + ip->l4_off, ip->total_len - ip->l4_off, &udp))
		return cst_drop(m, cst_drop_udp_length);
	slot = cst_udp_slot(udp.dst_port, fe.flags);
	why = cst_udp_why_bad(m, p, &udp, ip->l4_off, slot != NULL);
	if (unlikely(why != NULL))
		return cst_drop(m, why);
	return slot ? *slot->classify_edge : TO_LOCAL;
}

/* Ports of a packet that has them in whole, for the hash. */
static inline uint32_t flow_hash(const uint8_t *p, const struct cst_ip_info *ip)
{
	struct cst_flow f;

	/* the header is known to be good: this reads no more than what is asked for */
	return cst_flow_parse(p, ip->total_len, &f) == 0 ? cst_hash_flow(&f) : 0;
}

/* By what the FIB says of a unicast destination. */
static inline uint8_t by_fib(struct rte_mbuf *m, const uint8_t *p, const struct cst_ip_info *ip,
			     union cst_fib_entry fe, const struct cst_snap_iface *iface)
{
	switch (fe.type) {
	case CST_FIB_LOCAL:
		return local(m, p, ip, fe);
	case CST_FIB_SERVICE:
		cst_pkt(m)->aux = fe.id;
		cst_pkt(m)->hash = flow_hash(p, ip);
		return *cst_services[fe.sub % CST_MAX_SERVICES].classify_edge;
	case CST_FIB_BLACKHOLE:
		if (fe.sub != CST_FIB_SUB_BROADCAST)
			return cst_drop(m, cst_drop_blackhole);
		if (iface->flags & CST_SNAP_KERNEL)
			return to_slow(m, CST_SLOW_PUNT);
		return cst_drop(m, cst_drop_broadcast);
	default:
		return cst_drop(m, cst_drop_not_ours);
	}
}

static uint8_t __rte_noinline multicast(struct rte_mbuf *m, const struct cst_snap_iface *iface)
{
	if (iface->flags & CST_SNAP_KERNEL)
		return to_slow(m, CST_SLOW_PUNT);
	return cst_drop(m, cst_drop_multicast);
}

/* ---- L3 -------------------------------------------------------------------- */

/* Give the packet in one piece, or at least with all its headers in the first. */
static const struct cst_drop *__rte_noinline gather(struct rte_mbuf *m)
{
	const uint8_t *p;

	if (rte_pktmbuf_linearize(m) == 0)
		return NULL;
	p = rte_pktmbuf_mtod(m, const uint8_t *);
	if (m->data_len < FIRST_SEGMENT || m->pkt_len > UINT16_MAX ||
	    (p[0] >> 4 == 6 && cst_ip6_is_ext(p[6])))
		return cst_drop_scattered;
	return NULL;
}

/* What both families need after the header is known to be good. */
static inline void note(struct rte_mbuf *m, const struct cst_ip_info *ip)
{
	cst_ip_note(cst_pkt(m), ip);
	cst_trim(m, ip->total_len); /* padding of the frame */
}

/* The header nearly always has no options: five words, no loop. */
static inline bool sum4_ok(const uint8_t *p)
{
	uint32_t w[5];
	uint64_t sum;

	if (unlikely(p[0] != 0x45))
		return cst_ip4_csum_ok(p);
	__builtin_memcpy(w, p, 20);
	sum = (uint64_t)w[0] + w[1] + w[2] + w[3] + w[4];
	return cst_csum_fold(sum) == 0;
}

static inline uint8_t ip4(const struct cst_snap *snap, struct rte_mbuf *m,
			  const struct cst_snap_iface *iface, bool group)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint64_t sum = m->ol_flags & RTE_MBUF_F_RX_IP_CKSUM_MASK;
	struct cst_ip_info ip;
	uint32_t dst;
	int rc = cst_ip4_parse(p, m->pkt_len, &ip);

	if (unlikely(rc))
		return cst_drop(m, why_bad(rc));
	if (sum != RTE_MBUF_F_RX_IP_CKSUM_GOOD &&
	    unlikely(sum == RTE_MBUF_F_RX_IP_CKSUM_BAD || !sum4_ok(p)))
		return cst_drop(m, &ip_csum);
	note(m, &ip);
	if (unlikely(ip.flags & CST_IP_SOURCE_ROUTE))
		return cst_drop(m, &ip_source_route);
	if (unlikely(p[16] >= 224))
		return multicast(m, iface);
	__builtin_memcpy(&dst, p + 16, 4);
	if (unlikely(group)) {
		union cst_fib_entry fe = cst_snap_lookup4(snap, iface->vrf, dst);

		if (fe.type != CST_FIB_BLACKHOLE || fe.sub != CST_FIB_SUB_BROADCAST)
			return cst_drop(m, &eth_group);
	}
	if (unlikely(cst_ip4_bad_source(p + 12)))
		return cst_drop(m, cst_drop_bad_source);
	return by_fib(m, p, &ip, cst_snap_lookup4(snap, iface->vrf, dst), iface);
}

/* Neighbour discovery, routers' included; MLD is not. */
static inline bool is_nd(const uint8_t *p, const struct cst_ip_info *ip)
{
	return ip->proto == CST_PROTO_ICMPV6 && ip->l4_off && !(ip->flags & CST_IP_FRAG) &&
	       ip->total_len >= ip->l4_off + 8u && p[ip->l4_off] >= CST_ICMP6_ROUTER_SOLICIT &&
	       p[ip->l4_off] <= CST_ICMP6_REDIRECT;
}

static inline uint8_t ip6(const struct cst_snap *snap, struct rte_mbuf *m,
			  const struct cst_snap_iface *iface, bool group)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	union cst_fib_entry fe = {.type = CST_FIB_LOCAL};
	struct cst_ip_info ip;
	int rc = cst_ip6_parse(p, m->pkt_len, &ip);

	if (unlikely(rc))
		return cst_drop(m, why_bad(rc));
	note(m, &ip);
	if (unlikely(ip.flags & CST_IP_SOURCE_ROUTE))
		return cst_drop(m, &ip_source_route);
	if (unlikely(is_nd(p, &ip)))
		return to_slow(m, CST_SLOW_ND);
	if (unlikely(cst_ip6_is_multicast(p + 24)))
		return multicast(m, iface);
	if (unlikely(group))
		return cst_drop(m, &eth_group);
	if (unlikely(cst_ip6_bad_source(p + 8)))
		return cst_drop(m, cst_drop_bad_source);
	if (unlikely(cst_ip6_is_link_local(p + 24))) {
		if (__builtin_memcmp(p + 24, iface->link_local, 16))
			return cst_drop(m, cst_drop_not_ours);
		return local(m, p, &ip, fe);
	}
	fe = cst_snap_lookup6(snap, iface->vrf, p + 24);
	/* what a link-local address says stays on its link (RFC 4291 2.5.6) */
	if (unlikely(cst_ip6_is_link_local(p + 8) && fe.type != CST_FIB_LOCAL))
		return cst_drop(m, cst_drop_bad_source);
	return by_fib(m, p, &ip, fe, iface);
}

/* ---- whole frames -------------------------------------------------------------- */

/* The Ethernet interface that has what no IP interface of the port takes; 0: none. */
static uint16_t ethernet_of(const struct cst_snap_port *port, const struct rte_mbuf *m)
{
	uint16_t vid = 0;
	struct cst_l2 l2;

	if (!port->ethernet_vlan)
		return port->ethernet;
	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)
		vid = CST_VLAN_VID(m->vlan_tci);
	else if (cst_l2_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &l2) == 0 &&
		 l2.tags)
		vid = CST_VLAN_VID(l2.tci[0]);
	return vid && port->ethernet_vlan[vid] ? port->ethernet_vlan[vid] : port->ethernet;
}

/* A frame of no IP interface. */
static uint8_t __rte_noinline no_interface(const struct cst_snap *snap, uint16_t port,
					   struct rte_mbuf *m)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint16_t id = ethernet_of(&snap->ports[port], m);

	if (!id || !cst_ethernet_edge)
		return cst_drop(m, &eth_no_interface);
	pkt->iface = id;
	pkt->vrf = snap->ifaces[id].vrf;
	pkt->ip_version = 0;
	pkt->flags = 0;
	pkt->drop = 0;
	pkt->aux = 0;
	pkt->hash = 0;
	pkt->nexthop = 0;
	return *cst_ethernet_edge;
}

/* ---- the node ---------------------------------------------------------------- */

/* A frame out of a tunnel that nobody has taken, or has passed on. */
static uint8_t __rte_noinline of_tunnel(struct rte_mbuf *m)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();

	return t ? *t->classify_edge : cst_drop(m, &eth_no_interface);
}

/* The usual frame, untagged, with an IP packet in it, needs no more than a look at its type. */
static inline bool is_plain(const struct rte_mbuf *m, uint16_t ethertype)
{
	return (ethertype == CST_ETH_IPV4 || ethertype == CST_ETH_IPV6) &&
	       !(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED);
}

static inline uint8_t classify(const struct cst_snap *snap, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	const struct cst_snap_port *port;
	const struct cst_snap_iface *iface;
	const struct cst_drop *why;
	struct l2 l2 = {.len = 14};
	uint8_t taker;
	uint16_t id;
	bool group;

	if (unlikely(m->data_len < 14))
		return cst_drop(m, &eth_truncated);
	taker = cst_frames_wanted(pkt);
	if (unlikely(taker))
		return *cst_frames_edges[taker];
	if (unlikely(!pkt->port))
		return of_tunnel(m);
	port = &snap->ports[pkt->port % CST_MAX_PORTS];
	id = port->untagged;
	l2.ethertype = cst_be16(p + 12);
	if (unlikely(!is_plain(m, l2.ethertype))) {
		if (!tagged(port, m, &l2, &id))
			return cst_drop(m, &eth_truncated);
	}
	if (unlikely(!id))
		return no_interface(snap, pkt->port % CST_MAX_PORTS, m);
	if (unlikely(!frame_is_ours(port, p, &group)))
		return cst_drop(m, &eth_not_ours);

	iface = &snap->ifaces[id];
	pkt->iface = id;
	pkt->vrf = iface->vrf;
	pkt->l2_len = l2.len;
	pkt->flags = 0;
	pkt->drop = 0; /* what the buffer's last packet was dropped for */
	pkt->aux = 0;
	pkt->hash = 0;
	pkt->nexthop = 0;
	rte_pktmbuf_adj(m, l2.len);
	if (unlikely(m->nb_segs > 1) && (why = gather(m)))
		return cst_drop(m, why);

	if (likely(l2.ethertype == CST_ETH_IPV4))
		return ip4(snap, m, iface, group);
	if (likely(l2.ethertype == CST_ETH_IPV6))
		return ip6(snap, m, iface, group);
	if (l2.ethertype == CST_ETH_ARP)
		return to_slow(m, CST_SLOW_ARP);
	return cst_drop(m, &eth_type);
}

static uint16_t classify_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				 uint8_t *edge)
{
	const struct cst_snap *snap = cst_snap();
	uint16_t off = 0;

	for (uint16_t i = 0; i < AHEAD && i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		if (i + AHEAD < n)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[i + AHEAD], void *));
		edge[i] = classify(snap, pkts[i]);
		off += edge[i] != 0;
	}
	return off;
}

static const char *const edges[] = {"ip_local", "slow", NULL};
CST_NODE(classify_node, .name = "classify",
	 .help = "checks L2 and L3 headers and asks the FIB whose packet it is",
	 .process = classify_process, .edges = edges, .frames = true);
