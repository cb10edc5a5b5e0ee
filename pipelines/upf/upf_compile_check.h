/* SPDX-License-Identifier: BSD-3-Clause */
/* A session's rules against each other, before any is compiled. Pure. */
#pragma once

#include "upf_api.h"

/* All lists but the PDRs'. 0, or a negative errno with the path of the field: -EINVAL what is
 * wrong, -ENOTSUP what coast does not do. */
int upf_check_lists(const struct upf_session_obj *s, struct cst_err *e);

/* The ids, each once, are of QERs or URRs that are in `rules`; `field` is their list's. */
int upf_check_refs(enum upf_rule kind, const struct cst_list *ids, const struct cst_list *rules,
		   const char *field, struct cst_err *e);
