/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's rules as the packet path sees them (TS 29.244 5.2.1, TS 29.281):
 * record layout, PDR matching. Pure: memory and time come in as arguments.
 * Compiles with gcc -std=gnu11 and clang -target bpf.
 *
 * A session's rules are one immutable run of 64-byte lines:
 *
 *   line 0            struct upf_rules: identity, UE addresses, where what is
 *   line 1 ..         struct upf_pdr, uplink ones, then downlink ones, each in
 *                     rising precedence value; the FAR is compiled into it
 *   after those       struct upf_sdf, the filters the PDRs refer to
 *
 * A session with one PDR each way is decided from two lines per packet. A
 * change makes a new run and turns the slots over; the old one is freed after
 * the grace period. What counts lives beside, in the state section.
 */
#pragma once

#include <stdint.h>

#include "addr.h"

/* A slot of the TEID table: index = teid >> tag_bits. Written whole (8 bytes). */
struct upf_teid_slot {
	uint32_t teid; /* host order; 0: free */
	uint32_t ref;  /* UPF_REF() */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct upf_teid_slot) == 8, "one load");

/* Where a session's rules are and who owns it, in one word: slots of UE pools hold it alone. */
#define UPF_REF_LINE_BITS    27
#define UPF_REF(owner, line) (((uint32_t)(owner) << UPF_REF_LINE_BITS) | (line))
#define UPF_REF_LINE(ref)    ((ref) & ((1u << UPF_REF_LINE_BITS) - 1))
#define UPF_REF_OWNER(ref)   ((ref) >> UPF_REF_LINE_BITS)

enum upf_dir { UPF_UL, UPF_DL }; /* by source interface: access -> UL, all others -> DL */

enum upf_iface { UPF_IF_ACCESS, UPF_IF_CORE, UPF_IF_SGI_LAN, UPF_IF_CP_FUNCTION }; /* 8.2.2 */

#define UPF_RULES_V4 0x01 /* ue_v4 valid */
#define UPF_RULES_V6 0x02 /* ue_v6 valid */

struct upf_rules {
	uint64_t seid;  /* the session's id on the socket */
	uint32_t state; /* its line in the state section */
	uint32_t generation;
	uint16_t n_lines; /* of the whole run */
	uint16_t n_ul, n_dl;
	uint16_t ul, dl;   /* line offsets of the first PDR of each direction */
	uint16_t sdf;      /* line offset of the first filter */
	uint8_t flags;     /* UPF_RULES_* */
	uint8_t ue_v6_len; /* prefix length, 64 or less */
	uint16_t vrf;      /* of the UE addresses */
	uint32_t ue_v4;    /* network order */
	uint8_t ue_v6[8];  /* upper half */
	uint32_t reserved[4];
};
_Static_assert(sizeof(struct upf_rules) == 64, "one cache line");

/* What a PDR asks before anything dearer is looked at: bits that the packet must have. */
#define UPF_NEED_V4     0x0001
#define UPF_NEED_V6     0x0002
#define UPF_NEED_TUNNEL 0x0004 /* came in a GTP-U tunnel */
#define UPF_NEED_PLAIN  0x0008 /* came as plain IP */
#define UPF_NEED_QFI    0x0010 /* had a PDU Session Container */

enum upf_action { UPF_DROP, UPF_FORW, UPF_BUFF }; /* one of them; 8.2.26 */

#define UPF_PDR_ENCAP 0x01 /* outer header creation: peer, out_teid */
#define UPF_PDR_PSC   0x02 /* with a PDU Session Container of out_qfi */
#define UPF_PDR_SPOOF 0x04 /* uplink: inner source must be the UE's */
#define UPF_PDR_KEEP  0x08 /* no outer header removal */
#define UPF_PDR_MARK  0x10 /* transport level marking: out_tos replaces the copied one */
#define UPF_PDR_NEVER \
	0x20 /* does not match: its FAR cannot forward yet, its application is unknown */
#define UPF_PDR_PSC_RQI 0x40

#define UPF_ANY_QFI (~(uint64_t)0)

struct upf_pdr {
	uint64_t qfi_set;           /* bit q: QFI q matches; all ones: any, also none */
	uint32_t teid;              /* F-TEID it wants, host order; 0: any of the session's */
	uint32_t need;              /* UPF_NEED_* */
	uint16_t in_vrf;            /* network instance it wants; 0: any */
	uint16_t sdf;               /* line offset of its first filter in the run */
	uint8_t n_sdf;              /* 0: all packets match */
	uint8_t action;             /* enum upf_action */
	uint8_t flags;              /* UPF_PDR_* */
	uint8_t source_if, dest_if; /* enum upf_iface */
	uint8_t out_qfi, out_tos;
	uint8_t pad0;
	uint32_t counter;  /* struct upf_count number in the state section */
	uint32_t peer;     /* struct upf_peer number */
	uint32_t out_teid; /* host order */
	uint16_t out_vrf;  /* network instance it leaves into */
	uint16_t id;       /* PDR ID */
	uint32_t far_id;
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct upf_pdr) == 64, "one cache line");

#define UPF_SDF_PROTO 0x01
#define UPF_SDF_TOS   0x02
#define UPF_SDF_SPI   0x04
#define UPF_SDF_LABEL 0x08
#define UPF_SDF_PORTS 0x10 /* needs a TCP, UDP or SCTP header in this packet */

/* One service data flow filter, told from the UE's side so that it serves both directions: the
 * remote end is the source downlink and the destination uplink. */
struct upf_sdf {
	uint8_t flags, family, proto;
	uint8_t remote_len, ue_len; /* prefix lengths; 0: any */
	uint8_t tos, tos_mask, pad;
	uint16_t remote_port_lo, remote_port_hi; /* host order, inclusive */
	uint16_t ue_port_lo, ue_port_hi;
	uint32_t spi;               /* host order */
	uint32_t flow_label;        /* 20 bits, host order */
	uint32_t id;                /* SDF filter id; 0: none */
	uint8_t remote[16], ue[16]; /* network order, host bits zero */
	uint32_t reserved;
};
_Static_assert(sizeof(struct upf_sdf) == 64, "one cache line");

/* One end-to-end GTP-U path: the outer IP and UDP headers ready to copy, lengths, checksum and
 * source port to be patched (upf_encap.h: upf_peer_set). Immutable while in use but for the MTU. */
struct upf_peer {
	uint16_t vrf;
	uint8_t family;  /* 4, 6; 0: free */
	uint8_t hdr_len; /* IP + UDP: 28 or 48 */
	uint32_t refs;   /* control side only */
	uint16_t mtu;    /* largest outer packet on the way there; 0: not known. Set by
			  * upf_path_refresh() (upf_node.h) when the record is made, then kept fresh */
	uint16_t pad;
	uint32_t reserved;
	uint8_t hdr[48];
};
_Static_assert(sizeof(struct upf_peer) == 64, "one cache line");

/* Mutable, owned by the session's worker. A state line holds four of these; the first of a
 * session's first line is the session's own. */
struct upf_count {
	uint64_t packets, bytes; /* bytes of inner IP packets */
};

/* One UE pool: where its slots begin. Packet path: slot = first + offset of the address. */
struct upf_pool {
	struct cst_prefix prefix;
	uint32_t first; /* in the pool-slot section */
	uint32_t count; /* addresses (v4) or /64 prefixes (v6) */
	uint16_t vrf;
	uint8_t unit; /* bits that one slot spans: 0 for v4 hosts, 64 for v6 */
	uint8_t used;
	uint32_t reserved[7];
};
_Static_assert(sizeof(struct upf_pool) == 64, "one cache line");
