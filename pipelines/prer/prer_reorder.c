/* SPDX-License-Identifier: BSD-3-Clause */
#include "prer_reorder.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "engine/rcu.h"
#include "engine/worker.h"
#include "module.h"
#include "net/wake.h"
#include "prer_drops.h"
#include "table/index.h"

#define MAX_PACKETS 4096

struct queue {
	struct prer_order order;
	struct queue *next;   /* of those of this worker in which packets wait */
	_Atomic bool listed;  /* it is among them; w */
	uint8_t bits;         /* w: of its stream's numbers */
	uint32_t resets;      /* w: of the recovery in front, as far as they are known here */
	struct queue *closed; /* the next that is to be freed */
	struct prer_order_slot slot[];
};

static struct queue *_Atomic queues[PRER_MAX_QUEUES];
static struct cst_index *numbers;
static struct queue *closed; /* no packet comes to them any more */

static struct {
	struct queue *first; /* w */
	uint32_t n;          /* w: packets in them */
} __rte_cache_aligned waiting[CST_MAX_WORKERS];
static uint32_t most = UINT32_MAX; /* packets that may wait at one worker */
static struct cst_wake_at wake[CST_MAX_WORKERS];
static uint8_t rx_to_frame, rx_to_route;
static const uint8_t as_it_is[] = {0, 1}; /* edges of prer_eliminate, by those */

CST_ATTACH(prer_reorder_frame, "rx", "frame_out", &rx_to_frame);
CST_ATTACH(prer_reorder_route, "rx", "route", &rx_to_route);

/* ---- control thread --------------------------------------------------------------- */

uint32_t prer_queue_open(uint32_t packets)
{
	uint32_t number;
	struct queue *q;

	if (!numbers)
		numbers = cst_index_new(PRER_MAX_QUEUES - 1);
	if (!numbers)
		return 0;
	packets = RTE_MIN(packets, (uint32_t)MAX_PACKETS);
	q = calloc(1, sizeof(*q) + packets * sizeof(q->slot[0]));
	number = q ? cst_index_alloc(numbers) : 0;
	if (!number) {
		free(q);
		return 0;
	}
	prer_order_init(&q->order, q->slot, packets);
	atomic_store_explicit(&queues[number], q, memory_order_release);
	return number;
}

bool prer_queue_look(uint32_t queue, struct prer_order *out)
{
	const struct queue *q = atomic_load(&queues[queue % PRER_MAX_QUEUES]);

	if (q)
		*out = q->order;
	return q != NULL;
}

static void leave(void *unused, uint64_t number)
{
	struct queue *q = atomic_exchange(&queues[number], NULL);

	if (!q) /* all were freed meanwhile */
		return;
	q->closed = closed;
	closed = q;
	cst_index_free(numbers, (uint32_t)number);
}

void prer_queue_close(uint32_t queue)
{
	cst_rcu_defer(leave, NULL, queue);
}

static void free_closed(uint64_t now_ms)
{
	for (struct queue **at = &closed, *q; (q = *at) != NULL;) {
		if (atomic_load_explicit(&q->listed, memory_order_acquire)) {
			at = &q->closed;
			continue;
		}
		*at = q->closed;
		free(q);
	}
}

static void forget(struct queue *q)
{
	uint64_t out[MAX_PACKETS + 1];
	uint32_t n = prer_order_flush(&q->order, q->bits, out);

	rte_pktmbuf_free_bulk((struct rte_mbuf **)out, n);
	free(q);
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	most = sys->packet_buffers / 4 / RTE_MAX(sys->workers, 1);
	return 0;
}

/* Workers have stopped. */
static void stop(void)
{
	for (struct queue *q = closed, *next; q; q = next) {
		next = q->closed;
		forget(q);
	}
	closed = NULL;
	for (uint32_t i = 0; i < PRER_MAX_QUEUES; i++) {
		struct queue *q = atomic_exchange(&queues[i], NULL);

		if (q)
			forget(q);
	}
	for (unsigned i = 0; i < CST_MAX_WORKERS; i++) {
		waiting[i].first = NULL;
		waiting[i].n = 0;
	}
	if (numbers)
		cst_index_destroy(numbers);
	numbers = NULL;
}

/* ---- workers ------------------------------------------------------------------------ */

/* In their order, and so one by one: each has its own edge. `edge`: of the running node, by that of
 * prer_eliminate. */
