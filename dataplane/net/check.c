/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "ip.h"
#include "net/nexthop.h"
#include "net/wish.h"
#include "port/port.h"

#define KERNEL_NAME_MAX 12 /* "ct-" in front must fit the kernel's 15 */

/* ---- addresses ------------------------------------------------------------- */

const char *wish_ip_str(const struct cst_ip *ip, char buf[WISH_STRLEN])
{
	if (!inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->b, buf, WISH_STRLEN))
		snprintf(buf, WISH_STRLEN, "?");
	return buf;
}

const char *wish_prefix_str(const struct cst_prefix *p, char buf[WISH_STRLEN])
{
	char ip[WISH_STRLEN];

	snprintf(buf, WISH_STRLEN, "%.46s/%u", wish_ip_str(&p->ip, ip), p->len);
	return buf;
}

struct cst_ip wish_mask(const struct cst_ip *ip, unsigned len)
{
	struct cst_ip out = {.family = ip->family};
	unsigned bytes = len / 8;

	memcpy(out.b, ip->b, bytes);
	if (len % 8)
		out.b[bytes] = ip->b[bytes] & (uint8_t)(0xff00 >> len % 8);
	return out;
}

static bool family_ok(const struct cst_ip *ip)
{
	return ip->family == 4 || ip->family == 6;
}

/* Whether a host may have it: not multicast, loopback, unspecified or this-network. */
static bool is_host(const struct cst_ip *ip)
{
	return ip->family == 4 ? !cst_ip4_bad_source(ip->b) : !cst_ip6_bad_source(ip->b);
}

static bool is_link_local(const struct cst_ip *ip)
{
	return ip->family == 6 && cst_ip6_is_link_local(ip->b);
}

/* The all-zeros or all-ones host of an IPv4 subnet that has such. */
static bool is_edge_of_subnet(const struct cst_prefix *p)
{
	struct cst_ip low = wish_mask(&p->ip, p->len);
	uint32_t host = ntohl(p->ip.v4) - ntohl(low.v4);

	return p->ip.family == 4 && p->len < 31 && (host == 0 || host == 0xffffffffu >> p->len);
}

/* ---- look-ups -------------------------------------------------------------- */

uint16_t wish_vrf(const struct wish *w, const char *name)
{
	for (uint16_t i = 1; name[0] && i < CST_MAX_VRFS; i++)
		if (strcasecmp(w->vrf[i], name) == 0)
			return i;
	return 0;
}

uint16_t wish_iface(const struct wish *w, const char *name)
{
	for (uint16_t i = 1; name[0] && i <= w->top_iface; i++)
		if (w->iface[i].used && strcmp(w->iface[i].c.name, name) == 0)
			return i;
	return 0;
}

uint16_t wish_connected(const struct wish *w, uint16_t vrf, uint16_t iface, const struct cst_ip *ip,
			const struct cst_prefix **addr)
{
	for (uint16_t i = 1; i <= w->top_iface; i++) {
		const struct cst_iface_conf *c = &w->iface[i].c;

		if (!w->iface[i].used || (iface && i != iface) || wish_vrf(w, c->vrf) != vrf)
			continue;
		for (unsigned a = 0; a < c->n_addrs; a++) {
			if (c->addrs[a].len < wish_bits(&c->addrs[a].ip) &&
			    wish_holds(&c->addrs[a], ip)) {
				if (addr)
					*addr = &c->addrs[a];
				return i;
			}
		}
	}
	return 0;
}

uint16_t wish_own(const struct wish *w, uint16_t vrf, const struct cst_ip *ip)
{
	for (uint16_t i = 1; i <= w->top_iface; i++) {
		const struct cst_iface_conf *c = &w->iface[i].c;

		if (!w->iface[i].used || wish_vrf(w, c->vrf) != vrf)
			continue;
		for (unsigned a = 0; a < c->n_addrs; a++)
			if (cst_ip_eq(&c->addrs[a].ip, ip))
				return i;
	}
	return 0;
}

/* ---- interface ------------------------------------------------------------- */

static int check_port(const struct cst_iface_conf *c, struct cst_err *e)
{
	struct cst_port_state st;
	uint16_t port;

	if (!c->port[0])
		return cst_err(e, -EINVAL, "port", "is missing");
	if (!cst_nexthops) /* a check without EAL: ports have no numbers */
		return 0;
	port = cst_port_by_name(c->port);
	if (!port)
		return cst_err(e, -ENOENT, "port", "no port '%s'", c->port);
	cst_port_state(port, &st);
	if (st.up && st.mtu && c->mtu > st.mtu)
		return cst_err(e, -EINVAL, "mtu", "%u is more than port '%s' carries (%u)", c->mtu,
			       c->port, st.mtu);
	return 0;
}

