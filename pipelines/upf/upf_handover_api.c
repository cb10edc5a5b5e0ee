/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_handover_api.h"

#include <errno.h>

/* ---- a FAR's next tunnel --------------------------------------------------------------- */

#define S struct upf_next_obj
static const struct cst_field next_fields[] = {
	[NEXT_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, CST_F_REQUIRED,
			       "tunnel to leave by after the switch"),
	[NEXT_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					    "network instance of the tunnel; absent: as before"),
	[NEXT_FEED] = CST_F_BOOL(S, feed, 0, NULL,
				 "packets are copied into it while they leave by the one in use"),
	[NEXT_FEED_UNTIL] = CST_F_UINT(S, feed_until, 1, UINT64_MAX, "ms", 0, NULL,
				       "UNIX time at which the copies end; at most 10 s ahead"),
	[NEXT_SWITCH_AT] = CST_F_UINT(S, switch_at, 1, UINT64_MAX, "ms", 0, NULL,
				      "UNIX time of a switch that was announced"),
};
const struct cst_object upf_next_object =
	CST_OBJECT("next_tunnel", S, next_fields, "tunnel that a FAR is prepared to leave by");
#undef S

/* ---- calls ------------------------------------------------------------------------------- */

#define S struct upf_prepare_obj
static const struct cst_field prepare_fields[] = {
	[PREPARE_SEID] =
		CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, CST_F_REQUIRED, NULL, "session id"),
	[PREPARE_FAR_ID] = CST_F_UINT(S, far_id, 0, 0, NULL, CST_F_REQUIRED, NULL,
				      "FAR that leaves by a tunnel now"),
	[PREPARE_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, CST_F_REQUIRED,
				  "tunnel to leave by after the switch"),
	[PREPARE_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					       "network instance of the tunnel; absent: as before"),
	[PREPARE_FEED] = CST_F_BOOL(S, feed, 0, "false",
				    "copy packets into it while they leave by the one in use"),
	[PREPARE_FEED_MS] = CST_F_UINT(S, feed_ms, 1, UPF_MAX_FEED_MS, "ms", 0, "500",
				       "how long; the tunnel stays prepared after that"),
};
const struct cst_object upf_prepare_object =
	CST_OBJECT("handover_prepare", S, prepare_fields, "a tunnel beside the one in use");
#undef S

#define S struct upf_pick_obj
static const struct cst_field pick_fields[] = {
	CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, CST_F_REQUIRED, NULL, "session id"),
	CST_F_UINT(S, far_id, 0, 0, NULL, CST_F_REQUIRED, NULL, "its FAR"),
};
static const struct cst_object pick_object =
	CST_OBJECT("handover_item", S, pick_fields, "a FAR with a next tunnel");
#undef S

#define S struct upf_switch_obj
#define WHICH                                                                                     \
	[SWITCH_SEID] = CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, 0, NULL, "session id"),          \
	[SWITCH_FAR_ID] = CST_F_UINT(S, far_id, 0, 0, NULL, 0, NULL, "its FAR"),                  \
	[SWITCH_ITEMS] = CST_F_LIST(S, items, CST_T_OBJ, struct upf_pick_obj, UPF_HANDOVER_ITEMS, \
				    0, "several, instead of seid and far_id: all or nothing",     \
				    .sub = &pick_object)
static const struct cst_field commit_fields[] = {
	WHICH,
	[SWITCH_LEAD_MS] = CST_F_UINT(S, lead_ms, 0, UPF_MAX_LEAD_MS, "ms", 0, "0",
				      "announce the switch (handover.switch) and do it so much "
				      "later, up to 100 ms late; 0: at once"),
};
static const struct cst_field drop_fields[] = {WHICH};
#undef S

static int check_which(const void *obj, struct cst_err *e)
{
	const struct upf_switch_obj *o = obj;
	bool one = cst_has(o, SWITCH_SEID) || cst_has(o, SWITCH_FAR_ID);

	if (cst_has(o, SWITCH_ITEMS) && one)
		return cst_err(e, -EINVAL, "items", "goes not with seid and far_id");
	if (cst_has(o, SWITCH_ITEMS))
		return o->items.n ? 0 : cst_err(e, -EINVAL, "items", "the list is empty");
	if (!cst_has(o, SWITCH_SEID))
		return cst_err(e, -EINVAL, "seid", "is required, or items");
	if (!cst_has(o, SWITCH_FAR_ID))
		return cst_err(e, -EINVAL, "far_id", "is required with seid");
	return 0;
}

const struct cst_object upf_commit_object = {.name = "handover_commit",
					     .help = "which switch to their next tunnel, and when",
					     .fields = commit_fields,
					     .n_fields =
						     sizeof(commit_fields) / sizeof(*commit_fields),
					     .size = sizeof(struct upf_switch_obj),
					     .check = check_which};
const struct cst_object upf_drop_object = {.name = "handover_drop",
					   .help = "whose next tunnel to forget",
					   .fields = drop_fields,
					   .n_fields = sizeof(drop_fields) / sizeof(*drop_fields),
					   .size = sizeof(struct upf_switch_obj),
					   .check = check_which};

#define S struct upf_prepared_list_obj
static const struct cst_field list_fields[] = {
	[PREPARED_LIST_SEID] =
		CST_F_UINT(S, seid, 1, UINT64_MAX, NULL, 0, NULL, "only this session"),
	[PREPARED_LIST_LIMIT] =
		CST_F_UINT(S, limit, 1, 1000, NULL, 0, "100", "at most so many sessions at once"),
	[PREPARED_LIST_CURSOR] = CST_F_UINT(S, cursor, 0, UINT32_MAX, NULL, 0, "0",
					    "where to go on, as the last call said"),
};
const struct cst_object upf_prepared_list_object =
	CST_OBJECT("handover_list", S, list_fields, "which sessions with a next tunnel to show");
#undef S

/* ---- what is told --------------------------------------------------------------------------- */

#define S struct upf_handover_obj
static const struct cst_field handover_fields[] = {
	[HANDOVER_SEID] = CST_F_UINT(S, seid, 0, 0, NULL, 0, NULL, "session"),
	[HANDOVER_FAR_ID] = CST_F_UINT(S, far_id, 0, 0, NULL, 0, NULL, "its FAR"),
	[HANDOVER_TUNNEL] =
		CST_F_OBJ(S, tunnel, &upf_ohc_object, 0, "tunnel that its packets leave by"),
	[HANDOVER_NEXT_TUNNEL] =
		CST_F_OBJ(S, next_tunnel, &upf_next_object, 0, "tunnel that is prepared"),
	[HANDOVER_IN_MS] = CST_F_UINT(S, in_ms, 0, 0, "ms", 0, NULL, "the switch comes so soon"),
	[HANDOVER_REASON] = CST_F_STR(S, reason, 0, 255, 0, NULL, "why it failed"),
};
const struct cst_object upf_handover_object =
	CST_OBJECT("handover", S, handover_fields, "hand-over of a session's FAR");
#undef S
