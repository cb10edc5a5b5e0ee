/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_monitor_ctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "module.h"
#include "rpc/rpc.h"
#include "upf_clock.h"
#include "upf_hook.h"
#include "upf_monitor_node.h"
#include "upf_timer.h"

/* Between two threshold reports when the rule does not say: one flow must not keep the control
 * thread busy. */
#define LEAST_WAIT_S 1

/* What has been measured up to some moment. */
struct mark {
	uint64_t sum[UPF_DELAYS];
	uint32_t n[UPF_DELAYS];
	uint64_t marked;
	uint32_t unix_s;
};

/* What is asked of a monitor; number as in upf_tables.monitors. */
struct watch {
	uint64_t seid; /* 0: none */
	uint8_t srr, qfi;
	uint8_t requested; /* bits: UPF_DELAY_* */
	uint8_t frequency; /* UPF_RF_* */
	uint32_t period_s;
	struct mark begun, told; /* of the whole, of the last periodic report */
};

static struct watch *watches;
static struct upf_timers *timers;

static struct cst_event_type event = {
	.name = "session.qos_monitoring",
	.help = "delays of a QoS flow: a threshold is passed, a period is over, the session ends",
	.data = &upf_qos_report_object};

static void __attribute__((constructor)) add_event(void)
{
	cst_event_type_add(&event);
}

/* ---- what has been measured --------------------------------------------------------- */

static struct mark mark_now(const struct upf_monitor *m)
{
	struct upf_now now;
	struct mark k;

	upf_clock(&now);
	for (int i = 0; i < UPF_DELAYS; i++) {
		k.sum[i] = __atomic_load_n(&m->delay[i].sum, __ATOMIC_RELAXED);
		k.n[i] = __atomic_load_n(&m->delay[i].n, __ATOMIC_RELAXED);
	}
	k.marked = __atomic_load_n(&m->marked, __ATOMIC_RELAXED);
	k.unix_s = (uint32_t)(now.unix_ms / 1000);
	return k;
}

/* Figures from one moment to another; false: nothing was measured. `whole`: with the extremes of
 * all time, else those of the period. */
static bool figures(const struct upf_delay *d, int i, const struct mark *from,
		    const struct mark *to, bool whole, struct upf_delay_obj *out)
{
	uint32_t n = to->n[i] - from->n[i];

	if (n == 0)
		return false;
	*out = (struct upf_delay_obj){
		.has = 0x1f,
		.last = __atomic_load_n(&d->last, __ATOMIC_RELAXED),
		.min = __atomic_load_n(whole ? &d->min : &d->period_min, __ATOMIC_RELAXED),
		.max = __atomic_load_n(whole ? &d->max : &d->period_max, __ATOMIC_RELAXED),
		.mean = (uint32_t)((to->sum[i] - from->sum[i]) / n),
		.samples = n,
	};
	return true;
}

/* ---- reports ------------------------------------------------------------------------------ */

static uint32_t ms_of(uint32_t us)
{
	return (us + 500) / 1000;
}

static void put_delay(struct upf_qos_report_obj *r, int i, uint32_t us)
{
	uint32_t *to[UPF_DELAYS] = {&r->downlink_packet_delay, &r->uplink_packet_delay,
				    &r->round_trip_packet_delay};

	*to[i] = ms_of(us);
	r->has |= 1ull << (QOS_REPORT_DL + i);
}

static struct upf_qos_report_obj begin(const struct watch *w, uint8_t trigger)
{
	return (struct upf_qos_report_obj){
		.has = 1u << QOS_REPORT_SEID | 1u << QOS_REPORT_SRR_ID | 1u << QOS_REPORT_QFI |
		       1u << QOS_REPORT_TRIGGER | 1u << QOS_REPORT_TIME_STAMP,
		.seid = w->seid,
		.srr_id = w->srr,
		.qfi = w->qfi,
		.trigger = trigger,
	};
}

static void failed(struct upf_qos_report_obj *r)
{
	r->packet_delay_measurement_failure = true;
	r->has |= 1u << QOS_REPORT_PLMF;
}

static void publish(const struct upf_qos_report_obj *r)
{
	json_t *data = cst_encode(&upf_qos_report_object, r);

	if (data)
		cst_event_publish(&event, data);
}

/* Of the time since `from`. */
static void report(const struct watch *w, const struct upf_monitor *m, const struct mark *from,
		   const struct mark *now, uint8_t trigger)
{
	struct upf_qos_report_obj r = begin(w, trigger);
	struct upf_delay_obj *to[UPF_DELAYS] = {&r.downlink, &r.uplink, &r.round_trip};
	bool any = false;

	r.time_stamp = now->unix_s;
	r.start_time = from->unix_s;
	r.has |= 1u << QOS_REPORT_START_TIME;
	for (int i = 0; i < UPF_DELAYS; i++) {
		if (!(w->requested & 1u << i) ||
		    !figures(&m->delay[i], i, from, now, trigger == UPF_QOS_SESRL, to[i]))
			continue;
		any = true;
		r.has |= 1ull << (QOS_REPORT_DOWNLINK + i);
		put_delay(&r, i, to[i]->mean);
	}
	if (!any)
		failed(&r);
	publish(&r);
}

