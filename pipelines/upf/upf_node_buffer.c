/* SPDX-License-Identifier: BSD-3-Clause */
/* Packets that wait: through upf_dl, upf_ul and upf_buffer as a worker's walk takes them. */
#include "upf_node_rig.h"

#include <string.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "../../tests/vectors/upf_vectors.h"
#include "be.h"
#include "upf_buffer.h"

enum { S = 14, N9 = 4, QUEUE = 5, N9_QUEUE = 6, BUFFER = 2 };

/* ---- a walk ------------------------------------------------------------------------ */

#define MAX_OUT 4096
static struct rte_mbuf *out[MAX_OUT];
static unsigned n_out, n_icmp;

static struct {
	struct rte_mbuf *m;
	int node;
} todo[MAX_OUT * 2];
static unsigned head, tail;

static void push(int node, struct rte_mbuf *m)
{
	assert_true(tail < MAX_OUT * 2);
	todo[tail].m = m;
	todo[tail++].node = node;
}

/* What the engine does with the edge of a packet. */
static void follow(int node, uint8_t edge, struct rte_mbuf *m)
{
	if (edge == CST_EDGE_TAKEN)
		return;
	if (edge == CST_EDGE_DROP) {
		worker.stats.drops[cst_pkt(m)->drop]++;
		rte_pktmbuf_free(m);
	} else if (node == BUFFER && edge < 2) {
		push(edge == UPF_FROM_DL ? DL : UL, m);
	} else if (node != BUFFER && edge == 2) {
		push(BUFFER, m);
	} else if (node != BUFFER && edge == 1) {
		n_icmp++;
		rte_pktmbuf_free(m);
	} else {
		assert_true(n_out < MAX_OUT);
		out[n_out++] = m;
	}
}

static uint16_t call(int node, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	if (node == BUFFER)
		return upf_buffer_process(&worker, pkts, n, edge);
	return process[node](&worker, pkts, n, edge);
}

/* All that is to do, in bursts; a burst's own packets leave behind those that it emits. */
static void walk(void)
{
	worker.now += 1000;
	for (uint16_t n; head < tail; head += n) {
		struct rte_mbuf *pkts[32];
		uint8_t edge[32] = {0};
		int node = todo[head].node;

		for (n = 0; n < 32 && head + n < tail && todo[head + n].node == node; n++)
			pkts[n] = todo[head + n].m;
		n_caught = 0;
		call(node, pkts, n, edge);
		for (unsigned i = 0; i < n_caught; i++)
			follow(node, caught[i].edge, caught[i].m);
		n_caught = 0;
		for (uint16_t i = 0; i < n; i++)
			follow(node, edge[i], pkts[i]);
	}
	head = tail = 0;
}

/* Numbered downlink packets to user `s`. */
static void dl(uint32_t s, unsigned first, unsigned last)
{
	for (unsigned i = first; i <= last; i++) {
		struct rte_mbuf *m = packet(IN(in_dl4), VRF_CORE);
		uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *);

		ip[19] = (uint8_t)(s + 1);
		cst_put_be16(ip + sizeof(in_dl4) - 2, (uint16_t)i);
		push(DL, m);
	}
}

static void say(enum upf_parcel_kind kind, uint32_t queue)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	*cst_pkt(m) = (struct cst_pkt){0};
	*upf_parcel(m) = (struct upf_parcel){.kind = (uint8_t)kind, .run = queue};
	push(BUFFER, m);
}

static void news(uint32_t queue)
{
	say(UPF_PARCEL_NEWS, queue);
}

static uint64_t dropped(enum upf_drop why)
{
	return worker.stats.drops[upf_drops[why].id];
}

/* What came out are packets FIRST to LAST in order. */
static void assert_out(unsigned first, unsigned last)
{
	assert_int_equal(n_out, last - first + 1);
	for (unsigned i = 0; i < n_out; i++) {
		assert_int_equal(
			cst_be16(rte_pktmbuf_mtod_offset(out[i], uint8_t *, out[i]->pkt_len - 2)),
			first + i);
		rte_pktmbuf_free(out[i]);
	}
	n_out = 0;
}

/* ---- a session ------------------------------------------------------------------------ */

static struct upf_rules *rules(uint32_t s)
{
	return (struct upf_rules *)((char *)upf_tables.lines + (size_t)s * 16 * 64);
}

static struct upf_pdr *dl_pdr(uint32_t s, unsigned i)
{
	return (struct upf_pdr *)(rules(s) + rules(s)->dl + i);
}

