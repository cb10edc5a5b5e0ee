/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the UPF's nodes share: their drop reasons, the way into a tunnel, and
 * what the control side of the slice may ask of them.
 *
 *   classify --UDP 2152--> upf_ul --> route          uplink, N9
 *                            `------> upf_gtpu --> route   replies to the peer
 *   classify, route --UE pool--> upf_dl --> route    downlink, UE to UE
 *                                  `------> icmp_error
 *   upf_dl, upf_ul --BUFF--> upf_buffer --> upf_dl, upf_ul   waits for its user
 *   rx --> upf_ul, upf_dl                            handed off by another worker
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "engine/node.h"
#include "engine/pkt.h"
#include "engine/worker.h"
#include "upf_core.h"

enum upf_drop {
	UPF_DROP_MALFORMED,
	UPF_DROP_FRAGMENT,
	UPF_DROP_INNER,
	UPF_DROP_UNKNOWN_TEID,
	UPF_DROP_UNKNOWN_EXTENSION,
	UPF_DROP_MESSAGE,
	UPF_DROP_ERROR_INDICATION,
	UPF_DROP_FORGED_ERROR,
	UPF_DROP_END_MARKER,
	UPF_DROP_NO_SESSION,
	UPF_DROP_NO_PDR,
	UPF_DROP_SPOOFED,
	UPF_DROP_FAR,
	UPF_DROP_GATE,
	UPF_DROP_RATE,
	UPF_DROP_QUOTA,
	UPF_DROP_BUFFER_OLDEST,
	UPF_DROP_BUFFER_FULL,
	UPF_DROP_BUFFER_DISCARDED,
	UPF_DROP_NO_OUTER_HEADER,
	UPF_DROP_KEPT_OUTER_HEADER,
	UPF_DROP_ECN,
	UPF_DROP_NO_HEADROOM,
	UPF_DROP_COPY,
	UPF_DROP_DUPLICATE,
	UPF_DROPS
};

extern struct cst_drop upf_drops[UPF_DROPS];

static inline uint8_t upf_drop(struct rte_mbuf *m, enum upf_drop why)
{
	return cst_drop(m, &upf_drops[why]);
}

/* The slice's service number, for the service prefixes of UE pools. Set before main(). */
extern uint8_t upf_service;

/* Written by the control thread, read by workers: while true no Error Indication is sent, because
 * coast may not know yet what it will know (TS 23.527 4.3.2). */
extern atomic_bool upf_suppress_error_indications;

/* May an error reply be sent to this peer now? Ten a second for each worker and peer (peers whose
 * hashes collide share them). */
bool upf_may_answer(struct cst_worker *w, uint32_t peer_hash);

/* Burst stages go by this many packets: all that they touch stays in the first-level cache. */
#define UPF_CHUNK 32

/* The next IPv4 identification of this worker. DF is 0 outside, so numbers of all workers together
 * must not repeat soon (RFC 6864): each worker has its own residue. */
struct upf_worker {
	uint16_t ip_id;
	uint16_t ip_id_step;
} __rte_cache_aligned;
extern struct upf_worker upf_worker[CST_MAX_WORKERS];

/* Find out how large packets to this peer may be, now; the tick does so for each peer every two
 * seconds or so. Control thread. */
void upf_path_refresh(struct upf_peer *peer);

/* The nodes themselves, for tests and benchmarks that run them without a graph. */
uint16_t upf_ul_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
uint16_t upf_dl_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
uint16_t upf_gtpu_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);
