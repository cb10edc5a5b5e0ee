/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The user plane inactivity timer of sessions (TS 29.244 5.11.3, 8.2.83): told
 * once when no packet was forwarded for as long, again after the next packets.
 * Counters are looked at eight times within the timer, at least each minute: so
 * much later than the timer says, and never earlier, is it told. Control thread.
 */
#pragma once

#include <stdint.h>

#include "err.h"

int upf_inactivity_open(uint32_t states, struct cst_err *e); /* first state lines 1..states */
void upf_inactivity_close(void);
void upf_inactivity_tick(void);
