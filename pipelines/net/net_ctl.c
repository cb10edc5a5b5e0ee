/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Requests about the network -> the stage of net/net.h -> one snapshot. The
 * classes are in net_api.c; this gives them their callbacks.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "net/net.h"
#include "net_api.h"
#include "net_list.h"
#include "net_neigh.h"
#include "net_port.h"
#include "port/port.h"
#include "store.h"

/* ---- transaction ------------------------------------------------------------ */

static bool own_stage;

static int begin(struct cst_txn *t, struct cst_err *e)
{
	int ret = cst_net_begin();

	/* another slice that announces prefixes may have opened it for this same transaction */
	if (ret < 0 && ret != -EBUSY)
		return cst_err(e, ret, NULL, "%s", strerror(-ret));
	own_stage = ret == 0;
	net_port_begin();
	return 0;
}

static int compile(struct cst_txn *t, struct cst_err *e)
{
	int rc = net_port_compile(e);

	return rc == 0 ? cst_net_compile(e) : rc;
}

static void commit(struct cst_txn *t)
{
	if (own_stage)
		cst_net_commit();
	net_port_commit();
}

static void abort_all(struct cst_txn *t)
{
	if (own_stage)
		cst_net_abort();
	net_port_abort();
}

static struct cst_party net_party = {
	.name = "net",
	.begin = begin,
	.compile = compile,
	.commit = commit,
	.abort = abort_all,
};

/* ---- network instance ---------------------------------------------------------- */

/* What is kept of sessions names network instances by number: one keeps its own for good, and a new
 * one gets one that none has had, as long as there are such. */
static int put_instance(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	static const char space[] = "network_instance", all[] = "network_instances";
	const struct net_instance *n = obj;
	uint32_t had = cst_store_number(space, n->name), top = cst_store_number(all, "highest");
	struct cst_vrf_conf c = {.number = (uint16_t)(had ? had : top + 1)};
	int rc;

	snprintf(c.name, sizeof(c.name), "%s", n->name);
	rc = cst_net_put_vrf(&c, e);
	if (rc < 0 || t->check_only)
		return rc;
	c.number = cst_vrf_by_name(n->name);
	if (c.number != had)
		cst_store_set_number(space, n->name, c.number);
	if (c.number > top)
		cst_store_set_number(all, "highest", c.number);
	return 0;
}

static int del_instance(struct cst_txn *t, const void *key, struct cst_err *e)
{
	return cst_net_del_vrf(((const struct net_instance *)key)->name, e);
}

static int list_instance(const void *conf, void *arg)
{
	const struct cst_vrf_conf *c = conf;

	return net_lister_offer(arg, &(struct net_instance){.has = 1, .name = c->name});
}

static int list_instances(struct cst_page *page, struct cst_err *e)
{
	struct net_lister l;

	net_lister_begin(&l, page, &net_instance_object);
	cst_net_each_vrf(list_instance, &l);
	return 0;
}

static int get_instance(const void *key, json_t **out, struct cst_err *e)
{
	const struct net_instance *n = key;
	uint16_t vrf = cst_vrf_by_name(n->name);

	if (vrf == 0)
		return cst_err(e, -ENOENT, "name", "there is no network instance '%s'", n->name);
	*out = cst_encode(&net_instance_object,
			  &(struct net_instance){.has = 1, .name = cst_vrf_name(vrf)});
	return 0;
}

/* ---- interface -------------------------------------------------------------------- */

struct find_iface {
	const char *name;
	const struct cst_iface_conf *found;
};

static int is_iface(const void *conf, void *arg)
{
	struct find_iface *f = arg;

	if (strcmp(((const struct cst_iface_conf *)conf)->name, f->name) != 0)
		return 0;
	f->found = conf;
	return 1;
}

/* Good until the next change. */
static const struct cst_iface_conf *find_iface(const char *name, struct cst_err *e)
{
	struct find_iface f = {.name = name};

	cst_net_each_iface(is_iface, &f);
	if (f.found == NULL)
		cst_err(e, -ENOENT, "name", "there is no interface '%s'", name);
	return f.found;
}

