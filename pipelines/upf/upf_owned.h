/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions and the control owners they belong to (owner.h): who may change one,
 * which are stale, and what goes for them while their owner is away. All that is
 * kept of it is in struct upf_session. Control thread.
 *
 * Each time an owner reconciles it enters a new round; a session of an older
 * round is stale, so that none has to be marked. Policies follow in a walk
 * through all sessions, a piece at each tick, and at once where a quota is spent.
 */
#pragma once

#include "owner.h"
#include "upf_books.h"

/* ---- while a request is planned: from upf_ctl.c ------------------------------------- */

/* May the caller put `s` in place of `old` (NULL: it is new)? Takes the owner out of `s`, which is
 * no part of what is kept as intent. -EPERM, -EEXIST, -ENOENT and what the keeper of owners says,
 * with the reason. */
int upf_owned_put(struct upf_session_obj *s, const struct upf_session *old, struct cst_err *e);
/* May it modify or delete it? */
int upf_owned_change(const struct upf_session *old, struct cst_err *e);
/* The request is the owner's own: once it is committed the session is no longer stale. -ENOMEM. */
int upf_owned_note(struct cst_pool *p, const struct upf_session *old, struct cst_err *e);
void upf_owned_planned(void);
void upf_owned_before_commit(void);
void upf_owned_forget(void); /* when the transaction ends, whichever way */

/* ---- within a plan ------------------------------------------------------------------- */

/* The session that is planned goes by its class's policies from then on. */
bool upf_owned_plans_inert(const struct upf_session *old);
/* Would the same rules come out otherwise than they did? */
bool upf_owned_replans(const struct upf_session_obj *s, const struct upf_session *old);
/* Whose the new book is. */
void upf_owned_mark(struct upf_session *next, const struct upf_session *old);
/* The claimed owner of the caller that puts a new session; 0: none, or it is local authority. */
uint8_t upf_owned_newcomer(void);

/* What of a session its inertia class is chosen by; `r`: its run, for its addresses. NULL: nobody
 * keeps owners. */
const struct cst_inertia_class *upf_owned_class(const struct upf_session_obj *s,
						const struct upf_rules *r);
/* A URR of the session wants it to be slowed down. */
bool upf_owned_slow(const struct upf_session *s);

/* ---- sessions as they are --------------------------------------------------------------- */

bool upf_owned_stale(const struct upf_session *s);
/* Its owner cannot be told of anything now. */
bool upf_owned_absent(const struct upf_session *s);
/* Policies take effect now, if they are to and have not yet. `o` is the session, decoded;
 * NULL: it cannot be. */
void upf_owned_enforce(struct upf_session *s, const struct upf_session_obj *o);
/* Its URRs have changed; NULL: there is none. */
void upf_owned_follow(struct upf_session *s);
/* Error Indications received end no tunnel of it now: its owner is away, and its class says so. */
bool upf_owned_keeps_tunnels(const struct upf_session *s);
/* Its owner could not be told: of downlink data, of a tunnel's end. */
void upf_owned_owe_data(struct upf_session *s);
void upf_owned_owe_error(struct upf_session *s);

/* For session.get. */
void upf_owned_show(const struct upf_session *s, struct upf_session_obj *o);

/* One tick's share of the walk; for tests, too. */
void upf_owned_tick(void);

/* ---- local authority: upf_admit.c ------------------------------------------------------- */

/* True while session.admit puts a session. */
extern bool upf_admitting;
