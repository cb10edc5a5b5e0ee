/* SPDX-License-Identifier: BSD-3-Clause */
/* End Markers of coast's own. Control thread. */
#pragma once

#include <stdbool.h>

/* Some wait for the grace period, or for their worker to take them: cst_rcu_reclaim(true) sees to
 * both. Then they are before anything that later changes send into the same tunnels. */
bool upf_endmarkers_pending(void);