static void told(const struct upf_monitor_notice *n)
{
	const struct watch *w = &watches[n->number];
	struct upf_qos_report_obj r = begin(w, UPF_QOS_EVETT);
	struct upf_now now;

	/* of a rule that has changed meanwhile */
	if (w->seid == 0 || !(w->frequency & UPF_RF_EVETT))
		return;
	upf_clock(&now);
	r.time_stamp = upf_unix_of(&now, n->tsc);
	for (int i = 0; i < UPF_DELAYS; i++)
		if (w->requested & n->told & 1u << i)
			put_delay(&r, i, n->delay[i]);
	if (n->beyond == 0)
		failed(&r);
	publish(&r);
}

static void tick(uint64_t now_ms)
{
	uint32_t number;

	if (!timers)
		return;
	while ((number = upf_timer_pop(timers, now_ms)) != 0) {
		struct upf_monitor *m = &upf_tables.monitors[number];
		struct watch *w = &watches[number];
		struct mark now = mark_now(m);

		report(w, m, &w->told, &now, UPF_QOS_PERIO);
		w->told = now;
		__atomic_store_n(&m->armed, m->armed + 1, __ATOMIC_RELEASE);
		upf_timer_set(timers, number, now_ms + w->period_s * 1000ull);
	}
}

/* ---- what is asked for ------------------------------------------------------------------------
 */

static void set_thresholds(struct upf_monitor *m, const struct upf_qos_monitoring_obj *q)
{
	const struct upf_delays_obj *t = &q->packet_delay_thresholds;
	const uint32_t ms[UPF_DELAYS] = {t->dl, t->ul, t->rp};
	uint64_t wait = q->minimum_wait_time > LEAST_WAIT_S ? q->minimum_wait_time : LEAST_WAIT_S;
	struct upf_now now;

	upf_clock(&now);
	__atomic_store_n(&m->wait, upf_cycles(&now, wait), __ATOMIC_RELAXED);
	for (unsigned i = 0; i < UPF_DELAYS; i++) {
		bool set = (q->reporting_frequency & UPF_RF_EVETT) && (t->has >> i & 1);

		__atomic_store_n(&m->threshold[i], set ? ms[i] * 1000 : UINT32_MAX,
				 __ATOMIC_RELAXED);
	}
}

static void watch_flow(uint32_t number, uint64_t seid, const struct upf_srr_obj *srr,
		       const struct upf_qos_monitoring_obj *q, uint8_t qfi)
{
	struct upf_monitor *m = &upf_tables.monitors[number];
	uint32_t period = q->reporting_frequency & UPF_RF_PERIO ? q->measurement_period : 0;
	struct watch *w = &watches[number];
	struct upf_now now;

	__atomic_store_n(&m->qfi, qfi, __ATOMIC_RELAXED);
	set_thresholds(m, q);
	if (w->seid == 0)
		w->begun = w->told = mark_now(m);
	if (w->period_s != period || w->seid == 0) {
		upf_clock(&now);
		upf_timer_set(timers, number, period ? now.ms + period * 1000ull : 0);
		w->told = mark_now(m);
		__atomic_store_n(&m->armed, m->armed + 1, __ATOMIC_RELEASE);
	}
	w->seid = seid;
	w->srr = srr->id;
	w->qfi = qfi;
	w->requested = (uint8_t)q->requested_qos_monitoring;
	w->frequency = (uint8_t)q->reporting_frequency;
	w->period_s = period;
}

static void watch_all(const struct upf_session *s, const struct upf_session_obj *o)
{
	const struct upf_srr_obj *srrs = o->srrs.items;

	for (unsigned i = 0; i < o->srrs.n; i++) {
		const struct upf_qos_monitoring_obj *q = srrs[i].qos_monitoring.items;

		for (unsigned j = 0; j < srrs[i].qos_monitoring.n; j++) {
			const uint8_t *qfi = q[j].qfi.items;

			for (unsigned k = 0; k < q[j].qfi.n; k++)
				watch_flow(upf_part_of(s, UPF_PART_MONITOR, qfi[k])->number,
					   s->seid, &srrs[i], &q[j], qfi[k]);
		}
	}
}

/* Workers follow the chain while it is made: each monitor in it leads to others that are good, or
 * were until this moment and are until the grace period is over. */
