/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What one path does for one stream, as the stream's owner worker sees it. Pure:
 * compiles with gcc -std=gnu11 and clang -target bpf.
 *
 * The delay difference is measured by one sample at a time: the number and time
 * of a first copy are remembered until its second copy comes by another path.
 */
#pragma once

#include <stdint.h>

#include "prer_core.h"

struct prer_health {
	uint64_t seen;         /* packets that came by this path */
	uint64_t first;        /* of them, those that were passed */
	uint32_t lag;          /* of its second copies behind the first: mean, TSC >> 7 */
	uint32_t lag_max;      /* and the largest of late, TSC >> 10 */
	uint32_t out_of_order; /* packets that came after a later one by this same path */
	uint32_t high;         /* the latest number, as they follow each other */
};
_Static_assert(sizeof(struct prer_health) == 32, "two in a cache line");

#define PRER_HEALTH_FAR                                                                         \
	8192                /* numbers: the longest history; further off, the sender began anew \
			     */
#define PRER_HEALTH_LATE 32 /* numbers: so far behind others, a second copy is taken for lost */
#define PRER_HEALTH_SEQ  0x0fffffffu /* prer_counts.sample: the number; above it, the path */

static inline void prer_health_order(struct prer_health *h, uint32_t seq, unsigned bits)
{
	int32_t d = prer_delta(h->high, seq, bits);

	if (d > 0 || d < -PRER_HEALTH_FAR || h->seen == 1)
		h->high = seq;
	else if (d < 0)
		h->out_of_order++;
}

/* A first copy becomes the sample when none is waited for or the one is long past. */
static inline void prer_health_sample(struct prer_counts *c, unsigned path, uint32_t seq,
				      unsigned bits, uint32_t now)
{
	int32_t d = prer_delta(c->sample & PRER_HEALTH_SEQ, seq, bits);

	if (c->sample_at != 0 && d >= -PRER_HEALTH_FAR && d <= PRER_HEALTH_FAR)
		return;
	c->sample = seq | (uint32_t)path << 28;
	c->sample_at = now | 1; /* 0: none is waited for */
}

static inline void prer_health_match(struct prer_health *h, struct prer_counts *c, unsigned path,
				     uint32_t seq, unsigned bits, uint32_t now)
{
	int32_t d = prer_delta(c->sample & PRER_HEALTH_SEQ, seq, bits);
	uint32_t lag = now - c->sample_at;

	if (c->sample_at == 0 || path == c->sample >> 28)
		return;
	if (d > PRER_HEALTH_LATE)
		c->sample_at = 0;
	if (d != 0)
		return;
	c->sample_at = 0;
	if ((int32_t)lag < 0) /* the same moment, but for the bit set above */
		lag = 0;
	h->lag = h->lag == 0 ? lag << 3 : h->lag + lag - (h->lag >> 3);
	h->lag_max -= h->lag_max >> 8;
	if (lag > h->lag_max)
		h->lag_max = lag;
}

/* A packet came by `path`, whose health is `h`, and the engine has said `v`. `seq`: masked to
 * `bits`; PRER_NO_SEQ, or whatever with bits 0: it had no number. `now`: TSC. */
static inline void prer_health_seen(struct prer_health *h, struct prer_counts *c, unsigned path,
				    uint32_t seq, unsigned bits, enum prer_verdict v, uint64_t now)
{
	h->seen++;
	h->first += v == PRER_PASS;
	if (bits == 0 || seq > PRER_HEALTH_SEQ)
		return;
	prer_health_order(h, seq, bits);
	if (v == PRER_PASS)
		prer_health_sample(c, path, seq, bits, (uint32_t)(now >> 10));
	else
		prer_health_match(h, c, path, seq, bits, (uint32_t)(now >> 10));
}
