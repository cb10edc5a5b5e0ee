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
 *   after those       struct upf_sdf, the filters the PDRs refer to, and struct
 *                     upf_net, the networks behind the UE
 *   then              struct upf_qer, struct upf_policy and more struct upf_pdr,
 *                     for the PDRs that ask for more than forwarding
 *   last              a sieve for each direction with many PDRs (upf_sieve.h)
 *
 * Lines 1 and 2 hold PDR records in any run, in place of missing ones records
 * that never match: with one PDR each way a packet is decided from one line, and
 * line 0 is not read. A change makes a new run and turns the slots over; the old
 * one is freed after the grace period. What counts lives beside, in the state
 * section.
 */
#pragma once

#include <stdint.h>

#include "addr.h"

/* A slot of the TEID table: index = teid >> tag_bits. Written whole (8 bytes). */
struct upf_teid_slot {
	uint32_t tag; /* the TEID's lower tag_bits bits; above them the session's state line, as far
		       * as it fits: a hint where its packets are counted */
	uint32_t ref; /* UPF_REF(); 0: free */
} __attribute__((aligned(8)));
_Static_assert(sizeof(struct upf_teid_slot) == 8, "one load");

/* Where a session's rules are and who owns it, in one word: slots of UE pools hold it alone. */
#define UPF_REF_LINE_BITS    27
#define UPF_REF(owner, line) (((uint32_t)(owner) << UPF_REF_LINE_BITS) | (line))
#define UPF_REF_LINE(ref)    ((ref) & ((1u << UPF_REF_LINE_BITS) - 1))
#define UPF_REF_OWNER(ref)   ((ref) >> UPF_REF_LINE_BITS)

enum upf_dir { UPF_UL, UPF_DL }; /* by source interface: access -> UL, all others -> DL */

/* 8.2.2, 8.2.24 */
enum upf_iface {
	UPF_IF_ACCESS,
	UPF_IF_CORE,
	UPF_IF_SGI_LAN,
	UPF_IF_CP_FUNCTION,
	UPF_IF_LI_FUNCTION /* destination of copies only */
};

#define UPF_RULES_V4     0x01 /* ue_v4 valid */
#define UPF_RULES_V6     0x02 /* ue_v6 valid */
#define UPF_RULES_SECOND 0x04 /* an uplink PDR has a second tunnel */

/* Where a direction's sieve is, if it has one: upf_sieve.h. */
struct upf_sieve {
	uint16_t line;  /* offset of its table; 0: the PDRs are looked at one by one */
	uint16_t kinds; /* four bits a field, what it goes by; the upper four: how many fields */
};

/* In upf_rules.flags: an Ethernet PDU session, which has frames and no packets (upf_eth_core.h). */
#define UPF_RULES_ETHERNET 0x80

struct upf_rules {
	uint64_t seid;  /* the session's id on the socket */
	uint32_t state; /* its line in the state section */
	uint32_t generation;
	uint16_t n_lines; /* of the whole run */
	uint16_t n_ul, n_dl;
	uint16_t ul, dl;         /* line offsets of the first PDR of each direction */
	uint16_t sdf;            /* line offset of the first filter */
	uint8_t flags;           /* UPF_RULES_* */
	uint8_t ue_v6_len;       /* prefix length, 64 or less */
	uint16_t vrf;            /* of the UE addresses */
	uint32_t ue_v4;          /* network order */
	uint8_t ue_v6[8];        /* upper half */
	uint16_t nets;           /* line offset of the first struct upf_net */
	uint16_t n_nets;         /* all that the session has */
	uint16_t buffer_packets; /* downlink packets that may wait */
	uint8_t notify_delay;    /* from the first of them to its notification, 50 ms */
	uint8_t pad;
	uint32_t buffer_for;       /* seconds that they may wait, 0: without end; control side */
	struct upf_sieve sieve[2]; /* index: enum upf_dir */
};
_Static_assert(sizeof(struct upf_rules) == 64, "one cache line");

/* What a PDR asks before anything dearer is looked at: bits that the packet must have. */
#define UPF_NEED_V4     0x0001
#define UPF_NEED_V6     0x0002
#define UPF_NEED_TUNNEL 0x0004 /* came in a GTP-U tunnel */
#define UPF_NEED_PLAIN  0x0008 /* came as plain IP */
#define UPF_NEED_QFI    0x0010 /* had a PDU Session Container */
#define UPF_NEED_FRAME  0x0020 /* an Ethernet frame: no PDR of such a session takes an IP packet */

