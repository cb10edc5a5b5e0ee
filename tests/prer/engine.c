/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The engine on a script, for compare.py. Lines on stdin:
 *
 *	new HISTORY BITS RESET FLAGS MATCH INDIVIDUAL   once; FLAGS as in prer_core.h
 *	rx PATH SEQ TIME                                SEQ -1: the packet has no number
 *	reset
 *
 * Answers each rx with its verdict, P, D, R or T, behind the base recovery; in the
 * end the counters of the base recovery and with INDIVIDUAL of each path before it.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "prer_core.h"

#define PATHS 4

struct function {
	struct prer_recovery r;
	struct prer_counts c;
	uint64_t ring[8192 / 64];
};

static struct function base, member[PATHS];
static struct prer_params p;
static unsigned bits, individual;

static int make(const char *line)
{
	unsigned flags, match;

	if (sscanf(line, "new %u %u %lu %u %u %u", &p.history, &bits, &p.reset, &flags, &match,
		   &individual) != 6)
		return -1;
	p.flags = (uint8_t)flags;
	p.algorithm = match ? PRER_MATCH : PRER_VECTOR;
	p.mask = 63;
	while (!match && p.mask + 1 < p.history)
		p.mask = 2 * p.mask + 1;
	return 0;
}

static enum prer_verdict receive(unsigned path, long seq, uint64_t now)
{
	struct function *m = &member[path % PATHS];
	enum prer_verdict v;

	if (individual) {
		v = seq < 0 ? prer_recover_none(&m->r, &m->c, m->ring, &p, now)
			    : prer_recover_individual(&m->r, &m->c, m->ring, &p, bits,
						      (uint32_t)seq, now);
		if (v != PRER_PASS)
			return v;
	}
	return seq < 0 ? prer_recover_none(&base.r, &base.c, base.ring, &p, now)
		       : prer_recover(&base.r, &base.c, base.ring, &p, bits, (uint32_t)seq, now);
}

static void tell(const struct function *f)
{
	printf("%lu %lu %lu %lu %lu %lu %lu %u\n", f->r.passed, f->r.discarded, f->r.rogue,
	       f->r.out_of_order, f->c.lost, f->c.lost_guarded, f->c.tagless, prer_resets(&f->c));
}

int main(void)
{
	char line[128];
	unsigned path;
	uint64_t now;
	long seq;

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "rx %u %ld %lu", &path, &seq, &now) == 3) {
			printf("%c\n", "PDRT"[receive(path, seq, now)]);
		} else if (strcmp(line, "reset\n") == 0) {
			prer_reset(&base.r, &base.c, base.ring, &p);
		} else if (make(line) != 0) {
			fprintf(stderr, "engine: what is %s", line);
			return 1;
		}
	}
	tell(&base);
	for (unsigned i = 0; individual && i < PATHS; i++)
		tell(&member[i]);
	return 0;
}