/* It has frames and nothing of IP. */
static int check_ethernet(const struct cst_iface_conf *c, struct cst_err *e)
{
	const struct cst_port_conf *port;

	if (!c->ethernet)
		return 0;
	if (c->n_addrs)
		return cst_err(e, -EINVAL, "addresses",
			       "an Ethernet interface has none: take them out, or ethernet");
	if (c->gtpu || c->kernel)
		return cst_err(e, -EINVAL, c->gtpu ? "gtpu" : "kernel",
			       "needs an IP interface: take it out, or ethernet");
	port = cst_nexthops ? cst_port_conf(cst_port_by_name(c->port)) : NULL;
	if (port && !port->promiscuous)
		return cst_err(
			e, -EINVAL, "port",
			"'%s' takes in frames for its own MAC address alone: set promiscuous "
			"on it",
			c->port);
	return 0;
}

static int check_addr(const struct wish *w, const struct cst_iface_conf *c, unsigned n,
		      uint16_t self, struct cst_err *e)
{
	const struct cst_prefix *p = &c->addrs[n];
	uint16_t vrf = wish_vrf(w, c->vrf);
	char a[WISH_STRLEN], b[WISH_STRLEN], field[32];

	snprintf(field, sizeof(field), "addresses[%u]", n);
	if (!family_ok(&p->ip) || p->len < 1 || p->len > wish_bits(&p->ip))
		return cst_err(e, -EINVAL, field, "is not an address with its prefix length");
	wish_prefix_str(p, a);
	if (!is_host(&p->ip))
		return cst_err(e, -EINVAL, field, "%s is no address a host can have", a);
	if (is_edge_of_subnet(p))
		return cst_err(e, -EINVAL, field, "%s is the subnet's own or broadcast address", a);
	if (is_link_local(&p->ip))
		return cst_err(e, -EINVAL, field,
			       "%s is link-local; coast makes that address itself", a);

	for (unsigned i = 0; i < n; i++)
		if (cst_ip_eq(&c->addrs[i].ip, &p->ip))
			return cst_err(e, -EEXIST, field, "%s is there twice", a);
	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		const struct cst_iface_conf *o = &w->iface[i].c;

		if (!w->iface[i].used || i == self || wish_vrf(w, o->vrf) != vrf)
			continue;
		for (unsigned k = 0; k < o->n_addrs; k++)
			if (wish_holds(&o->addrs[k], &p->ip) || wish_holds(p, &o->addrs[k].ip))
				return cst_err(
					e, -EEXIST, field,
					"%s overlaps %s of interface '%s' in network instance '%s'",
					a, wish_prefix_str(&o->addrs[k], b), o->name, c->vrf);
	}
	return 0;
}

int wish_check_iface(const struct wish *w, const struct cst_iface_conf *c, uint16_t self,
		     struct cst_err *e)
{
	bool has6 = false;
	int rc;

	if (!c->name[0])
		return cst_err(e, -EINVAL, "name", "is missing");
	if (c->kernel && (strlen(c->name) > KERNEL_NAME_MAX || strpbrk(c->name, "/ :%")))
		return cst_err(e, -EINVAL, "name",
			       "'%s' cannot be part of a kernel interface's name: at most %d "
			       "characters, without '/', ':', '%%' or space",
			       c->name, KERNEL_NAME_MAX);
	if (!wish_vrf(w, c->vrf))
		return cst_err(e, -ENOENT, "network_instance", "no network instance '%s'", c->vrf);
	if (c->vlan > 4094)
		return cst_err(e, -EINVAL, "vlan", "%u is not in 0..4094", c->vlan);
	if (c->n_addrs > CST_MAX_IF_ADDRS)
		return cst_err(e, -E2BIG, "addresses", "more than %d", CST_MAX_IF_ADDRS);
	for (unsigned i = 0; i < c->n_addrs; i++)
		has6 |= c->addrs[i].ip.family == 6;
	if (c->mtu && c->mtu < (has6 ? 1280 : 68))
		return cst_err(e, -EINVAL, "mtu", "%u is below the least of IPv%d, %d", c->mtu,
			       has6 ? 6 : 4, has6 ? 1280 : 68);
	if ((rc = check_port(c, e)) || (rc = check_ethernet(c, e)))
		return rc;
	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		const struct cst_iface_conf *o = &w->iface[i].c;

