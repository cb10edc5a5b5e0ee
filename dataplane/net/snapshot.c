/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Wish to snapshot: resolve names, fill the tables that workers read, take
 * references on next hops; publish by one pointer.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "be.h"
#include "engine/rcu.h"
#include "net/fib.h"
#include "net/wish.h"

static struct cst_lpm nothing;
static struct cst_snap empty;
struct cst_snap *_Atomic cst_snap_live = &empty;

static uint16_t last_epoch;
static uint64_t generation;

static void __attribute__((constructor)) fill_empty(void)
{
	for (unsigned i = 0; i < CST_MAX_VRFS; i++) {
		empty.vrfs[i].lpm4 = &nothing;
		empty.vrfs[i].lpm6 = &nothing;
	}
}

/* ---- interfaces ------------------------------------------------------------- */

/* RFC 4291 appendix A: the MAC with ff:fe in its middle and the universal bit turned. */
static void link_local_of(const uint8_t mac[6], uint8_t out[16])
{
	const uint8_t ll[16] = {0xfe,       0x80,   0,      0,    0,    0,      0,      0,
				mac[0] ^ 2, mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};

	memcpy(out, ll, 16);
}

static bool same_link(const struct cst_snap_iface *a, const struct cst_snap_iface *b)
{
	return a->vrf && a->port == b->port && a->vlan == b->vlan && a->mtu == b->mtu &&
	       memcmp(a->mac, b->mac, 6) == 0 && strcmp(a->name, b->name) == 0;
}

/* What the ports look like now, as far as this interface shows it. */
static void fill_link(const struct cst_iface_conf *c, struct cst_snap_iface *i)
{
	struct cst_port_state st = {0};

	i->port = cst_port_by_name(c->port);
	if (i->port)
		cst_port_state(i->port, &st);
	i->vlan = c->vlan;
	i->mtu = c->mtu ? c->mtu : st.mtu ? st.mtu : 1500;
	memcpy(i->mac, st.mac, 6);
	memcpy(i->name, c->name, sizeof(i->name));
}

static void fill_iface(const struct wish *w, uint16_t id, struct cst_snap *s)
{
	const struct cst_iface_conf *c = &w->iface[id].c;
	const struct cst_snap_iface *was = &cst_snap()->ifaces[id];
	struct cst_snap_iface *i = &s->ifaces[id];

	fill_link(c, i);
	i->vrf = wish_vrf(w, c->vrf);
	i->flags = (c->gtpu ? CST_SNAP_GTPU : 0) | (c->kernel ? CST_SNAP_KERNEL : 0) |
		   (c->ethernet ? CST_SNAP_ETHERNET : 0);
	i->n_addrs = c->n_addrs;
	memcpy(i->addrs, c->addrs, sizeof(i->addrs));
	link_local_of(i->mac, i->link_local);
	i->epoch = same_link(was, i) ? was->epoch : ++last_epoch;

	for (unsigned a = 0; a < i->n_addrs; a++) {
		struct cst_snap_vrf *v = &s->vrfs[i->vrf];

		if (i->addrs[a].ip.family == 6)
			i->flags |= CST_SNAP_IP6;
		if (i->addrs[a].ip.family == 4 && !v->source4.family)
			v->source4 = i->addrs[a].ip;
		if (i->addrs[a].ip.family == 6 && !v->source6.family)
			v->source6 = i->addrs[a].ip;
	}
}

/* Interfaces by VLAN, the table made with the first one. */
static int fill_vlan(uint16_t **table, uint16_t vlan, uint16_t id, struct cst_err *e)
{
	if (!*table && !(*table = calloc(4096, sizeof(**table))))
		return cst_err(e, -ENOMEM, NULL, "out of memory");
	(*table)[vlan] = id;
	return 0;
}

static int fill_ethernet(struct cst_snap *s, uint16_t id, struct cst_err *e)
{
	struct cst_snap_iface *i = &s->ifaces[id];
	struct cst_snap_port *p = &s->ports[i->port % CST_MAX_PORTS];

	i->next_ethernet = s->vrfs[i->vrf].ethernet;
	s->vrfs[i->vrf].ethernet = id;
	if (i->vlan)
		return fill_vlan(&p->ethernet_vlan, i->vlan, id, e);
	p->ethernet = id;
	return 0;
}

static int fill_port(struct cst_snap *s, uint16_t id, struct cst_err *e)
{
	const struct cst_snap_iface *i = &s->ifaces[id];
	struct cst_snap_port *p = &s->ports[i->port % CST_MAX_PORTS];

	if (!i->port) /* gone in the same change; no packet can come in */
		return 0;
	if (i->flags & CST_SNAP_ETHERNET)
		return fill_ethernet(s, id, e);
	memcpy(&p->mac, i->mac, 6);
	if (i->mtu > p->mtu)
		p->mtu = i->mtu;
	if (!i->vlan) {
		p->untagged = id;
		return 0;
	}
	return fill_vlan(&p->vlan, i->vlan, id, e);
}

