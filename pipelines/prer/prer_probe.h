/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Is a path alive? Streams that are silent do not tell, so each path with a probe
 * is asked a question every interval (prer_probe_core.h). A path without answers
 * for `misses` questions in a row is down; the first answer brings it up again.
 * Far ends that are not coast know no such questions: their paths have no probe.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prer_probe_core.h"

struct cst_worker;
struct rte_mbuf;

#define PRER_PROBE_MIN_MS 100 /* of an interval: how often the control thread looks */

enum prer_probe_state {
	PRER_PROBE_OFF,     /* the path has no probe */
	PRER_PROBE_UNKNOWN, /* nothing answered yet, nor missed often enough */
	PRER_PROBE_UP,
	PRER_PROBE_DOWN,
};

struct prer_probe_facts {
	enum prer_probe_state state;
	uint32_t sent, answered; /* questions; answers to them, counted once each */
	uint32_t silent;         /* questions since the last answer came */
	uint32_t rtt_us;         /* of the last answer; 0: none yet */
	uint32_t rtt_mean_us;    /* of the last eight or so */
};

/* ---- control thread ---------------------------------------------------------- */

/* From commit on, path `number` is asked so; interval 0: not. What is as it was goes on. */
void prer_probe_set(uint32_t number, uint32_t interval_ms, uint8_t misses);
void prer_probe_facts(uint32_t number, struct prer_probe_facts *out);

/* False: it is known to be down. */
static inline bool prer_probe_alive(uint32_t number)
{
	struct prer_probe_facts f;

	prer_probe_facts(number, &f);
	return f.state != PRER_PROBE_DOWN;
}

/* ---- between the nodes --------------------------------------------------------- */

/* Edge of `prer_in` to where it sends frames of which prer_probe_is_frame() holds; they stand at
 * their first octet, pkt->port and pkt->aux say where they came in. */
extern uint8_t prer_probe_frame_edge;

/* Node functions, for tests. prer_probe: packets of the associated channel at their outer IP
 * header; prer_probe_frame: frames. */
uint16_t prer_probe_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			    uint8_t *edge);
uint16_t prer_probe_frame_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				  uint8_t *edge);
