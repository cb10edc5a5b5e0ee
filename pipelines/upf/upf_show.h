/* SPDX-License-Identifier: BSD-3-Clause */
/* What replies say of sessions. Control thread. */
#pragma once

#include "class.h"

/* Of the last transaction's objects: `modify` says of which shape they are. */
void upf_show_reply(const void *obj, bool modify, struct cst_text *out);
/* Final reports of a session that was deleted; {}: none. */
void upf_show_usage(uint64_t seid, struct cst_text *out);
int upf_show_get(const void *key, json_t **out, struct cst_err *e);
int upf_show_list(struct cst_page *page, struct cst_err *e);
