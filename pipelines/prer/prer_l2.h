/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames as this slice reads them: addresses, VLAN tags, redundancy tag (IEEE
 * 802.1CB 7.8), and the payload from its EtherType on. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "prer_stream.h"
#include "rtag.h"
#include "vlan.h"

struct prer_frame {
	const uint8_t *p;
	uint32_t len;    /* octets that may be read at `p`, the frame's or its first segment's */
	uint8_t l2_len;  /* up to and with the last VLAN tag: 12, 16 or 20 */
	uint8_t payload; /* offset of the EtherType that counts, behind a redundancy tag */
	uint16_t vlan;   /* outermost VID that is not 0, else 0 */
	uint16_t type;   /* the EtherType there */
	uint32_t seq;    /* PRER_NO_SEQ: no redundancy tag */
};

/* 0, or CST_L2_TRUNCATED: the frame ends within a tag. */
static inline int prer_frame_parse(const uint8_t *p, uint32_t len, struct prer_frame *f)
{
	struct cst_rtag tag;
	struct cst_l2 l2;
	int rc;

	if (cst_l2_parse(p, len, &l2))
		return CST_L2_TRUNCATED;
	*f = (struct prer_frame){.p = p, .len = len, .seq = PRER_NO_SEQ, .type = l2.ethertype};
	f->l2_len = (uint8_t)(l2.len - 2);
	f->payload = f->l2_len;
	for (int i = 0; i < l2.tags && !f->vlan; i++)
		f->vlan = CST_VLAN_VID(l2.tci[i]);
	rc = cst_rtag_parse(p + f->l2_len, len - f->l2_len, &tag);
	if (rc == CST_RTAG_TRUNCATED)
		return CST_L2_TRUNCATED;
	if (rc == CST_RTAG_OK) {
		f->payload += CST_RTAG_LEN;
		f->seq = tag.seq;
		f->type = tag.ethertype;
	}
	return 0;
}

#define PRER_WORD_TAGGED 0x01 /* union prer_word, flags: a redundancy tag stands at l2_len */

/* What becomes of a frame's addresses and outer VLAN tag. */
struct prer_l2_edit {
	int set_vlan;
	uint16_t vlan;       /* with set_vlan: outer VID; 0: without its outer tag */
	const uint8_t *dmac; /* NULL: as it is */
};

#define PRER_L2_MAX (12 + 3 * 4) /* addresses, two tags, and one more */

/* Write addresses and tags of the frame at `p`, of whose header `l2_len` octets are these, as
 * edited; how many. Priority and drop eligibility stay; an untagged frame gets a C-tag. */
static inline uint8_t prer_l2_put(uint8_t *out, const uint8_t *p, uint8_t l2_len,
				  const struct prer_l2_edit *e)
{
	uint8_t from = 12, at = 12;

	__builtin_memcpy(out, p, 12);
	if (e->dmac)
		__builtin_memcpy(out, e->dmac, 6);
	if (e->set_vlan) {
		int tagged = l2_len > 12;
		uint16_t tpid = tagged ? cst_be16(p + 12) : CST_ETH_CTAG;
		uint16_t tci = tagged ? cst_be16(p + 14) & 0xf000 : 0;

		if (e->vlan)
			at += cst_vlan_put(out + at, tpid, tci | e->vlan);
		from += tagged ? 4 : 0;
	}
	for (; from < l2_len; from += 4, at += 4)
		__builtin_memcpy(out + at, p + from, 4);
	return at;
}
