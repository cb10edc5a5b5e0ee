/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "object/kept.h"
#include "object/txn.h"
#include "store.h"
#include "tree.h"

void cst_txn_open(struct cst_txn_run *r, struct cst_pool *pool)
{
	*r = (struct cst_txn_run){.txn.pool = pool};
	r->last = &r->first;
	r->mark = cst_store_mark();
}

static int begin(struct cst_txn_run *r, struct cst_party *p, struct cst_err *e)
{
	int ret;

	if (p == NULL || p->open)
		return 0;
	ret = p->begin != NULL ? p->begin(&r->txn, e) : 0;
	if (ret < 0)
		return ret;
	p->open = true;
	p->next = NULL;
	*r->last = p;
	r->last = &p->next;
	return 0;
}

static int not_supported(const struct cst_class *c, enum cst_op op, struct cst_err *e)
{
	const char *name = c->object->name;

	if (op == CST_OP_MODIFY && c->put != NULL && c->del != NULL)
		return cst_err(e, -ENOTSUP, NULL, "%s has no modify: delete it and put it anew",
			       name);
	return cst_err(e, -ENOTSUP, NULL, "%s cannot be %s", name,
		       op == CST_OP_PUT      ? "put"
		       : op == CST_OP_MODIFY ? "modified"
					     : "deleted");
}

/* A class's own function, or NULL. All three have one shape. */
static int (*operation(const struct cst_class *c, enum cst_op op))(struct cst_txn *, const void *,
								   struct cst_err *)
{
	return op == CST_OP_PUT ? c->put : op == CST_OP_MODIFY ? c->modify : c->del;
}

int cst_txn_plan(struct cst_txn_run *r, const struct cst_class *c, enum cst_op op, const void *obj,
		 struct cst_err *e)
{
	int ret;

	if (operation(c, op) == NULL)
		return not_supported(c, op, e);
	ret = begin(r, c->party, e);
	return ret < 0 ? ret : operation(c, op)(&r->txn, obj, e);
}

/* A disk that is full or read-only keeps no packet waiting: the next start has it to do again. */
static int write_kept(const struct cst_txn_run *r, struct cst_err *e)
{
	static bool told;
	int ret = cst_store_write(e);

	if (ret == 0 || !r->txn.startup)
		return ret;
	if (!told)
		LOG_WARN("store: %s; coastd starts all the same", e->reason);
	told = true;
	return 0;
}

int cst_txn_prepare(struct cst_txn_run *r, struct cst_err *e)
{
	int ret = 0;

	for (struct cst_party *p = r->first; p != NULL && ret == 0; p = p->next)
		ret = p->compile != NULL ? p->compile(&r->txn, e) : 0;
	return ret == 0 && !r->txn.check_only ? write_kept(r, e) : ret;
}

/* A party may begin anew in what its commit or abort sets off: it leaves the chain first. */
static struct cst_party *take(struct cst_txn_run *r)
{
	struct cst_party *p = r->first;

	if (p != NULL) {
		r->first = p->next;
		p->next = NULL;
		p->open = false;
	}
	return p;
}

void cst_txn_commit(struct cst_txn_run *r)
{
	for (struct cst_party *p = take(r); p != NULL; p = take(r))
		if (p->commit != NULL)
			p->commit(&r->txn);
}

void cst_txn_abort(struct cst_txn_run *r)
{
	struct cst_party *reversed = NULL;

	cst_store_rewind(r->mark);
	while (r->first != NULL) {
		struct cst_party *p = r->first;

		r->first = p->next;
		p->next = reversed;
		reversed = p;
	}
	r->first = reversed;
	for (struct cst_party *p = take(r); p != NULL; p = take(r))
		if (p->abort != NULL)
			p->abort(&r->txn);
}

/* ---- one call ------------------------------------------------------------ */

