/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_api.h"

#include <errno.h>
#include <string.h>

#define U32_LIST(s, m, n, h) CST_F_LIST(s, m, CST_T_UINT, uint32_t, n, 0, h)
#define OPT_UINT(s, m, u, h) CST_F_UINT(s, m, 0, 0, u, 0, NULL, h)

static const char *const interfaces[] = {"access", "core", "sgi-lan", "cp-function", NULL};
static const char *const destinations[] = {"access",      "core",        "sgi-lan",
					   "cp-function", "li-function", NULL};

/* 8.2.118: the index is the value on the wire. */
static const char *const interface_types[] = {"s1-u",
					      "s5-s8-u",
					      "s4-u",
					      "s11-u",
					      "s12",
					      "gn-gp-u",
					      "s2a-u",
					      "s2b-u",
					      "enodeb-dl-forwarding",
					      "enodeb-ul-forwarding",
					      "upf-dl-forwarding",
					      "n3-3gpp-access",
					      "n3-trusted-non-3gpp-access",
					      "n3-untrusted-non-3gpp-access",
					      "n3-forwarding",
					      "n9",
					      "sgi",
					      "n6",
					      "n19",
					      "s8-u",
					      "gp-u",
					      "n9-roaming",
					      "iu-u",
					      "n9-forwarding",
					      "sxa-u",
					      "sxb-u",
					      "sxc-u",
					      "n4-u",
					      "upf-ul-forwarding",
					      NULL};

static const char *const pdn_types[] = {"none",   "ipv4",     "ipv6", "ipv4v6",
					"non-ip", "ethernet", NULL};
static const char *const gates[] = {"open", "closed", NULL};
static const char *const source_or_destination[] = {"source", "destination", NULL};
static const char *const time_units[] = {"minute", "6-minutes", "hour", "day", "week", NULL};
static const char *const ohr_names[] = {"gtpu-udp-ipv4", "gtpu-udp-ipv6", "udp-ipv4",    "udp-ipv6",
					"ipv4",          "ipv6",          "gtpu-udp-ip", NULL};
static const char *const ohc_names[] = {"gtpu-udp-ipv4", "gtpu-udp-ipv6", "gtpu-udp-ip", NULL};
static const char *const hand_overs[] = {"commit", "drop", NULL};
static const char *const apply_actions[] = {"DROP", "FORW", "BUFF", "NOCP", "DUPL", "IPMA",
					    "IPMD", "DFRT", "EDRT", "BDPN", "DDPN", NULL};
#define S struct upf_f_teid_obj
static const struct cst_field f_teid_fields[] = {
	[F_TEID_TEID] = CST_F_UINT(S, teid, 1, UINT32_MAX, NULL, CST_F_HEX, NULL,
				   "TEID chosen by the control plane"),
	[F_TEID_IPV4] = CST_F_IP(S, ipv4, CST_T_IP4, 0, "GTP-U address of the network instance"),
	[F_TEID_IPV6] = CST_F_IP(S, ipv6, CST_T_IP6, 0, "GTP-U address of the network instance"),
	[F_TEID_CHOOSE] = CST_F_BOOL(S, choose, 0, NULL, "coast chooses: CH flag"),
	[F_TEID_CHOOSE_ID] = OPT_UINT(S, choose_id, NULL,
				      "rules of the session with the same id share one F-TEID"),
};

static int f_teid_check(const void *obj, struct cst_err *e)
{
	const struct upf_f_teid_obj *f = obj;

	if (f->choose) {
		if (cst_has(f, F_TEID_TEID))
			return cst_err(e, -EINVAL, "teid", "not together with choose");
		if (cst_has(f, F_TEID_IPV4) || cst_has(f, F_TEID_IPV6))
			return cst_err(e, -EINVAL, cst_has(f, F_TEID_IPV4) ? "ipv4" : "ipv6",
				       "not together with choose: coast tells its addresses");
		return 0;
	}
	if (cst_has(f, F_TEID_CHOOSE_ID))
		return cst_err(e, -EINVAL, "choose_id", "only together with choose");
	if (!cst_has(f, F_TEID_TEID))
		return cst_err(e, -EINVAL, "teid", "is required without choose");
	if (!cst_has(f, F_TEID_IPV4) && !cst_has(f, F_TEID_IPV6))
		return cst_err(e, -EINVAL, "ipv4", "a TEID needs its ipv4 or ipv6 address");
	return 0;
}

const struct cst_object upf_f_teid_object = {.name = "f_teid",
					     .help = "local tunnel end, TS 29.244 8.2.3",
					     .fields = f_teid_fields,
					     .n_fields = F_TEID_N,
					     .size = sizeof(S),
					     .check = f_teid_check};
#undef S

#define S struct upf_ue_ip_obj
static const struct cst_field ue_ip_fields[] = {
	[UE_IP_IPV4] = CST_F_IP(S, ipv4, CST_T_IP4, 0, "IPv4 address"),
	[UE_IP_IPV6] = CST_F_IP(S, ipv6, CST_T_IP6, 0, "IPv6 address; its upper 64 bits count"),
	[UE_IP_PREFIX_LENGTH] = CST_F_UINT(S, ipv6_prefix_length, 56, 64, "bits", 0, NULL,
					   "length of the UE's prefix; absent: 64"),
	[UE_IP_DELEGATION_BITS] = CST_F_UINT(S, ipv6_prefix_delegation_bits, 0, 8, "bits", 0, NULL,
					     "prefix length is 64 less this"),
	[UE_IP_CHOOSE_V4] = CST_F_BOOL(S, choose_v4, 0, NULL, "coast chooses: CHV4"),
	[UE_IP_CHOOSE_V6] = CST_F_BOOL(S, choose_v6, 0, NULL, "coast chooses: CHV6"),
	[UE_IP_SD] = CST_F_ENUM(S, sd, source_or_destination, 0, NULL,
				"information: the source interface decides"),
};

