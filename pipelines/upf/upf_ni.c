/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_ni.h"

#include <errno.h>
#include <string.h>

#include "net/fib.h"
#include "net/net.h"
#include "net/nexthop.h"
#include "object.h"

/* Sessions name few network instances over and over. */
static struct {
	uint32_t generation;
	char name[64];
	uint16_t vrf;
	bool has[2]; /* GTP-U addresses, IPv4 and IPv6 */
	struct cst_ip ip[2];
} known[8];

/* Its number in `known`, or -1: there is none of this name. */
static int lookup(const char *name)
{
	static unsigned next;
	uint32_t generation = cst_net_generation();
	unsigned i;

	for (i = 0; i < 8; i++)
		if (known[i].generation == generation && known[i].vrf &&
		    strcmp(known[i].name, name) == 0)
			return (int)i;
	i = next++ % 8;
	known[i].vrf = cst_vrf_by_name(name);
	if (known[i].vrf == 0)
		return -1;
	known[i].generation = generation;
	memset(known[i].name, 0, sizeof(known[i].name));
	memcpy(known[i].name, name, strnlen(name, sizeof(known[i].name) - 1));
	known[i].has[0] = cst_vrf_gtpu_addr(known[i].vrf, 4, &known[i].ip[0]);
	known[i].has[1] = cst_vrf_gtpu_addr(known[i].vrf, 6, &known[i].ip[1]);
	return (int)i;
}

/* Absent is the one named "default", as control planes leave it out when there is but one. */
int upf_ni_find(const char *name, uint16_t *vrf, struct cst_err *e)
{
	int i = lookup(name ? name : "default");

	if (i < 0 && name)
		return cst_err(e, -ENOENT, "network_instance", "there is no network instance %s",
			       name);
	if (i < 0)
		return cst_err(e, -EINVAL, "network_instance",
			       "is required: there is no network instance named default");
	*vrf = known[i].vrf;
	return 0;
}

bool upf_ni_local(uint16_t vrf, uint8_t family, struct cst_ip *out)
{
	int i = lookup(cst_vrf_name(vrf));
	unsigned f = family == 6;

	if (i < 0 || !known[i].has[f])
		return false;
	*out = known[i].ip[f];
	return true;
}

/* ---- the address towards a peer ------------------------------------------------ */

struct towards {
	uint16_t vrf;
	const struct cst_ip *remote;
	struct cst_ip *out;
	uint8_t len; /* of the connected prefix found so far */
};

static int try_connected(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	struct towards *t = arg;

	if (!c->gtpu || cst_vrf_by_name(c->vrf) != t->vrf)
		return 0;
	for (unsigned i = 0; i < c->n_addrs; i++) {
		if (!cst_prefix_holds(&c->addrs[i], t->remote) || c->addrs[i].len < t->len)
			continue;
		*t->out = c->addrs[i].ip;
		t->len = c->addrs[i].len;
	}
	return 0;
}

/* The first GTP-U address of the interface that packets to the peer leave by now. */
static bool by_route(const struct towards *t)
{
	const struct cst_snap *snap = cst_snap();
	const uint8_t *dst = t->remote->b;
	union cst_fib_entry fe = t->remote->family == 4
					 ? cst_snap_lookup4(snap, t->vrf, t->remote->v4)
					 : cst_snap_lookup6(snap, t->vrf, dst);
	const struct cst_snap_iface *i;
	uint32_t nh;

	if (fe.type != CST_FIB_NEXTHOPS || !cst_nexthops)
		return false;
	nh = cst_snap_nexthop(snap, fe, t->remote->family, dst, 0);
	if (nh == 0)
		return false;
	i = &snap->ifaces[cst_nexthops[nh].iface % CST_MAX_IFACES];
	for (unsigned a = 0; (i->flags & CST_SNAP_GTPU) && a < i->n_addrs; a++) {
		if (i->addrs[a].ip.family != t->remote->family)
			continue;
		*t->out = i->addrs[a].ip;
		return true;
	}
	return false;
}

bool upf_ni_local_to(uint16_t vrf, const struct cst_ip *remote, struct cst_ip *out)
{
	/* sessions have few peers; a route that has changed is seen at the latest when another
	 * peer takes its place here */
	static struct {
		uint32_t generation;
		uint16_t vrf;
		struct cst_ip remote, local;
	} last[64];
	unsigned at = (remote->b[3] * 31u + remote->b[15] + vrf) % 64;
	struct towards t = {.vrf = vrf, .remote = remote, .out = out};

	if (last[at].vrf == vrf && last[at].generation == cst_net_generation() &&
	    cst_ip_eq(&last[at].remote, remote)) {
		*out = last[at].local;
		return true;
	}
	if (!upf_ni_local(vrf, remote->family, out))
		return false;
	cst_net_each_iface(try_connected, &t);
	if (t.len == 0)
		by_route(&t);
	last[at].vrf = vrf;
	last[at].generation = cst_net_generation();
	last[at].remote = *remote;
	last[at].local = *out;
	return true;
}

/* ---- own addresses ----------------------------------------------------------------- */

struct own {
	uint16_t vrf;
	const struct cst_ip *ip;
};

static int is_own(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	const struct own *o = arg;

	if (!c->gtpu || cst_vrf_by_name(c->vrf) != o->vrf)
		return 0;
	for (unsigned i = 0; i < c->n_addrs; i++)
		if (cst_ip_eq(&c->addrs[i].ip, o->ip))
			return 1;
	return 0;
}

/* Does the network instance end tunnels on this address? Usually on its first one. */
int upf_ni_check_local(uint16_t vrf, const struct cst_ip *ip, const char *field, struct cst_err *e)
{
	struct own o = {vrf, ip};
	struct cst_ip first;
	char text[64];

	if ((upf_ni_local(vrf, ip->family, &first) && cst_ip_eq(&first, ip)) ||
	    cst_net_each_iface(is_own, &o))
		return 0;
	return cst_err(e, -EINVAL, field, "%s is not a GTP-U address of network instance %s",
		       cst_ip_text(ip, text), cst_vrf_name(vrf));
}
