/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net/net.h"
#include "net_list.h"
#include "net_port.h"
#include "port/port.h"

/* What the open transaction did, to be taken back or brought to its end. */
static uint16_t added[CST_MAX_PORTS], removed[CST_MAX_PORTS];
static struct {
	uint16_t port;
	struct cst_port_conf before;
} changed[CST_MAX_PORTS];
static unsigned n_added, n_removed, n_changed;
static bool deaf[CST_MAX_PORTS]; /* from now on, to frames that are not for themselves */

void net_port_begin(void)
{
	n_added = n_removed = n_changed = 0;
	memset(deaf, 0, sizeof(deaf));
}

static bool among(const uint16_t *list, unsigned n, uint16_t port)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i] == port)
			return true;
	return false;
}

/* The port of that name, unless this transaction deletes it. */
static uint16_t find(const char *name, struct cst_err *e)
{
	uint16_t port = cst_port_by_name(name);

	if (port != 0 && !among(removed, n_removed, port))
		return port;
	cst_err(e, -ENOENT, "name", "there is no port '%s'", name);
	return 0;
}

/* ---- plan -------------------------------------------------------------------- */

static void to_conf(const struct net_port *p, struct cst_port_conf *c)
{
	memset(c, 0, sizeof(*c)); /* padding too: configurations are compared as bytes */
	snprintf(c->name, sizeof(c->name), "%s", p->name);
	snprintf(c->device, sizeof(c->device), "%s", p->device);
	c->mtu = p->mtu;
	c->queues = p->queues;
	c->rx_ring = p->rx_ring;
	c->tx_ring = p->tx_ring;
	c->promiscuous = p->promiscuous;
	c->optional = p->optional;
	c->no_offload = p->offload;
}

static int change(struct cst_txn *t, uint16_t port, const struct cst_port_conf *c,
		  struct cst_err *e)
{
	struct cst_port_conf before = *cst_port_conf(port);
	int ret;

	deaf[port] = !c->promiscuous && (before.promiscuous || deaf[port]);
	if (memcmp(&before, c, sizeof(before)) == 0)
		return 0;
	if (among(added, n_added, port))
		return cst_err(e, -EEXIST, "name", "port '%s' is given twice", c->name);
	if (n_changed == CST_MAX_PORTS)
		return cst_err(e, -E2BIG, NULL, "too many changes of ports at once");
	ret = t->check_only ? cst_port_may_change(port, c, e) : cst_port_change(port, c, e);
	if (ret < 0 || t->check_only)
		return ret;
	changed[n_changed].port = port;
	changed[n_changed++].before = before;
	return 0;
}

int net_port_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	struct cst_port_conf c;
	uint16_t port;
	int n;

	to_conf(obj, &c);
	n = cst_port_check(&c, e);
	if (n < 0)
		return n;
	port = cst_port_by_name(c.name);
	if (port != 0)
		return change(t, port, &c, e);
	n = t->check_only ? cst_port_declare(&c, e) : cst_port_prepare(&c, e);
	if (n < 0)
		return n;
	added[n_added++] = (uint16_t)n;
	deaf[n] = !c.promiscuous; /* some wait for a port of this name */
	return 0;
}

int net_port_modify(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct net_port *p = obj;
	uint16_t port = find(p->name, e);
	struct cst_port_conf c;

	if (port == 0)
		return -ENOENT;
	c = *cst_port_conf(port);
	if (cst_has(p, NET_PORT_DEVICE)) {
		memset(c.device, 0, sizeof(c.device));
		snprintf(c.device, sizeof(c.device), "%s", p->device);
	}
	if (cst_has(p, NET_PORT_MTU))
		c.mtu = p->mtu;
	if (cst_has(p, NET_PORT_QUEUES))
		c.queues = p->queues;
	if (cst_has(p, NET_PORT_RX_RING))
		c.rx_ring = p->rx_ring;
	if (cst_has(p, NET_PORT_TX_RING))
		c.tx_ring = p->tx_ring;
	if (cst_has(p, NET_PORT_PROMISCUOUS))
		c.promiscuous = p->promiscuous;
	if (cst_has(p, NET_PORT_OPTIONAL))
		c.optional = p->optional;
	if (cst_has(p, NET_PORT_OFFLOAD))
		c.no_offload = p->offload;
	return change(t, port, &c, e);
}

struct use {
	const char *port;
	const char *interface;
};

static int uses(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	struct use *u = arg;

	if (strcmp(c->port, u->port) != 0)
		return 0;
	u->interface = c->name;
	return 1;
}

int net_port_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct net_port *p = key;
	struct use u = {.port = p->name};
	uint16_t port = find(p->name, e);

	if (port == 0)
		return -ENOENT;
	cst_net_each_iface(uses, &u);
	if (u.interface != NULL)
		return cst_err(e, -EBUSY, "name", "interface '%s' stands on it: delete that first",
			       u.interface);
	removed[n_removed++] = port;
	return 0;
}

