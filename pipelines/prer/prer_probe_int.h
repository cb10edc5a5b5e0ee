/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the asking side of path probes, which is the control thread's, and the workers. */
#pragma once

#include <stdint.h>

#include "hash.h"
#include "port/port.h"

/* What workers tell of an answer. */
struct prer_probe_notice {
	uint32_t path;
	uint32_t seq;
	uint64_t cycles; /* TSC, from question to answer */
};
extern uint16_t prer_probe_notice; /* its kind */

extern uint64_t prer_probe_secret; /* random, of this run */

/* The source address of frames from each port, memory order; 0: not known. Atomic. */
extern uint64_t prer_probe_macs[CST_MAX_PORTS];

static inline uint32_t prer_probe_token(uint32_t path)
{
	return (uint32_t)cst_hash_mix(prer_probe_secret, path);
}

/* Into tunnels, whose far ends know no address of ours, goes one made of the tunnel's number. */
static inline void prer_probe_mac(uint8_t mac[6], uint16_t port, uint32_t tunnel)
{
	uint64_t own = __atomic_load_n(&prer_probe_macs[port % CST_MAX_PORTS], __ATOMIC_RELAXED);

	if (port == 0) {
		mac[0] = 0x02;
		mac[1] = 0x63;
		cst_put_be32(mac + 2, tunnel);
		return;
	}
	__builtin_memcpy(mac, &own, 6);
}

/* How many questions are answered; before the workers run. */
void prer_probe_limit(void);

/* Control thread: the questions that are due; an answer (struct prer_probe_notice). */
void prer_probe_tick(uint64_t now_ms);
void prer_probe_hear(const void *data, uint8_t len);
