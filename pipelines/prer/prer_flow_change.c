/* SPDX-License-Identifier: BSD-3-Clause */
/* Recoveries that change, and with them the flows that have them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "prer_flow_room.h"

static struct change {
	uint32_t flow;
	bool anew;    /* with a reset, and a history of its own */
	uint64_t how; /* but for the epoch */
} * changes;
static uint32_t n_changes;

static bool has_recovery(uint32_t flow, const char *recovery)
{
	const char *has = prer_flow_recovery(flow);

	return has && strcmp(has, recovery) == 0;
}

const char *prer_flow_user(const char *recovery)
{
	for (uint32_t i = 1; i <= prer_flow_top(); i++)
		if (has_recovery(i, recovery))
			return prer_flow_name(i);
	return NULL;
}

/* What a packet was told by before says nothing of those to come. */
static bool begins_anew(const struct prer_params *a, const struct prer_params *b)
{
	return a->algorithm != b->algorithm || a->history != b->history || a->mask != b->mask;
}

static int change(uint32_t flow, const struct prer_params *p, struct cst_err *e)
{
	const struct prer_flow *f = &prer_flows.flow[flow];
	struct change *c = realloc(changes, (n_changes + 1) * sizeof(*c));
	uint16_t at = 0;

	if (!c)
		return cst_err(e, -ENOMEM, NULL, "no memory");
	changes = c;
	c += n_changes;
	*c = (struct change){.flow = flow, .anew = begins_anew(prer_flow_params(f), p)};
	if (c->anew ? !prer_room_take(p, &c->how, e) : !(at = prer_room_take_params(p, e)))
		return -ENOSPC;
	if (!c->anew)
		c->how = prer_how(0, at, prer_how_ring(f->how));
	n_changes++;
	return 0;
}

int prer_flow_compile(const char *recovery, const struct prer_params *p, struct cst_err *e)
{
	int rc = 0;

	for (uint32_t i = 1; rc == 0 && i <= prer_flow_top(); i++)
		if (has_recovery(i, recovery) &&
		    memcmp(prer_flow_params(&prer_flows.flow[i]), p, sizeof(*p)) != 0)
			rc = change(i, p, e);
	return rc;
}

static void reap_how(void *ring, uint64_t how)
{
	prer_room_give_back(how, ring != NULL);
}

static void end_changes(void)
{
	free(changes);
	changes = NULL;
	n_changes = 0;
}

void prer_flow_commit(void)
{
	for (uint32_t i = 0; i < n_changes; i++) {
		const struct change *c = &changes[i];
		struct prer_flow *f = &prer_flows.flow[c->flow];
		uint64_t was = f->how;

		if (f->key == 0) { /* closed by the same change */
			prer_room_give_back(c->how, c->anew);
			continue;
		}
		prer_flow_set(f, prer_how(prer_how_epoch(was) + c->anew, prer_how_params(c->how),
					  prer_how_ring(c->how)));
		cst_rcu_defer(reap_how, c->anew ? f : NULL, was);
	}
	end_changes();
}

void prer_flow_abort(void)
{
	for (uint32_t i = 0; i < n_changes; i++)
		prer_room_give_back(changes[i].how, changes[i].anew);
	end_changes();
}