static int put_conf(const struct cst_iface_conf *c, struct cst_err *e)
{
	/* net/ asks this too, but not where there is no EAL (coastd --check) */
	if (cst_port_by_name(c->port) == 0)
		return cst_err(e, -ENOENT, "port", "there is no port '%s'", c->port);
	return cst_net_put_iface(c, e);
}

static void take_addresses(const struct cst_list *l, struct cst_iface_conf *c)
{
	c->n_addrs = (uint8_t)l->n;
	memset(c->addrs, 0, sizeof(c->addrs));
	if (l->n > 0)
		memcpy(c->addrs, l->items, l->n * sizeof(c->addrs[0]));
}

static int put_interface(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct net_interface *i = obj;
	struct cst_iface_conf c = {
		.vlan = i->vlan,
		.mtu = i->mtu,
		.gtpu = i->gtpu,
		.kernel = i->kernel,
		.ethernet = i->ethernet,
	};

	snprintf(c.name, sizeof(c.name), "%s", i->name);
	snprintf(c.port, sizeof(c.port), "%s", i->port);
	snprintf(c.vrf, sizeof(c.vrf), "%s", i->network_instance);
	take_addresses(&i->addresses, &c);
	return put_conf(&c, e);
}

static int modify_interface(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct net_interface *i = obj;
	const struct cst_iface_conf *now = find_iface(i->name, e);
	struct cst_iface_conf c;

	if (now == NULL)
		return -ENOENT;
	c = *now;
	if (cst_has(i, NET_IF_PORT))
		snprintf(c.port, sizeof(c.port), "%s", i->port);
	if (cst_has(i, NET_IF_VLAN))
		c.vlan = i->vlan;
	if (cst_has(i, NET_IF_INSTANCE))
		snprintf(c.vrf, sizeof(c.vrf), "%s", i->network_instance);
	if (cst_has(i, NET_IF_MTU))
		c.mtu = i->mtu;
	if (cst_has(i, NET_IF_ADDRESSES))
		take_addresses(&i->addresses, &c);
	if (cst_has(i, NET_IF_GTPU))
		c.gtpu = i->gtpu;
	if (cst_has(i, NET_IF_KERNEL))
		c.kernel = i->kernel;
	if (cst_has(i, NET_IF_ETHERNET))
		c.ethernet = i->ethernet;
	return put_conf(&c, e);
}

static int del_interface(struct cst_txn *t, const void *key, struct cst_err *e)
{
	return cst_net_del_iface(((const struct net_interface *)key)->name, e);
}

static void show_interface(const struct cst_iface_conf *c, struct net_interface *i)
{
	struct cst_port_state st;

	cst_port_state(cst_port_by_name(c->port), &st);
	*i = (struct net_interface){
		.has = (1ull << (NET_IF_UP + 1)) - 1,
		.name = c->name,
		.port = c->port,
		.vlan = c->vlan,
		.network_instance = c->vrf,
		.mtu = c->mtu,
		.addresses = {.n = c->n_addrs, .items = (void *)c->addrs},
		.gtpu = c->gtpu,
		.kernel = c->kernel,
		.ethernet = c->ethernet,
		.up = st.up && st.link,
	};
}

static int list_interface(const void *conf, void *arg)
{
	struct net_interface i;

	show_interface(conf, &i);
	return net_lister_offer(arg, &i);
}

static int list_interfaces(struct cst_page *page, struct cst_err *e)
{
	struct net_lister l;

	net_lister_begin(&l, page, &net_interface_object);
	cst_net_each_iface(list_interface, &l);
	return 0;
}

static int get_interface(const void *key, json_t **out, struct cst_err *e)
{
	const struct cst_iface_conf *c = find_iface(((const struct net_interface *)key)->name, e);
	struct net_interface i;

	if (c == NULL)
		return -ENOENT;
	show_interface(c, &i);
	*out = cst_encode(&net_interface_object, &i);
	return 0;
}

/* ---- route -------------------------------------------------------------------------- */

