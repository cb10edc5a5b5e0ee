/* SPDX-License-Identifier: BSD-3-Clause */
/* What owners, heirs and local authorities call. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "inertia_keep.h"
#include "rpc/rpc.h"

/* ---- claims -------------------------------------------------------------- */

static int not_named(const struct keep_owner *o, const char *list, struct cst_err *e)
{
	return cst_err(e, -EPERM, "client", "is not among the %s of owner '%s'", list, o->name);
}

static int claim_authority(struct keep_owner *o, const struct inertia_claim_obj *p,
			   struct cst_err *e)
{
	if (o->core.epoch == 0)
		return cst_err(e, -ENOENT, "name",
			       "owner '%s' was never claimed: there is nobody to stand in for",
			       o->name);
	if (!keep_named(&o->conf.authorities, p->client))
		return not_named(o, "authorities", e);
	return 0;
}

/* Who has a part in this may differ from who is named first: without a list the first that comes is
 * the owner, and the core knows it. */
static int check_client(const struct keep_owner *o, const struct inertia_claim_obj *p,
			struct cst_err *e)
{
	if (p->role == CST_ROLE_HEIR)
		return keep_named(&o->conf.heirs, p->client) ? 0 : not_named(o, "heirs", e);
	return keep_named(&o->conf.clients, p->client) ? 0 : not_named(o, "clients", e);
}

static int check_lease(const struct inertia_claim *c, struct cst_err *e)
{
	if (c->grace_ms <= c->lease_ms)
		return 0;
	return cst_err(e, -ERANGE, "grace_ms", "%u is above the lease, %u", c->grace_ms,
		       c->lease_ms);
}

/* What the one before had is not for who comes next. */
static int check_gone(const struct keep_owner *o, struct cst_err *e)
{
	struct cst_owned_counts n = {0};

	if (o->leaving)
		keep_counts(keep_number(o), &n);
	return n.all == 0 ? 0
			  : cst_err(e, -EAGAIN, "name",
				    "owner '%s' has just gone, and %llu of what it had are not "
				    "yet nobody's: claim it again in a moment",
				    o->name, (unsigned long long)n.all);
}

static struct inertia_claim claim_of(const struct keep_owner *o, const struct inertia_claim_obj *p)
{
	const struct cst_caller *caller = cst_caller_get();
	uint32_t lease = cst_has(p, CLAIM_LEASE) ? p->lease_ms : o->conf.lease_ms;
	uint32_t grace = o->conf.grace_ms < lease ? o->conf.grace_ms : lease;

	return (struct inertia_claim){
		.client = p->client,
		.role = p->role,
		.same_state = p->same_state,
		.named = o->conf.clients.n > 0,
		.again = keep_of(caller) == o && caller->role != CST_ROLE_AUTHORITY &&
			 caller->epoch == o->core.epoch,
		.epoch = cst_has(p, CLAIM_EPOCH) ? p->epoch : 0,
		.lease_ms = lease,
		.grace_ms = cst_has(p, CLAIM_GRACE) ? p->grace_ms : grace,
	};
}

/* An epoch that was given out must not be given out again after a crash: what cannot be kept is not
 * granted. Who comes back with the one it has needs no such promise. */
static int take(struct keep_owner *o, const struct inertia_claim_obj *p, struct cst_err *e)
{
	struct inertia_claim c = claim_of(o, p);
	struct inertia was = o->core;
	int anew, ret;

	ret = check_gone(o, e);
	if (ret == 0)
		ret = check_client(o, p, e);
	if (ret == 0)
		ret = check_lease(&c, e);
	if (ret < 0)
		return ret;
	anew = inertia_claim(&o->core, &c, e);
	if (anew < 0)
		return anew;
	ret = keep_save(o, e);
	if (ret < 0 && o->core.epoch > was.epoch) {
		o->core = was;
		return ret;
	}
	keep_turned(o, was.state, anew == 1);
	return 0;
}

/* The connection speaks for the owner from now on, and no longer for another. */
static void bind_caller(struct cst_caller *caller, const struct keep_owner *o,
			const struct inertia_claim_obj *p)
{
	if (caller->owner != 0 && (keep_of(caller) != o || p->role == CST_ROLE_AUTHORITY))
		cst_caller_gone(caller);
	caller->owner = (uint8_t)keep_number(o);
	caller->life = o->life;
	caller->role = p->role;
	caller->epoch = o->core.epoch;
	snprintf(caller->client, sizeof(caller->client), "%s", p->client);
}

