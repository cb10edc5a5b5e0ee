/* SPDX-License-Identifier: BSD-3-Clause */
/* What is told of sessions: reports, their triggers, and the call that asks for them. */
#pragma once

#include "upf_api.h"

/* 8.2.41, in the order of their names */
#define UPF_UR_PERIO 0x000001
#define UPF_UR_VOLTH 0x000002
#define UPF_UR_TIMTH 0x000004
#define UPF_UR_QUHTI 0x000008
#define UPF_UR_START 0x000010
#define UPF_UR_STOPT 0x000020
#define UPF_UR_DROTH 0x000040
#define UPF_UR_IMMER 0x000080
#define UPF_UR_VOLQU 0x000100
#define UPF_UR_TIMQU 0x000200
#define UPF_UR_LIUSA 0x000400
#define UPF_UR_TERMR 0x000800
#define UPF_UR_MONIT 0x001000
#define UPF_UR_MACAR 0x004000
#define UPF_UR_EVETH 0x008000
#define UPF_UR_EVEQU 0x010000
#define UPF_UR_QUVTI 0x080000

/* 8.2.60 */
#define UPF_UI_BEF 0x01
#define UPF_UI_AFT 0x02
#define UPF_UI_UAE 0x04
#define UPF_UI_UBE 0x08

enum {
	REPORT_SEID,
	REPORT_CP_F_SEID,
	REPORT_URR_ID,
	REPORT_UR_SEQN,
	REPORT_TRIGGER,
	REPORT_START_TIME,
	REPORT_END_TIME,
	REPORT_VOLUME_MEASUREMENT,
	REPORT_DURATION_MEASUREMENT,
	REPORT_TIME_OF_FIRST_PACKET,
	REPORT_TIME_OF_LAST_PACKET,
	REPORT_USAGE_INFORMATION,
	REPORT_FIRST_UR_SEQN,
	REPORT_ETHERNET,
	REPORT_N
};
struct upf_usage_report_obj { /* 7.5.8.3 */
	uint64_t has;
	uint64_t seid;
	struct upf_f_seid_obj cp_f_seid;
	uint32_t urr_id, ur_seqn;
	uint32_t usage_report_trigger; /* UPF_UR_* */
	uint32_t start_time, end_time; /* UNIX time, seconds */
	struct upf_measured_obj volume_measurement;
	uint32_t duration_measurement; /* seconds */
	uint32_t time_of_first_packet, time_of_last_packet;
	uint32_t usage_information; /* UPF_UI_* */
	uint32_t first_ur_seqn;
	struct upf_eth_traffic_obj ethernet_traffic_information;
};

enum { INACTIVE_SEID, INACTIVE_CP_F_SEID, INACTIVE_SECONDS, INACTIVE_N };
struct upf_inactive_obj { /* UPIR, 7.5.8.1 */
	uint64_t has;
	uint64_t seid;
	struct upf_f_seid_obj cp_f_seid;
	uint32_t user_plane_inactivity_timer;
};

enum { QUERY_SEID, QUERY_URR_IDS, QUERY_N };
struct upf_query_obj {
	uint64_t has;
	uint64_t seid;
	struct cst_list urr_ids; /* uint32_t */
};

extern const struct cst_object upf_usage_report_object, upf_query_object, upf_inactive_object;