int net_port_compile(struct cst_err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < n_removed; i++)
		rc = cst_port_may_lose(cst_port_conf(removed[i])->name, CST_PORT_GOES, e);
	for (uint16_t i = 1; rc == 0 && i < CST_MAX_PORTS; i++)
		if (deaf[i])
			rc = cst_port_may_lose(cst_port_conf(i)->name, CST_PORT_OWN_FRAMES, e);
	return rc;
}

/* ---- the end --------------------------------------------------------------------- */

void net_port_commit(void)
{
	for (unsigned i = 0; i < n_added; i++)
		cst_port_publish(added[i]);
	for (unsigned i = 0; i < n_changed; i++)
		cst_port_settle(changed[i].port);
	for (unsigned i = 0; i < n_removed; i++)
		cst_port_retire(removed[i]);
	net_port_begin();
}

void net_port_abort(void)
{
	while (n_changed > 0) {
		n_changed--;
		cst_port_change(changed[n_changed].port, &changed[n_changed].before, NULL);
		cst_port_settle(changed[n_changed].port);
	}
	while (n_added > 0)
		cst_port_discard(added[--n_added]);
	net_port_begin();
}

/* ---- show ------------------------------------------------------------------------ */

struct shown { /* what the object's pointers point into */
	struct net_port port;
	struct cst_port_state state;
};

static void show_counters(uint16_t number, struct net_port_state *s)
{
	struct cst_port_stats c;

	if (cst_port_stats(number, &c) < 0)
		return;
	s->rx_packets = c.rx_packets;
	s->rx_bytes = c.rx_bytes;
	s->rx_errors = c.rx_errors;
	s->rx_missed = c.rx_missed;
	s->rx_no_buffer = c.rx_nombuf;
	s->tx_packets = c.tx_packets;
	s->tx_bytes = c.tx_bytes;
	s->tx_errors = c.tx_errors;
	for (int i = NET_PS_RX_PACKETS; i < NET_PS_FIELDS; i++)
		s->has |= 1ull << i;
}

static void show_state(uint16_t number, struct shown *sh)
{
	struct net_port_state *s = &sh->port.state;
	const struct cst_port_state *st = &sh->state;

	s->has = 1ull << NET_PS_UP | 1ull << NET_PS_LINK | 1ull << NET_PS_OFFLOADS;
	s->up = st->up;
	s->link = st->link;
	s->offloads = (st->offload_rx ? 1u : 0) | (st->offload_tx_ip4 ? 2u : 0) |
		      (st->offload_tx_l4 ? 4u : 0);
	if (st->fault[0] != '\0') {
		s->has |= 1ull << NET_PS_FAULT;
		s->fault = st->fault;
	}
	if (!st->up)
		return;
	s->has |= 1ull << NET_PS_MAC | 1ull << NET_PS_DRIVER | 1ull << NET_PS_QUEUES |
		  1ull << NET_PS_MTU;
	memcpy(s->mac, st->mac, sizeof(s->mac));
	s->driver = st->driver;
	s->queues = st->queues;
	s->mtu = st->mtu;
	if (st->speed_mbps != 0) {
		s->has |= 1ull << NET_PS_SPEED;
		s->speed = st->speed_mbps;
	}
	show_counters(number, s);
}

static void show(uint16_t number, const struct cst_port_conf *c, struct shown *sh)
{
	struct net_port *p = &sh->port;

	memset(sh, 0, sizeof(*sh));
	cst_port_state(number, &sh->state);
	p->has = (1ull << (NET_PORT_STATE + 1)) - 1;
	p->name = c->name;
	p->device = c->device;
	p->mtu = c->mtu;
	p->queues = c->queues;
	p->rx_ring = c->rx_ring;
	p->tx_ring = c->tx_ring;
	p->promiscuous = c->promiscuous;
	p->optional = c->optional;
	p->offload = c->no_offload;
	show_state(number, sh);
}

int net_port_get(const void *key, json_t **out, struct cst_err *e)
{
	const struct net_port *p = key;
	uint16_t port = find(p->name, e);
	struct shown sh;

	if (port == 0)
		return -ENOENT;
	show(port, cst_port_conf(port), &sh);
	*out = cst_encode(&net_port_object, &sh.port);
	return 0;
}

int net_port_list(struct cst_page *page, struct cst_err *e)
{
	struct net_lister l;
	struct shown sh;

	net_lister_begin(&l, page, &net_port_object);
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++) {
		const struct cst_port_conf *c = cst_port_conf(i);

		if (c == NULL)
			continue;
		show(i, c, &sh);
		if (net_lister_offer(&l, &sh.port) != 0)
			break;
	}
	return 0;
}
