/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "object.h"

#define WORD 48

/* Edit distance with neighbours swapped counted once, which is how people mistype. */
static unsigned distance(const char *a, unsigned na, const char *b, unsigned nb)
{
	unsigned row[3][WORD + 1];
	unsigned *before = row[0], *last = row[1], *now = row[2];

	for (unsigned j = 0; j <= nb; j++)
		last[j] = j;
	for (unsigned i = 1; i <= na; i++) {
		now[0] = i;
		for (unsigned j = 1; j <= nb; j++) {
			unsigned d = last[j - 1] + (a[i - 1] != b[j - 1]);

			if (d > last[j] + 1)
				d = last[j] + 1;
			if (d > now[j - 1] + 1)
				d = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d > before[j - 2] + 1)
				d = before[j - 2] + 1;
			now[j] = d;
		}
		unsigned *swap = before;
		before = last;
		last = now;
		now = swap;
	}
	return last[nb];
}

void cst_suggest_try(struct cst_suggest *s, const char *candidate)
{
	size_t na = strlen(s->word), nb = strlen(candidate);
	unsigned d, near;

	if (na == 0 || na > WORD || nb > WORD)
		return;
	d = distance(s->word, na, candidate, nb);
	near = nb <= 3 ? 1 : nb <= 8 ? 2 : 3;
	/* an unfinished or lengthened word is near too: "addr" for "addresses" */
	if (d > near && na >= 3 && strncmp(s->word, candidate, na < nb ? na : nb) == 0)
		d = near;
	if (d <= near && (s->best == NULL || d < s->distance)) {
		s->best = candidate;
		s->distance = d;
	}
}
