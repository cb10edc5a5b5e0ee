/* SPDX-License-Identifier: BSD-3-Clause */
/* Usage reporting on the control socket: the rule, what is told of it, the report. */
#include "upf_api_report.h"

#define OPT_UINT(s, m, u, h) CST_F_UINT(s, m, 0, 0, u, 0, NULL, h)
#define STATE(s, m, u, h)    CST_F_UINT(s, m, 0, 0, u, CST_F_STATE, NULL, h)

static const char *const methods[] = {"DURAT", "VOLUM", "EVENT", NULL};
static const char *const triggers[] = {
	"PERIO", "VOLTH", "TIMTH", "QUHTI", "START", "STOPT", "DROTH", "LIUSA", "VOLQU", "TIMQU",
	"ENVCL", "MACAR", "EVETH", "EVEQU", "IPMJL", "QUVTI", "REEMR", "UPINT", NULL};
static const char *const report_triggers[] = {"PERIO", "VOLTH", "TIMTH", "QUHTI", "START", "STOPT",
					      "DROTH", "IMMER", "VOLQU", "TIMQU", "LIUSA", "TERMR",
					      "MONIT", "ENVCL", "MACAR", "EVETH", "EVEQU", "TEBUR",
					      "IPMJL", "QUVTI", "EMRRE", "UPINT", NULL};
static const char *const measurement_info[] = {"MBQE",  "INAM",  "RADI", "ISTM", "MNOP",
					       "SSPOC", "ASPOC", "CIAM", NULL};
static const char *const usage_info[] = {"BEF", "AFT", "UAE", "UBE", NULL};

static const struct cst_field volume_fields[] = {
	[VOLUME_TOTAL] =
		CST_F_UINT(struct upf_volume_obj, total, 0, 0, "bytes", 0, NULL, "both directions"),
	[VOLUME_UL] = CST_F_UINT(struct upf_volume_obj, ul, 0, 0, "bytes", 0, NULL, "uplink"),
	[VOLUME_DL] = CST_F_UINT(struct upf_volume_obj, dl, 0, 0, "bytes", 0, NULL, "downlink"),
};
static const struct cst_object volume_object =
	CST_OBJECT("volume", struct upf_volume_obj, volume_fields, "volumes, TS 29.244 8.2.13");

static const struct cst_field dropped_fields[] = {
	[DROPPED_PACKETS] = CST_F_UINT(struct upf_dropped_obj, packets, 0, 0, "packets", 0, NULL,
				       "packets dropped"),
	[DROPPED_BYTES] =
		CST_F_UINT(struct upf_dropped_obj, bytes, 0, 0, "bytes", 0, NULL, "bytes dropped"),
};
static const struct cst_object dropped_object = CST_OBJECT(
	"dropped_dl_traffic", struct upf_dropped_obj, dropped_fields, "TS 29.244 8.2.49");

#define S struct upf_measured_obj
static const struct cst_field measured_fields[] = {
	[MEASURED_TOTAL] = STATE(S, total, "bytes", "of inner IP packets, both directions"),
	[MEASURED_UL] = STATE(S, ul, "bytes", "uplink"),
	[MEASURED_DL] = STATE(S, dl, "bytes", "downlink"),
	[MEASURED_TOTAL_PACKETS] = STATE(S, total_packets, "packets", "both directions"),
	[MEASURED_UL_PACKETS] = STATE(S, ul_packets, "packets", "uplink"),
	[MEASURED_DL_PACKETS] = STATE(S, dl_packets, "packets", "downlink"),
};
static const struct cst_object measured_object =
	CST_OBJECT("volume_measurement", S, measured_fields, "what was let pass, TS 29.244 8.2.44");
#undef S

