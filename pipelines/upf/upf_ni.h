/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Network instances as sessions name them, over and over the same few. Control
 * thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"
#include "err.h"

/* By name; NULL is the one named "default", as control planes leave it out when there is but one.
 * -ENOENT, -EINVAL (no default). */
int upf_ni_find(const char *name, uint16_t *vrf, struct cst_err *e);
/* Where it ends tunnels of this family; false: nowhere. */
bool upf_ni_local(uint16_t vrf, uint8_t family, struct cst_ip *out);
/* The one to reach a peer from: of the interface the peer is connected to or routed by when GTP-U
 * is on there, else the first of the network instance. False: there is none of the family. */
bool upf_ni_local_to(uint16_t vrf, const struct cst_ip *remote, struct cst_ip *out);
/* Does it end tunnels on this address? */
int upf_ni_check_local(uint16_t vrf, const struct cst_ip *ip, const char *field, struct cst_err *e);
