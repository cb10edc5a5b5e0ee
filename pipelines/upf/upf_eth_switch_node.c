/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_eth_switch: who in the group gets a frame: the session or N6 interface where
 * its destination was seen, or all others. Frames of an N6 interface go to
 * sessions alone, so that two N6 make no loop.
 */
#include <rte_cycles.h>
#include <rte_ether.h>

#include "net/bucket.h"
#include "net/fib.h"
#include "upf_eth_group.h"
#include "upf_eth_learn.h"
#include "upf_eth_node.h"

enum { TO_DL, TO_OUT };
static const char *const edges[] = {"upf_eth_dl", "frame_out", NULL};

#define STORM_RATE  100000 /* copies a second from one side; sides whose hashes collide share it */
#define STORM_BURST 20000
#define BUCKETS     256

uint8_t upf_eth_from_classify;

static struct {
	struct cst_bucket side[BUCKETS];
} __rte_cache_aligned floods[CST_MAX_WORKERS];

/* Where a frame comes from or goes to: as in upf_eth_macs.h; 0: nowhere. */
typedef uint32_t side_t;

static side_t side_of(const struct cst_pkt *pkt)
{
	return pkt->port ? UPF_ETH_IFACE | pkt->iface : pkt->aux;
}

/* ---- in by an N6 interface ------------------------------------------------------------ */

/* The tag of the interface's VLAN goes; one that the NIC has taken off otherwise comes back. False:
 * there is no room. */
static bool settle_tag(struct rte_mbuf *m, const struct cst_snap_iface *iface)
{
	uint8_t *p = rte_pktmbuf_mtod(m, uint8_t *);

	if (m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) {
		if (iface->vlan == 0)
			return rte_vlan_insert(&m) == 0;
		m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN_STRIPPED | RTE_MBUF_F_RX_VLAN);
		return true;
	}
	if (iface->vlan == 0)
		return true;
	memmove(p + 4, p, 12);
	return rte_pktmbuf_adj(m, 4) != NULL;
}

/* ---- out ---------------------------------------------------------------------------------- */

/* By an N6 interface: in its VLAN, with the priority that the frame has in its own tag. */
static uint8_t leave(struct rte_mbuf *m, const struct cst_snap *snap, uint16_t id)
{
	const struct cst_snap_iface *iface = &snap->ifaces[id % CST_MAX_IFACES];
	struct cst_l2 l2;
	char *p;

	if (cst_l2_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &l2))
		return upf_eth_dropped(m, UPF_ETH_DROP_MALFORMED);
	if (m->pkt_len - 14 - 4u * l2.tags > iface->mtu)
		return upf_eth_dropped(m, UPF_ETH_DROP_TOO_BIG);
	cst_pkt(m)->port = iface->port;
	if (!iface->vlan)
		return TO_OUT;
	p = rte_pktmbuf_prepend(m, 4);
	if (!p)
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	memmove(p, p + 4, 12);
	cst_vlan_put((uint8_t *)p + 12, CST_ETH_CTAG,
		     (uint16_t)((l2.tags ? l2.tci[0] & 0xf000 : 0) | iface->vlan));
	return TO_OUT;
}

static uint8_t go(struct rte_mbuf *m, const struct cst_snap *snap, side_t to)
{
	if (to & UPF_ETH_IFACE)
		return leave(m, snap, (uint16_t)to);
	cst_pkt(m)->port = 0;
	cst_pkt(m)->aux = to;
	return TO_DL;
}

/* ---- to all -------------------------------------------------------------------------------- */

static void send_copy(struct cst_worker *w, struct rte_mbuf *m, const struct cst_snap *snap,
		      side_t to)
{
	struct rte_mbuf *c = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);
	uint8_t edge;

	w->stats.injected++;
	if (!c) {
		w->stats.drops[upf_eth_drops[UPF_ETH_DROP_COPY].id]++;
		return;
	}
	*cst_pkt(c) = (struct cst_pkt){
		.iface = cst_pkt(m)->iface, .port = cst_pkt(m)->port, .vrf = cst_pkt(m)->vrf};
	edge = go(c, snap, to);
	cst_emit(w, edge, &c, 1);
}

