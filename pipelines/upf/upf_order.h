/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request asks to be done once, and which is not kept as part of the
 * session: dropping what is buffered (DROBU), End Markers (SNDEM), a new term for
 * the buffer; and which FARs it speaks of, for those are no longer held.
 * Control thread; one transaction at a time.
 */
#pragma once

#include "upf_api.h"

/* From upf_ctl.c, around the planning of one session: a put frees all FARs that are held, a modify
 * those that it updates. */
void upf_order_put(void);
void upf_order_modify(const struct upf_modify_obj *m);
void upf_order_planned(void);

/* Take the orders out of what is to be kept: `s` is the session after upf_intent_modify(). */
void upf_order_strip(const struct upf_modify_obj *m, struct upf_session_obj *s);

/* Keep them until the transaction ends; memory from `p`. -ENOMEM. */
int upf_order_keep(const struct upf_modify_obj *m, struct cst_pool *p, struct cst_err *e);
void upf_orders_before_commit(void);
void upf_orders_after_commit(void);
void upf_orders_forget(void); /* at its begin and end, whichever */

/* Of the transaction being committed: is the tunnel that this FAR leaves to be ended by a marker?
 */
bool upf_order_marks(uint64_t seid, uint32_t far);

/* ---- while a session is planned ---- */

/* Does the request speak of this FAR? */
bool upf_order_frees(uint32_t far);

/* FARs to be held from now on: set by upf_errind.c around a modify of nothing. */
struct upf_order_holds {
	const uint32_t *fars;
	unsigned n;
};
extern struct upf_order_holds upf_order_holds;

struct upf_session;
/* The same rules may have to be planned anew: a FAR is to be held or is held no longer. */
bool upf_order_replans(const struct upf_session *old);
