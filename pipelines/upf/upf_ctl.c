/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classes `session` and `pool`: requests become plans, the transaction's end
 * makes them live or undoes them. Control thread.
 */
#include <errno.h>

#include "engine/rcu.h"
#include "upf_books.h"
#include "upf_ctl.h"
#include "upf_endmarker.h"
#include "upf_framed.h"
#include "upf_intent.h"
#include "upf_kept.h"
#include "upf_order.h"
#include "upf_owned.h"
#include "upf_plan.h"
#include "upf_pool.h"
#include "upf_refused.h"
#include "upf_report.h"
#include "upf_show.h"
#include "upf_urr.h"

const struct upf_back *upf_ctl_back;

/* The open transaction. */
static struct {
	struct cst_pool *pool;
	struct upf_change *first, *last;
	struct upf_change *ends; /* of sessions that are superseded */
	bool net;                /* the network's stage is open, and by us */
	bool modify;             /* shape of the objects of the last one, for replies */
} txn;

/* ---- the network's stage ------------------------------------------------------------- */

int upf_net_open(struct cst_err *e)
{
	int rc;

	if (txn.net)
		return 0;
	rc = cst_net_begin();
	/* open already: by the network's own objects, earlier in this transaction */
	if (rc == -EBUSY)
		return 0;
	if (rc < 0)
		return cst_err(e, rc, NULL, "the routes cannot be changed now");
	txn.net = true;
	return 0;
}

/* ---- sessions -------------------------------------------------------------------------- */

static int twice(uint64_t seid, struct cst_err *e)
{
	return cst_err(e, -EINVAL, "seid", "session %llu is in this call twice",
		       (unsigned long long)seid);
}

/* Until the transaction's end. NULL: no memory, and it is undone. */
static struct upf_change *hold(struct upf_change *c, struct cst_err *e)
{
	struct upf_change *held = cst_pool_alloc(txn.pool, sizeof(*held));

	if (held) {
		*held = *c;
		return held;
	}
	upf_change_undo(c);
	cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	return NULL;
}

static int add(struct upf_change *c, struct cst_err *e)
{
	struct upf_change *held = hold(c, e);

	if (!held)
		return -ENOMEM;
	held->later = NULL;
	if (txn.last)
		txn.last->later = held;
	else
		txn.first = held;
	txn.last = held;
	return 0;
}

static int bring_back(const struct upf_session_obj *s, struct upf_change *c, struct cst_err *e)
{
	c->had = upf_ctl_back->val;
	c->had_len = upf_ctl_back->len;
	return upf_plan_again(s, &upf_ctl_back->past, c, e);
}

static int plan(struct cst_txn *t, const struct upf_session_obj *s, struct upf_session *old,
		bool modify, struct cst_err *e)
{
	struct upf_change c = {0};
	int rc;

	if (old && (old->planned || old->changing))
		rc = twice(s->seid, e);
	else if (upf_ctl_back)
		rc = bring_back(s, &c, e);
	else
		rc = upf_plan(s, old, modify, &c, e);
	upf_order_planned();
	if (rc == 0)
		rc = add(&c, e);
	if (rc >= 0)
		rc = upf_owned_note(t->pool, old, e);
	upf_owned_planned();
	return rc;
}

static int put(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	/* The request's own copy: the choice is part of it from here on, for the store and the
	 * reply. */
	struct upf_session_obj *s = (struct upf_session_obj *)obj;
	struct upf_session *old;
	int rc;

	txn.modify = false;
	if (!cst_has(s, SESSION_SEID)) {
		s->seid = upf_session_new_seid();
		s->has |= 1u << SESSION_SEID;
	}
	old = upf_session_by_seid(s->seid);
	if (!upf_ctl_back) {
		rc = upf_owned_put(s, old, e);
		if (rc < 0)
			return rc;
		upf_order_put();
		upf_refused_let_go(s->seid);
	}
	return plan(t, s, old, false, e);
}

static struct upf_session *must_find(uint64_t seid, struct cst_err *e)
{
	struct upf_session *s = upf_session_by_seid(seid);

	if (!s)
		cst_err(e, -ENOENT, "seid", "there is no session %llu", (unsigned long long)seid);
	return s;
}

static int modify(struct cst_txn *t, const void *obj, struct cst_err *e)
{
	const struct upf_modify_obj *m = obj;
	struct upf_session *old = must_find(m->seid, e);
	struct upf_session_obj *s = cst_pool_alloc(t->pool, sizeof(*s));
	int rc;

	txn.modify = true;
	if (!old)
		return -ENOENT;
	if (!s)
		return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	rc = upf_session_unpack(old, t->pool, s, e);
	if (rc == 0)
		rc = upf_urr_check_query(old, m, e);
	if (rc == 0)
		rc = upf_intent_modify(m, s, t->pool, e);
	if (rc == 0)
		rc = upf_order_keep(m, t->pool, e);
	if (rc == 0)
		rc = upf_owned_change(old, e);
	if (rc < 0)
		return rc;
	upf_order_strip(m, s);
	upf_order_modify(m);
	rc = plan(t, s, old, true, e);
	if (rc < 0)
		upf_intent_explain(m, s, e);
	return rc;
}

