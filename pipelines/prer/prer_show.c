/* SPDX-License-Identifier: BSD-3-Clause */
/* Recoveries, paths and streams as replies show them: as configured, and what has become of them.
 */
#include <errno.h>
#include <string.h>

#include "engine/worker.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_obey.h"
#include "prer_probe.h"
#include "prer_reorder.h"
#include "prer_watch.h"

static const struct prer_stream *record_of(const struct prer_entry *x)
{
	return x->made.line ? cst_line(prer_tables.lines, x->made.line) : NULL;
}

const char *prer_name_of(uint32_t stream)
{
	const struct prer_entry *x = prer_entry_numbered(PRER_STREAMS, stream);

	for (struct prer_entry *n = prer_entry_from(PRER_STREAMS, 1); !x && n;
	     n = prer_entry_from(PRER_STREAMS, n->at + 1))
		if (n->number == stream || (n->number == 0 && n->at == stream))
			x = n;
	return x ? x->name : "?";
}

/* ---- recovery, path ------------------------------------------------------------------------ */

static void show_recovery(const struct prer_entry *x, struct prer_recovery_obj *r,
			  struct prer_found *found)
{
	struct prer_params p;

	if (prer_params_record(r, &p, found, NULL) < 0)
		return;
	r->has |= 1ull << RECOVERY_STATE;
	r->state = (struct prer_recovery_state){
		.has = 7u | (found->explained[0] ? 8u : 0),
		.history_length = p.algorithm == PRER_MATCH ? 1 : p.history,
		.reset_ms = found->reset_ms,
		.streams = x->users,
		.explained = found->explained,
	};
}

static void show_probe(const struct prer_probe_facts *f, struct prer_path_state *s)
{
	if (f->state == PRER_PROBE_OFF)
		return;
	s->has |= 16;
	s->probe = (struct prer_probe_obj_state){
		.has = 15u | (f->answered ? 48u : 0),
		.status = (uint8_t)(f->state - PRER_PROBE_UNKNOWN),
		.sent = f->sent,
		.answered = f->answered,
		.silent = f->silent,
		.rtt_us = f->rtt_us,
		.rtt_mean_us = f->rtt_mean_us,
	};
}

static void show_path(const struct prer_entry *x, struct prer_path_obj *p)
{
	struct prer_probe_facts probe;
	struct prer_watch_path_figures f;
	enum prer_watch_why cause = prer_path_cause(p, x->shared.at);
	enum prer_watch_why why;

	prer_probe_facts(x->shared.at, &probe);
	prer_watch_get_path(x->at, &f);
	why = cause != PRER_WHY_NONE ? cause : f.state.why;
	p->has |= 1ull << PATH_STATE;
	p->state = (struct prer_path_state){
		.has = 7u | (why != PRER_WHY_NONE ? 8u : 0),
		.status = cause != PRER_WHY_NONE ? PRER_DOWN : f.state.mood,
		.number = x->at,
		.streams = x->users,
		.reason = prer_watch_why_text(why),
	};
	show_probe(&probe, &p->state);
}

/* ---- stream ---------------------------------------------------------------------- */

const struct prer_health *prer_health_at(const struct prer_stream *rec, unsigned place)
{
	static const struct prer_health none;
	const struct prer_counts *c = &prer_tables.state[rec->id].counts;

	/* the worker clears it with the next packet (prer_obey.h) */
	if (c->paths_epoch != rec->paths_epoch && rec->fresh >> place & 1)
		return &none;
	return prer_health_of(rec->id, place);
}

/* What ended there is none of the stream's own recovery. */
static void show_individual(const struct prer_stream *rec, unsigned place,
			    struct prer_member_state *out)
{
	const struct prer_recovery *r = &prer_tables.individual[rec->individual + place];
	const struct prer_state *st = &prer_tables.state[rec->id];

	out->has |= 16 | 32 | 64;
	if (st->counts.paths_epoch != rec->paths_epoch && rec->fresh >> place & 1)
		return;
	out->passed = r->passed;
	out->discarded = r->discarded;
	out->rogue = r->rogue;
}

static unsigned show_members(const struct prer_entry *x, const struct prer_stream *rec,
			     struct prer_member_state *out)
{
	unsigned n = 0;

	for (unsigned i = 0; i < PRER_MAX_PATHS; i++) {
		const struct prer_health *h = prer_health_at(rec, i);

		if (!x->made.path[i])
			continue;
		out[n] = (struct prer_member_state){
			.has = 15,
			.path = x->made.path[i]->name,
			.seen = h->seen,
			.first = h->first,
			.out_of_order = h->out_of_order,
		};
		if (rec->flags & PRER_INDIV)
			show_individual(rec, i, &out[n]);
		n++;
	}
	return n;
}

#define BIT(f) (1ull << STREAM_STATE_##f)