static int ue_ip_check(const void *obj, struct cst_err *e)
{
	const struct upf_ue_ip_obj *u = obj;

	if (!cst_has(u, UE_IP_IPV4) && !cst_has(u, UE_IP_IPV6) && !u->choose_v4 && !u->choose_v6)
		return cst_err(e, -EINVAL, "ipv4", "an address or a choose_ member is required");
	if (cst_has(u, UE_IP_IPV4) && u->choose_v4)
		return cst_err(e, -EINVAL, "choose_v4", "not together with ipv4");
	if (cst_has(u, UE_IP_IPV6) && u->choose_v6)
		return cst_err(e, -EINVAL, "choose_v6", "not together with ipv6");
	if (!cst_has(u, UE_IP_IPV6) && !u->choose_v6 &&
	    (cst_has(u, UE_IP_PREFIX_LENGTH) || cst_has(u, UE_IP_DELEGATION_BITS)))
		return cst_err(e, -EINVAL,
			       cst_has(u, UE_IP_PREFIX_LENGTH) ? "ipv6_prefix_length"
							       : "ipv6_prefix_delegation_bits",
			       "says something of an IPv6 address, and there is none");
	if (cst_has(u, UE_IP_PREFIX_LENGTH) && cst_has(u, UE_IP_DELEGATION_BITS))
		return cst_err(e, -EINVAL, "ipv6_prefix_length",
			       "not together with ipv6_prefix_delegation_bits");
	return 0;
}

const struct cst_object upf_ue_ip_object = {.name = "ue_ip_address",
					    .help = "address of the UE, TS 29.244 8.2.62",
					    .fields = ue_ip_fields,
					    .n_fields = UE_IP_N,
					    .size = sizeof(S),
					    .check = ue_ip_check};
#undef S

#define S struct upf_sdf_obj
static const struct cst_field sdf_fields[] = {
	[SDF_ID] = CST_F_UINT(S, id, 1, UINT32_MAX, NULL, 0, NULL,
			      "SDF filter id; alone it refers to the filter with this id"),
	[SDF_FLOW_DESCRIPTION] = CST_F_STR(
		S, flow_description, 1, 512, 0, NULL,
		"\"permit out PROTO from REMOTE [PORTS] to UE [PORTS]\", TS 29.212 5.4.2"),
	[SDF_TOS] = CST_F_UINT(S, tos_traffic_class, 0, UINT16_MAX, NULL, CST_F_HEX, NULL,
			       "type of service or traffic class: value, then mask"),
	[SDF_SPI] =
		CST_F_UINT(S, spi, 0, 0, NULL, CST_F_HEX, NULL, "IPsec security parameter index"),
	[SDF_FLOW_LABEL] =
		CST_F_UINT(S, flow_label, 0, 0xfffff, NULL, CST_F_HEX, NULL, "IPv6 flow label"),
};
const struct cst_object upf_sdf_object =
	CST_OBJECT("sdf_filter", S, sdf_fields, "service data flow filter, TS 29.244 8.2.5");
#undef S

#define S struct upf_pdi_obj
static const struct cst_field pdi_fields[] = {
	[PDI_SOURCE_INTERFACE] = CST_F_ENUM(S, source_interface, interfaces, CST_F_REQUIRED, NULL,
					    "where packets come from, TS 29.244 8.2.2"),
	[PDI_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					   "network instance packets come in by; absent: any"),
	[PDI_F_TEID] = CST_F_OBJ(S, f_teid, &upf_f_teid_object, 0, "tunnel packets come in by"),
	[PDI_QFI] = CST_F_LIST(S, qfi, CST_T_UINT, uint8_t, 64, 0,
			       "QoS flow identifiers, any of which matches", .max = 63),
	[PDI_UE_IP] = CST_F_LIST(S, ue_ip_address, CST_T_OBJ, struct upf_ue_ip_obj, UPF_MAX_UE_IP,
				 0, "addresses of the UE", .sub = &upf_ue_ip_object),
	[PDI_SDF_FILTERS] = CST_F_LIST(S, sdf_filters, CST_T_OBJ, struct upf_sdf_obj, UPF_MAX_SDFS,
				       0, "filters, any of which matches", .sub = &upf_sdf_object),
	[PDI_ETH_SESSION] = CST_F_BOOL(S, ethernet_pdu_session_information, 0, NULL,
				       "all downlink frames of the session: ETHI, 8.2.102"),
	[PDI_ETH_FILTERS] =
		CST_F_LIST(S, ethernet_packet_filters, CST_T_OBJ, struct upf_eth_filter_obj,
			   UPF_MAX_ETH_FILTERS, 0, "Ethernet filters, any of which matches",
			   .sub = &upf_eth_filter_object),
	[PDI_APPLICATION_ID] = CST_F_STR(S, application_id, 1, 255, 0, NULL,
					 "application; refused while coast detects none"),
	[PDI_SOURCE_INTERFACE_TYPE] = CST_F_ENUM(S, source_interface_type, interface_types, 0, NULL,
						 "3GPP interface type, TS 29.244 8.2.118"),
	[PDI_FRAMED_ROUTES] = CST_F_LIST(S, framed_routes, CST_T_STR, const char *, 16, 0,
					 "IPv4 networks behind the UE, RFC 2865 5.22: \"PREFIX "
					 "[GATEWAY [METRIC]]\"; only the prefix matters"),
	[PDI_FRAMED_IPV6_ROUTES] = CST_F_LIST(S, framed_ipv6_routes, CST_T_STR, const char *, 16, 0,
					      "IPv6 networks behind the UE, RFC 3162 2.5"),
	[PDI_REDUNDANT] = CST_F_OBJ(S, redundant_transmission_parameters, &upf_rtp_object, 0,
				    "second tunnel the same packets come in by"),
};
static const struct cst_object pdi_object =
	CST_OBJECT("pdi", S, pdi_fields, "packet detection information, TS 29.244 7.5.2.2");
