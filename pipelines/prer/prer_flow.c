/* SPDX-License-Identifier: BSD-3-Clause */
/* What net/redundancy.h asks, upon the engine: by the flow's owner, and figures for others. */
#include "prer_flow.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_prefetch.h>

#include "engine/worker.h"
#include "prer_ctl.h"

/* ---- control thread --------------------------------------------------------------------- */

static int read_recovery(const char *name, struct cst_pool *pool, struct prer_recovery_obj *r,
			 struct cst_err *e)
{
	const struct prer_entry *x;

	if (!pool)
		return cst_err(e, -ENOMEM, NULL, "no memory");
	x = prer_entry_find(PRER_RECOVERIES, name);
	if (x)
		return prer_entry_read(x, false, pool, r);
	if (strcmp(name, PRER_DEFAULT_RECOVERY) == 0)
		return prer_default(pool, r, e); /* nobody has put a recovery yet */
	return cst_err(e, -ENOENT, "recovery", "there is no recovery '%s'", name);
}

static uint32_t open_flow(const struct cst_redundancy_conf *c, struct cst_err *e)
{
	struct cst_pool *pool = cst_pool_new();
	struct prer_recovery_obj r = {0};
	struct prer_params p;
	struct cst_redundancy_conf named = *c;
	int rc;

	if (!named.recovery[0])
		snprintf(named.recovery, sizeof(named.recovery), PRER_DEFAULT_RECOVERY);
	rc = read_recovery(named.recovery, pool, &r, e);
	if (rc == 0)
		rc = prer_params_record(&r, &p, NULL, e);
	cst_pool_free(pool);
	return rc == 0 ? prer_flow_open(&named, &p, e) : 0;
}

static uint64_t load(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

static void counts_of(uint32_t flow, struct cst_redundancy_counts *out)
{
	const struct prer_state *s = &prer_flows.flow[flow].state;

	*out = (struct cst_redundancy_counts){
		.generated = load(&s->counts.generated),
		.passed = load(&s->recovery.passed),
		.discarded = load(&s->recovery.discarded),
		.rogue = load(&s->recovery.rogue),
		.out_of_order = load(&s->recovery.out_of_order),
		.lost = load(&s->counts.lost),
		.resets = prer_resets(&s->counts),
		.from = {load(&s->health[0].seen), load(&s->health[1].seen)},
	};
}

/* ---- the owning worker -------------------------------------------------------------------- */

static void prefetch(uint32_t flow)
{
	const struct prer_flow *f = &prer_flows.flow[flow];

	rte_prefetch0(f);
	rte_prefetch0_write(&f->state.recovery);
	rte_prefetch0_write(&f->state.counts);
	rte_prefetch0_write(&f->state.health);
}

static uint32_t next_number(uint32_t flow)
{
	struct prer_flow *f = &prer_flows.flow[flow];

	return prer_generate(&f->state.counts, f->bits);
}

/* A worker may meet a flow that is closed, until it has seen what its session is by now. */
static bool accept_number(struct cst_worker *w, uint32_t flow, unsigned path, uint32_t seq)
{
	struct prer_flow *f = &prer_flows.flow[flow];
	uint64_t how = __atomic_load_n(&f->how, __ATOMIC_ACQUIRE);
	const struct prer_params *p = &prer_flows.params[prer_how_params(how)];
	uint64_t *ring = &prer_flows.rings[prer_how_ring(how)];
	struct prer_state *s = &f->state;
	enum prer_verdict v;

	if (unlikely(f->begun != prer_how_epoch(how))) {
		prer_reset(&s->recovery, &s->counts, ring, p);
		f->begun = prer_how_epoch(how);
	}
	seq &= (1u << f->bits) - 1;
	v = prer_recover(&s->recovery, &s->counts, ring, p, f->bits, seq, w->now);
	prer_health_seen(&s->health[path], &s->counts, path, seq, f->bits, v, w->now);
	return v == PRER_PASS;
}

static const struct cst_redundancy offer = {.open = open_flow,
					    .close = prer_flow_close,
					    .restart = prer_flow_restart,
					    .counts = counts_of,
					    .prefetch = prefetch,
					    .next = next_number,
					    .accept = accept_number};

static void __attribute__((constructor)) offer_flows(void)
{
	cst_redundancy_offer(&offer);
}