bool snap_ports_changed(const struct wish *w)
{
	const struct cst_snap *s = cst_snap();

	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		struct cst_snap_iface now = {0};

		if (!w->iface[i].used)
			continue;
		fill_link(&w->iface[i].c, &now);
		if (!same_link(&s->ifaces[i], &now))
			return true;
	}
	return false;
}

/* ---- tables ----------------------------------------------------------------- */

struct items {
	struct cst_lpm_item *v;
	uint32_t n, room;
};

static bool add(struct items *t, const struct cst_ip *ip, unsigned len, union cst_fib_entry entry)
{
	struct cst_ip low = wish_mask(ip, len);
	struct cst_lpm_item *it;

	if (t->n == t->room) {
		uint32_t room = t->room ? t->room * 2 : 32;
		struct cst_lpm_item *more = realloc(t->v, room * sizeof(*more));

		if (!more)
			return false;
		t->v = more;
		t->room = room;
	}
	it = &t->v[t->n++];
	memcpy(it->addr, low.b, 16);
	it->len = (uint8_t)len;
	it->entry = entry;
	return true;
}

static bool add_addr(struct items *t, uint16_t id, uint8_t flags, const struct cst_prefix *p)
{
	union cst_fib_entry local = {
		.type = CST_FIB_LOCAL,
		.flags = flags & CST_SNAP_GTPU ? CST_FIBF_GTPU : 0,
		.id = id,
	};
	union cst_fib_entry connected = {.type = CST_FIB_CONNECTED, .id = id};
	union cst_fib_entry broadcast = {
		.type = CST_FIB_BLACKHOLE, .sub = CST_FIB_SUB_BROADCAST, .id = id};
	unsigned bits = wish_bits(&p->ip);
	struct cst_ip edge = wish_mask(&p->ip, p->len);
	bool ok = add(t, &p->ip, bits, local);

	if (p->len < bits)
		ok &= add(t, &p->ip, p->len, connected);
	if (p->ip.family == 4 && p->len < 31) {
		ok &= add(t, &edge, 32, broadcast);
		edge.v4 |= CST_BE32(0xffffffffu >> p->len);
		ok &= add(t, &edge, 32, broadcast);
	}
	return ok;
}

static bool add_ifaces(struct items *t, const struct cst_snap *s, uint16_t vrf, uint8_t family)
{
	bool ok = true;

	for (uint16_t id = 1; id < CST_MAX_IFACES; id++) {
		const struct cst_snap_iface *i = &s->ifaces[id];

		for (unsigned a = 0; i->vrf == vrf && a < i->n_addrs; a++)
			if (i->addrs[a].ip.family == family)
				ok &= add_addr(t, id, i->flags, &i->addrs[a]);
	}
	return ok;
}

/* A next hop that lives as long as this snapshot. 0: table or memory full. */
static uint32_t hold(struct cst_snap *s, uint16_t iface, const struct cst_ip *ip)
{
	uint32_t *more = NULL;
	uint32_t id;

	if (s->n_held % 64 == 0) {
		more = realloc(s->held, (s->n_held + 64) * sizeof(*more));
		if (!more)
			return 0;
		s->held = more;
	}
	cst_net_lock();
	id = cst_nexthop_get(&s->ifaces[iface], iface, ip);
	if (id)
		cst_nexthop_ref(id, 1);
	cst_net_unlock();
	if (id)
		s->held[s->n_held++] = id;
	return id;
}

static bool add_route(struct items *t, const struct wish *w, const struct cst_route_conf *c,
		      struct cst_snap *s)
{
	union cst_fib_entry entry = {.type = CST_FIB_BLACKHOLE};
	struct cst_snap_group *g;

	if (c->blackhole)
		return add(t, &c->dst.ip, c->dst.len, entry);
	if (!c->via[0].gateway.family) {
		entry.type = CST_FIB_CONNECTED;
		entry.id = wish_via_iface(w, c, 0);
		return add(t, &c->dst.ip, c->dst.len, entry);
	}
	g = &s->groups[s->n_groups];
	for (unsigned i = 0; i < c->n_via; i++) {
		g->nexthop[i] = hold(s, wish_via_iface(w, c, i), &c->via[i].gateway);
		if (!g->nexthop[i])
			return false;
	}
	g->n = c->n_via;
	entry.type = CST_FIB_NEXTHOPS;
	entry.id = s->n_groups++;
	return add(t, &c->dst.ip, c->dst.len, entry);
}

