/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop: take what came on both ports, judge it, send what is due on both.
 *
 * What is due follows the clock; what a port does not take then is refused, a
 * loss like any other. Without a rate both directions follow each other at a
 * short distance and what a port does not take waits.
 */
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "tgen.h"

#define WIRE_OVERHEAD 24  /* FCS, preamble, gap between frames */
#define LEAD          512 /* packets by which one direction may be ahead of its share */
#define CATCH_UP_US   200 /* of traffic that is sent late; what is due longer is missed */
#define DRAIN_US      200000
#define ARP_SECONDS   5

static const uint16_t imix_size[3] = {64, 576, FRAME_SIZE_MAX};
static const uint8_t imix[12] = {0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 1, 0};

/* A burst that waits for room in the port. */
struct pending {
	struct rte_mbuf *pkts[BURST_MAX];
	uint16_t at, n;
};

struct run {
	struct tgen *t;
	struct trial *r;
	struct pending pending[DIRECTIONS];
	double share[DIRECTIONS];
	uint64_t made[DIRECTIONS]; /* of what was due: sent, waiting, refused or missed */
	uint64_t start, end;
	uint64_t packets; /* how many are sent, however late; 0: until `end` */
	bool sending;
};

int traffic_init(struct tgen *t)
{
	for (unsigned dir = 0; dir < DIRECTIONS; dir++) {
		t->next_seq[dir] = calloc(t->net->sessions, sizeof(uint32_t));
		t->want_seq[dir] = calloc(t->net->sessions, sizeof(uint32_t));
		if (t->next_seq[dir] == NULL || t->want_seq[dir] == NULL) {
			fprintf(stderr, "coast-tgen: no memory for %u sessions\n",
				t->net->sessions);
			return -1;
		}
	}
	t->random = 88172645463325252ull;
	return 0;
}

void traffic_fini(struct tgen *t)
{
	for (unsigned dir = 0; dir < DIRECTIONS; dir++) {
		free(t->next_seq[dir]);
		free(t->want_seq[dir]);
	}
}

static void make_frames(struct tgen *t)
{
	for (unsigned dir = 0; dir < DIRECTIONS; dir++)
		for (unsigned i = 0; i < 3; i++)
			frame_make(&t->frame[dir][i], t->net, dir,
				   t->o->size == IMIX ? imix_size[i] : t->o->size);
}

/* ---- what comes in ------------------------------------------------------------------ */

static void answer(struct tgen *t, struct port *port, struct rte_mbuf *m, bool *learnt)
{
	if (!frame_arp_input(port->side, rte_pktmbuf_mtod(m, uint8_t *), m->data_len, learnt)) {
		rte_pktmbuf_free(m);
		return;
	}
	m->data_len = FRAME_ARP_LEN;
	m->pkt_len = FRAME_ARP_LEN;
	if (rte_eth_tx_burst(port->id, 0, &m, 1) == 0)
		rte_pktmbuf_free(m);
}

static void count(struct run *run, const struct stamp *s, uint64_t now, uint32_t len)
{
	uint32_t *want = &run->t->want_seq[s->dir][s->session];
	struct trial *r = run->r;

	if (run->sending) {
		r->in_time++;
		r->bits += (len + WIRE_OVERHEAD) * 8;
	}
	if (s->trial != run->t->trial_number)
		return;
	r->received[s->dir]++;
	hist_add(&r->delay, now > s->tsc ? now - s->tsc : 0);
	/* one that lacks is no matter here: it is lost, or comes later and is counted then */
	if ((int32_t)(s->seq - *want) < 0)
		r->misordered++;
	else
		*want = s->seq + 1;
}

static uint16_t receive(struct run *run, unsigned side)
{
	struct port *port = &run->t->port[side];
	struct rte_mbuf *pkts[BURST_MAX], *done[BURST_MAX];
	struct stamp stamps[BURST_MAX];
	uint32_t len[BURST_MAX];
	uint16_t n = rte_eth_rx_burst(port->id, 0, pkts, BURST_MAX);
	uint16_t good = 0, ours = 0;
	uint64_t now = rte_rdtsc();
	bool learnt = false;

	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	for (uint16_t i = 0; i < n; i++) {
		enum verdict v =
			frame_check(run->t->net, side == 0, rte_pktmbuf_mtod(pkts[i], uint8_t *),
				    pkts[i]->data_len, &stamps[good]);

		if (v == FRAME_OTHER) {
			run->r->other++;
			answer(run->t, port, pkts[i], &learnt);
			continue;
		}
		done[ours++] = pkts[i];
		run->r->wrong += v == FRAME_WRONG;
		if (v == FRAME_OK) {
			len[good] = pkts[i]->pkt_len;
			rte_prefetch0(&run->t->want_seq[stamps[good].dir][stamps[good].session]);
			good++;
		}
	}
	for (uint16_t i = 0; i < good; i++)
		count(run, &stamps[i], now, len[i]);
	rte_pktmbuf_free_bulk(done, ours);
	return n;
}

