/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Redundant transmission on N3 and N9 (TS 23.501 5.33.2.2, TS 29.244 5.24.2):
 * one QoS flow's packets by two tunnels. Downlink coast numbers each packet and
 * sends it twice (DFRT); uplink it lets the first copy pass and drops the other
 * one (EDRT). What rules ask for, and what is wrong with it. Pure.
 */
#pragma once

#include "upf_compile.h"

/* The second tunnel that a FAR names; NULL: none. */
const struct upf_rtfp_obj *upf_far_second(const struct upf_far_obj *far);

/* -EINVAL with the field. */
int upf_redundant_check(const struct upf_far_obj *far, struct cst_err *e);

/* The other tunnel of each PDR that has one; after all else in its record is known. -EINVAL with
 * the path of the field. */
int upf_redundant_link(struct upf_link *links, unsigned n, struct cst_err *e);
