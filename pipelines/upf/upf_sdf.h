/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The text of a Flow Description (TS 29.244 8.2.5), an IPFilterRule as far as
 * TS 29.212 5.4.2 allows one:
 *
 *   permit out PROTO from REMOTE [PORTS] to UE [PORTS]
 *
 *   PROTO   ip, 0..255, or tcp, udp, sctp, icmp
 *   REMOTE  any, ADDRESS, ADDRESS/LENGTH
 *   UE      any, assigned, ADDRESS, ADDRESS/LENGTH
 *   PORTS   80  80-90  80,443,8000-8010
 *
 * It is written as downlink packets are seen: from the remote end to the UE.
 * `deny`, `in`, `!` and options are refused with the reason. Pure; any thread.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "upf_core.h"

#define UPF_SDF_TEXT_MAX    512 /* bytes of one description */
#define UPF_SDF_RANGES_MAX  8   /* port ranges on one side */
#define UPF_SDF_RECORDS_MAX 16  /* records of one description: remote ranges x UE ranges */

/* Parse `len` bytes at `text` (need not end in NUL) into records of which any may match. `assigned`
 * stands for the session's own addresses, which finding the session has already compared: it is
 * stored as any. Returns how many of out[0..UPF_SDF_RECORDS_MAX-1] were written, or -EINVAL, -E2BIG
 * with the reason in `e`. */
int upf_sdf_parse(const char *text, size_t len, struct upf_sdf *out, struct cst_err *e);
