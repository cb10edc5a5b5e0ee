/* SPDX-License-Identifier: BSD-3-Clause */
/* A URR's life: it comes, changes and goes with its session's rules. */
#include <errno.h>
#include <string.h>

#include "crc32c.h"
#include "engine/worker.h"
#include "journal.h"
#include "log.h"
#include "store.h"
#include "upf_hook.h"
#include "upf_lost.h"
#include "upf_policy.h"
#include "upf_timer.h"
#include "upf_urr_int.h"
#include "upf_work.h"

/* START, STOPT and EVENT without an inactivity detection time: traffic has come to rest after so
 * many seconds. */
#define DEFAULT_REST 10

/* Deadlines that one tick sees to, and books that a search after lost notices leafs through: the
 * control thread has other things to do. */
#define AT_ONCE        2048
#define SEARCH_AT_ONCE 16384

struct upf_timers *upf_urr_timers;
unsigned upf_urr_finals;

static struct upf_urr *books;
static uint32_t n_books;
static struct upf_lost lost;

struct upf_urr *upf_urr_at(uint32_t number)
{
	return &books[number];
}

uint32_t upf_urr_number(const struct upf_urr *b)
{
	return (uint32_t)(b - books);
}

struct upf_session *upf_urr_session(const struct upf_urr *b)
{
	struct upf_session *s = upf_session_by_state(b->state);

	return s && s->seid == b->seid ? s : NULL;
}

bool upf_urr_finals_due(void)
{
	return upf_urr_finals != 0;
}

/* ---- rules come, change and go ------------------------------------------------------- */

static bool is_named(const struct upf_session_obj *o, uint32_t id)
{
	const struct upf_pdr_obj *p = o->pdrs.items;

	for (unsigned i = 0; i < o->pdrs.n; i++)
		if (upf_urr_listed(&p[i].urr_ids, id))
			return true;
	return false;
}

/* What the other rules of the session say about this one. */
static void set_relations(struct upf_urr *b, const struct upf_session_obj *o)
{
	const struct upf_urr_obj *u = o->urrs.items;
	bool was_named = b->flags & UPF_URR_NAMED;

	b->flags &= (uint16_t) ~(UPF_URR_NAMED | UPF_URR_LINKS | UPF_URR_UAE);
	for (unsigned i = 0; i < o->urrs.n; i++) {
		if (u[i].reporting_triggers & UPF_RT_LIUSA &&
		    upf_urr_listed(&u[i].linked_urr_ids, b->id))
			b->flags |= UPF_URR_LINKS;
		if (u[i].measurement_information & UPF_MI_MBQE)
			b->flags |= UPF_URR_UAE;
	}
	if (is_named(o, b->id)) {
		b->flags |= UPF_URR_NAMED;
	} else if (was_named && !(b->flags & UPF_URR_FINAL)) {
		b->flags |= UPF_URR_FINAL;
		upf_urr_finals++;
	}
}

/* Its book may be lost, or be of a URR that an earlier coastd had removed: not so what was told
 * from it. */
static uint32_t first_seqn(const struct upf_urr *b)
{
	uint32_t kept = upf_seqn_of(b->state, b->id), told = cst_journal_next_seqn(b->seid, b->id);

	return told > kept ? told : kept;
}

/* Cut short at any instruction it is not one: it is live when all else is written. */
static void begin_book(uint32_t number, const struct upf_session *s, uint32_t id)
{
	struct upf_urr *b = upf_urr_at(number);
	struct upf_now now;

	upf_clock(&now);
	__atomic_store_n(&b->flags, 0, __ATOMIC_SEQ_CST);
	*b = (struct upf_urr){.seid = s->seid,
			      .state = upf_run(s)->state,
			      .id = id,
			      .since = now.tsc,
			      .created = now.tsc,
			      .start_unix = (uint32_t)(now.unix_ms / 1000),
			      .time_threshold = UINT64_MAX,
			      .time_quota = UINT64_MAX};
	b->seqn = first_seqn(b);
	__atomic_store_n(&b->flags, UPF_URR_LIVE, __ATOMIC_SEQ_CST);
}

static bool same_volume(const struct upf_volume_obj *a, const struct upf_volume_obj *b)
{
	return a->has == b->has && a->total == b->total && a->ul == b->ul && a->dl == b->dl;
}

static bool same_thresholds(const struct upf_urr_obj *a, const struct upf_urr_obj *b)
{
	const struct upf_dropped_obj *c = &a->dropped_dl_traffic_threshold,
				     *d = &b->dropped_dl_traffic_threshold;

	return a->reporting_triggers == b->reporting_triggers &&
	       a->monitoring_time == b->monitoring_time &&
	       same_volume(&a->volume_threshold, &b->volume_threshold) &&
	       a->time_threshold == b->time_threshold && a->event_threshold == b->event_threshold &&
	       same_volume(&a->subsequent_volume_threshold, &b->subsequent_volume_threshold) &&
	       a->subsequent_time_threshold == b->subsequent_time_threshold &&
	       a->subsequent_event_threshold == b->subsequent_event_threshold && c->has == d->has &&
	       c->packets == d->packets && c->bytes == d->bytes;
}