enum upf_action { UPF_DROP, UPF_FORW, UPF_BUFF }; /* one of them; 8.2.26 */

#define UPF_PDR_ENCAP   0x01 /* outer header creation: peer, out_teid */
#define UPF_PDR_PSC     0x02 /* with a PDU Session Container of out_qfi */
#define UPF_PDR_SPOOF   0x04 /* the user's end, uplink the source, must be the UE's or in `nets` */
#define UPF_PDR_KEEP    0x08 /* no outer header removal */
#define UPF_PDR_MARK    0x10 /* transport level marking: out_tos replaces the copied one */
#define UPF_PDR_NEVER   0x20 /* does not match: not active yet, or no more */
#define UPF_PDR_PSC_RQI 0x40
#define UPF_PDR_POLICY  0x80 /* asks for more: struct upf_policy at line `policy` */

/* In upf_pdr.brief: what of its only filter stands in the record itself. */
#define UPF_BRIEF       0x80 /* all of it */
#define UPF_BRIEF_V4    0x01
#define UPF_BRIEF_ADDR  0x02 /* brief_addr: the remote end's */
#define UPF_BRIEF_PORTS 0x04 /* needs a TCP, UDP or SCTP header in this packet */
#define UPF_BRIEF_PORT  0x08 /* brief_port: the remote end's */
#define UPF_BRIEF_PROTO 0x10 /* brief_proto */

#define UPF_ANY_QFI (~(uint64_t)0)

#define UPF_FIRST   1
#define UPF_ONLY    2
#define UPF_OF_MANY 3 /* first, and the direction has a sieve */

/* Where the first PDR of each direction is in nearly all runs. */
#define UPF_LINE_UL 1
#define UPF_LINE_DL 2

struct upf_pdr {
	uint64_t qfi_set; /* bit q: QFI q matches; all ones: any, also none */
	uint32_t teid;    /* F-TEID it wants, host order; 0: any of the session's */
	uint16_t need;    /* UPF_NEED_* */
	uint8_t brief;    /* UPF_BRIEF*; 0: filters are to be read */
	uint8_t brief_proto;
	uint16_t in_vrf;            /* network instance it wants; 0: any */
	uint16_t sdf;               /* line offset of its first filter in the run */
	uint8_t n_sdf;              /* 0: all packets match */
	uint8_t action;             /* enum upf_action */
	uint8_t flags;              /* UPF_PDR_* */
	uint8_t source_if, dest_if; /* enum upf_iface */
	uint8_t out_qfi, out_tos;
	uint8_t first;     /* of its direction: UPF_FIRST, UPF_ONLY, UPF_OF_MANY; 0: it is not */
	uint32_t counter;  /* struct upf_count number in the state section */
	uint32_t peer;     /* struct upf_peer number */
	uint32_t out_teid; /* host order */
	uint16_t out_vrf;  /* network instance it leaves into */
	uint16_t id;       /* PDR ID */
	uint32_t far_id;
	uint16_t policy;   /* line offset, with UPF_PDR_POLICY */
	uint16_t nets;     /* line offset of its first struct upf_net */
	uint8_t n_nets;    /* with UPF_PDR_SPOOF: networks whose addresses are the user's too */
	uint8_t nets_only; /* with UPF_PDR_SPOOF: and the UE's own address is not */
	uint16_t brief_port;
	union {
		uint32_t shun; /* without UPF_BRIEF: first looks at a flow that say none of its
				* filters matches (upf_match.h) */
		uint32_t brief_addr; /* with it; network order */
	};
	uint32_t ue_v4; /* the UE's address as in struct upf_rules, 0: it has none */
};
_Static_assert(sizeof(struct upf_pdr) == 64, "one cache line");

/* A network behind the UE (framed route). */
struct upf_net {
	uint8_t addr[16]; /* network order, host bits zero; IPv4 in the first four */
	uint8_t family, len;
	uint16_t pad;
	uint32_t reserved[3];
};
_Static_assert(sizeof(struct upf_net) == 32, "two in a cache line");