/* May so many copies of one frame be made now? */
static bool may_flood(struct cst_worker *w, side_t from, uint32_t copies)
{
	uint64_t step = rte_get_tsc_hz() / STORM_RATE;

	return cst_bucket_take(&floods[w->id].side[(from ^ from >> 8) % BUCKETS], w->now,
			       copies * step, STORM_BURST * step);
}

/* One receiver more: the one before it gets a copy, the last one the frame itself. */
static void also(struct cst_worker *w, struct rte_mbuf *m, const struct cst_snap *snap,
		 side_t *last, side_t to)
{
	if (*last)
		send_copy(w, m, snap, *last);
	*last = to;
}

static __rte_noinline uint8_t flood(struct cst_worker *w, struct rte_mbuf *m,
				    const struct cst_snap *snap, side_t from)
{
	uint16_t vrf = cst_pkt(m)->vrf;
	const struct upf_eth_group *g = upf_eth_group_of(vrf);
	uint32_t n = g ? g->n : 0;
	side_t last = 0;

	if (!may_flood(w, from, n))
		return upf_eth_dropped(m, UPF_ETH_DROP_STORM);
	for (uint32_t i = 0; i < n; i++)
		if (g->member[i] != from)
			also(w, m, snap, &last, g->member[i]);
	for (uint16_t id = snap->vrfs[vrf].ethernet; id && !(from & UPF_ETH_IFACE);
	     id = snap->ifaces[id].next_ethernet)
		if (snap->ifaces[id].port)
			also(w, m, snap, &last, UPF_ETH_IFACE | id);
	return last ? go(m, snap, last) : upf_eth_dropped(m, UPF_ETH_DROP_NOBODY);
}

/* Where the destination was seen; 0: nowhere, or on an interface that has left the group since. */
static side_t find(const struct cst_snap *snap, uint16_t vrf, uint64_t dst)
{
	side_t to;
	const struct cst_snap_iface *iface;

	if (upf_eth_is_group(dst))
		return 0;
	to = upf_eth_where(upf_eth_find(upf_eth_key(vrf, dst)));
	if (!(to & UPF_ETH_IFACE))
		return to;
	iface = &snap->ifaces[(uint16_t)to % CST_MAX_IFACES];
	return (iface->flags & CST_SNAP_ETHERNET) && iface->vrf == vrf && iface->port ? to : 0;
}

/* ---- one frame ------------------------------------------------------------------------------ */

static uint8_t one(struct cst_worker *w, struct rte_mbuf *m, const struct cst_snap *snap)
{
	struct cst_pkt *pkt = cst_pkt(m);
	side_t from = side_of(pkt), to;
	const struct cst_drop *why;
	struct upf_eth_frame f;

	if (pkt->port && !settle_tag(m, &snap->ifaces[pkt->iface % CST_MAX_IFACES]))
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	why = upf_eth_read(m, &f);
	if (unlikely(why != NULL))
		return cst_drop(m, why);
	upf_eth_saw(w, pkt->vrf, f.src, from);
	if (unlikely(upf_eth_is_reserved(f.dst)))
		return upf_eth_dropped(m, UPF_ETH_DROP_RESERVED);
	to = find(snap, pkt->vrf, f.dst);
	if (to == 0)
		return flood(w, m, snap, from);
	if (to == from || (to & from & UPF_ETH_IFACE))
		return upf_eth_dropped(m, UPF_ETH_DROP_SAME_SIDE);
	return go(m, snap, to);
}

uint16_t upf_eth_switch_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge)
{
	const struct cst_snap *snap = cst_snap();
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = one(w, pkts[i], snap);
		aside += edge[i] != TO_DL;
	}
	return aside;
}

CST_NODE(upf_eth_switch_node, .name = "upf_eth_switch",
	 .help = "frames to the sessions and N6 interfaces of their 5G VN group, by MAC address",
	 .process = upf_eth_switch_process, .edges = edges, .frames = true);
CST_ATTACH(upf_eth_switch_classify, "classify", "upf_eth_switch", &upf_eth_from_classify);

static void __attribute__((constructor)) upf_eth_switch_register(void)
{
	cst_ethernet_register(&upf_eth_from_classify);
}
