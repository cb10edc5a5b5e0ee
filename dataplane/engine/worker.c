/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Workers: their loop, their inboxes, and how much they rest when there is
 * nothing to do.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_malloc.h>
#include <rte_pause.h>
#include <rte_rcu_qsbr.h>

#include "engine/alive.h"
#include "engine/engine.h"
#include "engine/internal.h"
#include "engine/rcu.h"
#include "engine/stats.h"
#include "log.h"
#include "trace/watch.h"

#define INBOX_SIZE 4096

/* Adaptive polling: without packets a worker polls on for SPIN_US, then with pauses until
 * NAP_US, then sleeps an eighth of the time it has been idle, at most NAP_MAX_US: the rest that
 * it takes stays in proportion to the traffic's own gaps. */
#define SPIN_US    20
#define NAP_US     100
#define NAP_MAX_US 200

/* From one look for the control thread's sign of life to the next, and without one for so long it
 * stands still. */
#define LOOK_US   10000
#define SILENT_US 1000000

static struct cst_worker *workers[CST_MAX_WORKERS];
static uint16_t n_workers;
static uint64_t owner_magic; /* ceil(2^64 / n_workers) */
static bool busy_poll;
static uint64_t tsc_per_us, big_loop_cycles;
static atomic_bool stopping;
static bool launched;

uint16_t cst_workers(void)
{
	return n_workers;
}

struct cst_worker *cst_worker_get(uint16_t id)
{
	return id < n_workers ? workers[id] : NULL;
}

/* index % n_workers by two multiplications (Lemire, Kaser, Kurz 2019): exact for 32-bit indices */
uint16_t cst_owner_of(uint32_t index)
{
	return (uint16_t)(((__uint128_t)(owner_magic * index) * n_workers) >> 64);
}

/* ---- hand-off ---------------------------------------------------------------- */

void cst_handoff(struct cst_worker *w, uint16_t owner, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned sent;

	for (uint16_t i = 0; i < n; i++)
		cst_pkt(pkts[i])->worker = (uint8_t)w->id;
	if (cst_watched(w))
		cst_watch_handoff(w, owner, pkts, n);
	sent = rte_ring_enqueue_burst(workers[owner]->inbox, (void **)pkts, n, NULL);
	w->stats.handed_off += sent;
	if (unlikely(sent < n))
		cst_drop_burst(w, cst_drop_handoff_full, pkts + sent, n - sent);
}

uint16_t cst_inject(uint16_t worker, struct rte_mbuf **pkts, uint16_t n)
{
	unsigned sent;

	for (uint16_t i = 0; i < n; i++)
		cst_pkt(pkts[i])->worker = CST_NO_WORKER;
	sent = rte_ring_enqueue_burst(workers[worker]->inbox, (void **)pkts, n, NULL);
	/* on a line of its own: the worker's counters have one writer */
	atomic_fetch_add_explicit(&workers[worker]->injected_by_others, sent, memory_order_relaxed);
	return (uint16_t)sent;
}

void cst_worker_stats(uint16_t id, struct cst_worker_stats *out)
{
	const struct cst_worker *w = workers[id];
	const uint64_t *from = (const uint64_t *)&w->stats;
	uint64_t *to = (uint64_t *)out;

	for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	out->injected += atomic_load_explicit(&w->injected_by_others, memory_order_relaxed);
}

/* ---- the loop ----------------------------------------------------------------- */

static void nap(struct cst_worker *w, uint64_t us)
{
	struct timespec ts = {.tv_nsec = (long)us * 1000};

	rte_rcu_qsbr_thread_offline(cst_rcu(), w->id); /* it holds nothing: let nobody wait */
	nanosleep(&ts, NULL);
	rte_rcu_qsbr_thread_online(cst_rcu(), w->id);
}

/* After a walk that found nothing, `idle` cycles into an idle spell. */
static void rest(struct cst_worker *w, uint64_t idle)
{
	if (busy_poll || idle < SPIN_US * tsc_per_us) {
		rte_pause();
	} else if (idle < NAP_US * tsc_per_us) {
		for (int i = 0; i < 32; i++)
			rte_pause();
	} else {
		uint64_t eighth = idle / 8;

		nap(w, eighth < NAP_MAX_US * tsc_per_us ? eighth / tsc_per_us : NAP_MAX_US);
	}
}

static void count_big_loop(struct cst_worker *w, uint64_t took)
{
	w->stats.big_loops++;
	if (took > w->stats.big_loop_worst)
		w->stats.big_loop_worst = took;
}

