/* SPDX-License-Identifier: BSD-3-Clause */
/* Up to where a URR counts, and when time alone brings something about. */
#include "upf_urr.h"

#include <string.h>

#define NO_LIMIT (~(uint64_t)0)

/* How far ahead a wall-clock time is trusted: the clock may be set meanwhile. */
#define WALL_CLOCK_MS 10000
#define EVENTS_MS     1000

static uint64_t since(uint64_t now, uint64_t then)
{
	return now > then ? now - then : 0;
}

static uint64_t lesser(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Without an end: what does not fit is no limit. */
static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > NO_LIMIT - b ? NO_LIMIT : a + b;
}

/* ---- time in use ------------------------------------------------------------------ */

static uint64_t raw_used(const struct upf_urr *b, const struct upf_usage *u,
			 const struct upf_now *now)
{
	uint64_t rest = upf_cycles(now, b->rest), t;

	if (!(b->method & UPF_MM_DURAT))
		return 0;
	if (!(b->flags & UPF_URR_RESTS)) {
		t = b->info & UPF_MI_ISTM ? b->created : b->begun;
		return t ? since(now->tsc, t) : 0;
	}
	t = u->active;
	if (u->last != 0)
		t += lesser(since(now->tsc, u->last), rest);
	if (b->info & UPF_MI_ISTM) /* as if a packet had come with the rule */
		t += lesser(since(b->begun ? b->begun : now->tsc, b->created), rest);
	return t;
}

uint64_t upf_urr_used(const struct upf_urr *b, const struct upf_usage *u, const struct upf_now *now)
{
	return b->flags & UPF_URR_FROZEN ? b->frozen : raw_used(b, u, now) + b->offset;
}

bool upf_urr_rests(const struct upf_urr_obj *u)
{
	return cst_has(u, URR_INACTIVITY_DETECTION_TIME) ||
	       u->reporting_triggers & (UPF_RT_START | UPF_RT_STOPT) ||
	       u->measurement_method & UPF_MM_EVENT;
}

/* ---- words for the worker ------------------------------------------------------------ */

