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

/* Bounds of one session; a longer list is refused by the decoder. */
#define UPF_MAX_PDRS  128
#define UPF_MAX_FARS  128
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

enum {
	PDI_SOURCE_INTERFACE,
	PDI_NETWORK_INSTANCE,
	PDI_F_TEID,
	PDI_QFI,
	PDI_UE_IP,
	PDI_SDF_FILTERS,
	PDI_APPLICATION_ID,
	PDI_SOURCE_INTERFACE_TYPE,
	PDI_FRAMED_ROUTES,
	PDI_FRAMED_IPV6_ROUTES,
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
	const char *application_id;
	struct cst_list framed_routes, framed_ipv6_routes; /* const char * */
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
	PDR_N
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
	struct upf_f_teid_obj local_f_teid; /* state */
	uint64_t packets, bytes;            /* state */
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

enum {
	FP_DESTINATION_INTERFACE,
	FP_DESTINATION_INTERFACE_TYPE,
	FP_NETWORK_INSTANCE,
	FP_OHC,
	FP_TRANSPORT_LEVEL_MARKING,
	FP_N
};
struct upf_fp_obj { /* 7.5.2.3, 7.5.4.3 */
	uint64_t has;
	uint8_t destination_interface, destination_interface_type;
	const char *network_instance;
	struct upf_ohc_obj outer_header_creation;
	uint16_t transport_level_marking; /* value, mask */
};

/* 8.2.26, in bit order. */
#define UPF_AA_DROP 0x0001
#define UPF_AA_FORW 0x0002
#define UPF_AA_BUFF 0x0004
#define UPF_AA_NOCP 0x0008
#define UPF_AA_DUPL 0x0010
#define UPF_AA_BDPN 0x0200
#define UPF_AA_DDPN 0x0400
enum { FAR_ID, FAR_APPLY_ACTION, FAR_FORWARDING_PARAMETERS, FAR_BAR_ID, FAR_N };
struct upf_far_obj { /* 7.5.2.3 */
	uint64_t has;
	uint32_t id;
	uint32_t apply_action; /* UPF_AA_* */
	struct upf_fp_obj forwarding_parameters;
	uint8_t bar_id;
};

struct upf_gate_obj { /* 8.2.7 */
	uint64_t has;
	uint8_t ul, dl; /* 0 open, 1 closed */
};

struct upf_rate_obj { /* MBR 8.2.8, GBR 8.2.9 */
	uint64_t has;
	uint64_t ul, dl;
};

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
};

struct upf_volume_obj { /* 8.2.13, 8.2.50 */
	uint64_t has;
	uint64_t total, ul, dl;
};

struct upf_dropped_obj { /* 8.2.49 */
	uint64_t has;
	uint64_t packets, bytes;
};

struct upf_urr_obj { /* 7.5.2.4 */
	uint64_t has;
	uint32_t id;
	uint32_t measurement_method, reporting_triggers;
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
	struct cst_list linked_urr_ids; /* uint32_t */
	uint32_t measurement_information;
	uint32_t far_id_for_quota_action;
	uint32_t number_of_reports;
};

struct upf_bar_obj { /* 7.5.2.6 */
	uint64_t has;
	uint8_t id;
	uint8_t downlink_data_notification_delay, suggested_buffering_packets_count;
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
	SESSION_WORKER,
	SESSION_UE_IPV4,
	SESSION_UE_IPV6,
	SESSION_N
};
struct upf_session_obj {
	uint64_t has;
	uint64_t seid;
	const char *dnn;
	struct upf_s_nssai_obj s_nssai;
	uint8_t pdn_type;
	struct upf_f_seid_obj cp_f_seid;
	struct upf_user_id_obj user_id;
	struct cst_list pdrs, fars, qers, urrs, bars;
	uint16_t worker;           /* state */
	struct cst_ip ue_ipv4;     /* state */
	struct cst_prefix ue_ipv6; /* state */
};

struct upf_rule_id_obj { /* in remove lists */
	uint64_t has;
	uint32_t id;
};

enum { MODIFY_SEID, MODIFY_CP_F_SEID, MODIFY_N };
struct upf_modify_obj { /* 7.5.4 */
	uint64_t has;
	uint64_t seid;
	struct upf_f_seid_obj cp_f_seid;
	/* Each in the order pdrs, fars, qers, urrs, bars. */
	struct cst_list remove[5]; /* struct upf_rule_id_obj */
	struct cst_list create[5];
	struct cst_list update[5];
};

/* Lists of sessions. */
enum { FILTER_SEID, FILTER_DNN, FILTER_NETWORK_INSTANCE, FILTER_UE, FILTER_TEID, FILTER_N };
struct upf_filter_obj {
	uint64_t has;
	uint64_t seid;
	const char *dnn, *network_instance;
	struct cst_ip ue_ip_address;
	uint32_t teid;
};

struct upf_pool_obj {
	uint64_t has;
	const char *name;
	const char *network_instance;
	struct cst_prefix prefix;
	uint32_t addresses, used; /* state */
};

enum upf_rule { UPF_RULE_PDR, UPF_RULE_FAR, UPF_RULE_QER, UPF_RULE_URR, UPF_RULE_BAR, UPF_RULES };

extern const struct cst_object upf_session_object, upf_modify_object, upf_pool_object;
extern const struct cst_object upf_filter_object;
extern const struct cst_object upf_pdr_object, upf_far_object, upf_qer_object, upf_urr_object,
	upf_bar_object, upf_fp_object, upf_f_teid_object, upf_ue_ip_object;

/* Callbacks are filled in by upf_ctl.c and upf_pool.c, in coastd only. */
extern struct cst_class upf_session_class, upf_pool_class;

/* The lists of rules of a session, and what each element is described by. */
struct cst_list *upf_session_rules(struct upf_session_obj *s, enum upf_rule kind);
const struct cst_object *upf_rule_object(enum upf_rule kind);
/* Id of a rule of this kind. */
uint32_t upf_rule_id(enum upf_rule kind, const void *rule);
/* The rule with this id in a list, NULL: none. */
void *upf_rule_find(enum upf_rule kind, const struct cst_list *l, uint32_t id);