static int del(struct cst_txn *t, const void *key, struct cst_err *e)
{
	uint64_t seid = ((const struct upf_session_obj *)key)->seid;
	struct upf_session *old;
	struct upf_change c;
	int rc;

	if (upf_refused_let_go(seid)) {
		upf_kept_drop(seid);
		return 0;
	}
	old = must_find(seid, e);
	if (!old)
		return -ENOENT;
	if (old->planned || old->changing)
		return twice(seid, e);
	rc = upf_owned_change(old, e);
	upf_owned_planned();
	if (rc == 0)
		rc = upf_plan_end(old, &c, e);
	return rc < 0 ? rc : add(&c, e);
}

/* Commits in the order of planning, but sessions that others take the place of last: no packet
 * finds neither. */
int upf_end_too(struct upf_change *c, struct cst_err *e)
{
	struct upf_change *held = hold(c, e);

	if (!held)
		return -ENOMEM;
	held->later = txn.ends;
	txn.ends = held;
	return 0;
}

static void reply(const void *obj, struct cst_text *out)
{
	upf_show_reply(obj, txn.modify, out);
}

static void del_reply(const void *key, struct cst_text *out)
{
	upf_show_usage(((const struct upf_session_obj *)key)->seid, out);
}

/* ---- the transaction's end ---------------------------------------------------------------- */

static int begin(struct cst_txn *t, struct cst_err *e)
{
	(void)e;
	txn.pool = t->pool;
	txn.first = txn.last = txn.ends = NULL;
	txn.net = false;
	upf_orders_forget();
	upf_owned_forget();
	return 0;
}

static void keep(const struct upf_change *c)
{
	for (; c; c = c->later) {
		if (c->next)
			upf_kept_put(c->next, c->had, c->had_len);
		else
			upf_kept_drop(c->old->seid);
	}
}

static int compile(struct cst_txn *t, struct cst_err *e)
{
	int rc = txn.net ? cst_net_compile(e) : 0;

	if (rc == 0 && !t->check_only) {
		keep(txn.ends);
		keep(txn.first);
	}
	return rc;
}

static void commit(struct cst_txn *t)
{
	(void)t;
	if (txn.net)
		cst_net_commit();
	txn.net = false;
	upf_pools_commit();
	upf_framed_commit();
	upf_report_collect(true);
	upf_orders_before_commit();
	upf_owned_before_commit();
	for (struct upf_change *c = txn.first; c; c = c->later)
		upf_change_commit(c);
	for (struct upf_change *c = txn.ends; c; c = c->later)
		upf_change_commit(c);
	txn.first = txn.last = txn.ends = NULL;
	upf_orders_after_commit();
	/* The replies carry the final reports, exact ones: no worker counts by old rules any more;
	 * and tunnels that were left have been told so. Workers that sleep are not waited for,
	 * others for a burst or two. */
	if (upf_urr_finals_due() || upf_endmarkers_pending())
		cst_rcu_reclaim(true);
	upf_report_collect(false);
	upf_orders_forget();
	upf_owned_forget();
}

static void abort_all(struct cst_txn *t)
{
	(void)t;
	for (struct upf_change *c = txn.first; c; c = c->later)
		upf_change_undo(c);
	for (struct upf_change *c = txn.ends; c; c = c->later)
		upf_change_undo(c);
	txn.first = txn.last = txn.ends = NULL;
	upf_orders_forget();
	upf_owned_forget();
	upf_pools_abort();
	upf_framed_abort();
	if (txn.net)
		cst_net_abort();
	txn.net = false;
}

static struct cst_party party = {
	.name = "upf", .begin = begin, .compile = compile, .commit = commit, .abort = abort_all};

static void __attribute__((constructor)) attach(void)
{
	upf_session_class.party = &party;
	upf_session_class.put = put;
	upf_session_class.modify = modify;
	upf_session_class.del = del;
	upf_session_class.reply = reply;
	upf_session_class.del_reply = del_reply;
	upf_session_class.get = upf_show_get;
	upf_session_class.list = upf_show_list;
	upf_pool_class.party = &party;
	upf_pool_class.put = upf_pool_put;
	upf_pool_class.del = upf_pool_del;
	upf_pool_class.get = upf_pool_get;
	upf_pool_class.list = upf_pool_list;
}
