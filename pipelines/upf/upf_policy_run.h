/* SPDX-License-Identifier: BSD-3-Clause */
/* Policies in a session's run. Pure, any thread. */
#pragma once

#include "upf_core.h"

/* Of a PDR with UPF_PDR_POLICY. */
static inline const struct upf_policy *upf_policy_of(const struct upf_rules *r,
						     const struct upf_pdr *pdr)
{
	return (const struct upf_policy *)((const char *)r + (uint64_t)pdr->policy * 64);
}

/* The second tunnel of redundant transmission; NULL: the record's packets have none. What holds
 * once a quota is spent, which is under the same policy, has none either. */
static inline const struct upf_pdr *upf_second_of(const struct upf_rules *r,
						  const struct upf_pdr *pdr)
{
	const struct upf_pdr *lines = (const struct upf_pdr *)r;
	const struct upf_policy *p;

	if (!(pdr->flags & UPF_PDR_POLICY))
		return 0;
	p = upf_policy_of(r, pdr);
	if (__builtin_expect(!p->second, 1) || (p->spent && pdr == &lines[p->spent]))
		return 0;
	return &lines[p->copies + p->n_copies];
}
