/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * QoS monitoring (TS 23.501 5.33.3.2): now and then a downlink packet of a
 * monitored QoS flow bears the time it was sent; the gNB answers in an uplink
 * packet with that time, when it received it and when it sent the answer:
 *
 *   downlink = received - sent        uplink = now - answered
 *   round trip = (now - sent) - (answered - received)
 *
 * plus what the gNB says of the radio's share. The round trip needs no common
 * clock; the others are taken only when both come out positive.
 *
 * This part is pure: time and memory come in as arguments.
 */
#pragma once

#include <stdint.h>

#include "gtpu.h"
#include "hash.h"
#include "upf_core.h"

#define UPF_MARKS_PER_S 10 /* for each flow: packets with a time stamp, at most */

/* Longer delays than this are taken for nonsense. */
#define UPF_MAX_DELAY_US 60000000u

/* Which of the stamps that come back are coast's own: the lowest bits of one (a quarter of a
 * microsecond) are a keyed hash of the others, so that nothing need be remembered of it. */
#define UPF_STAMP_BITS 10
#define UPF_STAMP_MASK ((UINT64_C(1) << UPF_STAMP_BITS) - 1)

static inline uint64_t upf_stamp(uint64_t ntp, uint64_t key)
{
	uint64_t time = ntp & ~UPF_STAMP_MASK;

	return time | (cst_hash_mix(time, key) & UPF_STAMP_MASK);
}

static inline int upf_stamp_is_ours(uint64_t stamp, uint64_t key)
{
	return upf_stamp(stamp, key) == stamp;
}

/* Words that another thread reads, or writes, whole. clang for BPF has no atomic stores. */
#ifdef __bpf__
#define UPF_LOAD(word)     (*(const volatile __typeof__(word) *)&(word))
#define UPF_STORE(word, v) (*(volatile __typeof__(word) *)&(word) = (v))
#else
#define UPF_LOAD(word)     __atomic_load_n(&(word), __ATOMIC_ACQUIRE)
#define UPF_STORE(word, v) __atomic_store_n(&(word), v, __ATOMIC_RELEASE)
#endif

/* To the nearest microsecond. */
static inline uint64_t upf_ntp_us(uint64_t diff)
{
	return (diff >> 32) * 1000000 + (((diff & 0xffffffff) * 1000000 + 0x80000000) >> 32);
}

/* What a gNB's answer, received at `now`, says of delays: microseconds. 1: all of them, 0: the
 * round trip alone, because the clocks disagree; -1: it makes no sense. */
static inline int upf_monitor_delays(const struct cst_gtpu_qmp *q, uint64_t now, uint64_t delay[3])
{
	uint64_t dl = (uint64_t)q->dl_result * 1000;
	uint64_t ul = (uint64_t)q->ul_result * 1000;
	uint64_t turn = now - q->dl_sent;
	uint64_t stay = q->ul_sent - q->dl_received;
	int one_clock;

	if (now < q->dl_sent || q->ul_sent < q->dl_received)
		return -1;
	/* a gNB whose clock goes by milliseconds may seem to have kept it for longer than that */
	if (stay > turn && stay - turn > (UINT64_C(1) << 32) / 1000)
		return -1;
	delay[UPF_DELAY_RP] = upf_ntp_us(stay > turn ? 0 : turn - stay) + dl + ul;
	one_clock = q->dl_received >= q->dl_sent && now >= q->ul_sent;
	delay[UPF_DELAY_DL] = one_clock ? upf_ntp_us(q->dl_received - q->dl_sent) + dl : 0;
	delay[UPF_DELAY_UL] = one_clock ? upf_ntp_us(now - q->ul_sent) + ul : 0;
	for (int i = 0; i < UPF_DELAYS; i++)
		if (delay[i] > UPF_MAX_DELAY_US)
			return -1;
	return one_clock;
}

static inline void upf_delay_note(struct upf_delay *d, uint32_t us)
{
	if (d->n == 0 || us < d->min)
		UPF_STORE(d->min, us);
	if (us > d->max)
		UPF_STORE(d->max, us);
	if (us < d->period_min)
		UPF_STORE(d->period_min, us);
	if (us > d->period_max)
		UPF_STORE(d->period_max, us);
	UPF_STORE(d->last, us);
	UPF_STORE(d->sum, d->sum + us);
	UPF_STORE(d->n, d->n + 1);
}

/* A new period has begun: its extremes are not known. */
static inline void upf_monitor_follow(struct upf_monitor *m)
{
	uint32_t armed = UPF_LOAD(m->armed);

	if (m->arm == armed)
		return;
	for (int i = 0; i < UPF_DELAYS; i++) {
		UPF_STORE(m->delay[i].period_min, UINT32_MAX);
		UPF_STORE(m->delay[i].period_max, 0);
	}
	UPF_STORE(m->arm, armed);
}

/* Bits of the delays that are beyond their thresholds. */
static inline uint32_t upf_monitor_beyond(const struct upf_monitor *m, const uint64_t delay[3],
					  int one_clock)
{
	uint32_t beyond = 0;

	for (int i = one_clock > 0 ? 0 : UPF_DELAY_RP; i < UPF_DELAYS; i++)
		if (delay[i] > UPF_LOAD(m->threshold[i]))
			beyond |= 1u << i;
	return beyond;
}

/* The flow's monitor among a session's, which begin with number `first`; 0: it is not monitored. */
static inline uint32_t upf_monitor_of(const struct upf_monitor *all, uint32_t first, uint32_t qfi)
{
	for (int i = 0; first != 0 && i < 64; i++) {
		if (UPF_LOAD(all[first].qfi) == qfi)
			return first;
		first = UPF_LOAD(all[first].next);
	}
	return 0;
}
