/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From the rules as asked for to the run of lines that the packet path reads.
 * Pure: no table is looked at, nothing is allocated. Two steps, because what
 * lies between them can fail and must be undone:
 *
 *   upf_link()      checks the rules against each other; what they alone decide
 *                   is in links[].rec then
 *   (the planner)   network instances, F-TEIDs, peers, counters
 *   upf_compile()   the run
 */
#pragma once

#include "upf_api.h"
#include "upf_core.h"

#define UPF_MAX_RUN  4096 /* lines of one session's run */
#define UPF_MAX_NETS 64   /* networks behind one UE */

/* One PDR with what it refers to. */
struct upf_link {
	const struct upf_pdr_obj *pdr;
	const struct upf_far_obj *far;
	const struct upf_ohc_obj *ohc;                   /* NULL: it does not enter a tunnel */
	const struct upf_sdf_obj *filters[UPF_MAX_SDFS]; /* references followed */
	uint8_t n_filters;
	bool dl;       /* source interface is not access */
	bool tunnel;   /* names an F-TEID */
	bool ethernet; /* of an Ethernet PDU session: upf_eth_link.h */
	const struct upf_eth_filter_obj *eth[UPF_MAX_ETH_FILTERS]; /* references followed */
	uint16_t eth_turned; /* bit i: eth[i] is of the other direction */
	uint8_t n_eth;
	struct upf_pdr rec; /* teid, in_vrf, out_vrf, peer and counter are the planner's */

	/* What its packets pass beyond the match; the planner's but for the gate. Lines and numbers
	 * of items in `policy` are upf_compile()'s. */
	struct upf_policy policy;
	uint8_t n_qers, n_urrs;
	const struct upf_qer_obj *qers[UPF_POLICY_QERS]; /* those with limits */
	uint32_t meters[UPF_POLICY_QERS];
	uint32_t usages[UPF_POLICY_URRS]; /* policy.n_before of them first */
	struct upf_pdr spent;             /* when has_spent: FAR for quota action, compiled */
	const struct upf_far_obj *spent_far;
	bool has_spent;
	bool qfi_known; /* a QER or the PDI tells it */
	uint8_t n_copies;
	struct upf_pdr copies[UPF_MAX_COPIES]; /* DUPL: where copies go */
	bool fed;                              /* the last copy feeds the FAR's next tunnel */
	bool has_second; /* redundant transmission: its packets come or leave by two tunnels */
	bool numbered;   /* and are told apart by numbers: DFRT, EDRT */
	struct upf_pdr second; /* the other tunnel (struct upf_policy, `second`) */
};

/* What line 0 says beside the offsets. */
struct upf_identity {
	uint64_t seid;
	uint32_t state, generation;
	uint64_t tsc_hz; /* what rates are told in */
	uint16_t vrf;
	bool v4, v6;
	uint32_t ue_v4; /* network order */
	uint8_t ue_v6[8];
	uint8_t ue_v6_len;
	unsigned n_nets;
	struct upf_net nets[UPF_MAX_NETS]; /* behind the UE: all that PDIs name, disjoint */
	uint16_t buffer_packets;           /* as in struct upf_rules */
	uint8_t notify_delay;
	uint32_t buffer_for;
};

/* Check the session and fill links[0..s->pdrs.n-1] (room for UPF_MAX_PDRS). 0, or a negative errno
 * with the path of the field in `e`: -EINVAL what is wrong, -ENOTSUP what coast does not do yet. */
int upf_link(const struct upf_session_obj *s, struct upf_link *links, struct cst_err *e);

/* Write the run. Returns its number of lines, or -E2BIG, -EINVAL (a flow description). `lines` has
 * room for UPF_MAX_RUN. */
int upf_compile(const struct upf_link *links, unsigned n, const struct upf_identity *id,
		void *lines, struct cst_err *e);
