/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Latent error detection (IEEE 802.1CB, 7.4.4): do as many copies come as are due?
 */
#include "prer_event.h"
#include "prer_watch_int.h"

static void latent_reset(struct prer_watched *w, int64_t balance, uint32_t now)
{
	w->latent_base = balance;
	w->latent_reset_ms = now;
	w->latent_told = false;
	w->latent_resets++;
}

void prer_watch_latent(uint32_t stream, const struct prer_stream *s, struct prer_watched *w,
		       uint64_t now_ms)
{
	const struct prer_state *st = &prer_tables.state[stream];
	uint32_t now = prer_watch_ms(now_ms);
	struct prer_watch_latent l;
	int64_t balance;

	if (!prer_watch_asked()->latent || (s->flags & PRER_INDIV) ||
	    !prer_watch_asked()->latent(s->recovery, &l))
		return;
	balance = prer_latent_balance(&st->recovery, &st->counts, &prer_tables.params[s->recovery],
				      s->n_paths);
	if (w->latent_ms == 0) {
		w->latent_ms = now;
		latent_reset(w, balance, now);
		return;
	}
	if (now - w->latent_ms >= l.period_ms) {
		w->latent_ms = now;
		if (prer_latent_error(w->latent_base, balance, s->n_paths, l.difference)) {
			w->latent_errors++;
			if (!w->latent_told && prer_watch_may_tell(now_ms))
				prer_event_latent(prer_watch_name(stream), balance - w->latent_base,
						  &l);
			w->latent_told = true;
		}
	}
	if (now - w->latent_reset_ms >= l.reset_period_ms)
		latent_reset(w, balance, now);
}
