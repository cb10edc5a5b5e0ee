/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What redundant streams read of their peers: redundancy tags in frames, label and
 * control word behind UDP, path probes. What a parser accepts lies within the
 * input, and is what was written when it is written again.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dcw.h"
#include "prer_l2.h"
#include "prer_probe_core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void try_probe(const uint8_t *p, uint32_t len)
{
	uint8_t again[PRER_PROBE_LEN];
	struct prer_probe probe;

	if (prer_probe_parse(p, len, &probe))
		return;
	must(len >= PRER_PROBE_LEN);
	must(probe.kind == PRER_PROBE_QUESTION || probe.kind == PRER_PROBE_ANSWER);
	must(prer_probe_put(again, &probe) == PRER_PROBE_LEN);
	must(memcmp(again, p, PRER_PROBE_LEN) == 0);
}

static void try_dcw(const uint8_t *p, uint32_t len)
{
	uint8_t again[CST_DCW_LEN];
	struct cst_dcw cw;

	if (cst_dcw_parse(p, len, &cw))
		return;
	must(len >= CST_DCW_LEN && cw.label <= CST_LABEL_MAX);
	if (cw.ach) {
		/* the reserved octet is not looked at */
		cst_dcw_put_ach(again, cw.label, cw.channel);
		must(memcmp(again + 6, p + 6, 2) == 0);
		try_probe(p + CST_DCW_LEN, len - CST_DCW_LEN);
	} else {
		must(cw.seq < 1u << 28);
		cst_dcw_put(again, cw.label, cw.seq, 28);
		must(memcmp(again + 4, p + 4, 4) == 0);
	}
	must(cst_be32(again) >> 12 == cst_be32(p) >> 12);
}

static void try_rtag(const uint8_t *p, uint32_t len)
{
	uint8_t again[CST_RTAG_LEN + 2];
	struct cst_rtag tag;

	if (cst_rtag_parse(p, len, &tag))
		return;
	must(len >= sizeof(again));
	cst_put_be16(again + CST_RTAG_LEN, tag.ethertype);
	cst_rtag_put(again, tag.seq);
	must(memcmp(again, p, 2) == 0 && memcmp(again + 4, p + 4, 4) == 0);
}

static void try_frame(const uint8_t *p, uint32_t len)
{
	struct prer_frame f;

	if (prer_frame_parse(p, len, &f))
		return;
	must(f.l2_len == 12 || f.l2_len == 16 || f.l2_len == 20);
	must(f.payload == f.l2_len + (f.seq == PRER_NO_SEQ ? 0 : CST_RTAG_LEN));
	must(f.payload + 2u <= len && f.vlan < 4096);
	must(f.type == cst_be16(p + f.payload));
	if (prer_probe_is_frame(p + f.payload, len - f.payload))
		try_probe(p + f.payload + 2, len - f.payload - 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t len = size > 65536 ? 65536 : (uint32_t)size;

	try_dcw(data, len);
	try_rtag(data, len);
	try_frame(data, len);
	try_probe(data, len);
	return 0;
}
