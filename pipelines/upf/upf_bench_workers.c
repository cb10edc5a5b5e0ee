/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Two workers against one, where no hash of outer headers can share the load: 100 k
 * users are behind one tunnel between two addresses, so that all their packets
 * come to worker 0, which has to hand those of worker 1's sessions on.
 *
 * The argument is the part of the sessions that worker 1 owns, in percent. Short
 * rounds with one worker, which owns all, and with both alternate; a packet counts when
 * it has been sent. A round in which a worker was not let run is left out. Worker 0 is this
 * thread, on one CPU; worker 1 has another one to itself. Reported:
 *
 *	one, two       millions of packets a second, the median round
 *	ratio          of the two, the median; least and most: the quartiles
 *	best           the fastest round of both to the fastest of one
 *	busy0, busy1   what part of the time of the rounds with both each had something to do
 *	line           cycles for a cache line to go to the other worker and back
 *	rounds         pairs of them that counted; of tried: that were made, in 10 s at most
 */
#include <stdlib.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_launch.h>
#include <rte_pause.h>
#include <rte_prefetch.h>
#include <rte_random.h>

#include "csum.h"
#include "engine/engine.h"
#include "engine/internal.h"
#include "upf_bench_rig.h"

#define SESSIONS  100000u
#define ROUND     20000u /* packets with one kind, and WARM before them */
#define WARM      5000u
#define MAX_PAIRS 4096u
#define PAIRS     50u
#define TRIES     20u
#define TOSSES    100u
#define CHECKED   64u
#define GIVE_UP_S 10
#define AWAY_US   200   /* a turn that takes this long was interrupted */
#define FRAMES    4095u /* an inbox takes them all */
#define OUTER     (14 + 44)

static struct rte_mempool *frames;
static uint8_t frame[128];             /* of session 0 */
static uint16_t user_csum;             /* of its user's IP header */
static struct upf_teid_slot *teids[2]; /* of worker 0 alone, of both */
static atomic_bool leave, wrong;
static _Atomic uint32_t ball __rte_cache_aligned;
static struct {
	uint64_t last;  /* end of the last turn */
	uint64_t worst; /* cycles from one end to the next */
} __rte_cache_aligned turns[2];
static float one[MAX_PAIRS], two[MAX_PAIRS], ratios[MAX_PAIRS];

/* --- devices --- */

/* A frame of some session, from that of session 0: TEID, user's address, its header's checksum. */
static inline void prepare(struct rte_mbuf *m)
{
	uint32_t s = 1 + (uint32_t)((rte_rand() >> 32) * SESSIONS >> 32);
	uint8_t *p = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
	uint8_t *ip = p + OUTER;

	memcpy(p, frame, sizeof(frame));
	cst_put_be32(p + 14 + 28 + 4, upf_bench_teid(s));
	cst_put_be32(ip + 12, 0x0a000000 + s);
	cst_put_be16(ip + 10, cst_csum_update32(user_csum, 0x0a000000, 0x0a000000 + s));
}

/* As many as there are: what has not been sent yet bounds what comes. A driver writes to buffers,
 * so they are this worker's when it returns; frames are where the device put them. */
static uint16_t receive(void *queue, struct rte_mbuf **to, uint16_t n)
{
	if (rte_mempool_get_bulk(frames, (void **)to, n) < 0)
		return 0;
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(to[i]);
	for (uint16_t i = 0; i < n; i++) {
		to[i]->data_off = RTE_PKTMBUF_HEADROOM;
		to[i]->data_len = UPF_BENCH_UL_LEN;
		to[i]->pkt_len = UPF_BENCH_UL_LEN;
	}
	return n;
}

static uint16_t nothing(void *queue, struct rte_mbuf **to, uint16_t n)
{
	return 0;
}

/* It left as it has to: the user's packet alone, one hop on. */
static bool is_right(const struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	uint8_t want[UPF_BENCH_UL_LEN];
	uint32_t len = upf_bench_expect_ul(want, cst_be32(p + 14 + 12) - 0x0a000000);

	return m->data_len == len && memcmp(p, want, len) == 0;
}

/* Of every CHECKED bursts of a worker one packet. */
static void look(const struct rte_mbuf *m)
{
	static __thread unsigned bursts;

	if (likely(m->pool != frames || ++bursts % CHECKED))
		return;
	if (!is_right(m))
		atomic_store_explicit(&wrong, true, memory_order_relaxed);
}

/* What was sent is received again as another frame, prepared by the worker that has it in its
 * cache. The rest is the slow path's talk. */
static uint16_t swallow(void *queue, struct rte_mbuf **from, uint16_t n)
{
	look(from[0]);
	for (uint16_t i = 0; i < n; i++) {
		if (likely(from[i]->pool == frames))
			prepare(from[i]);
		rte_mbuf_raw_free(from[i]);
	}
	return n;
}

/* --- workers --- */

