/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Learning where MAC addresses are: workers tell the control thread of what is
 * new or has moved, and once in a while of what is still there; it keeps the
 * table and forgets what was not seen for UPF_ETH_AGE_S seconds.
 */
#pragma once

#include <stdint.h>

#include "engine/worker.h"
#include "upf_eth_macs.h"

#define UPF_ETH_AGE_S 300 /* IEEE 802.1Q 8.8.3 */

/* A frame of this source came from there. Any worker; never waits. An address that the control
 * thread was not told of now, because its side brings too many, is learnt from a later frame. */
void upf_eth_saw(struct cst_worker *w, uint16_t vrf, uint64_t mac, uint32_t where);

/* ---- control thread ---------------------------------------------------------- */

struct upf_eth_stats {
	uint64_t learnt, moved, aged;
	uint64_t refused; /* of a session that has UPF_ETH_SESSION_MACS, or no room for any */
};
extern struct upf_eth_stats upf_eth_stats; /* read by any thread */

/* What a worker saw; `now` in units of UPF_ETH_TIME_SHIFT. */
void upf_eth_heard(uint64_t key, uint32_t where, uint32_t now);
/* All that is there. */
void upf_eth_forget(uint32_t where);
/* A part of the table: what was not seen for long goes. From tick. */
void upf_eth_age(void);
/* The same for all of it, by this clock. */
void upf_eth_age_all(uint32_t now);
