/* SPDX-License-Identifier: BSD-3-Clause */
/* A monitor for each QoS flow that a session reporting rule names, and the PDRs that see it. */
#include "upf_work.h"

static int plan_flows(const struct upf_qos_monitoring_obj *q, uint64_t *set, struct cst_err *e)
{
	const uint8_t *qfi = q->qfi.items;
	uint32_t number;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < q->qfi.n; i++) {
		rc = upf_plan_part(UPF_PART_MONITOR, qfi[i], &number, e);
		*set |= 1ull << qfi[i];
	}
	return rc;
}

/* Workers look for a flow from here on (upf_monitor_of). */
static uint32_t first_monitor(void)
{
	for (unsigned i = 0; i < upf_work.n_parts; i++)
		if (upf_work.parts[i].kind == UPF_PART_MONITOR && upf_work.parts[i].used)
			return upf_work.parts[i].number;
	return 0;
}

/* Whether packets of a monitored flow may go by it. */
static bool sees(const struct upf_link *l, uint64_t set)
{
	const struct upf_pdr *r = &l->rec;

	if (!l->dl)
		return (r->qfi_set & set) != 0;
	return (r->flags & UPF_PDR_PSC) && r->dest_if == UPF_IF_ACCESS && (set >> r->out_qfi & 1);
}

int upf_plan_monitors(struct cst_err *e)
{
	const struct upf_srr_obj *srrs = upf_work.s->srrs.items;
	uint64_t set = 0;
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < upf_work.s->srrs.n; i++) {
		const struct upf_qos_monitoring_obj *q = srrs[i].qos_monitoring.items;

		for (unsigned j = 0; rc == 0 && j < srrs[i].qos_monitoring.n; j++)
			rc = plan_flows(&q[j], &set, e);
	}
	for (unsigned i = 0; rc == 0 && set && i < upf_work.n; i++)
		if (sees(&upf_work.links[i], set))
			upf_work.links[i].policy.monitor = first_monitor();
	return rc;
}
