/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Drop reasons that more than one node of dataplane/net gives.
 */
#pragma once

#include "engine/node.h"

extern const struct cst_drop *const cst_drop_truncated;
extern const struct cst_drop *const cst_drop_not_ours;
extern const struct cst_drop *const cst_drop_multicast;
extern const struct cst_drop *const cst_drop_broadcast;
extern const struct cst_drop *const cst_drop_bad_source;
extern const struct cst_drop *const cst_drop_bad_destination;
extern const struct cst_drop *const cst_drop_blackhole;
extern const struct cst_drop *const cst_drop_no_route;
extern const struct cst_drop *const cst_drop_unresolved;
extern const struct cst_drop *const cst_drop_no_buffer;
extern const struct cst_drop *const cst_drop_no_headroom;
extern const struct cst_drop *const cst_drop_udp_bad_csum;
extern const struct cst_drop *const cst_drop_udp_no_csum;
extern const struct cst_drop *const cst_drop_udp_length;
extern const struct cst_drop *const cst_drop_scattered;
