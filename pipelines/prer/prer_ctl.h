/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A change of streams: plan (references, rules between objects), compile (what
 * workers will see, and claims), commit (shown to them) or undo. Control thread.
 */
#pragma once

#include "class.h"
#include "prer_entry.h"
#include "prer_order.h"
#include "prer_tables.h"

#define PRER_DEFAULT_RECOVERY "default"

/* ---- prer_ctl.c ---------------------------------------------------------------------- */

/* A change that nobody asked for by an object: `touch` names entries (prer_entry_again()), what is
 * made of them is made anew. Rules between objects are not looked at. */
int prer_redo(void (*touch)(void *arg), void *arg, struct cst_err *e);
extern struct cst_party prer_party;

/* ---- prer_plan.c --------------------------------------------------------------------- */

/* Entries of the paths that the stream names. */
int prer_find_paths(const struct prer_stream_obj *s, struct prer_entry **out, struct cst_err *e);
/* prer_check_stream() of what there is under these names. */
int prer_check_refs(const struct prer_stream_obj *s, struct prer_entry *const *paths,
		    const struct prer_entry *recovery, struct cst_pool *pool, struct cst_err *e);
/* What it refers to has one user more, or less: `by` is 1 or -1. */
void prer_count_users(const struct prer_made *m, int by);
void prer_hold_vrf(struct prer_entry *path, uint16_t vrf);
/* The next stream, by its place in the list, that refers to this path or recovery. */
struct prer_entry *prer_next_user(const struct prer_entry *x, uint32_t from);
/* The recovery that comes with coast: what it says; it becomes itself again. */
int prer_default(struct cst_pool *pool, struct prer_recovery_obj *out, struct cst_err *e);
struct prer_entry *prer_touch_default(struct cst_pool *pool, struct cst_err *e);

/* ---- prer_check.c: rules between a stream and what it refers to ------------------- */

struct prer_refs {
	const struct prer_stream_obj *stream;
	const struct prer_path_obj *path; /* as the stream names them */
	const struct prer_recovery_obj *recovery;
};
int prer_check_stream(const struct prer_refs *r, struct cst_err *e);
int prer_check_path(const struct prer_path_obj *p, struct cst_err *e);
/* Has an interface the address that the path comes from? True for paths without one. */
bool prer_path_has_local(const struct prer_path_obj *p);
/* Why no packet can go by it or come by it. `at`: of its record. */
enum prer_watch_why prer_path_cause(const struct prer_path_obj *p, uint32_t at);

/* ---- prer_shared.c: what streams share --------------------------------------------- */

/* As they are now, 0: gone, or NULL and 0: none is asked for. */
uint16_t prer_port_of(const char *name);
uint32_t prer_tunnel_of(uint64_t seid);
/* Fill in the record; `number`: the path's own. A port or session that is gone: it is down. */
void prer_path_record(const struct prer_path_obj *p, uint32_t number, struct prer_path *out);
struct prer_found {
	uint32_t history, reset_ms;
	char explained[256]; /* "": they were given */
};
/* `found` may be NULL. */
int prer_params_record(const struct prer_recovery_obj *r, struct prer_params *out,
		       struct prer_found *found, struct cst_err *e);
/* Of the transaction's paths and recoveries. `changed`: its record is another one now. */
int prer_shared_compile(struct prer_entry *x, struct cst_pool *pool, bool *changed,
			struct cst_err *e);
void prer_shared_commit(struct prer_entry *x);
void prer_shared_abort(struct prer_entry *x);

/* ---- prer_made.c: streams ------------------------------------------------------------ */

int prer_made_compile(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		      struct cst_err *e);
void prer_made_commit(struct prer_entry *x);
void prer_made_abort(struct prer_entry *x);

/* ---- prer_claim.c: what is a stream's alone: identifications, labels, ports ---------- */

/* First of all streams of a transaction, then of each: give up what it will not have (`s` NULL: it
 * goes), claim what it will have. */
int prer_claims_leave(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		      struct cst_err *e);
int prer_claims_make(struct prer_entry *x, const struct prer_stream_obj *s, struct cst_pool *pool,
		     struct cst_err *e);
void prer_claims_commit(struct prer_entry *x);
void prer_claims_abort(struct prer_entry *x); /* of all, before */
void prer_claims_restore(struct prer_entry *x);
/* Commit: the frames of this path's port or session are wanted, or no more, for its probe. */
void prer_claims_use(const struct prer_shared *path, bool used);
void prer_claims_fini(void);

/* ---- prer_show.c ------------------------------------------------------------------------ */

int prer_show_get(enum prer_kind kind, const char *name, json_t **out, struct cst_err *e);
int prer_show_list(enum prer_kind kind, struct cst_page *page);
/* What the path at this place does for the stream with this record. */
const struct prer_health *prer_health_at(const struct prer_stream *rec, unsigned place);
/* Name of the stream with this number; "?": there is none. */
const char *prer_name_of(uint32_t stream);

/* ---- prer_resume.c: numbers do not go back ------------------------------------------------ */

extern struct cst_module prer_resume_module;

/* ---- prer_refresh.c ------------------------------------------------------------------------ */

extern struct cst_module prer_refresh_module;
