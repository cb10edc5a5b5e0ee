/* SPDX-License-Identifier: BSD-3-Clause */
/* What local authority admits users by while their control owner is away: templates of sessions. */
#pragma once

#include "upf_api.h"

enum {
	TEMPLATE_NAME,
	TEMPLATE_DNN,
	TEMPLATE_S_NSSAI,
	TEMPLATE_ACCESS,
	TEMPLATE_NETWORK_INSTANCE,
	TEMPLATE_QFI,
	TEMPLATE_FIVE_QI,
	TEMPLATE_ARP,
	TEMPLATE_MBR,
	TEMPLATE_MAX_SESSIONS,
	TEMPLATE_SESSIONS
};
struct upf_template_obj { /* what local authority admits users by */
	uint64_t has;
	const char *name, *dnn;
	struct upf_s_nssai_obj s_nssai;
	const char *access_network_instance, *network_instance;
	uint8_t qfi, five_qi, arp;
	struct upf_rate_obj mbr;
	uint32_t max_sessions;
	uint32_t sessions; /* state */
};

enum { ADMIT_TEMPLATE, ADMIT_OHC, ADMIT_UE_IPV4, ADMIT_USER_ID };
struct upf_admit_obj {
	uint64_t has;
	const char *session_template;
	struct upf_ohc_obj outer_header_creation;
	struct cst_ip ue_ipv4;
	struct upf_user_id_obj user_id;
};

extern const struct cst_object upf_template_object, upf_admit_object;

/* Callbacks are filled in by upf_template.c, in coastd only. */
extern struct cst_class upf_template_class;