/* ---- what goes out ------------------------------------------------------------------ */

static uint32_t pick_session(struct tgen *t, unsigned dir)
{
	if (t->o->round_robin) {
		uint32_t s = t->next_session[dir];

		t->next_session[dir] = s + 1 < t->net->sessions ? s + 1 : 0;
		return s;
	}
	t->random ^= t->random << 13;
	t->random ^= t->random >> 7;
	t->random ^= t->random << 17;
	return (uint32_t)((t->random >> 32) * t->net->sessions >> 32);
}

static const struct frame *pick_frame(struct tgen *t, unsigned dir)
{
	if (t->o->size != IMIX)
		return &t->frame[dir][0];
	t->imix_at[dir] = t->imix_at[dir] + 1 < RTE_DIM(imix) ? t->imix_at[dir] + 1 : 0;
	return &t->frame[dir][imix[t->imix_at[dir]]];
}

static uint16_t make(struct tgen *t, unsigned dir, struct rte_mbuf **pkts, uint16_t n)
{
	uint32_t session[BURST_MAX];
	uint64_t now;

	if (rte_pktmbuf_alloc_bulk(t->pool, pkts, n) != 0)
		return 0; /* all buffers are under way */
	for (uint16_t i = 0; i < n; i++) {
		session[i] = pick_session(t, dir);
		rte_prefetch0(&t->next_seq[dir][session[i]]);
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
	}
	now = rte_rdtsc();
	for (uint16_t i = 0; i < n; i++) {
		const struct frame *f = pick_frame(t, dir);

		frame_put(f, t->net, rte_pktmbuf_mtod(pkts[i], uint8_t *), session[i],
			  t->next_seq[dir][session[i]]++, t->trial_number, now);
		pkts[i]->data_len = f->len;
		pkts[i]->pkt_len = f->len;
	}
	return n;
}

/* Send the burst that waits, then up to `due` more. */
static uint16_t transmit(struct run *run, unsigned dir, uint64_t due)
{
	struct tgen *t = run->t;
	struct pending *p = &run->pending[dir];
	uint16_t sent;

	if (p->at == p->n) {
		p->at = 0;
		p->n = due < t->o->burst ? (uint16_t)due : t->o->burst;
		p->n = p->n > 0 ? make(t, dir, p->pkts, p->n) : 0;
		run->made[dir] += p->n;
	}
	if (p->at == p->n)
		return 0;
	sent = rte_eth_tx_burst(t->port[dir == UP ? 0 : 1].id, 0, p->pkts + p->at,
				(uint16_t)(p->n - p->at));
	p->at += sent;
	run->r->sent[dir] += sent;
	if (run->r->mpps > 0 && p->at < p->n) {
		run->r->refused += (uint64_t)(p->n - p->at);
		rte_pktmbuf_free_bulk(p->pkts + p->at, (unsigned)(p->n - p->at));
		p->at = p->n;
	}
	return sent;
}

/* Packets of both directions that should have been made by now. */
static uint64_t total_due(const struct run *run, uint64_t now)
{
	double total = -1;

	if (run->r->mpps > 0) {
		total = (double)(now - run->start) / run->r->hz * run->r->mpps * 1e6;
	} else {
		for (unsigned dir = 0; dir < DIRECTIONS; dir++)
			if (run->share[dir] > 0) {
				double is = (double)run->made[dir] / run->share[dir];

				total = total < 0 || is < total ? is : total;
			}
		total += LEAD;
	}
	return run->packets > 0 && total > (double)run->packets ? run->packets : (uint64_t)total;
}

static uint64_t due(struct run *run, unsigned dir, uint64_t total)
{
	uint64_t up = (uint64_t)((double)total * run->share[UP] + 0.5);
	uint64_t want = dir == UP ? up : total - up;
	uint64_t late = want > run->made[dir] ? want - run->made[dir] : 0;
	uint64_t limit =
		(uint64_t)(run->r->mpps * run->share[dir] * CATCH_UP_US) + run->t->o->burst;

	if (run->r->mpps > 0 && run->packets == 0 && late > limit) {
		run->r->missed += late - limit;
		run->made[dir] += late - limit;
		late = limit;
	}
	return late;
}

/* ---- a trial ------------------------------------------------------------------------ */

/* What still waits bears the number of this trial and was never sent. */
static void forget_pending(struct run *run)
{
	for (unsigned dir = 0; dir < DIRECTIONS; dir++) {
		struct pending *p = &run->pending[dir];

		rte_pktmbuf_free_bulk(p->pkts + p->at, (unsigned)(p->n - p->at));
		p->at = p->n;
	}
}

