/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Framed routes in the books: which session has which network in which network
 * instance. No two sessions have networks that overlap. Each is a service prefix
 * of the network instance, whose number leads the packet path to a slot with the
 * session's ref. Control thread, but for the slots.
 *
 * What a transaction takes and leaves shows at once, here and in the open stage
 * of the network, and upf_framed_abort() takes it all back, with the numbers: a
 * plan that fails keeps them until then.
 */
#pragma once

#include "upf_books.h"

/* Each costs two service prefixes' room in the routing tables' limit. */
#define UPF_MAX_FRAMED 16384

int upf_framed_open(uint32_t count, struct cst_err *e); /* -ENOMEM */
void upf_framed_close(void);

/* Take the network for a session as number `number` (a part of kind UPF_PART_FRAMED). -EADDRINUSE
 * with who has it or a part of it; -EEXIST, -ENOSPC of the routes. */
int upf_framed_take(uint32_t number, uint64_t seid, uint16_t vrf, const struct upf_net *net,
		    struct cst_err *e);
/* The session will not have it after the transaction. */
int upf_framed_leave(uint32_t number, struct cst_err *e);
void upf_framed_commit(void);
void upf_framed_abort(void);

/* Is number `number` this network in this network instance? */
bool upf_framed_is(uint32_t number, uint16_t vrf, const struct upf_net *net);
/* Workers see `ref` from now on; 0: it leads nowhere. */
void upf_framed_set(uint32_t number, uint32_t ref);

/* Who has a part of this prefix but `seid` (0: nobody is spared)? 0, or -EADDRINUSE and who. */
int upf_framed_check(uint16_t vrf, const struct cst_prefix *prefix, uint64_t seid,
		     struct cst_err *e);
