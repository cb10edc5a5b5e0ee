/* SPDX-License-Identifier: BSD-3-Clause */
/* What the nodes for frames share: reading one, putting one into a tunnel, why one is dropped. */
#include "net/drops.h"
#include "upf_eth_group.h"
#include "upf_eth_node.h"
#include "upf_out.h"

enum { TO_ROUTE };

struct cst_drop upf_eth_drops[UPF_ETH_DROPS] = {
	[UPF_ETH_DROP_MALFORMED] =
		{.name = "upf.malformed_frame",
		 .help = "a frame of an Ethernet PDU session or its N6 that ends "
			 "within its header, or whose source is no station's MAC "
			 "address"},
	[UPF_ETH_DROP_RESERVED] = {.name = "upf.eth_reserved",
				   .help = "a frame to 01-80-C2-00-00-0x, which no bridge forwards "
					   "(IEEE 802.1Q 8.6.3): spanning tree, pause, LLDP"},
	[UPF_ETH_DROP_SAME_SIDE] = {.name = "upf.eth_same_side",
				    .help = "a frame for a MAC address that is where it came from"},
	[UPF_ETH_DROP_NOBODY] = {.name = "upf.eth_no_receiver",
				 .help = "a frame for all, or for an unknown MAC address, in a "
					 "network instance with nobody else in it"},
	[UPF_ETH_DROP_TOO_BIG] = {.name = "upf.eth_too_big",
				  .help = "a frame larger than the way to the tunnel's peer or the "
					  "N6 interface carries; raise the MTU there"},
	[UPF_ETH_DROP_STORM] = {.name = "upf.eth_storm",
				.help = "frames from one side that would go to more receivers than "
					"100000 a second together"},
	[UPF_ETH_DROP_COPY] = {.name = "upf.eth_copy",
			       .help = "copy of a frame for one of its receivers that could not be "
				       "made; raise system.packet_buffers"},
};

static void __attribute__((constructor)) upf_eth_drops_add(void)
{
	for (int i = 0; i < UPF_ETH_DROPS; i++)
		cst_drop_add(&upf_eth_drops[i]);
}

const struct cst_drop *upf_eth_read(struct rte_mbuf *m, struct upf_eth_frame *f)
{
	if (unlikely(m->nb_segs > 1) && rte_pktmbuf_linearize(m))
		return cst_drop_scattered;
	if (upf_eth_parse(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, f))
		return &upf_eth_drops[UPF_ETH_DROP_MALFORMED];
	return NULL;
}

const struct cst_drop *upf_eth_bars(const struct rte_mbuf *m, const struct upf_pdr *pdr)
{
	const struct upf_peer *peer = &upf_tables.peers[pdr->peer];
	uint32_t hdr = peer->hdr_len + upf_gtpu_len(pdr);

	if (unlikely(peer->family == 0))
		return &upf_drops[UPF_DROP_NO_OUTER_HEADER];
	/* nobody can be told to send smaller ones, and a part of a frame is of no use to a path
	 * that carries it beside another one: it goes whole or not at all */
	if (unlikely(hdr + m->pkt_len > upf_peer_mtu(peer) || hdr + m->pkt_len > UINT16_MAX))
		return &upf_eth_drops[UPF_ETH_DROP_TOO_BIG];
	if (unlikely(rte_pktmbuf_headroom(m) < hdr))
		return &upf_drops[UPF_DROP_NO_HEADROOM];
	return NULL;
}

/* By one rule, and by either tunnel of it. */
static uint32_t room_by(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	const struct upf_pdr *second = upf_second_of(r, pdr);
	uint32_t gtpu_len = second ? upf_numbered_len(pdr, second) : upf_gtpu_len(pdr);
	uint32_t room = second ? upf_redundant_room(pdr, second) : upf_room_of(pdr, gtpu_len);

	return RTE_MIN(room, UINT16_MAX - upf_tables.peers[pdr->peer].hdr_len - gtpu_len);
}

uint32_t upf_eth_room(uint32_t member)
{
	uint32_t ref = upf_eth_ref(member), room = UINT32_MAX;
	const struct upf_rules *r = ref ? upf_rules_of(ref) : NULL;

	for (uint32_t i = 0; r && i < r->n_dl; i++) {
		const struct upf_pdr *pdr = upf_line(r, r->dl + i);

		if ((pdr->flags & UPF_PDR_ENCAP) && upf_tables.peers[pdr->peer].family)
			room = RTE_MIN(room, room_by(r, pdr));
	}
	return room == UINT32_MAX ? 0 : room;
}

uint8_t upf_eth_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
		      const struct upf_eth_frame *f)
{
	cst_pkt(m)->hash = upf_eth_hash(f);
	if (!upf_enter(&upf_worker[w->id], m, pdr, &upf_tables.peers[pdr->peer], upf_gtpu_len(pdr),
		       0))
		return upf_drop(m, UPF_DROP_NO_HEADROOM);
	return TO_ROUTE;
}
