/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects of the UPF on the control socket, in TS 29.244's words: a session and
 * its rules (7.5.2, 7.5.4), a UE address pool. One C struct per object, filled
 * by cst_decode(); what it points to lives in the caller's pool.
 *
 * The same structs serve creation and update: an update's field tables differ
 * only in that nothing but the rule's id is required. Bit rates in kbit/s of
 * 1000, volumes in bytes, times in the unit of the field's help.
 */
#pragma once

#include "class.h"
#include "object.h"
#include "upf_api_eth.h"

/* Bounds of one session; a longer list is refused by the decoder. */
#define UPF_MAX_PDRS  256
#define UPF_MAX_FARS  256
#define UPF_MAX_QERS  128
#define UPF_MAX_URRS  128
#define UPF_MAX_BARS  8
#define UPF_MAX_SDFS  15 /* filters of one PDR */
#define UPF_MAX_UE_IP 4  /* UE IP Address IEs of one PDR */

/* Field numbers: the bits of `has`, in the order of the tables in upf_api.c. */

enum { F_TEID_TEID, F_TEID_IPV4, F_TEID_IPV6, F_TEID_CHOOSE, F_TEID_CHOOSE_ID, F_TEID_N };
struct upf_f_teid_obj { /* 8.2.3 */
	uint64_t has;
	uint32_t teid;
	struct cst_ip ipv4, ipv6;
	bool choose;
	uint8_t choose_id;
};

enum {
	UE_IP_IPV4,
	UE_IP_IPV6,
	UE_IP_PREFIX_LENGTH,
	UE_IP_DELEGATION_BITS,
	UE_IP_CHOOSE_V4,
	UE_IP_CHOOSE_V6,
	UE_IP_SD,
	UE_IP_N
};
struct upf_ue_ip_obj { /* 8.2.62 */
	uint64_t has;
	struct cst_ip ipv4, ipv6;
	uint8_t ipv6_prefix_length, ipv6_prefix_delegation_bits;
	bool choose_v4, choose_v6;
	uint8_t sd;
};

enum { SDF_ID, SDF_FLOW_DESCRIPTION, SDF_TOS, SDF_SPI, SDF_FLOW_LABEL, SDF_N };
struct upf_sdf_obj { /* 8.2.5 */
	uint64_t has;
	uint32_t id;
	const char *flow_description;
	uint16_t tos_traffic_class; /* value, mask */
	uint32_t spi, flow_label;
};

/* What bears the sequence number of redundant transmission (TS 23.501 5.33.2.2). */
enum upf_carrier {
	UPF_GTPU_NUMBER, /* GTP-U's, 16 bits, one space for a pair of tunnels */
	UPF_QFI_NUMBER   /* TS 38.415's, 24 bits, one space for a QoS flow */
};

enum { RTP_F_TEID, RTP_NETWORK_INSTANCE, RTP_SEQUENCE_NUMBER, RTP_RECOVERY, RTP_N };
struct upf_rtp_obj { /* 7.5.2.2, Redundant Transmission Detection Parameters */
	uint64_t has;
	struct upf_f_teid_obj f_teid;
	const char *network_instance;
	uint8_t sequence_number; /* enum upf_carrier */
	const char *recovery;
};

enum {
	PDI_SOURCE_INTERFACE,
	PDI_NETWORK_INSTANCE,
	PDI_F_TEID,
	PDI_QFI,
	PDI_UE_IP,
	PDI_SDF_FILTERS,
	PDI_ETH_SESSION,
	PDI_ETH_FILTERS,
	PDI_APPLICATION_ID,
	PDI_SOURCE_INTERFACE_TYPE,
	PDI_FRAMED_ROUTES,
	PDI_FRAMED_IPV6_ROUTES,
	PDI_REDUNDANT,
	PDI_N
};
struct upf_pdi_obj { /* 7.5.2.2 */
	uint64_t has;
	uint8_t source_interface, source_interface_type;
	const char *network_instance;
	struct upf_f_teid_obj f_teid;
	struct cst_list qfi;           /* uint8_t */
	struct cst_list ue_ip_address; /* struct upf_ue_ip_obj */
	struct cst_list sdf_filters;   /* struct upf_sdf_obj */
	bool ethernet_pdu_session_information;
	struct cst_list ethernet_packet_filters; /* struct upf_eth_filter_obj */
	const char *application_id;
	struct cst_list framed_routes, framed_ipv6_routes; /* const char * */
	struct upf_rtp_obj redundant_transmission_parameters;
};

