/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_report.h"

#include <stdio.h>

#include "rpc/rpc.h"

static struct cst_event_type usage_event = {
	.name = "session.usage_report",
	.help = "usage of one URR, TS 29.244 7.5.8.3",
	.data = &upf_usage_report_object,
};
CST_EVENT(usage_event);

static struct cst_event_type inactive_event = {
	.name = "session.user_plane_inactivity",
	.help = "no packets of the session for its user_plane_inactivity_timer: UPIR, TS 29.244 "
		"7.5.8.1; told again after the next packets",
	.data = &upf_inactive_object,
};
CST_EVENT(inactive_event);

static json_t *kept; /* SEID as text -> array */
static bool keeping;

static const char *key_of(uint64_t seid, char buf[24])
{
	snprintf(buf, 24, "%llu", (unsigned long long)seid);
	return buf;
}

static void keep(uint64_t seid, json_t *report)
{
	char buf[24];
	json_t *list = json_object_get(kept, key_of(seid, buf));

	if (!list) {
		list = json_array();
		json_object_set_new(kept, buf, list);
	}
	json_array_append(list, report);
}

void upf_report_send(const struct upf_usage_report_obj *r)
{
	json_t *js = cst_encode(&upf_usage_report_object, r);

	if (keeping)
		keep(r->seid, js);
	cst_event_publish(&usage_event, js);
}

void upf_report_collect(bool on)
{
	keeping = on;
	if (!on)
		return;
	json_decref(kept);
	kept = json_object();
}

json_t *upf_report_collected(uint64_t seid)
{
	char buf[24];

	return json_incref(json_object_get(kept, key_of(seid, buf)));
}

void upf_report_inactive(uint64_t seid, const struct upf_f_seid_obj *cp_f_seid, uint32_t seconds)
{
	struct upf_inactive_obj o = {.has = 1u << INACTIVE_SEID | 1u << INACTIVE_SECONDS,
				     .seid = seid,
				     .user_plane_inactivity_timer = seconds};

	if (cp_f_seid) {
		o.cp_f_seid = *cp_f_seid;
		o.has |= 1u << INACTIVE_CP_F_SEID;
	}
	cst_event_publish(&inactive_event, cst_encode(&upf_inactive_object, &o));
}
