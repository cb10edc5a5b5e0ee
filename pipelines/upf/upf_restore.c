/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions come back from the store. Each is planned and compiled anew, as a put
 * would be, with what it had: where its rules are still in the arena and say the
 * same they are gone on with, else they are made anew; so the store is what
 * counts, and a change that was on its way when coastd died is either done or
 * not. Packets go by what is in the arena meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "be.h"
#include "journal.h"
#include "log.h"
#include "module.h"
#include "now.h"
#include "object/txn.h"
#include "rpc/rpc.h"
#include "store.h"
#include "table/arena.h"
#include "upf_attach.h"
#include "upf_ctl.h"
#include "upf_eth_group.h"
#include "upf_kept.h"
#include "upf_refused.h"
#include "upf_restore.h"
#include "upf_urr.h"
#include "upf_work.h"

#define AT_ONCE   256 /* sessions in one transaction */
#define TOLD      8   /* sessions that do not come back and are named in the log */
#define TELL_EACH 100000

static struct upf_restored last;

struct value {
	uint64_t seid;
	const void *val;
	size_t len;
};

struct waiting {
	struct waiting *next;
	uint64_t seid;
	size_t len;
	char bytes[];
};

struct batch {
	struct cst_pool *pool;
	struct value v[AT_ONCE];
	unsigned n;
	struct waiting *waiting; /* until all others are back */
	bool final;              /* they are */
	struct cst_err *e;
};

static void refuse(uint64_t seid, const struct cst_err *e)
{
	if (last.refused++ < TOLD)
		LOG_ERR("session %llu stays in the store, but cannot come back: %s%s%s",
			(unsigned long long)seid, e->field, e->field[0] ? ": " : "", e->reason);
}

static bool is_its_run(struct upf_past *past, uint32_t line)
{
	const struct upf_rules *r = upf_attach_run(line);

	if (!r || r->seid != past->book->seid || r->state != past->state)
		return false;
	past->run = r;
	past->line = line;
	return true;
}

/* Where the store says; else, as it could not be told of the last change, where a tunnel leads. */
static void find_run(struct upf_past *past)
{
	const struct upf_held_teid *t = past->book->teids;

	if (is_its_run(past, past->book->line))
		return;
	for (unsigned i = 0; i < past->book->n_teids; i++)
		if (t[i].teid >> upf_tables.teid_tag_bits &&
		    is_its_run(past, UPF_REF_LINE(upf_find_teid(t[i].vrf, t[i].teid))))
			return;
}

static int plan(struct cst_txn_run *run, const struct upf_session_obj *s,
		const struct upf_back *back, struct cst_err *e)
{
	int rc;

	upf_ctl_back = back;
	rc = cst_txn_plan(run, &upf_session_class, CST_OP_PUT, s, e);
	upf_ctl_back = NULL;
	return rc;
}

/* 0: planned; -EAGAIN: it needs something new, which others may have had. */
static int bring_back(struct cst_txn_run *run, const struct value *v, bool final, struct cst_err *e)
{
	struct upf_session_obj *s = cst_pool_alloc(run->txn.pool, sizeof(*s));
	struct upf_session *book = NULL;
	struct upf_back back = {
		.val = v->val, .len = v->len, .past = {.anew = !last.attached, .last = final}};
	int rc = s ? upf_kept_read(v->val, v->len, run->txn.pool, &book, &back.past.state, s)
		   : -ENOMEM;

	if (rc < 0) {
		cst_err(e, rc, NULL, "%s",
			rc == -EBADMSG           ? "what is kept of it is damaged"
			: rc == -EPROTONOSUPPORT ? "it was written by a newer coastd"
						 : "no memory");
	} else {
		back.past.book = book;
		find_run(&back.past);
		rc = plan(run, s, &back, e);
		if (rc == -EEXIST && last.attached) { /* the store was behind */
			back.past.run = NULL;
			back.past.lost = true;
			rc = plan(run, s, &back, e);
		}
	}
	if (rc < 0 && rc != -EAGAIN) {
		refuse(v->seid, e);
		if (book)
			upf_refused_keep(book);
	}
	return rc;
}

