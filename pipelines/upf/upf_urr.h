/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Usage reporting rules at work (TS 29.244 5.2.2): what of a URR's usage was
 * reported, up to where it may count, when it is looked at again. The numbers
 * are those of struct upf_usage and struct upf_limit. Workers count and tell;
 * every decision is made from their running totals here, so that a notice that
 * is lost or late changes no figure. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "upf_api_report.h"
#include "upf_books.h"
#include "upf_clock.h"
#include "upf_core.h"

#define UPF_URR_LIVE    0x0001 /* a session has it */
#define UPF_URR_NAMED   0x0002 /* by a PDR */
#define UPF_URR_FINAL   0x0004 /* no PDR names it any more: a final report is due */
#define UPF_URR_RESTS   0x0008 /* duration stands still without packets: `rest` of the rule */
#define UPF_URR_RUNNING 0x0010 /* traffic has started and not yet come to rest */
#define UPF_URR_AFTER   0x0020 /* the monitoring time has come: subsequent values hold */
#define UPF_URR_AFT     0x0040 /* and the next report is the first one since */
#define UPF_URR_FROZEN  0x0080 /* duration stands still: paused, or a quota is spent */
#define UPF_URR_SILENT  0x0100 /* number of reports is used up */
#define UPF_URR_LINKS   0x0200 /* another URR of the session is linked to it */
#define UPF_URR_UAE     0x0400 /* another one of the session measures before QoS enforcement */
#define UPF_URR_ENDS    0x0800 /* no session has it any more: a final report is due */
#define UPF_URR_OVER    0x1000 /* a spent quota lets packets pass: inertia */
#define UPF_URR_SLOW    0x2000 /* the session is to be throttled for it: inertia */
#define UPF_URR_ORPHAN  0x4000 /* an earlier coastd's, and no session has come back to it */

/* What a quota that is spent does while the owner of its session is away. */
enum upf_inert {
	UPF_INERT_NO, /* what it always does: packets are dropped, or go by another FAR */
	UPF_INERT_IGNORE,
	UPF_INERT_THROTTLE,
	UPF_INERT_GRACE,         /* after so many bytes more: as always */
	UPF_INERT_GRACE_THROTTLE /* after so many bytes more the session is throttled */
};

/* Kinds of quota: bits of `granted_kinds` and `spent`. */
#define UPF_QUOTA_VOLUME 0x01
#define UPF_QUOTA_TIME   0x02
#define UPF_QUOTA_EVENT  0x04
#define UPF_QUOTA_ALL    0x07

/* In the arena: no pointers. Times are TSC cycles unless said otherwise. */
struct upf_urr {
	uint64_t seid;
	uint64_t bytes[2], packets[2]; /* totals at the last report */
	uint64_t starts;               /* starts of traffic, same */
	uint64_t dropped[2];           /* lost downlink packets, bytes, same */
	uint64_t starts_told;          /* those that START and STOPT know of */
	uint64_t since;                /* when that was; at first the creation */
	uint64_t first;                /* the first packet since; 0: ask struct upf_usage */
	uint64_t used;                 /* time in use at the last report */
	uint64_t offset;               /* of time in use against what packets tell; modulo 2^64 */
	uint64_t frozen;               /* time in use while it stands still */
	uint64_t created, begun;       /* TSC; begun: the first packet of all */
	uint64_t time_threshold;       /* time in use that brings a report; ~0: none */
	uint64_t time_quota;           /* time in use up to which it may go; ~0: none */
	uint64_t granted;              /* when a quota was last granted */
	uint64_t period_due, validity_due; /* ms; 0: none */
	uint32_t state;                    /* the session's first state line */
	uint32_t id;
	uint32_t seqn;                  /* of the next report */
	uint32_t start_unix;            /* UNIX time of `since` */
	uint32_t triggers;              /* UPF_RT_* */
	uint32_t period, holding, rest; /* seconds; 0: none */
	uint32_t monitoring;            /* UNIX time; 0: none to come */
	uint32_t reports_left;          /* 0: no end */
	uint16_t flags;                 /* UPF_URR_* */
	uint8_t method, info;
	uint8_t granted_kinds, spent; /* UPF_QUOTA_* */
	uint8_t policy;               /* enum upf_inert */
	uint8_t owner;                /* the session's when it was last changed */
	uint64_t threshold[3]; /* volume, as in struct upf_limit, which may have a nearer quota */
	uint64_t overrun;      /* bytes beyond a spent quota since it was granted; with
				* UPF_URR_OVER they grow: all bytes of now less this */
	uint64_t grace;        /* bytes that may be */
	uint32_t rule;         /* sum of the rule that this follows, */
	uint32_t grant_of[3];  /* and of its quotas as they were granted: volume, time, events */
	uint64_t reserved[6];
};
_Static_assert(sizeof(struct upf_urr) == 320, "five cache lines");

/* In the arena: the book as it will be once a report is kept. */
struct upf_settling {
	uint32_t number; /* of the book; 0: no report is on its way */
	uint32_t pad[15];
	struct upf_urr book;
};

/* Books for numbers 1..n. -ENOMEM. */
int upf_urr_open(struct upf_urr *books, uint32_t n, struct cst_err *e);
void upf_urr_close(void);

