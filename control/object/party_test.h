/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two slices with a tiny world: "lan"s, and "host"s that name a lan. What was called
 * is written to `calls`, one letter per party and step.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "class.h"

static char calls[512];
static const char *fail_at; /* the call that fails, e.g. "b:compile" */
static bool last_check_only, last_startup;

static int called(const char *what, struct cst_err *e)
{
	strcat(calls, what);
	strcat(calls, " ");
	if (fail_at == NULL || strcmp(fail_at, what) != 0)
		return 0;
	return cst_err(e, -5, NULL, "%s failed", what);
}

static int a_begin(struct cst_txn *t, struct cst_err *e)
{
	last_check_only = t->check_only;
	last_startup = t->startup;
	return called("a:begin", e);
}

static int a_compile(struct cst_txn *t, struct cst_err *e)
{
	return called("a:compile", e);
}

static unsigned n_lans, n_planned; /* live; of this transaction */
static char planned[16][16];

static void a_commit(struct cst_txn *t)
{
	called("a:commit", NULL);
	n_lans += n_planned;
	n_planned = 0;
}

static void a_abort(struct cst_txn *t)
{
	called("a:abort", NULL);
	n_planned = 0;
}

static int b_begin(struct cst_txn *t, struct cst_err *e)
{
	return called("b:begin", e);
}

static int b_compile(struct cst_txn *t, struct cst_err *e)
{
	return called("b:compile", e);
}

static void b_commit(struct cst_txn *t)
{
	called("b:commit", NULL);
}

static void b_abort(struct cst_txn *t)
{
	called("b:abort", NULL);
}

static struct cst_party a_party = {"a", a_begin, a_compile, a_commit, a_abort};
static struct cst_party b_party = {"b", b_begin, b_compile, b_commit, b_abort};

struct lan {
	uint64_t has;
	const char *name;
	uint16_t vlan;
	bool up;
};

static const struct cst_field lan_fields[] = {
	CST_F_STR(struct lan, name, 1, 15, CST_F_KEY, NULL, "its name"),
	CST_F_UINT(struct lan, vlan, 1, 4094, NULL, CST_F_REQUIRED, NULL, "VLAN"),
	CST_F_BOOL(struct lan, up, CST_F_STATE, NULL, "is it up"),
};
static const struct cst_object lan_object = CST_OBJECT("lan", struct lan, lan_fields, "a LAN");

static int lan_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct lan *l = obj;

	if (l->vlan == 13)
		return cst_err(e, -22, "vlan", "brings bad luck");
	strcpy(planned[n_planned++], l->name);
	return 0;
}

static int lan_del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	const struct lan *l = key;

	assert_int_equal(l->has, 1);
	return cst_err(e, -2, "name", "no lan '%s'", l->name);
}

static void lan_reply(const void *obj, struct cst_text *out)
{
	const struct lan *l = obj;
	struct lan named = {.has = 1, .name = l->name};

	if (l->vlan == 7)
		cst_write(&lan_object, &named, out);
	else
		cst_text_str(out, "{}");
}

static bool endless;

static int lan_list(struct cst_page *page, struct cst_err *e)
{
	/* two pages of one each */
	struct lan l = {.has = 7, .name = page->cursor == 0 ? "one" : "two", .vlan = 1};

	json_array_append_new(page->items, cst_encode(&lan_object, &l));
	page->cursor = page->cursor == 0 || endless ? 1 : 0;
	return 0;
}

static struct cst_class lan_class = {
	.object = &lan_object,
	.plural = "lans",
	.order = 20,
	.party = &a_party,
	.put = lan_put,
	.del = lan_del,
	.reply = lan_reply,
	.list = lan_list,
	.config = true,
};
CST_CLASS(lan_class);

struct host {
	uint64_t has;
	struct cst_ip address;
	const char *lan;
	struct cst_list ports;
};

static const struct cst_field host_fields[] = {
	CST_F_IP(struct host, address, CST_T_IP, CST_F_KEY, "its address"),
	CST_F_STR(struct host, lan, 1, 15, CST_F_REQUIRED, NULL, "where it is"),
	CST_F_LIST(struct host, ports, CST_T_UINT, uint16_t, 8, 0, "open ports"),
};
static const struct cst_object host_object = CST_OBJECT("host", struct host, host_fields, "a host");

static int host_put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct host *h = obj;

	for (unsigned i = 0; i < n_planned; i++)
		if (strcmp(planned[i], h->lan) == 0)
			return 0;
	return cst_err(e, -2, "lan", "no lan '%s'", h->lan);
}

static int host_modify(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct host *h = obj;

	return called(cst_has(h, 1) ? "b:modify-lan" : "b:modify", e);
}

static struct cst_class host_class = {
	.object = &host_object,
	.plural = "hosts",
	.order = 30,
	.party = &b_party,
	.put = host_put,
	.modify = host_modify,
};
CST_CLASS(host_class);

static int reset(void **state)
{
	calls[0] = '\0';
	fail_at = NULL;
	n_lans = n_planned = 0;
	return 0;
}
