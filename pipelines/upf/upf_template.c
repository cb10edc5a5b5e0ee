/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_template.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "upf_ni.h"

/* One as kept, one allocation: this, then its packed form. */
struct template
{
	struct template *next;
	char name[64];
	uint32_t used;
	bool gone; /* planned: the one of this name goes */
	size_t len;
	uint8_t packed[];
};

static struct template *first;   /* live */
static struct template *planned; /* of the open transaction, the last one first */

static struct template **place_of(const char *name)
{
	struct template **at = &first;

	while (*at && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	return at;
}

int upf_template_find(const char *name, struct cst_pool *p, struct upf_template_obj *out,
		      struct cst_err *e)
{
	const struct template *t = *place_of(name);
	int rc;

	if (!t)
		return cst_err(e, -ENOENT, "session_template", "there is no template %s", name);
	rc = cst_unpack(&upf_template_object, t->packed, t->len, p, out);
	if (rc < 0)
		return cst_err(e, rc, NULL, "template %s cannot be read", name);
	out->sessions = t->used;
	out->has |= 1u << TEMPLATE_SESSIONS;
	return 0;
}

void upf_template_count(const struct upf_session *s, int delta)
{
	const struct upf_session_obj *o = upf_session_decoded(s);
	struct template *t = o && o->session_template ? *place_of(o->session_template) : NULL;

	if (t)
		t->used += (uint32_t)delta;
}

/* ---- changes ---------------------------------------------------------------------------- */

static int plan(const char *name, const struct upf_template_obj *o, struct cst_err *e)
{
	size_t len = o ? cst_pack(&upf_template_object, o, NULL, 0) : 0;
	struct template *t = calloc(1, sizeof(*t) + len);

	if (!t)
		return cst_err(e, -ENOMEM, NULL, "no memory for the template");
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->gone = !o;
	t->len = len;
	if (o)
		cst_pack(&upf_template_object, o, t->packed, len);
	t->next = planned;
	planned = t;
	return 0;
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct upf_template_obj *o = obj;
	uint16_t vrf;
	int rc = upf_ni_find(o->access_network_instance, &vrf, e);

	(void)t;
	if (rc < 0) {
		snprintf(e->field, sizeof(e->field), "access_network_instance");
		return rc;
	}
	rc = upf_ni_find(o->network_instance, &vrf, e);
	return rc < 0 ? rc : plan(o->name, o, e);
}

static int del(struct cst_txn *txn, const void *key, struct cst_err *e)
{
	const char *name = ((const struct upf_template_obj *)key)->name;
	const struct template *t = *place_of(name);

	(void)txn;
	if (!t)
		return cst_err(e, -ENOENT, "name", "there is no template %s", name);
	if (t->used)
		return cst_err(e, -EBUSY, "name",
			       "%u sessions by template %s are still to be adopted", t->used, name);
	return plan(name, NULL, e);
}

static int begin(struct cst_txn *t, struct cst_err *e)
{
	(void)t;
	(void)e;
	planned = NULL;
	return 0;
}

/* Sessions may be there before their template: after a restart. */
static uint32_t count_all(const char *name)
{
	uint32_t n = 0;

	for (uint32_t i = 1; i <= upf_state_lines(); i++) {
		const struct upf_session *s = upf_session_by_state(i);
		const struct upf_session_obj *o = s && s->local ? upf_session_decoded(s) : NULL;

		n += o && o->session_template && strcmp(o->session_template, name) == 0;
	}
	return n;
}

static void make_live(struct template *t)
{
	struct template **at = place_of(t->name), *old = *at;

	if (!old && !t->gone)
		t->used = count_all(t->name);
	if (old) {
		t->used = old->used;
		*at = old->next;
		free(old);
	}
	if (t->gone) {
		free(t);
		return;
	}
	at = &first;
	while (*at)
		at = &(*at)->next;
	t->next = NULL;
	*at = t;
}

static void commit(struct cst_txn *txn)
{
	struct template *t, *in_order = NULL;

	(void)txn;
	while ((t = planned) != NULL) {
		planned = t->next;
		t->next = in_order;
		in_order = t;
	}
	while ((t = in_order) != NULL) {
		in_order = t->next;
		make_live(t);
	}
}

static void abort_all(struct cst_txn *txn)
{
	struct template *t;

	(void)txn;
	while ((t = planned) != NULL) {
		planned = t->next;
		free(t);
	}
}

/* ---- showing ---------------------------------------------------------------------------- */

static struct cst_pool *pool(void)
{
	static struct cst_pool *p;

	if (!p)
		p = cst_pool_new();
	cst_pool_reset(p);
	return p;
}

static int get(const void *key, json_t **out, struct cst_err *e)
{
	struct upf_template_obj o;
	int rc = upf_template_find(((const struct upf_template_obj *)key)->name, pool(), &o, e);

	if (rc < 0)
		return rc;
	*out = cst_encode(&upf_template_object, &o);
	return 0;
}

static int list(struct cst_page *page, struct cst_err *e)
{
	const struct template *t = first;
	uint64_t at = 0;

	for (; t && at < page->cursor; at++)
		t = t->next;
	for (page->cursor = 0; t; t = t->next, at++) {
		struct upf_template_obj o;
		int rc;

		if (json_array_size(page->items) >= page->limit) {
			page->cursor = at;
			return 0;
		}
		rc = upf_template_find(t->name, pool(), &o, e);
		if (rc < 0)
			return rc;
		if (page->config)
			o.has &= ~(1ull << TEMPLATE_SESSIONS);
		json_array_append_new(page->items, cst_encode(&upf_template_object, &o));
	}
	return 0;
}

static struct cst_party party = {
	.name = "upf.templates", .begin = begin, .commit = commit, .abort = abort_all};

static void __attribute__((constructor)) attach(void)
{
	upf_template_class.party = &party;
	upf_template_class.put = put;
	upf_template_class.del = del;
	upf_template_class.get = get;
	upf_template_class.list = list;
}
