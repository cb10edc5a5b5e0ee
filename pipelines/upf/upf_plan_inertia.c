/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While its owner is away a session may be slowed down as a whole: a QER of
 * coast's own, which no request has named, is beside those of each PDR.
 */
#include <errno.h>
#include <string.h>

#include "upf_owned.h"
#include "upf_work.h"

void upf_plan_class(void)
{
	struct upf_rules r = {.ue_v4 = upf_work.id.ue_v4, .ue_v6_len = upf_work.id.ue_v6_len};

	upf_work.inert = upf_owned_plans_inert(upf_work.old);
	if (!upf_work.inert)
		return;
	r.flags = (uint8_t)((upf_work.id.v4 ? UPF_RULES_V4 : 0) |
			    (upf_work.id.v6 ? UPF_RULES_V6 : 0));
	memcpy(r.ue_v6, upf_work.id.ue_v6, sizeof(r.ue_v6));
	upf_work.class = upf_owned_class(upf_work.s, &r);
	/* a rate of 0 is no rate: its class is another one by now */
	upf_work.throttled =
		upf_work.old && upf_owned_slow(upf_work.old) && upf_work.class->throttle_kbps != 0;
}

/* An id that no QER of the session has. */
static uint32_t free_id(void)
{
	uint32_t id = UINT32_MAX;

	while (upf_rule_find(UPF_RULE_QER, &upf_work.s->qers, id))
		id--;
	return id;
}

int upf_plan_throttle(struct cst_err *e)
{
	static struct upf_qer_obj q;
	uint32_t meter;
	int rc;

	if (!upf_work.throttled)
		return 0;
	q = (struct upf_qer_obj){.has = 1u << QER_ID | 1u << QER_MBR, .id = free_id()};
	q.mbr.ul = q.mbr.dl = upf_work.class->throttle_kbps;
	rc = upf_plan_part(UPF_PART_METER, q.id, &meter, e);
	for (unsigned i = 0; rc == 0 && i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];

		if (l->n_qers == UPF_POLICY_QERS)
			return cst_err(e, -E2BIG, "qers",
				       "a PDR has %d QERs with limits: none more can throttle it",
				       UPF_POLICY_QERS);
		l->meters[l->n_qers] = meter;
		l->qers[l->n_qers++] = &q;
	}
	return rc;
}
