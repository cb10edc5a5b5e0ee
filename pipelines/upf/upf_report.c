/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_report.h"

#include <stdio.h>

#include "journal.h"
#include "rpc/rpc.h"
#include "upf_books.h"

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

/* Columns of a record for offline rating. */
static const char *const usage_columns[] = {
	"seid",
	"urr_id",
	"first_ur_seqn",
	"ur_seqn",
	"usage_report_trigger",
	"start_time",
	"end_time",
	"volume_measurement.total",
	"volume_measurement.ul",
	"volume_measurement.dl",
	"volume_measurement.total_packets",
	"volume_measurement.ul_packets",
	"volume_measurement.dl_packets",
	"duration_measurement",
	"time_of_first_packet",
	"time_of_last_packet",
	"usage_information",
	NULL,
};

static void __attribute__((constructor)) tell_journal(void)
{
	cst_journal_set_columns(&usage_event, usage_columns);
	cst_journal_set_merge(&usage_event, upf_report_merge);
}

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

void upf_report_event(const struct cst_event_type *t, uint64_t seid, json_t *data)
{
	const struct upf_session *s = upf_session_by_seid(seid);
	struct cst_journal_key k = {
		.owner = s ? s->owner : 0, .subject = seid, .rule = CST_JOURNAL_NO_RULE};

	cst_journal_publish(t, &k, data);
}

bool upf_report_send(const struct upf_usage_report_obj *r, uint8_t owner, bool may_wait)
{
	struct cst_journal_key k = {.owner = owner,
				    .mergeable = upf_report_mergeable(r->usage_report_trigger),
				    .may_wait = may_wait,
				    .subject = r->seid,
				    .rule = r->urr_id,
				    .seqn = r->ur_seqn};
	json_t *js = cst_encode(&upf_usage_report_object, r);
	bool sent;

	json_incref(js);
	sent = cst_journal_publish(&usage_event, &k, js) == 0 || !may_wait;
	if (keeping && sent)
		keep(r->seid, js);
	json_decref(js);
	return sent;
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
	upf_report_event(&inactive_event, seid, cst_encode(&upf_inactive_object, &o));
}
