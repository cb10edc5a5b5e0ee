/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Recording: the steps of traced packets, and to the capture what leaves or is
 * dropped.
 */
#include <string.h>

#include <rte_cycles.h>

#include "capture/capture.h"
#include "trace/steps.h"

const struct cst_watch *_Atomic cst_watch_live;
atomic_uint cst_trace_numbers;

/* ---- kinds of notes -------------------------------------------------------------------- */

static struct cst_trace_kind *kinds;

/* Numbered in the order of registration: a number lives no longer than the process. */
void cst_trace_kind_add(struct cst_trace_kind *k)
{
	k->id = kinds != NULL ? kinds->id + 1 : 1;
	k->next = kinds;
	kinds = k;
}

const struct cst_trace_kind *cst_trace_kind_by_id(uint16_t id)
{
	for (const struct cst_trace_kind *k = kinds; k != NULL; k = k->next)
		if (k->id == id)
			return k;
	return NULL;
}

static void handoff_text(const uint64_t *values, char *buf, size_t size)
{
	snprintf(buf, size, "to worker %llu, which owns it", (unsigned long long)values[0]);
}

static struct cst_trace_kind handoff_kind = {
	.name = "handoff", .values = {"worker"}, .text = handoff_text};
CST_TRACE_KIND(handoff_kind);

/* ---- one step ---------------------------------------------------------------------------- */

static inline struct cst_trace_log *log_of(const struct cst_worker *w)
{
	return w->watch->logs[w->id];
}

static void copy_bytes(struct cst_trace_step *s, const struct rte_mbuf *m)
{
	const void *p;

	s->len = m->pkt_len;
	s->cap = (uint16_t)RTE_MIN(m->pkt_len, (uint32_t)CST_TRACE_BYTES);
	p = rte_pktmbuf_read(m, 0, s->cap, s->data);
	if (p != NULL && p != s->data)
		memcpy(s->data, p, s->cap);
}

static struct cst_trace_step *step(struct cst_trace_log *log, uint8_t worker, uint16_t node,
				   struct rte_mbuf *m)
{
	struct cst_trace_step *s;

	if (log->next - atomic_load_explicit(&log->tail, memory_order_acquire) >= CST_TRACE_STEPS) {
		__atomic_store_n(&log->lost, log->lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	s = &log->steps[log->next++ % CST_TRACE_STEPS];
	memset(s, 0, offsetof(struct cst_trace_step, data));
	s->tsc = rte_rdtsc();
	s->number = cst_pkt(m)->traced;
	s->node = node;
	s->to = CST_TRACE_TAKEN;
	s->worker = worker;
	copy_bytes(s, m);
	return s;
}

static inline void publish(struct cst_trace_log *log)
{
	atomic_store_explicit(&log->head, log->next, memory_order_release);
}

/* ---- nodes -------------------------------------------------------------------------------- */

void cst_watch_source(struct cst_worker *w, uint16_t node, uint16_t to, bool frames,
		      struct rte_mbuf **pkts, uint16_t n)
{
	struct cst_trace_step *s;

	for (uint16_t i = 0; i < n; i++) {
		if (!cst_traced(w, pkts[i]))
			continue;
		s = step(log_of(w), (uint8_t)w->id, node, pkts[i]);
		if (s == NULL)
			continue;
		s->to = to;
		s->port = cst_pkt(pkts[i])->port;
		s->frame = frames;
	}
}

void cst_watch_enter(struct cst_worker *w, uint16_t node, bool frames, struct rte_mbuf **pkts,
		     uint16_t n)
{
	struct cst_trace_log *log = log_of(w);

	log->n_open = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct cst_trace_open *o = &log->open[log->n_open];

		if (!cst_traced(w, pkts[i]))
			continue;
		*o = (struct cst_trace_open){pkts[i], step(log, (uint8_t)w->id, node, pkts[i]), i};
		if (o->step == NULL)
			continue;
		o->step->frame = frames;
		log->n_open++;
	}
}

void cst_watch_leave(struct cst_worker *w, const uint8_t *edge,
		     uint16_t (*next)(const void *arg, uint8_t edge), const void *arg)
{
	struct cst_trace_log *log = log_of(w);

	for (uint16_t i = 0; i < log->n_open; i++) {
		struct cst_trace_open *o = &log->open[i];
		uint8_t e = edge != NULL ? edge[o->at] : 0;

		o->step->to = next(arg, e);
		/* only then is the packet still ours to look at */
		if (e == CST_EDGE_DROP)
			o->step->drop = cst_pkt((struct rte_mbuf *)(uintptr_t)o->m)->drop;
	}
	log->n_open = 0;
}

void cst_trace_note(struct cst_worker *w, struct rte_mbuf *m, const struct cst_trace_kind *kind,
		    const uint64_t values[CST_TRACE_VALUES])
{
	struct cst_trace_log *log;

	if (!cst_watched(w) || !cst_traced(w, m))
		return;
	log = log_of(w);
	for (uint16_t i = 0; i < log->n_open; i++) {
		struct cst_trace_step *s = log->open[i].step;
		struct cst_trace_note *note;

		if (log->open[i].m != m || s->n_notes == CST_TRACE_NOTES)
			continue;
		note = &s->notes[s->n_notes++];
		note->kind = kind->id;
		memcpy(note->values, values, sizeof(note->values));
	}
}

void cst_watch_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n)
{
	const uint64_t values[CST_TRACE_VALUES] = {owner};

	for (uint16_t i = 0; i < n; i++)
		cst_trace_note(w, pkts[i], &handoff_kind, values);
}