#define UPF_POLICY_QERS 16
#define UPF_POLICY_URRS 16
#define UPF_MAX_COPIES  4

#define UPF_POLICY_GATE   0x01 /* a QER's gate is closed this way */
#define UPF_POLICY_NOTIFY 0x02 /* the control plane is told when packets begin to wait (NOCP) */
#define UPF_POLICY_RESTS  0x04 /* a URR tells rests in the traffic: each packet asks its limits */

/* What a PDR's packets pass beyond the match, in this order: quota, usage before QoS, gate, all
 * meters, usage after QoS, copies. PDRs that ask the same share one. */
struct upf_policy {
	uint8_t flags; /* UPF_POLICY_* */
	uint8_t n_qers, n_urrs;
	uint8_t n_before; /* URRs measured before QoS enforcement; they stand first */
	uint8_t n_copies;
	uint8_t second;  /* redundant transmission: behind the copies stands the second tunnel */
	uint16_t copies; /* line of the first of n_copies struct upf_pdr: where copies go (DUPL) */
	uint16_t spent;  /* line of the struct upf_pdr that holds once a quota is spent; 0: drop */
	uint16_t
		spent_by; /* bit i: it does for the quota of URR i; else such a packet is dropped */
	uint32_t queue;   /* downlink buffer, 0: none (upf_buffer.h) */
	uint32_t monitor; /* QoS monitoring, 0: none (upf_monitor.h) */
	/* n_qers lines of struct upf_qer in the run, as many numbers of their struct upf_meter,
	 * then n_urrs numbers of struct upf_usage; goes on over the following lines. */
	uint32_t item[11];
};
_Static_assert(sizeof(struct upf_policy) == 64, "one cache line, as many more as items need");

/* The other tunnel of a PDR whose packets are sent twice or come twice (TS 23.501 5.33.2.2) is a
 * struct upf_pdr too, in which
 *
 *   counter          is the number of the flow (net/redundancy.h); 0: nobody numbers its packets
 *   first            says what bears the numbers, UPF_BY_*
 *   teid, in_vrf     uplink: how packets come by it
 *   peer, out_teid   downlink: how they leave by it; with flags, dest_if and all that headers are
 *                    made from */
#define UPF_BY_GTPU 0
#define UPF_BY_QFI  1

/* Lines that a policy of so many items takes. */
#define UPF_POLICY_LINES(items) (1 + ((items) > 11 ? ((items)-11 + 15) / 16 : 0))

/* A bit rate as a packet's cost in time: bytes * mult >> shift, in 1/64 of a TSC cycle. */
struct upf_rate {
	uint64_t burst; /* so far the bucket may be ahead, same unit */
	uint32_t mult;  /* 0 with `limited`: nothing passes */
	uint8_t shift;
	uint8_t limited; /* 0: no rate is set */
	uint16_t pad;
};

/* One QER's limits; what they leave is in struct upf_meter. Index of the pairs: enum upf_dir. */
struct upf_qer {
	uint32_t id;
	uint32_t meter; /* number of struct upf_meter */
	struct upf_rate rate[2];
	uint64_t unit[2];    /* time unit of the packet rate, TSC cycles; 0: none is set */
	uint32_t packets[2]; /* that may pass in each */
};
_Static_assert(sizeof(struct upf_qer) == 64, "one cache line");

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

/* A QER's mutable part, owned by the session's worker. Index: enum upf_dir. */
struct upf_meter {
	uint64_t due[2];     /* 1/64 TSC cycle, mod 2^64: when all that passed is paid for */
	uint64_t window[2];  /* TSC: when the present time unit of the packet rate ends */
	uint32_t left[2];    /* packets that may still pass in it */
	uint64_t dropped[2]; /* packets */
	uint64_t reserved;
};
_Static_assert(sizeof(struct upf_meter) == 64, "one cache line");

/* What a URR has seen since it was created, never reset: owned by the session's worker. What was
 * reported is the control thread's to remember. Index: enum upf_dir. */
