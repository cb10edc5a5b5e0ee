/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_api_admit.h"

#define S struct upf_template_obj
static const struct cst_field template_fields[] = {
	[TEMPLATE_NAME] = CST_F_STR(S, name, 1, 63, CST_F_KEY, NULL, "name of the template"),
	[TEMPLATE_DNN] = CST_F_STR(S, dnn, 1, 100, 0, NULL, "data network name"),
	[TEMPLATE_S_NSSAI] = CST_F_OBJ(S, s_nssai, &upf_s_nssai_object, 0, "network slice"),
	[TEMPLATE_ACCESS] = CST_F_STR(S, access_network_instance, 1, 63, CST_F_REQUIRED, NULL,
				      "network instance (N3 side) in which tunnels end"),
	[TEMPLATE_NETWORK_INSTANCE] =
		CST_F_STR(S, network_instance, 1, 63, CST_F_REQUIRED, NULL,
			  "network instance (N6 side); addresses are chosen from its pools"),
	[TEMPLATE_QFI] = CST_F_UINT(S, qfi, 1, 63, NULL, 0, NULL,
				    "QFI of its QoS flow; absent: none is written or asked for"),
	[TEMPLATE_FIVE_QI] =
		CST_F_UINT(S, five_qi, 0, 255, NULL, 0, NULL, "5QI, for its inertia class"),
	[TEMPLATE_ARP] = CST_F_UINT(S, arp, 1, 15, NULL, 0, NULL,
				    "allocation and retention priority, likewise"),
	[TEMPLATE_MBR] = CST_F_OBJ(S, mbr, &upf_rate_object, 0, "maximum bit rate of each session"),
	[TEMPLATE_MAX_SESSIONS] =
		CST_F_UINT(S, max_sessions, 0, UINT32_MAX, NULL, 0, "100",
			   "sessions by it that its owner has not adopted yet, at most"),
	[TEMPLATE_SESSIONS] =
		CST_F_UINT(S, sessions, 0, 0, NULL, CST_F_STATE, NULL, "how many there are"),
};
#undef S
const struct cst_object upf_template_object =
	CST_OBJECT("session_template", struct upf_template_obj, template_fields,
		   "what local authority admits users by while their control owner is away");

struct cst_class upf_template_class = {
	.object = &upf_template_object, .plural = "session_templates", .order = 65, .config = true};
CST_CLASS(upf_template_class);

#define S struct upf_admit_obj
static const struct cst_field admit_fields[] = {
	[ADMIT_TEMPLATE] = CST_F_STR(S, session_template, 1, 63, CST_F_REQUIRED, NULL,
				     "what the session is to be like"),
	[ADMIT_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, CST_F_REQUIRED,
				"tunnel to the gNB"),
	[ADMIT_UE_IPV4] = CST_F_IP(S, ue_ipv4, CST_T_IP4, 0,
				   "the user's address; absent: chosen from a pool"),
	[ADMIT_USER_ID] = CST_F_OBJ(S, user_id, &upf_user_id_object, 0, "whose session it is"),
};
#undef S
const struct cst_object upf_admit_object =
	CST_OBJECT("session_admit", struct upf_admit_obj, admit_fields, "a user to admit locally");
