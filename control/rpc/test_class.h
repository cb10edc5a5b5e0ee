/* SPDX-License-Identifier: BSD-3-Clause */
/* A small class for the tests of the control socket and its fuzz target. */
#pragma once

#include "rpc/rpc.h"

#define THING_MAX 64

/* thing.changed is published on each commit, this one by the tests. */
extern const struct cst_event_type *const thing_noise_type;

unsigned thing_count(void);
/* -1: there is none of this name. */
long thing_size(const char *name);
void thing_reset(void);
