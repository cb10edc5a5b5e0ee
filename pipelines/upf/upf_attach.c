/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_attach.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crc32c.h"
#include "engine/rcu.h"
#include "engine/worker.h"
#include "log.h"
#include "upf_books.h"
#include "upf_match.h"
#include "upf_pool_int.h"

#define AHEAD 8 /* runs lie anywhere in memory */

static uint64_t *seen;   /* bit: a run begins at this line and its sum is right */
static uint64_t *claims; /* bit: same, and no session has claimed it yet */
static uint64_t n_runs, n_cut;

static bool bit(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static const struct upf_rules *run_at(uint32_t line)
{
	return (const struct upf_rules *)((char *)upf_tables.lines + (uint64_t)line * 64);
}

static uint32_t sum_of(uint32_t line)
{
	return cst_crc32c(line, run_at(line), (size_t)run_at(line)->n_lines * 64);
}

void upf_run_seal(uint32_t line)
{
	upf_tables.sums[line] = sum_of(line);
}

/* ---- is it what it should be? --------------------------------------------------------- */

static bool is_intact(uint32_t line)
{
	const struct upf_capacity *cap = upf_books_capacity();
	const struct upf_rules *r = run_at(line);

	if (line == 0 || line >= cap->lines)
		return false;
	if (bit(seen, line))
		return true;
	if (r->n_lines < 3 || r->n_lines > UPF_MAX_RUN || r->n_lines > cap->lines - line ||
	    r->state == 0 || r->state >= cap->states || upf_tables.sums[line] != sum_of(line))
		return false;
	seen[line / 64] |= UINT64_C(1) << (line % 64);
	n_runs++;
	return true;
}

/* A session that keeps an F-TEID for later has no PDR with it: such a slot comes back with its
 * session. */
static bool has_teid(const struct upf_rules *r, uint32_t teid)
{
	const struct upf_pdr *p = (const struct upf_pdr *)(r + 1);

	for (unsigned i = 0; i < (unsigned)r->n_ul + r->n_dl; i++)
		if (p[i].teid == teid || p[i].teid == 0)
			return true;
	return false;
}

/* Workers may be more or fewer than they were. */
static uint32_t owned_anew(uint32_t ref)
{
	uint32_t line = UPF_REF_LINE(ref);

	return UPF_REF(cst_owner_of(run_at(line)->state), line);
}

static uint32_t checked(uint32_t ref, bool (*fits)(const struct upf_rules *r, const void *what),
			const void *what)
{
	if (ref == 0)
		return 0;
	if (is_intact(UPF_REF_LINE(ref)) && fits(run_at(UPF_REF_LINE(ref)), what))
		return owned_anew(ref);
	n_cut++;
	return 0;
}

/* ---- slots ------------------------------------------------------------------------------ */

static bool fits_teid(const struct upf_rules *r, const void *teid)
{
	return has_teid(r, *(const uint32_t *)teid);
}

static void check_teids(void)
{
	uint8_t bits = upf_tables.teid_tag_bits;
	uint32_t n = 1u << upf_books_capacity()->teid_bits;

	for (uint32_t i = 0; i < n; i++) {
		struct upf_teid_slot *s = &upf_tables.teids[i];
		uint32_t teid = i << bits | (s->tag & ((1u << bits) - 1));

		if (i + AHEAD < n)
			__builtin_prefetch(run_at(UPF_REF_LINE(s[AHEAD].ref)));
		if (s->ref == 0 && s->tag == 0)
			continue;
		s->ref = checked(s->ref, fits_teid, &teid);
		if (s->ref == 0)
			s->tag = 0; /* also one that was taken and never led anywhere */
	}
}

struct place {
	const struct upf_pool *pool;
	uint32_t at;
};

static bool fits_address(const struct upf_rules *r, const void *what)
{
	const struct place *pl = what;
	bool v6 = pl->pool->prefix.ip.family == 6;
	uint64_t n = upf_ue_number_of(pl->pool->prefix.ip.b, v6) +
		     (v6 ? pl->at : (uint64_t)pl->at << 32);
	uint8_t ue[8] = {0};

	memcpy(ue, v6 ? r->ue_v6 : (const uint8_t *)&r->ue_v4, v6 ? 8 : 4);
	if (!(r->flags & (v6 ? UPF_RULES_V6 : UPF_RULES_V4)))
		return false;
	return ((upf_ue_number_of(ue, v6) ^ n) & upf_ue_prefix_mask(v6 ? r->ue_v6_len : 32)) == 0;
}

static bool is_whole(const struct upf_pool *p)
{
	uint8_t unit = p->prefix.ip.family == 6 ? 64 : 32;

	return p->used && p->vrf < CST_MAX_VRFS && p->first > 0 && p->prefix.len <= unit &&
	       unit - p->prefix.len < 32 && p->count == 1u << (unit - p->prefix.len) &&
	       p->count <= upf_n_slots && p->first <= upf_n_slots + 1 - p->count;
}

/* Of two that share slots one is damaged: both would hand them out. */
static bool overlaps(const struct upf_pool *p)
{
	for (const struct upf_pool *q = upf_tables.pools + 1; q < p; q++)
		if (q->used && q->first < p->first + p->count && p->first < q->first + q->count)
			return true;
	return false;
}

static void check_pool(struct upf_pool *p)
{
	struct place pl = {.pool = p};

	if (!is_whole(p) || overlaps(p)) {
		*p = (struct upf_pool){0};
		return;
	}
	for (pl.at = 0; pl.at < p->count; pl.at++) {
		uint32_t *slot = &upf_tables.pool_slots[p->first + pl.at];

		if (*slot)
			*slot = checked(*slot, fits_address, &pl);
	}
}

/* The first pool that begins at `at` or behind it, 0: none. */
static unsigned next_pool(uint32_t at)
{
	unsigned best = 0;

	for (unsigned i = 1; i < UPF_MAX_POOLS; i++) {
		const struct upf_pool *p = &upf_tables.pools[i];

		if (p->used && p->first >= at && (!best || p->first < upf_tables.pools[best].first))
			best = i;
	}
	return best;
}

/* Slots of no pool lead nowhere. */
static void check_pools(void)
{
	uint32_t at = 1;
	unsigned i;

	for (i = 1; i < UPF_MAX_POOLS; i++)
		if (upf_tables.pools[i].used)
			check_pool(&upf_tables.pools[i]);
	while ((i = next_pool(at)) != 0) {
		const struct upf_pool *p = &upf_tables.pools[i];

		memset(upf_tables.pool_slots + at, 0, (size_t)(p->first - at) * 4);
		at = p->first + p->count;
	}
	memset(upf_tables.pool_slots + at, 0, (size_t)(upf_n_slots + 1 - at) * 4);
}

static bool fits_any(const struct upf_rules *r, const void *what)
{
	(void)r;
	(void)what;
	return true;
}

static void check_strays(void)
{
	for (uint32_t i = 0; upf_strays.used && i <= upf_strays.mask; i++) {
		struct upf_stray *s = &upf_strays.e[i];

		if (s->ref)
			s->ref = checked(s->ref, fits_any, NULL);
	}
}

static int take_lines(struct cst_err *e)
{
	uint32_t n = upf_books_capacity()->lines;

	for (uint32_t line = 1; line < n; line++) {
		if (line % 64 == 0 && seen[line / 64] == 0) {
			line += 63;
			continue;
		}
		if (bit(seen, line) && !upf_lines_take(line, run_at(line)->n_lines))
			return cst_err(e, -EBADMSG, NULL,
				       "the rules that an earlier coastd left overlap");
	}
	return 0;
}

int upf_attach_begin(struct cst_err *e)
{
	size_t words = upf_books_capacity()->lines / 64 + 1;
	int rc;

	seen = calloc(words, sizeof(*seen));
	claims = calloc(words, sizeof(*claims));
	if (!seen || !claims)
		return cst_err(e, -ENOMEM, NULL, "no memory to check what is in the arena");
	n_runs = n_cut = 0;
	check_teids();
	check_pools();
	check_strays();
	/* these are found by routes that come with their sessions */
	memset(upf_tables.framed, 0, upf_tables.n_framed * sizeof(*upf_tables.framed));
	rc = take_lines(e);
	memcpy(claims, seen, words * sizeof(*seen));
	if (n_cut)
		LOG_WARN("%llu places in the arena did not lead to rules that are intact",
			 (unsigned long long)n_cut);
	LOG_INFO("the rules of %llu sessions are gone on with", (unsigned long long)n_runs);
	return rc;
}

void upf_attach_close(void)
{
	free(seen);
	free(claims);
	seen = claims = NULL;
}

/* ---- sessions come back ------------------------------------------------------------------- */

const struct upf_rules *upf_attach_run(uint32_t line)
{
	if (!claims || line == 0 || line >= upf_books_capacity()->lines || !bit(claims, line))
		return NULL;
	return run_at(line);
}

void upf_attach_claim(uint32_t line)
{
	claims[line / 64] &= ~(UINT64_C(1) << (line % 64));
}

bool upf_attach_has_slots(unsigned pool)
{
	return claims && upf_tables.pools[pool].used;
}

void upf_attach_forget_slots(unsigned pool)
{
	struct upf_pool *p = &upf_tables.pools[pool];

	memset(upf_tables.pool_slots + p->first, 0, p->count * sizeof(*upf_tables.pool_slots));
	*p = (struct upf_pool){0};
}

/* ---- nobody's ------------------------------------------------------------------------------- */

bool upf_ref_is_live(uint32_t ref)
{
	const struct upf_session *s = ref ? upf_session_by_ref(ref) : NULL;

	return s && s->line == UPF_REF_LINE(ref);
}

static void cut_slots(void)
{
	for (uint32_t i = 0; i < 1u << upf_books_capacity()->teid_bits; i++) {
		struct upf_teid_slot *s = &upf_tables.teids[i], none = {0, 0};

		if (s->ref && !upf_ref_is_live(s->ref))
			__atomic_store(s, &none, __ATOMIC_RELEASE);
	}
	for (uint32_t i = 1; i <= upf_n_slots; i++)
		if (upf_tables.pool_slots[i] && !upf_ref_is_live(upf_tables.pool_slots[i]))
			__atomic_store_n(&upf_tables.pool_slots[i], 0, __ATOMIC_RELEASE);
}

static bool holds_stray(const struct upf_session *s, const struct upf_stray *e)
{
	uint16_t vrf = (uint16_t)(e->kind >> 8);

	for (unsigned i = 0; i < s->n_teids; i++)
		if (s->teids[i].stray && e->kind == UPF_STRAY_TEID(vrf) && s->teids[i].vrf == vrf &&
		    s->teids[i].teid == e->key)
			return true;
	for (unsigned i = 0; i < s->n_addrs; i++) {
		const struct upf_held_addr *a = &upf_addrs(s)[i];

		if (a->pool == 0 && a->vrf == vrf &&
		    e->kind == (a->v6 ? UPF_STRAY_V6(vrf) : UPF_STRAY_V4(vrf)))
			return true;
	}
	return false;
}

/* Also those of sessions that are back and hold them otherwise: there is a pool now. */
static void cut_strays(void)
{
	for (uint32_t i = 0; upf_strays.used && i <= upf_strays.mask; i++) {
		struct upf_stray *e = &upf_strays.e[i];

		if (e->kind == 0 || e->kind == UINT32_MAX)
			continue;
		if (!upf_ref_is_live(e->ref) || !holds_stray(upf_session_by_ref(e->ref), e))
			upf_stray_remove(&upf_strays, e);
	}
}

static void free_runs(void *freed, uint64_t arg)
{
	uint32_t n = upf_books_capacity()->lines;

	(void)arg;
	for (uint32_t line = 1; line < n; line++) {
		if (!bit(claims, line))
			continue;
		upf_lines_free(line, run_at(line)->n_lines);
		++*(unsigned *)freed;
	}
}

static bool any_unclaimed(void)
{
	for (uint32_t i = 0; i <= upf_books_capacity()->lines / 64; i++)
		if (claims[i])
			return true;
	return false;
}

/* A pool that has not come back: its slots are free for others. */
static void forget_pools(void)
{
	for (unsigned i = 1; i < UPF_MAX_POOLS; i++)
		if (upf_tables.pools[i].used && upf_ue_pools[i].state == UPF_POOL_FREE)
			upf_tables.pools[i] = (struct upf_pool){0};
}

unsigned upf_attach_end(void)
{
	unsigned n = 0;

	if (!claims)
		return 0;
	cut_strays();
	if (any_unclaimed()) {
		cut_slots();
		cst_rcu_defer(free_runs, &n, 0);
		cst_rcu_reclaim(true);
	}
	forget_pools();
	upf_attach_close();
	return n;
}
