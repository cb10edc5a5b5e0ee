/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rate limits (TS 29.244 5.4.4, 5.4.8): a bucket told by time. Every packet that
 * passes moves `due`, the instant when all is paid for, by what it costs; a
 * packet passes while `due` is not farther ahead than the burst. So the rate is
 * exact over time, whatever the sizes, and needs no division.
 *
 * A meter outlives changes of its QER: what an older, slower rate left ahead is
 * cut down to a full bucket of the present one.
 *
 * Pure. Owner of the meter: the session's worker. `now` in TSC cycles.
 */
#pragma once

#include <stdint.h>

#include "upf_core.h"

#define UPF_METER_SHIFT 6 /* due is told in 1/64 of a TSC cycle: exact above 100 Gbit/s too */

static inline uint64_t upf_rate_cost(const struct upf_rate *r, uint32_t bytes)
{
	return ((uint64_t)bytes * r->mult) >> r->shift;
}

/* How far `due` is ahead, negative: behind. Right also when the TSC's 1/64ths wrap, after years. */
static inline int64_t upf_meter_ahead(const struct upf_meter *m, enum upf_dir dir, uint64_t now)
{
	return (int64_t)(m->due[dir] - (now << UPF_METER_SHIFT));
}

static inline int upf_rate_has_room(const struct upf_rate *r, struct upf_meter *m, enum upf_dir dir,
				    uint64_t now)
{
	int64_t ahead = upf_meter_ahead(m, dir, now);

	if (__builtin_expect(ahead <= (int64_t)r->burst, 1))
		return r->mult != 0;
	/* no packet of this rate has left so much to pay */
	if (ahead > (int64_t)(r->burst + upf_rate_cost(r, UINT16_MAX)))
		m->due[dir] = (now << UPF_METER_SHIFT) + r->burst;
	return 0;
}

/* Is the time unit over that the meter counts in, or not one of the present length? */
static inline int upf_meter_unit_over(const struct upf_qer *q, const struct upf_meter *m,
				      enum upf_dir dir, uint64_t now)
{
	return m->window[dir] - now - 1 >= q->unit[dir];
}

/* May a packet pass now? Charges nothing. */
static inline int upf_meter_has_room(const struct upf_qer *q, struct upf_meter *m, enum upf_dir dir,
				     uint64_t now)
{
	if (q->rate[dir].limited && !upf_rate_has_room(&q->rate[dir], m, dir, now))
		return 0;
	if (__builtin_expect(q->unit[dir] == 0, 1))
		return 1;
	return upf_meter_unit_over(q, m, dir, now) ? q->packets[dir] != 0 : m->left[dir] != 0;
}

/* A packet passes. Only when there is room. */
static inline void upf_meter_charge(const struct upf_qer *q, struct upf_meter *m, enum upf_dir dir,
				    uint64_t now, uint32_t bytes)
{
	const struct upf_rate *r = &q->rate[dir];

	if (r->limited) {
		uint64_t from =
			upf_meter_ahead(m, dir, now) > 0 ? m->due[dir] : now << UPF_METER_SHIFT;

		m->due[dir] = from + upf_rate_cost(r, bytes);
	}
	if (__builtin_expect(q->unit[dir] != 0, 0)) {
		if (upf_meter_unit_over(q, m, dir, now)) {
			m->window[dir] = now + q->unit[dir];
			m->left[dir] = q->packets[dir];
		}
		if (m->left[dir] > q->packets[dir])
			m->left[dir] = q->packets[dir]; /* the limit was lowered */
		if (m->left[dir] != 0)
			m->left[dir]--;
	}
}
