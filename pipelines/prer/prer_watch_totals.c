/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums over all streams, added up as they are visited, shown when a round is over. */
#include "prer_watch_int.h"

#define N (sizeof(struct prer_watch_totals) / sizeof(uint64_t))

static union totals {
	struct prer_watch_totals t;
	uint64_t v[N];
} now, last;

static uint64_t get(const uint64_t *v)
{
	return __atomic_load_n(v, __ATOMIC_RELAXED);
}

void prer_watch_total(const struct prer_state *s)
{
	now.t.streams++;
	now.t.generated += get(&s->counts.generated);
	now.t.encode_errored += get(&s->counts.encode_errored);
	now.t.passed += get(&s->recovery.passed);
	now.t.discarded += get(&s->recovery.discarded);
	now.t.rogue += get(&s->recovery.rogue);
	now.t.out_of_order += get(&s->recovery.out_of_order);
	now.t.lost += get(&s->counts.lost);
	now.t.lost_guarded += get(&s->counts.lost_guarded);
	now.t.tagless += get(&s->counts.tagless);
}

void prer_watch_total_watched(const struct prer_watched *w)
{
	now.t.active += w->last.passed + w->last.rogue != 0;
	now.t.too_small += w->history.mood == PRER_DEGRADED;
	now.t.stuck += w->history.mood == PRER_DOWN;
}

void prer_watch_total_round(void)
{
	prer_watch_path_count(now.t.paths);
	for (unsigned i = 0; i < N; i++)
		__atomic_store_n(&last.v[i], now.v[i], __ATOMIC_RELAXED);
	now = (union totals){.v = {0}};
}

void prer_watch_get_totals(struct prer_watch_totals *out)
{
	union totals t;

	for (unsigned i = 0; i < N; i++)
		t.v[i] = get(&last.v[i]);
	*out = t.t;
}