static void send(struct cst_worker *w, const uint64_t *out, uint32_t n, const uint8_t *edge)
{
	for (uint32_t i = 0; i < n; i++) {
		struct rte_mbuf *m = (struct rte_mbuf *)(uintptr_t)out[i];

		cst_emit(w, edge[cst_pkt(m)->slice[2]], &m, 1);
	}
}

static void let_go(struct cst_worker *w, uint32_t n)
{
	w->stats.held -= n;
	waiting[w->id].n -= n;
}

/* It is looked at again when the first packet's time is up. */
static void list(struct cst_worker *w, struct queue *q)
{
	if (!atomic_load_explicit(&q->listed, memory_order_relaxed)) {
		q->next = waiting[w->id].first;
		waiting[w->id].first = q;
		atomic_store_explicit(&q->listed, true, memory_order_relaxed);
	}
	if (q->order.due < wake[w->id].tsc)
		wake[w->id].tsc = q->order.due;
}

static void time_is_up(struct cst_worker *w)
{
	const uint8_t edge[] = {rx_to_frame, rx_to_route};
	uint64_t out[MAX_PACKETS + 1], next = UINT64_MAX;

	for (struct queue **at = &waiting[w->id].first, *q; (q = *at) != NULL;) {
		uint32_t n = prer_order_expired(&q->order, q->bits, w->now, out);

		let_go(w, n);
		send(w, out, n, edge);
		if (q->order.n) {
			next = RTE_MIN(next, q->order.due);
			at = &q->next;
			continue;
		}
		*at = q->next;
		atomic_store_explicit(&q->listed, false, memory_order_release);
	}
	wake[w->id].tsc = next;
}

/* How long a packet may wait for those before it. Advanced: these come by a path that lags more, so
 * by as much as its own path lags already it waits less. */
static uint64_t delay(const struct cst_worker *w, const struct prer_stream *s,
		      const struct prer_params *p, unsigned path)
{
	uint64_t lag = (uint64_t)prer_health_of(s->id, path)->lag << 7;

	if (unlikely(waiting[w->id].n >= most))
		return 0;
	if (s->order != PRER_ORDER_ADVANCED)
		return p->order_delay;
	return lag < p->order_delay ? p->order_delay - lag : 0;
}

/* Recovery takes any number now: so is any in turn here, else a sender that has begun anew would be
 * late until it comes to where it was. */
static void __rte_noinline begin_anew(struct cst_worker *w, struct queue *q, uint32_t resets)
{
	uint64_t out[MAX_PACKETS + 1];
	uint32_t n = prer_order_reset(&q->order, q->bits, out);

	let_go(w, n);
	send(w, out, n, as_it_is);
	q->resets = resets;
}

uint8_t prer_reorder(struct cst_worker *w, const struct prer_stream *s, struct rte_mbuf *m,
		     uint8_t edge, unsigned path, uint32_t seq)
{
	const struct prer_params *p = &prer_tables.params[s->recovery];
	uint32_t resets = prer_tables.state[s->id].counts.resets;
	struct queue *q = atomic_load_explicit(&queues[s->order_queue % PRER_MAX_QUEUES],
					       memory_order_acquire);
	uint64_t out[MAX_PACKETS + 1];
	uint32_t n;

	if (unlikely(!q))
		return edge;
	if (unlikely(q->resets != resets))
		begin_anew(w, q, resets);
	if (s->order == PRER_ORDER_DROP_OLDER)
		return prer_order_older(&q->order, p, s->bits, seq, w->now)
			       ? prer_drop(m, PRER_DROP_LATE)
			       : edge;
	q->bits = s->bits;
	cst_pkt(m)->slice[2] = edge;
	n = prer_order_in(&q->order, p, s->bits, seq, (uintptr_t)m, delay(w, s, p, path), w->now,
			  out);
	w->stats.held++;
	waiting[w->id].n++;
	let_go(w, n);
	send(w, out, n, as_it_is);
	if (q->order.n)
		list(w, q);
	return CST_EDGE_TAKEN;
}

static void __attribute__((constructor)) prer_reorder_register(void)
{
	cst_wake_register(time_is_up, wake);
}

static struct cst_module prer_reorder_module = {
	.name = "prer.reorder", .order = 30, .start = start, .tick = free_closed, .stop = stop};
CST_MODULE(prer_reorder_module);