/* One turn of a worker that polls without rest. */
static void turn(struct cst_worker *w)
{
	uint64_t start = turns[w->id].last, took;
	bool moved;

	w->now = start;
	moved = cst_graph_walk(w);
	if (!moved)
		rte_pause();
	turns[w->id].last = rte_rdtsc();
	took = turns[w->id].last - start;
	*(moved ? &w->stats.cycles_busy : &w->stats.cycles_idle) += took;
	if (took > __atomic_load_n(&turns[w->id].worst, __ATOMIC_RELAXED))
		__atomic_store_n(&turns[w->id].worst, took, __ATOMIC_RELAXED);
}

/* What it takes a cache line to go to the other worker and back, in cycles: depends on where the
 * two CPUs are, and bounds what the hand-off can save. Of TRIES, of which some are interrupted, the
 * best counts. One of the two workers starts. */
static double toss(bool starts)
{
	uint64_t least = UINT64_MAX;

	for (unsigned try = 0; try < TRIES; try++) {
		uint64_t from = rte_rdtsc();

		for (unsigned i = 0; i < TOSSES; i++) {
			while (atomic_load_explicit(&ball, memory_order_acquire) % 2 == starts)
				rte_pause();
			atomic_fetch_add_explicit(&ball, 1, memory_order_release);
		}
		least = RTE_MIN(least, rte_rdtsc() - from);
	}
	return (double)least / TOSSES;
}

static int walk_on(void *arg)
{
	toss(false);
	turns[1].last = rte_rdtsc();
	while (!atomic_load_explicit(&leave, memory_order_relaxed))
		turn(arg);
	return 0;
}

static uint64_t sent(void)
{
	return __atomic_load_n(&cst_worker_get(0)->stats.tx, __ATOMIC_RELAXED) +
	       __atomic_load_n(&cst_worker_get(1)->stats.tx, __ATOMIC_RELAXED);
}

/* The inboxes are empty and nothing comes. */
static void settle(void)
{
	struct cst_worker *w = cst_worker_get(0);
	uint64_t was;

	cst_bench_device(CST_BENCH_N3, nothing, swallow);
	do {
		was = sent();
		for (int i = 0; i < 100; i++)
			turn(w);
	} while (was != sent());
}

/* False: that took a second, for they do not come out or a worker is not let run. */
static bool forward(uint64_t n)
{
	uint64_t until = sent() + n, give_up = rte_rdtsc() + rte_get_tsc_hz();

	while (sent() < until && rte_rdtsc() < give_up)
		for (int i = 0; i < 8; i++)
			turn(cst_worker_get(0));
	return sent() >= until;
}

/* Packets per second, in millions, with this table; 0: not known. */
static double play(struct upf_teid_slot *owners)
{
	uint64_t first, from, away = AWAY_US * rte_get_tsc_hz() / 1000000;
	double rate;

	settle();
	upf_tables.teids = owners;
	cst_bench_device(CST_BENCH_N3, receive, swallow);
	if (!forward(WARM))
		return 0;
	for (uint16_t i = 0; i < 2; i++) {
		struct cst_worker *w = cst_worker_get(i);

		w->stats.cycles_busy = w->stats.cycles_idle = 0;
		__atomic_store_n(&turns[i].worst, 0, __ATOMIC_RELAXED);
	}
	first = sent();
	from = rte_rdtsc();
	if (!forward(ROUND))
		return 0;
	rate = (double)(sent() - first) * (double)rte_get_tsc_hz() / 1e6 /
	       (double)(rte_rdtsc() - from);
	for (uint16_t i = 0; i < 2; i++)
		if (__atomic_load_n(&turns[i].worst, __ATOMIC_RELAXED) > away)
			return 0;
	return rate;
}

/* --- figures --- */

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return x < y ? -1 : x > y;
}

/* Of values in order. */
static double quartile(const float *v, unsigned n, unsigned q)
{
	return (double)v[(n - 1) * q / 4];
}

static double busy(const struct cst_worker *w)
{
	return (double)w->stats.cycles_busy /
	       (double)(w->stats.cycles_busy + w->stats.cycles_idle + 1);
}

/* Of one argument. Google Benchmark comes again until enough time has been used: each time goes on
 * from here. */
static struct {
	int64_t arg;
	uint64_t deadline;
	unsigned pairs, tried;
	double busy[2];
} done;

static void begin(int64_t arg)
{
	if (done.deadline == 0 || done.arg != arg) {
		memset(&done, 0, sizeof(done));
		done.arg = arg;
		done.deadline = rte_rdtsc() + GIVE_UP_S * rte_get_tsc_hz();
	}
}

/* Until PAIRS more count, or there is no more time. */
static void play_pairs(void)
{
	unsigned until = RTE_MIN(done.pairs + PAIRS, MAX_PAIRS);

	while (done.pairs < until && rte_rdtsc() < done.deadline) {
		double alone = play(teids[0]);
		double both = alone > 0 ? play(teids[1]) : 0;

		done.tried++;
		if (both == 0)
			continue;
		one[done.pairs] = (float)alone;
		two[done.pairs] = (float)both;
		ratios[done.pairs++] = (float)(both / alone);
		done.busy[0] += busy(cst_worker_get(0));
		done.busy[1] += busy(cst_worker_get(1));
	}
}

