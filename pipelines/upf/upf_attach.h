/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What an earlier coastd left in the arena. Before workers run every slot is
 * checked: it must lead to a run whose sum is right and which is about this TEID
 * or address; what does not leads nowhere. Then packets go by these runs while
 * sessions come back from the store and claim theirs; what nobody claims goes.
 * Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "upf_core.h"

/* Before the books hand out anything. A negative errno: the arena cannot be used. */
int upf_attach_begin(struct cst_err *e);
void upf_attach_close(void);

/* The run that begins at this line is an earlier coastd's, intact and not yet claimed; NULL: not.
 */
const struct upf_rules *upf_attach_run(uint32_t line);
/* A session goes on with it. */
void upf_attach_claim(uint32_t line);
/* Is this range of slots of a pool that has not come back yet? */
bool upf_attach_has_slots(unsigned pool);
/* It makes room for another one. Before workers run, or for one that no route leads to. */
void upf_attach_forget_slots(unsigned pool);

/* All sessions have come back. Returns how many runs nobody claimed. */
unsigned upf_attach_end(void);
/* It leads to the present rules of a session that is there, not to rules of an earlier life that
 * had the same state line. */
bool upf_ref_is_live(uint32_t ref);

/* A run is made: its sum is kept beside it. */
void upf_run_seal(uint32_t line);
