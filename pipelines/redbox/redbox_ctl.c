/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of RedBoxes. A box is known by its place; its ports are found by name,
 * and found again when ports come and go. Control thread.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "log.h"
#include "module.h"
#include "net/frames.h"
#include "net/net.h"
#include "prp.h"
#include "redbox.h"

#define EACH_MS  1000
#define NAME_LEN 32 /* of a port, with its end */

struct conf {
	char name[REDBOX_NAME + 1]; /* "": no box */
	char port[REDBOX_ROLES][NAME_LEN];
	uint32_t supervision_ms;
	uint8_t address;
};

static struct conf sets[2][REDBOX_BOXES]; /* in force, and planned */
static unsigned live;
/* Made when a change is compiled, so that nothing is wanting when it is committed. */
static struct {
	struct redbox *record;
	struct redbox_state *state;
} spare[REDBOX_BOXES];
static struct {
	uint64_t due_ms;
	uint16_t seq;
} told[REDBOX_BOXES];

static const char *const role_fields[] = {"port", "lan_a", "lan_b"};

static struct conf *plan(void)
{
	return sets[!live];
}

static struct conf *find(struct conf *set, const char *name)
{
	for (unsigned i = 0; i < REDBOX_BOXES; i++)
		if (strcmp(set[i].name, name) == 0)
			return &set[i];
	return NULL;
}

/* ---- plan --------------------------------------------------------------------------- */

struct on {
	const char *port, *interface;
};

static int is_on(const void *conf, void *arg)
{
	const struct cst_iface_conf *c = conf;
	struct on *on = arg;

	if (strcmp(c->port, on->port) != 0)
		return 0;
	on->interface = c->name;
	return 1;
}

/* The box of another name that has the port. */
static const struct conf *other_with(const struct conf *set, const char *port, const char *name)
{
	for (unsigned i = 0; i < REDBOX_BOXES; i++)
		for (unsigned k = 0; set[i].name[0] && k < REDBOX_ROLES; k++)
			if (strcmp(set[i].name, name) != 0 && strcmp(set[i].port[k], port) == 0)
				return &set[i];
	return NULL;
}

/* A port that was deleted since does not keep coastd from starting; the box waits for it. */
static int no_port(const struct cst_txn *t, const char *name, const char *field, const char *box,
		   struct cst_err *e)
{
	if (!t->startup || t->check_only)
		return cst_err(e, -ENOENT, field, "there is no port '%s'", name);
	LOG_WARN("redbox '%s': there is no port '%s' (%s): put one", box, name, field);
	return 0;
}

static int check_port(const struct cst_txn *t, const char *name, const char *field, const char *box,
		      struct cst_err *e)
{
	uint16_t port = cst_port_by_name(name);
	const struct conf *other = other_with(plan(), name, box);
	struct on on = {.port = name};
	uint8_t taker;

	if (port == 0)
		return no_port(t, name, field, box, e);
	if (!cst_port_conf(port)->promiscuous)
		return cst_err(e, -EINVAL, field,
			       "port '%s' takes in only frames for its own address: put it with "
			       "promiscuous: true",
			       name);
	if (other)
		return cst_err(e, -EBUSY, field, "port '%s' is one of redbox '%s' already", name,
			       other->name);
	taker = cst_frames_taker(port);
	if (taker && taker != redbox_taker())
		return cst_err(e, -EBUSY, field,
			       "frames of port '%s' belong to streams: give the box another one",
			       name);
	cst_net_each_iface(is_on, &on);
	if (on.interface)
		return cst_err(e, -EBUSY, field,
			       "interface '%s' is on port '%s' and would get no packets: give the "
			       "box another port",
			       on.interface, name);
	return 0;
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct redbox_obj *o = obj;
	const char *const ports[] = {o->port, o->lan_a, o->lan_b};
	struct conf *c = find(plan(), o->name);

	for (unsigned i = 0; i < REDBOX_ROLES; i++) {
		int rc = check_port(t, ports[i], role_fields[i], o->name, e);

		if (rc < 0)
			return rc;
	}
	if (!c)
		c = find(plan(), "");
	if (!c)
		return cst_err(e, -ENOSPC, "name", "there are %u already: delete one first",
			       REDBOX_BOXES);
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", o->name);
	for (unsigned i = 0; i < REDBOX_ROLES; i++)
		snprintf(c->port[i], NAME_LEN, "%s", ports[i]);
	c->supervision_ms = o->supervision_ms;
	c->address = o->supervision_address;
	return 0;
}

