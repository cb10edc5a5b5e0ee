/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of sessions with many PDRs (upf_sieve.h). What tells a packet's PDR lies
 * in places one behind the other, each known only when the one before has been
 * read: the sieve's sets, then the PDR. So that a packet does not wait for memory
 * twice, all such packets of a chunk go through the steps together.
 *
 * One worker's, on its stack.
 */
#pragma once

#include <rte_prefetch.h>

#include "upf_match.h"
#include "upf_node.h"

struct upf_many {
	uint16_t n;
	struct upf_many_one {
		const struct upf_rules *r;
		struct upf_ask ask;
		struct upf_sieving sieving;
		const struct upf_pdr **pdr; /* the answer */
	} one[UPF_CHUNK];
};

/* Has the direction a sieve? A run with one PDR at `at`, where the direction's first one is nearly
 * always, has none, and its head is not read. */
static inline bool upf_is_of_many(const struct upf_rules *r, enum upf_dir dir, uint32_t at)
{
	return ((const struct upf_pdr *)upf_line(r, at))->first != UPF_ONLY &&
	       r->sieve[dir].line != 0;
}

/* Asks for the sieve of a direction that has one. The flow that `ask` points to, and `pdr`, are
 * needed until upf_many_match(). */
static inline void upf_many_add(struct upf_many *many, const struct upf_rules *r, enum upf_dir dir,
				const struct upf_ask *ask, const struct upf_pdr **pdr)
{
	struct upf_many_one *one = &many->one[many->n++];

	one->r = r;
	one->ask = *ask;
	one->pdr = pdr;
	upf_ask_sieve(r, dir, ask, &one->sieving);
	for (uint32_t i = 0; i < one->sieving.fields; i++)
		rte_prefetch0(one->sieving.row[i]);
}

/* Sets *pdr of each packet that falls to the first PDR that the sieve lets through, which nearly
 * all do. For the others it stays as it is: upf_match_tunnel() or upf_match_plain() tells. */
void upf_many_match(struct upf_many *many);
