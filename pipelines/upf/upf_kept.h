/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A session as the store keeps it (CST_DB_SESSION, under its SEID): the book as a
 * whole, so that it comes back with what coast chose for it, and where in the
 * arena its rules, counters and meters were. Control thread only.
 */
#pragma once

#include <stddef.h>

#include "upf_books.h"

/* Into the store's batch. `had` (may be NULL) is the value that is there: the same is not put. */
void upf_kept_put(const struct upf_session *s, const void *had, size_t had_len);
void upf_kept_drop(uint64_t seid);
/* The batch into the store's log, for what becomes of sessions outside requests: what fails is told
 * in the log alone. */
void upf_kept_write(void);
/* Both of one session. */
void upf_kept_update(const struct upf_session *s);

/* Read a value. The book is in `p` and as it was, but for what only a running transaction sees.
 * -EBADMSG: it is damaged; -EPROTONOSUPPORT: of a newer coastd; -ENOMEM. */
int upf_kept_read(const void *val, size_t len, struct cst_pool *p, struct upf_session **book,
		  uint32_t *state, struct upf_session_obj *out);
