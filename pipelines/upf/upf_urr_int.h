/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files upf_urr*.c share. Control thread only. */
#pragma once

#include "upf_tables.h"
#include "upf_urr.h"

struct upf_timers;
extern struct upf_timers *upf_urr_timers; /* by number; ms of struct upf_now */
extern unsigned upf_urr_finals;           /* final reports that wait for their grace period */

uint32_t upf_urr_number(const struct upf_urr *b);

static inline struct upf_limit *upf_urr_limit(uint32_t number)
{
	return &upf_tables.limits[number];
}

const struct upf_urr_obj *upf_urr_rule(const struct upf_session_obj *o, uint32_t id);
bool upf_urr_listed(const struct cst_list *ids, uint32_t id);
/* UPF_QUOTA_* of the fields that are there. */
uint32_t upf_urr_kinds(const struct upf_urr_obj *u, unsigned volume, unsigned time, unsigned event);

/* All that was counted since the report before; measurement begins anew. */
void upf_urr_report(struct upf_urr *b, uint32_t why, const struct upf_seen *s,
		    const struct upf_session_obj *o);
/* The same, unless the store cannot take it: then false, and nothing has happened. */
bool upf_urr_report_kept(struct upf_urr *b, uint32_t why, const struct upf_seen *s,
			 const struct upf_session_obj *o);
/* Start or stop of traffic; measurement goes on. */
void upf_urr_report_traffic(struct upf_urr *b, uint32_t why, uint64_t when,
			    const struct upf_seen *s, const struct upf_session_obj *o);

/* The first packets may have come. */
void upf_urr_note_first(struct upf_urr *b, const struct upf_limit *l, struct upf_seen *s);
/* The book has changed: workers and the timer follow. */
void upf_urr_follow(uint32_t number, const struct upf_seen *s);

/* UPF_UR_* by which the end of quotas of these kinds is reported, if it is. */
uint32_t upf_urr_why_spent(const struct upf_urr *b, uint32_t kinds);
/* What inertia makes of quotas that are spent; `spent`: those that were before. True: it is news to
 * the worker. */
bool upf_urr_settle_inertia(struct upf_urr *b, const struct upf_limit *l, const struct upf_seen *s,
			    uint8_t spent);
