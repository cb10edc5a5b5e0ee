/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * TCP header (RFC 9293). Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"

#define CST_TCP_FIN 0x01
#define CST_TCP_SYN 0x02
#define CST_TCP_RST 0x04
#define CST_TCP_ACK 0x10

enum cst_tcp_err {
	CST_TCP_OK = 0,
	CST_TCP_TRUNCATED = -1, /* fewer bytes than the header, or than its data offset says */
	CST_TCP_OFFSET = -2,    /* data offset below 20 */
};

struct cst_tcp {
	uint16_t src_port, dst_port;
	uint32_t seq, ack;
	uint8_t hdr_len; /* with options, 20..60 */
	uint8_t flags;   /* CST_TCP_* */
	uint16_t window;
};

/* `len`: bytes of the IP payload. */
static inline int cst_tcp_parse(const uint8_t *p, uint32_t len, struct cst_tcp *out)
{
	if (len < 20)
		return CST_TCP_TRUNCATED;
	out->src_port = cst_be16(p);
	out->dst_port = cst_be16(p + 2);
	out->seq = cst_be32(p + 4);
	out->ack = cst_be32(p + 8);
	out->hdr_len = (uint8_t)((p[12] >> 4) * 4);
	out->flags = p[13];
	out->window = cst_be16(p + 14);
	if (out->hdr_len < 20)
		return CST_TCP_OFFSET;
	if (out->hdr_len > len)
		return CST_TCP_TRUNCATED;
	return CST_TCP_OK;
}
