/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `rx`, the source of the graph: frames from the worker's port queues, packets
 * from its inbox. The latter go on at the edge that their sender wrote into
 * pkt->resume.
 */
#include "engine/worker.h"
#include "net/reassembly.h"
#include "port/port.h"

#define INBOX_BURST 64
/* Enough for the inbox to keep up with ports, few enough that these are not starved. */
#define INBOX_ROUNDS 4

static void drain_inbox(struct cst_worker *w)
{
	struct rte_mbuf *pkts[INBOX_BURST];

	for (int round = 0; round < INBOX_ROUNDS; round++) {
		uint16_t n = (uint16_t)rte_ring_sc_dequeue_burst(w->inbox, (void **)pkts,
								 INBOX_BURST, NULL);
		uint16_t first = 0;

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
	drain_inbox(w);
	cst_port_poll(w);
	return 0;
}

static const char *const edges[] = {"classify", NULL};
CST_NODE(rx_node, .name = "rx", .help = "polls the ports' queues and the worker's inbox",
	 .process = rx_process, .edges = edges);
