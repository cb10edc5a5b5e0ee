/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `ip_local`: packets to coast's own addresses that no slice has asked for:
 * echo requests are answered, the rest goes to the kernel where the interface
 * has one behind it.
 */
#include <rte_mbuf.h>

#include "engine/worker.h"
#include "icmp.h"
#include "ip.h"
#include "net/drops.h"
#include "net/fib.h"
#include "slow/slow.h"

enum { TO_ECHO, TO_SLOW, TO_ERROR, TO_REASSEMBLE };

CST_DROP(no_kernel, "ip.local_no_kernel",
	 "to an own address, but neither echo nor a slice's port, and the interface has no "
	 "kernel: true");
CST_DROP(local_tunnel, "ip.local_tunnel",
	 "a tunnel packet to an own tunnel address, from inside: a user tries to inject GTP-U");

static bool is_echo(const uint8_t *p, const struct cst_pkt *pkt)
{
	const uint8_t type = p[pkt->l4_off];

	return pkt->ip_version == 4 ? pkt->l4_proto == CST_PROTO_ICMP && type == CST_ICMP4_ECHO
				    : pkt->l4_proto == CST_PROTO_ICMPV6 && type == CST_ICMP6_ECHO;
}

/* A kernel puts its own together; of what goes to it only tunnels' may be meant for coast. */
static uint8_t fragment(struct rte_mbuf *m, bool kernel)
{
	struct cst_pkt *pkt = cst_pkt(m);

	if (!kernel || (pkt->l4_proto == CST_PROTO_UDP && (pkt->aux & CST_FIBF_GTPU)))
		return TO_REASSEMBLE;
	pkt->slow = CST_SLOW_PUNT;
	return TO_SLOW;
}

static uint8_t local(const struct cst_snap *snap, struct rte_mbuf *m)
{
	const uint8_t *p = rte_pktmbuf_mtod(m, const uint8_t *);
	struct cst_pkt *pkt = cst_pkt(m);
	bool has_l4 = pkt->l4_off && pkt->l4_off + 8u <= m->data_len;
	bool kernel = snap->ifaces[pkt->iface % CST_MAX_IFACES].flags & CST_SNAP_KERNEL;

	if (pkt->flags & CST_PKT_FRAG)
		return fragment(m, kernel);
	if (has_l4 && is_echo(p, pkt))
		return TO_ECHO;
	/* from inside, where the ports of tunnels do not lead to their slices */
	if (has_l4 && !pkt->l2_len && pkt->l4_proto == CST_PROTO_UDP &&
	    cst_udp_slot(cst_be16(p + pkt->l4_off + 2), (uint8_t)pkt->aux))
		return cst_drop(m, &local_tunnel);
	if (kernel) {
		pkt->slow = CST_SLOW_PUNT;
		return TO_SLOW;
	}
	if (has_l4 && pkt->l4_proto == CST_PROTO_UDP) {
		pkt->icmp_type =
			pkt->ip_version == 4 ? CST_ICMP4_UNREACHABLE : CST_ICMP6_UNREACHABLE;
		pkt->icmp_code = pkt->ip_version == 4 ? CST_ICMP4_PORT : CST_ICMP6_PORT;
		pkt->icmp_info = 0;
		return TO_ERROR;
	}
	return cst_drop(m, &no_kernel);
}

static uint16_t local_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			      uint8_t *edge)
{
	const struct cst_snap *snap = cst_snap();
	uint16_t off = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = local(snap, pkts[i]);
		off += edge[i] != 0;
	}
	return off;
}

static const char *const edges[] = {"icmp_local", "slow", "icmp_error", "ip_reassemble", NULL};
CST_NODE(local_node, .name = "ip_local",
	 .help = "packets to coast's own addresses that no slice takes", .process = local_process,
	 .edges = edges);
