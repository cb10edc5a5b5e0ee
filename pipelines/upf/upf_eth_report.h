/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * MAC addresses in usage reports: URRs of Ethernet PDU sessions with the trigger
 * MACAR tell those that are new behind the session and those that are gone (TS
 * 29.244 5.13.5). They are gathered and told with the next tick. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "upf_api_report.h"

/* One that is new behind the session with this first state line, or gone. */
void upf_eth_report_add(uint32_t state, uint64_t mac, bool gone);
/* Nothing more of this session: it has ended. */
void upf_eth_report_drop(uint32_t state);
/* Report what was gathered. */
void upf_eth_report_flush(void);
/* What the report that is made now tells. */
void upf_eth_report_fill(struct upf_usage_report_obj *r);
