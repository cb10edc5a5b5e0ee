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