static struct upf_policy *policy(uint32_t s)
{
	return (struct upf_policy *)(rules(s) + 10);
}

static void act(uint32_t s, unsigned pdr, uint8_t action)
{
	dl_pdr(s, pdr)->action = action;
	rules(s)->generation++;
}

/* A queue for the session's downlink PDRs. */
static void give_queue(uint32_t s, uint32_t queue)
{
	*policy(s) = (struct upf_policy){.queue = queue, .flags = UPF_POLICY_NOTIFY};
	for (unsigned i = 0; i < rules(s)->n_dl; i++) {
		dl_pdr(s, i)->flags |= UPF_PDR_POLICY;
		dl_pdr(s, i)->policy = 10;
		dl_pdr(s, i)->id = (uint16_t)(i + 2);
	}
	rules(s)->buffer_packets = UPF_BUFFER_PACKETS;
	rules(s)->generation = 1;
	upf_queues[queue].ref = UPF_REF(0, s * 16);
}

static struct upf_queue *begin(void)
{
	static struct rte_ring *inbox;
	struct upf_queue *q;

	if (!inbox) {
		inbox = rte_ring_create("inbox", 64, SOCKET_ID_ANY, 0);
		assert_non_null(inbox);
		assert_int_equal(upf_queues_open(16, NULL), 0);
	}
	worker.inbox = inbox;
	memset(upf_queues, 0, 17 * sizeof(*upf_queues));
	memset(worker.stats.drops, 0, sizeof(worker.stats.drops));
	assert_int_equal(upf_buffer_start(1, 3000, pool, NULL), 0);
	give_queue(S, QUEUE);
	q = &upf_queues[QUEUE];
	act(S, 0, UPF_BUFF);
	n_notices = 0;
	n_icmp = 0;
	worker.stats.held = 0;
	return q;
}

static void done(void)
{
	for (int i = 0; i < UPF_DROPS; i++)
		reached[i] |= dropped((enum upf_drop)i) > 0;
	assert_int_equal(worker.stats.held, 0);
	assert_int_equal(upf_queues[QUEUE].packets, 0);
	assert_int_equal(upf_queues[QUEUE].bytes, 0);
	assert_null(upf_queues[QUEUE].first);
	act(S, 0, UPF_FORW);
	upf_buffer_stop();
	assert_int_equal(rte_mempool_in_use_count(pool), 0);
}

/* ---- the tests -------------------------------------------------------------------------- */

void waits_and_goes(void **state)
{
	struct upf_queue *q = begin();
	uint64_t counted = upf_tables.counts[COUNT(S, 1)].packets;

	dl(S, 1, 5);
	walk();
	assert_out(1, 0);
	assert_int_equal(q->packets, 5);
	assert_int_equal(q->bytes, 5 * sizeof(in_dl4));
	assert_int_equal(worker.stats.held, 5);
	assert_int_equal(upf_tables.counts[COUNT(S, 1)].packets, counted);
	/* the next packet finds other rules and goes behind them */
	act(S, 0, UPF_FORW);
	dl(S, 6, 7);
	walk();
	assert_out(1, 7);
	assert_int_equal(upf_tables.counts[COUNT(S, 1)].packets, counted + 7);
	done();
}

void news_is_enough(void **state)
{
	begin();
	dl(S, 1, 40);
	walk();
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 40);
	done();
}

/* Rules that change for others leave what waits where it is. */
void news_of_others(void **state)
{
	struct upf_queue *q = begin();

	dl(S, 1, 3);
	walk();
	rules(S)->generation++;
	news(QUEUE);
	dl(S, 4, 4);
	walk();
	assert_int_equal(q->packets, 4);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 4);
	done();
}

void oldest_makes_room(void **state)
{
	struct upf_queue *q = begin();

	rules(S)->buffer_packets = 3;
	dl(S, 1, 10);
	walk();
	assert_int_equal(q->packets, 3);
	assert_int_equal(dropped(UPF_DROP_BUFFER_OLDEST), 7);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(8, 10);
	/* none at all may wait */
	rules(S)->buffer_packets = 0;
	act(S, 0, UPF_BUFF);
	dl(S, 1, 2);
	walk();
	assert_int_equal(dropped(UPF_DROP_BUFFER_OLDEST), 9);
	done();
}

void buffers_full(void **state)
{
	begin();
	upf_buffer_stop();
	assert_int_equal(upf_buffer_start(1, 4, pool, NULL), 0);
	dl(S, 1, 6);
	walk();
	assert_int_equal(dropped(UPF_DROP_BUFFER_FULL), 2);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 4);
	done();
}

