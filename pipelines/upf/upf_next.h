/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The tunnel that a FAR is prepared to leave by, beside the one that it leaves
 * by now: what updates make of it, and what is wrong with it. Pure.
 */
#pragma once

#include "upf_api.h"

/* After `delta` was merged into `far`: carry out its hand_over, which is not kept. A FAR that was
 * told the prepared tunnel as its own has taken it. -ENOENT: there is none. */
int upf_next_settle(const struct upf_far_obj *delta, struct upf_far_obj *far, struct cst_err *e);

/* -EINVAL, -ENOSPC with the field. */
int upf_next_check(const struct upf_far_obj *far, struct cst_err *e);

/* Does the FAR leave by this tunnel by now? `before`: the FAR that had it prepared. */
bool upf_next_is_taken(const struct upf_far_obj *before, const struct upf_far_obj *far);

/* The network instance that it lies in, NULL: not named. */
const char *upf_next_instance(const struct upf_far_obj *far);

/* Does any FAR of the session have one? */
bool upf_next_any(const struct upf_session_obj *s);

static inline bool upf_next_is_fed(const struct upf_far_obj *far)
{
	return cst_has(far, FAR_NEXT_TUNNEL) && far->next_tunnel.feed;
}

/* Copies that it asks for (DUPL). */
static inline unsigned upf_far_copies(const struct upf_far_obj *far)
{
	return far->apply_action & UPF_AA_DUPL ? far->duplicating_parameters.n : 0;
}

/* The same far end and TEID. */
bool upf_same_ohc(const struct upf_ohc_obj *a, const struct upf_ohc_obj *b);
