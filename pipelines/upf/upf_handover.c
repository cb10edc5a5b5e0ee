/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_handover.h"

#include <string.h>

#include "log.h"
#include "module.h"
#include "rpc/rpc.h"
#include "upf_clock.h"
#include "upf_handover_api.h"
#include "upf_hook.h"
#include "upf_next.h"
#include "upf_timer.h"

#define AT_ONCE  1024 /* sessions in one tick */
#define AGAIN_MS 1000 /* after what could not be done */

/* ---- events ---------------------------------------------------------------------------- */

#define EVENT(var, name_, help_)                                                         \
	static struct cst_event_type var = {                                             \
		.name = "handover." name_, .help = help_, .data = &upf_handover_object}; \
	CST_EVENT(var)

EVENT(prepared_event, "prepared", "a FAR has a next tunnel, or another one than before");
EVENT(switch_event, "switch", "packets are about to leave by the next tunnel");
EVENT(done_event, "done", "packets leave by the next tunnel, which is the one in use from now on");
EVENT(dropped_event, "dropped", "the next tunnel is forgotten");
EVENT(fed_event, "feed_end", "the next tunnel gets no more copies, and stays prepared");
EVENT(failed_event, "failed", "an announced switch was not possible at its time");

static struct upf_handover_obj about(uint64_t seid, const struct upf_far_obj *far)
{
	struct upf_handover_obj o = {.has = 1u << HANDOVER_SEID | 1u << HANDOVER_FAR_ID,
				     .seid = seid,
				     .far_id = far->id};

	if (cst_has(&far->forwarding_parameters, FP_OHC)) {
		o.has |= 1u << HANDOVER_TUNNEL;
		o.tunnel = far->forwarding_parameters.outer_header_creation;
	}
	if (cst_has(far, FAR_NEXT_TUNNEL)) {
		o.has |= 1u << HANDOVER_NEXT_TUNNEL;
		o.next_tunnel = far->next_tunnel;
	}
	return o;
}

json_t *upf_handover_tell(uint64_t seid, const struct upf_far_obj *far)
{
	struct upf_handover_obj o = about(seid, far);

	return cst_encode(&upf_handover_object, &o);
}

static void publish(const struct cst_event_type *t, uint64_t seid, const struct upf_far_obj *far)
{
	cst_event_publish(t, upf_handover_tell(seid, far));
}

static void publish_switch(uint64_t seid, const struct upf_far_obj *far, uint64_t in_ms)
{
	struct upf_handover_obj o = about(seid, far);

	o.has |= 1u << HANDOVER_IN_MS;
	o.in_ms = (uint32_t)in_ms;
	cst_event_publish(&switch_event, cst_encode(&upf_handover_object, &o));
}

static void publish_failed(uint64_t seid, uint32_t far_id, const char *reason)
{
	struct upf_handover_obj o = {.has = 1u << HANDOVER_SEID | 1u << HANDOVER_FAR_ID |
					    1u << HANDOVER_REASON,
				     .seid = seid,
				     .far_id = far_id,
				     .reason = reason};

	cst_event_publish(&failed_event, cst_encode(&upf_handover_object, &o));
}

/* ---- what a change means ------------------------------------------------------------------ */

static struct upf_now now(void)
{
	struct upf_now n;

	upf_clock(&n);
	return n;
}

/* Milliseconds until a UNIX time. One farther away than it was ever told, because the clock was
 * set, has come. */
static uint64_t ms_until(uint64_t unix_ms, uint64_t most, const struct upf_now *n)
{
	uint64_t left = unix_ms > n->unix_ms ? unix_ms - n->unix_ms : 0;

	return left > most ? 0 : left;
}

static uint64_t switch_in(const struct upf_far_obj *far, const struct upf_now *n)
{
	return ms_until(far->next_tunnel.switch_at, UPF_MAX_LEAD_MS, n);
}

static uint64_t feed_for(const struct upf_far_obj *far, const struct upf_now *n)
{
	return ms_until(far->next_tunnel.feed_until, UPF_MAX_FEED_MS, n);
}

static bool is_announced(const struct upf_far_obj *far)
{
	return cst_has(far, FAR_NEXT_TUNNEL) && cst_has(&far->next_tunnel, NEXT_SWITCH_AT);
}

static const struct upf_far_obj *far_of(const struct upf_session_obj *s, uint32_t id)
{
	return s ? upf_rule_find(UPF_RULE_FAR, &s->fars, id) : NULL;
}

/* FARs that had a next tunnel; `is`: what has become of each, NULL: it is gone. */
static void each_before(const struct upf_change *c,
			void (*fn)(uint64_t seid, const struct upf_far_obj *was,
				   const struct upf_far_obj *is))
{
	const struct upf_session_obj *old =
		c->old && c->old->prepared ? upf_session_decoded(c->old) : NULL;
	const struct upf_far_obj *fars = old ? old->fars.items : NULL;

	for (unsigned i = 0; old && i < old->fars.n; i++)
		if (cst_has(&fars[i], FAR_NEXT_TUNNEL))
			fn(old->seid, &fars[i], far_of(c->next ? c->s : NULL, fars[i].id));
}

