/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/fib.h"
#include "net/net.h"
#include "net_list.h"
#include "net_neigh.h"
#include "slow/slow.h"

int net_neigh_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct net_neighbour *n = obj;
	struct cst_neigh_conf c = {.ip = n->address};

	snprintf(c.iface, sizeof(c.iface), "%s", n->interface);
	memcpy(c.mac, n->mac, sizeof(c.mac));
	return cst_net_put_neigh(&c, e);
}

int net_neigh_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct net_neighbour *n = key;

	return cst_net_del_neigh(n->interface, &n->address, e);
}

/* ---- show ------------------------------------------------------------------------ */

typedef int (*neigh_fn)(const struct net_neighbour *n, void *arg);

struct walk {
	neigh_fn fn;
	void *arg;
	int ret; /* of fn; non-zero stopped it */
};

static int configured(const void *conf, void *arg)
{
	const struct cst_neigh_conf *c = conf;
	struct walk *w = arg;
	struct net_neighbour n = {
		.has = (1ull << (NET_NEIGH_STATE + 1)) - 1,
		.interface = c->iface,
		.address = c->ip,
		.state = CST_NH_STATIC,
	};

	memcpy(n.mac, c->mac, sizeof(n.mac));
	w->ret = w->fn(&n, w->arg);
	return w->ret;
}

static int learnt(const struct cst_nexthop *nh, void *arg)
{
	const struct cst_snap *snap = cst_snap();
	struct walk *w = arg;
	uint64_t word = cst_nexthop_word(nh);
	enum cst_nh_state state = cst_nexthop_state(word);
	struct net_neighbour n = {
		.has = (1ull << (NET_NEIGH_STATE + 1)) - 1,
		.interface = snap->ifaces[nh->iface].name,
		.address = nh->ip,
		.state = (uint8_t)state,
	};

	/* configured ones are shown as configured */
	if (state == CST_NH_FREE || state == CST_NH_STATIC || snap->ifaces[nh->iface].vrf == 0)
		return 0;
	memcpy(n.mac, &word, sizeof(n.mac));
	if (!cst_nexthop_usable(word))
		n.has &= ~(1ull << NET_NEIGH_MAC);
	w->ret = w->fn(&n, w->arg);
	return w->ret;
}

static void each(bool with_learnt, neigh_fn fn, void *arg)
{
	struct walk w = {.fn = fn, .arg = arg};

	cst_net_each_neigh(configured, &w);
	if (w.ret == 0 && with_learnt)
		cst_slow_each_neigh(learnt, &w);
}

static int list_one(const struct net_neighbour *n, void *arg)
{
	return net_lister_offer(arg, n);
}

int net_neigh_list(struct cst_page *page, struct cst_err *e)
{
	struct net_lister l;

	net_lister_begin(&l, page, &net_neighbour_object);
	each(!page->config, list_one, &l);
	return 0;
}

struct find {
	const struct net_neighbour *key;
	json_t *out;
};

static int is_it(const struct net_neighbour *n, void *arg)
{
	struct find *f = arg;

	if (strcmp(n->interface, f->key->interface) != 0 ||
	    !cst_ip_eq(&n->address, &f->key->address))
		return 0;
	f->out = cst_encode(&net_neighbour_object, n);
	return 1;
}

int net_neigh_get(const void *key, json_t **out, struct cst_err *e)
{
	struct find f = {.key = key};
	char text[64];

	each(true, is_it, &f);
	if (f.out == NULL)
		return cst_err(e, -ENOENT, "address", "%s is no known neighbour on '%s'",
			       cst_ip_text(&f.key->address, text), f.key->interface);
	*out = f.out;
	return 0;
}