static int no_such(const char *name, struct cst_err *e)
{
	return cst_err(e, -ENOENT, "name", "there is no redbox '%s'", name);
}

static int del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const char *name = ((const struct redbox_obj *)key)->name;
	struct conf *c = find(plan(), name);

	if (!c)
		return no_such(name, e);
	memset(c, 0, sizeof(*c));
	return 0;
}

/* ---- compile, commit -------------------------------------------------------------------- */

static int begin(struct cst_txn *t, struct cst_err *e)
{
	memcpy(plan(), sets[live], sizeof(sets[live]));
	return 0;
}

/* Numbers go on from where time stands: no receiver has these among its last ones. */
static struct redbox_state *new_state(void)
{
	struct redbox_state *st = calloc(1, sizeof(*st));

	if (st)
		st->seq = (uint16_t)(rte_rdtsc() >> 16);
	return st;
}

static bool stock(unsigned i)
{
	if (!spare[i].record)
		spare[i].record = calloc(1, sizeof(*spare[i].record));
	if (!spare[i].state)
		spare[i].state = new_state();
	return spare[i].record && spare[i].state;
}

static int compile(struct cst_txn *t, struct cst_err *e)
{
	for (unsigned i = 0; i < REDBOX_BOXES; i++)
		if (plan()[i].name[0] && !stock(i))
			return cst_err(e, -ENOMEM, NULL, "no memory for redbox '%s'",
				       plan()[i].name);
	return 0;
}

static void free_record(void *record, uint64_t with_state)
{
	struct redbox *r = record;

	if (with_state)
		free(r->state);
	free(r);
}

/* What another box has by now stays with it. */
static void release_ports(unsigned i, const struct redbox *r)
{
	for (unsigned k = 0; k < REDBOX_ROLES; k++) {
		uint16_t at =
			atomic_load_explicit(&redbox_of_port[r->port[k]], memory_order_relaxed);

		if (!r->port[k] || !at || (at - 1u) / REDBOX_ROLES != i)
			continue;
		atomic_store_explicit(&redbox_of_port[r->port[k]], 0, memory_order_release);
		cst_frames_take(r->port[k], 0);
	}
}

static void hold_ports(unsigned i, const struct redbox *r)
{
	for (unsigned k = 0; k < REDBOX_ROLES; k++) {
		if (!r->port[k])
			continue;
		atomic_store_explicit(&redbox_of_port[r->port[k]],
				      (uint16_t)(i * REDBOX_ROLES + k + 1), memory_order_release);
		cst_frames_take(r->port[k], redbox_taker());
	}
}

static void fill(const struct conf *c, struct redbox *r)
{
	r->mtu = CST_PRP_MAX_LSDU;
	for (unsigned k = 0; k < REDBOX_ROLES; k++) {
		const struct cst_port_conf *p = cst_port_conf(cst_port_by_name(c->port[k]));
		uint16_t mtu = p && p->mtu ? p->mtu : CST_DEFAULT_MTU;

		r->port[k] = cst_port_by_name(c->port[k]);
		if (k != REDBOX_PORT && mtu < r->mtu)
			r->mtu = mtu;
	}
	r->forget = rte_get_tsc_hz() / 1000 * REDBOX_FORGET_MS;
	r->node_forget = rte_get_tsc_hz() / 1000 * REDBOX_NODE_FORGET_MS;
}

static bool same(const struct redbox *a, const struct redbox *b)
{
	return memcmp(a->port, b->port, sizeof(a->port)) == 0 && a->mtu == b->mtu;
}

/* Workers see the box as it is configured and as its ports are now; a new one begins anew. */
static void apply(unsigned i, const struct conf *c, bool anew)
{
	const struct redbox *was = atomic_load_explicit(&redbox_records[i], memory_order_relaxed);
	struct redbox *r = c->name[0] ? spare[i].record : NULL;

	if (r) {
		fill(c, r);
		if (was && !anew && same(was, r))
			return;
		r->state = was && !anew ? was->state : spare[i].state;
		if (r->state == spare[i].state)
			spare[i].state = NULL;
		spare[i].record = NULL;
	}
	if (was)
		release_ports(i, was);
	atomic_store_explicit(&redbox_records[i], r, memory_order_release);
	if (r)
		hold_ports(i, r);
	if (was)
		cst_rcu_defer(free_record, (void *)(uintptr_t)was, !r || anew);
}

