/* SPDX-License-Identifier: BSD-3-Clause */
/* The rules of Ethernet PDU sessions: checked, and their filters in a run. Pure; part of
 * upf_link() and upf_compile(). */
#pragma once

#include "upf_compile.h"

/* What the session's type allows its rules. -EINVAL, -ENOTSUP with the field. */
int upf_eth_check(const struct upf_session_obj *s, struct cst_err *e);
/* What one PDR matches, behind all else about it. -EINVAL with the field from the PDR on. */
int upf_eth_link(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e);
/* As upf_filters_compile(). */
int upf_eth_filters_compile(const struct upf_link *l, char (*line)[64], unsigned at,
			    struct cst_err *e);
