/* SPDX-License-Identifier: BSD-3-Clause */
/* QoS monitoring on the packet path: marking downlink packets, reading the answers. */
#pragma once

#include "gtpu.h"
#include "upf_monitor.h"
#include "upf_node.h"
#include "upf_policy.h"
#include "upf_tables.h"

/* The monitor by which this downlink packet ought to bear a time stamp; 0: none. `pdr` has
 * UPF_PDR_POLICY. */
static inline uint32_t upf_monitor_due(const struct cst_worker *w, const struct upf_rules *r,
				       const struct upf_pdr *pdr)
{
	uint32_t number = upf_policy_of(r, pdr)->monitor;

	if (likely(number == 0) || !(pdr->flags & UPF_PDR_PSC) || pdr->dest_if != UPF_IF_ACCESS)
		return 0;
	number = upf_monitor_of(upf_tables.monitors, number, pdr->out_qfi);
	return number && w->now >= upf_tables.monitors[number].mark_after ? number : 0;
}

/* As upf_enter() with a PDU Session Container that bears the time. False: there is no room for it,
 * nothing is changed, and it may go without. */
bool upf_monitor_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
		       uint8_t inner_tos, uint32_t number);

/* An uplink G-PDU whose container (g->psc_at) may bear a gNB's answer; `gtpu`: its GTP-U header.
 * `first`: the session's monitors. False: it is not of a monitored flow, or bears none. */
bool upf_monitor_answer(struct cst_worker *w, uint32_t first, const uint8_t *gtpu,
			const struct cst_gtpu *g);

/* The monitors of a session by the TEID that an answer came in by, when it came without a user
 * packet to match (TS 23.501 5.33.3.2: dummy packet). 0: none. */
uint32_t upf_monitor_of_tunnel(const struct upf_rules *r, const struct cst_gtpu *g);

/* What workers tell the control thread (cst_notice). */
struct upf_monitor_notice {
	uint64_t tsc;
	uint32_t number;
	uint32_t beyond; /* bits: UPF_DELAY_* beyond their thresholds; 0: no answer comes */
	uint32_t delay[UPF_DELAYS]; /* microseconds */
	uint32_t told;              /* bits: which of these are known */
};
/* Set by the control side before start; called in the control thread. */
extern void (*upf_monitor_told)(const struct upf_monitor_notice *n);
