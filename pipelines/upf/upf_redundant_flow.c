/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_redundant_flow.h"

#include <errno.h>
#include <stdlib.h>

#include "upf_hook.h"
#include "upf_policy_run.h"

static uint32_t *flows; /* by part number, 0: not open */
static uint32_t n_flows;

int upf_flows_open(uint32_t count, struct cst_err *e)
{
	flows = calloc((size_t)count + 1, sizeof(*flows));
	n_flows = count;
	if (!flows)
		return cst_err(e, -ENOMEM, "system.max_pdrs",
			       "no memory for what belongs to so many PDRs");
	return 0;
}

void upf_flows_close(void)
{
	free(flows);
	flows = NULL;
	n_flows = 0;
}

/* The same number may be another session's after a restart: its key is not. */
uint32_t upf_flow_of(uint32_t part, const struct cst_redundancy_conf *conf, struct cst_err *e)
{
	struct cst_redundancy_conf c = *conf;

	if (flows[part])
		return flows[part];
	if (!cst_redundancy()) {
		cst_err(e, -ENOTSUP, NULL,
			"nothing here numbers packets: coastd is built "
			"without redundant streams");
		return 0;
	}
	c.key = (uint64_t)part << 32 | (uint32_t)conf->key;
	flows[part] = cst_redundancy()->open(&c, e);
	return flows[part];
}

static void close_flow(uint32_t part)
{
	if (flows[part])
		cst_redundancy()->close(flows[part]);
	flows[part] = 0;
}

static void end(uint32_t part)
{
	close_flow(part);
	upf_part_free(UPF_PART_FLOW, part);
}

/* ---- path switch -------------------------------------------------------------------- */

static bool same_way(const struct upf_pdr *a, const struct upf_pdr *b)
{
	return a->peer == b->peer && a->out_teid == b->out_teid;
}

/* Does a PDR of `of` send by two tunnels that no PDR of `other` sends by? */
static bool sends_elsewhere(const struct upf_session *of, const struct upf_session *other)
{
	const struct upf_pdr *a = upf_run_pdrs(of), *b = upf_run_pdrs(other);

	for (unsigned i = 0; i < upf_run_n(of); i++) {
		const struct upf_pdr *second = upf_second_of(upf_run(of), &a[i]);
		bool found = false;

		if (!second || !(second->flags & UPF_PDR_ENCAP))
			continue;
		for (unsigned k = 0; k < upf_run_n(other) && !found; k++) {
			const struct upf_pdr *is = upf_second_of(upf_run(other), &b[k]);

			found = is && same_way(&a[i], &b[k]) && same_way(second, is);
		}
		if (!found)
			return true;
	}
	return false;
}

static void restart_uplink(const struct upf_session *s)
{
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++) {
		const struct upf_pdr *second = upf_second_of(upf_run(s), &p[i]);

		if (second && !(second->flags & UPF_PDR_ENCAP) && second->counter)
			cst_redundancy()->restart(second->counter);
	}
}

/* The user is at another gNB now, or there anew: it counts its uplink from where it likes, into the
 * same tunnels of coast's (TS 23.502 4.9.1). */
static void on_commit(const struct upf_change *c)
{
	if (c->old && c->next &&
	    (sends_elsewhere(c->next, c->old) || sends_elsewhere(c->old, c->next)))
		restart_uplink(c->next);
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	upf_part_define(UPF_PART_FLOW, &(struct upf_part_kind){.end = end, .undo = close_flow});
	upf_hook_add(&hook);
}

/* ---- what is told ------------------------------------------------------------------- */

#define SENT     (1u << REDUNDANCY_GENERATED)
#define RECEIVED (((1u << REDUNDANCY_N) - 1) & ~SENT)

bool upf_redundant_show(const struct upf_session *s, const struct upf_pdr *rec,
			struct upf_redundancy_obj *out)
{
	const struct upf_pdr *second = upf_second_of(upf_run(s), rec);
	struct cst_redundancy_counts n;

	if (!second || !second->counter)
		return false;
	cst_redundancy()->counts(second->counter, &n);
	*out = (struct upf_redundancy_obj){
		.generated = n.generated,
		.passed = n.passed,
		.discarded = n.discarded,
		.rogue = n.rogue,
		.out_of_order = n.out_of_order,
		.lost = n.lost,
		.resets = n.resets,
		.first_tunnel = n.from[0],
		.second_tunnel = n.from[1],
	};
	out->has = second->flags & UPF_PDR_ENCAP ? SENT : RECEIVED;
	return true;
}