#undef S

#define S struct upf_pdr_obj
static const struct cst_field pdr_fields[] = {
	[PDR_ID] = CST_F_UINT(S, id, 1, 65535, NULL, CST_F_KEY, NULL, "PDR ID"),
	[PDR_PRECEDENCE] = CST_F_UINT(S, precedence, 0, 0, NULL, CST_F_REQUIRED, NULL,
				      "the lowest value is looked at first"),
	[PDR_PDI] = CST_F_OBJ(S, pdi, &pdi_object, CST_F_REQUIRED, "what matches"),
	[PDR_OUTER_HEADER_REMOVAL] = CST_F_ENUM(S, outer_header_removal, ohr_names, 0, NULL,
						"outer header taken off, TS 29.244 8.2.64"),
	[PDR_FAR_ID] = CST_F_UINT(S, far_id, 0, 0, NULL, CST_F_REQUIRED, NULL, "what is done"),
	[PDR_QER_IDS] = U32_LIST(S, qer_ids, 16, "QoS rules that apply, all of them"),
	[PDR_URR_IDS] = U32_LIST(S, urr_ids, 16, "usage is reported by these"),
	[PDR_ACTIVATION_TIME] =
		OPT_UINT(S, activation_time, "seconds", "UNIX time from which on it matches"),
	[PDR_DEACTIVATION_TIME] = OPT_UINT(S, deactivation_time, "seconds",
					   "UNIX time from which on it does not match"),
	[PDR_LOCAL_F_TEID] =
		CST_F_OBJ(S, local_f_teid, &upf_f_teid_object, CST_F_STATE, "F-TEID in use"),
	[PDR_PACKETS] = CST_F_UINT(S, packets, 0, 0, NULL, CST_F_STATE, NULL, "packets matched"),
	[PDR_BYTES] = CST_F_UINT(S, bytes, 0, 0, "bytes", CST_F_STATE, NULL,
				 "bytes of inner packets matched"),
	[PDR_REDUNDANT_F_TEID] = CST_F_OBJ(S, redundant_local_f_teid, &upf_f_teid_object,
					   CST_F_STATE, "second F-TEID in use"),
	[PDR_REDUNDANCY] = CST_F_OBJ(S, redundancy, &upf_redundancy_object, CST_F_STATE,
				     "numbers of redundant transmission"),
};
const struct cst_object upf_pdr_object =
	CST_OBJECT("pdr", S, pdr_fields, "packet detection rule, TS 29.244 7.5.2.2");
#undef S

#define S struct upf_ohc_obj
static const struct cst_field ohc_fields[] = {
	[OHC_DESCRIPTION] = CST_F_ENUM(S, description, ohc_names, CST_F_REQUIRED, NULL,
				       "outer header, TS 29.244 8.2.56"),
	[OHC_TEID] = CST_F_UINT(S, teid, 1, UINT32_MAX, NULL, CST_F_HEX | CST_F_REQUIRED, NULL,
				"TEID of the far end"),
	[OHC_IPV4] = CST_F_IP(S, ipv4, CST_T_IP4, 0, "address of the far end"),
	[OHC_IPV6] = CST_F_IP(S, ipv6, CST_T_IP6, 0, "address of the far end"),
	[OHC_PORT] = CST_F_UINT(S, port, 1, 65535, NULL, 0, NULL, "UDP port; absent: 2152"),
};

static int ohc_check(const void *obj, struct cst_err *e)
{
	const struct upf_ohc_obj *o = obj;

	if (o->description != UPF_OHC_GTPU_IPV6 && !cst_has(o, OHC_IPV4))
		return cst_err(e, -EINVAL, "ipv4", "is required by the description");
	if (o->description != UPF_OHC_GTPU_IPV4 && !cst_has(o, OHC_IPV6))
		return cst_err(e, -EINVAL, "ipv6", "is required by the description");
	if (o->description == UPF_OHC_GTPU_IPV4 && cst_has(o, OHC_IPV6))
		return cst_err(e, -EINVAL, "ipv6", "is not what the description says");
	if (o->description == UPF_OHC_GTPU_IPV6 && cst_has(o, OHC_IPV4))
		return cst_err(e, -EINVAL, "ipv4", "is not what the description says");
	return 0;
}

