/* SPDX-License-Identifier: BSD-3-Clause */
/* What the control side asks of downlink buffers. Control thread. */
#pragma once

#include "upf_books.h"

/* for tests without an engine */
extern struct cst_module upf_buffer_module, upf_endmarker_module, upf_errind_module;

/* Drop what waits (PFCPSMReq-Flags DROBU, TS 29.244 5.2.3.1), now; what comes later is news again.
 * Before the rules of the same request. A session that nothing waits for is left alone. */
void upf_buffer_discard(uint64_t seid);

/* The control plane has told anew for how long packets are to wait (DL Buffering Duration, 8.2.31):
 * from now on. */
void upf_buffer_extend(uint64_t seid);

/* A quota of the session was granted, or its limits changed otherwise: packets that wait for that
 * are asked again. NULL: no session. */
void upf_buffer_granted(const struct upf_session *s);

/* Its control plane is to be told again of downlink that waits. */
void upf_buffer_notify_again(const struct upf_session *s);
/* Does downlink wait of which it was told? */
bool upf_buffer_is_heard(const struct upf_session *s);

/* For session.get. False: the session has never had to buffer. */
bool upf_buffer_state(const struct upf_session *s, struct upf_buffer_obj *out);