/* See to deadlines that have come and to notices that were lost. */
void upf_urr_tick(void);

struct upf_urr *upf_urr_at(uint32_t number);
struct upf_session *upf_urr_session(const struct upf_urr *b); /* NULL: it has ended */

/* What a worker has written by now, and the moment. */
struct upf_seen {
	struct upf_now now;
	struct upf_usage u;
	uint64_t used; /* time in use */
};
void upf_urr_see(uint32_t number, struct upf_seen *s);

/* Whatever has been reached is reported and settled; call it whenever something may have been.
 * `also`: UPF_UR_* to report in any case. */
void upf_urr_look(uint32_t number, uint32_t also);

/* The URRs of a session that are named by id; n = 0: all. */
void upf_urr_query(const struct upf_session *s, const uint32_t *ids, unsigned n);

/* Before a modify's change is committed: what it queries. After: quotas named in an update are
 * granted anew, also when their values are what they were. */
void upf_urr_before(const struct upf_modify_obj *m);
void upf_urr_after(const struct upf_modify_obj *m);
/* Do queries name URRs that the session has? -ENOENT with the path. */
int upf_urr_check_query(const struct upf_session *s, const struct upf_modify_obj *m,
			struct cst_err *e);

/* After a restart: a report that was on its way is done or undone. Before any session comes back.
 */
void upf_urr_redo(void);
/* Books that were in use and that no session has come back to are given to nobody until they end;
 * once all sessions are back that need nothing new. */
void upf_urr_hold_orphans(void);
/* Usage in them is reported. After all came back. */
unsigned upf_urr_end_orphans(void);
/* Quotas go by this policy from now on; `grace` in bytes. With UPF_INERT_NO those that are spent
 * are so again, and what passed beyond them is reported. */
void upf_urr_inertia(uint32_t number, enum upf_inert policy, uint64_t grace);
uint64_t upf_urr_overrun(const struct upf_urr *b, const struct upf_usage *u);

/* Final reports wait for their grace period: after it they are exact. */
bool upf_urr_finals_due(void);

/* Differences of running totals against a base. */
void upf_urr_measured(struct upf_measured_obj *m, const struct upf_usage *u,
		      const uint64_t bytes[2], const uint64_t packets[2], bool with_packets);
uint64_t upf_urr_next_look(uint32_t number); /* ms; 0: when a worker tells */

/* State of a URR, for whoever looks at its session. */
void upf_urr_show(const struct upf_session *s, struct upf_urr_obj *u);

/* ---- upf_urr_limit.c: pure but for the words that workers read ---------------------- */

uint64_t upf_urr_used(const struct upf_urr *b, const struct upf_usage *u,
		      const struct upf_now *now);
/* Thresholds of the rule `u` that `kinds` (UPF_QUOTA_*) measure, from the last report on. */
void upf_urr_arm(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
		 uint32_t kinds, const struct upf_now *now);
/* Quotas of the rule, same; or its subsequent ones. */
void upf_urr_grant(struct upf_urr *b, struct upf_limit *l, const struct upf_urr_obj *u,
		   uint32_t kinds, bool subsequent, const struct upf_now *now);
/* Those of these kinds are no longer there. */
void upf_urr_withdraw(struct upf_urr *b, struct upf_limit *l, uint32_t kinds);
/* The quota validity time begins anew. */
void upf_urr_validate(struct upf_urr *b, const struct upf_urr_obj *u, const struct upf_now *now);
/* Words for the worker as the book has them, and a new `arm`, of which `u` is told. */
void upf_urr_tell(const struct upf_urr *b, struct upf_limit *l, struct upf_usage *u);
/* Does a spent quota stop packets? */
bool upf_urr_stops(const struct upf_urr *b, const struct upf_usage *u);
/* Same: does it slow them down? */
bool upf_urr_slows(const struct upf_urr *b, const struct upf_usage *u);
/* Quotas of these kinds are spent and may let packets pass: what goes beyond them counts from now
 * on. */
void upf_urr_go_over(struct upf_urr *b, const struct upf_limit *l, const struct upf_usage *u,
		     uint32_t kinds);
/* Is a rest in the traffic told from a gap by this rule? Then it has limit.idle. */
bool upf_urr_rests(const struct upf_urr_obj *u);
/* UPF_UR_* of thresholds that are reached, UPF_QUOTA_* of quotas. */
uint32_t upf_urr_thresholds(const struct upf_urr *b, const struct upf_limit *l,
			    const struct upf_seen *s);
uint32_t upf_urr_quotas(const struct upf_urr *b, const struct upf_limit *l,
			const struct upf_seen *s);
/* When to look again, ms; 0: when a worker tells. */
uint64_t upf_urr_due(const struct upf_urr *b, const struct upf_seen *s);

/* ---- upf_urr_seqn.c: sequence numbers of URRs that were removed from living sessions ---- */

void upf_seqn_keep(uint32_t state, uint32_t urr, uint32_t next);
uint32_t upf_seqn_of(uint32_t state, uint32_t urr); /* of the first report */
void upf_seqn_forget(uint32_t state);
void upf_seqn_forget_all(void);