enum {
	PDR_ID,
	PDR_PRECEDENCE,
	PDR_PDI,
	PDR_OUTER_HEADER_REMOVAL,
	PDR_FAR_ID,
	PDR_QER_IDS,
	PDR_URR_IDS,
	PDR_ACTIVATION_TIME,
	PDR_DEACTIVATION_TIME,
	PDR_LOCAL_F_TEID,
	PDR_PACKETS,
	PDR_BYTES,
	PDR_REDUNDANT_F_TEID,
	PDR_REDUNDANCY,
	PDR_N
};

enum { REDUNDANCY_GENERATED, REDUNDANCY_N = 9 };
struct upf_redundancy_obj { /* state */
	uint64_t has;
	uint64_t generated;
	uint64_t passed, discarded, rogue, out_of_order, lost, resets;
	uint64_t first_tunnel, second_tunnel;
};
struct upf_pdr_obj { /* 7.5.2.2 */
	uint64_t has;
	uint16_t id;
	uint32_t precedence;
	struct upf_pdi_obj pdi;
	uint8_t outer_header_removal; /* value of 8.2.64 */
	uint32_t far_id;
	struct cst_list qer_ids, urr_ids; /* uint32_t */
	uint32_t activation_time, deactivation_time;
	struct upf_f_teid_obj local_f_teid;           /* state */
	uint64_t packets, bytes;                      /* state */
	struct upf_f_teid_obj redundant_local_f_teid; /* state */
	struct upf_redundancy_obj redundancy;         /* state */
};

enum upf_ohc { UPF_OHC_GTPU_IPV4, UPF_OHC_GTPU_IPV6, UPF_OHC_GTPU_IP };
enum { OHC_DESCRIPTION, OHC_TEID, OHC_IPV4, OHC_IPV6, OHC_PORT, OHC_N };
struct upf_ohc_obj { /* 8.2.56 */
	uint64_t has;
	uint8_t description; /* enum upf_ohc */
	uint32_t teid;
	struct cst_ip ipv4, ipv6;
	uint16_t port;
};

enum { RTFP_OHC, RTFP_NETWORK_INSTANCE, RTFP_SEQUENCE_NUMBER, RTFP_N };
struct upf_rtfp_obj { /* 7.5.2.3, Redundant Transmission Forwarding Parameters */
	uint64_t has;
	struct upf_ohc_obj outer_header_creation;
	const char *network_instance;
	uint8_t sequence_number; /* enum upf_carrier */
};

enum {
	FP_DESTINATION_INTERFACE,
	FP_DESTINATION_INTERFACE_TYPE,
	FP_NETWORK_INSTANCE,
	FP_OHC,
	FP_TRANSPORT_LEVEL_MARKING,
	FP_SEND_END_MARKER,
	FP_REDUNDANT,
	FP_N
};
struct upf_fp_obj { /* 7.5.2.3, 7.5.4.3 */
	uint64_t has;
	uint8_t destination_interface, destination_interface_type;
	const char *network_instance;
	struct upf_ohc_obj outer_header_creation;
	uint16_t transport_level_marking; /* value, mask */
	bool send_end_marker;             /* in updates only: SNDEM */
	/* where early Release 16 has it; the FAR's own is read by upf_far_second() */
	struct upf_rtfp_obj redundant_transmission_forwarding_parameters;
};