static void report(struct cst_bench *b)
{
	unsigned n = done.pairs;

	qsort(ratios, n, sizeof(*ratios), by_value);
	qsort(one, n, sizeof(*one), by_value);
	qsort(two, n, sizeof(*two), by_value);
	cst_bench_counter(b, "one", quartile(one, n, 2));
	cst_bench_counter(b, "two", quartile(two, n, 2));
	cst_bench_counter(b, "ratio", quartile(ratios, n, 2));
	cst_bench_counter(b, "least", quartile(ratios, n, 1));
	cst_bench_counter(b, "most", quartile(ratios, n, 3));
	cst_bench_counter(b, "best", quartile(two, n, 4) / quartile(one, n, 4));
	cst_bench_counter(b, "rounds", n);
	cst_bench_counter(b, "tried", done.tried);
	cst_bench_counter(b, "busy0", done.busy[0] / n);
	cst_bench_counter(b, "busy1", done.busy[1] / n);
}

static void measure(struct cst_bench *b)
{
	begin(cst_bench_arg(b));
	while (cst_bench_run(b, PAIRS * 2 * (ROUND + WARM)))
		play_pairs();
	if (done.pairs > 0)
		report(b);
	else
		cst_bench_fail(b, "a worker is never let run: others want its CPU");
}

/* --- sessions --- */

/* All users' frames come from the one outer address that session 0's has. */
static bool make_frames(void)
{
	static struct rte_mbuf *all[FRAMES];

	if (frames)
		return true;
	upf_bench_put_ul(frame, 0);
	user_csum = cst_be16(frame + OUTER + 10);
	frames = rte_pktmbuf_pool_create("frames", FRAMES, 256, sizeof(struct cst_pkt), 512,
					 (int)rte_socket_id());
	if (!frames || rte_pktmbuf_alloc_bulk(frames, all, FRAMES) < 0)
		return false;
	for (unsigned i = 0; i < FRAMES; i++)
		prepare(all[i]);
	rte_mempool_put_bulk(frames, (void **)all, FRAMES);
	return true;
}

static bool make_owners(const struct upf_tables *own, unsigned percent)
{
	size_t size = sizeof(struct upf_teid_slot) << (32 - own->teid_tag_bits);

	for (unsigned i = 0; i < 2; i++)
		if (!teids[i] && !(teids[i] = upf_bench_memory(size)))
			return false;
	for (uint32_t s = 1; s <= SESSIONS; s++) {
		uint32_t line = UPF_REF_LINE(own->teids[s].ref);

		teids[0][s] = own->teids[s];
		teids[1][s] =
			upf_teid_slot(own, upf_bench_teid(s), UPF_REF(s % 100 < percent, line), s);
	}
	return true;
}

static bool share_a_cpu(void)
{
	rte_cpuset_t a = rte_lcore_cpuset(rte_lcore_id());
	rte_cpuset_t b = rte_lcore_cpuset(cst_worker_get(1)->lcore);

	return CPU_EQUAL(&a, &b);
}

static uint64_t dropped(void)
{
	uint64_t n = 0;

	for (unsigned w = 0; w < 2; w++)
		for (unsigned d = 0; d < CST_MAX_DROPS; d++)
			n += cst_worker_get((uint16_t)w)->stats.drops[d];
	return n;
}

static void workers(struct cst_bench *b)
{
	const struct upf_tables *own = upf_bench_tables(SESSIONS);
	static struct cst_err e; /* the report keeps the reason */
	struct upf_tables theirs;
	uint64_t drops;

	if (!own || !make_owners(own, (unsigned)cst_bench_arg(b)) || !upf_bench_engine(&e) ||
	    !make_frames() || !cst_bench_poll(CST_BENCH_N3, 1)) {
		cst_bench_fail(b, own && e.reason[0] ? e.reason : "no memory");
		return;
	}
	if (share_a_cpu()) {
		cst_bench_fail(b, "each worker wants a CPU: 0 and 1");
		return;
	}
	theirs = upf_tables;
	upf_tables = *own;
	cst_bench_device(CST_BENCH_N6, nothing, swallow);
	cst_bench_device(CST_BENCH_N3, nothing, swallow);
	drops = dropped();
	atomic_store(&leave, false);
	rte_eal_remote_launch(walk_on, cst_worker_get(1), cst_worker_get(1)->lcore);
	cst_bench_counter(b, "line", toss(true));
	measure(b);
	settle();
	atomic_store(&leave, true);
	rte_eal_wait_lcore(cst_worker_get(1)->lcore);
	if (atomic_load(&wrong))
		cst_bench_fail(b, "a packet came out otherwise than it should");
	if (dropped() != drops)
		cst_bench_fail(b, "packets were dropped");
	upf_tables = theirs;
}

CST_BENCH(workers, "path/workers2_vs_1", 50, 60, 70);
