/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The generator's frames: what they are made of, and whether one that came back
 * is what it should be.
 *
 *   N3 form  Ethernet, IPv4, UDP, GTP-U G-PDU [PDU Session Container], the packet
 *   N6 form  Ethernet, the packet
 *   packet   IPv4, UDP, struct stamp, bytes without meaning
 *
 * Session i, counted from 0:
 *   UE address      ue_base + 1 + i
 *   downlink TEID   dl_teid_base + i    (the gNB's, in what the UPF sends)
 *   uplink TEID     teids[i], or teid_base + i when there is no table
 *
 * UDP checksums are 0, as RFC 768 lets IPv4 senders do: the stamp is written last.
 * Addresses lie in network order, numbers in host order. Pure, one thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "arp.h"
#include "be.h"
#include "csum.h"

#define FRAME_SIZE_MIN 64 /* of the packet, from its IP header on */
#define FRAME_SIZE_MAX 1500
#define FRAME_HEAD_MAX 96 /* all headers before the stamp */
#define FRAME_ROOM     (FRAME_SIZE_MAX + 14 + 20 + 8 + 16)

#define UE_PORT 6000
#define DN_PORT 5000

enum direction { UP, DOWN, DIRECTIONS };

/* Only this program reads it: host order. */
struct stamp {
	uint32_t magic;
	uint32_t session;
	uint32_t seq;  /* of this session in this direction */
	uint16_t size; /* of the packet */
	uint8_t trial; /* stragglers of an earlier one do not count */
	uint8_t dir;   /* enum direction */
	uint64_t tsc;  /* when it was sent */
} __attribute__((packed));

#define STAMP_MAGIC 0x4e656774

_Static_assert(sizeof(struct stamp) == 24, "fits into the smallest packet");

struct side {
	uint8_t mac[6], peer_mac[6]; /* the port's own, and where its frames go */
	uint8_t ip[4], peer_ip[4];   /* the address it answers ARP for, and the UPF's */
};

struct net {
	struct side n3, n6; /* n3.ip: the gNB; n6.ip: next hop and data network */
	uint32_t ue_base, teid_base, dl_teid_base;
	const uint32_t *teids; /* NULL: by teid_base */
	uint32_t sessions;
	uint8_t qfi;
	/* No UPF: frames come back as they were sent, MAC addresses apart, on the other port or on
	 * the same one. */
	bool echo, echo_other;
};

/* All that does not change from packet to packet of one direction and size. */
struct frame {
	uint8_t head[FRAME_HEAD_MAX];
	uint16_t stamp_at, len; /* len: of the whole frame, without FCS */
	uint16_t size;          /* of the packet */
	uint16_t ip_at;         /* of the packet */
	uint16_t csum;          /* its header checksum while the UE's address is 0.0.0.0 */
	uint8_t dir;
};

void frame_make(struct frame *f, const struct net *net, enum direction dir, uint16_t size);

static inline uint32_t ue_of(const struct net *net, uint32_t session)
{
	return net->ue_base + 1 + session;
}

static inline uint32_t ul_teid_of(const struct net *net, uint32_t session)
{
	return net->teids != NULL ? net->teids[session] : net->teid_base + session;
}

static inline uint32_t dl_teid_of(const struct net *net, uint32_t session)
{
	return net->dl_teid_base + session;
}

/* Write headers and stamp of a session's packet at `p`, room for FRAME_HEAD_MAX bytes there. */
static inline void frame_put(const struct frame *f, const struct net *net, uint8_t *p,
			     uint32_t session, uint32_t seq, uint8_t trial, uint64_t tsc)
{
	uint32_t ue = ue_of(net, session);
	struct stamp s = {.magic = STAMP_MAGIC,
			  .session = session,
			  .seq = seq,
			  .size = f->size,
			  .trial = trial,
			  .dir = f->dir,
			  .tsc = tsc};

	__builtin_memcpy(p, f->head, FRAME_HEAD_MAX); /* a fixed size: a few wide moves */
	if (f->dir == UP) {
		cst_put_be32(p + 14 + 20 + 8 + 4, ul_teid_of(net, session));
		cst_put_be32(p + f->ip_at + 12, ue);
	} else {
		cst_put_be32(p + f->ip_at + 16, ue);
	}
	cst_put_be16(p + f->ip_at + 10, cst_csum_update32(f->csum, 0, ue));
	__builtin_memcpy(p + f->stamp_at, &s, sizeof(s));
}

enum verdict {
	FRAME_OK,
	FRAME_OTHER, /* no frame of this program: ARP, a neighbour's question, an echo request */
	FRAME_WRONG, /* one of its own that is not as it must be */
};

/* Judge a frame of `len` bytes that came in on the N3 side (`n3`) or the N6 side. With FRAME_OK
 * `out` holds its stamp. */
enum verdict frame_check(const struct net *net, bool n3, const uint8_t *p, uint32_t len,
			 struct stamp *out);

#define FRAME_ARP_LEN (14 + CST_ARP_LEN)

/* Write an ARP request for the side's peer. */
void frame_arp_ask(const struct side *side, uint8_t *p);
/* Turn a request for the side's own address into the reply; false: it is none. Learns the peer's
 * MAC address from its reply into `side`, and then sets *learnt. */
bool frame_arp_input(struct side *side, uint8_t *p, uint32_t len, bool *learnt);
