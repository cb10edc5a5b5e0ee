/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The L2 header with up to two VLAN tags (IEEE 802.1Q): S-tag and C-tag, or
 * one of them. A third tag is left standing as the EtherType.
 *
 * Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "eth.h"

#define CST_VLAN_VID(tci) ((tci)&0xfff)
#define CST_VLAN_DEI(tci) ((tci) >> 12 & 1)
#define CST_VLAN_PCP(tci) ((tci) >> 13)

#define CST_L2_TRUNCATED -1

struct cst_l2 {
	uint16_t ethertype; /* behind the tags */
	uint8_t len;        /* 14, 18 or 22 */
	uint8_t tags;       /* 0..2 */
	uint16_t tpid[2];   /* outer first */
	uint16_t tci[2];
};

/* 0, or CST_L2_TRUNCATED when the frame ends within the header. Never reads past `len`. */
static inline int cst_l2_parse(const uint8_t *p, uint32_t len, struct cst_l2 *out)
{
	uint32_t off = 12;
	uint16_t type;

	*out = (struct cst_l2){0};
	if (len < 14)
		return CST_L2_TRUNCATED;
	type = cst_be16(p + 12);
	for (int i = 0; i < 2 && (type == CST_ETH_CTAG || type == CST_ETH_STAG); i++) {
		if (off + 6 > len)
			return CST_L2_TRUNCATED;
		out->tpid[i] = type;
		out->tci[i] = cst_be16(p + off + 2);
		out->tags++;
		off += 4;
		type = cst_be16(p + off);
	}
	out->ethertype = type;
	out->len = (uint8_t)(off + 2);
	return 0;
}

/* Write the four bytes of a tag: type and control information. */
static inline uint32_t cst_vlan_put(uint8_t *p, uint16_t tpid, uint16_t tci)
{
	cst_put_be16(p, tpid);
	cst_put_be16(p + 2, tci);
	return 4;
}

/* Write an L2 header, with a C-tag when `tci` is not 0; 14 or 18. */
static inline uint32_t cst_l2_put(uint8_t *p, const uint8_t *dst, const uint8_t *src, uint16_t type,
				  uint16_t tci)
{
	if (!tci)
		return cst_eth_put(p, dst, src, type);
	cst_eth_put(p, dst, src, CST_ETH_CTAG);
	cst_put_be16(p + 14, tci);
	cst_put_be16(p + 16, type);
	return 18;
}