/* Sums stay with the book: what a process was about to apply when it was killed is told from what
 * it had applied. Never 0, which is that of nothing. */
static uint32_t sum_of(const void *p, size_t n)
{
	uint32_t sum = cst_crc32c(1, p, n);

	return sum ? sum : 1;
}

static uint32_t sum_of_rule(const struct upf_urr_obj *u)
{
	static uint8_t packed[4096];
	size_t n = cst_pack(&upf_urr_object, u, packed, sizeof(packed));

	return sum_of(packed, n < sizeof(packed) ? n : sizeof(packed));
}

static uint32_t sum_of_quota(const struct upf_urr_obj *u, unsigned kind)
{
	const uint64_t volume[] = {u->volume_quota.has, u->volume_quota.total, u->volume_quota.ul,
				   u->volume_quota.dl};

	return kind == 0   ? sum_of(volume, sizeof(volume))
	       : kind == 1 ? sum_of(&u->time_quota, sizeof(u->time_quota))
			   : sum_of(&u->event_quota, sizeof(u->event_quota));
}

/* Quotas that are not those which were granted last; from now on they are. */
static uint32_t changed_quotas(struct upf_urr *b, const struct upf_urr_obj *u, uint32_t kinds)
{
	uint32_t changed = 0;

	for (unsigned k = 0; k < 3; k++) {
		uint32_t sum = kinds & 1u << k ? sum_of_quota(u, k) : 0;

		if (sum && sum != b->grant_of[k])
			changed |= 1u << k;
		b->grant_of[k] = sum;
	}
	return changed;
}

static void set_times(struct upf_urr *b, const struct upf_urr_obj *u, const struct upf_urr_obj *was,
		      const struct upf_now *now)
{
	uint32_t period = u->reporting_triggers & UPF_RT_PERIO ? u->measurement_period : 0;

	if (period != b->period)
		b->period_due = period ? now->ms + (uint64_t)period * 1000 : 0;
	b->period = period;
	b->holding = u->reporting_triggers & UPF_RT_QUHTI ? u->quota_holding_time : 0;
	b->flags &= (uint16_t)~UPF_URR_RESTS;
	b->rest = upf_urr_rests(u) ? DEFAULT_REST : 0;
	if (cst_has(u, URR_INACTIVITY_DETECTION_TIME)) {
		b->rest = u->inactivity_detection_time;
		b->flags |= UPF_URR_RESTS;
	}
	if (was && was->monitoring_time == u->monitoring_time)
		return;
	b->flags &= (uint16_t)~UPF_URR_AFTER;
	b->monitoring = u->monitoring_time;
	if (b->monitoring && (uint64_t)b->monitoring * 1000 <= now->unix_ms) {
		b->monitoring = 0; /* it has passed: subsequent values hold from the start */
		b->flags |= UPF_URR_AFTER;
	}
}

/* The book that this number had in an earlier life of coastd is this rule's. */
static bool is_again(const struct upf_urr *b, const struct upf_session *s, uint32_t id)
{
	return b->flags & UPF_URR_LIVE && b->seid == s->seid && b->id == id &&
	       b->state == upf_run(s)->state;
}

/* Those that are new are granted, those that the rule has no more are withdrawn. */
static void take_quotas(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
			bool is_new, const struct upf_now *now)
{
	uint32_t later = upf_urr_kinds(u, URR_SUBSEQUENT_VOLUME_QUOTA, URR_SUBSEQUENT_TIME_QUOTA,
				       URR_SUBSEQUENT_EVENT_QUOTA);
	uint32_t kinds = upf_urr_kinds(u, URR_VOLUME_QUOTA, URR_TIME_QUOTA, URR_EVENT_QUOTA);

	upf_urr_grant(b, l, u, changed_quotas(b, u, kinds), false, now);
	if (is_new && b->flags & UPF_URR_AFTER)
		upf_urr_grant(b, l, u, later, true, now);
	upf_urr_withdraw(b, l, b->granted_kinds & ~(kinds | later));
	if (!(b->triggers & UPF_RT_QUVTI) || b->validity_due == 0)
		upf_urr_validate(b, u, now);
}

