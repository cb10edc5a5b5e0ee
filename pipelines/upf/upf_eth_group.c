/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_eth_group.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "log.h"
#include "net/frames.h"
#include "upf_attach.h"
#include "upf_eth_learn.h"
#include "upf_eth_node.h"
#include "upf_eth_report.h"
#include "upf_hook.h"
#include "upf_work.h"

struct upf_eth_member *upf_eth_members;
uint32_t upf_eth_n_members;
struct upf_eth_group *upf_eth_groups[CST_MAX_VRFS];

bool upf_eth_is_member(uint32_t state, uint16_t vrf)
{
	return state < upf_eth_n_members && upf_eth_members[state].ref &&
	       upf_eth_members[state].vrf == vrf;
}

/* Frames that leave the tunnel stay in the group. */
static int check_ways(struct cst_err *e)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct upf_pdr *rec = &upf_work.links[i].rec;

		if (rec->action != UPF_FORW || (rec->flags & UPF_PDR_ENCAP) ||
		    rec->out_vrf == upf_work.ue_vrf)
			continue;
		cst_err(e, -EINVAL, "far_id",
			"FAR %u forwards frames into network instance %s, and the session's "
			"downlink ones come from %s",
			rec->far_id, cst_vrf_name(rec->out_vrf), cst_vrf_name(upf_work.ue_vrf));
		cst_err_prefix(e, "pdrs[%u]", i);
		return -EINVAL;
	}
	return 0;
}

int upf_eth_plan(struct cst_err *e)
{
	const struct upf_eth_group *g = upf_eth_groups[upf_work.ue_vrf % CST_MAX_VRFS];
	int rc;

	if (upf_work.s->pdn_type != UPF_PDN_ETHERNET)
		return 0;
	rc = check_ways(e);
	if (rc < 0 || !g || g->n < UPF_ETH_GROUP_MAX)
		return rc;
	if (upf_work.old && upf_eth_is_member(upf_run(upf_work.old)->state, upf_work.ue_vrf))
		return 0;
	return cst_err(e, -ENOSPC, "pdn_type",
		       "network instance %s has %u Ethernet PDU sessions, the most there can be: "
		       "each broadcast frame goes to all of them",
		       cst_vrf_name(upf_work.ue_vrf), g->n);
}

/* ---- who is in it ---------------------------------------------------------------- */

static void free_group(void *g, uint64_t arg)
{
	(void)arg;
	free(g);
}

static void publish(uint16_t vrf, struct upf_eth_group *g)
{
	struct upf_eth_group *old = upf_eth_groups[vrf];

	__atomic_store_n(&upf_eth_groups[vrf], g, __ATOMIC_RELEASE);
	if (old)
		cst_rcu_defer(free_group, old, 0);
}

/* The group as it is, without `state`, with room for one more. NULL: no memory. */
static struct upf_eth_group *copy_without(uint16_t vrf, uint32_t state)
{
	const struct upf_eth_group *old = upf_eth_groups[vrf];
	uint32_t n = old ? old->n : 0;
	struct upf_eth_group *g = malloc(sizeof(*g) + (n + 1) * sizeof(g->member[0]));

	if (!g)
		return NULL;
	g->n = 0;
	for (uint32_t i = 0; i < n; i++)
		if (old->member[i] != state)
			g->member[g->n++] = old->member[i];
	return g;
}

static void leave(uint32_t state)
{
	struct upf_eth_member *m = &upf_eth_members[state];
	struct upf_eth_group *g;

	if (!m->ref)
		return;
	__atomic_store_n(&m->ref, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&m->taken, 0, __ATOMIC_RELAXED);
	upf_eth_report_drop(state);
	if (m->n_macs)
		upf_eth_forget(state);
	g = copy_without(m->vrf, state);
	if (g && g->n == 0) {
		free(g);
		g = NULL;
	}
	/* without memory it stays in the list, where its ref says that it is nobody */
	if (g || upf_eth_groups[m->vrf]->n == 1)
		publish(m->vrf, g);
}

static void join(uint32_t state, uint32_t ref, uint16_t vrf)
{
	struct upf_eth_member *m = &upf_eth_members[state];
	struct upf_eth_group *g;

	if (m->ref && m->vrf == vrf) {
		__atomic_store_n(&m->ref, ref, __ATOMIC_RELEASE);
		return;
	}
	leave(state);
	m->vrf = vrf;
	__atomic_store_n(&m->ref, ref, __ATOMIC_RELEASE);
	g = copy_without(vrf, state);
	if (!g) {
		LOG_ERR("no memory: an Ethernet PDU session gets no broadcast frames");
		return;
	}
	g->member[g->n++] = state;
	publish(vrf, g);
}

