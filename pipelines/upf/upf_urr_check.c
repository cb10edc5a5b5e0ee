/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_urr_check.h"

#include <errno.h>

/* What nothing in coast detects or measures. */
static const struct {
	uint32_t bit;
	const char *name, *why;
} lacking[] = {
	{UPF_RT_ENVCL, "ENVCL", "there are no envelopes to close"},
	{UPF_RT_IPMJL, "IPMJL", "there is no IP multicast"},
	{UPF_RT_REEMR, "REEMR", "Ethernet PDU sessions tell detected and removed addresses, MACAR"},
	{UPF_RT_UPINT, "UPINT",
	 "user plane inactivity is told for the whole session: "
	 "user_plane_inactivity_timer"},
};

/* A trigger, the field that it takes its value from, the method that measures it. */
static const struct {
	uint32_t trigger;
	const char *name;
	unsigned field;
	const char *field_name;
	uint32_t method;
	const char *method_name;
} needs[] = {
	{UPF_RT_PERIO, "PERIO", URR_MEASUREMENT_PERIOD, "measurement_period", 0, NULL},
	{UPF_RT_VOLTH, "VOLTH", URR_VOLUME_THRESHOLD, "volume_threshold", UPF_MM_VOLUM, "VOLUM"},
	{UPF_RT_VOLQU, "VOLQU", URR_VOLUME_QUOTA, "volume_quota", UPF_MM_VOLUM, "VOLUM"},
	{UPF_RT_TIMTH, "TIMTH", URR_TIME_THRESHOLD, "time_threshold", UPF_MM_DURAT, "DURAT"},
	{UPF_RT_TIMQU, "TIMQU", URR_TIME_QUOTA, "time_quota", UPF_MM_DURAT, "DURAT"},
	{UPF_RT_EVETH, "EVETH", URR_EVENT_THRESHOLD, "event_threshold", UPF_MM_EVENT, "EVENT"},
	{UPF_RT_EVEQU, "EVEQU", URR_EVENT_QUOTA, "event_quota", UPF_MM_EVENT, "EVENT"},
	{UPF_RT_QUHTI, "QUHTI", URR_QUOTA_HOLDING_TIME, "quota_holding_time", 0, NULL},
	{UPF_RT_QUVTI, "QUVTI", URR_QUOTA_VALIDITY_TIME, "quota_validity_time", 0, NULL},
	{UPF_RT_DROTH, "DROTH", URR_DROPPED_DL_TRAFFIC_THRESHOLD, "dropped_dl_traffic_threshold", 0,
	 NULL},
	{UPF_RT_LIUSA, "LIUSA", URR_LINKED_URR_IDS, "linked_urr_ids", 0, NULL},
};

/* Values that only a method measures, triggered or not. */
static const struct {
	unsigned field;
	const char *name;
	uint32_t method;
	const char *method_name;
} measured[] = {
	{URR_VOLUME_THRESHOLD, "volume_threshold", UPF_MM_VOLUM, "VOLUM"},
	{URR_VOLUME_QUOTA, "volume_quota", UPF_MM_VOLUM, "VOLUM"},
	{URR_SUBSEQUENT_VOLUME_THRESHOLD, "subsequent_volume_threshold", UPF_MM_VOLUM, "VOLUM"},
	{URR_SUBSEQUENT_VOLUME_QUOTA, "subsequent_volume_quota", UPF_MM_VOLUM, "VOLUM"},
	{URR_TIME_THRESHOLD, "time_threshold", UPF_MM_DURAT, "DURAT"},
	{URR_TIME_QUOTA, "time_quota", UPF_MM_DURAT, "DURAT"},
	{URR_SUBSEQUENT_TIME_THRESHOLD, "subsequent_time_threshold", UPF_MM_DURAT, "DURAT"},
	{URR_SUBSEQUENT_TIME_QUOTA, "subsequent_time_quota", UPF_MM_DURAT, "DURAT"},
	{URR_EVENT_THRESHOLD, "event_threshold", UPF_MM_EVENT, "EVENT"},
	{URR_EVENT_QUOTA, "event_quota", UPF_MM_EVENT, "EVENT"},
	{URR_SUBSEQUENT_EVENT_THRESHOLD, "subsequent_event_threshold", UPF_MM_EVENT, "EVENT"},
	{URR_SUBSEQUENT_EVENT_QUOTA, "subsequent_event_quota", UPF_MM_EVENT, "EVENT"},
};

