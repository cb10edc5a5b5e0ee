/* SPDX-License-Identifier: BSD-3-Clause */
/* The owners that there are. What the files of this slice share; control thread only. */
#pragma once

#include "inertia_api.h"
#include "inertia_core.h"

struct keep_names {
	uint32_t n;
	char name[INERTIA_CLIENTS][INERTIA_NAME + 1];
};

/* What is put for an owner. */
struct keep_conf {
	bool put; /* else it was made by a claim and has the defaults */
	uint32_t lease_ms, grace_ms, reconcile_seconds, authority_sessions;
	struct keep_names clients, heirs, authorities;
};

struct keep_owner {
	bool used;
	char name[INERTIA_NAME + 1];
	struct keep_conf conf;
	struct inertia core;
	uint32_t life;         /* claims of another life are of another owner that had the number */
	uint8_t sweep;         /* enum inertia_sweep: what is still to be done to stale sessions */
	bool restored;         /* from the store, and no tick since */
	bool leaving;          /* it is gone, and what it had is not yet nobody's */
	uint64_t look_ms;      /* when to look again for what is over its time */
	uint64_t clock_ms;     /* when its clocks were kept */
	uint64_t swept;        /* not yet told */
	uint64_t fenced_epoch; /* last told */
};

/* Numbers 1..CST_OWNERS - 1; NULL: there is none. */
struct keep_owner *keep_get(unsigned number);
struct keep_owner *keep_slot(unsigned number); /* used or not; NULL: no such number */
unsigned keep_number(const struct keep_owner *o);
unsigned keep_find(const char *name); /* 0: none */
/* -ENOSPC with the reason. */
int keep_no_number(struct cst_err *e);
/* A new one with the defaults, or NULL. */
struct keep_owner *keep_new(const char *name, struct cst_err *e);
void keep_begin(struct keep_owner *o, const char *name); /* the same, with this number */
/* The owner that the connection claimed; NULL: none, or it was deleted. */
struct keep_owner *keep_of(const struct cst_caller *c);
void keep_forget(struct keep_owner *o);
/* Nothing has this number. */
bool keep_is_clear(unsigned number);
/* What has the number of an owner that there is not is nobody's from now on. */
void keep_abandon(unsigned number);
extern const struct keep_conf keep_defaults;
/* An empty list names everybody. */
bool keep_named(const struct keep_names *names, const char *client);
void keep_counts(unsigned number, struct cst_owned_counts *out);

/* Tell those who have sessions in which state coastd found the owner. */
void keep_tell_restored(struct keep_owner *o);
/* To be called around whatever may change an owner's state: tells those who have sessions, the
 * store and the subscribers. `was` is its state before; `anew`: all is to be looked through,
 * whether the state has changed or not. */
void keep_turned(struct keep_owner *o, enum cst_owner_state was, bool anew);

/* Take the item (stolen) into the page when the filter lets it. */
void keep_offer(struct cst_page *page, json_t *item);

/* ---- inertia_save.c ------------------------------------------------------ */

/* Into the store. An error is logged too: who has no promise to keep goes on. */
int keep_save(const struct keep_owner *o, struct cst_err *e);
void keep_unsave(unsigned number);
/* All owners of the store, at start. */
int keep_load(struct cst_err *e);

/* ---- inertia_class.c ----------------------------------------------------- */

const struct cst_inertia_class *keep_match(const struct cst_inertia_traits *t);

/* ---- inertia_event.c ----------------------------------------------------- */

void keep_tell_state(const struct keep_owner *o, enum cst_owner_state from);
/* Once for each epoch that is refused: a client that goes on and on floods nobody. */
void keep_tell_fenced(struct keep_owner *o, const struct cst_caller *c);
void keep_tell_swept(const struct keep_owner *o, uint64_t n);
void keep_tell_stalled(uint64_t ms);
