/* SPDX-License-Identifier: BSD-3-Clause */
/* URRs for those who look at a session; looking changes nothing. */
#include "upf_urr_int.h"

static const uint64_t nothing[2];

static uint64_t left(uint64_t limit, uint64_t used, bool spent)
{
	return limit > used && !spent ? limit - used : 0;
}

static void quota_left(const struct upf_urr *b, const struct upf_limit *l,
		       const struct upf_usage *u, struct upf_volume_obj *out)
{
	bool spent = b->spent & UPF_QUOTA_VOLUME;

	*out = (struct upf_volume_obj){0};
	if (l->granted[UPF_UL] != UINT64_MAX) {
		out->ul = left(l->granted[UPF_UL], u->bytes[UPF_UL], spent);
		out->has |= 1u << VOLUME_UL;
	}
	if (l->granted[UPF_DL] != UINT64_MAX) {
		out->dl = left(l->granted[UPF_DL], u->bytes[UPF_DL], spent);
		out->has |= 1u << VOLUME_DL;
	}
	if (l->granted[2] != UINT64_MAX) {
		out->total = left(l->granted[2], u->bytes[UPF_UL] + u->bytes[UPF_DL], spent);
		out->has |= 1u << VOLUME_TOTAL;
	}
}

void upf_urr_show(const struct upf_session *session, struct upf_urr_obj *u)
{
	const struct upf_held_part *p = upf_part_of(session, UPF_PART_USAGE, u->id);
	const struct upf_urr *b = p ? upf_urr_at(p->number) : NULL;
	const struct upf_limit *l;
	struct upf_seen s;
	uint64_t due;

	if (!b || !(b->flags & UPF_URR_LIVE))
		return;
	l = upf_urr_limit(p->number);
	upf_urr_see(p->number, &s);
	u->ur_seqn = b->seqn;
	u->quota_spent = b->spent != 0;
	u->refused_packets = s.u.refused[0];
	u->overrun = upf_urr_overrun(b, &s.u);
	if (u->overrun)
		u->has |= 1ull << URR_OVERRUN;
	u->has |= 1ull << URR_UR_SEQN | 1ull << URR_REFUSED_PACKETS;
	if (b->granted_kinds)
		u->has |= 1ull << URR_QUOTA_SPENT;
	if (b->method & UPF_MM_VOLUM) {
		upf_urr_measured(&u->volume_since_report, &s.u, b->bytes, b->packets, true);
		upf_urr_measured(&u->volume_measured, &s.u, nothing, nothing, true);
		u->has |= 1ull << URR_VOLUME_SINCE_REPORT | 1ull << URR_VOLUME_MEASURED;
	}
	if (b->granted_kinds & UPF_QUOTA_VOLUME) {
		quota_left(b, l, &s.u, &u->volume_quota_left);
		u->has |= 1ull << URR_VOLUME_QUOTA_LEFT;
	}
	if (b->method & UPF_MM_DURAT) {
		u->duration_since_report = (uint32_t)(left(s.used, b->used, false) / s.now.hz);
		u->has |= 1ull << URR_DURATION_SINCE_REPORT;
	}
	if (b->granted_kinds & UPF_QUOTA_TIME) {
		u->time_quota_left =
			(uint32_t)(left(b->time_quota, s.used, b->spent & UPF_QUOTA_TIME) /
				   s.now.hz);
		u->has |= 1ull << URR_TIME_QUOTA_LEFT;
	}
	due = upf_urr_next_look(p->number);
	if (due) {
		u->next_deadline = due > s.now.ms ? due - s.now.ms : 0;
		u->has |= 1ull << URR_NEXT_DEADLINE;
	}
}
