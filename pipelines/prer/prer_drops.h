/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop reasons of frames and their streams.
 */
#pragma once

#include "engine/node.h"

enum prer_drop {
	PRER_DROP_TRUNCATED,
	PRER_DROP_HAS_TAG,
	PRER_DROP_NO_STREAM,
	PRER_DROP_PATHS_DOWN,
	PRER_DROP_TOO_BIG,
	PRER_DROP_BAD_IP,
	PRER_DROP_DUPLICATE,
	PRER_DROP_ROGUE,
	PRER_DROP_TAGLESS,
	PRER_DROP_LATE,
	PRER_DROPS,
};
extern struct cst_drop prer_drops[PRER_DROPS];

static inline uint8_t prer_drop(struct rte_mbuf *m, enum prer_drop why)
{
	return cst_drop(m, &prer_drops[why]);
}
