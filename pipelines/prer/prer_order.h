/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is done about packets that come late, behind elimination and per stream.
 *
 *   basic       a packet that is ahead of its turn waits for those before it, up to
 *               POFMaxDelay (RFC 9550)
 *   advanced    the wait is told by the path it came by, the slowest path's is 0
 *               (RFC 9550)
 *   drop_older  nothing waits; what is older than the last delivered is dropped: for
 *               cyclic data a stale value is worse than a missing one
 *
 * One correction to RFC 9550: a packet that is older than the last sent one is sent
 * too, but does not set POFLastSent back; else those in order behind it would wait.
 *
 * A queue holds handles of the caller (mbufs, say) and no more than `room` of them:
 * when it is full the first goes on at once. Functions that let packets go write
 * their handles to out[], in the order in which to send them, and return how many.
 * The caller drives time: it calls prer_order_expired() once now >= q->due, and has
 * room for `room` + 1 handles in out[].
 *
 * Pure; one thread, the stream's owner worker. Not for the arena: handles do not
 * outlive the process. Time in TSC cycles, numbers `bits` wide in host order.
 */
#pragma once

#include <stdint.h>

#include "prer_core.h"

enum prer_order_mode {
	PRER_ORDER_OFF,
	PRER_ORDER_BASIC,
	PRER_ORDER_ADVANCED,
	PRER_ORDER_DROP_OLDER,
};

struct prer_order_slot {
	uint64_t handle;
	uint64_t due; /* not held longer */
	uint32_t seq;
	uint32_t pad;
};

struct prer_order {
	struct prer_order_slot *slot; /* in order of numbers, a ring from `head` on */
	uint64_t due;                 /* no packet's time is up before; UINT64_MAX: none waits */
	uint64_t seen;                /* when the last packet came */
	uint32_t head, n, room;
	uint32_t last;     /* POFLastSent */
	uint8_t taking;    /* `last` means something; 0: take any */
	uint64_t held;     /* packets that waited */
	uint64_t late;     /* older than the last sent; with drop_older: dropped */
	uint64_t expired;  /* that went on before their turn, their time being up */
	uint64_t overflow; /* likewise, to make room */
};

static inline void prer_order_init(struct prer_order *q, struct prer_order_slot *slot,
				   uint32_t room)
{
	*q = (struct prer_order){.slot = slot, .room = room, .due = UINT64_MAX};
}

static inline struct prer_order_slot *prer_order_slot(const struct prer_order *q, uint32_t i)
{
	uint32_t at = q->head + i;

	return &q->slot[at < q->room ? at : at - q->room];
}

/* Lets the first `n` go and whatever is in turn behind them. */
static inline uint32_t prer_order_release(struct prer_order *q, uint32_t n, unsigned bits,
					  uint64_t *out)
{
	uint32_t done = 0;

	while (q->n > 0) {
		const struct prer_order_slot *first = prer_order_slot(q, 0);

		if (done >= n && prer_delta(q->last, first->seq, bits) != 1)
			break;
		q->last = first->seq;
		out[done++] = first->handle;
		q->head = q->head + 1 < q->room ? q->head + 1 : 0;
		q->n--;
	}
	if (q->n == 0)
		q->due = UINT64_MAX;
	return done;
}

/* All that wait, as nothing is known of those before them any more. */
static inline uint32_t prer_order_flush(struct prer_order *q, unsigned bits, uint64_t *out)
{
	return prer_order_release(q, q->n, bits, out);
}

/* Reset: take any. The packets that waited are in out[], to be sent or freed. */
static inline uint32_t prer_order_reset(struct prer_order *q, unsigned bits, uint64_t *out)
{
	uint32_t n = prer_order_flush(q, bits, out);

	q->taking = 0;
	return n;
}

/* Those whose time is up; smaller numbers, whatever their time, go first. */
static inline uint32_t prer_order_expired(struct prer_order *q, unsigned bits, uint64_t now,
					  uint64_t *out)
{
	uint32_t n = 0, done;

	if (now < q->due)
		return 0;
	for (uint32_t i = 0; i < q->n; i++)
		if (prer_order_slot(q, i)->due <= now)
			n = i + 1;
	q->expired += n;
	done = prer_order_release(q, n, bits, out);
	q->due = UINT64_MAX;
	for (uint32_t i = 0; i < q->n; i++)
		if (prer_order_slot(q, i)->due < q->due)
			q->due = prer_order_slot(q, i)->due;
	return done;
}

/* In its place among those that wait: seldom far from the end. */
static inline void prer_order_hold(struct prer_order *q, unsigned bits, uint32_t seq,
				   uint64_t handle, uint64_t due)
{
	uint32_t i = q->n++;

	for (; i > 0 && prer_delta(prer_order_slot(q, i - 1)->seq, seq, bits) < 0; i--)
		*prer_order_slot(q, i) = *prer_order_slot(q, i - 1);
	*prer_order_slot(q, i) = (struct prer_order_slot){.handle = handle, .due = due, .seq = seq};
	if (due < q->due)
		q->due = due;
	q->held++;
}

/* After POFTakeAnyTime without a packet, at least 1 cycle, the next one is taken as it is. */
static inline uint32_t prer_order_silence(struct prer_order *q, const struct prer_params *p,
					  unsigned bits, uint64_t now, uint64_t *out)
{
	int over = q->taking && (int64_t)(now - q->seen) >= (int64_t)p->order_any;

	q->seen = now;
	return over ? prer_order_reset(q, bits, out) : 0;
}

/* How far a packet is ahead of the last sent one; 1: it is in turn. */
static inline int32_t prer_order_ahead(struct prer_order *q, unsigned bits, uint32_t seq)
{
	int any = !q->taking;

	q->taking = 1;
	return any ? 1 : prer_delta(q->last, seq, bits);
}

/*
 * A packet came. `delay`: how long it may wait, p->order_delay (basic) or what its path
 * asks (advanced). It is among those in out[], or waits.
 */
static inline uint32_t prer_order_in(struct prer_order *q, const struct prer_params *p,
				     unsigned bits, uint32_t seq, uint64_t handle, uint64_t delay,
				     uint64_t now, uint64_t *out)
{
	uint32_t n = prer_order_expired(q, bits, now, out);
	int32_t ahead;

	n += prer_order_silence(q, p, bits, now, out + n);
	ahead = prer_order_ahead(q, bits, seq);
	if (ahead > 1 && q->n == q->room) {
		q->overflow++;
		if (q->n == 0 || prer_delta(prer_order_slot(q, 0)->seq, seq, bits) < 0) {
			ahead = 1; /* it is the first itself */
		} else {
			n += prer_order_release(q, 1, bits, out + n);
			ahead = prer_delta(q->last, seq, bits);
		}
	}
	if (ahead > 1) {
		prer_order_hold(q, bits, seq, handle, now + delay);
		return n + prer_order_expired(q, bits, now, out + n);
	}
	out[n++] = handle;
	if (ahead == 1)
		q->last = seq;
	else
		q->late++;
	return n + prer_order_release(q, 0, bits, out + n);
}

/* drop_older: is this packet to be dropped? */
static inline int prer_order_older(struct prer_order *q, const struct prer_params *p, unsigned bits,
				   uint32_t seq, uint64_t now)
{
	prer_order_silence(q, p, bits, now, 0);
	if (prer_order_ahead(q, bits, seq) <= 0) {
		q->late++;
		return 1;
	}
	q->last = seq;
	return 0;
}
