/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The control side of downlink buffers: what changes of rules mean for packets
 * that wait, notifications of downlink data (TS 29.244 7.5.8.2), and the end of
 * a buffer's time.
 */
#include "upf_buffer.h"

#include <errno.h>
#include <sys/mman.h>

#include "engine/engine.h"
#include "module.h"
#include "rpc/rpc.h"
#include "upf_buffer_ctl.h"
#include "upf_clock.h"
#include "upf_hook.h"
#include "upf_lost.h"
#include "upf_owned.h"
#include "upf_tell.h"
#include "upf_timer.h"

struct upf_queue *upf_queues;

static uint32_t n_queues;
static uint32_t owed; /* the first of the queues whose worker must still be told */
static struct upf_timers *notify_at, *expire_at;
static uint32_t highest; /* number in use so far */
static struct upf_lost lost;

#define SEARCH_AT_ONCE 4096

/* ---- memory ------------------------------------------------------------------------ */

static size_t size_of(uint32_t count)
{
	return ((size_t)count + 1) * sizeof(struct upf_queue);
}

int upf_queues_open(uint32_t count, struct cst_err *e)
{
	void *p = mmap(NULL, size_of(count), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return cst_err(e, -ENOMEM, "system.max_sessions", "no memory for %u buffers",
			       count);
	upf_queues = p;
	n_queues = count;
	notify_at = upf_timers_new(count);
	expire_at = upf_timers_new(count);
	if (!notify_at || !expire_at) {
		upf_queues_close();
		return cst_err(e, -ENOMEM, "system.max_sessions",
			       "no memory for the times of %u buffers", count);
	}
	return 0;
}

void upf_queues_close(void)
{
	if (upf_queues)
		munmap(upf_queues, size_of(n_queues));
	upf_queues = NULL;
	n_queues = owed = highest = lost.number = 0;
	upf_timers_free(notify_at);
	upf_timers_free(expire_at);
	notify_at = expire_at = NULL;
}

/* ---- the worker is told -------------------------------------------------------------- */

static bool is_busy(const struct upf_queue *q)
{
	return __atomic_load_n(&q->next, __ATOMIC_ACQUIRE) != 0 ||
	       __atomic_load_n(&q->packets, __ATOMIC_RELAXED) != 0;
}

static void owe(struct upf_queue *q)
{
	uint32_t number = (uint32_t)(q - upf_queues);

	if (q->owed_next != 0)
		return;
	q->owed_next = owed ? owed : number;
	owed = number;
}

/* Something about it has changed. A queue without packets has nothing to do: what comes meets the
 * new rules. */
static void news(struct upf_queue *q)
{
	if (is_busy(q) && !upf_tell_news(q->owner, (uint32_t)(q - upf_queues)))
		owe(q);
}

/* What could not be told, and what is to be emptied. */
static void pay_owed(void)
{
	uint32_t at = owed, next;

	owed = 0;
	for (; at; at = next) {
		struct upf_queue *q = &upf_queues[at];

		next = q->owed_next == at ? 0 : q->owed_next;
		q->owed_next = 0;
		if (q->ended && !is_busy(q)) {
			upf_part_free(UPF_PART_QUEUE, at);
			continue;
		}
		news(q);
		if (q->ended)
			owe(q);
	}
}

static void begin(uint32_t number)
{
	if (!upf_queues)
		return;
	upf_queues[number] = (struct upf_queue){0};
	if (number > highest)
		highest = number;
}

/* Its session is gone, and so are all who could put a packet in. */
static void end(uint32_t number)
{
	struct upf_queue *q = &upf_queues[number];

	q->ended = 1;
	if (!is_busy(q) && q->owed_next == 0) {
		upf_part_free(UPF_PART_QUEUE, number);
		return;
	}
	news(q);
	owe(q);
}

/* ---- notifications ------------------------------------------------------------------- */

enum { DLDR_SEID, DLDR_PDR_IDS, DLDR_QFI, DLDR_PPI };
struct dldr {
	uint64_t has;
	uint64_t seid;
	struct cst_list pdr_ids;
	uint8_t qfi, ppi;
};
static const struct cst_field dldr_fields[] = {
	[DLDR_SEID] = CST_F_UINT(struct dldr, seid, 0, 0, NULL, 0, NULL, "session"),
	[DLDR_PDR_IDS] = CST_F_LIST(struct dldr, pdr_ids, CST_T_UINT, uint16_t, 0, 0,
				    "PDRs that the packet fell to"),
	[DLDR_QFI] = CST_F_UINT(struct dldr, qfi, 0, 63, NULL, 0, NULL,
				"its QoS flow; absent: it has none"),
	[DLDR_PPI] = CST_F_UINT(struct dldr, ppi, 0, 63, NULL, 0, NULL,
				"paging policy indication: its DSCP, 8.2.116"),
};
static const struct cst_object dldr_object =
	CST_OBJECT("downlink_data_report", struct dldr, dldr_fields, "TS 29.244 7.5.8.2");
static struct cst_event_type dldr_event = {
	.name = "session.downlink_data_report",
	.help = "the first packet of a QoS flow waits for a user who is to be paged",
	.data = &dldr_object};
CST_EVENT(dldr_event);

static void publish(const struct upf_queue *q, const struct upf_first_packet *f)
{
	struct upf_session *s = upf_session_by_seid(q->seid);
	json_t *js = json_pack("{s:I,s:[i],s:i}", "seid", (json_int_t)q->seid, "pdr_ids",
			       (int)f->pdr, "ppi", (int)f->dscp);

	if (f->qfi != UPF_NO_QFI)
		json_object_set_new(js, "qfi", json_integer(f->qfi));
	cst_event_publish(&dldr_event, js);
	if (s)
		upf_owned_owe_data(s);
}

static void publish_waiting(struct upf_queue *q)
{
	for (unsigned i = 0; i < q->n_firsts; i++)
		publish(q, &q->firsts[i]);
	q->n_firsts = 0;
}

static uint64_t now_ms(void)
{
	struct upf_now now;

	upf_clock(&now);
	return now.ms;
}

static void on_told(const struct upf_buffer_notice *n)
{
	struct upf_queue *q = n->queue <= n_queues ? &upf_queues[n->queue] : NULL;
	uint64_t bit = n->first.qfi == UPF_NO_QFI ? 1 : 1ull << (n->first.qfi & 63);

	if (!q || q->ref == 0 || q->arm != n->arm || (q->heard & bit))
		return;
	__atomic_store_n(&q->heard, q->heard | bit, __ATOMIC_RELAXED);
	if (n->delay == 0 || q->n_firsts == RTE_DIM(q->firsts)) {
		publish(q, &n->first);
		return;
	}
	q->firsts[q->n_firsts++] = n->first;
	if (upf_timer_due(notify_at, n->queue) == 0)
		upf_timer_set(notify_at, n->queue, now_ms() + n->delay * 50u);
}

/* What comes from now on is news again, and what was not told yet is none any more. */
static void rearm(struct upf_queue *q)
{
	q->n_firsts = 0;
	upf_timer_set(notify_at, (uint32_t)(q - upf_queues), 0);
	__atomic_store_n(&q->heard, 0, __ATOMIC_RELAXED);
	__atomic_store_n(&q->arm, q->arm + 1, __ATOMIC_RELEASE);
}

/* ---- changes of rules ----------------------------------------------------------------- */

static const struct upf_pdr *pdr_by_id(const struct upf_session *s, uint16_t id)
{
	const struct upf_pdr *p = s ? upf_run_pdrs(s) : NULL;

	for (unsigned i = 0; s && i < upf_run_n(s); i++)
		if (p[i].id == id)
			return &p[i];
	return NULL;
}

static bool notifies(const struct upf_session *s, const struct upf_pdr *pdr)
{
	return (pdr->flags & UPF_PDR_POLICY) &&
	       (upf_policy_of(upf_run(s), pdr)->flags & UPF_POLICY_NOTIFY);
}

static bool makes_wait(const struct upf_pdr *pdr)
{
	return pdr && pdr->action == UPF_BUFF && !(pdr->flags & UPF_PDR_NEVER);
}

/* Does buffering begin or end for a PDR? */
static bool is_new_episode(const struct upf_session *old, const struct upf_session *next)
{
	const struct upf_pdr *p = upf_run_pdrs(next);

	for (unsigned i = 0; i < upf_run_n(next); i++) {
		const struct upf_pdr *was = pdr_by_id(old, p[i].id);
		bool before = makes_wait(was);

		if (before != makes_wait(&p[i]))
			return true;
		if (before &&
		    (was->far_id != p[i].far_id || notifies(old, was) != notifies(next, &p[i])))
			return true;
	}
	return false;
}

static void set_expiry(const struct upf_queue *q, const struct upf_session *s)
{
	uint32_t seconds = upf_run(s)->buffer_for;

	upf_timer_set(expire_at, (uint32_t)(q - upf_queues),
		      seconds ? now_ms() + seconds * 1000ull : 0);
}

static struct upf_queue *queue_of(const struct upf_session *s)
{
	const struct upf_held_part *part = s ? upf_part_of(s, UPF_PART_QUEUE, 0) : NULL;

	return part && upf_queues ? &upf_queues[part->number] : NULL;
}

static void on_commit(const struct upf_change *c)
{
	struct upf_queue *q = queue_of(c->next ? c->next : c->old);

	if (!q)
		return;
	if (!c->next) {
		__atomic_store_n(&q->ref, 0, __ATOMIC_RELEASE);
		rearm(q);
		upf_timer_set(expire_at, (uint32_t)(q - upf_queues), 0);
		news(q);
		return;
	}
	q->seid = c->next->seid;
	__atomic_store_n(&q->owner, cst_owner_of(upf_run(c->next)->state), __ATOMIC_RELEASE);
	__atomic_store_n(&q->ref, UPF_REF(q->owner, c->next->line), __ATOMIC_RELEASE);
	if (is_new_episode(c->old, c->next)) {
		rearm(q);
		set_expiry(q, c->next);
	} else if (!c->old || upf_run(c->next)->buffer_for != upf_run(c->old)->buffer_for) {
		set_expiry(q, c->next);
	}
	news(q);
}

/* Of packets that an earlier coastd had no more is known than by which PDRs they may have come. */
static void publish_by_rules(const struct upf_session *s)
{
	const struct upf_pdr *p = upf_run_pdrs(s);
	json_t *ids = json_array();

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (makes_wait(&p[i]) && notifies(s, &p[i]))
			json_array_append_new(ids, json_integer(p[i].id));
	if (json_array_size(ids))
		cst_event_publish(&dldr_event, json_pack("{s:I,s:O}", "seid", (json_int_t)s->seid,
							 "pdr_ids", ids));
	json_decref(ids);
}

/* The worker says again who waits, if anybody still does. */
void upf_buffer_notify_again(const struct upf_session *s)
{
	struct upf_queue *q = queue_of(s);

	if (!q)
		return;
	if (q->entered == 0)
		publish_by_rules(s);
	if (!is_busy(q))
		return;
	rearm(q);
	if (!upf_tell_lost(q->owner, (uint32_t)(q - upf_queues)) && lost.number == 0)
		lost.number = (uint32_t)(q - upf_queues);
}

bool upf_buffer_is_heard(const struct upf_session *s)
{
	const struct upf_queue *q = queue_of(s);

	return q && q->heard != 0 && is_busy(q);
}

/* Packets that came to wait by the old rules while these were replaced. */
static void on_reap(const struct upf_session *old, struct upf_session *now)
{
	struct upf_queue *q = queue_of(now);

	(void)old;
	if (q)
		news(q);
}

void upf_buffer_discard(uint64_t seid)
{
	struct upf_queue *q = queue_of(upf_session_by_seid(seid));

	if (!q)
		return;
	rearm(q);
	__atomic_store_n(&q->discard, q->discard + 1, __ATOMIC_RELEASE);
	news(q);
}

void upf_buffer_extend(uint64_t seid)
{
	const struct upf_session *s = upf_session_by_seid(seid);
	struct upf_queue *q = queue_of(s);

	if (q)
		set_expiry(q, s);
}

void upf_buffer_granted(const struct upf_session *s)
{
	struct upf_queue *q = queue_of(s);

	if (q)
		news(q);
}

bool upf_buffer_state(const struct upf_session *s, struct upf_buffer_obj *out)
{
	const struct upf_queue *q = queue_of(s);

	if (!q)
		return false;
	*out = (struct upf_buffer_obj){
		.has = (1u << BUFFER_N) - 1,
		.packets = __atomic_load_n(&q->packets, __ATOMIC_RELAXED),
		.bytes = __atomic_load_n(&q->bytes, __ATOMIC_RELAXED),
		.notified = q->heard != 0 && q->n_firsts == 0,
	};
	return true;
}

/* ---- the module ------------------------------------------------------------------------- */

static struct upf_hook hook = {.commit = on_commit, .reap = on_reap};
static const struct upf_part_kind kind = {.begin = begin, .end = end};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
	upf_part_define(UPF_PART_QUEUE, &kind);
	upf_buffer_told = on_told;
}