void discarded(void **state)
{
	struct upf_queue *q = begin();

	dl(S, 1, 3);
	walk();
	/* on demand; what comes after stays */
	q->discard++;
	dl(S, 4, 5);
	walk();
	assert_int_equal(dropped(UPF_DROP_BUFFER_DISCARDED), 3);
	assert_int_equal(q->packets, 2);
	/* by the rule */
	act(S, 0, UPF_DROP);
	news(QUEUE);
	walk();
	assert_int_equal(dropped(UPF_DROP_BUFFER_DISCARDED), 5);
	/* with the session */
	act(S, 0, UPF_BUFF);
	dl(S, 6, 9);
	walk();
	q->ref = 0;
	news(QUEUE);
	walk();
	assert_int_equal(dropped(UPF_DROP_BUFFER_DISCARDED), 9);
	assert_out(1, 0);
	done();
}

/* More than a walk takes: the rest in the next ones, and what comes meanwhile behind it. */
void many(void **state)
{
	struct upf_queue *q = begin();
	struct rte_mbuf *m = NULL;

	rules(S)->buffer_packets = 3000;
	dl(S, 1, 2500);
	walk();
	assert_int_equal(q->packets, 2500);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_int_equal(n_out, 1024);
	assert_true(upf_buffer_unfinished(0));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(rte_ring_dequeue(worker.inbox, (void **)&m), 0);
		if (i == 0)
			dl(S, 2501, 2503);
		push(BUFFER, m);
		walk();
	}
	assert_false(upf_buffer_unfinished(0));
	assert_int_equal(rte_ring_count(worker.inbox), 0);
	assert_out(1, 2503);
	done();
}

/* ---- quotas ------------------------------------------------------------------------------ */

/* URR 1 of a session whose FAR for quota action lets packets wait; room for `n` of them. */
static void begin_quota(unsigned n)
{
	struct upf_pdr *by = (struct upf_pdr *)(rules(S) + 11);

	act(S, 0, UPF_FORW);
	*by = *dl_pdr(S, 0);
	by->action = UPF_BUFF;
	policy(S)->flags = 0;
	policy(S)->n_urrs = 1;
	policy(S)->item[0] = 1;
	policy(S)->spent = 11;
	policy(S)->spent_by = 1;
	open_usage();
	limits[1].quota[2] = n * sizeof(in_dl4);
}

static void grant(unsigned n)
{
	limits[1].quota[2] += n * sizeof(in_dl4);
	usages[1].kick = ++limits[1].arm;
}

/* Walks until the worker has nothing to remind itself of. */
static void walk_on(void)
{
	struct rte_mbuf *m = NULL;

	walk();
	for (int i = 0; rte_ring_dequeue(worker.inbox, (void **)&m) == 0; i++) {
		assert_true(i < 10);
		push(BUFFER, m);
		walk();
	}
	assert_false(upf_buffer_unfinished(0));
}

void waits_for_quota(void **state)
{
	struct upf_queue *q = begin();

	begin_quota(3);
	dl(S, 1, 6);
	walk_on();
	assert_out(1, 3);
	assert_int_equal(q->packets, 3);
	/* as many leave as were granted */
	grant(2);
	news(QUEUE);
	walk_on();
	assert_out(4, 5);
	assert_int_equal(q->packets, 1);
	/* a newer packet sees the grant before its news comes */
	grant(2);
	dl(S, 7, 8);
	walk_on();
	assert_out(6, 7);
	assert_int_equal(q->packets, 1);
	grant(1);
	news(QUEUE);
	walk_on();
	assert_out(8, 8);
	done();
}

/* Granted while a walk asks, after some were told to wait: none leaves before those. */
void granted_in_a_walk(void **state)
{
	struct upf_queue *q = begin();

	begin_quota(0);
	dl(S, 1, 3);
	walk_on();
	news(QUEUE);
	walk();
	grant(5);
	worker.now -= 1000; /* in the walk that asked */
	dl(S, 4, 4);
	news(QUEUE);
	walk();
	assert_int_equal(n_out, 0);
	assert_int_equal(q->packets, 4);
	walk_on();
	assert_out(1, 4);
	done();
}

