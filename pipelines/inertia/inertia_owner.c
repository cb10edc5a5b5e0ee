/* SPDX-License-Identifier: BSD-3-Clause */
/* Owners that are put and deleted, and how they are shown. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inertia_keep.h"

static struct change {
	char name[INERTIA_NAME + 1];
	struct keep_conf conf; /* not put: deleted */
} changes[CST_OWNERS];
static unsigned n_changes;

/* ---- a change ------------------------------------------------------------ */

static int begin(struct cst_txn *t, struct cst_err *e)
{
	n_changes = 0;
	return 0;
}

/* The latest change that is planned for it, or NULL. */
static const struct change *planned(const char *name)
{
	for (unsigned i = n_changes; i > 0; i--)
		if (strcmp(changes[i - 1].name, name) == 0)
			return &changes[i - 1];
	return NULL;
}

static bool will_be(const char *name)
{
	const struct change *c = planned(name);

	return c != NULL ? c->conf.put : keep_find(name) != 0;
}

static struct change *add(const char *name, struct cst_err *e)
{
	struct change *c = &changes[n_changes];

	if (n_changes == CST_OWNERS) {
		cst_err(e, -E2BIG, NULL, "at most %u owners are changed at once", CST_OWNERS);
		return NULL;
	}
	n_changes++;
	memset(c, 0, sizeof(*c));
	snprintf(c->name, sizeof(c->name), "%s", name);
	return c;
}

static void take_names(const struct cst_list *l, struct keep_names *out)
{
	out->n = l->n;
	for (uint32_t i = 0; i < l->n; i++)
		snprintf(out->name[i], sizeof(out->name[i]), "%s",
			 ((const char *const *)l->items)[i]);
}

/* Numbers that there will be no more of: of owners, and of what they have left behind. */
static unsigned count(void)
{
	unsigned n = 0;

	for (unsigned i = 1; i < CST_OWNERS; i++)
		n += !keep_is_clear(i) || (keep_get(i) != NULL && will_be(keep_get(i)->name));
	for (unsigned i = 0; i < n_changes; i++)
		n += keep_find(changes[i].name) == 0 && planned(changes[i].name) == &changes[i] &&
		     changes[i].conf.put;
	return n;
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct inertia_owner_obj *o = obj;
	struct change *c;

	if (!will_be(o->name) && count() == CST_OWNERS - 1)
		return keep_no_number(e);
	c = add(o->name, e);
	if (c == NULL)
		return -E2BIG;
	c->conf = (struct keep_conf){
		.put = true,
		.lease_ms = o->lease_ms,
		.grace_ms = o->grace_ms,
		.reconcile_seconds = o->reconcile_seconds,
		.authority_sessions = o->authority_sessions,
	};
	take_names(&o->clients, &c->conf.clients);
	take_names(&o->heirs, &c->conf.heirs);
	take_names(&o->authorities, &c->conf.authorities);
	return 0;
}

static int no_such(const char *name, struct cst_err *e)
{
	return cst_err(e, -ENOENT, "name", "there is no owner '%s'", name);
}

static int del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const char *name = ((const struct inertia_owner_obj *)key)->name;
	const struct keep_owner *o = keep_get(keep_find(name));

	if (!will_be(name))
		return no_such(name, e);
	if (o != NULL && inertia_lives(&o->core))
		return cst_err(e, -EBUSY, "name",
			       "owner '%s' is held by client %s: let that release it, or end it",
			       name, o->core.client);
	return add(name, e) != NULL ? 0 : -E2BIG;
}

static void commit(struct cst_txn *t)
{
	for (unsigned i = 0; i < n_changes; i++) {
		const struct change *c = &changes[i];
		struct keep_owner *o = keep_get(keep_find(c->name));

		if (!c->conf.put) {
			if (o != NULL)
				keep_forget(o);
			continue;
		}
		if (o != NULL) {
			o->conf = c->conf;
			continue;
		}
		o = keep_new(c->name, NULL);
		if (o == NULL)
			continue;
		o->conf = c->conf;
		keep_save(o, NULL); /* sessions may have its number before it is claimed */
	}
}

static struct cst_party party = {.name = "inertia_owner", .begin = begin, .commit = commit};

/* ---- showing ------------------------------------------------------------- */

static json_t *show(const struct keep_owner *k, bool config)
{
	const struct inertia *core = &k->core;
	const char *names[3][INERTIA_CLIENTS];
	const struct keep_names *from[3] = {&k->conf.clients, &k->conf.heirs, &k->conf.authorities};
	struct cst_owned_counts n = {0};
	struct inertia_owner_obj o;

	for (unsigned l = 0; l < 3; l++)
		for (uint32_t i = 0; i < from[l]->n; i++)
			names[l][i] = from[l]->name[i];
	if (!config)
		keep_counts(keep_number(k), &n);
	o = (struct inertia_owner_obj){
		.has = (2ull << OWNER_OWED) - 1,
		.name = k->name,
		.lease_ms = k->conf.lease_ms,
		.grace_ms = k->conf.grace_ms,
		.reconcile_seconds = k->conf.reconcile_seconds,
		.clients = {.n = from[0]->n, .items = names[0]},
		.heirs = {.n = from[1]->n, .items = names[1]},
		.authorities = {.n = from[2]->n, .items = names[2]},
		.authority_sessions = k->conf.authority_sessions,
		.number = (uint8_t)keep_number(k),
		.state = core->state,
		.role = core->role,
		.epoch = core->epoch,
		.client = core->client,
		.reason = core->why != NULL ? core->why : "",
		.connections = core->connections,
		.left_ms = inertia_lives(core) ? core->left_ms : 0,
		.lost_ms = inertia_lost_ms(core),
		.all = n.all,
		.stale = n.stale,
		.local = n.local,
		.owed = n.owed,
	};
	return cst_encode(&inertia_owner_object, &o);
}

void keep_offer(struct cst_page *page, json_t *item)
{
	if (cst_page_wants(page, item))
		json_array_append_new(page->items, item);
	else
		json_decref(item);
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	const char *name = ((const struct inertia_owner_obj *)key)->name;
	const struct keep_owner *o = keep_get(keep_find(name));

	if (o == NULL)
		return no_such(name, e);
	*out = show(o, false);
	return 0;
}

static int list(struct cst_page *page, struct cst_err *e)
{
	unsigned i = page->cursor > 0 ? (unsigned)page->cursor : 1;

	page->cursor = 0;
	for (; i < CST_OWNERS; i++) {
		const struct keep_owner *o = keep_get(i);

		if (o == NULL || (page->config && !o->conf.put))
			continue;
		if (json_array_size(page->items) == page->limit) {
			page->cursor = i;
			break;
		}
		keep_offer(page, show(o, page->config));
	}
	return 0;
}

static void __attribute__((constructor, used)) inertia_owner_bind(void)
{
	inertia_owner_class.party = &party;
	inertia_owner_class.put = put;
	inertia_owner_class.del = del;
	inertia_owner_class.get = get;
	inertia_owner_class.list = list;
}
