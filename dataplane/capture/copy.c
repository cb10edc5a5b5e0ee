/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The workers' side of a capture: which packets belong to it, and their bytes
 * into the worker's ring.
 */
#include <string.h>

#include <rte_cycles.h>

#include "capture/internal.h"

/* Where a port's driver puts the first byte of a frame: the same in all its packets. */
static uint16_t rx_offset[64];

static inline bool of_port(const struct cst_capture *c, uint16_t port)
{
	return port < 64 &&
	       (atomic_load_explicit(&c->ports, memory_order_relaxed) >> port & 1) != 0;
}

static inline bool of_session(const struct cst_watch *watch, const struct cst_pkt *pkt)
{
	return watch->capture->mark != 0 && cst_mark_valid(watch, pkt) &&
	       (pkt->mark & CST_MARK_CAPTURE) == watch->capture->mark;
}

void cst_capture_origin(uint16_t port, const struct rte_mbuf *m)
{
	if (__atomic_load_n(&rx_offset[port % 64], __ATOMIC_RELAXED) != m->data_off)
		__atomic_store_n(&rx_offset[port % 64], m->data_off, __ATOMIC_RELAXED);
}

enum cst_l2_place cst_capture_l2(const struct cst_watch *watch, const struct rte_mbuf *m)
{
	const struct cst_pkt *pkt = cst_pkt((struct rte_mbuf *)(uintptr_t)m);
	uint16_t at = __atomic_load_n(&rx_offset[pkt->port % 64], __ATOMIC_RELAXED);

	/* what coast made or wrapped has no L2 header, or another packet's */
	if (!cst_mark_valid(watch, pkt) || (pkt->flags & CST_PKT_LOCAL))
		return CST_L2_GONE;
	if (m->data_off == at)
		return CST_L2_AT_START;
	if (pkt->l2_len >= 14 && pkt->l2_len <= 22 && m->data_off == at + pkt->l2_len)
		return CST_L2_IN_FRONT;
	return CST_L2_GONE;
}

/* ---- copying ---------------------------------------------------------------------------- */

/* `front`: bytes before the data start that belong to it. */
static void put(struct cst_capture *c, uint16_t id, const struct rte_mbuf *m, uint32_t front,
		struct cst_capture_record what)
{
	uint32_t len = m->pkt_len + front;
	uint32_t cap = RTE_MIN(len, c->conf.snaplen);
	struct cst_capture_record *rec = cst_capture_push(c->rings[id], cap);
	const void *p;

	if (rec == NULL)
		return;
	what.size = rec->size;
	what.cap = cap;
	what.len = len;
	*rec = what;
	front = RTE_MIN(front, cap);
	memcpy(rec->data, rte_pktmbuf_mtod(m, const uint8_t *) - front, front);
	p = rte_pktmbuf_read(m, 0, cap - front, rec->data + front);
	if (p != NULL && p != rec->data + front)
		memcpy(rec->data + front, p, cap - front);
}

void cst_capture_rx(const struct cst_watch *watch, uint16_t id, uint16_t port,
		    struct rte_mbuf **pkts, uint16_t n)
{
	struct cst_capture *c = watch->capture;
	bool all = of_port(c, port);
	uint64_t now = rte_rdtsc();

	if (!(c->conf.dirs & CST_CAPTURE_IN))
		return;
	for (uint16_t i = 0; i < n; i++)
		if (all || of_session(watch, cst_pkt(pkts[i])))
			put(c, id, pkts[i], 0,
			    (struct cst_capture_record){
				    .port = port, .tsc = now, .dir = CST_CAPTURE_IN});
}

void cst_capture_tx(const struct cst_watch *watch, uint16_t id, uint16_t port,
		    struct rte_mbuf **pkts, uint16_t n)
{
	struct cst_capture *c = watch->capture;
	struct cst_capture_ring *r = c->rings[id];
	bool all = of_port(c, port);
	uint64_t now = rte_rdtsc();

	r->n_sent = 0;
	if (!(c->conf.dirs & CST_CAPTURE_OUT))
		return;
	for (uint16_t i = 0; i < n; i++) {
		if (!all && !of_session(watch, cst_pkt(pkts[i])))
			continue;
		r->sent[r->n_sent].at = i;
		r->sent[r->n_sent++].next = r->next;
		put(c, id, pkts[i], 0,
		    (struct cst_capture_record){.port = port, .tsc = now, .dir = CST_CAPTURE_OUT});
	}
}

void cst_capture_sent(struct cst_capture *c, uint16_t id, uint16_t sent)
{
	struct cst_capture_ring *r = c->rings[id];

	/* those which the device refused stand at the end */
	while (r->n_sent > 0 && r->sent[r->n_sent - 1].at >= sent)
		r->next = r->sent[--r->n_sent].next;
	r->n_sent = 0;
}

void cst_capture_drop(const struct cst_watch *watch, uint16_t id, struct rte_mbuf *m, uint16_t why,
		      bool frame)
{
	const struct cst_pkt *pkt = cst_pkt(m);
	enum cst_l2_place l2 = frame ? CST_L2_AT_START : cst_capture_l2(watch, m);

	if (!(watch->capture->conf.dirs & CST_CAPTURE_DROP))
		return;
	/* the port of a packet that did not come in by one is not known */
	if (!of_session(watch, pkt) &&
	    !(of_port(watch->capture, pkt->port) && (frame || cst_mark_valid(watch, pkt))))
		return;
	put(watch->capture, id, m, l2 == CST_L2_IN_FRONT ? pkt->l2_len : 0,
	    (struct cst_capture_record){.port = pkt->port,
					.drop = why,
					.tsc = rte_rdtsc(),
					.dir = CST_CAPTURE_DROP,
					.raw = l2 == CST_L2_GONE});
}

void cst_capture_flush(struct cst_capture *c, uint16_t id)
{
	struct cst_capture_ring *r = c->rings[id];

	atomic_store_explicit(&r->head, r->next, memory_order_release);
}
