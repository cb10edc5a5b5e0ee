/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `slow`: hands packets to the slow-path thread. What a neighbour's answer or
 * a waiting packet needs goes by a ring of its own, so that a flood of packets
 * for the kernel cannot keep neighbours from being found.
 */
#include "engine/worker.h"
#include "slow/ring.h"

CST_DROP(slow_full, "slow.full",
	 "more packets for the slow path (ARP, ND, the kernel) than it can take");

struct rte_ring *slow_rings[SLOW_RINGS];

static uint16_t slow_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			     uint8_t *edge)
{
	uint16_t off = 0;

	for (uint16_t i = 0; i < n; i++) {
		struct cst_pkt *pkt = cst_pkt(pkts[i]);
		struct rte_ring *ring =
			slow_rings[pkt->slow == CST_SLOW_PUNT ? SLOW_KERNEL : SLOW_NEIGHBOUR];

		pkt->worker = (uint8_t)w->id;
		if (unlikely(!ring || rte_ring_enqueue(ring, pkts[i])))
			edge[i] = cst_drop(pkts[i], &slow_full);
		off++;
	}
	return off;
}

CST_NODE(slow_node, .name = "slow",
	 .help = "to the slow-path thread: ARP, ND, waiting packets, "
		 "the kernel's",
	 .process = slow_process);
