/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redundant transmission on the packet path (TS 23.501 5.33.2.2): downlink one
 * packet leaves by two tunnels under one number, uplink the second of two is
 * found. Worker only.
 */
#pragma once

#include "gtpu.h"
#include "upf_match.h"
#include "upf_out.h"
#include "upf_policy_run.h"

/* What a G-PDU bears of either kind; index: UPF_BY_*. */
struct upf_numbers {
	uint32_t value[2];
	uint8_t has[2];
};

/* The number of this kind, UPF_BY_*; false: it bears none. `gtpu`: the header that `g` was parsed
 * from. */
static inline bool upf_number_of(const uint8_t *gtpu, const struct cst_gtpu *g, unsigned by,
				 uint32_t *number)
{
	*number = g->seq;
	return likely(by == UPF_BY_GTPU) ? (g->flags & CST_GTPU_HAS_SEQ) != 0
					 : cst_gtpu_qfi_seq(gtpu, g, number) > 0;
}

static inline struct upf_numbers upf_numbers_of(const uint8_t *gtpu, const struct cst_gtpu *g)
{
	struct upf_numbers n;

	for (unsigned by = 0; by < RTE_DIM(n.has); by++)
		n.has[by] = upf_number_of(gtpu, g, by, &n.value[by]);
	return n;
}

/* The GTP-U header of either tunnel: like upf_gtpu_len(), with a number. */
static inline uint32_t upf_numbered_len(const struct upf_pdr *leg, const struct upf_pdr *second)
{
	return second->first == UPF_BY_QFI ? CST_GTPU_SNP_LEN : upf_gtpu_seq_len(leg);
}

/* The largest user packet that the ways of both take: what one does not goes by neither. */
static inline uint32_t upf_redundant_room(const struct upf_pdr *pdr, const struct upf_pdr *second)
{
	uint32_t a = upf_room_of(pdr, upf_numbered_len(pdr, second));
	uint32_t b = upf_room_of(second, upf_numbered_len(second, second));

	return a < b ? a : b;
}

/* Ask for what numbers its packets, or tells which came before. */
void upf_redundant_prefetch(const struct upf_pdr *second);

/* Is there room for either tunnel's headers, in the buffer and in one datagram? */
bool upf_redundant_fits(const struct rte_mbuf *m, const struct upf_pdr *pdr,
			const struct upf_pdr *second);

/* Into both tunnels, with the next number. `m` stands at the user packet, fits, and goes by the
 * first one on the caller's edge to `route`; a copy, which counts as injected, is sent there by
 * cst_emit(). Without a buffer for it, it is dropped as upf.copy. */
void upf_redundant_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
			 const struct upf_pdr *second, uint8_t inner_tos);

/* Did the G-PDU with this number, which fell to a PDR with a second tunnel and came by TEID and
 * network instance, come before? Not to be asked of one without a number: other flows of the
 * tunnel have none, whatever stands in its place. */
bool upf_redundant_is_known(struct cst_worker *w, const struct upf_pdr *second, uint32_t teid,
			    uint16_t vrf, uint32_t number);

/* A packet that came by the second tunnel of an uplink PDR is asked about as if it had come by the
 * first. False: it did not. */
bool upf_redundant_ask_first(const struct upf_rules *r, struct upf_ask *ask);

static inline bool upf_is_by_second(const struct upf_pdr *second, uint32_t teid, uint16_t vrf)
{
	return second && second->teid == teid && second->in_vrf == vrf;
}