static json_t *standing(const struct keep_owner *o)
{
	struct cst_owned_counts n;

	keep_counts(keep_number(o), &n);
	return json_pack("{s:s, s:i, s:I, s:s, s:I, s:I, s:I, s:{s:I, s:I, s:I, s:I}}", "name",
			 o->name, "owner", (int)keep_number(o), "epoch", (json_int_t)o->core.epoch,
			 "state", inertia_states[o->core.state], "lease_ms",
			 (json_int_t)o->core.lease_ms, "grace_ms", (json_int_t)o->core.grace_ms,
			 "lost_ms", (json_int_t)inertia_lost_ms(&o->core), "sessions", "all",
			 (json_int_t)n.all, "stale", (json_int_t)n.stale, "local",
			 (json_int_t)n.local, "owed", (json_int_t)n.owed);
}

static int owner_claim(const void *params, json_t **result, struct cst_err *e)
{
	const struct inertia_claim_obj *p = params;
	struct cst_caller *caller = cst_caller_get();
	unsigned number = keep_find(p->name);
	struct keep_owner *o = keep_get(number);
	int ret;

	if (caller == NULL)
		return cst_err(e, -ENOTCONN, NULL, "a claim needs a connection");
	if (o == NULL && p->role != CST_ROLE_OWNER)
		return cst_err(e, -ENOENT, "name", "there is no owner '%s'", p->name);
	if (o == NULL)
		o = keep_new(p->name, e);
	if (o == NULL)
		return -ENOSPC;
	ret = p->role == CST_ROLE_AUTHORITY ? claim_authority(o, p, e) : take(o, p, e);
	if (ret < 0) {
		if (number == 0)
			o->used = false;
		return ret;
	}
	bind_caller(caller, o, p);
	*result = standing(o);
	return 0;
}

static struct cst_method claim_method = {
	.name = "owner.claim",
	.help = "this connection speaks for the owner: what it makes is the owner's, and its calls "
		"keep the owner connected. In the reply, state reconciling: look through what "
		"there is with owner.reconcile, adopt, and say owner.done",
	.write = true,
	.unfenced = true,
	.params = &inertia_claim_object,
	.call = owner_claim,
};
CST_METHOD(claim_method);

/* ---- calls of who holds it ----------------------------------------------- */

/* The owner that this connection holds, or NULL with the reason. */
static struct keep_owner *held(struct cst_err *e)
{
	const struct cst_caller *c = cst_caller_get();

	if (c == NULL || c->owner == 0) {
		cst_err(e, -ENOTCONN, NULL, "this connection has claimed no owner: owner.claim");
		return NULL;
	}
	if (cst_caller_gate(c, NULL, e) < 0)
		return NULL;
	cst_caller_seen(c);
	if (c->role == CST_ROLE_AUTHORITY) {
		cst_err(e, -EPERM, NULL, "local authority only admits new sessions");
		return NULL;
	}
	return keep_of(c);
}

static int owner_renew(const void *params, json_t **result, struct cst_err *e)
{
	const struct keep_owner *o = held(e);

	if (o == NULL)
		return e->code;
	*result = json_pack("{s:s, s:I, s:I}", "state", inertia_states[o->core.state], "epoch",
			    (json_int_t)o->core.epoch, "left_ms", (json_int_t)o->core.left_ms);
	return 0;
}

static struct cst_method renew_method = {
	.name = "owner.renew",
	.help = "a sign of life, as any other call on this connection is one",
	.call = owner_renew,
};
CST_METHOD(renew_method);

static const struct cst_owned *kind(const char *what, struct cst_err *e)
{
	for (const struct cst_owned *w = cst_owned_first(); w != NULL; w = w->next)
		if (strcmp(w->what, what) == 0)
			return w;
	cst_err(e, -ENOENT, "what", "owners have no %s", what);
	return NULL;
}

