/* SPDX-License-Identifier: BSD-3-Clause */
/* The walk of a planned change: compile, then commit or undo. */
#include "prer_ctl.h"

#include <errno.h>

#include "net/net.h"

/* ---- compile --------------------------------------------------------------------- */

static int begin(struct cst_txn *t, struct cst_err *e)
{
	if (prer_entry_live(PRER_RECOVERIES, PRER_DEFAULT_RECOVERY))
		return 0;
	if (prer_touch_default(t->pool, e))
		return 0;
	prer_entries_abort();
	return -ENOMEM;
}

/* Streams that name it get new records. */
static void touch_users(const struct prer_entry *x)
{
	for (struct prer_entry *s = prer_next_user(x, 1); s; s = prer_next_user(x, s->at + 1))
		prer_entry_again(s);
}

static int compile_shared(struct cst_pool *pool, struct cst_err *e)
{
	for (struct prer_entry *x = prer_entry_touched(); x; x = x->touched) {
		bool changed;
		int rc;

		if (x->kind == PRER_STREAMS)
			continue;
		rc = prer_shared_compile(x, pool, &changed, e);
		if (rc < 0)
			return rc;
		if (changed)
			touch_users(x);
	}
	return 0;
}

static int check_again(const struct prer_entry *x, const struct prer_stream_obj *s,
		       struct cst_pool *pool, struct cst_err *e)
{
	struct prer_entry *paths[PRER_MAX_PATHS];
	int rc = prer_find_paths(s, paths, e);

	return rc == 0 ? prer_check_refs(s, paths, x->made_next.recovery, pool, e) : rc;
}

/* What is made of a stream, in three rounds, so that within a transaction names and frames may
 * change hands in any order. */
enum round { MAKE, LEAVE, CLAIM, ROUNDS };

static int compile_stream(struct prer_entry *x, enum round round, const struct cst_txn *t,
			  struct cst_err *e)
{
	struct cst_pool *pool = t->pool;
	struct prer_stream_obj obj, *s = x->next ? &obj : NULL;
	int rc = 0;

	if (s && prer_entry_read(x, false, pool, s) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory");
	switch (round) {
	case MAKE:
		/* what it refers to may have changed since it was planned, or without it */
		if (s && !t->startup)
			rc = check_again(x, s, pool, e);
		return rc == 0 && s && prer_has_tables() ? prer_made_compile(x, s, pool, e) : rc;
	case LEAVE:
		return prer_claims_leave(x, s, pool, e);
	default:
		return s ? prer_claims_make(x, s, pool, e) : 0;
	}
}

static int compile(struct cst_txn *t, struct cst_err *e)
{
	int rc = compile_shared(t->pool, e);

	for (enum round r = MAKE; rc == 0 && r < ROUNDS; r++)
		for (struct prer_entry *x = prer_entry_touched(); rc == 0 && x; x = x->touched) {
			if (x->kind != PRER_STREAMS)
				continue;
			rc = compile_stream(x, r, t, e);
			x->claims_left |= r == LEAVE;
			if (rc < 0)
				cst_err_prefix(e, "streams[%s]", x->name);
		}
	return rc;
}

/* ---- the end --------------------------------------------------------------------- */

static void commit(struct cst_txn *t)
{
	struct prer_entry *x;

	(void)t;
	for (x = prer_entry_touched(); x; x = x->touched)
		if (x->kind == PRER_STREAMS) {
			if (!x->next && x->live)
				prer_mark_forget(PRER_MARK_STREAM, x->name);
			prer_claims_commit(x);
		}
	for (x = prer_entry_touched(); x; x = x->touched) {
		if (x->kind != PRER_STREAMS)
			prer_shared_commit(x);
		else if (prer_has_tables())
			prer_made_commit(x);
		x->claims_left = false;
	}
	prer_entries_commit();
}

static void undo(struct cst_txn *t)
{
	struct prer_entry *x;

	(void)t;
	for (x = prer_entry_touched(); x; x = x->touched)
		if (x->kind == PRER_STREAMS && x->claims_left)
			prer_claims_abort(x);
	for (x = prer_entry_touched(); x; x = x->touched) {
		if (x->kind != PRER_STREAMS) {
			prer_hold_vrf(x, 0);
			if (x->shared.vrf)
				cst_vrf_hold(x->shared.vrf, 1);
			prer_shared_abort(x);
			continue;
		}
		if (x->claims_left)
			prer_claims_restore(x);
		prer_count_users(&x->made_next, -1);
		prer_count_users(&x->made, 1);
		if (prer_has_tables())
			prer_made_abort(x);
		x->claims_left = false;
	}
	prer_entries_abort();
}

struct cst_party prer_party = {
	.name = "prer", .begin = begin, .compile = compile, .commit = commit, .abort = undo};

int prer_redo(void (*touch)(void *arg), void *arg, struct cst_err *e)
{
	struct cst_txn t = {.pool = cst_pool_new(), .startup = true};
	int rc = t.pool ? begin(&t, e) : cst_err(e, -ENOMEM, NULL, "no memory");

	if (rc == 0) {
		touch(arg);
		rc = compile(&t, e);
		if (rc == 0)
			commit(&t);
		else
			undo(&t);
	}
	cst_pool_free(t.pool);
	return rc;
}