static void commit(struct cst_txn *t)
{
	const struct conf *was = sets[live], *is = plan();

	/* first those that give up their ports to others */
	for (unsigned i = 0; i < REDBOX_BOXES; i++)
		if (was[i].name[0] && strcmp(was[i].name, is[i].name) != 0)
			apply(i, &(struct conf){0}, true);
	for (unsigned i = 0; i < REDBOX_BOXES; i++)
		if (is[i].name[0])
			apply(i, &is[i], strcmp(was[i].name, is[i].name) != 0);
	live = !live;
}

static struct cst_party party = {
	.name = "redbox", .begin = begin, .compile = compile, .commit = commit};

/* ---- time -------------------------------------------------------------------------------- */

static void supervise(unsigned i, const struct conf *c, uint64_t now_ms)
{
	struct cst_port_state st;

	if (!c->supervision_ms || now_ms < told[i].due_ms)
		return;
	told[i].due_ms = now_ms + c->supervision_ms;
	cst_port_state(cst_port_by_name(c->port[REDBOX_LAN_A]), &st);
	redbox_supervise(i, c->address, st.mac, told[i].seq++);
}

static void tick(uint64_t now_ms)
{
	static uint64_t due_ms;
	bool look = now_ms >= due_ms;

	if (look)
		due_ms = now_ms + EACH_MS;
	for (unsigned i = 0; i < REDBOX_BOXES; i++) {
		const struct conf *c = &sets[live][i];

		if (!c->name[0])
			continue;
		if (look && stock(i))
			apply(i, c, false);
		supervise(i, c, now_ms);
	}
}

static void stop(void)
{
	for (unsigned i = 0; i < REDBOX_BOXES; i++) {
		if (sets[live][i].name[0])
			apply(i, &(struct conf){0}, true);
		free(spare[i].record);
		free(spare[i].state);
		spare[i].record = NULL;
		spare[i].state = NULL;
	}
}

static struct cst_module module = {.name = "redbox", .order = 37, .tick = tick, .stop = stop};
CST_MODULE(module);

/* ---- replies ------------------------------------------------------------------------------ */

static json_t *show(unsigned i, bool config)
{
	static struct redbox_node_obj nodes[REDBOX_NODES];
	const struct redbox *box = atomic_load_explicit(&redbox_records[i], memory_order_relaxed);
	const struct conf *c = &sets[live][i];
	struct cst_port_state st;
	struct redbox_obj o = {
		.has = (1u << REDBOX_F_STATE) - 1,
		.name = c->name,
		.port = c->port[REDBOX_PORT],
		.lan_a = c->port[REDBOX_LAN_A],
		.lan_b = c->port[REDBOX_LAN_B],
		.supervision_ms = c->supervision_ms,
		.supervision_address = c->address,
	};

	if (!config && box) {
		cst_port_state(box->port[REDBOX_LAN_A], &st);
		memcpy(o.state.mac, st.mac, 6);
		redbox_show(box, &o, nodes);
	}
	return cst_encode(&redbox_object, &o);
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	const char *name = ((const struct redbox_obj *)key)->name;
	const struct conf *c = find(sets[live], name);

	if (!c)
		return no_such(name, e);
	*out = show((unsigned)(c - sets[live]), false);
	return *out ? 0 : cst_err(e, -ENOMEM, NULL, "no memory");
}

static int list(struct cst_page *page, struct cst_err *e)
{
	uint64_t at = page->cursor;

	page->cursor = 0;
	for (; at < REDBOX_BOXES; at++) {
		json_t *item;

		if (!sets[live][at].name[0])
			continue;
		if (json_array_size(page->items) == page->limit) {
			page->cursor = at;
			break;
		}
		item = show((unsigned)at, page->config);
		if (cst_page_wants(page, item))
			json_array_append_new(page->items, item);
		else
			json_decref(item);
	}
	return 0;
}

/* A box waits for a port that goes; it can do nothing with one that is deaf. */
static int may_lose(const char *port, enum cst_port_loss loss, struct cst_err *e)
{
	const struct conf *set = party.open ? plan() : sets[live], *c = NULL;

	if (loss == CST_PORT_OWN_FRAMES)
		c = other_with(set, port, "");
	return c ? cst_err(e, -EBUSY, "promiscuous",
			   "redbox '%s' takes in frames for anybody by port '%s': change or delete "
			   "that first",
			   c->name, port)
		 : 0;
}

static void __attribute__((constructor, used)) redbox_bind(void)
{
	cst_port_ask(may_lose);
	redbox_class.party = &party;
	redbox_class.put = put;
	redbox_class.del = del;
	redbox_class.get = get;
	redbox_class.list = list;
}
