/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Whole frames for a slice. A taker gets every frame of the ports it has taken,
 * from its first octet on and before it is known whose it is: pkt->port is the
 * port, nothing else is set. What it does not want it gives back to `classify`
 * after cst_frames_pass(), and the frame goes on as if nobody had taken the port.
 *
 * Tunnels carry frames too (Ethernet PDU sessions, TS 23.501 5.6.10.2): to takers
 * they are all port 0, and pkt->aux is the tunnel. The slice that ends them offers
 * them here and sends their frames to `classify`; a frame goes into a tunnel by the
 * node `frame_out` with the same two words.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <rte_branch_prediction.h>
#include <rte_mbuf.h>

#include "engine/pkt.h"
#include "err.h"
#include "port/port.h"
#include "vlan.h"

#define CST_MAX_FRAME_TAKERS 8

/* Before start: `classify_edge` is where CST_ATTACH("classify", ...) put the edge to the taker's
 * node. Returns its number, from 1 on. */
uint8_t cst_frames_register(const uint8_t *classify_edge);

/* Control thread, from commit on: frames of this port go to the taker; 0: to nobody. One taker at
 * a time; which slice may have a port is settled by those who plan. */
void cst_frames_take(uint16_t port, uint8_t taker);

/* Who has the port, 0: nobody. */
uint8_t cst_frames_taker(uint16_t port);

/* ---- workers ------------------------------------------------------------- */

extern _Atomic uint8_t cst_frames_of[CST_MAX_PORTS];          /* taker by port, 0: none */
extern const uint8_t *cst_frames_edges[CST_MAX_FRAME_TAKERS]; /* [taker], edges of `classify` */

/* The taker gives it back, by its edge to `classify`. */
static inline void cst_frames_pass(struct cst_pkt *pkt)
{
	pkt->flags |= CST_PKT_PASSED;
}

/* The taker's: a tag that the NIC has taken off is the outermost one, and comes back. False: there
 * is no room for it. */
static inline bool cst_frames_retag(struct rte_mbuf *m)
{
	uint8_t *p;

	if (likely(!(m->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED)))
		return true;
	p = (uint8_t *)rte_pktmbuf_prepend(m, 4);
	if (!p)
		return false;
	memmove(p, p + 4, 12);
	cst_vlan_put(p + 12, CST_ETH_CTAG, m->vlan_tci);
	m->ol_flags &= ~(RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED);
	return true;
}

/* For `classify`: who gets it, 0: nobody. */
static inline uint8_t cst_frames_wanted(const struct cst_pkt *pkt)
{
	uint8_t taker = atomic_load_explicit(&cst_frames_of[pkt->port % CST_MAX_PORTS],
					     memory_order_relaxed);

	return likely(taker == 0) || (pkt->flags & CST_PKT_PASSED) ? 0 : taker;
}

/* ---- tunnels: offered by one slice, control thread ------------------------- */

struct cst_frame_tunnels {
	/* The tunnel of the session with this SEID: 1.., valid until the session is deleted; 0 and
	 * an error without a field when it has none that carries frames. */
	uint32_t (*find)(uint64_t seid, struct cst_err *e);
	/* Control thread, from commit on: its frames go to the taker of port 0, or, `taken` false,
	 * their own way again. */
	void (*take)(uint32_t tunnel, bool taken);
	/* Workers: octets of the longest frame, its L2 header included, that goes into the tunnel
	 * whichever of its rules it meets; 0: no frame does now. */
	uint32_t (*room)(uint32_t tunnel);
	const uint8_t *classify_edge;  /* where what the taker passes on goes from `classify` */
	const uint8_t *frame_out_edge; /* and from `frame_out` what is sent into tunnels */
};

void cst_frame_tunnels_offer(const struct cst_frame_tunnels *t); /* before start */
const struct cst_frame_tunnels *cst_frame_tunnels(void);         /* NULL: nobody offers any */
