/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports in a transaction: brought up when planned, polled from commit on.
 */
#pragma once

#include "net_api.h"

void net_port_begin(void);
int net_port_put(struct cst_txn *t, const void *obj, struct cst_err *e);
int net_port_modify(struct cst_txn *t, const void *obj, struct cst_err *e);
int net_port_del(struct cst_txn *t, const void *key, struct cst_err *e);
/* After the network's own commit, so that a new port finds its interfaces and a deleted one has
 * none left. */
int net_port_compile(struct cst_err *e); /* does anybody count on what a port is to lose? */
void net_port_commit(void);
void net_port_abort(void);

int net_port_get(const void *key, json_t **out, struct cst_err *e);
int net_port_list(struct cst_page *page, struct cst_err *e);