struct upf_usage {
	/* all that nearly every packet needs */
	uint64_t bytes[2], packets[2]; /* of inner IP packets that were let pass */
	uint64_t last;                 /* TSC of the last packet */
	uint64_t active; /* TSC cycles: gaps between packets, each at most limit.idle */
	uint64_t room;   /* bytes that may be counted before the limits have to be looked at */
	uint32_t arm;    /* the limit.arm that `room`, `told` and `first` belong to */
	uint32_t kick;   /* the control thread's: the present limit.arm */
	/* the rest */
	uint64_t first;         /* TSC of the first packet since `arm` changed */
	uint64_t dropped_dl[2]; /* packets, bytes that downlink lost to QoS or full buffers */
	uint64_t refused[2];    /* packets, bytes not let pass because a quota was spent */
	uint64_t starts;        /* starts of traffic: packets after a rest of limit.idle */
	uint32_t told;          /* UPF_TOLD_*: the control thread was told */
	uint32_t waited;        /* the walk in which a packet was last told to wait: TSC mod 2^32 */
	uint64_t reserved;
};
_Static_assert(sizeof(struct upf_usage) == 128, "two cache lines");

#define UPF_TOLD_THRESHOLD 0x01 /* a volume threshold was reached */
#define UPF_TOLD_QUOTA     0x02 /* a volume quota was reached */
#define UPF_TOLD_START     0x04 /* traffic started */
#define UPF_TOLD_EVENT     0x08 /* event threshold */
#define UPF_TOLD_EVQUOTA   0x10 /* event quota */
#define UPF_TOLD_DROPPED   0x20 /* dropped downlink threshold */

#define UPF_LIMIT_STOP  0x01 /* spent, whatever the volumes say: time quota, validity over */
#define UPF_LIMIT_START 0x02 /* tell the first packet */

/* Up to where a URR may count, in terms of struct upf_usage's running totals; ~0: no limit. Written
 * by the control thread, word by word; the worker reads it when `room` is used up or the control
 * thread, having changed it, raised `arm` and set `kick` to it. */
struct upf_limit {
	uint64_t threshold[3], quota[3]; /* bytes: UL, DL, total */
	uint32_t arm;                    /* rises with each report: tell anew */
	uint32_t flags;                  /* UPF_LIMIT_* */
	uint64_t idle; /* TSC cycles without traffic that end a piece of it; 0: none */
	uint64_t event_threshold, event_quota;   /* starts */
	uint64_t dropped_packets, dropped_bytes; /* dropped downlink threshold */
	/* The control side's: quotas as they were granted. Those above lie higher while inertia
	 * lets more pass. */
	uint64_t granted[3], granted_events;
};
_Static_assert(sizeof(struct upf_limit) == 128, "two cache lines");

/* Delays of one kind, microseconds. */
struct upf_delay {
	uint64_t sum;
	uint32_t n; /* how many */
	uint32_t last, min, max;
	uint32_t period_min,
		period_max; /* since upf_monitor's `arm` changed; min above max: none */
};
_Static_assert(sizeof(struct upf_delay) == 32, "upf_monitor");

enum { UPF_DELAY_DL, UPF_DELAY_UL, UPF_DELAY_RP, UPF_DELAYS };

/* QoS monitoring of one QoS flow (TS 23.501 5.33.3.2, TS 29.244 5.24.4): three lines of the
 * session's worker, one of the control thread. */
struct upf_monitor {
	struct upf_delay delay[UPF_DELAYS];
	uint64_t mark_after; /* TSC: when the next downlink packet gets a time stamp */
	uint64_t tell_after; /* TSC: no threshold is told before */
	uint64_t waiting;    /* TSC of the first marked packet that has no answer yet; 0: none */
	uint64_t marked;     /* packets */
	uint64_t answered;   /* uplink packets whose time stamps were taken */
	uint64_t ignored;    /* those not: malformed, not asked for, from before a clock step */
	uint64_t unsynchronised; /* answers that told only the round trip: the clocks disagree */
	uint32_t arm;            /* that the periods' extremes are of */
	uint32_t pad[9];
	/* the control thread's */
	uint64_t wait;                  /* TSC cycles between two threshold notices */
	uint32_t threshold[UPF_DELAYS]; /* microseconds, ~0: none */
	uint32_t next;                  /* number of the session's next monitor; 0: the last */
	uint32_t armed;                 /* rises with each period */
	uint32_t qfi;
	uint32_t reserved[7];
};
_Static_assert(sizeof(struct upf_monitor) == 256, "four cache lines");

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