#define S struct upf_urr_obj
static const struct cst_field urr_fields[] = {
	[URR_ID] = CST_F_UINT(S, id, 0, 0, NULL, CST_F_KEY, NULL, "URR ID"),
	[URR_MEASUREMENT_METHOD] = CST_F_FLAGS(S, measurement_method, methods, CST_F_REQUIRED, NULL,
					       "TS 29.244 8.2.40; an EVENT is a start of traffic"),
	[URR_REPORTING_TRIGGERS] = CST_F_FLAGS(S, reporting_triggers, triggers, CST_F_REQUIRED,
					       NULL, "TS 29.244 8.2.19"),
	[URR_MEASUREMENT_PERIOD] =
		OPT_UINT(S, measurement_period, "seconds", "of periodic reports"),
	[URR_VOLUME_THRESHOLD] =
		CST_F_OBJ(S, volume_threshold, &volume_object, 0, "report after this volume"),
	[URR_VOLUME_QUOTA] = CST_F_OBJ(
		S, volume_quota, &volume_object, 0,
		"volume that may be used from the last report on; named again: granted again"),
	[URR_TIME_THRESHOLD] = OPT_UINT(S, time_threshold, "seconds", "report after this time"),
	[URR_TIME_QUOTA] = OPT_UINT(S, time_quota, "seconds", "time that may be used"),
	[URR_EVENT_THRESHOLD] = OPT_UINT(S, event_threshold, NULL, "report after so many events"),
	[URR_EVENT_QUOTA] = OPT_UINT(S, event_quota, NULL, "events that may be used"),
	[URR_QUOTA_HOLDING_TIME] = OPT_UINT(S, quota_holding_time, "seconds",
					    "quota ends after this time without packets; QUHTI"),
	[URR_QUOTA_VALIDITY_TIME] =
		OPT_UINT(S, quota_validity_time, "seconds",
			 "quota ends so long after it was granted; without QUVTI it has no effect"),
	[URR_DROPPED_DL_TRAFFIC_THRESHOLD] =
		CST_F_OBJ(S, dropped_dl_traffic_threshold, &dropped_object, 0,
			  "report after so much dropped downlink traffic"),
	[URR_MONITORING_TIME] =
		OPT_UINT(S, monitoring_time, "seconds",
			 "UNIX time at which a report is made and subsequent values begin"),
	[URR_SUBSEQUENT_VOLUME_THRESHOLD] = CST_F_OBJ(
		S, subsequent_volume_threshold, &volume_object, 0, "after the monitoring time"),
	[URR_SUBSEQUENT_VOLUME_QUOTA] = CST_F_OBJ(S, subsequent_volume_quota, &volume_object, 0,
						  "after the monitoring time"),
	[URR_SUBSEQUENT_TIME_THRESHOLD] =
		OPT_UINT(S, subsequent_time_threshold, "seconds", "after the monitoring time"),
	[URR_SUBSEQUENT_TIME_QUOTA] =
		OPT_UINT(S, subsequent_time_quota, "seconds", "after the monitoring time"),
	[URR_SUBSEQUENT_EVENT_THRESHOLD] =
		OPT_UINT(S, subsequent_event_threshold, NULL, "after the monitoring time"),
	[URR_SUBSEQUENT_EVENT_QUOTA] =
		OPT_UINT(S, subsequent_event_quota, NULL, "after the monitoring time"),
	[URR_INACTIVITY_DETECTION_TIME] =
		OPT_UINT(S, inactivity_detection_time, "seconds",
			 "time without packets that ends traffic; duration stands still then"),
	[URR_LINKED_URR_IDS] =
		CST_F_LIST(S, linked_urr_ids, CST_T_UINT, uint32_t, 16, 0,
			   "URRs of this session whose reports bring a report of this one; LIUSA"),
	[URR_MEASUREMENT_INFORMATION] =
		CST_F_FLAGS(S, measurement_information, measurement_info, 0, NULL,
			    "TS 29.244 8.2.68: MBQE, INAM, ISTM, MNOP"),
	[URR_FAR_ID_FOR_QUOTA_ACTION] =
		OPT_UINT(S, far_id_for_quota_action, NULL,
			 "FAR that applies when the quota is used up; absent: dropped"),
	[URR_NUMBER_OF_REPORTS] = OPT_UINT(S, number_of_reports, NULL,
					   "reports of thresholds and times until the URR is "
					   "silent; absent or 0: no end"),
	[URR_UR_SEQN] = STATE(S, ur_seqn, NULL, "sequence number of the next report"),
	[URR_VOLUME_SINCE_REPORT] = CST_F_OBJ(S, volume_since_report, &measured_object, CST_F_STATE,
					      "not yet reported"),
	[URR_VOLUME_MEASURED] = CST_F_OBJ(S, volume_measured, &measured_object, CST_F_STATE,
					  "since the URR was created"),
	[URR_DURATION_SINCE_REPORT] =
		STATE(S, duration_since_report, "seconds", "not yet reported"),
	[URR_VOLUME_QUOTA_LEFT] =
		CST_F_OBJ(S, volume_quota_left, &volume_object, CST_F_STATE, "of the volume quota"),
	[URR_TIME_QUOTA_LEFT] = STATE(S, time_quota_left, "seconds", "of the time quota"),
	[URR_QUOTA_SPENT] =
		CST_F_BOOL(S, quota_spent, CST_F_STATE, NULL, "a quota is used up: traffic stops"),
	[URR_REFUSED_PACKETS] =
		STATE(S, refused_packets, "packets", "not let pass because a quota was spent"),
	[URR_NEXT_DEADLINE] = STATE(S, next_deadline, "ms", "until a timer is looked at"),
	[URR_OVERRUN] =
		STATE(S, overrun, "bytes",
		      "let pass beyond a spent quota while its owner was away, since it was "
		      "granted; they are in reports like all others"),
};
#undef S
const struct cst_object upf_urr_object = CST_OBJECT("urr", struct upf_urr_obj, urr_fields,
						    "usage reporting rule, TS 29.244 7.5.2.4");

