/* SPDX-License-Identifier: BSD-3-Clause */
/* Session templates, and how many sessions by each are still to be handed over. Control thread. */
#pragma once

#include "upf_api_admit.h"
#include "upf_books.h"

/* The template of this name, unpacked into `p`, `sessions` filled in. -ENOENT, -ENOMEM. */
int upf_template_find(const char *name, struct cst_pool *p, struct upf_template_obj *out,
		      struct cst_err *e);
/* A session that local authority has admitted comes or goes. */
void upf_template_count(const struct upf_session *s, int delta);
