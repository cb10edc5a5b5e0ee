/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * ARP (RFC 826): answers for the interfaces' own addresses, asks for others,
 * and believes only what answers or addresses coast, or corrects what it
 * already knows (gratuitous ARP of a gateway that has moved).
 */
#include <string.h>

#include "arp.h"
#include "slow/internal.h"

CST_DROP(arp_bad, "arp.malformed", "an ARP message that breaks its format");
CST_DROP(arp_other, "arp.not_for_us", "ARP between other stations; on a shared wire this is usual");
CST_DROP(arp_conflict, "arp.conflict",
	 "another station uses one of coast's own addresses; find it by its MAC address");

static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static struct cst_ip ip_of(const uint8_t b[4])
{
	struct cst_ip ip = {.family = 4};

	memcpy(ip.b, b, 4);
	return ip;
}

static bool send(const struct cst_snap_iface *ifc, const uint8_t dst[6], const struct cst_arp *a)
{
	struct rte_mbuf *m = slow_alloc();

	if (!m)
		return false;
	cst_arp_put((uint8_t *)rte_pktmbuf_append(m, CST_ARP_LEN), a);
	slow_send(m, ifc, dst, CST_ETH_ARP);
	return true;
}

/* The own address to ask from: the one on the same prefix. RFC 5227: never another's. */
static bool source_for(const struct cst_snap_iface *ifc, const struct cst_ip *ip, uint8_t out[4])
{
	const struct cst_prefix *best = NULL;

	for (unsigned i = 0; i < ifc->n_addrs; i++) {
		const struct cst_prefix *p = &ifc->addrs[i];

		if (p->ip.family == 4 && (!best || cst_prefix_holds(p, ip)))
			best = p;
	}
	if (best)
		memcpy(out, best->ip.b, 4);
	return best != NULL;
}

void arp_solicit(const struct cst_snap_iface *ifc, const struct cst_ip *ip, const uint8_t *mac)
{
	struct cst_arp a = {.op = CST_ARP_REQUEST};

	memcpy(a.sender_mac, ifc->mac, 6);
	memcpy(a.target_ip, ip->b, 4);
	if (source_for(ifc, ip, a.sender_ip) && send(ifc, mac ? mac : broadcast, &a))
		slow_stats.arp_requests++;
}

void arp_announce(const struct cst_snap_iface *ifc, const struct cst_ip *ip)
{
	struct cst_arp a = {.op = CST_ARP_REQUEST};

	memcpy(a.sender_mac, ifc->mac, 6);
	memcpy(a.sender_ip, ip->b, 4);
	memcpy(a.target_ip, ip->b, 4);
	if (send(ifc, broadcast, &a))
		slow_stats.arp_requests++;
}

static void answer(const struct cst_snap_iface *ifc, const struct cst_arp *q)
{
	struct cst_arp a = {.op = CST_ARP_REPLY};

	memcpy(a.sender_mac, ifc->mac, 6);
	memcpy(a.sender_ip, q->target_ip, 4);
	memcpy(a.target_mac, q->sender_mac, 6);
	memcpy(a.target_ip, q->sender_ip, 4);
	if (send(ifc, q->sender_mac, &a))
		slow_stats.arp_replies++;
}

void arp_input(const struct cst_snap *s, struct rte_mbuf *m)
{
	uint16_t iface = cst_pkt(m)->iface % CST_MAX_IFACES;
	const struct cst_snap_iface *ifc = &s->ifaces[iface];
	struct cst_ip sender, target;
	bool to_us, probe;
	struct cst_arp a;
	uint32_t id;

	if (!ifc->vrf || cst_arp_parse(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &a)) {
		slow_drop(m, &arp_bad);
		return;
	}
	sender = ip_of(a.sender_ip);
	target = ip_of(a.target_ip);
	probe = sender.v4 == 0;
	to_us = iface_owns(ifc, &target);

	if (!probe && iface_owns(ifc, &sender)) {
		/* a switch that loops our own announcement back is no conflict */
		slow_drop(m, cst_mac_eq(a.sender_mac, ifc->mac) ? &arp_other : &arp_conflict);
		return;
	}
	if (!probe && (to_us || sender.v4 == target.v4)) {
		id = to_us && a.op == CST_ARP_REQUEST ? neigh_get(s, iface, &sender)
						      : neigh_find(iface, &sender);
		if (id && to_us)
			neigh_confirm(id, a.sender_mac);
		else if (id)
			neigh_hear(id, a.sender_mac);
	}
	if (!to_us && (probe || sender.v4 != target.v4)) {
		slow_drop(m, &arp_other);
		return;
	}
	if (to_us && a.op == CST_ARP_REQUEST)
		answer(ifc, &a);
	else /* the kernel has asked too, perhaps; coast alone answers */
		tap_give(s, m, CST_ETH_ARP);
	slow_consume(m);
}
