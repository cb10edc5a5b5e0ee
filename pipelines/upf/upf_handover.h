/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-over of a user from one tunnel to the next: what changes of sessions
 * mean for it (events), and what happens at its time (a feed ends, a switch that
 * was announced). Control thread.
 */
#pragma once

#include "upf_books.h"

/* A modify request of one session: to be filled by upf_handover_update(). New reference. */
json_t *upf_handover_modify(uint64_t seid);
void upf_handover_update(json_t *modify, const struct upf_far_obj *delta);

/* What is told of one FAR; `in_ms` and `reason` are left out. New reference. */
json_t *upf_handover_tell(uint64_t seid, const struct upf_far_obj *far);

/* Do what is due; the tick does so. */
void upf_handover_run(void);

extern struct cst_module upf_handover_module; /* for tests */
