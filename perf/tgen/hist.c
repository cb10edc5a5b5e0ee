/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <string.h>

#include "hist.h"

void hist_clear(struct hist *h)
{
	memset(h, 0, sizeof(*h));
}

static uint64_t upper_end(unsigned bucket)
{
	unsigned e = bucket / HIST_PARTS;
	uint64_t part = bucket % HIST_PARTS;

	return e == 0 ? part : ((HIST_PARTS + part + 1) << (e - 1)) - 1;
}

uint64_t hist_percentile(const struct hist *h, double percent)
{
	double rank = ceil((double)h->n * percent / 100);
	uint64_t want = rank < 1 ? 1 : (uint64_t)rank, seen = 0;

	if (h->n == 0)
		return 0;
	for (unsigned i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen >= want)
			return upper_end(i) < h->max ? upper_end(i) : h->max;
	}
	return h->max;
}

double hist_mean(const struct hist *h)
{
	return h->n == 0 ? 0 : h->sum / (double)h->n;
}