const struct cst_object upf_ohc_object = {.name = "outer_header_creation",
					  .help = "tunnel packets leave by, TS 29.244 8.2.56",
					  .fields = ohc_fields,
					  .n_fields = OHC_N,
					  .size = sizeof(S),
					  .check = ohc_check};
#undef S

#define S struct upf_fp_obj
static const struct cst_field fp_fields[] = {
	[FP_DESTINATION_INTERFACE] =
		CST_F_ENUM(S, destination_interface, destinations, CST_F_REQUIRED, NULL,
			   "where packets go, TS 29.244 8.2.24; li-function: copies only"),
	[FP_DESTINATION_INTERFACE_TYPE] = CST_F_ENUM(S, destination_interface_type, interface_types,
						     0, NULL, "3GPP interface type, information"),
	[FP_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					  "network instance packets leave into"),
	[FP_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, 0,
			     "tunnel packets leave by; absent in an update: as before"),
	[FP_TRANSPORT_LEVEL_MARKING] =
		CST_F_UINT(S, transport_level_marking, 0, UINT16_MAX, NULL, CST_F_HEX, NULL,
			   "type of service: value, then mask 0xfc; of the outer header, without "
			   "one of the packet itself; absent: as it is inside"),
	[FP_SEND_END_MARKER] =
		CST_F_BOOL(S, send_end_marker, 0, NULL,
			   "in update_fars: end the tunnel left behind by an End Marker; not kept"),
	[FP_REDUNDANT] =
		CST_F_OBJ(S, redundant_transmission_forwarding_parameters, &upf_rtfp_object,
			  CST_F_PARTIAL, "the same as the FAR's, where early Release 16 has it"),
};
const struct cst_object upf_fp_object =
	CST_OBJECT("forwarding_parameters", S, fp_fields, "where to, TS 29.244 7.5.2.3");
#undef S

#define S struct upf_dup_obj
static const struct cst_field dup_fields[] = {
	[DUP_DESTINATION_INTERFACE] = CST_F_ENUM(S, destination_interface, destinations,
						 CST_F_REQUIRED, NULL, "where copies go"),
	[DUP_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					   "network instance copies leave into"),
	[DUP_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, CST_F_REQUIRED,
			      "tunnel copies leave by"),
	[DUP_TRANSPORT_LEVEL_MARKING] =
		CST_F_UINT(S, transport_level_marking, 0, UINT16_MAX, NULL, CST_F_HEX, NULL,
			   "outer type of service: value, then mask 0xfc; absent: the inner one"),
};
static const struct cst_object dup_object = CST_OBJECT("duplicating_parameters", S, dup_fields,
						       "where a copy goes to, TS 29.244 7.5.2.3");
#undef S

#define S struct upf_far_obj
static const struct cst_field far_fields[] = {
	[FAR_ID] = CST_F_UINT(S, id, 0, 0, NULL, CST_F_KEY, NULL, "FAR ID"),
	[FAR_APPLY_ACTION] = CST_F_FLAGS(
		S, apply_action, apply_actions, CST_F_REQUIRED, NULL,
		"exactly one of DROP, FORW, BUFF, any of them with DUPL; FORW with DFRT "
		"downlink or EDRT uplink: redundant transmission; TS 29.244 8.2.26"),
	[FAR_FORWARDING_PARAMETERS] = CST_F_OBJ(S, forwarding_parameters, &upf_fp_object,
						CST_F_PARTIAL, "required by FORW"),
	[FAR_BAR_ID] = OPT_UINT(S, bar_id, NULL, "how packets are buffered"),
	[FAR_DUPLICATING_PARAMETERS] =
		CST_F_LIST(S, duplicating_parameters, CST_T_OBJ, struct upf_dup_obj, 4, 0,
			   "required by DUPL: a copy for each", .sub = &dup_object),
	[FAR_HELD] = CST_F_BOOL(S, held, CST_F_STATE, NULL,
				"its tunnel's far end knows it no more: downlink waits until this "
				"FAR is told anew"),
	[FAR_NEXT_TUNNEL] = CST_F_OBJ(S, next_tunnel, &upf_next_object, 0,
				      "tunnel prepared for a hand-over, see handover.prepare"),
	[FAR_HAND_OVER] =
		CST_F_ENUM(S, hand_over, hand_overs, 0, NULL,
			   "in update_fars: leave by next_tunnel from now on and end the tunnel "
			   "left behind by an End Marker, or forget next_tunnel; not kept"),
	[FAR_REDUNDANT] = CST_F_OBJ(S, redundant_transmission_forwarding_parameters,
				    &upf_rtfp_object, CST_F_PARTIAL,
				    "required by DFRT: second tunnel the same packets leave by"),
};
const struct cst_object upf_far_object =
	CST_OBJECT("far", S, far_fields, "forwarding action rule, TS 29.244 7.5.2.3");
#undef S

static const struct cst_field gate_fields[] = {
	CST_F_ENUM(struct upf_gate_obj, ul, gates, CST_F_REQUIRED, NULL, "uplink; closed drops"),
	CST_F_ENUM(struct upf_gate_obj, dl, gates, CST_F_REQUIRED, NULL, "downlink; closed drops"),
};
static const struct cst_object gate_object =
	CST_OBJECT("gate_status", struct upf_gate_obj, gate_fields, "gates, TS 29.244 8.2.7");