static void take_rule(uint32_t number, const struct upf_change *c, const struct upf_urr_obj *u,
		      const struct upf_urr_obj *was)
{
	struct upf_urr *b = upf_urr_at(number);
	struct upf_limit *l = upf_urr_limit(number);
	uint32_t sum = sum_of_rule(u);
	struct upf_seen s;
	bool again = c->again && is_again(b, c->next, u->id);

	if (again)
		was = b->rule == sum ? u : NULL;
	if (!again && (c->again || !(b->flags & UPF_URR_LIVE))) {
		begin_book(number, c->next, u->id);
		was = NULL;
	}
	/* cut short from here on it follows none */
	__atomic_store_n(&b->rule, 0, __ATOMIC_SEQ_CST);
	b->owner = c->next->owner;
	b->flags &= (uint16_t) ~(again ? UPF_URR_FINAL | UPF_URR_ENDS : 0);
	upf_urr_see(number, &s);
	upf_urr_note_first(b, l, &s);
	b->method = (uint8_t)u->measurement_method;
	b->triggers = u->reporting_triggers;
	b->info = (uint8_t)u->measurement_information;
	set_times(b, u, was, &s.now);
	set_relations(b, c->s);
	if (!(b->flags & UPF_URR_FROZEN)) { /* goes on from where it is, however it is told now */
		b->offset = 0;
		b->offset = s.used - upf_urr_used(b, &s.u, &s.now);
	}
	__atomic_store_n(&l->idle, upf_cycles(&s.now, b->rest), __ATOMIC_RELAXED);
	if (!was || was->number_of_reports != u->number_of_reports) {
		b->reports_left = u->number_of_reports;
		b->flags &= (uint16_t)~UPF_URR_SILENT;
	}
	if (!was || c->again || !same_thresholds(u, was))
		upf_urr_arm(b, l, u, UPF_QUOTA_ALL, &s.now);
	take_quotas(b, l, u, !was, &s.now);
	upf_urr_follow(number, &s);
	__atomic_store_n(&b->rule, sum, __ATOMIC_SEQ_CST);
	if (was) /* what was counted already may reach a new threshold */
		upf_timer_set(upf_urr_timers, number, s.now.ms + 1);
}

static void leave(const struct upf_session *old, const struct upf_session *next)
{
	const struct upf_held_part *p = upf_parts(old);

	for (unsigned i = 0; i < old->n_parts; i++) {
		struct upf_urr *b;

		if (p[i].kind != UPF_PART_USAGE || upf_keeps_part(next, &p[i]))
			continue;
		b = upf_urr_at(p[i].number);
		b->flags |= UPF_URR_ENDS;
		upf_urr_finals++;
		upf_timer_set(upf_urr_timers, p[i].number, 0);
	}
}

static bool has_usage(const struct upf_session *s)
{
	const struct upf_held_part *p = s ? upf_parts(s) : NULL;

	for (unsigned i = 0; s && i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE)
			return true;
	return false;
}

static void on_commit(const struct upf_change *c)
{
	const struct upf_session_obj *was = NULL;
	const struct upf_held_part *p;

	if (c->old)
		leave(c->old, c->next);
	if (!has_usage(c->next))
		return;
	if (has_usage(c->old))
		was = upf_session_decoded(c->old);
	p = upf_parts(c->next);
	for (unsigned i = 0; i < c->next->n_parts; i++) {
		const struct upf_urr_obj *u = upf_urr_rule(c->s, p[i].rule);

		if (p[i].kind == UPF_PART_USAGE && u)
			take_rule(p[i].number, c, u, upf_urr_rule(was, p[i].rule));
	}
}

/* ---- final reports --------------------------------------------------------------------- */

/* The URR itself goes. */
static void report_end(uint32_t number, const struct upf_session *old)
{
	struct upf_urr *b = upf_urr_at(number);
	struct upf_seen s;

	upf_urr_see(number, &s);
	upf_urr_note_first(b, upf_urr_limit(number), &s);
	upf_urr_report(b, UPF_UR_TERMR, &s, upf_session_decoded(old));
}

static void end(uint32_t number, bool gone, const struct upf_session *old,
		const struct upf_session *now)
{
	struct upf_urr *b = upf_urr_at(number);

	if (b->flags & UPF_URR_FINAL)
		upf_urr_finals--;
	b->flags &= (uint16_t)~UPF_URR_FINAL;
	if (!gone) {
		upf_urr_look(number, UPF_UR_TERMR);
		return;
	}
	upf_urr_finals--;
	report_end(number, old);
	if (now)
		upf_seqn_keep(b->state, b->id, b->seqn);
	b->flags = 0;
}

/* At once, so that no later report waits in the same batch. */
static void forget_journal(uint64_t seid)
{
	struct cst_err e = {0};

	cst_journal_forget(seid);
	if (cst_store_write(&e) < 0)
		LOG_WARN("the journal remembers session %llu: %s", (unsigned long long)seid,
			 e.reason);
}

