/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `rx`, the source of the graph: frames from the worker's port queues, packets
 * from its inbox. The latter go on at the edge that their sender wrote into
 * pkt->resume.
 */
#include <rte_prefetch.h>

#include "engine/worker.h"
#include "net/reassembly.h"
#include "net/wake.h"
#include "port/port.h"

#define INBOX_BURST 64
/* Enough for the inbox to keep up with ports, few enough that these are not starved. */
#define INBOX_ROUNDS 4

/* What another worker wrote is in its cache: all is asked for at once, before any is looked at. */
static inline void fetch(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		rte_prefetch0(pkts[i]);
		rte_prefetch0(cst_pkt(pkts[i]));
	}
	for (uint16_t i = 0; i < n; i++)
		rte_prefetch0(rte_pktmbuf_mtod(pkts[i], void *));
}

static void drain_inbox(struct cst_worker *w)
{
	struct rte_mbuf *pkts[INBOX_BURST];

	for (int round = 0; round < INBOX_ROUNDS; round++) {
		uint16_t n = (uint16_t)rte_ring_sc_dequeue_burst(w->inbox, (void **)pkts,
								 INBOX_BURST, NULL);
		uint16_t first = 0;

		fetch(pkts, n);
		for (uint16_t i = 1; i <= n; i++) {
			uint8_t edge = cst_pkt(pkts[first])->resume;

			if (i < n && cst_pkt(pkts[i])->resume == edge)
				continue;
			cst_emit(w, edge, &pkts[first], i - first);
			first = i;
		}
		if (n < INBOX_BURST)
			break;
	}
}

static uint16_t rx_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	if (unlikely(cst_reasm_is_due(w)))
		cst_reasm_give_up(w);
	for (unsigned i = 0; i < cst_n_wakes; i++)
		if (unlikely(w->now >= cst_wakes[i].at[w->id].tsc))
			cst_wakes[i].fn(w);
	drain_inbox(w);
	cst_port_poll(w);
	return 0;
}

static const char *const edges[] = {"classify", NULL};
CST_NODE(rx_node, .name = "rx", .help = "polls the ports' queues and the worker's inbox",
	 .process = rx_process, .edges = edges);
