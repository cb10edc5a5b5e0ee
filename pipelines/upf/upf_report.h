/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Usage reports leave as events `session.usage_report`, kept in the journal until
 * the control plane acknowledges them; those that a request brings about are in its
 * reply as well. Control thread only.
 */
#pragma once

#include <stdbool.h>

#include "rpc/rpc.h"
#include "upf_api_report.h"

/* `owner` is told: its number, 0: whoever may acknowledge it. False: with `may_wait`, the store
 * cannot take it and nobody is told. */
bool upf_report_send(const struct upf_usage_report_obj *r, uint8_t owner, bool may_wait);
/* Another event of a session that its control plane must not miss; takes `data`. */
void upf_report_event(const struct cst_event_type *t, uint64_t seid, json_t *data);

/* ---- upf_report_merge.c -------------------------------------------------- */

/* Only what tells how much was used may become part of a later report (UPF_UR_*). */
bool upf_report_mergeable(uint32_t triggers);
/* cst_journal_merge for usage reports: sums, the first start and the last end. */
bool upf_report_merge(const json_t *older, json_t *newer);

/* With `on` reports are kept for replies, by session, from now on, and what was kept before is
 * forgotten; without, no more are. */
void upf_report_collect(bool on);
/* The session's reports, an array; NULL: none. New reference. */
json_t *upf_report_collected(uint64_t seid);

/* No packets for as long as the session's user plane inactivity timer says. */
void upf_report_inactive(uint64_t seid, const struct upf_f_seid_obj *cp_f_seid, uint32_t seconds);
