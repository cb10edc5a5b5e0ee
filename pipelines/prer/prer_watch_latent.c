/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Latent error detection (IEEE 802.1CB, 7.4.4): do as many copies come as are due?
 */
#include "prer_event.h"
#include "prer_tables.h"
#include "prer_watch_int.h"

#define ASK_MS 1000 /* objects are asked anew so often */

/* What is asked of streams of a recovery. */
static const struct prer_watch_latent *conf_of(uint16_t recovery, uint64_t now_ms)
{
	static struct asked {
		struct prer_watch_latent conf; /* period_ms 0: nothing */
		uint64_t ms;
	} asked[PRER_RECOVERY_NUMBERS];
	const struct prer_watch_ask *ask = prer_watch_asked();
	struct asked *a = &asked[recovery % PRER_RECOVERY_NUMBERS];

	if (!ask->latent)
		return NULL;
	if (a->ms == 0 || now_ms - a->ms >= ASK_MS) {
		a->ms = now_ms;
		if (!ask->latent(recovery, &a->conf))
			a->conf.period_ms = 0;
	}
	return a->conf.period_ms ? &a->conf : NULL;
}

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
	const struct prer_state *st = prer_watch_state(stream);
	uint32_t now = prer_watch_ms(now_ms);
	const struct prer_watch_latent *l = conf_of(s->recovery, now_ms);
	unsigned paths = 0;
	int64_t balance;

	if (!l || (s->flags & (PRER_INDIV | PRER_FLOW)))
		return;
	for (unsigned i = 0; i < prer_watch_n_paths(s); i++)
		paths += prer_watch_there(s, i);
	balance = prer_latent_balance(&st->recovery, &st->counts, prer_watch_params(s), paths);
	if (w->latent_ms == 0) {
		w->latent_ms = now;
		latent_reset(w, balance, now);
		return;
	}
	if (now - w->latent_ms >= l->period_ms) {
		w->latent_ms = now;
		if (prer_latent_error(w->latent_base, balance, paths, l->difference)) {
			w->latent_errors++;
			if (!w->latent_told && prer_watch_may_tell(now_ms))
				prer_event_latent(prer_watch_name(stream), balance - w->latent_base,
						  l);
			w->latent_told = true;
		}
	}
	if (now - w->latent_reset_ms >= l->reset_period_ms)
		latent_reset(w, balance, now);
}
