/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The state of one control owner: who holds it, by which epoch, and whether it
 * lives. A pure state machine: memory and time are passed in.
 *
 *              claim                    lease runs out
 *   (none) -----------> CONNECTED -------------------------> INERTIAL
 *                        ^  |  ^                             |  |  ^
 *                   done |  |  '-- same epoch, same state ---'  |  | lease
 *                        |  | claim: no memory, or an heir      |  | runs out
 *                        |  v                                   v  |
 *                      RECONCILING <---- claim -----------------'  |
 *                           '--------------------------------------'
 *
 * A lease is spent by time that was lived: time in which the control thread ran
 * and could hear the owner. A thread that stood still, or a clock that was set,
 * takes no owner's life.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "owner.h"

#define INERTIA_LIVED_MS  200             /* that one tick spends of a lease, at most */
#define INERTIA_EPOCH_MAX (INT64_MAX - 1) /* that there may be */
/* That a claim may name: for the first one any time of day, in microseconds; then so many above the
 * present one, so that nobody uses them up. */
#define INERTIA_EPOCH_FIRST (UINT64_C(1) << 53)
#define INERTIA_EPOCH_STEP  (UINT64_C(1) << 40)

struct inertia {
	uint8_t state;        /* enum cst_owner_state */
	uint8_t role;         /* of who holds it: CST_ROLE_OWNER or _HEIR */
	bool unreconciled;    /* what there is has not been looked through since it was lost */
	bool released;        /* said goodbye: it has no lease and is not lost */
	bool leftovers;       /* some is stale since before it reconciled, and still runs out */
	uint16_t connections; /* that hold the present epoch */
	uint32_t lease_ms, grace_ms;
	uint32_t left_ms;        /* of the lease, or of the grace */
	uint64_t epoch;          /* 0: never claimed; never falls */
	uint64_t away_ms;        /* since it was lost last or, not lost, was taken over */
	uint64_t stale_ms;       /* the same, of what is stale: the loss that made it so */
	uint64_t reconciling_ms; /* since it came back */
	char client[64];         /* who holds it */
	char home[64];           /* who had it first: may claim it as owner */
	const char *why;         /* the last change of state */
};

struct inertia_claim {
	const char *client;
	uint8_t role;    /* CST_ROLE_OWNER or _HEIR */
	bool same_state; /* it still knows all that it knew: for its present epoch only */
	bool named;      /* the owner's configuration names the client */
	bool again;      /* this connection holds the present epoch already */
	uint64_t epoch;  /* 0: the next one */
	uint32_t lease_ms, grace_ms;
};

/* 0: it has it; 1: and everything of it is to be looked through (anew). -ESTALE "FENCED ...",
 * -EPERM, -EINVAL, -ERANGE, -EOVERFLOW: nothing has changed. */
int inertia_claim(struct inertia *o, const struct inertia_claim *c, struct cst_err *e);
/* A connection with this epoch gave a sign of life. */
void inertia_seen(struct inertia *o, uint64_t epoch);
/* A connection with this epoch has ended. */
void inertia_gone(struct inertia *o, uint64_t epoch);
/* 0 or -ESTALE "FENCED ...". */
int inertia_gate(const struct inertia *o, uint64_t epoch, struct cst_err *e);
/* Time has passed since the tick before. */
void inertia_tick(struct inertia *o, uint64_t passed_ms);
/* All has been looked through. */
void inertia_done(struct inertia *o);
/* Goodbye. `keep`: what it has stays its own, and waits for the next claim without a lease; else
 * there is no owner any more. */
void inertia_release(struct inertia *o, bool keep);
/* coastd has been started, so long after the state was kept: who lived then may come back within a
 * lease. */
void inertia_restore(struct inertia *o, uint64_t passed_ms);

/* It is there, as far as can be known. */
static inline bool inertia_lives(const struct inertia *o)
{
	return (o->state == CST_OWNER_CONNECTED || o->state == CST_OWNER_RECONCILING) &&
	       !o->released;
}

/* For how long it has been lost; 0: it is not. */
static inline uint64_t inertia_lost_ms(const struct inertia *o)
{
	bool lost = o->state == CST_OWNER_INERTIAL || o->state == CST_OWNER_RECONCILING;

	return !lost ? 0 : o->away_ms > 0 ? o->away_ms : 1;
}

/* What passed by the clock from one tick to the next. *last_ms is kept here, 0: not yet begun. */
uint64_t inertia_passed(uint64_t *last_ms, uint64_t now_ms);
