/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_books.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "engine/rcu.h"
#include "log.h"
#include "poison.h"
#include "store.h"
#include "table/index.h"
#include "table/lines.h"
#include "upf_framed.h"
#include "upf_match.h"
#include "upf_refused.h"

#define SEID_BLOCK 1024u /* of SEIDs that coast chooses: so far ahead the store is told */

static struct upf_capacity cap;
static struct cst_lines *lines;
static struct cst_index *states, *teids;

/* Sessions by their first state line; the hash below says which line by SEID. Both are made for the
 * full number of sessions: no growing while sessions are installed. */
static struct upf_session **by_state;
static uint32_t *by_seid; /* state lines, 0: empty */
static uint32_t seid_mask;
static uint64_t seid_seed;
static uint32_t n_sessions;
static uint64_t last_seid;

/* ---- random bits ---------------------------------------------------------------- */

/* One system call for many TEIDs. */
static uint32_t random32(void)
{
	static uint32_t pool[64];
	static unsigned left;

	if (left == 0) {
		if (getrandom(pool, sizeof(pool), 0) != sizeof(pool))
			return 0; /* a weak tag harms nobody: the slot still holds the full TEID */
		left = 64;
	}
	return pool[--left];
}

/* ---- sessions -------------------------------------------------------------------- */

static uint32_t seid_start(uint64_t seid)
{
	uint64_t x = (seid ^ seid_seed) * 0x9e3779b97f4a7c15ull;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ull;
	return (uint32_t)(x >> 32) & seid_mask;
}

static uint32_t find_seid(uint64_t seid)
{
	uint32_t i = seid_start(seid);

	while (by_seid[i] != 0 && by_state[by_seid[i]]->seid != seid)
		i = (i + 1) & seid_mask;
	return i;
}

struct upf_session *upf_session_by_seid(uint64_t seid)
{
	uint32_t at;

	if (by_seid == NULL)
		return NULL;
	at = by_seid[find_seid(seid)];
	return at ? by_state[at] : NULL;
}

struct upf_session *upf_session_by_state(uint32_t state)
{
	return by_state != NULL && state <= cap.states ? by_state[state] : NULL;
}

struct upf_session *upf_session_by_ref(uint32_t ref)
{
	const char *line = (const char *)upf_tables.lines + (uint64_t)UPF_REF_LINE(ref) * 64;

	if (UPF_REF_LINE(ref) >= cap.lines) /* a slot that an earlier coastd left */
		return NULL;
	return ref ? upf_session_by_state(((const struct upf_rules *)line)->state) : NULL;
}

uint32_t upf_state_lines(void)
{
	return by_state != NULL ? cap.states : 0;
}

bool upf_session_add(struct upf_session *s)
{
	uint32_t state = upf_run(s)->state;

	if (n_sessions >= cap.sessions)
		return false;
	by_state[state] = s;
	by_seid[find_seid(s->seid)] = state;
	n_sessions++;
	return true;
}

void upf_session_replace(struct upf_session *s)
{
	by_state[upf_run(s)->state] = s;
}

/* What stands behind the freed place and may not reach its own any more moves up. */
static void close_gap(uint32_t gap)
{
	for (uint32_t i = (gap + 1) & seid_mask; by_seid[i] != 0; i = (i + 1) & seid_mask) {
		uint32_t home = seid_start(by_state[by_seid[i]]->seid);

		if (((i - home) & seid_mask) >= ((i - gap) & seid_mask)) {
			by_seid[gap] = by_seid[i];
			gap = i;
		}
	}
	by_seid[gap] = 0;
}

void upf_session_forget(struct upf_session *s)
{
	uint32_t at = find_seid(s->seid);
	uint32_t state = by_seid[at];

	close_gap(at);
	by_state[state] = NULL;
	n_sessions--;
}

/* A number that was given out is not given to another session after a restart: what is said of the
 * first one would be taken for the second's. */
static void keep_ahead(void)
{
	uint32_t block = (uint32_t)(last_seid / SEID_BLOCK) + 1;

	if (cst_store_number("session", "seid_block") != block)
		cst_store_set_number("session", "seid_block", block);
}

uint64_t upf_session_new_seid(void)
{
	do {
		if (++last_seid == 0)
			last_seid = 1;
	} while (upf_session_by_seid(last_seid) != NULL || upf_refused_has(last_seid));
	keep_ahead();
	return last_seid;
}

