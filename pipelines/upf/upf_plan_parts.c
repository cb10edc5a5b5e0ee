/* SPDX-License-Identifier: BSD-3-Clause */
/* Meters, usage and buffers: those that the session had for the same rule, else new ones. */
#include <errno.h>

#include "upf_urr.h"
#include "upf_work.h"

static const struct {
	const char *field, *what;
} names[UPF_PARTS] = {
	[UPF_PART_METER] = {"qers", "meters"},
	[UPF_PART_USAGE] = {"urrs", "usage counters"},
	[UPF_PART_QUEUE] = {"bars", "buffers"},
	[UPF_PART_MONITOR] = {"srrs", "QoS monitors"},
	[UPF_PART_FRAMED] = {"pdrs", "framed routes"},
	[UPF_PART_HELD] = {"fars", "held FARs"},
	[UPF_PART_FLOW] = {"pdrs", "redundant flows"},
};

static struct upf_held_part *find(struct upf_held_part *p, unsigned n, enum upf_part kind,
				  uint32_t rule)
{
	for (unsigned i = 0; i < n; i++)
		if (p[i].kind == kind && p[i].rule == rule)
			return &p[i];
	return NULL;
}

int upf_plan_part(enum upf_part kind, uint32_t rule, uint32_t *number, struct cst_err *e)
{
	struct upf_held_part *p = find(upf_work.parts, upf_work.n_parts, kind, rule);

	if (!p) {
		int rc = upf_plan_may_take(false, e);

		if (rc < 0)
			return rc;
		if (upf_work.n_parts == UPF_MAX_HELD_PARTS)
			return cst_err(e, -E2BIG, names[kind].field,
				       "a session has at most %d meters, usage counters and the "
				       "like together",
				       UPF_MAX_HELD_PARTS);
		p = &upf_work.parts[upf_work.n_parts];
		*p = (struct upf_held_part){.rule = rule, .kind = (uint8_t)kind, .fresh = 1};
		p->number = upf_part_alloc(kind);
		if (p->number == 0)
			return cst_err(e, -ENOSPC, names[kind].field,
				       "no %s left: raise system.max_pdrs", names[kind].what);
		upf_work.n_parts++;
	}
	p->used = 1;
	*number = p->number;
	return 0;
}

uint32_t upf_plan_keep(enum upf_part kind, uint32_t rule)
{
	struct upf_held_part *p = find(upf_work.parts, upf_work.n_parts, kind, rule);

	if (!p)
		return 0;
	p->used = 1;
	return p->number;
}

bool upf_keeps_part(const struct upf_session *next, const struct upf_held_part *p)
{
	return next && find(upf_parts(next), next->n_parts, p->kind, p->rule) != NULL;
}

static bool has_packet_rate(const struct upf_packet_rate_obj *r)
{
	return r->has != 0;
}

/* A QER without limits needs no meter: its QFI and gate are in the PDR. */
static int plan_qers(struct upf_link *l, struct cst_err *e)
{
	const uint32_t *ids = l->pdr->qer_ids.items;

	for (unsigned i = 0; i < l->pdr->qer_ids.n; i++) {
		const struct upf_qer_obj *q =
			upf_rule_find(UPF_RULE_QER, &upf_work.s->qers, ids[i]);
		int rc;

		if (!cst_has(q, QER_MBR) && !has_packet_rate(&q->packet_rate))
			continue;
		rc = upf_plan_part(UPF_PART_METER, q->id, &l->meters[l->n_qers], e);
		if (rc < 0)
			return rc;
		l->qers[l->n_qers++] = q;
	}
	return 0;
}

