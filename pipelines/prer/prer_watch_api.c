/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_watch_api.h"

#include "prer_api.h"

#define NUMBER(s, m, u, h) CST_F_UINT(struct s, m, 0, 0, u, CST_F_STATE, NULL, h)
#define TEXT(s, m, h)      CST_F_STR(struct s, m, 0, 255, CST_F_STATE, NULL, h)

static const struct cst_field member_fields[] = {
	TEXT(prer_health_member, path, "name of the path"),
	CST_F_ENUM(struct prer_health_member, status, prer_mood_names, CST_F_STATE, NULL,
		   "what it is to this stream"),
	NUMBER(prer_health_member, carries, "%",
	       "of the packets passed, those that came by it first"),
	NUMBER(prer_health_member, packet_rate, "packets/s", "that came by it"),
	NUMBER(prer_health_member, loss, "ppm", "that did not"),
	NUMBER(prer_health_member, loss_long, "ppm", "the same since it is watched"),
	NUMBER(prer_health_member, delay_difference_us, "us",
	       "of second copies by it behind the first ones, in the mean"),
	NUMBER(prer_health_member, delay_difference_max_us, "us", "and at most, of late"),
	NUMBER(prer_health_member, out_of_order, "packets", "that came after later ones"),
	TEXT(prer_health_member, reason, "why it is not up"),
};
const struct cst_object prer_health_member_object =
	CST_OBJECT("stream_health_path", struct prer_health_member, member_fields,
		   "one path of a stream in the last window");

static const char *const histories[] = {"enough", "too_small", "stuck", NULL};
static const struct cst_field health_fields[] = {
	TEXT(prer_health_obj, stream, "name of the stream"),
	NUMBER(prer_health_obj, window_ms, "ms", "what rates and losses are of"),
	NUMBER(prer_health_obj, packet_rate, "packets/s", "sent, as the numbers tell"),
	NUMBER(prer_health_obj, joint_loss, "ppb", "packets that no path brought"),
	NUMBER(prer_health_obj, joint_loss_long, "ppb", "the same since it is watched"),
	NUMBER(prer_health_obj, joint_loss_at_most, "ppb",
	       "what it is in truth at most, with 95 % confidence"),
	NUMBER(prer_health_obj, independent_loss, "ppb",
	       "what it would be if paths lost packets independently of each other"),
	TEXT(prer_health_obj, correlation,
	     "of the losses of two paths: 0 they are independent, 1 they lose the same packets; "
	     "absent: one of them loses none"),
	TEXT(prer_health_obj, correlation_long, "the same since it is watched"),
	CST_F_ENUM(struct prer_health_obj, history, histories, CST_F_STATE, NULL,
		   "too_small: paths are further apart than the history is long; stuck: all that "
		   "comes is taken for rogue"),
	NUMBER(prer_health_obj, history_needed, NULL,
	       "numbers, for the delay differences and the rate, joint losses not included"),
	NUMBER(prer_health_obj, latent_errors, NULL, "signals of latent error detection"),
	NUMBER(prer_health_obj, latent_error_resets, NULL, "frerSeqRcvyLatentErrorResets"),
	CST_F_LIST(struct prer_health_obj, paths, CST_T_OBJ, struct prer_health_member, 4,
		   CST_F_STATE, "its paths", .sub = &prer_health_member_object),
};
const struct cst_object prer_health_object =
	CST_OBJECT("stream_health", struct prer_health_obj, health_fields,
		   "what paths do for a stream, and whether they fail together");
