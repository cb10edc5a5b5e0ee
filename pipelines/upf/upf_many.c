/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_many.h"

void upf_many_match(struct upf_many *many)
{
	uint32_t candidate[UPF_CHUNK];

	for (uint16_t i = 0; i < many->n; i++) {
		const struct upf_sieving *it = &many->one[i].sieving;

		candidate[i] = upf_sieve_first(it);
		rte_prefetch0(&it->pdrs[candidate[i]]);
	}
	for (uint16_t i = 0; i < many->n; i++) {
		const struct upf_many_one *one = &many->one[i];
		const struct upf_sieving *it = &one->sieving;
		uint32_t c = candidate[i];
		int spoofed;

		if (c < it->n && upf_sieved_takes(one->r, it, c, &one->ask, &spoofed))
			*one->pdr = &it->pdrs[c];
	}
}