#define RATE_MAX 0xffffffffffull /* 40 bits, 8.2.8 */
static const struct cst_field rate_fields[] = {
	CST_F_UINT(struct upf_rate_obj, ul, 0, RATE_MAX, "kbit/s", CST_F_REQUIRED, NULL, "uplink"),
	CST_F_UINT(struct upf_rate_obj, dl, 0, RATE_MAX, "kbit/s", CST_F_REQUIRED, NULL,
		   "downlink"),
};
const struct cst_object upf_rate_object =
	CST_OBJECT("bit_rate", struct upf_rate_obj, rate_fields, "bit rates, TS 29.244 8.2.8");

static const struct cst_field packet_rate_fields[] = {
	CST_F_ENUM(struct upf_packet_rate_obj, ul_unit, time_units, 0, NULL, "uplink time unit"),
	CST_F_UINT(struct upf_packet_rate_obj, ul, 0, 0, "packets", 0, NULL,
		   "uplink, per time unit"),
	CST_F_ENUM(struct upf_packet_rate_obj, dl_unit, time_units, 0, NULL, "downlink time unit"),
	CST_F_UINT(struct upf_packet_rate_obj, dl, 0, 0, "packets", 0, NULL,
		   "downlink, per time unit"),
};
static const struct cst_object packet_rate_object = CST_OBJECT(
	"packet_rate", struct upf_packet_rate_obj, packet_rate_fields, "TS 29.244 8.2.67");

#define S struct upf_qer_obj
static const struct cst_field qer_fields[] = {
	[QER_ID] = CST_F_UINT(S, id, 0, 0, NULL, CST_F_KEY, NULL, "QER ID"),
	[QER_CORRELATION_ID] = OPT_UINT(S, correlation_id, NULL,
					"QERs of several sessions that belong together, kept"),
	[QER_GATE_STATUS] = CST_F_OBJ(S, gate_status, &gate_object, 0, "absent: open"),
	[QER_MBR] =
		CST_F_OBJ(S, mbr, &upf_rate_object, 0,
			  "maximum bit rate of all PDRs with this QER together; 0: nothing passes"),
	[QER_GBR] =
		CST_F_OBJ(S, gbr, &upf_rate_object, 0, "guaranteed bit rate, kept for admission"),
	[QER_PACKET_RATE] = CST_F_OBJ(S, packet_rate, &packet_rate_object, 0,
				      "packets that pass in each time unit"),
	[QER_QFI] = CST_F_UINT(S, qfi, 0, 63, NULL, 0, NULL, "QFI written into packets"),
	[QER_RQI] = CST_F_BOOL(S, rqi, 0, NULL, "reflective QoS indication written into packets"),
	[QER_PPI] = CST_F_UINT(S, ppi, 0, 7, NULL, 0, NULL, "paging policy indicator, refused"),
	[QER_AVERAGING_WINDOW] = OPT_UINT(S, averaging_window, "ms", "of the bit rates, kept"),
	[QER_DROPPED_UL] = CST_F_UINT(S, dropped_ul, 0, 0, "packets", CST_F_STATE, NULL,
				      "uplink packets above its rates"),
	[QER_DROPPED_DL] = CST_F_UINT(S, dropped_dl, 0, 0, "packets", CST_F_STATE, NULL,
				      "downlink packets above its rates"),
};
const struct cst_object upf_qer_object =
	CST_OBJECT("qer", S, qer_fields, "QoS enforcement rule, TS 29.244 7.5.2.5");
#undef S

#define S struct upf_bar_obj
static const struct cst_field bar_fields[] = {
	[BAR_ID] = CST_F_UINT(S, id, 0, 255, NULL, CST_F_KEY, NULL, "BAR ID"),
	[BAR_NOTIFICATION_DELAY] = OPT_UINT(S, downlink_data_notification_delay, "50 ms",
					    "from the first packet to its notification"),
	[BAR_SUGGESTED_PACKETS] = OPT_UINT(S, suggested_buffering_packets_count, "packets",
					   "how many wait at most; absent: 64"),
	[BAR_DL_BUFFERING_DURATION] =
		CST_F_UINT(S, dl_buffering_duration, 1, 111600, "seconds", 0, NULL,
			   "how long packets wait, from when it is told; absent: without end"),
	[BAR_DL_SUGGESTED_PACKETS] = OPT_UINT(S, dl_buffering_suggested_packet_count, "packets",
					      "instead of suggested_buffering_packets_count"),
};
const struct cst_object upf_bar_object =
	CST_OBJECT("bar", S, bar_fields, "buffering action rule, TS 29.244 7.5.2.6, 7.5.9.2");
#undef S

static const struct cst_field s_nssai_fields[] = {
	CST_F_UINT(struct upf_s_nssai_obj, sst, 0, 255, NULL, CST_F_REQUIRED, NULL, "slice type"),
	CST_F_STR(struct upf_s_nssai_obj, sd, 6, 6, 0, NULL,
		  "slice differentiator, six hex digits"),
};

static int s_nssai_check(const void *obj, struct cst_err *e)
{
	const struct upf_s_nssai_obj *s = obj;

	if (s->sd && strspn(s->sd, "0123456789abcdefABCDEF") != strlen(s->sd))
		return cst_err(e, -EINVAL, "sd", "\"%s\" is not six hex digits", s->sd);
	return 0;
}