void cst_watch_flush(struct cst_worker *w)
{
	publish(log_of(w));
	if (w->watch->capture != NULL)
		cst_capture_flush(w->watch->capture, w->id);
}

/* ---- the ways out --------------------------------------------------------------------------- */

void cst_watch_frames(struct cst_worker *w, bool on)
{
	log_of(w)->frames = on;
}

void cst_watch_drop(struct cst_worker *w, uint16_t why, struct rte_mbuf *m)
{
	struct cst_trace_log *log = log_of(w);
	struct cst_trace_step *s;

	if (w->watch->capture != NULL)
		cst_capture_drop(w->watch, w->id, m, why, log->frames);
	if (!cst_traced(w, m))
		return;
	s = step(log, (uint8_t)w->id, CST_TRACE_DROP, m);
	if (s == NULL)
		return;
	s->drop = why;
	s->frame = log->frames || cst_capture_l2(w->watch, m) == CST_L2_AT_START;
}

void cst_watch_tx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	struct cst_trace_log *log = log_of(w);

	log->n_sent = 0;
	for (uint16_t i = 0; i < n; i++) {
		struct cst_trace_open *o = &log->sent[log->n_sent];

		if (!cst_traced(w, pkts[i]))
			continue;
		*o = (struct cst_trace_open){pkts[i],
					     step(log, (uint8_t)w->id, CST_TRACE_TX, pkts[i]), i};
		if (o->step == NULL)
			continue;
		o->step->port = port;
		o->step->frame = true;
		log->n_sent++;
	}
	if (w->watch->capture != NULL)
		cst_capture_tx(w->watch, w->id, port, pkts, n);
}

void cst_watch_sent(struct cst_worker *w, uint16_t sent)
{
	struct cst_trace_log *log = log_of(w);

	/* those which the device refused stand at the end: their steps are taken back */
	while (log->n_sent > 0 && log->sent[log->n_sent - 1].at >= sent) {
		log->n_sent--;
		log->next--;
	}
	log->n_sent = 0;
	if (w->watch->capture != NULL)
		cst_capture_sent(w->watch->capture, w->id, sent);
}

void cst_watch_slow_drop(struct rte_mbuf *m, uint16_t why)
{
	const struct cst_watch *watch = atomic_load_explicit(&cst_watch_live, memory_order_acquire);
	struct cst_trace_log *log;
	struct cst_trace_step *s;

	if (likely(watch == NULL) || !cst_mark_valid(watch, cst_pkt(m)))
		return;
	log = watch->logs[CST_WATCH_SLOW];
	if (watch->capture != NULL) {
		cst_capture_drop(watch, CST_WATCH_SLOW, m, why, false);
		cst_capture_flush(watch->capture, CST_WATCH_SLOW);
	}
	if (cst_pkt(m)->traced == 0)
		return;
	s = step(log, CST_WATCH_SLOW, CST_TRACE_SLOW, m);
	if (s != NULL)
		s->drop = why;
	publish(log);
}
