/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Second tunnels of redundant transmission, and the flows that number packets.
 * GTP-U's numbers count what enters a pair of tunnels, whatever PDR it is by; QFI
 * sequence numbers count a QoS flow. So a session has, each way, at most one flow
 * of the first kind, since it has one pair of tunnels (TS 23.501 5.33.2.2), and
 * of the second kind one for each QFI.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "hash.h"
#include "upf_redundant.h"
#include "upf_redundant_flow.h"
#include "upf_work.h"

static unsigned far_index(const struct upf_far_obj *far)
{
	return (unsigned)(far - (const struct upf_far_obj *)upf_work.s->fars.items);
}

static void in_far(const struct upf_link *l, struct cst_err *e)
{
	cst_err_prefix(e, "fars[%u].%sredundant_transmission_forwarding_parameters",
		       far_index(l->far),
		       cst_has(l->far, FAR_REDUNDANT) ? "" : "forwarding_parameters.");
}

/* Where the fault of a link's flow lies. */
static void locate(unsigned i, struct cst_err *e)
{
	const struct upf_link *l = &upf_work.links[i];

	if (l->dl)
		in_far(l, e);
	else
		cst_err_prefix(e, "pdrs[%u].pdi.redundant_transmission_parameters", i);
}

int upf_plan_second_way(struct upf_link *l, struct cst_err *e)
{
	const struct upf_rtfp_obj *o = upf_far_second(l->far);
	int rc = upf_plan_way(&l->second, o->network_instance, &o->outer_header_creation, e);

	if (rc == 0 && !upf_work.dry && l->second.peer == l->rec.peer &&
	    l->second.out_teid == l->rec.out_teid)
		rc = cst_err(e, -EINVAL, "outer_header_creation",
			     "is the tunnel that FAR %u uses already", l->far->id);
	if (rc < 0)
		in_far(l, e);
	return rc;
}

static uint8_t qfi_of(const struct upf_link *l)
{
	return l->dl ? l->rec.out_qfi : *(const uint8_t *)l->pdr->pdi.qfi.items;
}

static const char *recovery_of(const struct upf_link *l)
{
	const struct upf_rtp_obj *o = &l->pdr->pdi.redundant_transmission_parameters;

	return !l->dl && cst_has(o, RTP_RECOVERY) ? o->recovery : "";
}

/* The part's rule: what is numbered, and that another recovery object makes another flow. */
static uint32_t rule_of(const struct upf_link *l)
{
	const char *name = recovery_of(l);
	uint64_t hash = 0;

	while (*name)
		hash = cst_hash_mix(hash, (uint8_t)*name++);
	return (uint32_t)hash << 8 | (uint32_t)l->dl << 7 |
	       (l->second.first == UPF_BY_QFI ? 1u + qfi_of(l) : 0);
}

static bool same_space(const struct upf_link *a, const struct upf_link *b)
{
	return b->has_second && b->numbered && a->dl == b->dl &&
	       a->second.first == b->second.first &&
	       (a->second.first == UPF_BY_GTPU || qfi_of(a) == qfi_of(b));
}

static bool same_tunnels(const struct upf_link *a, const struct upf_link *b)
{
	const struct upf_pdr *x = &a->second, *y = &b->second;

	if (!a->dl)
		return a->rec.teid == b->rec.teid && a->rec.in_vrf == b->rec.in_vrf &&
		       x->teid == y->teid && x->in_vrf == y->in_vrf;
	return a->rec.peer == b->rec.peer && a->rec.out_teid == b->rec.out_teid &&
	       x->peer == y->peer && x->out_teid == y->out_teid;
}

/* Whoever counts, at the other end, counts what comes by the same tunnels. */
static int check_space(const struct upf_link *l, struct cst_err *e)
{
	for (const struct upf_link *o = upf_work.links; o < l; o++) {
		if (!same_space(l, o))
			continue;
		if (!same_tunnels(l, o))
			return cst_err(e, -EINVAL, NULL,
				       "PDR %u has other tunnels: redundant packets of a session "
				       "go by one pair%s",
				       o->pdr->id,
				       l->second.first == UPF_BY_QFI ? " for each QFI" : "");
		if (strcmp(recovery_of(l), recovery_of(o)) != 0)
			return cst_err(e, -EINVAL, "recovery",
				       "PDR %u, whose packets have the same numbers, has another",
				       o->pdr->id);
	}
	return 0;
}

static void describe(const struct upf_link *l, uint32_t rule, struct cst_redundancy_conf *c)
{
	const char *way = l->dl ? "downlink" : "uplink";
	unsigned long long seid = upf_work.s->seid;

	*c = (struct cst_redundancy_conf){.key = cst_hash_mix(upf_work.s->seid, rule),
					  .bits = l->second.first == UPF_BY_QFI ? 24 : 16};
	snprintf(c->recovery, sizeof(c->recovery), "%s", recovery_of(l));
	if (l->second.first == UPF_BY_QFI)
		snprintf(c->name, sizeof(c->name), "session %llu qfi %u %s", seid, qfi_of(l), way);
	else
		snprintf(c->name, sizeof(c->name), "session %llu %s", seid, way);
}

static int plan_flow(struct upf_link *l, struct cst_err *e)
{
	uint32_t rule = rule_of(l), part = 0;
	struct cst_redundancy_conf conf;
	int rc = check_space(l, e);

	if (rc == 0)
		rc = upf_plan_part(UPF_PART_FLOW, rule, &part, e);
	if (rc < 0)
		return rc;
	describe(l, rule, &conf);
	l->second.counter = upf_flow_of(part, &conf, e);
	return l->second.counter ? 0 : e && e->code ? e->code : -ENOSPC;
}

/* While packets wait, or go by one tunnel, the flow of a FAR that still names two stays: who finds
 * duplicates at the far ends may have been there all the time, and takes no number that is past. */
static void keep_flow(struct upf_link *l)
{
	const struct upf_rtfp_obj *o = l->dl ? upf_far_second(l->far) : NULL;
	struct cst_redundancy_conf conf;
	struct cst_err unheeded;
	uint32_t part;

	if (!o)
		return;
	l->second.first = o->sequence_number;
	part = upf_plan_keep(UPF_PART_FLOW, rule_of(l));
	if (part == 0)
		return;
	describe(l, rule_of(l), &conf);
	upf_flow_of(part, &conf, &unheeded);
}

int upf_plan_flows(struct cst_err *e)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];
		int rc = 0;

		if (!l->has_second)
			keep_flow(l);
		else if (l->numbered)
			rc = plan_flow(l, e);
		if (rc < 0) {
			locate(i, e);
			return rc;
		}
	}
	return 0;
}