/* 8.2.26, in bit order. */
#define UPF_AA_DROP 0x0001
#define UPF_AA_FORW 0x0002
#define UPF_AA_BUFF 0x0004
#define UPF_AA_NOCP 0x0008
#define UPF_AA_DUPL 0x0010
#define UPF_AA_DFRT 0x0080
#define UPF_AA_EDRT 0x0100
#define UPF_AA_BDPN 0x0200
#define UPF_AA_DDPN 0x0400

enum {
	DUP_DESTINATION_INTERFACE,
	DUP_NETWORK_INSTANCE,
	DUP_OHC,
	DUP_TRANSPORT_LEVEL_MARKING,
	DUP_N
};
struct upf_dup_obj { /* 7.5.2.3, Duplicating Parameters */
	uint64_t has;
	uint8_t destination_interface;
	const char *network_instance;
	struct upf_ohc_obj outer_header_creation;
	uint16_t transport_level_marking; /* value, mask */
};

#define UPF_MAX_FEED_MS 10000 /* a next tunnel is fed for so long at most */
#define UPF_MAX_LEAD_MS 1000  /* between the announcement of a switch and the switch */

enum { NEXT_OHC, NEXT_NETWORK_INSTANCE, NEXT_FEED, NEXT_FEED_UNTIL, NEXT_SWITCH_AT, NEXT_N };
struct upf_next_obj { /* the tunnel that a FAR is going to leave by */
	uint64_t has;
	struct upf_ohc_obj outer_header_creation;
	const char *network_instance;
	bool feed;
	uint64_t feed_until, switch_at; /* UNIX time, milliseconds */
};

enum { UPF_HAND_OVER_COMMIT, UPF_HAND_OVER_DROP };

enum {
	FAR_ID,
	FAR_APPLY_ACTION,
	FAR_FORWARDING_PARAMETERS,
	FAR_BAR_ID,
	FAR_DUPLICATING_PARAMETERS,
	FAR_HELD,
	FAR_NEXT_TUNNEL,
	FAR_HAND_OVER,
	FAR_REDUNDANT,
	FAR_N
};
struct upf_far_obj { /* 7.5.2.3 */
	uint64_t has;
	uint32_t id;
	uint32_t apply_action; /* UPF_AA_* */
	struct upf_fp_obj forwarding_parameters;
	uint8_t bar_id;
	struct cst_list duplicating_parameters; /* struct upf_dup_obj */
	bool held;                              /* state */
	struct upf_next_obj next_tunnel;
	uint8_t hand_over; /* in updates only: UPF_HAND_OVER_* */
	struct upf_rtfp_obj redundant_transmission_forwarding_parameters;
};

struct upf_gate_obj { /* 8.2.7 */
	uint64_t has;
	uint8_t ul, dl; /* 0 open, 1 closed */
};

struct upf_rate_obj { /* MBR 8.2.8, GBR 8.2.9 */
	uint64_t has;
	uint64_t ul, dl;
};

enum { PACKET_RATE_UL_UNIT, PACKET_RATE_UL, PACKET_RATE_DL_UNIT, PACKET_RATE_DL, PACKET_RATE_N };
struct upf_packet_rate_obj { /* 8.2.67 */
	uint64_t has;
	uint8_t ul_unit, dl_unit;
	uint16_t ul, dl;
};

enum {
	QER_ID,
	QER_CORRELATION_ID,
	QER_GATE_STATUS,
	QER_MBR,
	QER_GBR,
	QER_PACKET_RATE,
	QER_QFI,
	QER_RQI,
	QER_PPI,
	QER_AVERAGING_WINDOW,
	QER_DROPPED_UL,
	QER_DROPPED_DL,
	QER_N
};
struct upf_qer_obj { /* 7.5.2.5 */
	uint64_t has;
	uint32_t id, correlation_id;
	struct upf_gate_obj gate_status;
	struct upf_rate_obj mbr, gbr;
	struct upf_packet_rate_obj packet_rate;
	uint8_t qfi, ppi;
	bool rqi;
	uint32_t averaging_window;
	uint64_t dropped_ul, dropped_dl; /* state */
};