/* Those that have to wait outlive the walk. */
static void postpone(struct batch *b, const struct value *v)
{
	struct waiting *w = malloc(sizeof(*w) + v->len);

	if (!w) {
		refuse(v->seid, &(struct cst_err){.reason = "no memory"});
		return;
	}
	memcpy(w->bytes, v->val, v->len);
	w->seid = v->seid;
	w->len = v->len;
	w->next = b->waiting;
	b->waiting = w;
}

static int apply(struct batch *b)
{
	struct cst_txn_run run;
	int rc;

	cst_txn_open(&run, b->pool);
	run.txn.startup = true;
	for (unsigned i = 0; i < b->n; i++) {
		struct cst_err why = {0};

		rc = bring_back(&run, &b->v[i], b->final, &why);
		if (rc == -EAGAIN)
			postpone(b, &b->v[i]);
		if (rc == 0 && ++last.sessions % TELL_EACH == 0)
			LOG_INFO("%llu sessions are back", (unsigned long long)last.sessions);
	}
	rc = cst_txn_prepare(&run, b->e);
	if (rc < 0)
		cst_txn_abort(&run);
	else
		cst_txn_commit(&run);
	b->n = 0;
	cst_pool_reset(b->pool);
	return rc;
}

static int add(struct batch *b, uint64_t seid, const void *val, size_t len)
{
	b->v[b->n++] = (struct value){seid, val, len};
	return b->n == AT_ONCE ? apply(b) : 0;
}

static int collect(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	return add(arg, klen == 8 ? cst_be64(key) : 0, val, vlen);
}

static int bring_waiting(struct batch *b)
{
	struct waiting *all = b->waiting, *next;
	int rc = 0;

	b->waiting = NULL;
	b->final = true;
	for (struct waiting *w = all; w && rc == 0; w = w->next)
		rc = add(b, w->seid, w->bytes, w->len);
	if (rc == 0 && b->n > 0)
		rc = apply(b);
	for (struct waiting *w = all; w; w = next) {
		next = w->next;
		free(w);
	}
	return rc;
}

static int bring_all(struct cst_err *e)
{
	struct batch b = {.pool = cst_pool_new(), .e = e};
	int rc;

	if (!b.pool)
		return cst_err(e, -ENOMEM, NULL, "no memory");
	rc = cst_store_each(CST_DB_SESSION, NULL, 0, collect, &b);
	if (rc == 0 && b.n > 0)
		rc = apply(&b);
	upf_urr_hold_orphans();
	if (rc == 0)
		rc = bring_waiting(&b);
	cst_pool_free(b.pool);
	if (rc < 0 && e->code == 0)
		cst_err(e, rc, NULL, "the sessions of the store cannot be read");
	return rc;
}

static int resume(struct cst_err *e)
{
	struct cst_arena_info arena;
	uint64_t start = cst_now_us();
	int rc;

	cst_arena_info(&arena);
	last = (struct upf_restored){.attached = arena.attached};
	upf_urr_redo();
	rc = bring_all(e);
	if (rc < 0)
		return rc;
	upf_eth_settle();
	last.orphans = upf_attach_end();
	upf_peers_settle();
	last.reports = upf_urr_end_orphans();
	last.us = cst_now_us() - start;
	if (last.sessions || last.refused || last.orphans)
		LOG_NOTICE("%llu sessions came back from the store in %llu ms: %llu went on with "
			   "their rules, %llu got new ones; %u could not; %u rules were nobody's",
			   (unsigned long long)last.sessions, (unsigned long long)last.us / 1000,
			   (unsigned long long)last.adopted,
			   (unsigned long long)(last.sessions - last.adopted), last.refused,
			   last.orphans);
	return 0;
}

void upf_restored(struct upf_restored *out)
{
	*out = last;
}

void upf_restore_adopted(void)
{
	last.adopted++;
}

static struct cst_module module = {.name = "upf.restore", .order = 40, .resume = resume};
CST_MODULE(module);
