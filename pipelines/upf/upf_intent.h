/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Changes of a session's rules, told as PFCP tells them (TS 29.244 7.5.4): first
 * what is removed, then what is created, then what is updated. Pure.
 */
#pragma once

#include "upf_api.h"

/* Apply `m` to `s`, whose lists are replaced, not written: what `s` was copied from stays. -ENOENT,
 * -EEXIST, -E2BIG with the path in the request. Memory from `p`. */
int upf_intent_modify(const struct upf_modify_obj *m, struct upf_session_obj *s, struct cst_pool *p,
		      struct cst_err *e);

/* An error about the session as it would become, e->field "pdrs[2].far_id", told about the request
 * instead: "update_pdrs[0].far_id"; about a rule that the request does not name: "pdr 7: far_id".
 */
void upf_intent_explain(const struct upf_modify_obj *m, const struct upf_session_obj *s,
			struct cst_err *e);