		if (!w->iface[i].used || i == self)
			continue;
		if (strcmp(o->name, c->name) == 0)
			return cst_err(e, -EEXIST, "name", "there is an interface '%s' already",
				       c->name);
		/* an Ethernet interface without a VLAN has what the others of its port leave */
		if (strcmp(o->port, c->port) == 0 && o->vlan == c->vlan &&
		    (c->vlan || o->ethernet == c->ethernet))
			return cst_err(e, -EEXIST, "vlan",
				       "port '%s' with VLAN %u is interface '%s' already", c->port,
				       c->vlan, o->name);
	}
	for (unsigned i = 0; i < c->n_addrs; i++)
		if ((rc = check_addr(w, c, i, self, e)))
			return rc;
	return 0;
}

/* ---- routes ---------------------------------------------------------------- */

uint16_t wish_via_iface(const struct wish *w, const struct cst_route_conf *c, unsigned via)
{
	if (c->via[via].iface[0])
		return wish_iface(w, c->via[via].iface);
	return wish_connected(w, wish_vrf(w, c->vrf), 0, &c->via[via].gateway, NULL);
}

static int check_via(const struct wish *w, const struct cst_route_conf *c, unsigned n,
		     struct cst_err *e)
{
	const struct cst_ip *gw = &c->via[n].gateway;
	const char *name = c->via[n].iface;
	uint16_t vrf = wish_vrf(w, c->vrf), iface = 0;
	char a[WISH_STRLEN];

	if (name[0]) {
		iface = wish_iface(w, name);
		if (!iface)
			return cst_err(e, -ENOENT, "interface", "no interface '%s'", name);
		if (wish_vrf(w, w->iface[iface].c.vrf) != vrf)
			return cst_err(e, -EINVAL, "interface",
				       "'%s' belongs to network instance '%s', not to '%s'", name,
				       w->iface[iface].c.vrf, c->vrf);
	}
	if (!gw->family) {
		if (!iface)
			return cst_err(e, -EINVAL, "gateway", "is missing");
		if (c->n_via > 1)
			return cst_err(e, -EINVAL, "gateway",
				       "is missing; only a route's single path may be without");
		return 0;
	}
	wish_ip_str(gw, a);
	if (gw->family != c->dst.ip.family)
		return cst_err(e, -EINVAL, "gateway", "%s is not of the prefix's family", a);
	if (!is_host(gw))
		return cst_err(e, -EINVAL, "gateway", "%s is no address a host can have", a);
	if (wish_own(w, vrf, gw))
		return cst_err(e, -EINVAL, "gateway", "%s is coast's own address", a);
	if (is_link_local(gw)) {
		if (!iface)
			return cst_err(e, -EINVAL, "interface",
				       "is needed beside the link-local gateway %s", a);
		return 0;
	}
	if (!wish_connected(w, vrf, iface, gw, NULL)) {
		if (iface)
			return cst_err(e, -EINVAL, "gateway",
				       "%s is on no prefix of interface '%s'", a, name);
		return cst_err(e, -EINVAL, "gateway",
			       "%s is on no connected prefix of network instance '%s'", a, c->vrf);
	}
	for (unsigned i = 0; i < n; i++)
		if (cst_ip_eq(&c->via[i].gateway, gw))
			return cst_err(e, -EEXIST, "gateway", "%s is there twice", a);
	return 0;
}

int wish_check_route(const struct wish *w, const struct cst_route_conf *c, struct cst_err *e)
{
	struct cst_ip low = wish_mask(&c->dst.ip, c->dst.len);
	const struct cst_prefix *addr;
	char a[WISH_STRLEN], b[WISH_STRLEN];
	uint16_t vrf = wish_vrf(w, c->vrf), iface;
	int rc;

	if (!vrf)
		return cst_err(e, -ENOENT, "network_instance", "no network instance '%s'", c->vrf);
	if (!family_ok(&c->dst.ip) || c->dst.len > wish_bits(&c->dst.ip))
		return cst_err(e, -EINVAL, "prefix", "is not a prefix");
	wish_prefix_str(&c->dst, a);
	if (!cst_ip_eq(&low, &c->dst.ip))
		return cst_err(e, -EINVAL, "prefix", "%s has bits set behind its length: %s/%u?", a,
			       wish_ip_str(&low, b), c->dst.len);
	if (c->blackhole && c->n_via)
		return cst_err(e, -EINVAL, "via", "a blackhole has no paths");
	if (!c->blackhole && !c->n_via)
		return cst_err(e, -EINVAL, "via", "needs at least one path, or blackhole: true");
	if (c->n_via > CST_MAX_ECMP)
		return cst_err(e, -E2BIG, "via", "more than %d paths", CST_MAX_ECMP);
	if (c->dst.len == wish_bits(&c->dst.ip) && wish_own(w, vrf, &c->dst.ip))
		return cst_err(e, -EEXIST, "prefix", "%s is coast's own address", a);
	iface = c->dst.len ? wish_connected(w, vrf, 0, &c->dst.ip, &addr) : 0;
	if (iface && addr->len == c->dst.len)
		return cst_err(e, -EEXIST, "prefix", "%s is the connected prefix of interface '%s'",
			       a, w->iface[iface].c.name);
	for (unsigned i = 0; i < c->n_via; i++) {
		if ((rc = check_via(w, c, i, e))) {
			cst_err_prefix(e, "via[%u]", i);
			return rc;
		}
	}
	return 0;
}

