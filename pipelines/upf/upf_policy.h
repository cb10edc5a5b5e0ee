/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a packet has to pass beyond the match: quotas, usage, gates, meters. By
 * the worker that owns the session, so that nothing needs a lock.
 */
#pragma once

#include <rte_prefetch.h>

#include "upf_node.h"
#include "upf_policy_run.h"
#include "upf_tables.h"

/* Pass a packet of `bytes` (inner IP packet) that `pdr`, which has UPF_PDR_POLICY, is about to
 * forward in direction `dir` (TS 29.244 5.2.2, 5.4). In this order:
 *
 *   1. quotas of all URRs: a packet that would exceed one is not counted by it, and dropped
 *      (UPF_DROP_QUOTA) or sent by the FAR for quota action
 *   2. URRs that measure before QoS enforcement (MBQE)
 *   3. gate (UPF_DROP_GATE)
 *   4. meters: bit and packet rate of all QERs; it passes all of them or is charged by none
 *      (UPF_DROP_RATE)
 *   5. the other URRs
 *
 * Returns `pdr`: it leaves. Another record: a quota is spent and that record holds; look again
 * whether the packet can leave by it, and call again with it, which goes on with 2. NULL: it is to
 * be dropped, for the reason *why.
 *
 * Call it once for each T-PDU that leaves, a fragment like any other, behind all that could still
 * refuse it: what does not leave is neither counted nor charged. */
const struct upf_pdr *upf_policy_pass(struct cst_worker *w, const struct upf_rules *r,
				      const struct upf_pdr *pdr, enum upf_dir dir, uint32_t bytes,
				      enum upf_drop *why);

/* May a downlink packet that waits leave? `ahead`: bytes that left before it and were not counted
 * yet. Only a quota whose FAR for quota action lets packets wait says no; what is refused otherwise
 * goes and is refused. */
enum upf_leave {
	UPF_LEAVE,
	UPF_LEAVE_LATER, /* perhaps, in the next walk: behind those ahead of it */
	UPF_LEAVE_NOT
};
enum upf_leave upf_policy_may_leave(struct cst_worker *w, const struct upf_rules *r,
				    const struct upf_pdr *pdr, uint32_t bytes, uint64_t ahead);

/* Does a spent quota let the PDR's packets wait? */
static inline bool upf_policy_quota_waits(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	const struct upf_pdr *lines = (const struct upf_pdr *)r;
	uint16_t spent = pdr->flags & UPF_PDR_POLICY ? upf_policy_of(r, pdr)->spent : 0;

	return spent != 0 && lines[spent].action == UPF_BUFF;
}

/* Packets whose policies are asked for and passed together: more lines at once than the CPU can
 * wait for are asked for in vain. */
#define UPF_POLICY_CHUNK 8

/* Ask for the memory that upf_policy_pass() will need, the policy's own line being there. Not 0: it
 * has a second tunnel, perhaps. */
static inline uint8_t upf_policy_prefetch(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	const struct upf_policy *p = upf_policy_of(r, pdr);
	const uint32_t *item = p->item;

	for (unsigned i = 0; i < p->n_qers; i++) {
		rte_prefetch0((const char *)r + (uint64_t)item[i] * 64);
		rte_prefetch0_write(&upf_tables.meters[item[p->n_qers + i]]);
	}
	item += 2 * p->n_qers;
	for (unsigned i = 0; i < p->n_urrs; i++) {
		rte_prefetch0_write(&upf_tables.usages[item[i]]);
		if (unlikely(p->flags & UPF_POLICY_RESTS))
			rte_prefetch0(&upf_tables.limits[item[i]]);
	}
	return p->second;
}

/* What workers tell the control thread of usage (cst_notice): a bit of `told` was newly set. */
struct upf_usage_notice {
	uint32_t usage; /* number */
	uint32_t arm;   /* limit.arm that it was told by */
	uint32_t told;  /* UPF_TOLD_* newly set */
};
/* Set by the control side before start; called in the control thread. */
extern void (*upf_usage_told)(const struct upf_usage_notice *n);

/* A downlink packet of this PDR was lost to a full or discarded buffer, for the dropped downlink
 * traffic threshold of its URRs, if it has any. */
void upf_policy_lost(struct cst_worker *w, const struct upf_rules *r, const struct upf_pdr *pdr,
		     uint32_t bytes);
