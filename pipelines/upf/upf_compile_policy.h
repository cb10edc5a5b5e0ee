/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a run that is beyond the match. Pure; part of upf_compile(). */
#pragma once

#include "upf_compile.h"

/* Behind line `at`: QERs, policies, further PDR records, for the PDRs that need them; `by[i]` is
 * the link of the PDR at line 1 + i. Returns the lines so far, 0: more than UPF_MAX_RUN. */
unsigned upf_compile_policies(const struct upf_link *links, const uint16_t *by, unsigned n,
			      const struct upf_identity *id, char (*line)[64], unsigned at);

/* A QER's limits as the packet path compares them. */
void upf_qer_set(struct upf_qer *rec, const struct upf_qer_obj *q, uint32_t meter, uint64_t tsc_hz);
