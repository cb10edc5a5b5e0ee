/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The nodes that frames of streams go through.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "engine/pkt.h"
#include "prer_stream.h"

struct cst_worker;

/* What cst_frames_take() is to be called with for ports and tunnels that streams use. */
uint8_t prer_in_taker(void);

uint16_t prer_in_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
uint16_t prer_replicate_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge);
uint16_t prer_eliminate_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge);

/* Ask for the memory of a burst's streams, before any of it is looked at. `receive`: all of their
 * state, else what numbers are given out by. */
static inline void prer_fetch(struct rte_mbuf **pkts, uint16_t n, bool receive)
{
	for (uint16_t i = 0; i < n; i++) {
		union prer_word word = {.u64 = cst_pkt(pkts[i])->slice[0]};
		struct prer_state *st = &prer_tables.state[word.stream];

		rte_prefetch0(&prer_tables.slot[word.stream]);
		rte_prefetch0(&st->counts);
		if (receive) {
			rte_prefetch0(&st->recovery);
			rte_prefetch0(&st->health);
		}
	}
	for (uint16_t i = 0; i < n; i++) {
		union prer_word word = {.u64 = cst_pkt(pkts[i])->slice[0]};

		rte_prefetch0(prer_stream(word.stream));
	}
}
