/* SPDX-License-Identifier: BSD-3-Clause */
/* Session reporting rules against each other. Pure. */
#pragma once

#include "upf_api.h"

/* 0, or -EINVAL with the field in the session's terms. */
int upf_srr_check(const struct upf_session_obj *s, struct cst_err *e);
