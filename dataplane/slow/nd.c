/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbour discovery (RFC 4861): answers for the interfaces' own addresses,
 * asks for others. Router discovery and redirects are the kernel's matter.
 */
#include <string.h>

#include "eth.h"
#include "nd.h"
#include "slow/internal.h"

CST_DROP(nd_bad, "nd.malformed",
	 "a neighbour discovery message that breaks RFC 4861; hop limit not 255: it was routed");
CST_DROP(nd_other, "nd.not_for_us",
	 "neighbour discovery between other stations, or routers' without kernel: true");
CST_DROP(nd_conflict, "nd.conflict",
	 "another station uses one of coast's own addresses; find it by its MAC address");

static struct cst_ip ip_of(const uint8_t b[16])
{
	struct cst_ip ip = {.family = 6};

	memcpy(ip.b, b, 16);
	return ip;
}

static void send(struct rte_mbuf *m, const struct cst_snap_iface *ifc, const uint8_t *mac)
{
	uint8_t group[6];

	if (!mac) {
		cst_mac_of_group6(group, rte_pktmbuf_mtod(m, uint8_t *) + 24);
		mac = group;
	}
	slow_send(m, ifc, mac, CST_ETH_IPV6);
}

void nd_solicit(const struct cst_snap_iface *ifc, const struct cst_ip *ip, const uint8_t *mac)
{
	struct rte_mbuf *m = slow_alloc();
	uint8_t *p;

	if (!m)
		return;
	p = (uint8_t *)rte_pktmbuf_append(m, 72);
	cst_nd_put_solicit(p, ifc->link_local, mac ? ip->b : NULL, ip->b, ifc->mac);
	send(m, ifc, mac);
	slow_stats.nd_solicits++;
}

static void advertise(const struct cst_snap_iface *ifc, const uint8_t *target, const uint8_t *dst,
		      const uint8_t *mac, uint8_t flags)
{
	struct rte_mbuf *m = slow_alloc();
	uint8_t *p;

	if (!m)
		return;
	p = (uint8_t *)rte_pktmbuf_append(m, 72);
	cst_nd_put_advert(p, target, dst, target, ifc->mac, flags);
	send(m, ifc, mac);
	slow_stats.nd_adverts++;
}

static const uint8_t all_nodes[16] = {0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

void nd_announce(const struct cst_snap_iface *ifc, const uint8_t *ip)
{
	advertise(ifc, ip, all_nodes, NULL, CST_ND_NA_ROUTER | CST_ND_NA_OVERRIDE);
}

/* Somebody asks for one of ours; or for a second owner of an address he is about to take. */
static void solicited(const struct cst_snap *s, uint16_t iface, const uint8_t *ip6,
		      const struct cst_nd *nd, const uint8_t *eth_src)
{
	const struct cst_snap_iface *ifc = &s->ifaces[iface];
	struct cst_ip src = ip_of(ip6 + 8);
	uint32_t id;

	if (cst_nd_unspecified(ip6 + 8)) {
		advertise(ifc, nd->target, all_nodes, NULL, CST_ND_NA_ROUTER | CST_ND_NA_OVERRIDE);
		return;
	}
	if (nd->has & CST_ND_HAS_SOURCE_MAC) {
		id = neigh_get(s, iface, &src);
		if (id && cst_mac_is_station(nd->source_mac))
			neigh_hear(id, nd->source_mac);
		eth_src = nd->source_mac;
	}
	advertise(ifc, nd->target, ip6 + 8, eth_src,
		  CST_ND_NA_ROUTER | CST_ND_NA_SOLICITED | CST_ND_NA_OVERRIDE);
}

/* RFC 4861 7.2.5 */
static void advertised(uint32_t id, const struct cst_nd *nd)
{
	uint64_t word = cst_nexthop_word(&cst_nexthops[id]);
	bool known = cst_nexthop_usable(word);
	bool same = known &&
		    (!(nd->has & CST_ND_HAS_TARGET_MAC) || memcmp(&word, nd->target_mac, 6) == 0);
	uint8_t mac[8];

	if (!known && !(nd->has & CST_ND_HAS_TARGET_MAC))
		return;
	if ((nd->has & CST_ND_HAS_TARGET_MAC) && !cst_mac_is_station(nd->target_mac))
		return;
	memcpy(mac, &word, 8);
	if (!(nd->has & CST_ND_HAS_TARGET_MAC))
		neigh_confirm(id, mac);
	else if (known && !same && !(nd->flags & CST_ND_NA_OVERRIDE))
		neigh_doubt(id);
	else if (nd->flags & CST_ND_NA_SOLICITED)
		neigh_confirm(id, nd->target_mac);
	else
		neigh_hear(id, nd->target_mac);
}

void nd_input(const struct cst_snap *s, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	const struct cst_pkt *pkt = cst_pkt(m);
	uint16_t iface = pkt->iface % CST_MAX_IFACES;
	const struct cst_snap_iface *ifc = &s->ifaces[iface];
	bool redirect = p[pkt->l4_off] == CST_ICMP6_REDIRECT;
	struct cst_ip target;
	struct cst_nd nd;
	uint32_t id;
	bool ours;

	if (!ifc->vrf || m->nb_segs > 1 || pkt->l2_len < 14 ||
	    (!redirect && cst_nd_parse(p, p + pkt->l4_off, m->data_len - pkt->l4_off, &nd))) {
		slow_drop(m, &nd_bad);
		return;
	}
	if (redirect || nd.type < CST_ICMP6_NEIGHBOUR_SOLICIT) {
		if (tap_give(s, m, CST_ETH_IPV6))
			slow_consume(m);
		else
			slow_drop(m, &nd_other);
		return;
	}
	target = ip_of(nd.target);
	ours = iface_owns(ifc, &target);
	if (nd.type == CST_ICMP6_NEIGHBOUR_SOLICIT) {
		if (!ours) {
			slow_drop(m, &nd_other);
			return;
		}
		solicited(s, iface, p, &nd, p - pkt->l2_len + 6);
	} else if (ours) {
		slow_drop(m, (nd.has & CST_ND_HAS_TARGET_MAC) && cst_mac_eq(nd.target_mac, ifc->mac)
				     ? &nd_other
				     : &nd_conflict);
		return;
	} else {
		/* an answer to nobody's question makes no record (RFC 4861 7.2.5) */
		id = neigh_find(iface, &target);
		if (id)
			advertised(id, &nd);
		tap_give(s, m, CST_ETH_IPV6);
	}
	slow_consume(m);
}
