/* SPDX-License-Identifier: BSD-3-Clause */
#include <stddef.h>

#include "search.h"

static bool stopped(const struct search *s)
{
	return s->stop != NULL && s->stop(s->arg);
}

static bool passes(const struct search *s, double mpps, double *reached, unsigned *trials)
{
	for (unsigned i = 0; i < s->tries && !stopped(s); i++) {
		++*trials;
		if (s->trial(mpps, reached, s->arg))
			return true;
	}
	return false;
}

double search_run(const struct search *s, unsigned *trials)
{
	double low = s->min, high = s->max, reached, best;

	*trials = 0;
	if (passes(s, high, &best, trials))
		return best;
	if (!passes(s, low, &best, trials))
		return 0;
	while (high - low > high * s->resolution / 100 && !stopped(s)) {
		double middle = (low + high) / 2;

		if (passes(s, middle, &reached, trials)) {
			low = middle;
			best = reached;
		} else {
			high = middle;
		}
	}
	return best;
}