enum { VOLUME_TOTAL, VOLUME_UL, VOLUME_DL, VOLUME_N };
struct upf_volume_obj { /* 8.2.13, 8.2.50 */
	uint64_t has;
	uint64_t total, ul, dl;
};

enum { DROPPED_PACKETS, DROPPED_BYTES, DROPPED_N };
struct upf_dropped_obj { /* 8.2.49 */
	uint64_t has;
	uint64_t packets, bytes;
};

enum {
	MEASURED_TOTAL,
	MEASURED_UL,
	MEASURED_DL,
	MEASURED_TOTAL_PACKETS,
	MEASURED_UL_PACKETS,
	MEASURED_DL_PACKETS,
	MEASURED_N
};
struct upf_measured_obj { /* 8.2.44 */
	uint64_t has;
	uint64_t total, ul, dl;
	uint64_t total_packets, ul_packets, dl_packets;
};

/* 8.2.40 */
#define UPF_MM_DURAT 0x01
#define UPF_MM_VOLUM 0x02
#define UPF_MM_EVENT 0x04

/* 8.2.19, in the order of their names */
#define UPF_RT_PERIO 0x00001
#define UPF_RT_VOLTH 0x00002
#define UPF_RT_TIMTH 0x00004
#define UPF_RT_QUHTI 0x00008
#define UPF_RT_START 0x00010
#define UPF_RT_STOPT 0x00020
#define UPF_RT_DROTH 0x00040
#define UPF_RT_LIUSA 0x00080
#define UPF_RT_VOLQU 0x00100
#define UPF_RT_TIMQU 0x00200
#define UPF_RT_ENVCL 0x00400
#define UPF_RT_MACAR 0x00800
#define UPF_RT_EVETH 0x01000
#define UPF_RT_EVEQU 0x02000
#define UPF_RT_IPMJL 0x04000
#define UPF_RT_QUVTI 0x08000
#define UPF_RT_REEMR 0x10000
#define UPF_RT_UPINT 0x20000

/* 8.2.68 */
#define UPF_MI_MBQE 0x01 /* measure before QoS enforcement */
#define UPF_MI_INAM 0x02 /* measurement is paused */
#define UPF_MI_ISTM 0x08 /* time runs at once, not from the first packet on */
#define UPF_MI_MNOP 0x10 /* packets, too */

