/* SPDX-License-Identifier: BSD-3-Clause */
/* QoS monitoring on the control socket: the rule, what is told of it, the report. */
#include "upf_api.h"

#include <errno.h>

#define STATE(s, m, u, h) CST_F_UINT(s, m, 0, 0, u, CST_F_STATE, NULL, h)

static const char *const requested[] = {"DL", "UL", "RP", NULL};
static const char *const frequencies[] = {"EVETT", "PERIO", "SESRL", NULL};

#define S struct upf_delays_obj
static const struct cst_field thresholds_fields[] = {
	[DELAYS_DL] = CST_F_UINT(S, dl, 0, 60000, "ms", 0, NULL, "downlink"),
	[DELAYS_UL] = CST_F_UINT(S, ul, 0, 60000, "ms", 0, NULL, "uplink"),
	[DELAYS_RP] = CST_F_UINT(S, rp, 0, 60000, "ms", 0, NULL, "round trip"),
};
static const struct cst_object thresholds_object =
	CST_OBJECT("packet_delay_thresholds", S, thresholds_fields, "TS 29.244 8.2.169");
#undef S

#define S struct upf_qos_monitoring_obj
static const struct cst_field monitoring_fields[] = {
	[QOS_MONITORING_QFI] = CST_F_LIST(S, qfi, CST_T_UINT, uint8_t, 64, CST_F_REQUIRED,
					  "QoS flows that are monitored", .max = 63),
	[QOS_MONITORING_REQUESTED] =
		CST_F_FLAGS(S, requested_qos_monitoring, requested, CST_F_REQUIRED, NULL,
			    "downlink, uplink, round trip delay, TS 29.244 8.2.167"),
	[QOS_MONITORING_FREQUENCY] =
		CST_F_FLAGS(S, reporting_frequency, frequencies, CST_F_REQUIRED, NULL,
			    "when a threshold is passed, each period, at the session's end, "
			    "TS 29.244 8.2.168"),
	[QOS_MONITORING_THRESHOLDS] = CST_F_OBJ(S, packet_delay_thresholds, &thresholds_object, 0,
						"with EVETT: delays beyond these are reported"),
	[QOS_MONITORING_WAIT] = CST_F_UINT(S, minimum_wait_time, 0, 86400, "seconds", 0, NULL,
					   "with EVETT: between two reports"),
	[QOS_MONITORING_PERIOD] = CST_F_UINT(S, measurement_period, 1, 86400, "seconds", 0, NULL,
					     "with PERIO: from report to report"),
};

static int monitoring_check(const void *obj, struct cst_err *e)
{
	const struct upf_qos_monitoring_obj *q = obj;
	const struct upf_delays_obj *t = &q->packet_delay_thresholds;
	uint32_t set = (uint32_t)(t->has & (1u << DELAYS_DL | 1u << DELAYS_UL | 1u << DELAYS_RP));

	if (q->qfi.n == 0)
		return cst_err(e, -EINVAL, "qfi", "names no QoS flow");
	if (q->requested_qos_monitoring == 0)
		return cst_err(e, -EINVAL, "requested_qos_monitoring", "requests nothing");
	if (q->reporting_frequency == 0)
		return cst_err(e, -EINVAL, "reporting_frequency", "at least one is required");
	if ((q->reporting_frequency & UPF_RF_EVETT) && set == 0)
		return cst_err(e, -EINVAL, "packet_delay_thresholds", "is required by EVETT");
	/* the bits of both are in the same order */
	if (set & ~q->requested_qos_monitoring)
		return cst_err(e, -EINVAL, "packet_delay_thresholds",
			       "has a threshold of a delay that is not requested");
	if ((q->reporting_frequency & UPF_RF_PERIO) && !cst_has(q, QOS_MONITORING_PERIOD))
		return cst_err(e, -EINVAL, "measurement_period", "is required by PERIO");
	return 0;
}

static const struct cst_object monitoring_object = {
	.name = "qos_monitoring",
	.help = "QoS Monitoring per QoS flow Control Information, TS 29.244 7.5.2.9",
	.fields = monitoring_fields,
	.n_fields = QOS_MONITORING_N,
	.size = sizeof(S),
	.check = monitoring_check};
#undef S

#define S struct upf_delay_obj
static const struct cst_field delay_fields[] = {
	STATE(S, last, "microseconds", "the last one"),
	STATE(S, min, "microseconds", "the shortest"),
	STATE(S, max, "microseconds", "the longest"),
	STATE(S, mean, "microseconds", "mean of all"),
	STATE(S, samples, NULL, "how many were measured"),
};
static const struct cst_object delay_object =
	CST_OBJECT("delay", S, delay_fields, "packet delays, TS 23.501 5.33.3.2");
