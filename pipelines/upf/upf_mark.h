/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Marks that a NIC has put on packets (upf_offload.c): the first state line of
 * the session that the rule was made for. Where a session is found by one load, a
 * mark saves none; but the line where its packets are counted can be asked for
 * before anything is known of the packet. A mark that is stale or wrong asks for
 * a line that nobody needs, and that is all.
 */
#pragma once

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "upf_tables.h"

static __rte_noinline void upf_marks_ask(struct rte_mbuf *const *pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if (pkts[i]->ol_flags & RTE_MBUF_F_RX_FDIR_ID)
			rte_prefetch0(&upf_tables.counts[(uint64_t)pkts[i]->hash.fdir.hi * 4]);
}

/* A NIC that marks does so with nearly all packets: one look tells for all. */
static inline void upf_marks_prefetch(struct rte_mbuf *const *pkts, uint16_t n)
{
	if (unlikely(pkts[0]->ol_flags & RTE_MBUF_F_RX_FDIR_ID))
		upf_marks_ask(pkts, n);
}