/* Half of the packet buffers: the other half is for those on their way. */
static int start(const struct cst_system *sys, struct cst_err *e)
{
	return upf_buffer_start(sys->workers, sys->packet_buffers / 2 / sys->workers,
				cst_packet_pool(), e);
}

/* A notice that found no room is told again with the next packet, but there may be none. */
static bool tell_again(uint32_t number)
{
	const struct upf_queue *q = &upf_queues[number];

	return !is_busy(q) || upf_tell_lost(q->owner, number);
}

static void tick(uint64_t ms)
{
	uint32_t number;

	if (!upf_queues)
		return;
	pay_owed();
	upf_lost_search(&lost, highest, SEARCH_AT_ONCE, tell_again);
	while ((number = upf_timer_pop(notify_at, ms)) != 0)
		publish_waiting(&upf_queues[number]);
	while ((number = upf_timer_pop(expire_at, ms)) != 0)
		upf_buffer_discard(upf_queues[number].seid);
	for (uint16_t i = 0; i < cst_workers(); i++)
		if (upf_buffer_unfinished(i))
			upf_tell_news(i, 0);
}

static void free_packets(struct upf_queue *q)
{
	while (q->first) {
		struct rte_mbuf *m = q->first;

		q->first = upf_parcel(m)->next;
		rte_pktmbuf_free(m);
	}
}

static void stop(void)
{
	for (uint32_t i = 1; i <= highest; i++)
		free_packets(&upf_queues[i]);
	upf_buffer_stop();
}

struct cst_module upf_buffer_module = {
	.name = "upf.buffer", .order = 30, .start = start, .tick = tick, .stop = stop};
CST_MODULE(upf_buffer_module);