static const struct {
	unsigned field;
	const char *name;
} subsequent[] = {
	{URR_SUBSEQUENT_VOLUME_THRESHOLD, "subsequent_volume_threshold"},
	{URR_SUBSEQUENT_VOLUME_QUOTA, "subsequent_volume_quota"},
	{URR_SUBSEQUENT_TIME_THRESHOLD, "subsequent_time_threshold"},
	{URR_SUBSEQUENT_TIME_QUOTA, "subsequent_time_quota"},
	{URR_SUBSEQUENT_EVENT_THRESHOLD, "subsequent_event_threshold"},
	{URR_SUBSEQUENT_EVENT_QUOTA, "subsequent_event_quota"},
};

#define MI_LACKING (~(uint32_t)(UPF_MI_MBQE | UPF_MI_INAM | UPF_MI_ISTM | UPF_MI_MNOP))
#define COUNT(a)   (sizeof(a) / sizeof(*(a)))

static int check_supported(const struct upf_urr_obj *u, struct cst_err *e)
{
	for (unsigned i = 0; i < COUNT(lacking); i++)
		if (u->reporting_triggers & lacking[i].bit)
			return cst_err(e, -ENOTSUP, "reporting_triggers", "no %s: %s",
				       lacking[i].name, lacking[i].why);
	if (u->measurement_information & MI_LACKING)
		return cst_err(e, -ENOTSUP, "measurement_information",
			       "only MBQE, INAM, ISTM and MNOP are supported");
	return 0;
}

static int check_triggers(const struct upf_urr_obj *u, struct cst_err *e)
{
	for (unsigned i = 0; i < COUNT(needs); i++) {
		bool there = needs[i].field == URR_LINKED_URR_IDS ? u->linked_urr_ids.n > 0
								  : cst_has(u, needs[i].field);

		if (!(u->reporting_triggers & needs[i].trigger))
			continue;
		if (!there)
			return cst_err(e, -EINVAL, needs[i].field_name,
				       "is required by the trigger %s", needs[i].name);
		if (needs[i].method && !(u->measurement_method & needs[i].method))
			return cst_err(e, -EINVAL, "measurement_method", "the trigger %s needs %s",
				       needs[i].name, needs[i].method_name);
	}
	for (unsigned i = 0; i < COUNT(measured); i++)
		if (cst_has(u, measured[i].field) && !(u->measurement_method & measured[i].method))
			return cst_err(e, -EINVAL, measured[i].name,
				       "is not measured without the method %s",
				       measured[i].method_name);
	for (unsigned i = 0; i < COUNT(subsequent) && !cst_has(u, URR_MONITORING_TIME); i++)
		if (cst_has(u, subsequent[i].field))
			return cst_err(e, -EINVAL, subsequent[i].name, "needs a monitoring_time");
	return 0;
}

static int check_volume(const struct upf_volume_obj *v, const char *field, bool zero,
			struct cst_err *e)
{
	if (v->has == 0)
		return cst_err(e, -EINVAL, field, "needs total, ul or dl");
	if (!zero &&
	    ((cst_has(v, VOLUME_TOTAL) && v->total == 0) || (cst_has(v, VOLUME_UL) && v->ul == 0) ||
	     (cst_has(v, VOLUME_DL) && v->dl == 0)))
		return cst_err(e, -EINVAL, field, "must not be 0: reports would never end");
	return 0;
}