/* No worker counts by the old rules any more: what is read now is all there will be. */
static void on_reap(const struct upf_session *old, struct upf_session *now)
{
	const struct upf_held_part *p = upf_parts(old);

	for (unsigned i = 0; i < old->n_parts; i++) {
		const struct upf_urr *b = upf_urr_at(p[i].number);
		uint16_t which = p[i].gone ? UPF_URR_ENDS : UPF_URR_FINAL;

		if (p[i].kind != UPF_PART_USAGE || !(b->flags & which))
			continue;
		end(p[i].number, p[i].gone, old, now);
	}
	if (!old->ended)
		return;
	upf_seqn_forget(upf_run(old)->state);
	if (has_usage(old) && !upf_session_by_seid(old->seid))
		forget_journal(old->seid);
}

static struct upf_hook hook = {.commit = on_commit, .reap = on_reap};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

/* ---- after a restart --------------------------------------------------------------------- */

void upf_urr_redo(void)
{
	struct upf_settling *w = upf_tables.settling;

	if (w->number != 0 && w->number <= n_books &&
	    cst_journal_next_seqn(w->book.seid, w->book.id) >= w->book.seqn)
		books[w->number] = w->book;
	w->number = 0;
}

void upf_urr_hold_orphans(void)
{
	for (uint32_t i = 1; i <= n_books; i++) {
		struct upf_urr *b = upf_urr_at(i);

		b->flags &= (uint16_t)~UPF_URR_ORPHAN;
		if (b->flags & UPF_URR_LIVE && upf_part_claim(UPF_PART_USAGE, i))
			b->flags |= UPF_URR_ORPHAN;
	}
}

/* The session came back with a new book for this URR: its reports come after this one. */
static void go_on_after(const struct upf_urr *b)
{
	const struct upf_session *s = upf_session_by_seid(b->seid);
	const struct upf_held_part *p = s ? upf_part_of(s, UPF_PART_USAGE, b->id) : NULL;
	struct upf_urr *next = p ? upf_urr_at(p->number) : NULL;

	if (next && next != b && next->seqn < b->seqn)
		next->seqn = b->seqn;
}

unsigned upf_urr_end_orphans(void)
{
	unsigned n = 0;

	for (uint32_t i = 1; i <= n_books; i++) {
		struct upf_urr *b = upf_urr_at(i);
		struct upf_seen s;

		if (!(b->flags & UPF_URR_ORPHAN))
			continue;
		upf_urr_see(i, &s);
		upf_urr_note_first(b, upf_urr_limit(i), &s);
		upf_urr_report(b, UPF_UR_TERMR, &s, NULL);
		go_on_after(b);
		b->flags = 0;
		upf_part_free(UPF_PART_USAGE, i);
		n++;
	}
	return n;
}

/* ---- parts ------------------------------------------------------------------------------ */

static void begin_part(uint32_t number)
{
	struct upf_limit *l = upf_urr_limit(number);

	memset(&upf_tables.usages[number], 0, sizeof(struct upf_usage));
	memset(l, 0xff, sizeof(*l));
	l->arm = l->flags = 0;
	l->idle = 0;
	books[number].flags = 0;
}

/* ---- what workers tell, and time ---------------------------------------------------------- */

static void on_told(const struct upf_usage_notice *n)
{
	if (n->usage != 0 && n->usage <= n_books)
		upf_urr_look(n->usage, 0);
}

static bool look_again(uint32_t number)
{
	if (books[number].flags & UPF_URR_LIVE && upf_tables.usages[number].told)
		upf_urr_look(number, 0);
	return true;
}

void upf_urr_tick(void)
{
	struct upf_now now;
	uint32_t number;

	if (!upf_urr_timers)
		return;
	upf_clock(&now);
	for (unsigned i = 0; i < AT_ONCE; i++) {
		number = upf_timer_pop(upf_urr_timers, now.ms);
		if (number == 0)
			break;
		upf_urr_look(number, 0);
	}
	upf_lost_search(&lost, n_books, SEARCH_AT_ONCE, look_again);
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	upf_urr_tick();
}

static struct cst_module module = {.name = "upf.urrs", .order = 35, .tick = tick};
CST_MODULE(module);

int upf_urr_open(struct upf_urr *base, uint32_t n, struct cst_err *e)
{
	static const struct upf_part_kind kind = {.begin = begin_part};

	upf_urr_timers = upf_timers_new(n);
	if (!upf_urr_timers)
		return cst_err(e, -ENOMEM, "system.max_pdrs", "no memory for usage reports");
	books = base;
	n_books = n;
	upf_part_define(UPF_PART_USAGE, &kind);
	upf_usage_told = on_told;
	return 0;
}

void upf_urr_close(void)
{
	upf_timers_free(upf_urr_timers);
	upf_urr_timers = NULL;
	upf_seqn_forget_all();
	n_books = 0;
	lost = (struct upf_lost){0};
	upf_urr_finals = 0;
}
