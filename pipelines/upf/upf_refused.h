/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions that could not come back after a restart: their network instance is
 * gone, or a pool. They stay in the store and keep their SEID, the F-TEIDs and the
 * addresses that coast chose, until they are put anew or deleted; the next start
 * tries again. Control thread only.
 */
#pragma once

#include "upf_books.h"

/* `book` is copied. */
void upf_refused_keep(const struct upf_session *book);
bool upf_refused_has(uint64_t seid);
/* It is put anew or deleted: what it kept is free. False: there is none. */
bool upf_refused_let_go(uint64_t seid);
void upf_refused_close(void);