/* Seconds that this thread was ready to run and had no CPU. */
static double waited(void)
{
	FILE *f = fopen("/proc/thread-self/schedstat", "r");
	unsigned long long ns = 0;

	if (f == NULL)
		return 0;
	if (fscanf(f, "%*u %llu", &ns) != 1)
		ns = 0;
	fclose(f);
	return (double)ns / 1e9;
}

static bool unfinished(const struct run *run, uint64_t now)
{
	if (run->packets > 0)
		return trial_sent(run->r) + run->r->refused < run->packets;
	return now < run->end;
}

static void stretch(struct run *run, double seconds)
{
	struct trial *r = run->r;
	double before = waited();
	uint64_t now = rte_rdtsc();

	run->start = now;
	run->end = now + (uint64_t)(seconds * r->hz);
	memset(run->made, 0, sizeof(run->made));
	run->sending = true;
	while (unfinished(run, now) && !run->t->stop) {
		uint64_t total = total_due(run, now);
		uint64_t began = now;
		unsigned moved = receive(run, 0) + receive(run, 1);

		for (unsigned dir = 0; dir < DIRECTIONS; dir++)
			moved += transmit(run, dir, due(run, dir, total));
		now = rte_rdtsc();
		r->moved += moved;
		r->cycles += now - began;
		r->busy_cycles += moved > 0 ? now - began : 0;
	}
	run->sending = false;
	forget_pending(run);
	r->seconds = (double)(now - run->start) / r->hz;
	r->waited = waited() - before;
}

static void drain(struct run *run)
{
	uint64_t now = rte_rdtsc(), last = now;
	uint64_t patience = (uint64_t)(run->r->hz * DRAIN_US / 1e6);

	while (now - last < patience && trial_lost(run->r) > 0) {
		if (receive(run, 0) + receive(run, 1) > 0)
			last = rte_rdtsc();
		now = rte_rdtsc();
	}
}

static void begin(struct run *run, double mpps)
{
	struct trial *r = run->r;

	memset(r, 0, sizeof(*r));
	r->mpps = mpps;
	r->hz = (double)rte_get_tsc_hz();
	run->t->trial_number++;
}

void traffic_trial(struct tgen *t, double mpps, double seconds, struct trial *out)
{
	double up = t->o->up_percent / 100.0;
	struct run run = {.t = t, .r = out, .share = {up, 1 - up}};

	make_frames(t);
	begin(&run, mpps);
	stretch(&run, t->o->warm_up);
	begin(&run, mpps);
	run.packets = t->o->packets;
	stretch(&run, seconds);
	drain(&run);
}

double trial_offered(const struct trial *r)
{
	return r->seconds > 0 ? (double)(trial_sent(r) + r->refused) / r->seconds / 1e6 : 0;
}

double trial_rate(const struct trial *r)
{
	return r->seconds > 0 ? (double)r->in_time / r->seconds / 1e6 : 0;
}

/* ---- neighbours --------------------------------------------------------------------- */

static void ask(struct tgen *t, const struct port *port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(t->pool);

	if (m == NULL)
		return;
	frame_arp_ask(port->side, (uint8_t *)rte_pktmbuf_append(m, FRAME_ARP_LEN));
	if (rte_eth_tx_burst(port->id, 0, &m, 1) == 0)
		rte_pktmbuf_free(m);
}

static int resolve(struct tgen *t, struct port *port)
{
	uint64_t hz = rte_get_tsc_hz(), start = rte_rdtsc(), asked = 0;
	const uint8_t *ip = port->side->peer_ip;
	struct rte_mbuf *pkts[BURST_MAX];
	bool learnt = false;

	while (!learnt && !t->stop) {
		uint64_t now = rte_rdtsc();
		uint16_t n;

		if (now - start > ARP_SECONDS * hz) {
			fprintf(stderr,
				"coast-tgen: %u.%u.%u.%u does not answer ARP on the %s port: is it "
				"the UPF's address there? Or give its MAC address with --%s-mac\n",
				ip[0], ip[1], ip[2], ip[3], port == &t->port[0] ? "N3" : "N6",
				port == &t->port[0] ? "n3" : "n6");
			return -1;
		}
		if (now - asked > hz / 10) {
			ask(t, port);
			asked = now;
		}
		n = rte_eth_rx_burst(port->id, 0, pkts, BURST_MAX);
		for (uint16_t i = 0; i < n; i++)
			answer(t, port, pkts[i], &learnt);
	}
	return t->stop ? -1 : 0;
}

int traffic_resolve(struct tgen *t)
{
	static const uint8_t none[6];

	for (unsigned i = 0; i < 2; i++) {
		uint8_t *mac = t->port[i].side->peer_mac;

		if (memcmp(mac, none, 6) != 0)
			continue;
		if (t->net->echo)
			memcpy(mac, "\x02\0\0\0\0\x01", 6); /* nobody looks at it */
		else if (resolve(t, &t->port[i]) < 0)
			return -1;
	}
	return 0;
}
