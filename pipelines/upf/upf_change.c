/* SPDX-License-Identifier: BSD-3-Clause */
/* A planned change becomes live, or is undone; what it replaces is given back after the grace
 * period. */
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "upf_framed.h"
#include "upf_hook.h"
#include "upf_plan.h"
#include "upf_supersede.h"
#include "upf_work.h"

static struct upf_hook *hooks;

void upf_hook_add(struct upf_hook *h)
{
	h->next = hooks;
	hooks = h;
}

/* What the session of a replaced book is by now. Its SEID may be another one's. */
static struct upf_session *session_after(const struct upf_session *old)
{
	struct upf_session *s = old->ended ? NULL : upf_session_by_state(upf_run(old)->state);

	return s && s->seid == old->seid ? s : NULL;
}

static bool uses_counter(const struct upf_session *s, uint32_t counter)
{
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (p[i].counter == counter)
			return true;
	return false;
}

/* Where the bit of a count is kept that no rule uses any more. */
static void set_resting(struct upf_session *s, uint32_t counter, bool on)
{
	struct upf_held_state *st = upf_states(s);
	uint8_t bit = (uint8_t)(1u << (counter & 3));

	if (counter / 4 == upf_run(s)->state)
		s->resting = on ? s->resting | bit : s->resting & ~bit;
	for (unsigned i = 0; i < s->n_states; i++)
		if (st[i].line == counter / 4)
			st[i].resting = on ? st[i].resting | bit : st[i].resting & (uint8_t)~bit;
}

/* The grace period of a replaced or ended book is over. */
static void reap_counters(const struct upf_session *old)
{
	struct upf_session *s = session_after(old);
	const struct upf_pdr *p = upf_run_pdrs(old);

	for (unsigned i = 0; s && i < upf_run_n(old); i++) {
		if (uses_counter(s, p[i].counter))
			continue;
		upf_tables.counts[p[i].counter] = (struct upf_count){0};
		set_resting(s, p[i].counter, false);
	}
}

static void reap(void *ptr, uint64_t arg)
{
	struct upf_session *old = ptr;

	(void)arg;
	for (struct upf_hook *h = hooks; h; h = h->next)
		if (h->reap)
			h->reap(old, session_after(old));
	reap_counters(old);
	upf_run_each_peer(old, upf_peer_release);
	for (unsigned i = 0; i < old->n_teids; i++)
		if (old->teids[i].gone && !old->teids[i].stray)
			upf_teid_free(old->teids[i].teid);
	for (unsigned i = 0; i < old->n_addrs; i++)
		if (upf_addrs(old)[i].gone)
			upf_addr_free(&upf_addrs(old)[i]);
	for (unsigned i = 0; old->ended && i < old->n_states; i++)
		upf_state_free(upf_states(old)[i].line);
	if (old->ended)
		upf_state_free(upf_run(old)->state);
	for (unsigned i = 0; i < old->n_parts; i++)
		if (upf_parts(old)[i].gone)
			upf_part_end(upf_parts(old)[i].kind, upf_parts(old)[i].number);
	upf_lines_free(old->line, upf_run(old)->n_lines);
	free(old);
}

static void let_go(struct upf_session *old, struct upf_session *next)
{
	for (unsigned i = 0; i < old->n_teids; i++) {
		if (upf_keeps_teid(next, &old->teids[i]) || upf_teid_passed(old, &old->teids[i]))
			continue;
		old->teids[i].gone = 1;
		upf_teid_clear(&old->teids[i]);
	}
	for (unsigned i = 0; i < old->n_addrs; i++) {
		struct upf_held_addr *a = &upf_addrs(old)[i];

		if (upf_keeps_addr(next, a) || upf_addr_passed(old, a))
			continue;
		a->gone = 1;
		upf_addr_set(a, 0);
	}
	for (unsigned i = 0; i < old->n_parts; i++) {
		struct upf_held_part *p = &upf_parts(old)[i];

		p->gone = !upf_keeps_part(next, p);
		if (p->gone && p->kind == UPF_PART_FRAMED)
			upf_framed_set(p->number, 0);
	}
	upf_hold_vrfs(old, -1);
	cst_rcu_defer(reap, old, 0);
}

static void go_live(struct upf_session *s)
{
	uint32_t state = upf_run(s)->state, ref = UPF_REF(cst_owner_of(state), s->line);

	for (unsigned i = 0; i < s->n_teids; i++) {
		s->teids[i].fresh = s->teids[i].used = 0;
		upf_teid_set(&s->teids[i], ref, state);
	}
	for (unsigned i = 0; i < s->n_addrs; i++) {
		upf_addrs(s)[i].fresh = 0;
		upf_addr_set(&upf_addrs(s)[i], ref);
	}
	for (unsigned i = 0; i < s->n_states; i++)
		upf_states(s)[i].fresh = 0;
	for (unsigned i = 0; i < s->n_parts; i++) {
		struct upf_held_part *p = &upf_parts(s)[i];

		p->fresh = p->used = 0;
		if (p->kind == UPF_PART_FRAMED)
			upf_framed_set(p->number, ref);
	}
	s->planned = 0;
}

/* Counts that the old run had and the new one has not may still grow for a while. */
static void rest_counters(const struct upf_session *old, struct upf_session *next)
{
	const struct upf_pdr *p = upf_run_pdrs(old);

	next->resting = old->resting;
	for (unsigned i = 0; i < old->n_states; i++)
		upf_states(next)[i].resting = upf_states(old)[i].resting;
	for (unsigned i = 0; i < upf_run_n(old); i++)
		if (!uses_counter(next, p[i].counter))
			set_resting(next, p[i].counter, true);
}

void upf_change_commit(struct upf_change *c)
{
	for (struct upf_hook *h = hooks; h; h = h->next)
		if (h->before)
			h->before(c);
	if (c->next) {
		go_live(c->next);
		if (c->old) {
			rest_counters(c->old, c->next);
			upf_session_replace(c->next);
		}
	} else {
		c->old->ended = 1;
		upf_session_forget(c->old);
	}
	for (struct upf_hook *h = hooks; h; h = h->next)
		if (h->commit)
			h->commit(c);
	if (c->old)
		let_go(c->old, c->next);
}

void upf_change_undo(struct upf_change *c)
{
	struct upf_session *b = c->next;

	if (c->old)
		c->old->changing = 0;
	if (c->old && c->old->superseded)
		upf_supersede_undo(c->old);
	if (!b)
		return;
	upf_hold_vrfs(b, -1);
	if (b->planned)
		upf_session_forget(b);
	upf_work.old = c->old;
	upf_work.past = NULL;
	upf_work.dry = false;
	upf_work.n = 0;
	upf_run_each_peer(b, upf_peer_release);
	upf_work.n_teids = b->n_teids;
	upf_work.n_addrs = b->n_addrs;
	upf_work.n_states = b->n_states;
	upf_work.n_parts = b->n_parts;
	upf_work.state = upf_run(b)->state;
	memcpy(upf_work.teids, b->teids, b->n_teids * sizeof(*upf_work.teids));
	memcpy(upf_work.addrs, upf_addrs(b), b->n_addrs * sizeof(*upf_work.addrs));
	memcpy(upf_work.states, upf_states(b), b->n_states * sizeof(*upf_work.states));
	memcpy(upf_work.parts, upf_parts(b), b->n_parts * sizeof(*upf_work.parts));
	upf_work_undo();
	upf_lines_free(b->line, upf_run(b)->n_lines);
	free(b);
}