static void chain(const struct upf_session *s)
{
	const struct upf_held_part *p = upf_parts(s);
	uint32_t next = 0;

	for (unsigned i = s->n_parts; i-- > 0;) {
		if (p[i].kind != UPF_PART_MONITOR)
			continue;
		__atomic_store_n(&upf_tables.monitors[p[i].number].next, next, __ATOMIC_RELEASE);
		next = p[i].number;
	}
}

static void commit(const struct upf_change *c)
{
	if (!c->next || !watches || c->s->srrs.n == 0)
		return;
	watch_all(c->next, c->s);
	chain(c->next);
}

/* A rule that is gone reports no more; one whose session has ended does a last time. */
static void reap(const struct upf_session *old, struct upf_session *now)
{
	const struct upf_held_part *p = upf_parts(old);

	for (unsigned i = 0; watches && i < old->n_parts; i++) {
		struct upf_monitor *m = &upf_tables.monitors[p[i].number];
		struct watch *w = &watches[p[i].number];
		struct mark end;

		if (p[i].kind != UPF_PART_MONITOR || !p[i].gone || w->seid == 0)
			continue;
		end = mark_now(m);
		if (!now && (w->frequency & UPF_RF_SESRL))
			report(w, m, &w->begun, &end, UPF_QOS_SESRL);
		upf_timer_set(timers, p[i].number, 0);
		*w = (struct watch){0};
	}
}

static struct upf_hook hook = {.commit = commit, .reap = reap};

static void __attribute__((constructor)) add_hook(void)
{
	upf_hook_add(&hook);
}

/* ---- figures ------------------------------------------------------------------------------------
 */

static struct upf_qos_flow_obj flow_of(uint32_t number, uint8_t qfi)
{
	const struct upf_monitor *m = &upf_tables.monitors[number];
	struct upf_qos_flow_obj f = {.has = 1u << QOS_FLOW_QFI | 1u << QOS_FLOW_MARKED |
					    1u << QOS_FLOW_ANSWERED | 1u << QOS_FLOW_IGNORED |
					    1u << QOS_FLOW_UNSYNCHRONISED,
				     .qfi = qfi};
	struct upf_delay_obj *to[UPF_DELAYS] = {&f.downlink, &f.uplink, &f.round_trip};
	const struct mark none = {0}, now = mark_now(m);

	for (int i = 0; i < UPF_DELAYS; i++)
		if (figures(&m->delay[i], i, &none, &now, true, to[i]))
			f.has |= 1u << (QOS_FLOW_DOWNLINK + i);
	f.marked = now.marked;
	f.answered = __atomic_load_n(&m->answered, __ATOMIC_RELAXED);
	f.ignored = __atomic_load_n(&m->ignored, __ATOMIC_RELAXED);
	f.unsynchronised = __atomic_load_n(&m->unsynchronised, __ATOMIC_RELAXED);
	return f;
}

void upf_monitor_show(const struct upf_session *s, struct upf_session_obj *o)
{
	static struct upf_qos_flow_obj flows[64];
	struct upf_srr_obj *srrs = o->srrs.items;
	const struct upf_held_part *p = upf_parts(s);
	unsigned n = 0;

	if (!watches)
		return;
	for (unsigned i = 0; i < o->srrs.n; i++) {
		srrs[i].flows.items = &flows[n];
		srrs[i].flows.n = 0;
		for (unsigned k = 0; k < s->n_parts && n < 64; k++) {
			if (p[k].kind != UPF_PART_MONITOR || watches[p[k].number].srr != srrs[i].id)
				continue;
			flows[n++] = flow_of(p[k].number, (uint8_t)p[k].rule);
			srrs[i].flows.n++;
		}
		srrs[i].has |= 1u << SRR_FLOWS;
	}
}

/* ---- up and down
 * ---------------------------------------------------------------------------------- */

static void fresh(uint32_t number)
{
	struct upf_monitor *m = &upf_tables.monitors[number];

	memset(m, 0, sizeof(*m));
	m->arm = m->armed - 1;
	watches[number] = (struct watch){0};
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	uint32_t n = upf_parts_count(UPF_PART_MONITOR);

	watches = calloc(n + 1, sizeof(*watches));
	timers = upf_timers_new(n);
	if (!watches || !timers)
		return cst_err(e, -ENOMEM, "system.max_pdrs", "no memory for QoS monitors");
	upf_part_define(UPF_PART_MONITOR, &(struct upf_part_kind){.begin = fresh});
	upf_monitor_told = told;
	return 0;
}

static void stop(void)
{
	upf_monitor_told = NULL;
	if (timers)
		upf_timers_free(timers);
	free(watches);
	timers = NULL;
	watches = NULL;
}

static struct cst_module module = {
	.name = "upf.monitor", .order = 33, .start = start, .tick = tick, .stop = stop};
CST_MODULE(module);