int upf_session_unpack(const struct upf_session *s, struct cst_pool *p, struct upf_session_obj *out,
		       struct cst_err *e)
{
	int rc = cst_unpack(&upf_session_object, upf_intent(s), s->intent_len, p, out);

	if (rc < 0)
		return cst_err(e, rc, NULL, "session %llu: %s", (unsigned long long)s->seid,
			       rc == -ENOMEM ? "the request needs too much memory"
					     : "its kept form is damaged");
	return 0;
}

const struct upf_session_obj *upf_session_decoded(const struct upf_session *s)
{
	static struct cst_pool *pool;
	static struct upf_session_obj o;
	struct cst_err e = {0};

	if (!pool)
		pool = cst_pool_new();
	cst_pool_reset(pool);
	if (!s)
		return NULL;
	if (upf_session_unpack(s, pool, &o, &e) == 0)
		return &o;
	LOG_ERR("%s", e.reason);
	return NULL;
}

/* ---- what a run holds ---------------------------------------------------------------- */

static const struct upf_pdr *next_of_policy(struct upf_walk *w, const struct upf_pdr *pdr)
{
	const struct upf_rules *r = upf_run(w->s);
	const struct upf_policy *p = upf_line(r, pdr->policy);
	unsigned i = w->at - 1;

	if (!(pdr->flags & UPF_PDR_POLICY))
		return NULL;
	w->second = p->second && i == p->n_copies;
	w->copy = i < p->n_copies || w->second;
	if (w->copy)
		return (const struct upf_pdr *)upf_line(r, p->copies) + i;
	return i == (unsigned)p->n_copies + p->second && p->spent ? upf_line(r, p->spent) : NULL;
}

const struct upf_pdr *upf_walk_next(struct upf_walk *w)
{
	while (w->s && w->pdr < upf_run_n(w->s)) {
		const struct upf_pdr *pdr = upf_run_pdrs(w->s) + w->pdr;
		const struct upf_pdr *rec = w->at ? next_of_policy(w, pdr) : pdr;

		w->at++;
		if (rec)
			return rec;
		w->pdr++;
		w->at = 0;
		w->copy = w->second = false;
	}
	return NULL;
}

void upf_run_each_peer(const struct upf_session *s, void (*fn)(uint32_t peer))
{
	struct upf_walk w = {.s = s};
	const struct upf_pdr *rec;

	while ((rec = upf_walk_next(&w)) != NULL)
		if (rec->peer)
			fn(rec->peer);
}

/* ---- lines, states, TEIDs ------------------------------------------------------------ */

static char *line_at(uint32_t line)
{
	return (char *)upf_tables.lines + (size_t)line * 64;
}

uint32_t upf_lines_alloc(uint32_t n)
{
	uint32_t first = cst_lines_alloc(lines, n);

	if (first == 0) {
		cst_rcu_reclaim(true);
		first = cst_lines_alloc(lines, n);
	}
	if (first)
		cst_unpoison(line_at(first), (size_t)n * 64);
	return first;
}

void upf_lines_free(uint32_t first, uint32_t n)
{
	cst_poison(line_at(first), (size_t)n * 64);
	cst_lines_free(lines, first, n);
}

bool upf_lines_take(uint32_t first, uint32_t n)
{
	return cst_lines_take(lines, first, n);
}

static uint32_t index_alloc(struct cst_index *x)
{
	uint32_t i = cst_index_alloc(x);

	if (i == 0) {
		cst_rcu_reclaim(true);
		i = cst_index_alloc(x);
	}
	return i;
}

uint32_t upf_state_alloc(void)
{
	uint32_t line = index_alloc(states);

	if (line)
		cst_unpoison(&upf_tables.counts[(uint64_t)line * 4], 64);
	if (line)
		memset(&upf_tables.counts[(uint64_t)line * 4], 0, 4 * sizeof(struct upf_count));
	return line;
}

bool upf_state_claim(uint32_t line)
{
	if (!cst_index_take(states, line))
		return false;
	cst_unpoison(&upf_tables.counts[(uint64_t)line * 4], 64);
	return true;
}

void upf_state_free(uint32_t line)
{
	cst_poison(&upf_tables.counts[(uint64_t)line * 4], 64);
	cst_index_free(states, line);
}

