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

#define UPF_MAX_RUN 1024 /* lines of one session's run */

/* One PDR with what it refers to. */
struct upf_link {
	const struct upf_pdr_obj *pdr;
	const struct upf_far_obj *far;
	const struct upf_ohc_obj *ohc;                   /* NULL: it does not enter a tunnel */
	const struct upf_sdf_obj *filters[UPF_MAX_SDFS]; /* references followed */
	uint8_t n_filters;
	bool dl;            /* source interface is not access */
	bool tunnel;        /* names an F-TEID */
	struct upf_pdr rec; /* teid, in_vrf, out_vrf, peer and counter are the planner's */
};

/* What line 0 says beside the offsets. */
struct upf_identity {
	uint64_t seid;
	uint32_t state, generation;
	uint16_t vrf;
	bool v4, v6;
	uint32_t ue_v4; /* network order */
	uint8_t ue_v6[8];
	uint8_t ue_v6_len;
};

/* Check the session and fill links[0..s->pdrs.n-1] (room for UPF_MAX_PDRS). 0, or a negative errno
 * with the path of the field in `e`: -EINVAL what is wrong, -ENOTSUP what coast does not do yet. */
int upf_link(const struct upf_session_obj *s, struct upf_link *links, struct cst_err *e);

/* Write the run. Returns its number of lines, or -E2BIG, -EINVAL (a flow description). `lines` has
 * room for UPF_MAX_RUN. */
int upf_compile(const struct upf_link *links, unsigned n, const struct upf_identity *id,
		void *lines, struct cst_err *e);