/* Those measured before QoS enforcement stand first. */
static int plan_urrs(struct upf_link *l, struct cst_err *e)
{
	const uint32_t *ids = l->pdr->urr_ids.items;

	for (int before = 1; before >= 0; before--) {
		for (unsigned i = 0; i < l->pdr->urr_ids.n; i++) {
			const struct upf_urr_obj *u =
				upf_rule_find(UPF_RULE_URR, &upf_work.s->urrs, ids[i]);
			int rc;

			if (u->measurement_information & UPF_MI_INAM ||
			    !!(u->measurement_information & UPF_MI_MBQE) != before)
				continue;
			rc = upf_plan_part(UPF_PART_USAGE, u->id, &l->usages[l->n_urrs], e);
			if (rc < 0)
				return rc;
			if (upf_urr_rests(u))
				l->policy.flags |= UPF_POLICY_RESTS;
			if (cst_has(u, URR_FAR_ID_FOR_QUOTA_ACTION))
				l->policy.spent_by |= (uint16_t)(1u << l->n_urrs);
			l->n_urrs++;
			l->policy.n_before = (uint8_t)(l->policy.n_before + before);
		}
	}
	return 0;
}

/* A URR that no PDR names measures nothing yet, but reports. */
static int plan_unused_urrs(struct cst_err *e)
{
	const struct upf_urr_obj *u = upf_work.s->urrs.items;
	uint32_t number;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < upf_work.s->urrs.n; i++)
		rc = upf_plan_part(UPF_PART_USAGE, u[i].id, &number, e);
	return rc;
}

/* Those of an earlier life of coastd. A framed route has a number for as long as it is in the
 * routes, and they are made anew. In a new arena nothing but what the control plane was promised
 * is kept. */
static void claim_parts(const struct upf_past *past)
{
	const struct upf_held_part *p = upf_parts(past->book);

	for (unsigned i = 0; i < past->book->n_parts; i++) {
		if (p[i].kind >= UPF_PARTS || p[i].kind == UPF_PART_FRAMED ||
		    (!upf_past_has_numbers() && p[i].kind != UPF_PART_HELD) ||
		    !upf_part_claim(p[i].kind, p[i].number))
			continue;
		upf_work.parts[upf_work.n_parts] = p[i];
		upf_work.parts[upf_work.n_parts].used = upf_work.parts[upf_work.n_parts].gone = 0;
		upf_work.parts[upf_work.n_parts++].fresh = 1;
	}
}

static void take_over(void)
{
	const struct upf_held_part *p = upf_work.old ? upf_parts(upf_work.old) : NULL;

	if (upf_work.past)
		claim_parts(upf_work.past);
	for (unsigned i = 0; upf_work.old && i < upf_work.old->n_parts; i++) {
		upf_work.parts[i] = p[i];
		upf_work.parts[i].fresh = upf_work.parts[i].used = upf_work.parts[i].gone = 0;
		upf_work.n_parts++;
	}
}

/* What no rule of the plan asks for any more. */
static void leave_behind(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < upf_work.n_parts; i++)
		if (upf_work.parts[i].used)
			upf_work.parts[n++] = upf_work.parts[i];
		else if (upf_work.parts[i].fresh)
			upf_part_give_back(upf_work.parts[i].kind, upf_work.parts[i].number);
	upf_work.n_parts = n;
}

int upf_plan_parts(struct cst_err *e)
{
	int rc = 0;

	if (upf_work.dry)
		return 0;
	take_over();
	upf_plan_class();
	for (unsigned i = 0; rc == 0 && i < upf_work.n; i++) {
		rc = plan_qers(&upf_work.links[i], e);
		if (rc == 0)
			rc = plan_urrs(&upf_work.links[i], e);
	}
	if (rc == 0)
		rc = upf_plan_throttle(e);
	if (rc == 0)
		rc = plan_unused_urrs(e);
	if (rc == 0)
		rc = upf_plan_buffer(e);
	if (rc == 0)
		rc = upf_plan_framed(e);
	if (rc == 0)
		rc = upf_plan_monitors(e);
	if (rc == 0)
		rc = upf_plan_flows(e);
	if (rc == 0)
		leave_behind();
	return rc;
}