static bool switches(const struct upf_far_obj *was, const struct upf_far_obj *is)
{
	return is && !cst_has(is, FAR_NEXT_TUNNEL) && upf_next_is_taken(was, is);
}

static void announce(uint64_t seid, const struct upf_far_obj *was, const struct upf_far_obj *is)
{
	struct upf_now n = now();

	if (switches(was, is) && !(is_announced(was) && switch_in(was, &n) == 0))
		publish_switch(seid, was, 0);
}

static void tell_end(uint64_t seid, const struct upf_far_obj *was, const struct upf_far_obj *is)
{
	if (switches(was, is))
		publish(&done_event, seid, is);
	else if (!is || !cst_has(is, FAR_NEXT_TUNNEL))
		publish(&dropped_event, seid, was);
}

static bool same_next(const struct upf_far_obj *was, const struct upf_far_obj *is)
{
	return was && cst_has(was, FAR_NEXT_TUNNEL) &&
	       upf_same_ohc(&was->next_tunnel.outer_header_creation,
			    &is->next_tunnel.outer_header_creation);
}

static void tell_next(uint64_t seid, const struct upf_far_obj *was, const struct upf_far_obj *is)
{
	bool same = same_next(was, is);
	struct upf_now n = now();

	if (!same || (upf_next_is_fed(is) && !upf_next_is_fed(was)))
		publish(&prepared_event, seid, is);
	else if (upf_next_is_fed(was) && !upf_next_is_fed(is))
		publish(&fed_event, seid, is);
	if (is_announced(is) && !(same && was->next_tunnel.switch_at == is->next_tunnel.switch_at))
		publish_switch(seid, is, switch_in(is, &n));
}

static void on_before(const struct upf_change *c)
{
	each_before(c, announce);
}

static void tell_all(const struct upf_change *c)
{
	const struct upf_session_obj *old;
	const struct upf_far_obj *fars;

	each_before(c, tell_end);
	if (!c->next || !c->next->prepared)
		return;
	old = c->old && c->old->prepared ? upf_session_decoded(c->old) : NULL;
	fars = c->s->fars.items;
	for (unsigned i = 0; i < c->s->fars.n; i++)
		if (cst_has(&fars[i], FAR_NEXT_TUNNEL))
			tell_next(c->s->seid, far_of(old, fars[i].id), &fars[i]);
}

/* ---- times, by state line ------------------------------------------------------------------ */

static struct upf_timers *times; /* made when the first is wanted */

static void set_time(const struct upf_session *s, uint64_t ms)
{
	if (!times && ms)
		times = upf_timers_new(upf_state_lines());
	if (times)
		upf_timer_set(times, upf_run(s)->state, ms);
	else if (ms)
		LOG_ERR("no memory: session %llu will be handed over only when it is told again",
			(unsigned long long)s->seid);
}