static void store(uint64_t *word, uint64_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

static void set_volumes(uint64_t word[3], const uint64_t base[2], const struct upf_volume_obj *v)
{
	word[UPF_UL] = v && cst_has(v, VOLUME_UL) ? plus(base[UPF_UL], v->ul) : NO_LIMIT;
	word[UPF_DL] = v && cst_has(v, VOLUME_DL) ? plus(base[UPF_DL], v->dl) : NO_LIMIT;
	word[2] = v && cst_has(v, VOLUME_TOTAL) ? plus(base[UPF_UL] + base[UPF_DL], v->total)
						: NO_LIMIT;
}

static void unspend(struct upf_urr *b, uint32_t kinds)
{
	b->spent &= (uint8_t)~kinds;
	if (b->spent)
		return;
	b->flags &= (uint16_t) ~(UPF_URR_OVER | UPF_URR_SLOW);
	b->overrun = 0;
}

void upf_urr_arm(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
		 uint32_t kinds, const struct upf_now *now)
{
	const struct upf_dropped_obj *d = &u->dropped_dl_traffic_threshold;
	uint32_t triggers = b->flags & UPF_URR_SILENT ? 0 : b->triggers;
	bool after = b->flags & UPF_URR_AFTER, dropped = triggers & UPF_RT_DROTH, later;

	if (kinds & UPF_QUOTA_VOLUME) {
		later = after && cst_has(u, URR_SUBSEQUENT_VOLUME_THRESHOLD);
		set_volumes(b->threshold, b->bytes,
			    !(triggers & UPF_RT_VOLTH) ? NULL
			    : later                    ? &u->subsequent_volume_threshold
						       : &u->volume_threshold);
	}
	if (kinds & UPF_QUOTA_TIME) {
		later = after && cst_has(u, URR_SUBSEQUENT_TIME_THRESHOLD);
		b->time_threshold =
			!(triggers & UPF_RT_TIMTH)
				? NO_LIMIT
				: plus(b->used, upf_cycles(now, later ? u->subsequent_time_threshold
								      : u->time_threshold));
	}
	if (kinds & UPF_QUOTA_EVENT) {
		later = after && cst_has(u, URR_SUBSEQUENT_EVENT_THRESHOLD);
		store(&l->event_threshold,
		      !(triggers & UPF_RT_EVETH)
			      ? NO_LIMIT
			      : plus(b->starts,
				     later ? u->subsequent_event_threshold : u->event_threshold));
	}
	store(&l->dropped_packets,
	      dropped && cst_has(d, DROPPED_PACKETS) ? plus(b->dropped[0], d->packets) : NO_LIMIT);
	store(&l->dropped_bytes,
	      dropped && cst_has(d, DROPPED_BYTES) ? plus(b->dropped[1], d->bytes) : NO_LIMIT);
}

void upf_urr_grant(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
		   uint32_t kinds, bool subsequent, const struct upf_now *now)
{
	if (kinds == 0)
		return;
	if (kinds & UPF_QUOTA_VOLUME)
		set_volumes(l->granted, b->bytes,
			    subsequent ? &u->subsequent_volume_quota : &u->volume_quota);
	if (kinds & UPF_QUOTA_TIME)
		b->time_quota = plus(b->used, upf_cycles(now, subsequent ? u->subsequent_time_quota
									 : u->time_quota));
	if (kinds & UPF_QUOTA_EVENT)
		l->granted_events =
			plus(b->starts, subsequent ? u->subsequent_event_quota : u->event_quota);
	b->granted_kinds |= (uint8_t)kinds;
	unspend(b, kinds);
	b->granted = now->tsc;
	upf_urr_validate(b, u, now);
}

void upf_urr_withdraw(struct upf_urr *b, struct upf_limit *l, uint32_t kinds)
{
	if (kinds & UPF_QUOTA_VOLUME)
		set_volumes(l->granted, b->bytes, NULL);
	if (kinds & UPF_QUOTA_TIME)
		b->time_quota = NO_LIMIT;
	if (kinds & UPF_QUOTA_EVENT)
		l->granted_events = NO_LIMIT;
	b->granted_kinds &= (uint8_t)~kinds;
	unspend(b, kinds);
}

void upf_urr_validate(struct upf_urr *b, const struct upf_urr_obj *u, const struct upf_now *now)
{
	b->validity_due = b->triggers & UPF_RT_QUVTI && b->granted_kinds
				  ? now->ms + (uint64_t)u->quota_validity_time * 1000
				  : 0;
}

/* ---- while the owner is away ---------------------------------------------------------- */

static uint64_t all_bytes(const struct upf_usage *u)
{
	return u->bytes[UPF_UL] + u->bytes[UPF_DL];
}

uint64_t upf_urr_overrun(const struct upf_urr *b, const struct upf_usage *u)
{
	return b->flags & UPF_URR_OVER ? all_bytes(u) - b->overrun : b->overrun;
}

void upf_urr_go_over(struct upf_urr *b, const struct upf_limit *l, const struct upf_usage *u,
		     uint32_t kinds)
{
	uint64_t seen[3] = {u->bytes[UPF_UL], u->bytes[UPF_DL], all_bytes(u)}, beyond = 0;

	for (int i = 0; kinds & UPF_QUOTA_VOLUME && i < 3; i++)
		if (seen[i] > l->granted[i] && seen[i] - l->granted[i] > beyond)
			beyond = seen[i] - l->granted[i];
	b->overrun = all_bytes(u) - beyond - b->overrun;
	b->flags |= UPF_URR_OVER;
}

static bool has_grace(const struct upf_urr *b)
{
	return b->policy == UPF_INERT_GRACE || b->policy == UPF_INERT_GRACE_THROTTLE;
}

static bool grace_over(const struct upf_urr *b, const struct upf_usage *u)
{
	return has_grace(b) && upf_urr_overrun(b, u) >= b->grace;
}

/* The last event of a quota goes on to its end: the worker refuses the start after it. */
bool upf_urr_stops(const struct upf_urr *b, const struct upf_usage *u)
{
	if (!(b->spent & ~UPF_QUOTA_EVENT))
		return false;
	return b->policy == UPF_INERT_NO || (b->policy == UPF_INERT_GRACE && grace_over(b, u));
}

bool upf_urr_slows(const struct upf_urr *b, const struct upf_usage *u)
{
	if (!b->spent)
		return false;
	return b->policy == UPF_INERT_THROTTLE ||
	       (b->policy == UPF_INERT_GRACE_THROTTLE && grace_over(b, u));
}

/* The worker lets pass what the policy lets pass before anybody here hears of it, so quotas are
 * raised ahead; and it tells when the granted ones are reached, as of a threshold. */
static void raise_quotas(const struct upf_urr *b, struct upf_limit *l)
{
	uint64_t end = plus(b->overrun, b->grace); /* of grace, once a quota is spent */
	bool drops = b->policy == UPF_INERT_GRACE, spent = b->flags & UPF_URR_OVER;

	for (int i = 0; i < 3; i++) {
		uint64_t told = b->threshold[i], quota = NO_LIMIT;

		if (!(b->spent & UPF_QUOTA_VOLUME))
			told = lesser(told, l->granted[i]);
		if (drops && !spent)
			quota = plus(l->granted[i], b->grace);
		else if (drops && i == 2)
			quota = end;
		else if (has_grace(b) && spent && i == 2 && !(b->flags & UPF_URR_SLOW))
			told = lesser(told, end);
		store(&l->threshold[i], told);
		store(&l->quota[i], quota);
	}
	store(&l->event_quota, NO_LIMIT);
}

static void set_words(const struct upf_urr *b, struct upf_limit *l)
{
	if (b->policy != UPF_INERT_NO) {
		raise_quotas(b, l);
		return;
	}
	for (int i = 0; i < 3; i++) {
		store(&l->threshold[i], b->threshold[i]);
		store(&l->quota[i], l->granted[i]);
	}
	store(&l->event_quota, l->granted_events);
}

/* ---- telling it ----------------------------------------------------------------------- */

static bool wants_start(const struct upf_urr *b)
{
	bool times = b->time_threshold != NO_LIMIT || b->time_quota != NO_LIMIT;

	return b->triggers & (UPF_RT_START | UPF_RT_STOPT) ||
	       (times && !(b->flags & UPF_URR_RUNNING));
}

void upf_urr_tell(const struct upf_urr *b, struct upf_limit *l, struct upf_usage *u)
{
	uint32_t flags = upf_urr_stops(b, u) ? UPF_LIMIT_STOP : 0;

	if (wants_start(b))
		flags |= UPF_LIMIT_START;
	set_words(b, l);
	__atomic_store_n(&l->flags, flags, __ATOMIC_RELAXED);
	/* whoever sees the new `arm` sees the words above */
	__atomic_store_n(&l->arm, l->arm + 1, __ATOMIC_RELEASE);
	__atomic_store_n(&u->kick, l->arm, __ATOMIC_RELEASE);
}

/* ---- what is reached ------------------------------------------------------------------ */

static bool any_reached(const uint64_t word[3], const uint64_t bytes[2])
{
	return bytes[UPF_UL] >= word[UPF_UL] || bytes[UPF_DL] >= word[UPF_DL] ||
	       bytes[UPF_UL] + bytes[UPF_DL] >= word[2];
}

uint32_t upf_urr_thresholds(const struct upf_urr *b, const struct upf_limit *l,
			    const struct upf_seen *s)
{
	uint32_t t = 0;

	if (b->flags & UPF_URR_SILENT)
		return 0;
	if (any_reached(b->threshold, s->u.bytes))
		t |= UPF_UR_VOLTH;
	if (s->used >= b->time_threshold)
		t |= UPF_UR_TIMTH;
	if (s->u.starts >= l->event_threshold)
		t |= UPF_UR_EVETH;
	if (s->u.dropped_dl[0] >= l->dropped_packets || s->u.dropped_dl[1] >= l->dropped_bytes)
		t |= UPF_UR_DROTH;
	if (b->period_due && s->now.ms >= b->period_due)
		t |= UPF_UR_PERIO;
	return t;
}

/* A quota of nothing is spent when somebody wants to use it, not before: then the worker tells. */
static bool told(const struct upf_limit *l, const struct upf_usage *u, uint32_t bit)
{
	return u->arm == l->arm && u->told & bit;
}

static bool has_counted(const struct upf_urr *b, const struct upf_usage *u)
{
	return u->bytes[0] + u->bytes[1] > b->bytes[0] + b->bytes[1];
}

uint32_t upf_urr_quotas(const struct upf_urr *b, const struct upf_limit *l,
			const struct upf_seen *s)
{
	uint32_t left = b->granted_kinds & ~b->spent, spent = 0;

	if (left & UPF_QUOTA_VOLUME &&
	    (told(l, &s->u, UPF_TOLD_QUOTA) ||
	     (any_reached(l->granted, s->u.bytes) && has_counted(b, &s->u))))
		spent |= UPF_QUOTA_VOLUME;
	if (left & UPF_QUOTA_TIME && s->used >= b->time_quota &&
	    (s->used > b->used || s->u.starts > b->starts))
		spent |= UPF_QUOTA_TIME;
	if (left & UPF_QUOTA_EVENT &&
	    (told(l, &s->u, UPF_TOLD_EVQUOTA) ||
	     (s->u.starts >= l->granted_events && s->u.starts > b->starts)))
		spent |= UPF_QUOTA_EVENT;
	return spent;
}

/* ---- when -------------------------------------------------------------------------------- */

static void sooner(uint64_t *due, uint64_t at)
{
	if (at != 0 && (*due == 0 || at < *due))
		*due = at;
}

/* `target` cycles of use from now on at the earliest. */
static uint64_t in_use_until(const struct upf_seen *s, uint64_t target)
{
	uint64_t left = target > s->used ? target - s->used : 0;

	return s->now.ms + upf_cycles_ms(&s->now, left);
}

static uint64_t quiet_until(const struct upf_seen *s, uint64_t from, uint32_t seconds)
{
	uint64_t quiet = since(s->now.tsc, from), all = upf_cycles(&s->now, seconds);

	return s->now.ms + (quiet < all ? upf_cycles_ms(&s->now, all - quiet) : 0);
}

static bool clock_runs(const struct upf_urr *b)
{
	if (!(b->method & UPF_MM_DURAT) || b->flags & UPF_URR_FROZEN)
		return false;
	if (b->flags & UPF_URR_RESTS)
		return b->flags & UPF_URR_RUNNING || (b->info & UPF_MI_ISTM && !b->begun);
	return b->begun || b->info & UPF_MI_ISTM;
}

uint64_t upf_urr_due(const struct upf_urr *b, const struct upf_seen *s)
{
	uint8_t left = b->granted_kinds & (uint8_t)~b->spent;
	uint64_t due = 0, active;

	if (b->info & UPF_MI_INAM)
		return 0;
	if (!(b->flags & UPF_URR_SILENT))
		sooner(&due, b->period_due);
	if (left) {
		sooner(&due, b->validity_due);
		/* no worker tells that an event quota is reached which it was let pass */
		if (b->policy != UPF_INERT_NO && left & UPF_QUOTA_EVENT)
			sooner(&due, s->now.ms + EVENTS_MS);
		active = s->u.last > b->granted ? s->u.last : b->granted;
		if (b->holding)
			sooner(&due, quiet_until(s, active, b->holding));
	}
	if (b->monitoring) {
		uint64_t at = (uint64_t)b->monitoring * 1000;
		uint64_t wait = at > s->now.unix_ms ? at - s->now.unix_ms : 0;

		sooner(&due, s->now.ms + lesser(wait, WALL_CLOCK_MS));
	}
	if (clock_runs(b)) {
		if (b->time_threshold != NO_LIMIT)
			sooner(&due, in_use_until(s, b->time_threshold));
		if (left & UPF_QUOTA_TIME)
			sooner(&due, in_use_until(s, b->time_quota));
	}
	if (b->rest && b->flags & UPF_URR_RUNNING)
		sooner(&due, quiet_until(s, s->u.last, b->rest));
	return due;
}
