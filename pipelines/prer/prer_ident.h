/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stream identification (IEEE 802.1CB-2017 6, mask-and-match: CBdb-2021): whose
 * is a frame that came by a port or a tunnel.
 *
 * Each identification is a key under a mask. Those of one place that have their
 * mask in common are found by one look in a hash, so a frame costs as many looks
 * as there are masks at its place, mask-and-match last. No two identifications of
 * one place match the same frame: the second is refused, so what matches first is
 * all that matches. One table serves all places; it grows and shrinks by single
 * entries while workers read it.
 *
 * Which VLAN a frame has: the VID of its outermost tag, NIC-stripped ones put
 * back, that is not a priority tag; 0: none. What is behind a redundancy tag is
 * looked at as if there were none.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "prer_l2.h"

enum prer_ident_type { /* as in the YANG module ieee802-dot1cb-stream-identification */
		       PRER_IDENT_NULL = 1,    /* destination MAC and VLAN */
		       PRER_IDENT_SOURCE,      /* source MAC and VLAN */
		       PRER_IDENT_DESTINATION, /* active: like null, the path rewrites what it
						  matched */
		       PRER_IDENT_IP,
		       PRER_IDENT_MASK,
};

enum prer_ident_tagged {
	PRER_TAGGED = 1, /* frames with a VLAN: `vlan`, or any for 0 */
	PRER_PRIORITY, /* frames without one: untagged or priority-tagged; `vlan` does not count */
	PRER_ALL,      /* `vlan` or none; any for 0 */
};

#define PRER_MSDU_OCTETS 36 /* of the MSDU that mask-and-match can see, from its EtherType on */

#define PRER_ANY_DSCP 64

struct prer_ident_conf {
	uint8_t type;   /* enum prer_ident_type */
	uint8_t tagged; /* enum prer_ident_tagged */
	uint16_t vlan;  /* 0: any */
	bool has_mac;   /* PRER_IDENT_IP: `mac` counts; the first three types need it */
	uint8_t mac[6]; /* destination, with PRER_IDENT_SOURCE the source */
	/* PRER_IDENT_IP */
	uint8_t family; /* 4 or 6 */
	bool has_src, has_dst;
	uint8_t src[16], dst[16];    /* network order, IPv4 in the first four */
	uint8_t dscp;                /* PRER_ANY_DSCP: any */
	uint8_t proto;               /* 0: any */
	uint16_t src_port, dst_port; /* host order, 0: any; never match a fragment */
	/* PRER_IDENT_MASK: bits of the value outside the mask do not count */
	uint8_t dmac_mask[6], dmac[6], smac_mask[6], smac[6];
	uint8_t msdu_mask[PRER_MSDU_OCTETS], msdu[PRER_MSDU_OCTETS];
};

/* ---- control thread ---------------------------------------------------------- */

/* A place where frames come in: a port, or for 0 a tunnel (net/frames.h). */
struct prer_place {
	uint16_t port;
	uint32_t tunnel;
};

/* In plan: claim what `c` matches at `at` for a stream, and keep workers from seeing it yet. The
 * entry's number, or 0 and a reason in *why: */
enum prer_ident_why {
	PRER_IDENT_TAKEN = 1, /* *other (a stream) matches some of these frames already */
	PRER_IDENT_EMPTY,     /* it asks for nothing, so for every frame */
	PRER_IDENT_MASKS,     /* more different masks than a place or the table has room for */
	PRER_IDENT_FULL,      /* table full, or no memory */
};
uint32_t prer_ident_claim(const struct prer_place *at, const struct prer_ident_conf *c,
			  uint32_t value, enum prer_ident_why *why, uint32_t *other);

/* In plan: an entry that the same request takes away is in nobody's way (`leaving`), or is again
 * when the plan fails. */
void prer_ident_leave(uint32_t entry, bool leaving);

/* In commit: workers see it from now on. */
void prer_ident_show(uint32_t entry);

/* A claim given up, or in commit an entry taken away; its memory is used again after the grace
 * period. */
void prer_ident_drop(uint32_t entry);

uint32_t prer_ident_used(void); /* entries */
void prer_ident_fini(void);     /* workers have stopped */

/* As the frames look at a path: with the VID and the destination MAC that the path gives them. */
void prer_ident_on_path(struct prer_ident_conf *c, const struct prer_path *path);

/* What is found: the stream, and the way the frame takes. */
#define PRER_VALUE(stream, path, receive) \
	((uint32_t)(stream) | (uint32_t)(path) << 24 | (receive ? 1u << 31 : 0))
#define PRER_VALUE_STREAM(v) ((v)&0xffffff)
#define PRER_VALUE_PATH(v)   ((v) >> 24 & 3)
#define PRER_VALUE_RECEIVE(v) \
	((v) >> 31) /* a member by this path; else the stream's sending side */

/* ---- workers ------------------------------------------------------------------- */

/* Whose a frame is, 0: nobody's. In three steps for bursts, each of which asks for the memory that
 * the next one needs. */
struct prer_look {
	const struct prer_frame *frame; /* stays where it is until the answer */
	const void *masks;              /* at its place */
	uint32_t place;
	uint32_t len;   /* of the key under the first of them; 0: there is none */
	uint32_t entry; /* the first with its hash */
	uint32_t pad;
	const uint32_t *head; /* where the table has that one's number */
	uint64_t key[7];
};
void prer_ident_ask(struct prer_look *l, uint16_t port, uint32_t tunnel,
		    const struct prer_frame *f);
void prer_ident_reach(struct prer_look *l);
uint32_t prer_ident_answer(struct prer_look *l);
