/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that come in by a port, while something is looked for: which of them
 * are meant.
 */
#include <string.h>

#include "capture/capture.h"
#include "gtpu.h"
#include "ip.h"
#include "net/fib.h"
#include "trace/steps.h"
#include "udp.h"
#include "vlan.h"

#define HEADERS 512 /* bytes of a packet that are looked at */

/* What filters ask of a packet. */
struct looks {
	bool l3, tunnel, inner;
	uint16_t vrf;
	uint32_t teid;
	struct cst_ip src, dst, in_src, in_dst;
};

static uint16_t vrf_of(uint16_t port, const struct cst_l2 *l2)
{
	const struct cst_snap *snap = cst_snap();
	const struct cst_snap_port *p = &snap->ports[port % CST_MAX_PORTS];
	uint16_t vid = l2->tags != 0 ? CST_VLAN_VID(l2->tci[0]) : 0;
	uint16_t iface = vid == 0 ? p->untagged : p->vlan != NULL ? p->vlan[vid] : 0;

	return iface < CST_MAX_IFACES ? snap->ifaces[iface].vrf : 0;
}

static void look_inside(const uint8_t *p, uint32_t len, struct looks *out)
{
	struct cst_gtpu g;

	if (cst_gtpu_parse(p, len, &g) != CST_GTPU_OK)
		return;
	out->tunnel = true;
	out->teid = g.teid;
	p += g.hdr_len;
	len = g.end - g.hdr_len;
	if (g.type != CST_GTPU_GPDU || len < 20 || (p[0] >> 4 == 6 && len < 40) ||
	    (p[0] >> 4 != 4 && p[0] >> 4 != 6))
		return;
	out->inner = true;
	cst_ip_addrs(p, &out->in_src, &out->in_dst);
}

/* The length that an IP header tells, in a copy of which no more than `len` bytes are there. */
static void shorten(uint8_t *ip, uint32_t len)
{
	if (len >= 20 && ip[0] >> 4 == 4 && cst_be16(ip + 2) > len)
		cst_put_be16(ip + 2, (uint16_t)len);
	else if (len >= 40 && ip[0] >> 4 == 6 && cst_be16(ip + 4) > len - 40)
		cst_put_be16(ip + 4, (uint16_t)(len - 40));
}

/* And that of a GTP-U header, whose message ends where the copy does. */
static void shorten_gtpu(uint8_t *p, uint32_t len)
{
	if (len >= 8 && cst_be16(p + 2) > len - 8)
		cst_put_be16(p + 2, (uint16_t)(len - 8));
}

static void look_at(uint8_t *p, uint32_t len, bool copy, struct looks *out)
{
	struct cst_ip_info ip;
	uint8_t *gtpu;

	if (copy)
		shorten(p, len);
	if (len < 20 || cst_ip_parse(p, len, &ip) != CST_IP_OK)
		return;
	out->l3 = true;
	cst_ip_addrs(p, &out->src, &out->dst);
	if (ip.proto != CST_PROTO_UDP || ip.l4_off == 0 || (ip.flags & CST_IP_FRAG) ||
	    ip.total_len < ip.l4_off + 8u || cst_be16(p + ip.l4_off + 2) != CST_GTPU_PORT)
		return;
	gtpu = p + ip.l4_off + 8;
	len = ip.total_len - ip.l4_off - 8;
	if (copy)
		shorten_gtpu(gtpu, len);
	look_inside(gtpu, len, out);
}

/* The frame need not be whole or right: what cannot be read does not match. */
static void look(uint16_t port, const struct rte_mbuf *m, struct looks *out)
{
	uint8_t first[HEADERS], *p = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t len = m->data_len;
	bool copy = m->nb_segs > 1;
	struct cst_l2 l2;

	memset(out, 0, sizeof(*out));
	if (copy) {
		len = RTE_MIN(m->pkt_len, (uint32_t)HEADERS);
		/* into `first`, or it stands in one piece and is copied now */
		if (rte_pktmbuf_read(m, 0, len, first) != first)
			memcpy(first, p, len);
		p = first;
	}
	if (cst_l2_parse(p, len, &l2) != 0)
		return;
	out->vrf = vrf_of(port, &l2);
	look_at(p + l2.len, len - l2.len, copy, out);
}

/* ---- comparing ------------------------------------------------------------------------------ */

static bool matches_teid(const struct cst_watch_keys *k, const struct looks *l)
{
	for (unsigned i = 0; l->tunnel && i < k->n_teids; i++)
		if (k->teids[i].teid == l->teid &&
		    (k->teids[i].vrf == 0 || k->teids[i].vrf == l->vrf))
			return true;
	return false;
}

static bool matches_addr(const struct cst_watch_keys *k, const struct looks *l)
{
	for (unsigned i = 0; l->l3 && i < k->n_addrs; i++) {
		const struct cst_prefix *p = &k->addrs[i].prefix;

		/* an address means one host in one network instance alone */
		if (k->addrs[i].vrf != 0) {
			if (k->addrs[i].vrf == l->vrf && cst_prefix_holds(p, &l->dst))
				return true;
			continue;
		}
		if (cst_prefix_holds(p, &l->src) || cst_prefix_holds(p, &l->dst) ||
		    (l->inner &&
		     (cst_prefix_holds(p, &l->in_src) || cst_prefix_holds(p, &l->in_dst))))
			return true;
	}
	return false;
}

static bool matches(const struct cst_watch_keys *k, uint16_t port, const struct rte_mbuf *m,
		    struct looks *l, bool *looked)
{
	if (k->any || (port < 64 && (k->ports >> port & 1)))
		return true;
	if (k->n_teids == 0 && k->n_addrs == 0)
		return false;
	if (!*looked)
		look(port, m, l);
	*looked = true;
	return matches_teid(k, l) || matches_addr(k, l);
}

/* One packet less to be traced for this filter; false: it has had its count. */
static bool take(atomic_int *left)
{
	if (atomic_load_explicit(left, memory_order_relaxed) <= 0)
		return false;
	if (atomic_fetch_sub_explicit(left, 1, memory_order_relaxed) > 0)
		return true;
	atomic_fetch_add_explicit(left, 1, memory_order_relaxed);
	return false;
}

static void mark(const struct cst_watch *watch, uint16_t port, struct rte_mbuf *m)
{
	struct cst_pkt *pkt = cst_pkt(m);
	bool looked = false;
	struct looks l;

	pkt->mark = watch->epoch;
	pkt->traced = 0;
	for (unsigned i = 0; i < watch->n_filters; i++) {
		const struct cst_watch_filter *f = &watch->filters[i];

		if (f->left != NULL &&
		    (pkt->traced != 0 || atomic_load_explicit(f->left, memory_order_relaxed) <= 0))
			continue;
		if (!matches(&f->keys, port, m, &l, &looked))
			continue;
		if (f->left == NULL)
			pkt->mark |= cst_capture_mark(watch->capture);
		else if (take(f->left))
			pkt->traced = cst_trace_new_number();
	}
}

void cst_watch_rx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	const struct cst_watch *watch = w->watch;

	if (n == 0)
		return;
	cst_capture_origin(port, pkts[0]);
	for (uint16_t i = 0; i < n; i++)
		mark(watch, port, pkts[i]);
	if (watch->capture != NULL)
		cst_capture_rx(watch, w->id, port, pkts, n);
}
