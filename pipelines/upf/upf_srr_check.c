/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_srr_check.h"

#include <errno.h>

/* A packet bears one time stamp, so a flow has one monitor. `seen`: by rules before. */
static int check_flows(const struct upf_qos_monitoring_obj *q, uint64_t *seen, struct cst_err *e)
{
	const uint8_t *qfi = q->qfi.items;

	for (unsigned i = 0; i < q->qfi.n; i++) {
		if (*seen & 1ull << qfi[i]) {
			cst_err(e, -EINVAL, NULL, "QoS flow %u is monitored twice", qfi[i]);
			cst_err_prefix(e, "qfi[%u]", i);
			return -EINVAL;
		}
		*seen |= 1ull << qfi[i];
	}
	return 0;
}

int upf_srr_check(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_srr_obj *srrs = s->srrs.items;
	uint64_t seen = 0;

	for (unsigned i = 0; i < s->srrs.n; i++) {
		const struct upf_qos_monitoring_obj *q = srrs[i].qos_monitoring.items;

		if (srrs[i].qos_monitoring.n == 0) {
			cst_err(e, -EINVAL, "qos_monitoring", "asks for nothing");
			cst_err_prefix(e, "srrs[%u]", i);
			return -EINVAL;
		}
		for (unsigned j = 0; j < srrs[i].qos_monitoring.n; j++) {
			int rc = check_flows(&q[j], &seen, e);

			if (rc < 0) {
				cst_err_prefix(e, "qos_monitoring[%u]", j);
				cst_err_prefix(e, "srrs[%u]", i);
				return rc;
			}
		}
	}
	return 0;
}