/* More than a walk takes, and less granted: what does not leave keeps its place. */
void many_wait_for_quota(void **state)
{
	struct upf_queue *q = begin();

	begin_quota(0);
	rules(S)->buffer_packets = 3000;
	dl(S, 1, 2500);
	walk_on();
	assert_int_equal(q->packets, 2500);
	grant(5);
	news(QUEUE);
	walk_on();
	assert_out(1, 5);
	grant(3000);
	news(QUEUE);
	walk_on();
	assert_out(6, 2500);
	done();
}

/* One PDR waits, another forwards: its packets do not wait, nor make the others go. */
void two_fars(void **state)
{
	struct upf_queue *q = begin();
	struct upf_pdr both[2] = {*dl_pdr(S, 0), *dl_pdr(S, 0)};

	both[0].need |= UPF_NEED_V6;
	both[0].action = UPF_FORW;
	both[1].id = 3;
	rules(S)->n_dl = 2;
	memcpy(dl_pdr(S, 0), both, sizeof(both));
	dl(S, 1, 2);
	walk();
	assert_int_equal(q->packets, 2);
	for (int i = 0; i < 2; i++) {
		struct rte_mbuf *m = packet(IN(in_dl6), VRF_CORE);

		rte_pktmbuf_mtod(m, uint8_t *)[31] = S + 1;
		push(DL, m);
		rules(S)->generation++;
		walk();
		assert_int_equal(n_out, 1);
		rte_pktmbuf_free(out[--n_out]);
		assert_int_equal(q->packets, 2);
	}
	act(S, 1, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 2);
	rules(S)->n_dl = 1;
	*dl_pdr(S, 0) = both[1];
	dl_pdr(S, 0)->id = 2;
	done();
}

/* A packet that was on its way to upf_dl when the others left does not overtake them. */
void none_overtakes(void **state)
{
	begin();
	dl(S, 1, 3);
	walk();
	act(S, 0, UPF_FORW);
	news(QUEUE); /* upf_buffer emits to upf_dl, behind... */
	dl(S, 4, 4); /* ...what another node has put there */
	/* the order that rte_graph would take: upf_dl's stream holds 4 before upf_buffer runs */
	walk();
	assert_out(1, 4);
	done();
}

/* The only packet finds the ring full; the control thread, which sees that, asks. */
void notified_of_the_lost(void **state)
{
	begin();
	no_notices = true;
	dl(S, 1, 1);
	walk();
	no_notices = false;
	assert_int_equal(n_notices, 0);
	say(UPF_PARCEL_LOST, QUEUE);
	walk();
	assert_int_equal(n_notices, 1);
	say(UPF_PARCEL_LOST, QUEUE);
	walk();
	assert_int_equal(n_notices, 1);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 1);
	done();
}

void notified(void **state)
{
	struct upf_queue *q = begin();

	dl(S, 1, 3);
	walk();
	assert_int_equal(n_notices, 1);
	/* unheard it is said again, a second later; heard it is not */
	worker.now += 2 * rte_get_tsc_hz();
	dl(S, 4, 5);
	walk();
	assert_int_equal(n_notices, 2);
	q->heard = 1ull << dl_pdr(S, 0)->out_qfi;
	worker.now += 2 * rte_get_tsc_hz();
	dl(S, 6, 6);
	walk();
	assert_int_equal(n_notices, 2);
	/* a QoS flow of its own, and a new episode */
	dl_pdr(S, 0)->out_qfi = 5;
	dl(S, 7, 7);
	walk();
	assert_int_equal(n_notices, 3);
	q->arm++;
	q->heard = 0;
	dl(S, 8, 9);
	walk();
	assert_int_equal(n_notices, 4);
	{
		struct upf_buffer_notice n;

		memcpy(&n, last_notice, sizeof(n));
		assert_int_equal(n.queue, QUEUE);
		assert_int_equal(n.arm, 1);
		assert_int_equal(n.first.pdr, 2);
		assert_int_equal(n.first.qfi, 5);
	}
	policy(S)->flags = 0;
	q->arm++;
	dl(S, 10, 10);
	walk();
	assert_int_equal(n_notices, 4);
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 10);
	dl_pdr(S, 0)->out_qfi = 9;
	done();
}

