/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Streams as the packet path sees them. A compound stream (IEEE 802.1CB) is one
 * flow of packets that leaves by several paths, its member streams, and is put
 * together again at the other end. Each stream has
 *
 *   a record   struct prer_stream, immutable, replaced as a whole (make before
 *              break); it names its paths, which are shared, by index
 *   a state    struct prer_state, the same through all changes of the record:
 *              numbers given out, numbers seen, counters, health of its paths;
 *              written by its owner worker, cst_owner_of(stream), alone
 *
 * and, where its history is longer than 64, a ring of words beside. All in the
 * arena, by index: a restarted coastd goes on with them. Numbers in host order,
 * time in TSC cycles.
 */
#pragma once

#include <stdint.h>

#include "prer_core.h"
#include "prer_health.h"

#define PRER_MAX_PATHS 4          /* of one stream */
#define PRER_LABELS    (1u << 20) /* S-Labels */

enum prer_encap { PRER_RTAG, PRER_DCW };

/* A path: where member streams go, and by whom they come. */
struct prer_path {
	uint8_t encap;   /* enum prer_encap */
	uint8_t flags;   /* PRER_PATH_* */
	uint16_t port;   /* PRER_RTAG: port; 0: `tunnel` */
	uint32_t tunnel; /* an Ethernet PDU session (net/frames.h) */
	uint16_t vlan;   /* with PRER_PATH_VLAN: the outer VID there; 0: frames go untagged */
	uint16_t mtu;    /* PRER_RTAG: octets behind the last VLAN tag's type, i.e. the port's MTU;
			  * PRER_DCW: of the whole outer packet, kept fresh, 0: not known */
	uint8_t dmac[6]; /* with PRER_PATH_DMAC */
	uint16_t vrf;    /* PRER_DCW: network instance */
	uint8_t family;  /* PRER_DCW: 4 or 6 */
	uint8_t hdr_len; /* IP + UDP: 28 or 48 */
	uint8_t remote[16]; /* the far end's address, network order; IPv4 in the first four */
	uint8_t hdr[48];    /* ready to copy; lengths, checksums and source port are patched */
	uint32_t number;    /* its own, for health of the path as a whole */
	uint32_t reserved[9];
};
_Static_assert(sizeof(struct prer_path) == 128, "two cache lines");

#define PRER_PATH_VLAN 0x01
#define PRER_PATH_DMAC 0x02
#define PRER_PATH_DOWN 0x04 /* takes no packets now: its port is gone or it is shut by hand */

#define PRER_SEND    0x01 /* local frames get numbers and leave by all paths */
#define PRER_RECEIVE 0x02 /* members are eliminated and delivered */
#define PRER_IP      0x04 /* payload is an IP packet, not an Ethernet frame */
#define PRER_TO_VLAN 0x08 /* delivered frames get VID `to_vlan` in place of their outer one */
#define PRER_TO_DMAC 0x10 /* and destination `to_dmac`: active identification restored */
#define PRER_INDIV   0x20 /* individual recovery per path, before the base recovery */
#define PRER_ORDER   0x40 /* `order` says how late packets are treated */
#define PRER_FLOW    0x80 /* another slice's (net/redundancy.h): no packets of it come here */

struct prer_stream {
	uint32_t id;   /* stream number */
	uint8_t flags; /* PRER_SEND ... */
	uint8_t n_paths;
	uint8_t bits;  /* of a sequence number: 16, 24, 28; 0: none (d-CW of length 0) */
	uint8_t order; /* enum prer_order_mode */
	uint16_t path[PRER_MAX_PATHS]; /* numbers of struct prer_path; 0, which is always down:
					* this place is free, others keep theirs */
	uint32_t label_out;            /* S-Label that the far end knows it by */
	uint32_t label_in;
	uint16_t recovery; /* number of struct prer_params */
	uint16_t to_port;  /* where frames are delivered; 0: `to_tunnel` */
	uint16_t to_vlan;
	uint16_t to_vrf; /* where IP packets are delivered */
	uint32_t to_tunnel;
	uint32_t ring;       /* first word in prer_rings; 0: the history is in the state. With
			      * PRER_INDIV those of the paths follow, each as long */
	uint32_t individual; /* first of n_paths more struct prer_recovery, with PRER_INDIV */
	uint8_t to_dmac[6];
	uint16_t udp_port;    /* outer source port, one per stream (RFC 9025 5.2) */
	uint32_t order_queue; /* of prer_order.h */
	/* Resets asked for by management, counted; the owner follows (prer_obey.h). */
	uint8_t recovery_epoch, generator_epoch, paths_epoch;
	uint8_t fresh; /* bit: a path has come to this place with paths_epoch */
	uint32_t reserved;
};
_Static_assert(sizeof(struct prer_stream) == 64, "one cache line");

struct prer_state {
	struct prer_recovery recovery; /* one line */
	struct prer_counts counts;     /* one line: sequence generation, and what is rarer */
	struct prer_health health[2];  /* one line; paths 2 and 3: prer_more_health[] */
};
_Static_assert(sizeof(struct prer_state) == 192, "with the record 256 B a stream");

/* What the nodes reach by. Set before start, constant after; all zero-filled where unused. */
struct prer_tables {
	uint32_t *slot;             /* [streams] record line by stream, 0: none; published
				     * with release, read with acquire */
	void *lines;                /* struct prer_stream, by line */
	struct prer_state *state;   /* [streams] by stream number */
	struct prer_path *path;     /* by path number; entries in use are immutable but `flags`
				     * and `mtu` */
	struct prer_params *params; /* by recovery number; immutable while in use */
	uint64_t *rings;            /* words of histories */
	struct prer_recovery *individual;
	struct prer_health *more_health; /* [streams][2] paths 2 and 3 of streams */
	uint32_t *label;                 /* [PRER_LABELS] stream by S-Label, 0: none */
	uint32_t streams;                /* how many stream numbers there is room for */
	uint32_t paths;                  /* and path numbers */
};
extern struct prer_tables prer_tables;

static inline const struct prer_stream *prer_stream(uint32_t id)
{
	uint32_t line = __atomic_load_n(&prer_tables.slot[id], __ATOMIC_ACQUIRE);

	return line ? (const struct prer_stream *)((char *)prer_tables.lines + (uint64_t)line * 64)
		    : 0;
}

/* What the path at this place does for the stream. */
static inline struct prer_health *prer_health_of(uint32_t stream, unsigned place)
{
	return place < 2 ? &prer_tables.state[stream].health[place]
			 : &prer_tables.more_health[2ull * stream + place - 2];
}

/* ---- between the nodes of this slice: pkt->slice[] --------------------------- */

#define PRER_NO_SEQ UINT32_MAX /* tagless */

/* slice[0]: stream, path, way; slice[1]: sequence number or PRER_NO_SEQ. */
union prer_word {
	uint64_t u64;
	struct {
		uint32_t stream;
		uint8_t path;   /* which of the stream's, by which it came */
		uint8_t l2_len; /* frames: octets up to and with the last VLAN tag, 12, 16, 20 */
		uint16_t flags;
	};
};