static uint64_t at_least(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* The first of what its next tunnels wait for, each so much later at the earliest; 0: nothing. */
static uint64_t first_time(const struct upf_session_obj *s, uint64_t switch_pause,
			   uint64_t feed_pause)
{
	const struct upf_far_obj *fars = s->fars.items;
	uint64_t first = UINT64_MAX;
	struct upf_now n = now();

	for (unsigned i = 0; i < s->fars.n; i++) {
		uint64_t ms = UINT64_MAX, feed;

		if (is_announced(&fars[i]))
			ms = at_least(switch_in(&fars[i], &n), switch_pause);
		feed = at_least(feed_for(&fars[i], &n), feed_pause);
		if (upf_next_is_fed(&fars[i]) && feed < ms)
			ms = feed;
		if (ms < first)
			first = ms;
	}
	return first == UINT64_MAX ? 0 : n.ms + first;
}

static void on_commit(const struct upf_change *c)
{
	bool was = c->old && c->old->prepared, is = c->next && c->next->prepared;

	if (!was && !is)
		return;
	if (!c->returns) /* else it has been told, before coastd started anew */
		tell_all(c);
	if (is)
		set_time(c->next, first_time(c->s, 0, 0));
	else
		set_time(c->next ? c->next : c->old, 0);
}

static struct upf_hook hook = {.before = on_before, .commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

/* ---- what is due ----------------------------------------------------------------------------- */

json_t *upf_handover_modify(uint64_t seid)
{
	struct upf_modify_obj m = {.has = 1u << MODIFY_SEID, .seid = seid};
	json_t *js = cst_encode(&upf_modify_object, &m);

	json_object_set_new(js, "update_fars", json_array());
	return js;
}

void upf_handover_update(json_t *modify, const struct upf_far_obj *delta)
{
	json_array_append_new(json_object_get(modify, "update_fars"),
			      cst_encode(&upf_far_object, delta));
}

static void add_switch(json_t *modify, const struct upf_far_obj *far)
{
	struct upf_far_obj delta = {.has = 1u << FAR_ID | 1u << FAR_HAND_OVER,
				    .id = far->id,
				    .hand_over = UPF_HAND_OVER_COMMIT};

	upf_handover_update(modify, &delta);
}

static void add_next(json_t *modify, const struct upf_far_obj *far, unsigned without)
{
	struct upf_far_obj delta = {.has = 1u << FAR_ID | 1u << FAR_NEXT_TUNNEL,
				    .id = far->id,
				    .next_tunnel = far->next_tunnel};

	delta.next_tunnel.has &= ~(1ull << without);
	upf_handover_update(modify, &delta);
}

static bool keep_if_any(json_t *list, json_t *modify)
{
	bool any = json_array_size(json_object_get(modify, "update_fars")) > 0;

	if (any)
		json_array_append(list, modify);
	json_decref(modify);
	return any;
}

/* Requests for what is due of one session: a switch before the end of a feed. */
static void collect(const struct upf_session *s, json_t *commits, json_t *feed_ends)
{
	const struct upf_session_obj *o = upf_session_decoded(s);
	const struct upf_far_obj *fars = o ? o->fars.items : NULL;
	json_t *commit = upf_handover_modify(s->seid), *end = upf_handover_modify(s->seid);
	struct upf_now n = now();
	bool any;

	for (unsigned i = 0; o && i < o->fars.n; i++) {
		if (is_announced(&fars[i]) && switch_in(&fars[i], &n) == 0)
			add_switch(commit, &fars[i]);
		else if (upf_next_is_fed(&fars[i]) && feed_for(&fars[i], &n) == 0)
			add_next(end, &fars[i], NEXT_FEED);
	}
	any = keep_if_any(commits, commit);
	any |= keep_if_any(feed_ends, end);
	if (!any && o) /* the clock was set back */
		set_time(s, first_time(o, 0, 0));
}

static struct upf_session *session_of(const json_t *modify)
{
	struct cst_pool *pool = cst_pool_new();
	struct upf_modify_obj m = {0};
	struct upf_session *s = NULL;

	if (pool && cst_decode(&upf_modify_object, modify, true, pool, &m, NULL) == 0)
		s = upf_session_by_seid(m.seid);
	cst_pool_free(pool);
	return s;
}

/* The tunnels stay prepared, and the control plane decides what follows. */
static void give_up(const json_t *modify, const struct cst_err *e)
{
	const struct upf_session *s = session_of(modify);
	const struct upf_session_obj *o = upf_session_decoded(s);
	const struct upf_far_obj *fars = o ? o->fars.items : NULL;
	struct cst_err more;
	json_t *again;

	if (!o)
		return;
	set_time(s, first_time(o, AGAIN_MS, AGAIN_MS));
	again = upf_handover_modify(s->seid);
	for (unsigned i = 0; i < o->fars.n; i++) {
		if (!is_announced(&fars[i]))
			continue;
		publish_failed(s->seid, fars[i].id, e->reason);
		add_next(again, &fars[i], NEXT_SWITCH_AT);
	}
	if (cst_txn_run(&upf_session_class, CST_OP_MODIFY, again, NULL, &more) < 0)
		LOG_WARN("session %llu: a switch that failed will be tried again: %s",
			 (unsigned long long)s->seid, more.reason);
	json_decref(again);
}

static void try_later(const json_t *modify, const struct cst_err *e)
{
	const struct upf_session *s = session_of(modify);
	const struct upf_session_obj *o = upf_session_decoded(s);

	if (!o)
		return;
	LOG_WARN("session %llu: copies into its next tunnel cannot end yet: %s",
		 (unsigned long long)s->seid, e->reason);
	set_time(s, first_time(o, 0, AGAIN_MS));
}

/* All together; when that cannot be, each by itself. */
static void run(json_t *list, void (*failed)(const json_t *modify, const struct cst_err *e))
{
	struct cst_err e;
	json_t *one;
	size_t i;

	if (json_array_size(list) > 0 &&
	    cst_txn_run(&upf_session_class, CST_OP_MODIFY, list, NULL, &e) < 0)
		json_array_foreach (list, i, one)
			if (cst_txn_run(&upf_session_class, CST_OP_MODIFY, one, NULL, &e) < 0)
				failed(one, &e);
	json_decref(list);
}

void upf_handover_run(void)
{
	json_t *commits, *feed_ends;
	uint64_t at = now().ms;
	uint32_t state;

	if (!times)
		return;
	commits = json_array();
	feed_ends = json_array();
	for (unsigned i = 0; i < AT_ONCE && (state = upf_timer_pop(times, at)) != 0; i++) {
		const struct upf_session *s = upf_session_by_state(state);

		if (s)
			collect(s, commits, feed_ends);
	}
	run(commits, give_up);
	run(feed_ends, try_later);
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	upf_handover_run();
}

static void stop(void)
{
	upf_timers_free(times);
	times = NULL;
}

struct cst_module upf_handover_module = {
	.name = "upf.handover", .order = 33, .tick = tick, .stop = stop};
CST_MODULE(upf_handover_module);
