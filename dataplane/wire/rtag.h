/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The redundancy tag (IEEE 802.1CB-2017 7.8): behind all VLAN tags, in front of
 * the EtherType of the payload,
 *
 *   F1 C1 | reserved 16 (sent 0, ignored) | sequence number 16 | EtherType ...
 *
 * Pointers are at the F1 C1, where an untagged frame has its EtherType. Numbers
 * in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "eth.h"

#define CST_RTAG_LEN 6 /* bytes that the tag adds to a frame */

enum cst_rtag_err {
	CST_RTAG_OK = 0,
	CST_RTAG_TRUNCATED = -1,
	CST_RTAG_NONE = -2, /* no redundancy tag here: a tagless frame, not a fault */
};

struct cst_rtag {
	uint16_t seq;
	uint16_t ethertype; /* of the payload */
};

static inline int cst_rtag_parse(const uint8_t *p, uint32_t len, struct cst_rtag *out)
{
	if (len < 2)
		return CST_RTAG_TRUNCATED;
	if (cst_be16(p) != CST_ETH_RTAG)
		return CST_RTAG_NONE;
	if (len < CST_RTAG_LEN + 2)
		return CST_RTAG_TRUNCATED;
	out->seq = cst_be16(p + 4);
	out->ethertype = cst_be16(p + 6);
	return CST_RTAG_OK;
}

/* Write the tag in front of an EtherType that stands at p + CST_RTAG_LEN. */
static inline uint32_t cst_rtag_put(uint8_t *p, uint16_t seq)
{
	cst_put_be32(p, (uint32_t)CST_ETH_RTAG << 16);
	cst_put_be16(p + 4, seq);
	return CST_RTAG_LEN;
}
