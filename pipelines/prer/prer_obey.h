/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Resets that management asks for. They come with a new record of the stream, and
 * its owner worker, who alone writes the state, does them before the next packet.
 */
#pragma once

#include "prer_stream.h"

/* Asked for, and not done yet. */
static inline uint8_t prer_resets_due(const struct prer_stream *s, const struct prer_state *st)
{
	return (uint8_t)(s->recovery_epoch - st->recovery.epoch);
}

static inline uint8_t prer_gen_resets_due(const struct prer_stream *s, const struct prer_state *st)
{
	return (uint8_t)(s->generator_epoch - st->counts.generator_epoch);
}

static inline uint64_t *prer_base_ring(const struct prer_stream *s)
{
	return &prer_tables.rings[s->ring];
}

/* The ring of the individual recovery of the path at this place. */
static inline uint64_t *prer_individual_ring(const struct prer_stream *s,
					     const struct prer_params *p, unsigned path)
{
	return &prer_tables.rings[s->ring + (1 + path) * ((p->mask + 1) / 64)];
}

/* The paths' own recovery too: what a sender that begins anew sends is outside their windows, and
 * rogue packets keep these where they are. */
static inline void prer_obey_reset(const struct prer_stream *s, struct prer_state *st,
				   const struct prer_params *p)
{
	prer_reset(&st->recovery, &st->counts, prer_base_ring(s), p);
	for (unsigned i = 0; s->flags & PRER_INDIV && i < PRER_MAX_PATHS; i++)
		prer_reset(&prer_tables.individual[s->individual + i], 0,
			   prer_individual_ring(s, p, i), p);
}

/* Another path has come to this place. */
static inline void prer_obey_path(const struct prer_stream *s, const struct prer_params *p,
				  unsigned i)
{
	*prer_health_of(s->id, i) = (struct prer_health){0};
	if (s->flags & PRER_INDIV) {
		struct prer_recovery *r = &prer_tables.individual[s->individual + i];

		*r = (struct prer_recovery){0};
		prer_reset(r, 0, prer_individual_ring(s, p, i), p);
	}
}

static __attribute__((noinline, cold, unused)) void
prer_obey_recovery_slow(const struct prer_stream *s, struct prer_state *st,
			const struct prer_params *p)
{
	uint8_t steps = (uint8_t)(s->paths_epoch - st->counts.paths_epoch);
	uint8_t fresh = steps == 0 ? 0 : steps == 1 ? s->fresh : (1u << PRER_MAX_PATHS) - 1;

	if (st->recovery.epoch != s->recovery_epoch) {
		st->counts.resets += prer_resets_due(s, st) - 1u;
		prer_obey_reset(s, st, p);
	}
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		if (fresh >> i & 1)
			prer_obey_path(s, p, i);
	st->recovery.epoch = s->recovery_epoch;
	st->counts.paths_epoch = s->paths_epoch;
}

/* The owner, before recovery and before it counts for a path. */
static inline void prer_obey_recovery(const struct prer_stream *s, struct prer_state *st,
				      const struct prer_params *p)
{
	if (__builtin_expect(st->recovery.epoch != s->recovery_epoch ||
				     st->counts.paths_epoch != s->paths_epoch,
			     0))
		prer_obey_recovery_slow(s, st, p);
}

/* The owner, before it gives out a number. */
static inline void prer_obey_generator(const struct prer_stream *s, struct prer_state *st)
{
	if (__builtin_expect(st->counts.generator_epoch != s->generator_epoch, 0)) {
		st->counts.gen_resets += prer_gen_resets_due(s, st) - 1u;
		prer_generate_reset(&st->counts);
		st->counts.generator_epoch = s->generator_epoch;
	}
}
