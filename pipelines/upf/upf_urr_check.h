/* SPDX-License-Identifier: BSD-3-Clause */
#pragma once

#include "upf_api.h"

/* Usage reporting rules against each other and against what coast measures: -EINVAL what
 * contradicts itself, -ENOTSUP what coast does not do, with the path of the field. Pure. */
int upf_urr_check(const struct upf_session_obj *s, struct cst_err *e);
