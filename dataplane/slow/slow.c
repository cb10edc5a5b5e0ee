/* SPDX-License-Identifier: BSD-3-Clause */
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "engine/engine.h"
#include "engine/worker.h"
#include "hash.h"
#include "log.h"
#include "module.h"
#include "now.h"
#include "slow/internal.h"
#include "slow/ring.h"
#include "trace/watch.h"
#include "vlan.h"

#define RING_SIZE 2048
#define BURST     64
#define TICK_MS   100
/* Rest between rounds: workers cannot wake this thread without a system call, so it looks. */
#define REST_BUSY_NS 100000
#define REST_IDLE_NS 2000000
#define BUSY_MS      20 /* how long after the last packet the short rest is kept */
#define ANNOUNCE_MS  1000
#define ANNOUNCES    3

CST_DROP(no_inbox, "slow.worker_full",
	 "a worker had no room for a packet that waited for its neighbour; it is overloaded");
CST_DROP(no_kernel, "slow.kernel_full",
	 "the kernel's TAP did not take the packet, or is not there yet");

struct cst_slow_stats slow_stats;
uint64_t slow_now_ms;

static pthread_t thread;
static bool running;
static atomic_bool stopping;

static uint8_t edge_output, edge_frame, edge_error;
CST_ATTACH(to_output, "rx", "output", &edge_output);
CST_ATTACH(to_frame, "rx", "frame_out", &edge_frame);
CST_ATTACH(to_error, "rx", "icmp_error", &edge_error);

/* ---- packets in and out ------------------------------------------------------------ */

void slow_drop(struct rte_mbuf *m, const struct cst_drop *why)
{
	slow_stats.drops[why->id]++;
	cst_watch_slow_drop(m, why->id);
	rte_pktmbuf_free(m);
}

void slow_consume(struct rte_mbuf *m)
{
	slow_stats.consumed++;
	rte_pktmbuf_free(m);
}

void slow_release(struct rte_mbuf *m, enum slow_edge edge)
{
	struct cst_pkt *pkt = cst_pkt(m);
	uint16_t worker = pkt->worker < cst_workers() ? pkt->worker : 0;

	pkt->resume = edge == SLOW_TO_OUTPUT ? edge_output : edge_error;
	if (cst_inject(worker, &m, 1) == 1)
		slow_stats.consumed++;
	else
		slow_drop(m, &no_inbox);
}

struct rte_mbuf *slow_alloc(void)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(cst_packet_pool());

	if (m)
		memset(cst_pkt(m), 0, sizeof(struct cst_pkt));
	return m;
}

void slow_send_frame(struct rte_mbuf *m, const struct cst_snap_iface *ifc)
{
	struct cst_pkt *pkt = cst_pkt(m);

	pkt->port = ifc->port;
	pkt->flags = CST_PKT_LOCAL;
	pkt->resume = edge_frame;
	if (cst_inject(ifc->port % cst_workers(), &m, 1) != 1)
		rte_pktmbuf_free(m); /* made here and never counted */
}

void slow_send(struct rte_mbuf *m, const struct cst_snap_iface *ifc, const uint8_t dst_mac[6],
	       uint16_t ethertype)
{
	char *p = rte_pktmbuf_prepend(m, ifc->vlan ? 18 : 14);

	if (!p) {
		rte_pktmbuf_free(m);
		return;
	}
	cst_l2_put((uint8_t *)p, dst_mac, ifc->mac, ethertype, ifc->vlan);
	slow_send_frame(m, ifc);
}

static void punt(const struct cst_snap *s, struct rte_mbuf *m)
{
	uint8_t version = *rte_pktmbuf_mtod(m, uint8_t *) >> 4;

	if (tap_give(s, m, version == 4 ? CST_ETH_IPV4 : CST_ETH_IPV6))
		slow_consume(m);
	else
		slow_drop(m, &no_kernel);
}

static void handle(const struct cst_snap *s, struct rte_mbuf *m)
{
	switch (cst_pkt(m)->slow) {
	case CST_SLOW_ARP:
		arp_input(s, m);
		break;
	case CST_SLOW_ND:
		nd_input(s, m);
		break;
	case CST_SLOW_RESOLVE:
	case CST_SLOW_HOLD:
		neigh_resolve(s, m);
		break;
	default:
		punt(s, m);
	}
}

/* ---- interfaces that come or change -------------------------------------------------- */

/* Tell the link who owns our addresses, thrice, as the first may be lost while a switch learns. */
static struct {
	uint64_t addrs; /* hash of what was announced */
	uint64_t next_ms;
	uint8_t left;
} announced[CST_MAX_IFACES];

static void announce(const struct cst_snap_iface *ifc)
{
	for (unsigned i = 0; i < ifc->n_addrs; i++) {
		if (ifc->addrs[i].ip.family == 4)
			arp_announce(ifc, &ifc->addrs[i].ip);
		else
			nd_announce(ifc, ifc->addrs[i].ip.b);
	}
}

static void announce_sync(const struct cst_snap *s)
{
	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		const struct cst_snap_iface *ifc = &s->ifaces[i];
		uint64_t now =
			ifc->vrf ? cst_hash_bytes(ifc->addrs, ifc->n_addrs * sizeof(ifc->addrs[0]),
						  ifc->epoch)
				 : 0;

		if (announced[i].addrs == now)
			continue;
		announced[i].addrs = now;
		announced[i].left = now && !cst_mac_is_zero(ifc->mac) ? ANNOUNCES : 0;
		announced[i].next_ms = slow_now_ms;
	}
}

