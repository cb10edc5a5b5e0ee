/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stand-ins for the half of a class that a data plane would provide: objects
 * are kept as JSON in memory. For tests of what lies above.
 */
#pragma once

#include "class.h"

/* Give each class that has no functions yet such stand-ins. */
void memory_bind(void);
/* Forget all objects. */
void memory_reset(void);
/* Called with each object that is put, before anything else; may be NULL. */
extern int (*memory_check)(const struct cst_object *o, const void *obj, struct cst_txn *t,
			   struct cst_err *e);
