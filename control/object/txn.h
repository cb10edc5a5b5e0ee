/* SPDX-License-Identifier: BSD-3-Clause */
/* The steps of a transaction, for those that run one: a call and the start-up file. */
#pragma once

#include "class.h"

struct cst_txn_run {
	struct cst_txn txn; /* what parties see */
	struct cst_party *first, **last;
	size_t mark; /* where its part of the store's batch begins */
};

void cst_txn_open(struct cst_txn_run *r, struct cst_pool *pool);
/* Plan one decoded object, its party begun before. */
int cst_txn_plan(struct cst_txn_run *r, const struct cst_class *c, enum cst_op op, const void *obj,
		 struct cst_err *e);
/* Compile and persist. */
int cst_txn_prepare(struct cst_txn_run *r, struct cst_err *e);
/* Exactly one of the two ends it. */
void cst_txn_commit(struct cst_txn_run *r);
void cst_txn_abort(struct cst_txn_run *r);
