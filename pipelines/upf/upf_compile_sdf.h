/* SPDX-License-Identifier: BSD-3-Clause */
/* Service data flow filters in a run. Pure; part of upf_compile(). */
#pragma once

#include "upf_compile.h"

/* l->filters: those of its PDI, references followed. All PDRs of `s` are there. -EINVAL with the
 * field from the PDR on. */
int upf_filters_link(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e);

/* One filter: up to UPF_SDF_RECORDS_MAX records, any of which matches. How many, or -EINVAL, -E2BIG
 * with the field from the filter on. */
int upf_filter_compile(const struct upf_sdf_obj *f, struct upf_sdf *out, struct cst_err *e);

/* The filters of one PDR behind line `at`. Returns how many lines, -EINVAL with the field from the
 * PDR on, or -E2BIG: more than UPF_MAX_RUN. */
int upf_filters_compile(const struct upf_link *l, char (*line)[64], unsigned at, struct cst_err *e);