enum {
	URR_ID,
	URR_MEASUREMENT_METHOD,
	URR_REPORTING_TRIGGERS,
	URR_MEASUREMENT_PERIOD,
	URR_VOLUME_THRESHOLD,
	URR_VOLUME_QUOTA,
	URR_TIME_THRESHOLD,
	URR_TIME_QUOTA,
	URR_EVENT_THRESHOLD,
	URR_EVENT_QUOTA,
	URR_QUOTA_HOLDING_TIME,
	URR_QUOTA_VALIDITY_TIME,
	URR_DROPPED_DL_TRAFFIC_THRESHOLD,
	URR_MONITORING_TIME,
	URR_SUBSEQUENT_VOLUME_THRESHOLD,
	URR_SUBSEQUENT_VOLUME_QUOTA,
	URR_SUBSEQUENT_TIME_THRESHOLD,
	URR_SUBSEQUENT_TIME_QUOTA,
	URR_SUBSEQUENT_EVENT_THRESHOLD,
	URR_SUBSEQUENT_EVENT_QUOTA,
	URR_INACTIVITY_DETECTION_TIME,
	URR_LINKED_URR_IDS,
	URR_MEASUREMENT_INFORMATION,
	URR_FAR_ID_FOR_QUOTA_ACTION,
	URR_NUMBER_OF_REPORTS,
	URR_UR_SEQN,
	URR_VOLUME_SINCE_REPORT,
	URR_VOLUME_MEASURED,
	URR_DURATION_SINCE_REPORT,
	URR_VOLUME_QUOTA_LEFT,
	URR_TIME_QUOTA_LEFT,
	URR_QUOTA_SPENT,
	URR_REFUSED_PACKETS,
	URR_NEXT_DEADLINE,
	URR_OVERRUN,
	URR_N
};
struct upf_urr_obj { /* 7.5.2.4 */
	uint64_t has;
	uint32_t id;
	uint32_t measurement_method, reporting_triggers; /* UPF_MM_*, UPF_RT_* */
	uint32_t measurement_period;
	struct upf_volume_obj volume_threshold, volume_quota;
	uint32_t time_threshold, time_quota, event_threshold, event_quota;
	uint32_t quota_holding_time, quota_validity_time;
	struct upf_dropped_obj dropped_dl_traffic_threshold;
	uint32_t monitoring_time;
	struct upf_volume_obj subsequent_volume_threshold, subsequent_volume_quota;
	uint32_t subsequent_time_threshold, subsequent_time_quota;
	uint32_t subsequent_event_threshold, subsequent_event_quota;
	uint32_t inactivity_detection_time;
	struct cst_list linked_urr_ids;   /* uint32_t */
	uint32_t measurement_information; /* UPF_MI_* */
	uint32_t far_id_for_quota_action;
	uint32_t number_of_reports;
	/* State. */
	uint32_t ur_seqn;
	struct upf_measured_obj volume_since_report, volume_measured;
	uint32_t duration_since_report;
	struct upf_volume_obj volume_quota_left;
	uint32_t time_quota_left;
	bool quota_spent;
	uint64_t refused_packets;
	uint64_t next_deadline;
	uint64_t overrun;
};

enum {
	BAR_ID,
	BAR_NOTIFICATION_DELAY,
	BAR_SUGGESTED_PACKETS,
	BAR_DL_BUFFERING_DURATION,
	BAR_DL_SUGGESTED_PACKETS,
	BAR_N
};
struct upf_bar_obj { /* 7.5.2.6, 7.5.9.2 */
	uint64_t has;
	uint8_t id;
	uint8_t downlink_data_notification_delay, suggested_buffering_packets_count;
	uint32_t dl_buffering_duration;
	uint16_t dl_buffering_suggested_packet_count;
};

enum { BUFFER_PACKETS, BUFFER_BYTES, BUFFER_NOTIFIED, BUFFER_N };
struct upf_buffer_obj { /* state */
	uint64_t has;
	uint32_t packets, bytes;
	bool notified;
};

#define UPF_MAX_SRRS 8

enum { DELAYS_DL, DELAYS_UL, DELAYS_RP };
struct upf_delays_obj { /* 8.2.169 */
	uint64_t has;
	uint32_t dl, ul, rp;
};

/* 8.2.168 */
#define UPF_RF_EVETT 0x01
#define UPF_RF_PERIO 0x02
#define UPF_RF_SESRL 0x04
enum {
	QOS_MONITORING_QFI,
	QOS_MONITORING_REQUESTED,
	QOS_MONITORING_FREQUENCY,
	QOS_MONITORING_THRESHOLDS,
	QOS_MONITORING_WAIT,
	QOS_MONITORING_PERIOD,
	QOS_MONITORING_N
};
struct upf_qos_monitoring_obj { /* 7.5.2.9 */
	uint64_t has;
	struct cst_list qfi;               /* uint8_t */
	uint32_t requested_qos_monitoring; /* bit DELAYS_*, 8.2.167 */
	uint32_t reporting_frequency;      /* UPF_RF_* */
	struct upf_delays_obj packet_delay_thresholds;
	uint32_t minimum_wait_time, measurement_period;
};

struct upf_delay_obj { /* state */
	uint64_t has;
	uint32_t last, min, max, mean, samples;
};

