/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of Ethernet PDU sessions between nodes.
 *
 *   upf_ul --of such a session--> upf_eth_ul --> upf_eth_switch    uplink
 *                                     |  `----> route              from tunnel to tunnel (N9)
 *                                     `-------> classify           a taker's (net/frames.h)
 *   classify --Ethernet interface, passed on by its taker--> upf_eth_switch
 *   upf_eth_switch --> upf_eth_dl, frame_out
 *   frame_out --into a tunnel--> upf_eth_dl --> route, upf_buffer   downlink
 *   rx --handed off by another worker--> upf_eth_dl
 *
 * In upf_eth_switch a frame of a session has port 0 and the session's member
 * number (upf_eth_group.h) in pkt->aux; in upf_eth_dl the one that it goes to.
 */
#pragma once

#include "engine/node.h"
#include "engine/worker.h"
#include "gtpu.h"
#include "hash.h"
#include "upf_eth_core.h"
#include "upf_node.h"
#include "upf_redundant_node.h"
#include "upf_split.h"

enum upf_eth_drop {
	UPF_ETH_DROP_MALFORMED,
	UPF_ETH_DROP_RESERVED,
	UPF_ETH_DROP_SAME_SIDE,
	UPF_ETH_DROP_NOBODY,
	UPF_ETH_DROP_TOO_BIG,
	UPF_ETH_DROP_STORM,
	UPF_ETH_DROP_COPY,
	UPF_ETH_DROPS
};
extern struct cst_drop upf_eth_drops[UPF_ETH_DROPS];

static inline uint8_t upf_eth_dropped(struct rte_mbuf *m, enum upf_eth_drop why)
{
	return cst_drop(m, &upf_eth_drops[why]);
}

/* Edges of other nodes to these. */
extern uint8_t upf_eth_from_classify, upf_eth_from_frame_out;

/* What upf_ul tells upf_eth_ul of a frame, in its slice words. */
struct upf_eth_in {
	uint32_t ref, teid;
	uint8_t qfi, has_psc;
	struct upf_numbers numbers;
};
_Static_assert(sizeof(struct upf_eth_in) <= sizeof(((struct cst_pkt *)0)->slice), "fits");

static inline struct upf_eth_in *upf_eth_in(struct rte_mbuf *m)
{
	return (struct upf_eth_in *)cst_pkt(m)->slice;
}

/* Off comes the tunnel: the packet stands at its frame. `at`: of the GTP-U header, which is in the
 * first segment. */
static inline void upf_eth_hand(struct rte_mbuf *m, uint16_t at, const struct cst_gtpu *g,
				uint32_t ref)
{
	struct upf_eth_in in = {ref, g->teid, g->qfi, g->has_psc,
				upf_numbers_of(rte_pktmbuf_mtod_offset(m, uint8_t *, at), g)};

	if (rte_pktmbuf_pkt_len(m) > at + g->end)
		upf_trim(m, at + g->end);
	rte_pktmbuf_adj(m, (uint16_t)(at + g->hdr_len));
	*upf_eth_in(m) = in;
}

/* For the outer source port. */
static inline uint32_t upf_eth_hash(const struct upf_eth_frame *f)
{
	return (uint32_t)cst_hash_mix(f->src, f->dst);
}

/* The frame, in one piece, and its header. NULL: it can be gone on with. Worker. */
const struct cst_drop *upf_eth_read(struct rte_mbuf *m, struct upf_eth_frame *f);

/* What keeps a frame out of the tunnel of a record that forwards into one; NULL: nothing. */
const struct cst_drop *upf_eth_bars(const struct rte_mbuf *m, const struct upf_pdr *pdr);
/* The longest frame that goes into the tunnel of a member by any of its rules; 0: none does. */
uint32_t upf_eth_room(uint32_t member);
/* Into it, after upf_eth_bars(). Returns the edge of a node whose first one is `route`. */
uint8_t upf_eth_enter(struct cst_worker *w, struct rte_mbuf *m, const struct upf_pdr *pdr,
		      const struct upf_eth_frame *f);

/* The nodes themselves, for tests that run them without a graph. */
uint16_t upf_eth_ul_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			    uint8_t *edge);
uint16_t upf_eth_switch_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
				uint8_t *edge);
uint16_t upf_eth_dl_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			    uint8_t *edge);