static int decode_op(const struct cst_class *c, enum cst_op op, const struct cst_node *v,
		     struct cst_pool *pool, void *out, struct cst_err *e)
{
	if (op == CST_OP_PUT)
		return cst_decode_node(c->object, v, false, pool, out, e);
	if (op == CST_OP_DELETE)
		return cst_decode_key_node(c->object, v, pool, out, e);
	return cst_decode_node(c->modify_object != NULL ? c->modify_object : c->object, v, true,
			       pool, out, e);
}

static void tell(const struct cst_class *c, enum cst_op op, void **objs, size_t n,
		 struct cst_text *out)
{
	void (*one)(const void *, struct cst_text *) =
		op == CST_OP_DELETE ? c->del_reply : c->reply;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			cst_text_add(out, ",", 1);
		if (one != NULL)
			one(objs[i], out);
		else
			cst_text_add(out, "{}", 2);
	}
}

static int run(struct cst_txn_run *r, const struct cst_class *c, enum cst_op op,
	       const struct cst_node *v, struct cst_text *reply, struct cst_err *e)
{
	const struct cst_object *o =
		op == CST_OP_MODIFY && c->modify_object != NULL ? c->modify_object : c->object;
	size_t n = v->type == CST_N_ARRAY ? v->n : 1;
	void **objs = cst_pool_alloc(r->txn.pool, n * sizeof(*objs));
	int ret = 0;

	if (operation(c, op) == NULL)
		return not_supported(c, op, e);
	if (n == 0)
		return cst_err(e, -EINVAL, NULL, "the list is empty");
	if (objs == NULL)
		return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	if (v->type == CST_N_ARRAY)
		v++;
	for (size_t i = 0; i < n; i++, v = cst_node_next(v)) {
		objs[i] = cst_pool_alloc(r->txn.pool, o->size);
		if (objs[i] == NULL)
			return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
		ret = decode_op(c, op, v, r->txn.pool, objs[i], e);
		if (ret == 0)
			ret = cst_txn_plan(r, c, op, objs[i], e);
		if (ret < 0 && n > 1)
			cst_err_prefix(e, "[%zu]", i);
		if (ret < 0)
			return ret;
		kept_change(c, op, objs[i], r->txn.pool);
	}
	ret = cst_txn_prepare(r, e);
	if (ret < 0)
		return ret;
	cst_txn_commit(r);
	for (size_t i = 0; op == CST_OP_DELETE && i < n; i++)
		cst_origin_forget(c, objs[i]);
	if (reply != NULL)
		tell(c, op, objs, n, reply);
	return 0;
}

int cst_txn_run_node(const struct cst_class *c, enum cst_op op, const struct cst_node *objs,
		     struct cst_text *reply, struct cst_err *e)
{
	static struct cst_pool *pool; /* the control thread's, kept warm from call to call */
	struct cst_txn_run r;
	struct cst_err spare;
	int ret;

	if (e == NULL)
		e = &spare;
	memset(e, 0, sizeof(*e));
	if (pool == NULL)
		pool = cst_pool_new();
	cst_txn_open(&r, pool);
	ret = run(&r, c, op, objs, reply, e);
	if (ret < 0)
		cst_txn_abort(&r);
	cst_pool_reset(pool);
	return ret;
}

int cst_txn_run(const struct cst_class *c, enum cst_op op, const json_t *objs, json_t **reply,
		struct cst_err *e)
{
	struct cst_text text = {0};
	struct cst_tree t = {0};
	int ret = cst_tree_take(&t, objs);

	cst_text_str(&text, "[");
	if (ret == 0)
		ret = cst_txn_run_node(c, op, t.nodes, reply != NULL ? &text : NULL, e);
	else
		cst_err(e, ret, NULL, "the request needs too much memory");
	cst_text_str(&text, "]");
	if (ret == 0 && reply != NULL)
		*reply = json_loads(text.s, 0, NULL);
	free(text.s);
	cst_tree_trim(&t, 0);
	return ret;
}
