/* SPDX-License-Identifier: BSD-3-Clause */
/* For tests: a store in memory for owners, an empty journal, and sessions that are counters. */
#pragma once

#include "owner.h"

extern int double_write_error; /* what cst_store_write() returns, 0: it works */
void double_store_clear(void);

#define DOUBLE_SESSIONS 200

struct double_session {
	unsigned owner; /* 0: ended */
	bool stale, local;
	uint64_t seconds; /* of its class; 0: without end */
};
extern struct double_session double_sessions[DOUBLE_SESSIONS]; /* SEID is the place + 1 */
/* They take their time to be nobody's. */
extern bool double_lingers;
/* The last turn, "INERTIAL>RECONCILING"; "": none since it was asked. */
const char *double_turned(void);
void double_owned_add(void);
