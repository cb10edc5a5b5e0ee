/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the UPF's nodes note about a traced packet. Call only when cst_watched().
 */
#pragma once

#include "trace/watch.h"
#include "upf_core.h"

/* The rule that the packet falls to; `pdr` NULL: to none of the session's. */
void upf_trace_rule(struct cst_worker *w, struct rte_mbuf *m, const struct upf_rules *r,
		    const struct upf_pdr *pdr);
