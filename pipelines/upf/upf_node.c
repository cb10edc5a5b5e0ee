/* SPDX-License-Identifier: BSD-3-Clause */
/* What the UPF's nodes share, off the common path. */

#include <rte_cycles.h>

#include "upf_out.h"

atomic_bool upf_suppress_error_indications;
struct upf_worker upf_worker[CST_MAX_WORKERS];

void upf_strangers_send(struct cst_worker *w, struct upf_strangers *s)
{
	cst_handoff_each(w, s->pkts, s->owner, s->n);
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
