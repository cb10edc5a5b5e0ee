/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>
#include <rte_ip.h>
#include <rte_net.h>
#include <rte_prefetch.h>

#include "engine/node.h"
#include "engine/worker.h"
#include "port/tables.h"
#include "trace/watch.h"

/* A virtual machine may leave a checksum to be filled in by hardware that is not there; the driver
 * then says that the packet is whole but its checksum is not (RTE_MBUF_F_RX_L4_CKSUM_NONE). */
static void fill_checksum(struct rte_mbuf *m)
{
	struct rte_net_hdr_lens len;
	uint32_t type = rte_net_get_ptype(
		m, &len, RTE_PTYPE_L2_MASK | RTE_PTYPE_L3_MASK | RTE_PTYPE_L4_MASK);
	uint32_t l3 = len.l2_len, l4 = l3 + len.l3_len;
	uint16_t sum;
	rte_be16_t *at;

	if ((type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_UDP)
		l4 += offsetof(struct rte_udp_hdr, dgram_cksum);
	else if ((type & RTE_PTYPE_L4_MASK) == RTE_PTYPE_L4_TCP)
		l4 += offsetof(struct rte_tcp_hdr, cksum);
	else
		return;
	if (l4 + sizeof(*at) > m->data_len)
		return;
	at = rte_pktmbuf_mtod_offset(m, rte_be16_t *, l4);
	l4 = l3 + len.l3_len;
	*at = 0;
	if (RTE_ETH_IS_IPV4_HDR(type))
		sum = rte_ipv4_udptcp_cksum_mbuf(
			m, rte_pktmbuf_mtod_offset(m, struct rte_ipv4_hdr *, l3), (uint16_t)l4);
	else
		sum = rte_ipv6_udptcp_cksum_mbuf(
			m, rte_pktmbuf_mtod_offset(m, struct rte_ipv6_hdr *, l3), (uint16_t)l4);
	*at = sum;
}

static void fill_checksums(struct rte_mbuf **pkts, uint16_t n)
{
	for (uint16_t i = 0; i < n; i++)
		if ((pkts[i]->ol_flags & RTE_MBUF_F_RX_L4_CKSUM_MASK) ==
		    RTE_MBUF_F_RX_L4_CKSUM_NONE)
			fill_checksum(pkts[i]);
}

uint16_t cst_port_poll(struct cst_worker *w)
{
	const struct cst_poll_list *list =
		atomic_load_explicit(&cst_poll_lists[w->id], memory_order_acquire);
	struct rte_mbuf *pkts[CST_PORT_BURST];
	uint16_t total = 0;

	if (unlikely(list == NULL))
		return 0;
	for (uint16_t i = 0; i < list->n; i++) {
		const struct cst_poll_queue *q = &list->q[i];
		uint16_t n = rte_eth_rx_burst(q->ethdev, q->queue, pkts, CST_PORT_BURST);

		if (n == 0)
			continue;
		for (uint16_t k = 0; k < n; k++)
			rte_prefetch0(rte_pktmbuf_mtod(pkts[k], void *));
		if (unlikely(q->soft_csum))
			fill_checksums(pkts, n);
		for (uint16_t k = 0; k < n; k++) {
			cst_pkt(pkts[k])->port = q->port;
			cst_pkt(pkts[k])->flags = 0;
		}
		if (cst_watched(w))
			cst_watch_rx(w, q->port, pkts, n);
		w->stats.rx += n;
		total += n;
		cst_emit(w, 0, pkts, n);
	}
	return total;
}