/* ---- the rest --------------------------------------------------------------- */

int wish_check_neigh(const struct wish *w, const struct cst_neigh_conf *c, struct cst_err *e)
{
	static const uint8_t none[6];
	uint16_t iface = wish_iface(w, c->iface), vrf;
	char a[WISH_STRLEN];

	if (!iface)
		return cst_err(e, -ENOENT, "interface", "no interface '%s'", c->iface);
	vrf = wish_vrf(w, w->iface[iface].c.vrf);
	if (!family_ok(&c->ip) || !is_host(&c->ip))
		return cst_err(e, -EINVAL, "address", "is no address a host can have");
	wish_ip_str(&c->ip, a);
	if (wish_own(w, vrf, &c->ip))
		return cst_err(e, -EINVAL, "address", "%s is coast's own address", a);
	if (!is_link_local(&c->ip) && !wish_connected(w, vrf, iface, &c->ip, NULL))
		return cst_err(e, -EINVAL, "address", "%s is on no prefix of interface '%s'", a,
			       c->iface);
	if ((c->mac[0] & 1) || memcmp(c->mac, none, 6) == 0)
		return cst_err(e, -EINVAL, "mac", "is no MAC address of a single station");
	return 0;
}

int wish_check_service(const struct wish *w, const struct wish_service *s, struct cst_err *e)
{
	char a[WISH_STRLEN];
	const struct cst_prefix *addr;
	uint16_t iface;

	if (!s->vrf || s->vrf >= CST_MAX_VRFS || !w->vrf[s->vrf][0])
		return cst_err(e, -ENOENT, "network_instance", "no such network instance");
	if (!family_ok(&s->dst.ip) || s->dst.len > wish_bits(&s->dst.ip))
		return cst_err(e, -EINVAL, "prefix", "is not a prefix");
	if (wish_own(w, s->vrf, &s->dst.ip) && s->dst.len == wish_bits(&s->dst.ip))
		return cst_err(e, -EEXIST, "prefix", "%s is coast's own address",
			       wish_prefix_str(&s->dst, a));
	iface = wish_connected(w, s->vrf, 0, &s->dst.ip, &addr);
	if (iface && addr->len == s->dst.len)
		return cst_err(e, -EEXIST, "prefix", "%s is the connected prefix of interface '%s'",
			       wish_prefix_str(&s->dst, a), w->iface[iface].c.name);
	return 0;
}

int wish_check(const struct wish *w, struct cst_err *e)
{
	char a[WISH_STRLEN];
	int rc;

	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		if (w->iface[i].used && (rc = wish_check_iface(w, &w->iface[i].c, i, e))) {
			cst_err_prefix(e, "interfaces[%s]", w->iface[i].c.name);
			return rc;
		}
	}
	for (uint32_t i = 0; i < w->n_routes; i++) {
		if ((rc = wish_check_route(w, &w->routes[i], e))) {
			cst_err_prefix(e, "routes[%s]", wish_prefix_str(&w->routes[i].dst, a));
			return rc;
		}
	}
	for (uint32_t i = 0; i < w->n_neighs; i++) {
		if ((rc = wish_check_neigh(w, &w->neighs[i], e))) {
			cst_err_prefix(e, "neighbours[%s]", wish_ip_str(&w->neighs[i].ip, a));
			return rc;
		}
	}
	for (uint32_t i = 0; i < w->n_services; i++) {
		if ((rc = wish_check_service(w, &w->services[i], e))) {
			cst_err_prefix(e, "pools[%s]", wish_prefix_str(&w->services[i].dst, a));
			return rc;
		}
	}
	return 0;
}
