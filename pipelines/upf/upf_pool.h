/* SPDX-License-Identifier: BSD-3-Clause */
/* Callbacks of class `pool`. Control thread. */
#pragma once

#include "class.h"

int upf_pool_put(struct cst_txn *t, const void *obj, struct cst_err *e);
int upf_pool_del(struct cst_txn *t, const void *key, struct cst_err *e);
int upf_pool_get(const void *key, json_t **out, struct cst_err *e);
int upf_pool_list(struct cst_page *page, struct cst_err *e);
void upf_pools_commit(void); /* after the network's snapshot is live: see upf_ctl.c */
void upf_pools_abort(void);