static int owner_reconcile(const void *params, json_t **result, struct cst_err *e)
{
	const struct inertia_reconcile_obj *p = params;
	const struct keep_owner *o = held(e);
	const struct cst_owned *w = o != NULL ? kind(p->what, e) : NULL;
	uint64_t cursor = p->cursor;
	json_t *items;
	int ret;

	if (w == NULL)
		return e->code;
	items = json_array();
	ret = w->page(keep_number(o), p->stale_only, &cursor, p->limit, items, e);
	if (ret < 0) {
		json_decref(items);
		return ret;
	}
	*result = json_pack("{s:o, s:I}", "items", items, "cursor", (json_int_t)cursor);
	return 0;
}

static struct cst_method reconcile_method = {
	.name = "owner.reconcile",
	.help = "what the owner has, a page at a time: state and digest of each; `cursor` 0: no "
		"more",
	.params = &inertia_reconcile_object,
	.call = owner_reconcile,
};
CST_METHOD(reconcile_method);

static int adopt(const struct inertia_adopt_obj *p, const uint64_t *ids, unsigned n,
		 json_t **result, struct cst_err *e)
{
	const struct keep_owner *o = held(e);
	const struct cst_owned *w = o != NULL ? kind(p->what, e) : NULL;
	int ret;

	if (w == NULL)
		return e->code;
	ret = w->adopt(keep_number(o), ids, n, e);
	if (ret == 0)
		*result = standing(o);
	return ret;
}

static int owner_adopt(const void *params, json_t **result, struct cst_err *e)
{
	const struct inertia_adopt_obj *p = params;

	if (p->ids.n == 0)
		return cst_err(e, -EINVAL, "ids", "is empty: owner.adopt_all adopts all");
	return adopt(p, p->ids.items, p->ids.n, result, e);
}

static struct cst_method adopt_method = {
	.name = "owner.adopt",
	.help = "these are the owner's as they are: no longer stale, their traffic goes on",
	.write = true,
	.unfenced = true,
	.params = &inertia_adopt_object,
	.call = owner_adopt,
};
CST_METHOD(adopt_method);

/* `done` may end what is stale: who thinks that all is adopted must be right. */
static int owner_adopt_all(const void *params, json_t **result, struct cst_err *e)
{
	json_int_t stale;
	int ret = adopt(params, NULL, 0, result, e);

	if (ret < 0)
		return ret;
	stale = json_integer_value(json_object_get(json_object_get(*result, "sessions"), "stale"));
	if (stale == 0)
		return 0;
	json_decref(*result);
	*result = NULL;
	return cst_err(e, -ENOTSUP, "what",
		       "%lld are still stale: adopt them by their ids (owner.adopt)", stale);
}

static struct cst_method adopt_all_method = {
	.name = "owner.adopt_all",
	.help = "all that there is is the owner's as it is",
	.write = true,
	.unfenced = true,
	.params = &inertia_adopt_all_object,
	.call = owner_adopt_all,
};
CST_METHOD(adopt_all_method);

static int owner_done(const void *params, json_t **result, struct cst_err *e)
{
	struct keep_owner *o = held(e);
	enum cst_owner_state was;

	if (o == NULL)
		return e->code;
	was = o->core.state;
	o->sweep = ((const struct inertia_done_obj *)params)->sweep;
	inertia_done(&o->core);
	if (o->core.state != was)
		keep_turned(o, was, false);
	else
		keep_save(o, NULL);
	*result = standing(o);
	return 0;
}

static struct cst_method done_method = {
	.name = "owner.done",
	.help = "the owner has looked through what there is",
	.write = true,
	.unfenced = true,
	.params = &inertia_done_object,
	.call = owner_done,
};
CST_METHOD(done_method);

static int owner_release(const void *params, json_t **result, struct cst_err *e)
{
	struct keep_owner *o = held(e);
	enum cst_owner_state was;

	if (o == NULL)
		return e->code;
	was = o->core.state;
	inertia_release(&o->core, ((const struct inertia_release_obj *)params)->keep);
	cst_caller_gone(cst_caller_get());
	cst_caller_get()->owner = 0;
	if (o->core.state != was)
		keep_turned(o, was, false);
	else
		keep_save(o, NULL);
	return 0;
}

static struct cst_method release_method = {
	.name = "owner.release",
	.help = "the owner goes, and is not to be taken for lost",
	.write = true,
	.unfenced = true,
	.params = &inertia_release_object,
	.call = owner_release,
};
CST_METHOD(release_method);
