/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The plan under way, which the files upf_plan*.c work on one after the other.
 * One, because there is one control thread, and large.
 */
#pragma once

#include "upf_books.h"

/* What a session was in an earlier life of coastd: its identity, and with `run` its counters. */
struct upf_past {
	const struct upf_session *book; /* as it was kept: not one of those that live */
	const struct upf_rules *run; /* its rules in the arena, intact; NULL: they are not there */
	uint32_t line;               /* where they are */
	uint32_t state;              /* its first state line then */
	bool anew; /* the arena is: where counters and parts were means nothing, */
	bool lost; /* or others have them */
	bool last; /* all others have come back */
};

struct upf_work {
	const struct upf_session_obj *s;
	struct upf_session *old;
	const struct upf_past *past; /* it comes back from the store; else NULL */
	bool modify, dry;            /* dry: there are no tables, check only */
	unsigned n;                  /* PDRs */
	struct upf_link links[UPF_MAX_PDRS];
	struct upf_held_teid teids[UPF_MAX_HELD_TEIDS];
	struct upf_held_addr addrs[UPF_MAX_HELD_ADDRS];
	struct upf_held_state states[UPF_MAX_HELD_STATES];
	struct upf_held_part parts[UPF_MAX_HELD_PARTS];
	uint8_t taken[UPF_MAX_HELD_STATES + 1]; /* counts in use or resting, by state line */
	unsigned n_teids, n_addrs, n_states, n_parts;
	uint32_t state; /* the first line */
	uint16_t ue_vrf;
	uint16_t ue_vrfs[UPF_MAX_HELD_ADDRS / 2]; /* where plain packets to the UE come in */
	unsigned n_ue_vrfs;
	uint32_t wake;
	bool inert;                            /* it goes by its inertia class's policies, */
	bool throttled, capped;                /* which is to say */
	const struct cst_inertia_class *class; /* this one; NULL: none */
	struct upf_identity id;
	char lines[UPF_MAX_RUN][64];
};
extern struct upf_work upf_work;

/* A session that comes back must not take something new that one behind it had: a counter or part,
 * or (`identity`) a TEID or address. It waits until all others are back: -EAGAIN. */
int upf_plan_may_take(bool identity, struct cst_err *e);
/* The session comes back, and goes on with the counters and parts that it had. */
bool upf_past_has_numbers(void);

/* Give back what the plan took. */
void upf_work_undo(void);

/* upf_plan.c: where a record's packets go, by its dest_if: network instance (NULL: not named) and,
 * with `ohc`, the peer, which it holds from then on. -EINVAL, -ENOSPC. */
int upf_plan_way(struct upf_pdr *rec, const char *network_instance, const struct upf_ohc_obj *ohc,
		 struct cst_err *e);

/* upf_plan_teid.c: network instances and F-TEIDs of all PDRs. */
int upf_plan_detection(struct cst_err *e);
/* Those that it had in an earlier life. */
int upf_claim_teids(const struct upf_session *past, struct cst_err *e);
void upf_teid_set(const struct upf_held_teid *t, uint32_t ref, uint32_t state);
/* No packet finds it from now on. A TEID of coast's own rests until upf_teid_free(). */
void upf_teid_clear(const struct upf_held_teid *t);
/* One that was taken in this transaction: no worker has seen it. */
void upf_teid_give_back(const struct upf_held_teid *t);

/* upf_plan_parts.c: meters, usage, buffers and what else PDRs need beside a counter. */
int upf_plan_parts(struct cst_err *e);
/* The part that the session has for this rule, else a new one. -ENOSPC, -E2BIG. */
int upf_plan_part(enum upf_part kind, uint32_t rule, uint32_t *number, struct cst_err *e);
/* The one that the session has for the rule stays, though nothing uses it now; 0: it has none. */
uint32_t upf_plan_keep(enum upf_part kind, uint32_t rule);
/* upf_plan_srr.c: after all PDRs are there. */
int upf_plan_monitors(struct cst_err *e);
/* upf_plan_redundant.c: the way into the second tunnel; and who numbers packets, after all that
 * tells tunnels apart. */
int upf_plan_second_way(struct upf_link *l, struct cst_err *e);
int upf_plan_flows(struct cst_err *e);
bool upf_keeps_part(const struct upf_session *next, const struct upf_held_part *p);

/* upf_plan_inertia.c: what the session's inertia class adds to its rules while its owner is away.
 */
void upf_plan_class(void);
int upf_plan_throttle(struct cst_err *e);

/* upf_plan_buffer.c: FARs held, the session's queue, and how it is kept; part of the parts. */
int upf_plan_buffer(struct cst_err *e);

/* upf_plan_addr.c: the UE's addresses. */
int upf_plan_addrs(struct cst_err *e);
bool upf_same_addr(const struct upf_held_addr *a, const struct upf_held_addr *b);

/* upf_plan_framed.c: networks behind the UE; then their routes, among the parts. */
int upf_plan_nets(struct cst_err *e);
int upf_plan_framed(struct cst_err *e);

/* What of an old book lives on in the next (NULL: nothing). */
bool upf_keeps_teid(const struct upf_session *next, const struct upf_held_teid *t);
bool upf_keeps_addr(const struct upf_session *next, const struct upf_held_addr *a);
/* Network instances that a session names cannot be deleted. */
void upf_hold_vrfs(const struct upf_session *b, int delta);
