/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets that wait for a neighbour's MAC: a bounded queue for each next hop
 * out of a bounded whole. The oldest make room for the newest (RFC 4861
 * 7.2.2), which for what waits behind them are the ones still wanted.
 */
#include "slow/internal.h"

#define PER_NEXTHOP 64
#define IN_TOTAL    4096

CST_DROP(hold_full, "neigh.hold_full",
	 "more packets wait for a neighbour's answer than are held; it is slow to answer or gone");

static struct {
	struct rte_mbuf *m;
	uint16_t next;
} slots[IN_TOTAL + 1]; /* [0] is none */
static uint16_t free_slot;
static uint16_t n_ever = 1; /* slots from here on were never used */
static _Atomic uint32_t count;

uint32_t hold_count(void)
{
	return atomic_load_explicit(&count, memory_order_relaxed);
}

struct rte_mbuf *hold_take(struct slow_queue *q)
{
	uint16_t at = q->head;

	if (!at)
		return NULL;
	q->head = slots[at].next;
	if (!q->head)
		q->tail = 0;
	q->n--;
	slots[at].next = free_slot;
	free_slot = at;
	atomic_fetch_sub_explicit(&count, 1, memory_order_relaxed);
	return slots[at].m;
}

void hold_add(struct slow_queue *q, struct rte_mbuf *m)
{
	uint16_t at;

	if (q->n >= PER_NEXTHOP || (hold_count() >= IN_TOTAL && q->n))
		slow_drop(hold_take(q), &hold_full);
	if (hold_count() >= IN_TOTAL) {
		slow_drop(m, &hold_full);
		return;
	}
	at = free_slot;
	if (at)
		free_slot = slots[at].next;
	else
		at = n_ever++;
	slots[at].m = m;
	slots[at].next = 0;
	if (q->tail)
		slots[q->tail].next = at;
	else
		q->head = at;
	q->tail = at;
	q->n++;
	atomic_fetch_add_explicit(&count, 1, memory_order_relaxed);
}
