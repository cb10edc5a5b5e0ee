/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_mark.h"

#include "store.h"

#define AHEAD_MS 30000 /* of numbers */
#define MARGIN   256   /* numbers, at least */

/* What the store has for it is one more, so that 0 is none. */
static void set_mark(const char *space, const char *name, uint32_t more)
{
	if (cst_store_number(space, name) != more)
		cst_store_set_number(space, name, more);
}

uint32_t prer_mark_at(const char *space, const char *name)
{
	uint32_t mark = cst_store_number(space, name);

	return mark ? mark - 1 : 0;
}

void prer_mark_forget(const char *space, const char *name)
{
	set_mark(space, name, 0);
}

void prer_mark_end(const char *space, const char *name, const struct prer_counts *c)
{
	if (c->generated)
		set_mark(space, name, c->gen_seq + 1);
}

/* What half a minute takes, as things went since the last mark; at most a quarter of the numbers
 * there are, so that what is ahead can be told from what is behind. */
static uint32_t ahead(const struct prer_mark *m, uint64_t given, unsigned bits, uint64_t now_ms)
{
	uint64_t ms = now_ms - m->ms, most = 1u << (bits - 2);
	uint64_t want = m->ms && ms ? given * AHEAD_MS / ms : 0;

	if (want < MARGIN)
		want = MARGIN;
	return (uint32_t)(want < most ? want : most);
}

/* More than half of what the mark was ahead by is used up: the next. */
void prer_mark_move(struct prer_mark *m, const char *space, const char *name,
		    const struct prer_counts *c, unsigned bits, uint64_t now_ms)
{
	uint32_t mask = (1u << bits) - 1, seq = c->gen_seq;
	uint32_t left = (prer_mark_at(space, name) - seq) & mask;
	uint64_t given = c->generated - m->given;

	if (c->generated == 0 || (given < left && left <= 1u << (bits - 2)))
		return;
	set_mark(space, name, ((seq + ahead(m, given, bits, now_ms)) & mask) + 1);
	m->given = c->generated;
	m->ms = now_ms;
}
