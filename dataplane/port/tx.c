/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_ethdev.h>
#include <rte_pause.h>

#include "engine/engine.h"
#include "engine/node.h"
#include "engine/worker.h"
#include "port/tables.h"
#include "trace/watch.h"

/* A kernel-backed queue empties a part at each call, so asking again is not idle; a full NIC ring
 * drains in less time than this takes. */
#define TX_TRIES 8

CST_DROP(down, "port.down",
	 "the port to send on is down or was deleted: 'coastctl port show' says why");
CST_DROP(tx_full, "port.tx_full",
	 "the device took no more: more traffic than it carries, or nobody empties its queue; "
	 "tx_ring may be raised");
CST_DROP(not_plain, "port.not_plain",
	 "the packet lies in several buffers, the device takes one, and no buffer is large enough "
	 "or free: raise system.buffer_size or system.packet_buffers");

static uint8_t at_rx; /* edge of `rx` to port_tx */

/* The driver sends the bytes behind the first segment's buffer as they lie: give it packets for
 * which that is right. */
static uint16_t make_plain(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			   struct rte_mbuf **out)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct rte_mbuf *m = pkts[i], *copy;

		if (likely(m->nb_segs == 1 && RTE_MBUF_DIRECT(m))) {
			out[kept++] = m;
			continue;
		}
		copy = rte_pktmbuf_copy(m, cst_packet_pool(), 0, UINT32_MAX);
		if (copy == NULL || copy->nb_segs > 1) {
			rte_pktmbuf_free(copy);
			cst_drop_burst(w, &not_plain, &m, 1);
			continue;
		}
		rte_pktmbuf_free(m);
		out[kept++] = copy;
	}
	return kept;
}

static void transmit(struct cst_worker *w, const struct cst_port_out *o, uint16_t port,
		     uint16_t queue, struct rte_mbuf **pkts, uint16_t n)
{
	uint16_t sent;

	if (cst_watched(w)) /* from the device on they are no longer ours to look at */
		cst_watch_tx(w, port, pkts, n);
	sent = rte_eth_tx_burst(o->ethdev, queue, pkts, n);

	for (int tries = 1; unlikely(sent < n) && tries < TX_TRIES; tries++) {
		rte_pause();
		sent += rte_eth_tx_burst(o->ethdev, queue, pkts + sent, n - sent);
	}
	w->stats.tx += sent;
	if (cst_watched(w))
		cst_watch_sent(w, sent);
	if (unlikely(sent < n))
		cst_drop_burst(w, &tx_full, pkts + sent, n - sent);
}

static void port_send(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	const struct cst_port_out *o =
		port < CST_MAX_PORTS
			? atomic_load_explicit(&cst_port_outs[port], memory_order_acquire)
			: NULL;
	const struct cst_tx_path *path;
	struct rte_mbuf *plain[CST_MAX_BURST];

	if (unlikely(n == 0))
		return;
	if (unlikely(o == NULL)) {
		cst_drop_burst(w, &down, pkts, n);
		return;
	}
	path = &o->path[w->id];
	if (unlikely(path->queue == CST_NO_QUEUE)) {
		for (uint16_t i = 0; i < n; i++) {
			cst_pkt(pkts[i])->port = port;
			cst_pkt(pkts[i])->resume = at_rx;
		}
		cst_handoff(w, path->owner, pkts, n);
		return;
	}
	if (o->plain) {
		n = make_plain(w, pkts, n, plain);
		pkts = plain;
	}
	transmit(w, o, port, path->queue, pkts, n);
}

void cst_port_tx(struct cst_worker *w, uint16_t port, struct rte_mbuf **pkts, uint16_t n)
{
	if (cst_watched(w)) {
		cst_watch_frames(w, true);
		port_send(w, port, pkts, n);
		cst_watch_frames(w, false);
	} else {
		port_send(w, port, pkts, n);
	}
}

/* ---- packets from workers without a queue on the port ------------------------------ */

static uint16_t port_tx(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t from = 0;

	memset(edge, CST_EDGE_TAKEN, n);
	while (from < n) {
		uint16_t port = cst_pkt(pkts[from])->port, to = from + 1;

		while (to < n && cst_pkt(pkts[to])->port == port)
			to++;
		cst_port_tx(w, port, pkts + from, to - from);
		from = to;
	}
	return n;
}

CST_NODE(port_tx_node, .name = "port_tx",
	 .help = "sends for workers that have no transmit queue on the port", .process = port_tx,
	 .frames = true);
CST_ATTACH(port_tx_at_rx, "rx", "port_tx", &at_rx);
