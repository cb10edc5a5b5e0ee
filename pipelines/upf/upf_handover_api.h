/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hand-over of a user on the control socket: parameters of handover.*, and
 * what its events tell.
 */
#pragma once

#include "upf_api.h"

#define UPF_HANDOVER_ITEMS 1024 /* of one call */

enum {
	PREPARE_SEID,
	PREPARE_FAR_ID,
	PREPARE_OHC,
	PREPARE_NETWORK_INSTANCE,
	PREPARE_FEED,
	PREPARE_FEED_MS
};
struct upf_prepare_obj {
	uint64_t has;
	uint64_t seid;
	uint32_t far_id;
	struct upf_ohc_obj outer_header_creation;
	const char *network_instance;
	bool feed;
	uint32_t feed_ms;
};

struct upf_pick_obj { /* a FAR of a session */
	uint64_t has;
	uint64_t seid;
	uint32_t far_id;
};

enum { SWITCH_SEID, SWITCH_FAR_ID, SWITCH_ITEMS, SWITCH_LEAD_MS };
struct upf_switch_obj { /* of commit and drop */
	uint64_t has;
	uint64_t seid;
	uint32_t far_id;
	struct cst_list items; /* struct upf_pick_obj */
	uint32_t lead_ms;      /* commit only */
};

enum { PREPARED_LIST_SEID, PREPARED_LIST_LIMIT, PREPARED_LIST_CURSOR };
struct upf_prepared_list_obj {
	uint64_t has;
	uint64_t seid;
	uint32_t limit, cursor;
};

enum {
	HANDOVER_SEID,
	HANDOVER_FAR_ID,
	HANDOVER_TUNNEL,
	HANDOVER_NEXT_TUNNEL,
	HANDOVER_IN_MS,
	HANDOVER_REASON
};
struct upf_handover_obj { /* of events and of handover.list */
	uint64_t has;
	uint64_t seid;
	uint32_t far_id;
	struct upf_ohc_obj tunnel;
	struct upf_next_obj next_tunnel;
	uint32_t in_ms;
	const char *reason;
};

extern const struct cst_object upf_prepare_object, upf_commit_object, upf_drop_object,
	upf_prepared_list_object, upf_handover_object;
