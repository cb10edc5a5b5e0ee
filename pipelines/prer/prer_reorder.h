/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of streams in order (RFC 9550), or the late ones dropped: behind
 * elimination, by the stream's owner. A stream that asks for it has a queue, in
 * ordinary memory: what waits does not outlive coastd. All queues together hold a
 * quarter of the packet buffers at most; beyond that nothing waits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "prer_order.h"
#include "prer_stream.h"

struct cst_worker;

#define PRER_MAX_QUEUES 65536 /* numbers 1.. */

/* ---- control thread ---------------------------------------------------------- */

/* A queue for so many packets, 0 with PRER_ORDER_DROP_OLDER; its number, 0: no memory or too many.
 */
uint32_t prer_queue_open(uint32_t packets);
/* One that no record names any more: it is freed after the grace period, once what waits in it has
 * gone on. */
void prer_queue_close(uint32_t queue);
/* Its counters and how many wait, each as it was at some moment; the rest means nothing. False:
 * there is no such queue. */
bool prer_queue_look(uint32_t queue, struct prer_order *out);

/* ---- workers -------------------------------------------------------------------- */

/* What is to become of a packet that would leave prer_eliminate by `edge`, one of its first two:
 * the edge by which it does; CST_EDGE_TAKEN: it waits, or is sent. Only within that node. */
uint8_t prer_reorder(struct cst_worker *w, const struct prer_stream *s, struct rte_mbuf *m,
		     uint8_t edge, unsigned path, uint32_t seq);