/* The direct index is looked at first and does not ask for the network instance. */
static bool is_stray_anywhere(uint32_t teid)
{
	if (upf_strays.used == 0)
		return false;
	for (uint16_t vrf = 1; vrf < CST_MAX_VRFS; vrf++) {
		const char *name = cst_vrf_name(vrf);

		if (name && *name && upf_stray_get(&upf_strays, UPF_STRAY_TEID(vrf), teid))
			return true;
	}
	return false;
}

uint32_t upf_teid_alloc(void)
{
	uint32_t mask = (1u << upf_tables.teid_tag_bits) - 1;

	/* A control plane may have chosen many or all TEIDs of one slot: then another slot. */
	for (unsigned slots = 0; slots < 256; slots++) {
		uint32_t index = index_alloc(teids);

		if (index == 0)
			return 0;
		for (unsigned tags = 0; tags < 8; tags++) {
			uint32_t teid = index << upf_tables.teid_tag_bits | (random32() & mask);

			if (!is_stray_anywhere(teid))
				return teid;
		}
		cst_index_free(teids, index); /* goes to the end of the queue */
	}
	return 0;
}

bool upf_teid_claim(uint32_t teid)
{
	return cst_index_take(teids, teid >> upf_tables.teid_tag_bits);
}

void upf_teid_free(uint32_t teid)
{
	cst_index_free(teids, teid >> upf_tables.teid_tag_bits);
}

const struct upf_capacity *upf_books_capacity(void)
{
	return &cap;
}

/* ---- opening and closing -------------------------------------------------------------- */

int upf_books_open(const struct upf_capacity *c, struct cst_err *e)
{
	uint32_t size = 64;

	cap = *c;
	while (size < c->sessions + c->sessions / 3)
		size *= 2;
	seid_mask = size - 1;
	lines = cst_lines_new(upf_tables.lines, c->lines - 1);
	states = cst_index_new(c->states - 1);
	teids = cst_index_new((1u << c->teid_bits) - 1);
	by_state = calloc(c->states + (size_t)1, sizeof(*by_state));
	by_seid = calloc(size, sizeof(*by_seid));
	if (getrandom(&seid_seed, sizeof(seid_seed), 0) != sizeof(seid_seed))
		seid_seed = 0;
	if (!lines || !states || !teids || !by_state || !by_seid ||
	    upf_parts_open(c->parts, e) < 0) {
		upf_books_close();
		return cst_err(e, -ENOMEM, "system.max_sessions", "no memory for %u sessions",
			       c->sessions);
	}
	last_seid = (uint64_t)cst_store_number("session", "seid_block") * SEID_BLOCK;
	upf_pools_open(c->slots);
	if (upf_peers_open(e) < 0 || upf_framed_open(c->parts[UPF_PART_FRAMED], e) < 0) {
		upf_books_close();
		return -ENOMEM;
	}
	return 0;
}

void upf_books_close(void)
{
	cst_rcu_reclaim(true);
	for (uint32_t i = 0; by_state != NULL && i <= cap.states; i++)
		free(by_state[i]);
	free(by_state);
	free(by_seid);
	by_state = NULL;
	by_seid = NULL;
	if (lines)
		cst_unpoison(upf_tables.lines, (size_t)cap.lines * 64);
	if (lines)
		cst_lines_free_all(lines);
	if (states)
		cst_unpoison(upf_tables.counts, (size_t)cap.states * 64);
	if (states)
		cst_index_destroy(states);
	if (teids)
		cst_index_destroy(teids);
	lines = NULL;
	states = teids = NULL;
	n_sessions = 0;
	last_seid = 0;
	upf_refused_close();
	upf_parts_close();
	upf_framed_close();
	upf_peers_close();
	upf_pools_close();
}

void upf_inventory(struct upf_inventory *u)
{
	*u = (struct upf_inventory){.sessions = n_sessions,
				    .lines = cst_lines_used(lines),
				    .states = cst_index_used(states),
				    .teids = cst_index_used(teids),
				    .strays = upf_strays.used,
				    .peers = upf_peers_used()};
	for (int k = 0; k < UPF_PARTS; k++)
		u->parts[k] = upf_parts_used(k);
	upf_pools_inventory(u);
}