/* When to look again. One worker is enough. */
static uint64_t look(const struct cst_worker *w, uint64_t now)
{
	if (w->id != 0)
		return UINT64_MAX;
	cst_alive_look(now, SILENT_US * tsc_per_us);
	return now + LOOK_US * tsc_per_us;
}

static int worker_main(void *arg)
{
	struct rte_rcu_qsbr *rcu = cst_rcu();
	struct cst_worker *w = arg;
	uint64_t now, idle_since, look_at = 0;

	prctl(PR_SET_TIMERSLACK, 1UL); /* naps end when they should, not 50 us later */
	rte_rcu_qsbr_thread_register(rcu, w->id);
	rte_rcu_qsbr_thread_online(rcu, w->id);
	now = idle_since = rte_rdtsc();
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		uint64_t start = now;
		bool moved;

		w->now = start;
		moved = cst_graph_walk(w);
		rte_rcu_qsbr_quiescent(rcu, w->id);
		w->stats.walks++;
		now = rte_rdtsc();
		if (unlikely(now - start > big_loop_cycles))
			count_big_loop(w, now - start);
		if (unlikely(now >= look_at))
			look_at = look(w, now);
		if (moved) {
			w->stats.cycles_busy += now - start;
			idle_since = now;
		} else {
			rest(w, now - idle_since);
			now = rte_rdtsc();
			w->stats.cycles_idle += now - start;
		}
	}
	rte_rcu_qsbr_thread_offline(rcu, w->id);
	rte_rcu_qsbr_thread_unregister(rcu, w->id);
	return 0;
}

/* ---- up and down --------------------------------------------------------------- */

static int create_one(uint16_t id, uint16_t lcore, struct cst_err *e)
{
	int socket = (int)rte_lcore_to_socket_id(lcore);
	struct cst_worker *w;
	char name[32];

	w = rte_zmalloc_socket("worker", sizeof(*w), RTE_CACHE_LINE_SIZE, socket);
	if (w == NULL)
		return cst_err(e, -ENOMEM, NULL, "no packet memory for worker %u", id);
	workers[id] = w;
	w->id = id;
	w->lcore = lcore;
	snprintf(name, sizeof(name), "inbox%u", id);
	/* relaxed tail: senders on shared CPUs must not spin for one that is scheduled away */
	w->inbox = rte_ring_create(name, INBOX_SIZE, socket, RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
	if (w->inbox == NULL)
		return cst_err(e, -rte_errno, NULL, "worker %u's inbox: %s", id,
			       rte_strerror(rte_errno));
	return cst_graph_create(w, e);
}

int cst_workers_create(const struct cst_system *sys, struct cst_err *e)
{
	unsigned lcore;
	uint16_t id = 0;

	busy_poll = sys->busy;
	tsc_per_us = RTE_MAX(rte_get_tsc_hz() / 1000000, UINT64_C(1));
	big_loop_cycles = sys->big_loop_us > 0 ? sys->big_loop_us * tsc_per_us : UINT64_MAX;
	n_workers = sys->workers;
	owner_magic = UINT64_MAX / n_workers + 1;
	RTE_LCORE_FOREACH_WORKER (lcore) {
		int ret = id < n_workers ? create_one(id++, (uint16_t)lcore, e) : 0;

		if (ret < 0)
			return ret;
	}
	return 0;
}

int cst_workers_launch(struct cst_err *e)
{
	atomic_store(&stopping, false);
	for (uint16_t i = 0; i < n_workers; i++) {
		int ret = rte_eal_remote_launch(worker_main, workers[i], workers[i]->lcore);

		if (ret < 0)
			return cst_err(e, ret, NULL, "worker %u does not start: %s", i,
				       rte_strerror(-ret));
		launched = true;
	}
	return 0;
}

void cst_workers_join(void)
{
	if (!launched)
		return;
	atomic_store(&stopping, true);
	rte_eal_mp_wait_lcore();
	launched = false;
}

static void drain(struct rte_ring *inbox)
{
	struct rte_mbuf *pkts[64];
	unsigned n;

	while ((n = rte_ring_dequeue_burst(inbox, (void **)pkts, RTE_DIM(pkts), NULL)) > 0)
		rte_pktmbuf_free_bulk(pkts, n);
}

void cst_workers_destroy(void)
{
	for (uint16_t i = 0; i < n_workers; i++) {
		struct cst_worker *w = workers[i];

		workers[i] = NULL;
		if (w == NULL)
			continue;
		if (w->inbox != NULL)
			drain(w->inbox);
		rte_ring_free(w->inbox);
		cst_graph_destroy(w);
		rte_free(w);
	}
	n_workers = 0;
}