static void show_sending(const struct prer_stream *rec, struct prer_stream_state *s)
{
	const struct prer_state *st = &prer_tables.state[rec->id];
	const struct prer_counts *c = &st->counts;
	unsigned due = prer_gen_resets_due(rec, st);

	s->has |= BIT(NEXT) | BIT(GENERATED) | BIT(ENCODE_ERRORED) | BIT(GEN_RESETS);
	s->next_sequence = due ? 0 : c->gen_seq;
	s->generated = c->generated;
	s->encode_errored = c->encode_errored;
	s->generator_resets = prer_gen_resets(c) + due;
}

static void show_order(const struct prer_stream *rec, struct prer_stream_state *s)
{
	struct prer_order c;

	if (!(rec->flags & PRER_ORDER) || !prer_queue_look(rec->order_queue, &c))
		return;
	s->has |= BIT(ORDER);
	s->order = (struct prer_order_state){
		.has = 31,
		.waiting = c.n,
		.waited = c.held,
		.late = c.late,
		.expired = c.expired,
		.overflow = c.overflow,
	};
}

static void show_receiving(const struct prer_stream *rec, struct prer_stream_state *s)
{
	const struct prer_state *st = &prer_tables.state[rec->id];
	const struct prer_params *p = &prer_tables.params[rec->recovery];
	struct prer_watch_figures f;

	for (int i = STREAM_STATE_PASSED; i <= STREAM_STATE_HISTORY; i++)
		s->has |= 1ull << i;
	s->passed = st->recovery.passed;
	s->discarded = st->recovery.discarded;
	s->rogue = st->recovery.rogue;
	s->out_of_order = st->recovery.out_of_order;
	s->lost = st->counts.lost;
	s->lost_guarded = st->counts.lost_guarded;
	s->tagless = st->counts.tagless;
	s->resets = prer_resets(&st->counts) + prer_resets_due(rec, st);
	s->history_length = p->algorithm == PRER_MATCH ? 1 : p->history;
	prer_watch_get(rec->id, &f);
	s->latent_error_resets = f.latent_resets;
	show_order(rec, s);
}

static void show_stream(const struct prer_entry *x, struct prer_stream_obj *s,
			struct prer_member_state *members)
{
	const struct prer_stream *rec = record_of(x);
	struct prer_stream_state *st = &s->state;

	if (!rec)
		return;
	s->has |= 1ull << STREAM_STATE;
	*st = (struct prer_stream_state){
		.has = BIT(DIRECTION) | BIT(NUMBER) | BIT(WORKER) | BIT(PATHS),
		.direction = (uint8_t)((rec->flags & PRER_SEND ? 1 : 0) |
				       (rec->flags & PRER_RECEIVE ? 2 : 0)),
		.number = rec->id,
		.worker = cst_owner_of(rec->id),
		.paths = {.items = members},
	};
	if (rec->flags & PRER_SEND)
		show_sending(rec, st);
	if (!(rec->flags & PRER_RECEIVE))
		return;
	show_receiving(rec, st);
	st->paths.n = show_members(x, rec, members);
}

/* ---- replies --------------------------------------------------------------------- */

static json_t *item(const struct prer_entry *x, bool config, struct cst_pool *pool)
{
	union {
		struct prer_recovery_obj recovery;
		struct prer_path_obj path;
		struct prer_stream_obj stream;
	} o = {0};
	struct prer_member_state members[PRER_MAX_PATHS];
	struct prer_found found;

	if (prer_entry_read(x, true, pool, &o) < 0)
		return NULL;
	if (!config && prer_has_tables()) {
		if (x->kind == PRER_RECOVERIES)
			show_recovery(x, &o.recovery, &found);
		else if (x->kind == PRER_PATHWAYS)
			show_path(x, &o.path);
		else
			show_stream(x, &o.stream, members);
	}
	return cst_encode(prer_object_of(x->kind), &o);
}

int prer_show_get(enum prer_kind kind, const char *name, json_t **out, struct cst_err *e)
{
	const struct prer_entry *x = prer_entry_live(kind, name);
	struct cst_pool *pool;

	if (!x)
		return cst_err(e, -ENOENT, "name", "there is no %s '%s'",
			       prer_object_of(kind)->name, name);
	pool = cst_pool_new();
	*out = pool ? item(x, false, pool) : NULL;
	cst_pool_free(pool);
	return *out ? 0 : cst_err(e, -ENOMEM, NULL, "no memory");
}

int prer_show_list(enum prer_kind kind, struct cst_page *page)
{
	struct cst_pool *pool = cst_pool_new();
	struct prer_entry *x = prer_entry_from(kind, (uint32_t)page->cursor);

	page->cursor = 0;
	for (; pool && x; x = prer_entry_from(kind, x->at + 1)) {
		json_t *js;

		if (!x->live || (page->config && !x->put))
			continue;
		if (json_array_size(page->items) == page->limit) {
			page->cursor = x->at;
			break;
		}
		js = item(x, page->config, pool);
		cst_pool_reset(pool);
		if (js && cst_page_wants(page, js))
			json_array_append(page->items, js);
		json_decref(js);
	}
	cst_pool_free(pool);
	return pool ? 0 : -ENOMEM;
}
