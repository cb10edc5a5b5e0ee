/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: numbers and their elimination for packets of another slice
 * (net/redundancy.h). A flow has two paths and what a stream's state has, but no
 * identification, encapsulation or delivery: these are the other slice's. What
 * its recovery object said when it was opened holds for its life.
 *
 * All is in the arena, by the flow's number, and is gone on with by the next
 * coastd before it knows the flow's owner again.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "net/redundancy.h"
#include "prer_stream.h"

#define PRER_FLOW_PARAMS 256 /* different ones in use at once */

struct prer_flow {
	uint64_t key;        /* its opener's; 0: not open. Control side only */
	uint32_t ring;       /* first word in prer_flows.rings; 0: the history is in the state */
	uint32_t ring_words; /* control side only */
	uint32_t restarts;   /* asked for, by the control thread */
	uint32_t restarted;  /* of these done, by the owner */
	uint16_t params;     /* in prer_flows.params */
	uint8_t bits;        /* of a number */
	uint8_t pad[5];
	uint64_t reserved[4];
	struct prer_state state;
};
_Static_assert(sizeof(struct prer_flow) == 256, "four cache lines, as a stream's");

struct prer_flows {
	struct prer_flow *flow; /* [count] by number; 0 is none */
	struct prer_params *params;
	uint64_t *rings;
	uint32_t count;
};
extern struct prer_flows prer_flows;

/* ---- prer_flow_books.c: who has which number. Control thread ---------------------------- */

/* The flow of this key: the one that is open, that of an earlier coastd, or a new one. 0 and an
 * error. */
uint32_t prer_flow_open(const struct cst_redundancy_conf *c, const struct prer_params *p,
			struct cst_err *e);
void prer_flow_close(uint32_t flow);
uint32_t prer_flows_used(void);
const char *prer_flow_name(uint32_t flow); /* for operators */

extern struct cst_module prer_flow_module, prer_flow_resume_module; /* for tests */
