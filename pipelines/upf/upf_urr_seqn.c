/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A UR-SEQN is never used twice in a session's life, also when a URR is removed
 * and another one made with its id: charging takes (session, URR, UR-SEQN) for
 * the name of a report.
 */
#include <stdlib.h>

#include "upf_urr.h"

#define BUCKETS  65536
#define MAX_KEPT UPF_MAX_URRS /* ids of one session; beyond it all go on from the highest */

struct kept {
	struct kept *next;
	uint32_t state; /* the session's first state line */
	uint32_t floor; /* what the ids that are not in the list go on from */
	uint32_t n, room;
	struct {
		uint32_t urr, seqn;
	} id[];
};

static struct kept *buckets[BUCKETS];

static struct kept **find(uint32_t state)
{
	struct kept **k = &buckets[state % BUCKETS];

	while (*k && (*k)->state != state)
		k = &(*k)->next;
	return k;
}

static void raise(uint32_t *seqn, uint32_t to)
{
	if (to > *seqn)
		*seqn = to;
}

/* Room for one more id; NULL: there are MAX_KEPT. */
static struct kept *grow(struct kept **at, uint32_t state)
{
	struct kept *k = *at;
	uint32_t room = k ? 2 * k->room : 2;

	if (k && k->n < k->room)
		return k;
	if (room > MAX_KEPT)
		return NULL;
	k = realloc(k, sizeof(*k) + room * sizeof(k->id[0]));
	if (!k)
		abort(); /* a report of the wrong name would be charged wrongly */
	if (!*at)
		*k = (struct kept){.state = state};
	k->room = room;
	*at = k;
	return k;
}

void upf_seqn_keep(uint32_t state, uint32_t urr, uint32_t next)
{
	struct kept **at = find(state), *k = *at;

	for (uint32_t i = 0; k && i < k->n; i++) {
		if (k->id[i].urr != urr)
			continue;
		raise(&k->id[i].seqn, next);
		return;
	}
	k = grow(at, state);
	if (!k) {
		raise(&(*at)->floor, next);
		return;
	}
	k->id[k->n].urr = urr;
	k->id[k->n++].seqn = next;
}

uint32_t upf_seqn_of(uint32_t state, uint32_t urr)
{
	const struct kept *k = *find(state);

	for (uint32_t i = 0; k && i < k->n; i++)
		if (k->id[i].urr == urr)
			return k->id[i].seqn;
	return k ? k->floor : 0;
}

void upf_seqn_forget(uint32_t state)
{
	struct kept **at = find(state), *k = *at;

	if (!k)
		return;
	*at = k->next;
	free(k);
}

void upf_seqn_forget_all(void)
{
	for (unsigned i = 0; i < BUCKETS; i++)
		while (buckets[i])
			upf_seqn_forget(buckets[i]->state);
}