const struct cst_object upf_s_nssai_object = {.name = "s_nssai",
					      .help = "slice, TS 29.244 8.2.176; information",
					      .fields = s_nssai_fields,
					      .n_fields = sizeof(s_nssai_fields) /
							  sizeof(*s_nssai_fields),
					      .size = sizeof(struct upf_s_nssai_obj),
					      .check = s_nssai_check};

static const struct cst_field f_seid_fields[] = {
	CST_F_UINT(struct upf_f_seid_obj, seid, 0, 0, NULL, CST_F_REQUIRED, NULL,
		   "session id there"),
	CST_F_IP(struct upf_f_seid_obj, ipv4, CST_T_IP4, 0, "address"),
	CST_F_IP(struct upf_f_seid_obj, ipv6, CST_T_IP6, 0, "address"),
};
const struct cst_object upf_f_seid_object = CST_OBJECT(
	"f_seid", struct upf_f_seid_obj, f_seid_fields, "session at its control plane, 8.2.37");

static const struct cst_field user_id_fields[] = {
	CST_F_STR(struct upf_user_id_obj, imsi, 1, 15, 0, NULL, "IMSI"),
	CST_F_STR(struct upf_user_id_obj, imei, 1, 16, 0, NULL, "IMEI"),
	CST_F_STR(struct upf_user_id_obj, msisdn, 1, 15, 0, NULL, "MSISDN"),
	CST_F_STR(struct upf_user_id_obj, nai, 1, 253, 0, NULL, "network access identifier"),
};
const struct cst_object upf_user_id_object =
	CST_OBJECT("user_id", struct upf_user_id_obj, user_id_fields, "user, TS 29.244 8.2.101");

static const struct cst_field buffer_fields[] = {
	[BUFFER_PACKETS] =
		CST_F_UINT(struct upf_buffer_obj, packets, 0, 0, "packets", 0, NULL, "that wait"),
	[BUFFER_BYTES] = CST_F_UINT(struct upf_buffer_obj, bytes, 0, 0, "bytes", 0, NULL,
				    "of these packets"),
	[BUFFER_NOTIFIED] = CST_F_BOOL(struct upf_buffer_obj, notified, 0, NULL,
				       "the control plane was told of them"),
};
static const struct cst_object buffer_object =
	CST_OBJECT("buffer", struct upf_buffer_obj, buffer_fields, "a session's downlink buffer");

#define S                    struct upf_session_obj
#define RULES(m, t, n, o, h) CST_F_LIST(S, m, CST_T_OBJ, t, n, 0, h, .sub = o)
static const struct cst_field session_fields[] = {
	[SESSION_SEID] = CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, CST_F_KEY | CST_F_AUTO, NULL,
				    "session id, the UP SEID"),
	[SESSION_DNN] = CST_F_STR(S, dnn, 1, 100, 0, NULL, "data network name"),
	[SESSION_S_NSSAI] = CST_F_OBJ(S, s_nssai, &upf_s_nssai_object, 0, "network slice"),
	[SESSION_PDN_TYPE] =
		CST_F_ENUM(S, pdn_type, pdn_types, 0, NULL,
			   "PDU session type; addresses of another family are refused; ethernet: "
			   "frames"),
	[SESSION_CP_F_SEID] =
		CST_F_OBJ(S, cp_f_seid, &upf_f_seid_object, 0, "the session at its control plane"),
	[SESSION_USER_ID] =
		CST_F_OBJ(S, user_id, &upf_user_id_object, 0, "whose session it is; information"),
	[SESSION_PDRS] = RULES(pdrs, struct upf_pdr_obj, UPF_MAX_PDRS, &upf_pdr_object,
			       "packet detection rules"),
	[SESSION_FARS] = RULES(fars, struct upf_far_obj, UPF_MAX_FARS, &upf_far_object,
			       "forwarding action rules"),
	[SESSION_QERS] = RULES(qers, struct upf_qer_obj, UPF_MAX_QERS, &upf_qer_object,
			       "QoS enforcement rules"),
	[SESSION_URRS] = RULES(urrs, struct upf_urr_obj, UPF_MAX_URRS, &upf_urr_object,
			       "usage reporting rules"),
	[SESSION_BARS] = RULES(bars, struct upf_bar_obj, UPF_MAX_BARS, &upf_bar_object,
			       "buffering action rules"),
	[SESSION_SRRS] = RULES(srrs, struct upf_srr_obj, UPF_MAX_SRRS, &upf_srr_object,
			       "session reporting rules"),
	[SESSION_INACTIVITY] = OPT_UINT(S, user_plane_inactivity_timer, "seconds",
					"time without packets after which it is told; 0: never"),
	[SESSION_FIVE_QI] = CST_F_UINT(S, five_qi, 0, 255, NULL, 0, NULL,
				       "5QI of its default QoS flow, for its inertia class"),
	[SESSION_ARP] = CST_F_UINT(S, arp, 1, 15, NULL, 0, NULL,
				   "allocation and retention priority, likewise; 1 is the highest"),
	[SESSION_TEMPLATE] = CST_F_STR(S, session_template, 1, 63, 0, NULL,
				       "template that session.admit made it from; information"),
	[SESSION_OWNER] = CST_F_STR(S, owner, 1, 63, 0, NULL,
				    "control owner; absent: who puts it; only a caller that "
				    "claims no owner may name one, for a new session"),
	[SESSION_BUFFER] =
		CST_F_OBJ(S, buffer, &buffer_object, CST_F_STATE, "downlink packets that wait"),
	[SESSION_WORKER] = CST_F_UINT(S, worker, 0, 0, NULL, CST_F_STATE, NULL,
				      "worker that owns the session"),
	[SESSION_UE_IPV4] = CST_F_IP(S, ue_ipv4, CST_T_IP4, CST_F_STATE, "address in use"),
	[SESSION_UE_IPV6] =
		CST_F_(S, ue_ipv6, CST_T_PREFIX, .flags = CST_F_STATE, .help = "prefix in use"),
	[SESSION_INERTIA_CLASS] = CST_F_STR(S, inertia_class, 0, 63, CST_F_STATE, NULL,
					    "what goes for it while its owner is away"),
	[SESSION_STALE] = CST_F_BOOL(S, stale, CST_F_STATE, NULL,
				     "its owner came back and has not spoken of it since"),
	[SESSION_LOCAL] =
		CST_F_BOOL(S, local, CST_F_STATE, NULL,
			   "admitted by local authority and not yet adopted by its owner"),
};
#undef RULES
const struct cst_object upf_session_object =
	CST_OBJECT("session", S, session_fields,
		   "a PFCP session: rules for one user's traffic, TS 29.244 7.5.2");