/* One VRF's table of one family. Duplicates cannot be: wish_check() has refused them. */
static const struct cst_lpm *fill_table(const struct wish *w, struct cst_snap *s, uint16_t vrf,
					uint8_t family)
{
	struct items t = {0};
	struct cst_lpm *lpm = NULL;
	bool ok = add_ifaces(&t, s, vrf, family);

	for (uint32_t i = 0; ok && i < w->n_routes; i++)
		if (w->routes[i].dst.ip.family == family && wish_vrf(w, w->routes[i].vrf) == vrf)
			ok = add_route(&t, w, &w->routes[i], s);
	for (uint32_t i = 0; ok && i < w->n_services; i++) {
		const struct wish_service *sv = &w->services[i];
		union cst_fib_entry entry = {
			.type = CST_FIB_SERVICE, .sub = sv->service, .id = sv->aux};

		if (sv->vrf == vrf && sv->dst.ip.family == family)
			ok = add(&t, &sv->dst.ip, sv->dst.len, entry);
	}
	if (ok)
		lpm = cst_lpm_build(t.v, t.n);
	free(t.v);
	return lpm ? lpm : &nothing;
}

static bool fill_neighs(const struct wish *w, struct cst_snap *s)
{
	if (w->n_neighs && !(s->neighs = calloc(w->n_neighs, sizeof(*s->neighs))))
		return false;
	for (uint32_t i = 0; i < w->n_neighs; i++) {
		struct cst_snap_neigh *n = &s->neighs[i];

		n->nexthop = hold(s, wish_iface(w, w->neighs[i].iface), &w->neighs[i].ip);
		if (!n->nexthop)
			return false;
		memcpy(n->mac, w->neighs[i].mac, 6);
		s->n_neighs++;
	}
	return true;
}

/* ---- the whole -------------------------------------------------------------- */

void snap_free(struct cst_snap *s)
{
	if (!s || s == &empty)
		return;
	cst_net_lock();
	for (uint32_t i = 0; i < s->n_held; i++)
		cst_nexthop_ref(s->held[i], -1);
	cst_net_unlock();
	for (unsigned i = 0; i < CST_MAX_VRFS; i++) {
		if (s->vrfs[i].lpm4 != &nothing)
			cst_lpm_free((struct cst_lpm *)s->vrfs[i].lpm4);
		if (s->vrfs[i].lpm6 != &nothing)
			cst_lpm_free((struct cst_lpm *)s->vrfs[i].lpm6);
	}
	for (unsigned i = 0; i < CST_MAX_PORTS; i++) {
		free(s->ports[i].vlan);
		free(s->ports[i].ethernet_vlan);
	}
	free(s->groups);
	free(s->neighs);
	free(s->held);
	free(s);
}

struct cst_snap *snap_compile(const struct wish *w, struct cst_err *e)
{
	struct cst_snap *s = calloc(1, sizeof(*s));
	bool ok = true;

	if (!s) {
		cst_err(e, -ENOMEM, NULL, "out of memory");
		return NULL;
	}
	for (unsigned v = 0; v < CST_MAX_VRFS; v++)
		s->vrfs[v].lpm4 = s->vrfs[v].lpm6 = &nothing;
	if (w->n_routes)
		ok = (s->groups = calloc(w->n_routes, sizeof(*s->groups))) != NULL;
	for (uint16_t i = 1; ok && i < CST_MAX_IFACES; i++) {
		if (w->iface[i].used) {
			fill_iface(w, i, s);
			ok = fill_port(s, i, e) == 0;
		}
	}
	for (uint16_t v = 1; ok && v < CST_MAX_VRFS; v++) {
		if (!w->vrf[v][0])
			continue;
		s->vrfs[v].lpm4 = fill_table(w, s, v, 4);
		s->vrfs[v].lpm6 = fill_table(w, s, v, 6);
		ok = s->vrfs[v].lpm4 != &nothing && s->vrfs[v].lpm6 != &nothing;
	}
	if (!ok || !fill_neighs(w, s)) {
		snap_free(s);
		cst_err(e, -ENOSPC, NULL, "the next-hop table or memory is full");
		return NULL;
	}
	s->generation = ++generation;
	return s;
}

static void free_later(void *s, uint64_t arg)
{
	snap_free(s);
}

void snap_publish(struct cst_snap *s)
{
	struct cst_snap *old;

	/* under the lock, so that the slow-path thread is never caught with the old one */
	cst_net_lock();
	old = atomic_exchange_explicit(&cst_snap_live, s ? s : &empty, memory_order_acq_rel);
	cst_net_unlock();
	cst_rcu_defer(free_later, old, 0);
}

void snap_fini(void)
{
	snap_free(atomic_exchange(&cst_snap_live, &empty));
}
