/* SPDX-License-Identifier: BSD-3-Clause */
/* The marks of streams (prer_mark.h). */
#include "engine/rcu.h"
#include "module.h"
#include "prer_ctl.h"
#include "store.h"

static const struct prer_stream *sending(const struct prer_entry *x)
{
	const struct prer_stream *rec =
		x->made.line ? cst_line(prer_tables.lines, x->made.line) : NULL;

	return rec && (rec->flags & PRER_SEND) && rec->bits ? rec : NULL;
}

static void note(const struct prer_entry *x)
{
	const struct prer_stream *rec = prer_has_tables() ? sending(x) : NULL;

	if (rec)
		prer_mark_end(PRER_MARK_STREAM, x->name, &prer_tables.state[rec->id].counts);
}

static void tick(uint64_t now_ms)
{
	static uint32_t at;

	for (uint32_t n = prer_mark_turn(prer_tables.streams); n > 0; n--) {
		struct prer_entry *x = prer_entry_from(PRER_STREAMS, at + 1);
		const struct prer_stream *rec = x ? sending(x) : NULL;

		at = x ? x->at : 0;
		if (rec)
			prer_mark_move(&x->mark, PRER_MARK_STREAM, x->name,
				       &prer_tables.state[rec->id].counts, rec->bits, now_ms);
		if (!x)
			break;
	}
}

/* Workers have stopped. */
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
