/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Networks behind a UE: framed routes (TS 29.244 5.16, 8.2.109, 8.2.110) as the
 * rules name them. Pure. Errors name the field from the PDI on.
 */
#pragma once

#include "upf_api.h"
#include "upf_compile.h"

/* "PREFIX [GATEWAY [METRIC ...]]" (RFC 2865 5.22, RFC 3162 2.5). The only way to the network is the
 * session's tunnel, so gateway and metrics are read and mean nothing. -EINVAL. */
int upf_net_parse(const char *text, uint8_t family, struct upf_net *out, struct cst_err *e);

/* Put the networks that a PDI names to the `n` ones there are, but for those that others hold
 * whole: nets[0..n) stay disjoint. Returns how many there are then, or -EINVAL, -E2BIG. */
int upf_nets_add(const struct upf_pdi_obj *pdi, struct upf_net nets[UPF_MAX_NETS], unsigned n,
		 struct cst_err *e);

/* The run's networks behind line `at`: part of upf_compile(). `by[i]` is the link of the PDR at
 * line 1 + i. Returns the lines so far, 0: more than UPF_MAX_RUN. */
unsigned upf_nets_compile(const struct upf_link *links, const uint16_t *by, unsigned n,
			  const struct upf_identity *id, char (*line)[64], unsigned at);

static inline bool upf_names_nets(const struct upf_pdi_obj *pdi)
{
	return pdi->framed_routes.n || pdi->framed_ipv6_routes.n;
}
