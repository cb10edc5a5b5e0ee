/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Downlink packets that wait for their user (TS 29.244 5.2.4, TS 23.501
 * 5.8.3.2): one queue for each session, from its first BUFF on, in the memory of
 * this process. The session's worker alone puts packets in and takes them out;
 * the control thread says what is to become of them.
 *
 *   upf_dl, upf_ul, upf_eth_dl --BUFF, or others wait--> upf_buffer
 *   upf_buffer --may go now--> where it came from  marked CST_PKT_AGAIN
 *   rx --> upf_buffer                              what the control thread says
 *
 * A packet waits as it came. When it may go it passes its node again, so that it
 * is matched, metered and counted by the rules of then. Packets that come while
 * others wait go behind them.
 */
#pragma once

#include "upf_match.h"
#include "upf_node.h"
#include "upf_out.h"
#include "upf_policy.h"

#define UPF_BUFFER_PACKETS 64 /* of a session whose control plane does not say */

/* A QoS flow that has packets waiting, as it is told to the control plane. */
struct upf_first_packet {
	uint16_t pdr;
	uint8_t qfi; /* UPF_NO_QFI: none */
	uint8_t dscp;
};
#define UPF_NO_QFI 0xff

#define UPF_TOLD_SHIFT 20 /* a half or a third of a millisecond */

struct upf_queue {
	/* The worker's. */
	struct rte_mbuf *first, *last;
	uint64_t told;       /* bit q: the control thread was told of QFI q, since told_arm */
	uint32_t told_at;    /* TSC >> UPF_TOLD_SHIFT */
	uint32_t released;   /* the walk in which packets left last: its start, TSC mod 2^32 */
	uint32_t entered;    /* packets that ever came in, mod 2^32 */
	uint32_t until;      /* of those: which one is the last that is to be asked */
	uint32_t packets;    /* that wait */
	uint32_t bytes;      /* of their inner packets */
	uint32_t generation; /* of the rules by which those that stay do */
	uint32_t told_arm, discarded; /* as of `arm`, `discard` */
	uint32_t next; /* in the worker's list of queues that packets leave; itself: the last one,
			* 0: not in it */
	/* The control thread's. */
	uint64_t seid __rte_cache_aligned;
	uint64_t heard;     /* bit q: it was told of QFI q, since arm */
	uint32_t ref;       /* the session's rules, as in its slots */
	uint32_t arm;       /* rises when packets are news again */
	uint32_t discard;   /* rises when all that wait are to go */
	uint32_t owed_next; /* in the list of queues whose worker must still be told; as `next` */
	uint16_t owner;     /* worker */
	uint8_t ended;      /* the session is gone, and the number with it once it is empty */
	uint8_t n_firsts;   /* notifications that wait for their delay */
	struct upf_first_packet firsts[6];
};
_Static_assert(sizeof(struct upf_queue) == 128, "two cache lines");

/* [1 + upf_parts_count(UPF_PART_QUEUE)]; NULL before the tables are open. Pages that no queue has
 * used take no memory. */
extern struct upf_queue *upf_queues;
int upf_queues_open(uint32_t count, struct cst_err *e);
void upf_queues_close(void);

/* What stands in a packet's slice words on its way to upf_buffer, in it, and from it. */
enum upf_parcel_kind {
	UPF_PARCEL_BUFF,   /* its rule says so */
	UPF_PARCEL_WAITS,  /* its rule forwards, but others wait before it */
	UPF_PARCEL_GOES,   /* it has waited */
	UPF_PARCEL_DOOMED, /* it waits, to be dropped */
	UPF_PARCEL_NEWS,   /* from the control thread: look at the queue */
	UPF_PARCEL_LOST, /* from the control thread: it may not have heard who waits in the queue */
	UPF_PARCEL_SIGNAL, /* from the control thread: to be sent; it stands at its IP header */
	UPF_PARCEL_MORE    /* upf_buffer's own: go on */
};

enum upf_parcel_from { UPF_FROM_DL, UPF_FROM_UL, UPF_FROM_ETH }; /* the edges of upf_buffer */

struct upf_parcel {
	struct rte_mbuf *next;
	uint32_t run;   /* ref of the rules; in a queue: struct upf_queue's `entered` as it came in;
			 * UPF_PARCEL_NEWS, UPF_PARCEL_LOST: queue */
	uint32_t bytes; /* inner packet */
	uint16_t pdr;   /* line of the run; in a queue: PDR ID */
	uint8_t kind;   /* enum upf_parcel_kind */
	uint8_t from;   /* enum upf_parcel_from */
	uint32_t state; /* the session, by its first state line */
};
_Static_assert(sizeof(struct upf_parcel) <= sizeof(((struct cst_pkt *)0)->slice), "fits");

static inline struct upf_parcel *upf_parcel(struct rte_mbuf *m)
{
	return (struct upf_parcel *)cst_pkt(m)->slice;
}

static inline struct upf_queue *upf_queue_of(const struct upf_rules *r, const struct upf_pdr *pdr)
{
	return &upf_queues[upf_policy_of(r, pdr)->queue];
}

/* upf_buffer_meet(), when the PDR has a queue. */
bool upf_buffer_meet_queue(const struct cst_worker *w, struct rte_mbuf *m, uint32_t ref,
			   const struct upf_pdr *pdr, uint8_t action, enum upf_parcel_from from,
			   uint32_t bytes);

/* A packet of `bytes` matched `pdr`, which has UPF_PDR_POLICY, and is about to be treated by
 * `action`. True: it is to wait: send it to upf_buffer. Before anything in the packet is changed.
 * Worker. */
static inline bool upf_buffer_meet(const struct cst_worker *w, struct rte_mbuf *m, uint32_t ref,
				   const struct upf_pdr *pdr, uint8_t action,
				   enum upf_parcel_from from, uint32_t bytes)
{
	if (likely(upf_policy_of(upf_rules_of(ref), pdr)->queue == 0))
		return false;
	return upf_buffer_meet_queue(w, m, ref, pdr, action, from, bytes);
}

/* Is the session that a packet's address or tunnel leads to by now the one that it has waited for,
 * if it has? Addresses, tunnels and framed routes change hands. */
static inline bool upf_buffer_is_for(struct rte_mbuf *m, uint32_t ref)
{
	return likely(!(cst_pkt(m)->flags & CST_PKT_AGAIN)) ||
	       upf_rules_of(ref)->state == upf_parcel(m)->state;
}

/* What workers tell the control thread: a packet waits, for the first time since `arm`. */
struct upf_buffer_notice {
	uint32_t queue, arm;
	struct upf_first_packet first;
	uint8_t delay; /* 50 ms */
};
/* Set by the control side before start; called in the control thread. */
extern void (*upf_buffer_told)(const struct upf_buffer_notice *n);

/* Number of the rx edge at which upf_buffer goes on with what the control thread says. */
extern uint8_t upf_buffer_from_rx;

/* May the worker have packets to release that nothing reminds it of? Any thread. */
bool upf_buffer_unfinished(uint16_t worker);

/* `segments`: packet buffers that each worker may keep. `pool`: for the worker's reminders to
 * itself. -ENOMEM. */
int upf_buffer_start(uint16_t workers, uint32_t segments, struct rte_mempool *pool,
		     struct cst_err *e);
void upf_buffer_stop(void);

uint16_t upf_buffer_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n,
			    uint8_t *edge);
