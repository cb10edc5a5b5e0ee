/* SPDX-License-Identifier: BSD-3-Clause */
/* What the UPF's nodes share, off the common path. */

#include <rte_cycles.h>

#include "upf_out.h"

atomic_bool upf_suppress_error_indications;
struct upf_worker upf_worker[CST_MAX_WORKERS];

void upf_strangers_send(struct cst_worker *w, struct upf_strangers *s)
{
	struct rte_mbuf *same[UPF_CHUNK];
	uint16_t left = s->n;

	/* one pass per owner among them; what remains keeps its order */
	while (left > 0) {
		uint8_t owner = s->owner[0];
		uint16_t n = 0, rest = 0;

		for (uint16_t i = 0; i < left; i++) {
			if (s->owner[i] == owner) {
				same[n++] = s->pkts[i];
			} else {
				s->owner[rest] = s->owner[i];
				s->pkts[rest++] = s->pkts[i];
			}
		}
		cst_handoff(w, owner, same, n);
		left = rest;
	}
	s->n = 0;
}

/* The time from which on the next answer is early (generic cell rate algorithm), per peer hash. */
#define BUCKETS 256
#define RATE    10 /* a second */
#define BURST   10

static struct {
	uint64_t due[BUCKETS];
} __rte_cache_aligned answers[CST_MAX_WORKERS];

bool upf_may_answer(struct cst_worker *w, uint32_t peer_hash)
{
	uint64_t *due = &answers[w->id].due[peer_hash % BUCKETS];
	uint64_t step = rte_get_tsc_hz() / RATE;
	uint64_t start = RTE_MAX(*due, w->now);

	if (start > w->now + (BURST - 1) * step)
		return false;
	*due = start + step;
	return true;
}
