/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Numbers given out do not go back, also where the tables are lost: the store
 * has for each sending stream a number that it has not reached yet, and there it
 * begins then. The control thread moves that mark on, long before the stream is
 * there; an orderly stop leaves the number itself.
 */
#include "engine/rcu.h"
#include "module.h"
#include "prer_ctl.h"
#include "store.h"

#define SPACE    "stream.sequence"
#define PER_TICK 4096  /* streams looked at */
#define AHEAD_MS 30000 /* of numbers */
#define MARGIN   256   /* numbers, at least */

/* What the store has for it is one more, so that 0 is none. */
static void set_mark(const char *name, uint32_t more)
{
	if (cst_store_number(SPACE, name) != more)
		cst_store_set_number(SPACE, name, more);
}

uint32_t prer_resume_at(const char *name)
{
	uint32_t mark = cst_store_number(SPACE, name);

	return mark ? mark - 1 : 0;
}

static const struct prer_stream *sending(const struct prer_entry *x)
{
	const struct prer_stream *rec =
		x->made.line ? cst_line(prer_tables.lines, x->made.line) : NULL;

	return rec && (rec->flags & PRER_SEND) && rec->bits ? rec : NULL;
}

void prer_resume_forget(const char *name)
{
	set_mark(name, 0);
}

static void note(const struct prer_entry *x)
{
	const struct prer_stream *rec = prer_has_tables() ? sending(x) : NULL;

	if (rec && prer_tables.state[rec->id].counts.generated)
		set_mark(x->name, prer_tables.state[rec->id].counts.gen_seq + 1);
}

/* What half a minute takes, as things went since the last mark; at most a quarter of the numbers
 * there are, so that what is ahead can be told from what is behind. */
static uint32_t ahead(const struct prer_entry *x, uint64_t given, unsigned bits, uint64_t now_ms)
{
	uint64_t ms = now_ms - x->marked_ms, most = 1u << (bits - 2);
	uint64_t want = x->marked_ms && ms ? given * AHEAD_MS / ms : 0;

	if (want < MARGIN)
		want = MARGIN;
	return (uint32_t)(want < most ? want : most);
}

/* More than half of what the mark was ahead by is used up: the next. */
static void move_mark(struct prer_entry *x, const struct prer_stream *rec, uint64_t now_ms)
{
	const struct prer_counts *c = &prer_tables.state[rec->id].counts;
	uint32_t mask = (1u << rec->bits) - 1, seq = c->gen_seq;
	uint32_t left = (prer_resume_at(x->name) - seq) & mask;
	uint64_t given = c->generated - x->marked;

	if (c->generated == 0 || (given < left && left <= 1u << (rec->bits - 2)))
		return;
	set_mark(x->name, ((seq + ahead(x, given, rec->bits, now_ms)) & mask) + 1);
	x->marked = c->generated;
	x->marked_ms = now_ms;
}

static void tick(uint64_t now_ms)
{
	static uint32_t at;

	for (unsigned i = 0; i < PER_TICK; i++) {
		struct prer_entry *x = prer_entry_from(PRER_STREAMS, at + 1);
		const struct prer_stream *rec = x ? sending(x) : NULL;

		at = x ? x->at : 0;
		if (rec)
			move_mark(x, rec, now_ms);
		if (!x)
			break;
	}
}

/* Workers have stopped: this is where they ended. */
static void stop(void)
{
	cst_rcu_reclaim(true);
	for (struct prer_entry *x = prer_entry_from(PRER_STREAMS, 1); x;
	     x = prer_entry_from(PRER_STREAMS, x->at + 1))
		note(x);
	cst_store_write(NULL);
	prer_claims_fini();
	prer_entries_fini();
}

struct cst_module prer_resume_module = {
	.name = "prer.resume", .order = 32, .tick = tick, .stop = stop};
CST_MODULE(prer_resume_module);
