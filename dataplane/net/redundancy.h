/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sequence numbers and their elimination for slices that duplicate packets of
 * their own (redundant GTP-U tunnels, TS 23.501 5.33.2.2). The slice that has
 * the engine offers it; the one that has the packets opens a flow for each
 * redundant direction pair, and one worker, the one that owns those packets,
 * asks for numbers and verdicts. Numbers in host order.
 *
 * A flow's state outlives coastd where its tables do: opened again under the
 * same key it goes on where it was. Where the tables are lost its numbers do not
 * go back all the same: one of the same name begins ahead of them, and
 * elimination takes whatever comes first.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct cst_worker;

#define CST_REDUNDANCY_PATHS 2

struct cst_redundancy_conf {
	uint64_t key;      /* the caller's own, unique among flows */
	uint8_t bits;      /* of a sequence number: 16 or 24 */
	char recovery[64]; /* name of the recovery object; "": the default one */
	char name[64]; /* for operators, "session 17 downlink"; no two that number have the same */
};

struct cst_redundancy_counts {
	uint64_t generated;                              /* numbers given out */
	uint64_t passed, discarded, rogue, out_of_order; /* frerSeqRcvy..., 802.1CB clause 10 */
	uint64_t lost, resets;                           /* literal; BEGIN included */
	uint64_t from[CST_REDUNDANCY_PATHS];             /* packets that came by each path */
};

struct cst_redundancy {
	/* Control thread, in plan: the flow's number, 1.., or 0 and an error. What is opened in a
	 * plan that fails is closed again. */
	uint32_t (*open)(const struct cst_redundancy_conf *conf, struct cst_err *e);
	/* Control thread: its number is used again after the grace period. */
	void (*close)(uint32_t flow);
	/* Control thread: the sender starts anew (path switch, TS 23.502 4.9.1): what comes next is
	 * taken, whatever its number. Generation goes on. */
	void (*restart)(uint32_t flow);
	/* Control thread. */
	void (*counts)(uint32_t flow, struct cst_redundancy_counts *out);

	/* Any worker: next() or accept() will be asked about it soon. */
	void (*prefetch)(uint32_t flow);
	/* The owning worker: the number for the next packet, before it is duplicated. */
	uint32_t (*next)(uint32_t flow);
	/* The owning worker: a packet with this number came by `path`. False: it is a duplicate or
	 * rogue; it is counted already, the caller drops it. */
	bool (*accept)(struct cst_worker *w, uint32_t flow, unsigned path, uint32_t seq);
};

void cst_redundancy_offer(const struct cst_redundancy *r); /* before start */
const struct cst_redundancy *cst_redundancy(void);         /* NULL: nobody offers it */
