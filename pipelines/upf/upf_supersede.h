/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A new session takes the place of one that its owner has forgotten: what both
 * want, addresses and F-TEIDs, goes over to the new one in the same transaction,
 * and the other one ends with its final reports. Control thread.
 */
#pragma once

#include "upf_plan.h"

/* While a session is planned: may what `holder` has be taken over from it? Then it ends in this
 * transaction. */
bool upf_supersede(struct upf_session *holder, struct cst_err *e);

/* Take over this address or F-TEID. NULL: it is not the holder's as a whole, or the transaction has
 * given it away already. */
struct upf_held_addr *upf_pass_addr(struct upf_session *holder, const struct upf_held_addr *a);
struct upf_held_teid *upf_pass_teid(struct upf_session *holder, uint32_t teid, uint16_t vrf);

/* At the commit: has it been taken over from the session that ends? Then it is no longer its own.
 */
bool upf_addr_passed(const struct upf_session *old, struct upf_held_addr *a);
bool upf_teid_passed(const struct upf_session *old, struct upf_held_teid *t);

void upf_supersede_undo(struct upf_session *holder);
