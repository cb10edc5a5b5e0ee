/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Parallel Redundancy Protocol (IEC 62439-3): the redundancy control trailer,
 * the last octets of a frame,
 *
 *   sequence number 16 | LanId 4, A or B | LSDUsize 12 | 88 FB
 *
 * and supervision frames, by which nodes tell that they are alive. LSDUsize is what
 * follows the EtherType, trailer included. Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"
#include "eth.h"

#define CST_PRP_RCT_LEN  6
#define CST_PRP_SUFFIX   0x88fb /* and the EtherType of supervision frames */
#define CST_PRP_MAX_LSDU 4095   /* what the trailer can tell of, itself included */
#define CST_PRP_PADDED   46     /* octets behind the EtherType of the shortest frame */
#define CST_PRP_LAN_A    0xa
#define CST_PRP_LAN_B    0xb

enum cst_prp_err {
	CST_PRP_OK = 0,
	CST_PRP_TRUNCATED = -1,
	CST_PRP_NONE = -2, /* no trailer: a frame of an ordinary node, not a fault */
};

struct cst_prp_rct {
	uint16_t seq;
	uint8_t lan;
	uint8_t padding; /* octets behind it */
};

/* The trailer that ends `len` octets behind the EtherType. It may be that the sender counted VLAN
 * tags in; `tags`: how many there are. */
static inline int cst_prp_rct_at(const uint8_t *p, uint32_t len, uint32_t tags,
				 struct cst_prp_rct *out)
{
	const uint8_t *rct = p + len - CST_PRP_RCT_LEN;
	uint32_t word, size;

	if (len < CST_PRP_RCT_LEN || cst_be16(rct + 4) != CST_PRP_SUFFIX)
		return CST_PRP_NONE;
	word = cst_be16(rct + 2);
	size = (word & 0xfff) - len;
	if (size != 0 && (size & 3 || size > 4 * tags))
		return CST_PRP_NONE;
	out->seq = cst_be16(rct);
	out->lan = (uint8_t)(word >> 12);
	return out->lan == CST_PRP_LAN_A || out->lan == CST_PRP_LAN_B ? CST_PRP_OK : CST_PRP_NONE;
}

/* `p`: what follows the EtherType. The last octets are the trailer, or, where a frame was shorter
 * than Ethernet's shortest and was padded on its way, stand before the padding. */
static inline int cst_prp_rct_parse(const uint8_t *p, uint32_t len, uint32_t tags,
				    struct cst_prp_rct *out)
{
	uint32_t end = len;
	int rc = cst_prp_rct_at(p, len, tags, out);

	out->padding = 0;
	while (rc != CST_PRP_OK && len <= CST_PRP_PADDED && end > CST_PRP_RCT_LEN) {
		rc = cst_prp_rct_at(p, --end, tags, out);
		out->padding++;
	}
	return rc;
}

/* Write the trailer; `len` octets follow the EtherType, it included. */
static inline uint32_t cst_prp_rct_put(uint8_t *rct, uint16_t seq, uint8_t lan, uint32_t len)
{
	cst_put_be16(rct, seq);
	cst_put_be16(rct + 2, (uint16_t)(lan << 12 | (len & 0xfff)));
	cst_put_be16(rct + 4, CST_PRP_SUFFIX);
	return CST_PRP_RCT_LEN;
}

/* ---- supervision ---------------------------------------------------------------- */

enum cst_prp_tlv {
	CST_PRP_TLV_DISCARD = 20, /* the node discards duplicates */
	CST_PRP_TLV_ACCEPT = 21,
	CST_PRP_TLV_REDBOX = 30, /* it stands behind this RedBox */
};

#define CST_PRP_SUP_LEN 22 /* behind the EtherType, with both addresses and the end */

struct cst_prp_sup {
	uint16_t seq;
	uint8_t type;      /* CST_PRP_TLV_DISCARD or _ACCEPT */
	uint8_t behind;    /* `redbox` is there */
	uint8_t mac[6];    /* of the node */
	uint8_t redbox[6]; /* of the box that it stands behind */
};

/* `p`: what follows the EtherType 88 FB. CST_PRP_NONE: something else, or of another version. */
static inline int cst_prp_sup_parse(const uint8_t *p, uint32_t len, struct cst_prp_sup *out)
{
	if (len < 12)
		return CST_PRP_TRUNCATED;
	if ((cst_be16(p) & 0xfff) > 1 || p[5] < 6 ||
	    (p[4] != CST_PRP_TLV_DISCARD && p[4] != CST_PRP_TLV_ACCEPT))
		return CST_PRP_NONE;
	out->seq = cst_be16(p + 2);
	out->type = p[4];
	__builtin_memcpy(out->mac, p + 6, 6);
	out->behind = len >= 20 && p[5] == 6 && p[12] == CST_PRP_TLV_REDBOX && p[13] == 6;
	if (out->behind)
		__builtin_memcpy(out->redbox, p + 14, 6);
	return CST_PRP_OK;
}

/* Write what follows the EtherType; CST_PRP_SUP_LEN. */
static inline uint32_t cst_prp_sup_put(uint8_t *p, const struct cst_prp_sup *s)
{
	cst_put_be16(p, 1); /* path 0, version 1 */
	cst_put_be16(p + 2, s->seq);
	p[4] = s->type;
	p[5] = 6;
	__builtin_memcpy(p + 6, s->mac, 6);
	__builtin_memset(p + 12, 0, CST_PRP_SUP_LEN - 12);
	if (s->behind) {
		p[12] = CST_PRP_TLV_REDBOX;
		p[13] = 6;
		__builtin_memcpy(p + 14, s->redbox, 6);
	}
	return CST_PRP_SUP_LEN;
}

/* 01-15-4E-00-01-`last`: where supervision frames are sent. */
static inline void cst_prp_sup_group(uint8_t *mac, uint8_t last)
{
	static const uint8_t group[5] = {0x01, 0x15, 0x4e, 0x00, 0x01};

	__builtin_memcpy(mac, group, 5);
	mac[5] = last;
}
