/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Copies of user packets to other places than where they go (DUPL, TS 29.244
 * 5.2.3): whole user packets, each in a tunnel of its own. Worker only.
 */
#pragma once

#include "upf_policy.h"

/* Send the copies that a PDR with UPF_PDR_POLICY asks for, of the `len` bytes of user packet from
 * `at` on. `m` stays as it is. A copy counts as injected; one that cannot be made is dropped as
 * upf.copy. Only within a node whose first edge is `route`. */
void upf_copies_send(struct cst_worker *w, const struct upf_rules *r, const struct upf_pdr *pdr,
		     struct rte_mbuf *m, uint32_t at, uint32_t len);

static inline void upf_copies(struct cst_worker *w, const struct upf_rules *r,
			      const struct upf_pdr *pdr, struct rte_mbuf *m, uint32_t at,
			      uint32_t len)
{
	if (__builtin_expect(upf_policy_of(r, pdr)->n_copies != 0, 0))
		upf_copies_send(w, r, pdr, m, at, len);
}