enum {
	QOS_FLOW_QFI,
	QOS_FLOW_DOWNLINK,
	QOS_FLOW_UPLINK,
	QOS_FLOW_ROUND_TRIP,
	QOS_FLOW_MARKED,
	QOS_FLOW_ANSWERED,
	QOS_FLOW_IGNORED,
	QOS_FLOW_UNSYNCHRONISED
};
struct upf_qos_flow_obj { /* state */
	uint64_t has;
	uint8_t qfi;
	struct upf_delay_obj downlink, uplink, round_trip;
	uint64_t marked, answered, ignored, unsynchronised;
};

enum { SRR_ID, SRR_QOS_MONITORING, SRR_FLOWS };
struct upf_srr_obj { /* 7.5.2.9 */
	uint64_t has;
	uint8_t id;
	struct cst_list qos_monitoring; /* struct upf_qos_monitoring_obj */
	struct cst_list flows;          /* struct upf_qos_flow_obj, state */
};

enum {
	QOS_REPORT_SEID,
	QOS_REPORT_SRR_ID,
	QOS_REPORT_QFI,
	QOS_REPORT_TRIGGER,
	QOS_REPORT_TIME_STAMP,
	QOS_REPORT_START_TIME,
	QOS_REPORT_DL,
	QOS_REPORT_UL,
	QOS_REPORT_RP,
	QOS_REPORT_PLMF,
	QOS_REPORT_DOWNLINK,
	QOS_REPORT_UPLINK,
	QOS_REPORT_ROUND_TRIP
};
enum { UPF_QOS_EVETT, UPF_QOS_PERIO, UPF_QOS_SESRL }; /* why a report is made */
struct upf_qos_report_obj {                           /* 7.5.8.6, event session.qos_monitoring */
	uint64_t has;
	uint64_t seid;
	uint8_t srr_id, qfi, trigger;
	uint32_t time_stamp, start_time;
	uint32_t downlink_packet_delay, uplink_packet_delay, round_trip_packet_delay;
	bool packet_delay_measurement_failure;
	struct upf_delay_obj downlink, uplink, round_trip;
};

struct upf_s_nssai_obj { /* 8.2.176 */
	uint64_t has;
	uint8_t sst;
	const char *sd;
};

struct upf_f_seid_obj { /* 8.2.37 */
	uint64_t has;
	uint64_t seid;
	struct cst_ip ipv4, ipv6;
};

struct upf_user_id_obj { /* 8.2.101 */
	uint64_t has;
	const char *imsi, *imei, *msisdn, *nai;
};

enum {
	SESSION_SEID,
	SESSION_DNN,
	SESSION_S_NSSAI,
	SESSION_PDN_TYPE,
	SESSION_CP_F_SEID,
	SESSION_USER_ID,
	SESSION_PDRS,
	SESSION_FARS,
	SESSION_QERS,
	SESSION_URRS,
	SESSION_BARS,
	SESSION_SRRS,
	SESSION_INACTIVITY,
	SESSION_FIVE_QI,
	SESSION_ARP,
	SESSION_TEMPLATE,
	SESSION_OWNER,
	SESSION_BUFFER,
	SESSION_WORKER,
	SESSION_UE_IPV4,
	SESSION_UE_IPV6,
	SESSION_INERTIA_CLASS,
	SESSION_STALE,
	SESSION_LOCAL,
	SESSION_N
};
/* 8.2.79 */
enum { UPF_PDN_IPV4 = 1, UPF_PDN_IPV6 = 2, UPF_PDN_NON_IP = 4, UPF_PDN_ETHERNET = 5 };
struct upf_session_obj {
	uint64_t has;
	uint64_t seid;
	const char *dnn;
	struct upf_s_nssai_obj s_nssai;
	uint8_t pdn_type;
	struct upf_f_seid_obj cp_f_seid;
	struct upf_user_id_obj user_id;
	struct cst_list pdrs, fars, qers, urrs, bars, srrs;
	uint32_t user_plane_inactivity_timer; /* seconds; 0: none */
	uint8_t five_qi, arp;
	const char *session_template; /* that it was admitted by */
	const char *owner;            /* no part of the intent: in struct upf_session */
	struct upf_buffer_obj buffer; /* state */
	uint16_t worker;              /* state */
	struct cst_ip ue_ipv4;        /* state */
	struct cst_prefix ue_ipv6;    /* state */
	const char *inertia_class;    /* state */
	bool stale, local;            /* state */
};