#undef S

#define S                struct upf_qos_flow_obj
#define DELAY(member, h) CST_F_OBJ(S, member, &delay_object, CST_F_STATE, h)
static const struct cst_field flow_fields[] = {
	[QOS_FLOW_QFI] = STATE(S, qfi, NULL, "QoS flow identifier"),
	[QOS_FLOW_DOWNLINK] = DELAY(downlink, "from coast to the UE, as far as the gNB tells"),
	[QOS_FLOW_UPLINK] = DELAY(uplink, "from the UE to coast"),
	[QOS_FLOW_ROUND_TRIP] = DELAY(round_trip, "both ways; needs no common clock"),
	[QOS_FLOW_MARKED] = STATE(S, marked, "packets", "sent with a time stamp"),
	[QOS_FLOW_ANSWERED] = STATE(S, answered, "packets", "answered by the gNB"),
	[QOS_FLOW_IGNORED] = STATE(S, ignored, "packets",
				   "with time stamps that are malformed or not coast's own"),
	[QOS_FLOW_UNSYNCHRONISED] =
		STATE(S, unsynchronised, "packets",
		      "answers that told only the round trip: the clocks disagree"),
};
static const struct cst_object flow_object =
	CST_OBJECT("qos_flow", S, flow_fields, "what was measured of one QoS flow");
#undef DELAY
#undef S

#define S struct upf_srr_obj
static const struct cst_field srr_fields[] = {
	[SRR_ID] = CST_F_UINT(S, id, 0, 255, NULL, CST_F_KEY, NULL, "SRR ID"),
	[SRR_QOS_MONITORING] =
		CST_F_LIST(S, qos_monitoring, CST_T_OBJ, struct upf_qos_monitoring_obj, 16,
			   CST_F_REQUIRED, "delays of QoS flows", .sub = &monitoring_object),
	[SRR_FLOWS] = CST_F_LIST(S, flows, CST_T_OBJ, struct upf_qos_flow_obj, 64, CST_F_STATE,
				 "what was measured", .sub = &flow_object),
};
const struct cst_object upf_srr_object =
	CST_OBJECT("srr", S, srr_fields, "session reporting rule, TS 29.244 7.5.2.9");
#undef S

static const char *const report_triggers[] = {"EVETT", "PERIO", "SESRL", NULL};

#define S                  struct upf_qos_report_obj
#define WITH(member, u, h) CST_F_UINT(S, member, 0, 0, u, 0, NULL, h)
static const struct cst_field report_fields[] = {
	[QOS_REPORT_SEID] = WITH(seid, NULL, "session id"),
	[QOS_REPORT_SRR_ID] = WITH(srr_id, NULL, "SRR ID"),
	[QOS_REPORT_QFI] = WITH(qfi, NULL, "QoS flow identifier"),
	[QOS_REPORT_TRIGGER] =
		CST_F_ENUM(S, trigger, report_triggers, 0, NULL, "why it is reported"),
	[QOS_REPORT_TIME_STAMP] = WITH(time_stamp, "seconds", "UNIX time of the report"),
	[QOS_REPORT_START_TIME] =
		WITH(start_time, "seconds", "UNIX time at which what it tells of began"),
	[QOS_REPORT_DL] = WITH(downlink_packet_delay, "ms", "EVETT: measured; else the mean"),
	[QOS_REPORT_UL] = WITH(uplink_packet_delay, "ms", "EVETT: measured; else the mean"),
	[QOS_REPORT_RP] = WITH(round_trip_packet_delay, "ms", "EVETT: measured; else the mean"),
	[QOS_REPORT_PLMF] =
		CST_F_BOOL(S, packet_delay_measurement_failure, 0, NULL, "no answer came: PLMF"),
	[QOS_REPORT_DOWNLINK] = CST_F_OBJ(S, downlink, &delay_object, 0, "of the time told of"),
	[QOS_REPORT_UPLINK] = CST_F_OBJ(S, uplink, &delay_object, 0, "of the time told of"),
	[QOS_REPORT_ROUND_TRIP] = CST_F_OBJ(S, round_trip, &delay_object, 0, "of the time told of"),
};
const struct cst_object upf_qos_report_object =
	CST_OBJECT("qos_monitoring_report", S, report_fields, "TS 29.244 7.5.8.6");
#undef WITH
#undef S
