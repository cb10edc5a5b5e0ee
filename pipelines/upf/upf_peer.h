/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * GTP-U paths: one record (struct upf_peer) for all sessions that use it, counted.
 * Control thread.
 */
#pragma once

#include <stdint.h>

#include "addr.h"
#include "err.h"

int upf_peers_open(struct cst_err *e);
void upf_peers_close(void);
/* All sessions of an earlier life have come back: peers that none of them holds go. */
void upf_peers_settle(void);
uint32_t upf_peers_used(void);

/* A path; the number, 0: all in use. Counts one use. */
uint32_t upf_peer_hold(uint16_t vrf, const struct cst_ip *local, const struct cst_ip *remote,
		       uint16_t port);
/* One use less; only when no run that workers can see has it. */
void upf_peer_release(uint32_t peer);