struct upf_rule_id_obj { /* in remove lists */
	uint64_t has;
	uint32_t id;
};

enum {
	MODIFY_SEID,
	MODIFY_CP_F_SEID,
	MODIFY_QUERY_URRS,
	MODIFY_QUERY_ALL,
	MODIFY_INACTIVITY,
	MODIFY_DROP_BUFFERED,
	MODIFY_N
};
struct upf_modify_obj { /* 7.5.4 */
	uint64_t has;
	uint64_t seid;
	struct upf_f_seid_obj cp_f_seid;
	struct cst_list query_urrs; /* struct upf_rule_id_obj */
	bool query_all_urrs;
	uint32_t user_plane_inactivity_timer;
	bool drop_buffered_packets;
	/* By enum upf_rule. */
	struct cst_list remove[6]; /* struct upf_rule_id_obj */
	struct cst_list create[6];
	struct cst_list update[6];
};

/* Lists of sessions. */
enum {
	FILTER_SEID,
	FILTER_DNN,
	FILTER_NETWORK_INSTANCE,
	FILTER_UE,
	FILTER_TEID,
	FILTER_OWNER,
	FILTER_STALE,
	FILTER_LOCAL,
	FILTER_N
};
struct upf_filter_obj {
	uint64_t has;
	uint64_t seid;
	const char *dnn, *network_instance;
	struct cst_ip ue_ip_address;
	uint32_t teid;
	const char *owner;
	bool stale, local;
};

struct upf_pool_obj {
	uint64_t has;
	const char *name;
	const char *network_instance;
	struct cst_prefix prefix;
	uint32_t addresses, used; /* state */
};

enum upf_rule {
	UPF_RULE_PDR,
	UPF_RULE_FAR,
	UPF_RULE_QER,
	UPF_RULE_URR,
	UPF_RULE_BAR,
	UPF_RULE_SRR,
	UPF_RULES
};
_Static_assert(UPF_RULES == sizeof(((struct upf_modify_obj *)0)->remove) / sizeof(struct cst_list),
	       "struct upf_modify_obj");

extern const struct cst_object upf_session_object, upf_modify_object, upf_pool_object;
extern const struct cst_object upf_filter_object, upf_sdf_object;
extern const struct cst_object upf_pdr_object, upf_far_object, upf_qer_object, upf_urr_object,
	upf_bar_object, upf_srr_object, upf_qos_report_object, upf_fp_object, upf_f_teid_object,
	upf_ue_ip_object, upf_f_seid_object, upf_ohc_object, upf_user_id_object, upf_s_nssai_object,
	upf_rate_object, upf_next_object, upf_rtp_object, upf_rtfp_object, upf_redundancy_object;

/* Callbacks are filled in by upf_ctl.c and upf_pool.c, in coastd only. */
extern struct cst_class upf_session_class, upf_pool_class;

/* The lists of rules of a session, and what each element is described by. */
struct cst_list *upf_session_rules(struct upf_session_obj *s, enum upf_rule kind);
const struct cst_object *upf_rule_object(enum upf_rule kind);
/* Id of a rule of this kind. */
uint32_t upf_rule_id(enum upf_rule kind, const void *rule);
/* The rule with this id in a list, NULL: none. */
void *upf_rule_find(enum upf_rule kind, const struct cst_list *l, uint32_t id);
