/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ethernet PDU sessions as the packet path sees them (TS 23.501 5.6.10.2): the
 * frame, the filters, which PDR takes it. The rules are runs like those of other
 * sessions (upf_core.h), with UPF_RULES_ETHERNET; their PDRs need UPF_NEED_FRAME,
 * and `sdf`, `n_sdf` of a PDR are the lines of struct upf_eth_filter.
 *
 * MAC addresses are numbers of 48 bits, the first octet uppermost. Pure.
 * Compiles with gcc -std=gnu11 and clang -target bpf.
 */
#pragma once

#include <stdint.h>

#include "flow.h"
#include "upf_match.h"
#include "vlan.h"

#define UPF_ETH_TYPE 0x01
#define UPF_ETH_CTAG 0x02
#define UPF_ETH_STAG 0x04
#define UPF_ETH_SDF  0x08

/* One filter of the frame as it is seen in the PDR's direction: all that it asks must hold. */
struct upf_eth_filter {
	uint8_t flags; /* UPF_ETH_*: what it asks beside the addresses */
	uint8_t pad;
	uint16_t ethertype;
	uint16_t ctag, ctag_mask, stag, stag_mask; /* tag control information, under its mask */
	uint32_t id;
	uint64_t src_lo, src_hi, dst_lo, dst_hi; /* inclusive; 0 and all ones: any */
	uint64_t reserved[2];
	struct upf_sdf sdf; /* with UPF_ETH_SDF: of the IP packet inside */
};
#define UPF_ETH_FILTER_LINES 2
_Static_assert(sizeof(struct upf_eth_filter) == 64 * UPF_ETH_FILTER_LINES, "lines of a run");

#define UPF_ETH_ANY_HI 0xffffffffffffull

struct upf_eth_frame {
	uint64_t dst, src;
	uint16_t ethertype;  /* behind the tags */
	uint16_t ctag, stag; /* tag control information of the outermost of each kind */
	uint8_t tags;        /* UPF_ETH_CTAG, UPF_ETH_STAG: it has one */
	uint8_t hdr_len;     /* tags included */
	uint8_t looked;      /* `flow` was asked for */
	uint8_t pad;
	const uint8_t *p; /* the frame */
	uint32_t len;
	struct cst_flow flow; /* family 0: it has no IP packet, or a broken one */
};

static inline uint64_t upf_eth_mac(const uint8_t *p)
{
	return (uint64_t)cst_be16(p) << 32 | cst_be32(p + 2);
}

static inline int upf_eth_is_group(uint64_t mac)
{
	return mac >> 40 & 1;
}

/* Addresses that no bridge forwards (IEEE 802.1Q 8.6.3): spanning tree, pause, LLDP. */
static inline int upf_eth_is_reserved(uint64_t mac)
{
	return mac >> 4 == 0x0180c200000ull;
}

/* 0, or -1: it ends within its header, or no station can have sent it. Never reads past `len`. */
static inline int upf_eth_parse(const uint8_t *p, uint32_t len, struct upf_eth_frame *f)
{
	struct cst_l2 l2;

	if (cst_l2_parse(p, len, &l2))
		return -1;
	f->dst = upf_eth_mac(p);
	f->src = upf_eth_mac(p + 6);
	f->ethertype = l2.ethertype;
	f->ctag = f->stag = 0;
	f->tags = 0;
	f->hdr_len = l2.len;
	f->looked = 0;
	f->p = p;
	f->len = len;
	f->flow.family = 0;
	for (int i = l2.tags - 1; i >= 0; i--) {
		if (l2.tpid[i] == CST_ETH_STAG) {
			f->stag = l2.tci[i];
			f->tags |= UPF_ETH_STAG;
		} else {
			f->ctag = l2.tci[i];
			f->tags |= UPF_ETH_CTAG;
		}
	}
	return f->src == 0 || upf_eth_is_group(f->src) ? -1 : 0;
}

static inline const struct cst_flow *upf_eth_flow(struct upf_eth_frame *f)
{
	if (f->looked)
		return &f->flow;
	f->looked = 1;
	if ((f->ethertype != CST_ETH_IPV4 && f->ethertype != CST_ETH_IPV6) ||
	    cst_flow_parse(f->p + f->hdr_len, f->len - f->hdr_len, &f->flow) != CST_IP_OK)
		f->flow.family = 0;
	return &f->flow;
}

static inline int upf_eth_filter_takes(const struct upf_eth_filter *q, struct upf_eth_frame *f,
				       int ul)
{
	const struct cst_flow *flow;

	if (f->src < q->src_lo || f->src > q->src_hi || f->dst < q->dst_lo || f->dst > q->dst_hi)
		return 0;
	if ((q->flags & UPF_ETH_TYPE) && q->ethertype != f->ethertype)
		return 0;
	if (q->flags & (UPF_ETH_CTAG | UPF_ETH_STAG) & ~f->tags)
		return 0;
	if ((q->flags & UPF_ETH_CTAG) && ((f->ctag ^ q->ctag) & q->ctag_mask))
		return 0;
	if ((q->flags & UPF_ETH_STAG) && ((f->stag ^ q->stag) & q->stag_mask))
		return 0;
	if (!(q->flags & UPF_ETH_SDF))
		return 1;
	flow = upf_eth_flow(f);
	return flow->family != 0 && upf_sdf_match(&q->sdf, flow, ul);
}

static inline int upf_eth_pdr_takes(const struct upf_rules *r, const struct upf_pdr *p,
				    struct upf_eth_frame *f)
{
	const struct upf_eth_filter *q = (const struct upf_eth_filter *)upf_line(r, p->sdf);

	for (uint32_t i = 0; i < p->n_sdf / UPF_ETH_FILTER_LINES; i++)
		if (upf_eth_filter_takes(&q[i], f, p->source_if == UPF_IF_ACCESS))
			return 1;
	return p->n_sdf == 0;
}

/* The rule by which a frame goes (TS 29.244 5.2.1), 0: none. `ask` without a flow. */
static inline const struct upf_pdr *upf_eth_match(const struct upf_rules *r, enum upf_dir dir,
						  const struct upf_ask *ask,
						  struct upf_eth_frame *f)
{
	const struct upf_pdr *p = upf_pdrs(r, dir);
	uint32_t n = upf_n_pdrs(r, dir);

	for (; n > 0; n--, p++)
		if (upf_pdr_misses(p, ask) == 0 && upf_eth_pdr_takes(r, p, f))
			return p;
	return 0;
}