#undef S

#define S struct upf_rule_id_obj
static const struct cst_field rule_id_fields[] = {
	CST_F_UINT(S, id, 0, 0, NULL, CST_F_REQUIRED, NULL, "rule id"),
};
static const struct cst_object rule_id_object = CST_OBJECT("rule", S, rule_id_fields, "a rule");
#undef S

#define S struct upf_modify_obj
#define RULE_LIST(n_, m_, i_, fl, t_, max_, o_, h_)                                               \
	{                                                                                         \
		.name = n_, .type = CST_T_OBJ, .offset = offsetof(S, m_[i_]), .size = sizeof(t_), \
		.max_items = max_, .flags = CST_F_LISTF | (fl), .sub = o_, .help = h_             \
	}
#define REMOVE(n, i, max) \
	RULE_LIST(n, remove, i, 0, struct upf_rule_id_obj, max, &rule_id_object, "rules to remove")
#define CREATE(n, i, t, max, o) RULE_LIST(n, create, i, 0, t, max, o, "rules to add")
#define UPDATE(n, i, t, max, o) \
	RULE_LIST(n, update, i, CST_F_PARTIAL, t, max, o, "rules to change; absent members stay")
static const struct cst_field modify_fields[] = {
	[MODIFY_SEID] = CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, CST_F_KEY, NULL, "session id"),
	[MODIFY_CP_F_SEID] = CST_F_OBJ(S, cp_f_seid, &upf_f_seid_object, 0, "now there"),
	[MODIFY_QUERY_URRS] =
		CST_F_LIST(S, query_urrs, CST_T_OBJ, struct upf_rule_id_obj, UPF_MAX_URRS, 0,
			   "URRs to report now, before the change", .sub = &rule_id_object),
	[MODIFY_QUERY_ALL] = CST_F_BOOL(S, query_all_urrs, 0, NULL,
					"report all URRs now, before the change: QAURR"),
	[MODIFY_INACTIVITY] =
		OPT_UINT(S, user_plane_inactivity_timer, "seconds", "from now on; 0: none"),
	[MODIFY_DROP_BUFFERED] =
		CST_F_BOOL(S, drop_buffered_packets, 0, NULL,
			   "drop what waits in the buffer, before the change: DROBU"),
	REMOVE("remove_pdrs", UPF_RULE_PDR, UPF_MAX_PDRS),
	REMOVE("remove_fars", UPF_RULE_FAR, UPF_MAX_FARS),
	REMOVE("remove_qers", UPF_RULE_QER, UPF_MAX_QERS),
	REMOVE("remove_urrs", UPF_RULE_URR, UPF_MAX_URRS),
	REMOVE("remove_bars", UPF_RULE_BAR, UPF_MAX_BARS),
	REMOVE("remove_srrs", UPF_RULE_SRR, UPF_MAX_SRRS),
	CREATE("create_pdrs", UPF_RULE_PDR, struct upf_pdr_obj, UPF_MAX_PDRS, &upf_pdr_object),
	CREATE("create_fars", UPF_RULE_FAR, struct upf_far_obj, UPF_MAX_FARS, &upf_far_object),
	CREATE("create_qers", UPF_RULE_QER, struct upf_qer_obj, UPF_MAX_QERS, &upf_qer_object),
	CREATE("create_urrs", UPF_RULE_URR, struct upf_urr_obj, UPF_MAX_URRS, &upf_urr_object),
	CREATE("create_bars", UPF_RULE_BAR, struct upf_bar_obj, UPF_MAX_BARS, &upf_bar_object),
	CREATE("create_srrs", UPF_RULE_SRR, struct upf_srr_obj, UPF_MAX_SRRS, &upf_srr_object),
	UPDATE("update_pdrs", UPF_RULE_PDR, struct upf_pdr_obj, UPF_MAX_PDRS, &upf_pdr_object),
	UPDATE("update_fars", UPF_RULE_FAR, struct upf_far_obj, UPF_MAX_FARS, &upf_far_object),
	UPDATE("update_qers", UPF_RULE_QER, struct upf_qer_obj, UPF_MAX_QERS, &upf_qer_object),
	UPDATE("update_urrs", UPF_RULE_URR, struct upf_urr_obj, UPF_MAX_URRS, &upf_urr_object),
	UPDATE("update_bars", UPF_RULE_BAR, struct upf_bar_obj, UPF_MAX_BARS, &upf_bar_object),
	UPDATE("update_srrs", UPF_RULE_SRR, struct upf_srr_obj, UPF_MAX_SRRS, &upf_srr_object),
};
const struct cst_object upf_modify_object =
	CST_OBJECT("session_modify", S, modify_fields,
		   "change of a session: remove, then create, then update, TS 29.244 7.5.4");
