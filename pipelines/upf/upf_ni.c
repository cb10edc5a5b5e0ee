/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_ni.h"

#include <errno.h>
#include <string.h>

#include "net/net.h"
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
