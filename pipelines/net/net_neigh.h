/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbours: those that were configured and those that were learnt.
 */
#pragma once

#include "net_api.h"

int net_neigh_put(struct cst_txn *t, const void *obj, struct cst_err *e);
int net_neigh_del(struct cst_txn *t, const void *key, struct cst_err *e);
int net_neigh_get(const void *key, json_t **out, struct cst_err *e);
int net_neigh_list(struct cst_page *page, struct cst_err *e);