#undef S

#define S struct upf_filter_obj
static const struct cst_field filter_fields[] = {
	[FILTER_SEID] = CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, 0, NULL, "this one"),
	[FILTER_DNN] = CST_F_STR(S, dnn, 1, 100, 0, NULL, "those of this data network name"),
	[FILTER_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					      "those with rules from or to this network instance"),
	[FILTER_UE] = CST_F_IP(S, ue_ip_address, CST_T_IP, 0, "those of this user address"),
	[FILTER_TEID] = CST_F_UINT(S, teid, 1, UINT32_MAX, NULL, CST_F_HEX, NULL,
				   "those with this local TEID"),
	[FILTER_OWNER] = CST_F_STR(S, owner, 1, 63, 0, NULL, "those of this control owner"),
	[FILTER_STALE] = CST_F_BOOL(S, stale, 0, NULL, "those that are stale, or are not"),
	[FILTER_LOCAL] =
		CST_F_BOOL(S, local, 0, NULL, "those admitted by local authority, or others"),
};
const struct cst_object upf_filter_object =
	CST_OBJECT("session_filter", S, filter_fields, "which sessions of a list");
#undef S

#define S struct upf_pool_obj
static const struct cst_field pool_fields[] = {
	CST_F_STR(S, name, 1, 63, CST_F_KEY, NULL, "name of the pool"),
	CST_F_STR(S, network_instance, 1, 63, CST_F_REQUIRED | CST_F_NEW, NULL,
		  "network instance (N6 side) in which the addresses are routed"),
	CST_F_(S, prefix, CST_T_PREFIX, .flags = CST_F_REQUIRED | CST_F_NEW,
	       .help = "addresses; IPv6: /64 prefixes, one for each UE"),
	CST_F_UINT(S, addresses, 0, 0, NULL, CST_F_STATE, NULL, "addresses or /64 prefixes in it"),
	CST_F_UINT(S, used, 0, 0, NULL, CST_F_STATE, NULL, "of these taken by sessions"),
};
const struct cst_object upf_pool_object =
	CST_OBJECT("pool", S, pool_fields, "addresses of UEs, found without a search");
#undef S

struct cst_class upf_pool_class = {
	.object = &upf_pool_object, .plural = "pools", .order = 60, .config = true};
CST_CLASS(upf_pool_class);

struct cst_class upf_session_class = {.object = &upf_session_object,
				      .plural = "sessions",
				      .order = 70,
				      .late = true,
				      .modify_object = &upf_modify_object,
				      .filter_object = &upf_filter_object};
CST_CLASS(upf_session_class);

static const struct {
	uint16_t list; /* offset in a session */
	uint16_t id;   /* offset in a rule */
	const struct cst_object *object;
} rules[UPF_RULES] = {
	{offsetof(struct upf_session_obj, pdrs), offsetof(struct upf_pdr_obj, id), &upf_pdr_object},
	{offsetof(struct upf_session_obj, fars), offsetof(struct upf_far_obj, id), &upf_far_object},
	{offsetof(struct upf_session_obj, qers), offsetof(struct upf_qer_obj, id), &upf_qer_object},
	{offsetof(struct upf_session_obj, urrs), offsetof(struct upf_urr_obj, id), &upf_urr_object},
	{offsetof(struct upf_session_obj, bars), offsetof(struct upf_bar_obj, id), &upf_bar_object},
	{offsetof(struct upf_session_obj, srrs), offsetof(struct upf_srr_obj, id), &upf_srr_object},
};

struct cst_list *upf_session_rules(struct upf_session_obj *s, enum upf_rule kind)
{
	return (void *)((char *)s + rules[kind].list);
}

const struct cst_object *upf_rule_object(enum upf_rule kind)
{
	return rules[kind].object;
}

uint32_t upf_rule_id(enum upf_rule kind, const void *rule)
{
	const char *at = (const char *)rule + rules[kind].id;

	switch (kind) {
	case UPF_RULE_PDR:
		return *(const uint16_t *)at;
	case UPF_RULE_BAR:
	case UPF_RULE_SRR:
		return *(const uint8_t *)at;
	default:
		return *(const uint32_t *)at;
	}
}

void *upf_rule_find(enum upf_rule kind, const struct cst_list *l, uint32_t id)
{
	char *at = l->items;

	for (uint32_t i = 0; i < l->n; i++, at += rules[kind].object->size)
		if (upf_rule_id(kind, at) == id)
			return at;
	return NULL;
}