static int put_route(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct net_route *r = obj;
	const struct net_via *via = r->via.items;
	struct cst_route_conf c = {.dst = r->prefix, .blackhole = r->blackhole};

	snprintf(c.vrf, sizeof(c.vrf), "%s", r->network_instance);
	c.n_via = (uint8_t)r->via.n;
	for (uint32_t i = 0; i < r->via.n; i++) {
		if (cst_has(&via[i], NET_VIA_GATEWAY))
			c.via[i].gateway = via[i].gateway;
		if (cst_has(&via[i], NET_VIA_INTERFACE))
			snprintf(c.via[i].iface, sizeof(c.via[i].iface), "%s", via[i].interface);
	}
	return cst_net_put_route(&c, e);
}

static int del_route(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct net_route *r = key;

	return cst_net_del_route(r->network_instance, &r->prefix, e);
}

static void show_route(const struct cst_route_conf *c, struct net_route *r,
		       struct net_via via[CST_MAX_ECMP])
{
	for (uint8_t i = 0; i < c->n_via; i++) {
		via[i] = (struct net_via){.gateway = c->via[i].gateway,
					  .interface = c->via[i].iface};
		if (c->via[i].gateway.family != 0)
			via[i].has |= 1ull << NET_VIA_GATEWAY;
		if (c->via[i].iface[0] != '\0')
			via[i].has |= 1ull << NET_VIA_INTERFACE;
	}
	*r = (struct net_route){
		.has = (1ull << (NET_ROUTE_VIA + 1)) - 1,
		.network_instance = c->vrf,
		.prefix = c->dst,
		.blackhole = c->blackhole,
		.via = {.n = c->n_via, .items = via},
	};
}

static int list_route(const void *conf, void *arg)
{
	struct net_via via[CST_MAX_ECMP];
	struct net_route r;

	show_route(conf, &r, via);
	return net_lister_offer(arg, &r);
}

static int list_routes(struct cst_page *page, struct cst_err *e)
{
	struct net_lister l;

	net_lister_begin(&l, page, &net_route_object);
	cst_net_each_route(list_route, &l);
	return 0;
}

struct find_route {
	const struct net_route *key;
	json_t *out;
};

static int is_route(const void *conf, void *arg)
{
	const struct cst_route_conf *c = conf;
	struct find_route *f = arg;
	struct net_via via[CST_MAX_ECMP];
	struct net_route r;

	if (strcasecmp(c->vrf, f->key->network_instance) != 0 || c->dst.len != f->key->prefix.len ||
	    !cst_ip_eq(&c->dst.ip, &f->key->prefix.ip))
		return 0;
	show_route(c, &r, via);
	f->out = cst_encode(&net_route_object, &r);
	return 1;
}

static int get_route(const void *key, json_t **out, struct cst_err *e)
{
	struct find_route f = {.key = key};
	char text[64];

	cst_net_each_route(is_route, &f);
	if (f.out == NULL)
		return cst_err(e, -ENOENT, "prefix", "there is no route to %s in '%s'",
			       cst_prefix_text(&f.key->prefix, text), f.key->network_instance);
	*out = f.out;
	return 0;
}

/* ---- the classes' callbacks ------------------------------------------------------------ */

static void __attribute__((constructor, used)) net_bind(void)
{
	net_instance_class.party = &net_party;
	net_instance_class.put = put_instance;
	net_instance_class.del = del_instance;
	net_instance_class.get = get_instance;
	net_instance_class.list = list_instances;

	net_port_class.party = &net_party;
	net_port_class.put = net_port_put;
	net_port_class.modify = net_port_modify;
	net_port_class.del = net_port_del;
	net_port_class.get = net_port_get;
	net_port_class.list = net_port_list;

	net_interface_class.party = &net_party;
	net_interface_class.put = put_interface;
	net_interface_class.modify = modify_interface;
	net_interface_class.del = del_interface;
	net_interface_class.get = get_interface;
	net_interface_class.list = list_interfaces;

	net_route_class.party = &net_party;
	net_route_class.put = put_route;
	net_route_class.del = del_route;
	net_route_class.get = get_route;
	net_route_class.list = list_routes;

	net_neighbour_class.party = &net_party;
	net_neighbour_class.put = net_neigh_put;
	net_neighbour_class.del = net_neigh_del;
	net_neighbour_class.get = net_neigh_get;
	net_neighbour_class.list = net_neigh_list;
}