/* Downlink that comes by a tunnel waits in it, and an End Marker behind it. */
void waits_in_tunnel(void **state)
{
	struct upf_queue *q;
	struct rte_mbuf *m;

	begin();
	give_queue(N9, N9_QUEUE);
	q = &upf_queues[N9_QUEUE];
	act(N9, 0, UPF_BUFF);
	for (int i = 0; i < 3; i++) {
		push(UL, packet(IN(in_n9_down), VRF_ACCESS));
		walk();
	}
	assert_int_equal(q->packets, 3);
	assert_int_equal(q->bytes, 3 * 44);
	act(N9, 0, UPF_FORW);
	m = packet(IN(in_marker_n9), VRF_ACCESS);
	cst_put_be32(rte_pktmbuf_mtod_offset(m, uint8_t *, 32), TEID(11));
	upf_worker[0] = (struct upf_worker){.ip_id = 1};
	push(UL, m);
	walk();
	assert_int_equal(n_out, 4);
	for (int i = 0; i < 3; i++) {
		/* the source port follows the flow */
		memcpy(rte_pktmbuf_mtod_offset(out[i], uint8_t *, 20), out_n9_down + 20, 2);
		memcpy(rte_pktmbuf_mtod_offset(out[i], uint8_t *, 4), out_n9_down + 4, 2);
		memcpy(rte_pktmbuf_mtod_offset(out[i], uint8_t *, 10), out_n9_down + 10, 2);
		assert_bytes(out[i], IN(out_n9_down));
		assert_marks(out[i], VRF_ACCESS, true);
		rte_pktmbuf_free(out[i]);
	}
	assert_int_equal(rte_pktmbuf_mtod(out[3], uint8_t *)[29], 0xfe);
	rte_pktmbuf_free(out[3]);
	n_out = 0;
	dl_pdr(N9, 0)->flags &= (uint8_t)~UPF_PDR_POLICY;
	done();
}

/* What waits is its user's: an address or a tunnel that is another session's by the time when it
 * may go does not lead it there. */
void not_to_others(void **state)
{
	uint32_t *slot = &upf_tables.pool_slots[S + 1], own = *slot;
	struct upf_teid_slot tunnel = upf_tables.teids[11];
	uint64_t counted = upf_tables.counts[COUNT(1, 1)].packets;

	begin();
	dl(S, 1, 3);
	walk();
	*slot = upf_tables.pool_slots[1 + 1];
	act(S, 0, UPF_FORW);
	news(QUEUE);
	walk();
	assert_out(1, 0);
	assert_int_equal(dropped(UPF_DROP_BUFFER_DISCARDED), 3);
	assert_int_equal(upf_tables.counts[COUNT(1, 1)].packets, counted);
	*slot = own;

	give_queue(N9, N9_QUEUE);
	act(N9, 0, UPF_BUFF);
	push(UL, packet(IN(in_n9_down), VRF_ACCESS));
	walk();
	upf_tables.teids[11].ref = UPF_REF(5, S * 16); /* of another worker, too */
	act(N9, 0, UPF_FORW);
	news(N9_QUEUE);
	walk();
	assert_out(1, 0);
	assert_int_equal(dropped(UPF_DROP_BUFFER_DISCARDED), 4);
	upf_tables.teids[11] = tunnel;
	dl_pdr(N9, 0)->flags &= (uint8_t)~UPF_PDR_POLICY;
	done();
}

/* A PDR whose time is over takes no packets, and none wait for it any longer. */
void not_for_what_is_over(void **state)
{
	begin();
	dl(S, 1, 3);
	walk();
	dl_pdr(S, 0)->flags |= UPF_PDR_NEVER;
	rules(S)->generation++;
	news(QUEUE);
	walk();
	assert_out(1, 0);
	assert_int_equal(dropped(UPF_DROP_NO_PDR), 3);
	dl_pdr(S, 0)->flags &= (uint8_t)~UPF_PDR_NEVER;
	done();
}

/* A signal of the control thread's goes out with an identification and checksum of its own. */
void signals(void **state)
{
	struct rte_mbuf *m;
	uint16_t sum;

	begin();
	m = packet(IN(in_echo), VRF_ACCESS);
	*upf_parcel(m) = (struct upf_parcel){.kind = UPF_PARCEL_SIGNAL};
	upf_worker[0] = (struct upf_worker){.ip_id = 0x1233, .ip_id_step = 1};
	push(BUFFER, m);
	walk();
	assert_int_equal(n_out, 1);
	assert_int_equal(cst_be16(rte_pktmbuf_mtod_offset(out[0], uint8_t *, 4)), 0x1234);
	sum = (uint16_t)cst_csum_fold(cst_csum_add(0, rte_pktmbuf_mtod(out[0], uint8_t *), 20));
	assert_int_equal(sum, 0);
	rte_pktmbuf_free(out[--n_out]);
	done();
}
