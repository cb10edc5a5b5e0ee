/* SPDX-License-Identifier: BSD-3-Clause */
/* Service data flow filters in a run. Pure; part of upf_compile(). */
#pragma once

#include "upf_compile.h"

/* The filters of one PDR behind line `at`. Returns how many lines, -EINVAL with the field from the
 * PDR on, or -E2BIG: more than UPF_MAX_RUN. */
int upf_filters_compile(const struct upf_link *l, char (*line)[64], unsigned at, struct cst_err *e);
