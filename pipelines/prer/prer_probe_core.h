/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Path probes: a question that goes by one path, and the answer that the far end,
 * another coast, sends back at once. 24 octets, all numbers in network order:
 *
 *   0  magic 63 50 | version 1 | kind: 1 question, 2 answer
 *   4  number of the path, the asker's own
 *   8  token: known to the asker alone, so that nobody else can make an answer
 *  12  sequence number of the question
 *  16  time of the question, by the asker's own clock; 64 bits
 *
 * The answer repeats what was asked but for the kind. What follows is padding.
 *
 * On routed paths a probe is a message of the path's associated channel (RFC
 * 5586): IP, UDP 6635, label 13 (GAL), ACH of an experimental channel type. On
 * Ethernet paths it stands behind the EtherType for local experiments (IEEE 802,
 * 9.2.4), behind VLAN tags if any; questions go to a group address, answers to who
 * asked.
 *
 * Numbers in host order. Pure, any thread.
 */
#pragma once

#include <stdint.h>

#include "be.h"

#define PRER_PROBE_CHANNEL   0x7ffa /* of those for experiments, 0x7ff8..0x7fff */
#define PRER_PROBE_ETHERTYPE 0x88b5
#define PRER_PROBE_LEN       24
#define PRER_PROBE_VERSION   1
#define PRER_PROBE_MAGIC     0x6350
#define PRER_PROBE_TOS       0xc0 /* class selector 6, as routing has it (RFC 4594 3.2) */

enum prer_probe_kind { PRER_PROBE_QUESTION = 1, PRER_PROBE_ANSWER = 2 };

struct prer_probe {
	uint32_t path;
	uint32_t token;
	uint32_t seq;
	uint8_t kind; /* enum prer_probe_kind */
	uint64_t time;
};

/* 0, or -1: it is none, or cut short. */
static inline int prer_probe_parse(const uint8_t *p, uint32_t len, struct prer_probe *out)
{
	uint32_t head;

	if (len < PRER_PROBE_LEN)
		return -1;
	head = cst_be32(p);
	if (head >> 8 != (PRER_PROBE_MAGIC << 8 | PRER_PROBE_VERSION))
		return -1;
	*out = (struct prer_probe){
		.kind = (uint8_t)head,
		.path = cst_be32(p + 4),
		.token = cst_be32(p + 8),
		.seq = cst_be32(p + 12),
		.time = cst_be64(p + 16),
	};
	return out->kind == PRER_PROBE_QUESTION || out->kind == PRER_PROBE_ANSWER ? 0 : -1;
}

static inline uint32_t prer_probe_put(uint8_t *p, const struct prer_probe *in)
{
	cst_put_be32(p, (uint32_t)PRER_PROBE_MAGIC << 16 | PRER_PROBE_VERSION << 8 | in->kind);
	cst_put_be32(p + 4, in->path);
	cst_put_be32(p + 8, in->token);
	cst_put_be32(p + 12, in->seq);
	cst_put_be64(p + 16, in->time);
	return PRER_PROBE_LEN;
}

/* Whether a frame is one of these, by its bytes from the EtherType behind its VLAN tags on; others
 * have that EtherType too, for protocols of their own. */
static inline int prer_probe_is_frame(const uint8_t *p, uint32_t len)
{
	return len >= 4 && cst_be32(p) == ((uint32_t)PRER_PROBE_ETHERTYPE << 16 | PRER_PROBE_MAGIC);
}
