/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * IPv4 fragmentation of user packets (RFC 791 3.2) that allow it and do not fit
 * into their tunnel. Worker only, off the common path.
 */
#pragma once

#include <stdint.h>

#include <rte_mbuf.h>

#define UPF_MAX_FRAGS 64 /* 65 535 bytes at an MTU of 1092 */

/* Copies of the packet's bytes in packets of at most `mtu` bytes, and of one buffer, from the same
 * pool, with struct cst_pkt copied. The packet itself is left alone. Returns how many, 0 when there
 * are not enough buffers or more than UPF_MAX_FRAGS would be needed. */
uint16_t upf_fragment(struct rte_mbuf *m, uint16_t mtu, struct rte_mbuf *out[UPF_MAX_FRAGS]);