static void announce_tick(const struct cst_snap *s)
{
	for (uint16_t i = 1; i < CST_MAX_IFACES; i++) {
		if (!announced[i].left || slow_now_ms < announced[i].next_ms)
			continue;
		announced[i].left--;
		announced[i].next_ms = slow_now_ms + ANNOUNCE_MS;
		announce(&s->ifaces[i]);
	}
}

/* ---- the loop ------------------------------------------------------------------------- */

static bool drain(const struct cst_snap *s, struct rte_ring *ring)
{
	struct rte_mbuf *m[BURST];
	unsigned n = rte_ring_sc_dequeue_burst(ring, (void **)m, BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		handle(s, m[i]);
	return n > 0;
}

/* One round; true when there was something to do. */
static bool work(void)
{
	static uint64_t seen, next_tick;
	const struct cst_snap *s;
	bool busy = false;

	cst_net_lock();
	s = cst_snap();
	slow_now_ms = cst_now_ms();
	if (s->generation != seen) {
		seen = s->generation;
		tap_sync(s);
		neigh_sync(s);
		announce_sync(s);
	}
	busy |= drain(s, slow_rings[SLOW_NEIGHBOUR]);
	busy |= drain(s, slow_rings[SLOW_KERNEL]);
	busy |= tap_read(s);
	if (slow_now_ms >= next_tick) {
		next_tick = slow_now_ms + TICK_MS;
		neigh_tick(s);
		announce_tick(s);
	}
	cst_net_unlock();
	return busy;
}

static void rest(bool short_rest)
{
	struct timespec ts = {.tv_nsec = short_rest ? REST_BUSY_NS : REST_IDLE_NS};
	unsigned n;
	struct pollfd *fds = tap_fds(&n);

	ppoll(fds, n, &ts, NULL);
	slow_stats.wakeups++;
}

static void *slow_main(void *arg)
{
	uint64_t busy_until = 0;

	RTE_PER_LCORE(_lcore_id) = cst_spare_lcore();
	prctl(PR_SET_TIMERSLACK, 1UL);
	while (!atomic_load_explicit(&stopping, memory_order_relaxed)) {
		if (work())
			busy_until = slow_now_ms + BUSY_MS;
		else
			rest(slow_now_ms < busy_until);
	}
	return NULL;
}

/* ---- figures ---------------------------------------------------------------------------- */

void cst_slow_stats(struct cst_slow_stats *out)
{
	const uint64_t *from = (const uint64_t *)&slow_stats;
	uint64_t *to = (uint64_t *)out;

	for (size_t i = 0; i < sizeof(*out) / sizeof(*to); i++)
		to[i] = __atomic_load_n(&from[i], __ATOMIC_RELAXED);
	out->held = hold_count();
	for (unsigned i = 0; i < SLOW_RINGS; i++)
		out->held += slow_rings[i] ? rte_ring_count(slow_rings[i]) : 0;
}

int cst_slow_each_neigh(cst_neigh_iter fn, void *arg)
{
	struct cst_nexthop *copy;
	uint32_t high, n = 0;
	int rc = 0;

	if (!cst_nexthops)
		return 0;
	cst_net_lock();
	high = cst_nexthop_high();
	copy = aligned_alloc(64, (size_t)high * sizeof(*copy));
	for (uint32_t id = 1; copy && id < high; id++)
		if (cst_nexthop_state(cst_nexthop_word(&cst_nexthops[id])) != CST_NH_FREE)
			memcpy(&copy[n++], &cst_nexthops[id], sizeof(*copy));
	cst_net_unlock();
	for (uint32_t i = 0; i < n && !rc; i++)
		rc = fn(&copy[i], arg);
	free(copy);
	return rc;
}

/* ---- module ------------------------------------------------------------------------------- */

static int slow_start(const struct cst_system *sys, struct cst_err *e)
{
	static const char *const names[SLOW_RINGS] = {"slow_neighbour", "slow_kernel"};
	int rc;

	for (unsigned i = 0; i < SLOW_RINGS; i++) {
		slow_rings[i] = rte_ring_create(names[i], RING_SIZE, SOCKET_ID_ANY,
						RING_F_MP_RTS_ENQ | RING_F_SC_DEQ);
		if (!slow_rings[i])
			return cst_err(e, -rte_errno, NULL, "slow path: %s",
				       rte_strerror(rte_errno));
	}
	if (neigh_init())
		return cst_err(e, -ENOMEM, NULL, "slow path: out of memory");
	slow_now_ms = cst_now_ms();
	atomic_store(&stopping, false);
	rc = rte_ctrl_thread_create(&thread, "coast-slow", NULL, slow_main, NULL);
	if (rc)
		return cst_err(e, rc < 0 ? rc : -rc, NULL, "slow path: no thread: %s",
			       strerror(rc < 0 ? -rc : rc));
	running = true;
	return 0;
}

static void slow_stop(void)
{
	struct rte_mbuf *m;

	if (running) {
		atomic_store(&stopping, true);
		pthread_join(thread, NULL);
		running = false;
	}
	neigh_fini();
	tap_fini();
	for (unsigned i = 0; i < SLOW_RINGS; i++) {
		while (slow_rings[i] && rte_ring_dequeue(slow_rings[i], (void **)&m) == 0)
			rte_pktmbuf_free(m);
		rte_ring_free(slow_rings[i]);
		slow_rings[i] = NULL;
	}
	memset(announced, 0, sizeof(announced));
}

static struct cst_module slow_module = {
	.name = "slow",
	.order = 25,
	.start = slow_start,
	.stop = slow_stop,
};
CST_MODULE(slow_module);
