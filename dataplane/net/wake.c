/* SPDX-License-Identifier: BSD-3-Clause */
#include "net/wake.h"

#include <assert.h>

#include "module.h"

struct cst_wake cst_wakes[CST_MAX_WAKES];
unsigned cst_n_wakes;

void cst_wake_register(cst_wake_fn fn, struct cst_wake_at *at)
{
	assert(cst_n_wakes < CST_MAX_WAKES);
	for (unsigned i = 0; i < CST_MAX_WORKERS; i++)
		at[i].tsc = UINT64_MAX;
	cst_wakes[cst_n_wakes++] = (struct cst_wake){fn, at};
}