#define S struct upf_usage_report_obj
static const struct cst_field report_fields[] = {
	[REPORT_SEID] = STATE(S, seid, NULL, "the session, the UP SEID"),
	[REPORT_CP_F_SEID] = CST_F_OBJ(S, cp_f_seid, &upf_f_seid_object, CST_F_STATE,
				       "the session at its control plane"),
	[REPORT_URR_ID] = STATE(S, urr_id, NULL, "URR ID"),
	[REPORT_UR_SEQN] = STATE(S, ur_seqn, NULL,
				 "0, 1, ... for each URR; never again in the "
				 "session's life"),
	[REPORT_TRIGGER] = CST_F_FLAGS(S, usage_report_trigger, report_triggers, CST_F_STATE, NULL,
				       "why, TS 29.244 8.2.41"),
	[REPORT_START_TIME] =
		STATE(S, start_time, "seconds", "UNIX time of the report before, or the creation"),
	[REPORT_END_TIME] = STATE(S, end_time, "seconds", "UNIX time"),
	[REPORT_VOLUME_MEASUREMENT] =
		CST_F_OBJ(S, volume_measurement, &measured_object, CST_F_STATE,
			  "since the report before; packets with MNOP"),
	[REPORT_DURATION_MEASUREMENT] =
		STATE(S, duration_measurement, "seconds", "since the report before"),
	[REPORT_TIME_OF_FIRST_PACKET] =
		STATE(S, time_of_first_packet, "seconds", "UNIX time; absent: there was none"),
	[REPORT_TIME_OF_LAST_PACKET] =
		STATE(S, time_of_last_packet, "seconds", "UNIX time; absent: there was none"),
	[REPORT_USAGE_INFORMATION] = CST_F_FLAGS(
		S, usage_information, usage_info, CST_F_STATE, NULL,
		"before or after the monitoring time, before QoS enforcement, TS 29.244 8.2.60"),
	[REPORT_FIRST_UR_SEQN] =
		STATE(S, first_ur_seqn, NULL,
		      "the journal has made one of the reports from this one to ur_seqn"),
	[REPORT_ETHERNET] = CST_F_OBJ(S, ethernet_traffic_information, &upf_eth_traffic_object,
				      CST_F_STATE, "with MACAR: MAC addresses"),
};
#undef S
const struct cst_object upf_usage_report_object =
	CST_OBJECT("usage_report", struct upf_usage_report_obj, report_fields,
		   "usage of one URR since its report before, TS 29.244 7.5.8.3");

#define S struct upf_query_obj
static const struct cst_field query_fields[] = {
	[QUERY_SEID] = CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, CST_F_REQUIRED, NULL, "session id"),
	[QUERY_URR_IDS] = CST_F_LIST(S, urr_ids, CST_T_UINT, uint32_t, UPF_MAX_URRS, 0,
				     "URRs to report; absent: all of the session"),
};
const struct cst_object upf_query_object =
	CST_OBJECT("session_query", S, query_fields, "usage to report now");
#undef S

#define S struct upf_inactive_obj
static const struct cst_field inactive_fields[] = {
	[INACTIVE_SEID] = STATE(S, seid, NULL, "the session, the UP SEID"),
	[INACTIVE_CP_F_SEID] = CST_F_OBJ(S, cp_f_seid, &upf_f_seid_object, CST_F_STATE,
					 "the session at its control plane"),
	[INACTIVE_SECONDS] = STATE(S, user_plane_inactivity_timer, "seconds", "that have passed"),
};
const struct cst_object upf_inactive_object =
	CST_OBJECT("user_plane_inactivity", S, inactive_fields, "a session that is not used");
#undef S