/* A quota of nothing is one; a report after nothing is none. */
static int check_values(const struct upf_urr_obj *u, struct cst_err *e)
{
	const struct {
		unsigned field;
		uint32_t value;
		const char *name;
	} nonzero[] = {
		{URR_MEASUREMENT_PERIOD, u->measurement_period, "measurement_period"},
		{URR_TIME_THRESHOLD, u->time_threshold, "time_threshold"},
		{URR_EVENT_THRESHOLD, u->event_threshold, "event_threshold"},
		{URR_SUBSEQUENT_TIME_THRESHOLD, u->subsequent_time_threshold,
		 "subsequent_time_threshold"},
		{URR_SUBSEQUENT_EVENT_THRESHOLD, u->subsequent_event_threshold,
		 "subsequent_event_threshold"},
		{URR_INACTIVITY_DETECTION_TIME, u->inactivity_detection_time,
		 "inactivity_detection_time"},
	};
	const struct upf_dropped_obj *d = &u->dropped_dl_traffic_threshold;
	int rc = 0;

	if (u->measurement_method == 0)
		return cst_err(e, -EINVAL, "measurement_method", "at least one");
	for (unsigned i = 0; i < COUNT(nonzero); i++)
		if (cst_has(u, nonzero[i].field) && nonzero[i].value == 0)
			return cst_err(e, -EINVAL, nonzero[i].name, "must not be 0");
	if (u->quota_holding_time == 0 && (u->reporting_triggers & UPF_RT_QUHTI))
		return cst_err(e, -EINVAL, "quota_holding_time", "must not be 0");
	if (cst_has(u, URR_DROPPED_DL_TRAFFIC_THRESHOLD) &&
	    (d->has == 0 || (cst_has(d, DROPPED_PACKETS) && d->packets == 0) ||
	     (cst_has(d, DROPPED_BYTES) && d->bytes == 0)))
		return cst_err(e, -EINVAL, "dropped_dl_traffic_threshold",
			       "needs packets or bytes above 0");
	if (cst_has(u, URR_VOLUME_THRESHOLD))
		rc = check_volume(&u->volume_threshold, "volume_threshold", false, e);
	if (rc == 0 && cst_has(u, URR_SUBSEQUENT_VOLUME_THRESHOLD))
		rc = check_volume(&u->subsequent_volume_threshold, "subsequent_volume_threshold",
				  false, e);
	if (rc == 0 && cst_has(u, URR_VOLUME_QUOTA))
		rc = check_volume(&u->volume_quota, "volume_quota", true, e);
	if (rc == 0 && cst_has(u, URR_SUBSEQUENT_VOLUME_QUOTA))
		rc = check_volume(&u->subsequent_volume_quota, "subsequent_volume_quota", true, e);
	return rc;
}

static int check_quota_far(const struct upf_session_obj *s, const struct upf_urr_obj *u,
			   struct cst_err *e)
{
	const struct upf_far_obj *far =
		upf_rule_find(UPF_RULE_FAR, &s->fars, u->far_id_for_quota_action);

	if (!cst_has(u, URR_FAR_ID_FOR_QUOTA_ACTION))
		return 0;
	if (!far)
		return cst_err(e, -EINVAL, "far_id_for_quota_action", "the session has no FAR %u",
			       u->far_id_for_quota_action);
	if (far->apply_action & (UPF_AA_NOCP | UPF_AA_DUPL))
		return cst_err(e, -ENOTSUP, "far_id_for_quota_action",
			       "FAR %u has %s, which is not done for what a quota does not cover",
			       far->id, far->apply_action & UPF_AA_NOCP ? "NOCP" : "DUPL");
	return 0;
}

static int check_refs(const struct upf_session_obj *s, const struct upf_urr_obj *u,
		      struct cst_err *e)
{
	const uint32_t *linked = u->linked_urr_ids.items;
	int rc;

	for (unsigned i = 0; i < u->linked_urr_ids.n; i++) {
		if (linked[i] != u->id && upf_rule_find(UPF_RULE_URR, &s->urrs, linked[i]))
			continue;
		if (linked[i] == u->id)
			rc = cst_err(e, -EINVAL, NULL, "a URR is not linked to itself");
		else
			rc = cst_err(e, -EINVAL, NULL, "the session has no URR %u", linked[i]);
		cst_err_prefix(e, "linked_urr_ids[%u]", i);
		return rc;
	}
	return check_quota_far(s, u, e);
}

int upf_urr_check(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_urr_obj *u = s->urrs.items;

	for (unsigned i = 0; i < s->urrs.n; i++) {
		int rc = check_supported(&u[i], e);

		if (rc == 0)
			rc = check_triggers(&u[i], e);
		if (rc == 0)
			rc = check_values(&u[i], e);
		if (rc == 0)
			rc = check_refs(s, &u[i], e);
		if (rc < 0) {
			cst_err_prefix(e, "urrs[%u]", i);
			return rc;
		}
	}
	return 0;
}
