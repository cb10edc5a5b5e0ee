/* SPDX-License-Identifier: BSD-3-Clause */
/* What has happened to a URR since it was looked at, and what follows from it. */
#include "upf_buffer_ctl.h"
#include "upf_owned.h"
#include "upf_report.h"
#include "upf_timer.h"
#include "upf_urr_int.h"

#define AGAIN_MS 5000 /* after the store did not take a report */

void upf_urr_see(uint32_t number, struct upf_seen *s)
{
	const uint64_t *from = (const uint64_t *)&upf_tables.usages[number];
	uint64_t *to = (uint64_t *)&s->u;

	for (unsigned i = 0; i < sizeof(s->u) / 8; i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	upf_clock(&s->now);
	s->used = upf_urr_used(upf_urr_at(number), &s->u, &s->now);
}

const struct upf_urr_obj *upf_urr_rule(const struct upf_session_obj *o, uint32_t id)
{
	return o ? upf_rule_find(UPF_RULE_URR, &o->urrs, id) : NULL;
}

/* Time in use stands still while the measurement is paused or a quota spent, and goes on from
 * there. */
static void settle_clock(struct upf_urr *b, const struct upf_seen *s)
{
	bool still = b->info & UPF_MI_INAM || upf_urr_stops(b, &s->u);

	if (still && !(b->flags & UPF_URR_FROZEN)) {
		b->frozen = s->used;
		b->flags |= UPF_URR_FROZEN;
	} else if (!still && b->flags & UPF_URR_FROZEN) {
		b->flags &= (uint16_t)~UPF_URR_FROZEN;
		b->offset = 0;
		b->offset = s->used - upf_urr_used(b, &s->u, &s->now);
	}
}

static uint64_t quiet_for(const struct upf_seen *s, uint64_t from)
{
	return s->now.tsc > from ? s->now.tsc - from : 0;
}

void upf_urr_note_first(struct upf_urr *b, const struct upf_limit *l, struct upf_seen *s)
{
	if (s->u.last == 0)
		return;
	if (!b->begun) {
		b->begun = s->u.first ? s->u.first : s->u.last;
		s->used = upf_urr_used(b, &s->u, &s->now);
	}
	if (!b->first && s->u.arm == l->arm && s->u.first > b->since)
		b->first = s->u.first;
	if (!b->rest)
		b->flags |= UPF_URR_RUNNING;
}

/* Traffic starts and comes to rest. */
static void note_traffic(struct upf_urr *b, const struct upf_limit *l, const struct upf_seen *s,
			 const struct upf_session_obj *o)
{
	uint64_t first = s->u.arm == l->arm && s->u.first ? s->u.first : s->u.last;
	bool told = b->triggers & (UPF_RT_START | UPF_RT_STOPT);

	if (!b->rest || b->info & UPF_MI_INAM || (!told && !(b->flags & UPF_URR_RESTS)))
		return;
	if (s->u.starts > b->starts_told) {
		if (b->flags & UPF_URR_RUNNING && b->triggers & UPF_RT_STOPT)
			upf_urr_report_traffic(b, UPF_UR_STOPT, s->u.last, s, o);
		b->starts_told = s->u.starts;
		b->flags |= UPF_URR_RUNNING;
		if (b->triggers & UPF_RT_START)
			upf_urr_report_traffic(b, UPF_UR_START, first, s, o);
	}
	if (b->flags & UPF_URR_RUNNING && quiet_for(s, s->u.last) >= upf_cycles(&s->now, b->rest)) {
		b->flags &= (uint16_t)~UPF_URR_RUNNING;
		if (b->triggers & UPF_RT_STOPT)
			upf_urr_report_traffic(b, UPF_UR_STOPT, s->u.last, s, o);
	}
}

/* Quotas of these kinds came to an end, or what is left of all is given up. Returns what is to be
 * reported. */
static uint32_t spend(struct upf_urr *b, uint32_t kinds, const struct upf_seen *s)
{
	uint64_t active = s->u.last > b->granted ? s->u.last : b->granted;
	uint32_t why = upf_urr_why_spent(b, kinds);

	b->spent |= (uint8_t)kinds;
	if (!(b->granted_kinds & ~b->spent))
		return why;
	if (b->holding && quiet_for(s, active) >= upf_cycles(&s->now, b->holding))
		why |= UPF_UR_QUHTI;
	if (b->validity_due && s->now.ms >= b->validity_due)
		why |= UPF_UR_QUVTI;
	if (why & (UPF_UR_QUHTI | UPF_UR_QUVTI))
		b->spent = b->granted_kinds;
	return why;
}

static bool monitoring_due(const struct upf_urr *b, const struct upf_seen *s)
{
	return b->monitoring && s->now.unix_ms >= (uint64_t)b->monitoring * 1000;
}

uint32_t upf_urr_kinds(const struct upf_urr_obj *u, unsigned volume, unsigned time, unsigned event)
{
	return (cst_has(u, volume) ? UPF_QUOTA_VOLUME : 0) |
	       (cst_has(u, time) ? UPF_QUOTA_TIME : 0) | (cst_has(u, event) ? UPF_QUOTA_EVENT : 0);
}

/* What has no subsequent value goes on with what is left of it (7.5.2.4). */
static void begin_subsequent(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
			     const struct upf_now *now)
{
	b->monitoring = 0;
	b->flags |= UPF_URR_AFTER | UPF_URR_AFT;
	upf_urr_arm(b, l, u,
		    upf_urr_kinds(u, URR_SUBSEQUENT_VOLUME_THRESHOLD, URR_SUBSEQUENT_TIME_THRESHOLD,
				  URR_SUBSEQUENT_EVENT_THRESHOLD),
		    now);
	upf_urr_grant(b, l, u,
		      upf_urr_kinds(u, URR_SUBSEQUENT_VOLUME_QUOTA, URR_SUBSEQUENT_TIME_QUOTA,
				    URR_SUBSEQUENT_EVENT_QUOTA),
		      true, now);
}

static void schedule(uint32_t number, const struct upf_seen *s)
{
	uint64_t due = upf_urr_due(upf_urr_at(number), s);

	upf_timer_set(upf_urr_timers, number, due > s->now.ms || due == 0 ? due : s->now.ms + 1);
}

uint64_t upf_urr_next_look(uint32_t number)
{
	return upf_timer_due(upf_urr_timers, number);
}

static void next_period(struct upf_urr *b, const struct upf_now *now)
{
	uint64_t ms = (uint64_t)b->period * 1000;

	if (b->period_due && now->ms >= b->period_due)
		b->period_due += (1 + (now->ms - b->period_due) / ms) * ms;
}

void upf_urr_follow(uint32_t number, const struct upf_seen *s)
{
	struct upf_urr *b = upf_urr_at(number);

	settle_clock(b, s);
	upf_urr_tell(b, upf_urr_limit(number), &upf_tables.usages[number]);
	schedule(number, s);
	upf_buffer_granted(upf_urr_session(b));
	upf_owned_follow(upf_urr_session(b));
}

/* Reports of how much was used can be made later as well, of more; the last one of a quota or a
 * session cannot, nor one that somebody waits for (`also`). */
static bool tell(struct upf_urr *b, uint32_t why, uint32_t also, const struct upf_seen *s,
		 const struct upf_session_obj *o)
{
	if (!also && upf_report_mergeable(why))
		return upf_urr_report_kept(b, why, s, o);
	upf_urr_report(b, why, s, o);
	return true;
}

/* Look again for what the store did not take, or for what else is due before. */
static void put_off(uint32_t number, const struct upf_seen *s)
{
	struct upf_urr rest = *upf_urr_at(number);
	uint64_t again = s->now.ms + AGAIN_MS, due;

	rest.flags |= UPF_URR_SILENT;
	rest.time_threshold = UINT64_MAX;
	due = upf_urr_due(&rest, s);
	upf_timer_set(upf_urr_timers, number, due > s->now.ms && due < again ? due : again);
}

/* One URR, alone. Returns why it was reported. */
static uint32_t look(uint32_t number, uint32_t also, const struct upf_session_obj *o)
{
	struct upf_urr *b = upf_urr_at(number);
	struct upf_limit *l = upf_urr_limit(number);
	const struct upf_urr_obj *u = upf_urr_rule(o, b->id);
	bool running = b->flags & UPF_URR_RUNNING, paused = b->info & UPF_MI_INAM, monitor, waits;
	uint32_t why = also, kinds = 0, quota;
	uint8_t spent = b->spent;
	struct upf_seen s;

	if (!u)
		return 0;
	upf_urr_see(number, &s);
	upf_urr_note_first(b, l, &s);
	note_traffic(b, l, &s, o);
	monitor = !paused && monitoring_due(b, &s);
	if (monitor)
		why |= UPF_UR_MONIT; /* with it quotas may begin anew: they are looked at next */
	else if (!paused)
		kinds = upf_urr_quotas(b, l, &s);
	if (!paused)
		why |= upf_urr_thresholds(b, l, &s);
	waits = why && !tell(b, why, also, &s, o);
	if (waits)
		why = 0;
	if (monitor)
		begin_subsequent(b, l, u, &s.now);
	else if (why)
		upf_urr_arm(b, l, u, UPF_QUOTA_ALL, &s.now);
	/* a threshold's report comes first: the quota's tells what came after it */
	quota = paused || monitor ? 0 : spend(b, kinds, &s);
	if (quota) {
		upf_urr_report(b, quota, &s, o);
		upf_urr_arm(b, l, u, UPF_QUOTA_ALL, &s.now);
		waits = false;
	}
	if (!waits)
		next_period(b, &s.now);
	if (upf_urr_settle_inertia(b, l, &s, spent) || why || quota || b->spent != spent ||
	    running != !!(b->flags & UPF_URR_RUNNING))
		upf_urr_follow(number, &s);
	else
		schedule(number, &s);
	if (waits)
		put_off(number, &s);
	return why | quota;
}

bool upf_urr_listed(const struct cst_list *ids, uint32_t id)
{
	const uint32_t *list = ids->items;

	for (unsigned i = 0; i < ids->n; i++)
		if (list[i] == id)
			return true;
	return false;
}

/* A report of `id` brings one of each URR that is linked to it. Those bring no others. */
static void look_linked(const struct upf_session *session, uint32_t id,
			const struct upf_session_obj *o)
{
	const struct upf_urr_obj *u = o->urrs.items;

	for (unsigned i = 0; i < o->urrs.n; i++) {
		const struct upf_held_part *p;

		if (!(u[i].reporting_triggers & UPF_RT_LIUSA) ||
		    !upf_urr_listed(&u[i].linked_urr_ids, id))
			continue;
		p = upf_part_of(session, UPF_PART_USAGE, u[i].id);
		if (p && !(upf_urr_at(p->number)->info & UPF_MI_INAM))
			look(p->number, UPF_UR_LIUSA, o);
	}
}

void upf_urr_look(uint32_t number, uint32_t also)
{
	const struct upf_urr *b = upf_urr_at(number);
	const struct upf_session_obj *o;
	struct upf_session *session;
	uint32_t why;

	if ((b->flags & (UPF_URR_LIVE | UPF_URR_ENDS)) != UPF_URR_LIVE)
		return;
	session = upf_urr_session(b);
	o = upf_session_decoded(session);
	if (session)
		upf_owned_enforce(session, o);
	why = look(number, also, o);
	if (why & ~(uint32_t)(UPF_UR_IMMER | UPF_UR_TERMR) && b->flags & UPF_URR_LINKS)
		look_linked(session, b->id, o);
}
