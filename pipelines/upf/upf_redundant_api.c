/* SPDX-License-Identifier: BSD-3-Clause */
/* Redundant transmission on N3 and N9 (TS 23.501 5.33.2.2), as rules of a session tell it. */
#include <stddef.h>

#include "upf_api.h"

static const char *const carriers[] = {"gtpu", "qfi", NULL};

#define CARRIER_HELP                                                        \
	"what bears the number that both copies have: GTP-U's 16-bit one, " \
	"or TS 38.415's 24-bit QFI sequence number"

#define S struct upf_rtp_obj
static const struct cst_field rtp_fields[] = {
	[RTP_F_TEID] = CST_F_OBJ(S, f_teid, &upf_f_teid_object, CST_F_REQUIRED,
				 "second tunnel packets come in by"),
	[RTP_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					   "network instance of the second tunnel, best one that "
					   "has no link in common with the first one's; absent: "
					   "the same"),
	[RTP_SEQUENCE_NUMBER] = CST_F_ENUM(S, sequence_number, carriers, 0, "gtpu", CARRIER_HELP),
	[RTP_RECOVERY] = CST_F_STR(S, recovery, 1, 63, 0, NULL,
				   "recovery object that tells duplicates; absent: the default"),
};
const struct cst_object upf_rtp_object =
	CST_OBJECT("redundant_transmission_parameters", S, rtp_fields, "TS 29.244 7.5.2.2, IE 255");
#undef S

#define S struct upf_rtfp_obj
static const struct cst_field rtfp_fields[] = {
	[RTFP_OHC] = CST_F_OBJ(S, outer_header_creation, &upf_ohc_object, 0,
			       "second tunnel packets leave by; absent in an update: as before"),
	[RTFP_NETWORK_INSTANCE] = CST_F_STR(S, network_instance, 1, 63, 0, NULL,
					    "network instance that the second copy leaves into"),
	[RTFP_SEQUENCE_NUMBER] = CST_F_ENUM(S, sequence_number, carriers, 0, "gtpu", CARRIER_HELP),
};
const struct cst_object upf_rtfp_object = CST_OBJECT("redundant_transmission_forwarding_parameters",
						     S, rtfp_fields, "TS 29.244 7.5.2.3, IE 270");
#undef S

#define COUNT(member, help) \
	CST_F_UINT(struct upf_redundancy_obj, member, 0, 0, "packets", CST_F_STATE, NULL, help)
static const struct cst_field redundancy_fields[] = {
	COUNT(generated, "sent twice, each with its own number"),
	COUNT(passed, "first copies, which went on"),
	COUNT(discarded, "later copies, dropped as upf.duplicate"),
	COUNT(rogue, "dropped likewise: their number is too far from what is expected"),
	COUNT(out_of_order, "passed, but not behind their predecessor"),
	COUNT(lost, "numbers that neither tunnel brought"),
	CST_F_UINT(struct upf_redundancy_obj, resets, 0, 0, NULL, CST_F_STATE, NULL,
		   "times that any number was taken as the next, the beginning included"),
	COUNT(first_tunnel, "that came by the first tunnel"),
	COUNT(second_tunnel, "that came by the second tunnel"),
};
const struct cst_object upf_redundancy_object =
	CST_OBJECT("redundancy", struct upf_redundancy_obj, redundancy_fields,
		   "IEEE 802.1CB clause 10 counters of a rule's redundant packets");
