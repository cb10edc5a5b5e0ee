/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * PDRs that match from some time on or until some time (TS 29.244 8.2.121,
 * 8.2.122): the session is compiled anew whenever one of its PDRs begins or
 * ends to match. Times are UNIX times in seconds. Control thread.
 */
#pragma once

#include "upf_api.h"

/* With both times the one that comes later has the last word: from activation until deactivation,
 * or until deactivation and then again from activation on. */
bool upf_pdr_active(const struct upf_pdr_obj *pdr, uint32_t now);
/* The next time after `now` at which that changes; 0: never. */
uint32_t upf_pdr_turns(const struct upf_pdr_obj *pdr, uint32_t now);

uint32_t upf_unix_time(void); /* of upf_clock(); during upf_times_run() what that was called with */

struct upf_session;
/* Compile a session's rules anew from what is kept of them, and make that live. 1: they are the
 * same; or a negative errno. Not while a transaction is open. */
int upf_renew(struct upf_session *old, struct cst_err *e);

/* Compile anew what is due at `now`. From the tick. */
void upf_times_run(uint32_t now);
