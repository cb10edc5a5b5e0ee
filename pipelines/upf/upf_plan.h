/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session's change, from a wish to a book and a run that wait to be made
 * live. What fails, and upf_change_undo(), leave no trace. Control thread.
 */
#pragma once

#include "upf_books.h"

struct upf_change {
	struct upf_session *old;  /* NULL: the session is new */
	struct upf_session *next; /* NULL: it ends */
	/* What `next` was planned from, until the transaction's end; NULL when it ends. */
	const struct upf_session_obj *s;
	bool returns;    /* it came back from the store, */
	bool again;      /* with its counters */
	const void *had; /* what the store has of it, NULL: not known */
	size_t had_len;
	struct upf_change *later; /* in order of planning */
};

/* Plan that the session becomes `s` (complete; seid set). `modify`: F-TEIDs chosen under an id stay
 * although no PDR has the id any more. 0: `c` is filled in; 1: nothing changes; or a negative
 * errno. Without tables (a file is checked) all that can be checked is, and 1 returned. */
int upf_plan(const struct upf_session_obj *s, struct upf_session *old, bool modify,
	     struct upf_change *c, struct cst_err *e);
/* Plan a session that an earlier coastd had: it keeps its F-TEIDs and addresses and, where its run
 * is still in the arena, its counters and even the run when that says the same. */
struct upf_past;
int upf_plan_again(const struct upf_session_obj *s, const struct upf_past *past,
		   struct upf_change *c, struct cst_err *e);
int upf_plan_end(struct upf_session *old, struct upf_change *c, struct cst_err *e);

/* upf_ctl.c: another session ends in the running transaction, because of one that is planned.
 * -ENOMEM, undone. */
int upf_end_too(struct upf_change *c, struct cst_err *e);

void upf_change_commit(struct upf_change *c);
void upf_change_undo(struct upf_change *c);
