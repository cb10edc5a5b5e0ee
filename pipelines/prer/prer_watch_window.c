/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_watch_window.h"

#include <math.h>
#include <string.h>

#define MOST (1 << 30) /* of a sum: then all are halved */

/* ---- looking -------------------------------------------------------------------------- */

static uint32_t get(const uint64_t *counter)
{
	return (uint32_t)__atomic_load_n(counter, __ATOMIC_RELAXED);
}

static uint32_t get32(const uint32_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

void prer_watch_look(const struct prer_state *s, const struct prer_health *more,
		     const struct prer_params *p, unsigned n_paths, struct prer_watch_look *out)
{
	bool taken = p->algorithm == PRER_MATCH || (p->flags & PRER_TAKE_NO_SEQUENCE);

	*out = (struct prer_watch_look){
		.passed = get(&s->recovery.passed) - (taken ? get(&s->counts.tagless) : 0),
		.rogue = get(&s->recovery.rogue),
		.resets = get32(&s->counts.resets),
		.seq = get32(&s->recovery.seq),
		.based = __atomic_load_n(&s->recovery.window, __ATOMIC_RELAXED) != 0,
	};
	for (unsigned i = 0; i < n_paths; i++) {
		const struct prer_health *h = i < 2 ? &s->health[i] : &more[i - 2];

		out->path[i].seen = get(&h->seen);
		out->path[i].first = get(&h->first);
		out->path[i].out_of_order = get32(&h->out_of_order);
		out->path[i].high = get32(&h->high);
	}
}

uint32_t prer_watch_came(const struct prer_watch_look *was, const struct prer_watch_look *is,
			 unsigned n_paths)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < n_paths; i++)
		n += is->path[i].seen - was->path[i].seen;
	return n;
}

/* ---- a window ------------------------------------------------------------------------- */

/* How far numbers moved on, when that was about `n`: they may have gone round since. */
static int32_t moved(uint32_t was, uint32_t is, unsigned bits, int32_t n)
{
	return n + prer_delta((uint32_t)n, is - was, bits);
}

/* Counters only rise, but for those of another stream. */
static bool same_stream(const struct prer_watch_look *was, const struct prer_watch_look *is,
			unsigned n_paths)
{
	for (unsigned i = 0; i < n_paths; i++)
		if ((int32_t)(is->path[i].seen - was->path[i].seen) < 0)
			return false;
	return (int32_t)(is->passed - was->passed) >= 0 && (int32_t)(is->rogue - was->rogue) >= 0;
}

/* A path's windows follow each other without a gap from its own last number to its own last number.
 * While nothing comes by it, it goes with the stream's. */
static void close_path(const struct prer_watch_look *was, const struct prer_watch_look *is,
		       unsigned bits, unsigned path, bool silent, struct prer_watch_window *out)
{
	uint32_t seen = out->path[path].seen;
	bool own = was->path[path].seen != 0 && !silent;
	uint32_t from = own ? was->path[path].high : was->seq;
	uint32_t to = seen != 0 ? is->path[path].high : is->seq;
	int32_t n = moved(from, to, bits, out->expected);

	/* further than any history from what the others say: a forged number, or a new sender */
	if (n > out->expected + PRER_HEALTH_FAR || n < out->expected - PRER_HEALTH_FAR)
		n = out->expected;
	out->path[path].expected = n;
	out->path[path].lost = n - (int32_t)seen;
}

bool prer_watch_close(const struct prer_watch_look *was, const struct prer_watch_look *is,
		      unsigned bits, unsigned n_paths, unsigned silent,
		      struct prer_watch_window *out)
{
	*out = (struct prer_watch_window){0};
	if (!same_stream(was, is, n_paths))
		return false;
	out->passed = is->passed - was->passed;
	out->rogue = is->rogue - was->rogue;
	for (unsigned i = 0; i < n_paths; i++) {
		out->path[i].seen = is->path[i].seen - was->path[i].seen;
		out->path[i].first = is->path[i].first - was->path[i].first;
		out->path[i].out_of_order = is->path[i].out_of_order - was->path[i].out_of_order;
		out->path[i].ahead = bits ? prer_delta(is->seq, is->path[i].high, bits) : 0;
	}
	if (bits == 0 || !was->based || !is->based || was->resets != is->resets)
		return false;
	out->expected = moved(was->seq, is->seq, bits, (int32_t)out->passed);
	out->joint = out->expected - (int32_t)out->passed;
	for (unsigned i = 0; i < n_paths; i++)
		close_path(was, is, bits, i, silent >> i & 1, out);
	return true;
}

/* ---- sums and what they say ----------------------------------------------------------- */

void prer_watch_add(struct prer_watch_sums *sums, const struct prer_watch_window *w,
		    unsigned n_paths)
{
	sums->expected += w->expected;
	sums->joint += w->joint;
	for (unsigned i = 0; i < n_paths; i++)
		sums->lost[i] += w->path[i].lost;
	if (sums->expected < MOST)
		return;
	sums->expected /= 2;
	sums->joint /= 2;
	for (unsigned i = 0; i < n_paths; i++)
		sums->lost[i] /= 2;
}

double prer_watch_share(int32_t lost, int32_t expected)
{
	if (lost <= 0 || expected <= 0)
		return 0;
	return lost < expected ? (double)lost / expected : 1;
}

bool prer_watch_rho(int32_t expected, int32_t lost_a, int32_t lost_b, int32_t joint, double *rho)
{
	double a = prer_watch_share(lost_a, expected), b = prer_watch_share(lost_b, expected);
	double both = prer_watch_share(joint, expected), r;

	if (a <= 0 || a >= 1 || b <= 0 || b >= 1)
		return false;
	r = (both - a * b) / sqrt(a * (1 - a) * b * (1 - b));
	*rho = r > 1 ? 1 : r < -1 ? -1 : r;
	return true;
}

double prer_watch_at_most(int32_t expected, int32_t joint)
{
	double most = joint > 0 ? joint + 1.645 * sqrt(joint) + 3 : 3;

	return expected > 0 && most < expected ? most / expected : 1;
}