/* By the change's last word on the session. */
static void on_commit(const struct upf_change *c)
{
	const struct upf_rules *r = upf_run(c->next ? c->next : c->old);

	if (r->state >= upf_eth_n_members)
		return;
	if (c->next && (r->flags & UPF_RULES_ETHERNET))
		join(r->state, UPF_REF(cst_owner_of(r->state), c->next->line), r->vrf);
	else
		leave(r->state);
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) upf_eth_group_register(void)
{
	upf_hook_add(&hook);
}

/* ---- tunnels for takers of frames -------------------------------------------------- */

static uint32_t find_tunnel(uint64_t seid, struct cst_err *e)
{
	const struct upf_session *s = upf_session_by_seid(seid);

	if (!s || s->planned) {
		cst_err(e, -ENOENT, NULL, "there is no session %llu", (unsigned long long)seid);
		return 0;
	}
	if (!upf_eth_is_member(upf_run(s)->state, upf_run(s)->vrf)) {
		cst_err(e, -EINVAL, NULL,
			"session %llu carries no frames: its pdn_type must be ethernet",
			(unsigned long long)seid);
		return 0;
	}
	return upf_run(s)->state;
}

static void take_tunnel(uint32_t tunnel, bool taken)
{
	if (upf_eth_ref(tunnel))
		__atomic_store_n(&upf_eth_members[tunnel].taken, taken, __ATOMIC_RELAXED);
}

static const struct cst_frame_tunnels tunnels = {.find = find_tunnel,
						 .take = take_tunnel,
						 .room = upf_eth_room,
						 .classify_edge = &upf_eth_from_classify,
						 .frame_out_edge = &upf_eth_from_frame_out};

/* ---- what an earlier coastd left ---------------------------------------------------- */

/* Until its session is back from the store a run is gone on with: frames find it as its tunnel's
 * packets do. */
static void adopt_runs(void)
{
	for (uint32_t line = 1; line < upf_books_capacity()->lines; line++) {
		const struct upf_rules *r = upf_attach_run(line);

		if (r && (r->flags & UPF_RULES_ETHERNET) && r->state < upf_eth_n_members)
			join(r->state, UPF_REF(cst_owner_of(r->state), line), r->vrf);
	}
}

void upf_eth_settle(void)
{
	for (unsigned vrf = 0; vrf < CST_MAX_VRFS; vrf++) {
		for (uint32_t i = 0; upf_eth_groups[vrf] && i < upf_eth_groups[vrf]->n;) {
			uint32_t state = upf_eth_groups[vrf]->member[i];
			uint32_t n = upf_eth_groups[vrf]->n;

			if (upf_session_by_state(state) == NULL)
				leave(state);
			/* the list is another one after it, without this one */
			if (upf_eth_groups[vrf] && upf_eth_groups[vrf]->n == n)
				i++;
		}
	}
}

/* ---- up and down -------------------------------------------------------------------- */

static int start(const struct cst_system *sys, struct cst_err *e)
{
	(void)sys;
	upf_eth_n_members = 0;
	/* pages of lines that no such session has are never touched */
	upf_eth_members = calloc((size_t)upf_state_lines() + 1, sizeof(*upf_eth_members));
	if (!upf_eth_members)
		return cst_err(e, -ENOMEM, NULL, "no memory for Ethernet PDU sessions");
	upf_eth_n_members = upf_state_lines() + 1;
	if (upf_eth_macs_open(e) < 0)
		return -ENOMEM;
	adopt_runs();
	return 0;
}

static void stop(void)
{
	for (unsigned i = 0; i < CST_MAX_VRFS; i++) {
		free(upf_eth_groups[i]);
		upf_eth_groups[i] = NULL;
	}
	upf_eth_n_members = 0;
	free(upf_eth_members);
	upf_eth_members = NULL;
	upf_eth_macs_close();
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	if (!upf_eth_members)
		return;
	upf_eth_age();
	upf_eth_report_flush();
}

struct cst_module upf_eth_module = {
	.name = "upf.ethernet", .order = 26, .start = start, .tick = tick, .stop = stop};
CST_MODULE(upf_eth_module);

static void __attribute__((constructor)) upf_eth_tunnels_register(void)
{
	cst_frame_tunnels_offer(&tunnels);
}
