/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The rings from the workers to the slow-path thread.
 */
#pragma once

#include <rte_ring.h>

#include "slow/slow.h"

enum { SLOW_NEIGHBOUR, SLOW_KERNEL, SLOW_RINGS };

extern struct rte_ring *slow_rings[SLOW_RINGS]; /* MP in, SC out; NULL before start */
