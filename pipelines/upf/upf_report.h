/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Usage reports leave as events `session.usage_report`; those that a request
 * brings about are in its reply as well. Control thread only.
 */
#pragma once

#include <stdbool.h>

#include "upf_api.h"

void upf_report_send(const struct upf_usage_report_obj *r);

/* With `on` reports are kept for replies, by session, from now on, and what was kept before is
 * forgotten; without, no more are. */
void upf_report_collect(bool on);
/* The session's reports, an array; NULL: none. New reference. */
json_t *upf_report_collected(uint64_t seid);

/* No packets for as long as the session's user plane inactivity timer says. */
void upf_report_inactive(uint64_t seid, const struct upf_f_seid_obj *cp_f_seid, uint32_t seconds);
