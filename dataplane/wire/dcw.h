/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What stands behind UDP in packets of a DetNet flow over IP (RFC 9566, with the
 * formats of RFC 9025, 8964 and 4385):
 *
 *   S-Label          20 | TC 3 | S 1 | TTL 8
 *   d-CW             0000 | sequence number 28
 *   payload
 *
 * A d-CW of 16 bits has bits 4 to 15 zero, one of 0 bits is all zero: it is
 * always there, and its length is agreed on per flow. Where its first nibble is
 * 1 the packet belongs to the associated channel of the flow or, under the
 * label GAL, of the path (RFC 5586): then it reads
 *
 *   ACH              0001 | version 4 (0) | reserved 8 (0) | channel type 16
 *
 * Pointers are at the label. Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"

#define CST_DCW_PORT 6635 /* MPLS-in-UDP (RFC 7510), UDP destination */
#define CST_DCW_LEN  8    /* label and control word */
#define CST_DCW_TTL  64   /* of the label; nobody counts it down */

#define CST_LABEL_GAL 13 /* RFC 5586 4 */
#define CST_LABEL_MIN 16 /* those below have meanings of their own (RFC 7274) */
#define CST_LABEL_MAX 0xfffffu

enum cst_dcw_err {
	CST_DCW_OK = 0,
	CST_DCW_TRUNCATED = -1,
	CST_DCW_STACK = -2,  /* more labels follow: F-Labels or an A-Label, which are not taken */
	CST_DCW_NIBBLE = -3, /* neither a d-CW nor an ACH of version 0 */
};

struct cst_dcw {
	uint32_t label;
	uint32_t seq;     /* all 28 bits, whatever length was agreed on */
	uint16_t channel; /* channel type, with `ach` */
	uint8_t ach;      /* associated channel: no d-CW, no payload of the flow */
};

static inline int cst_dcw_parse(const uint8_t *p, uint32_t len, struct cst_dcw *out)
{
	uint32_t label, word;

	if (len < CST_DCW_LEN)
		return len >= 4 && !(p[2] & 1) ? CST_DCW_STACK : CST_DCW_TRUNCATED;
	label = cst_be32(p);
	word = cst_be32(p + 4);
	if (!(label & 0x100))
		return CST_DCW_STACK;
	*out = (struct cst_dcw){.label = label >> 12};
	if (__builtin_expect(word >> 28 == 0, 1)) {
		out->seq = word;
		return CST_DCW_OK;
	}
	if (word >> 24 != 0x10)
		return CST_DCW_NIBBLE;
	out->ach = 1;
	out->channel = (uint16_t)word;
	return CST_DCW_OK;
}

static inline uint32_t cst_dcw_put_label(uint8_t *p, uint32_t label)
{
	cst_put_be32(p, label << 12 | 0x100 | CST_DCW_TTL);
	return 4;
}

/* `bits`: 0, 16 or 28; numbers wrap at them. */
static inline uint32_t cst_dcw_put(uint8_t *p, uint32_t label, uint32_t seq, unsigned bits)
{
	cst_dcw_put_label(p, label);
	cst_put_be32(p + 4, seq & ((1u << bits) - 1));
	return CST_DCW_LEN;
}

static inline uint32_t cst_dcw_put_ach(uint8_t *p, uint32_t label, uint16_t channel)
{
	cst_dcw_put_label(p, label);
	cst_put_be32(p + 4, 0x10000000u | channel);
	return CST_DCW_LEN;
}
