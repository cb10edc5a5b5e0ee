/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames of Ethernet PDU sessions against a filter: one filter as it lies in a run,
 * with prefix lengths brought into range as the compiler of rules guarantees, then
 * the frame.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upf_eth_core.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

/* What a filter that asks nothing takes. */
static void all_match(struct upf_eth_frame *f)
{
	const struct upf_eth_filter any = {.src_hi = UPF_ETH_ANY_HI, .dst_hi = UPF_ETH_ANY_HI};

	must(upf_eth_filter_takes(&any, f, 0) && upf_eth_filter_takes(&any, f, 1));
}

static void match(const struct upf_eth_filter *q, struct upf_eth_frame *f)
{
	for (int ul = 0; ul < 2; ul++) {
		if (!upf_eth_filter_takes(q, f, ul))
			continue;
		must(f->src >= q->src_lo && f->src <= q->src_hi);
		must(!(q->flags & UPF_ETH_TYPE) || q->ethertype == f->ethertype);
		must(!(q->flags & UPF_ETH_CTAG) || (f->tags & UPF_ETH_CTAG));
		must(!(q->flags & UPF_ETH_SDF) || f->flow.family == 4 || f->flow.family == 6);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upf_eth_filter q;
	struct upf_eth_frame f;
	uint8_t *frame;
	size_t len;

	if (size < sizeof(q))
		return 0;
	memcpy(&q, data, sizeof(q));
	q.sdf.remote_len %= 129;
	q.sdf.ue_len %= 129;
	/* exactly as long as it is, so that a read behind it is seen */
	len = size - sizeof(q);
	frame = malloc(len ? len : 1);
	if (!frame)
		return 0;
	memcpy(frame, data + sizeof(q), len);
	if (upf_eth_parse(frame, (uint32_t)len, &f) == 0) {
		must(f.hdr_len <= len && f.src != 0 && !upf_eth_is_group(f.src));
		match(&q, &f);
		all_match(&f);
		must(upf_eth_flow(&f)->family == 0 || f.flow.ip_len <= len - f.hdr_len);
	}
	free(frame);
	return 0;
}
