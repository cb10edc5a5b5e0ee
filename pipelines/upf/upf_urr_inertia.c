/* SPDX-License-Identifier: BSD-3-Clause */
/* Quotas of sessions whose owner is away, and what they are when it is back. */
#include "upf_urr_int.h"

uint32_t upf_urr_why_spent(const struct upf_urr *b, uint32_t kinds)
{
	uint32_t why = 0;

	if (kinds & UPF_QUOTA_VOLUME && b->triggers & UPF_RT_VOLQU)
		why |= UPF_UR_VOLQU;
	if (kinds & UPF_QUOTA_TIME && b->triggers & UPF_RT_TIMQU)
		why |= UPF_UR_TIMQU;
	if (kinds & UPF_QUOTA_EVENT && b->triggers & UPF_RT_EVEQU)
		why |= UPF_UR_EVEQU;
	return why;
}

bool upf_urr_settle_inertia(struct upf_urr *b, const struct upf_limit *l, const struct upf_seen *s,
			    uint8_t spent)
{
	uint16_t flags = b->flags;

	if (b->policy == UPF_INERT_NO)
		return false;
	if (b->spent && !(b->flags & UPF_URR_OVER))
		upf_urr_go_over(b, l, &s->u, b->spent & ~spent);
	if (upf_urr_slows(b, &s->u))
		b->flags |= UPF_URR_SLOW;
	return flags != b->flags || (upf_urr_stops(b, &s->u) && !(l->flags & UPF_LIMIT_STOP));
}

void upf_urr_inertia(uint32_t number, enum upf_inert policy, uint64_t grace)
{
	struct upf_urr *b = upf_urr_at(number);
	struct upf_limit *l = upf_urr_limit(number);
	uint32_t why = 0;
	struct upf_seen s;

	if (!(b->flags & UPF_URR_LIVE) || (b->policy == policy && b->grace == grace))
		return;
	upf_urr_see(number, &s);
	b->policy = (uint8_t)policy;
	b->grace = grace;
	if (policy == UPF_INERT_NO && b->flags & UPF_URR_OVER) {
		b->overrun = upf_urr_overrun(b, &s.u);
		b->flags &= (uint16_t) ~(UPF_URR_OVER | UPF_URR_SLOW);
		if (s.u.bytes[0] + s.u.bytes[1] != b->bytes[0] + b->bytes[1])
			why = upf_urr_why_spent(b, b->spent);
	}
	if (why) {
		const struct upf_session_obj *o = upf_session_decoded(upf_urr_session(b));

		upf_urr_note_first(b, l, &s);
		upf_urr_report(b, why, &s, o);
		upf_urr_arm(b, l, upf_urr_rule(o, b->id), UPF_QUOTA_ALL, &s.now);
	}
	upf_urr_settle_inertia(b, l, &s, b->spent);
	if (b->granted_kinds)
		upf_urr_follow(number, &s);
}
