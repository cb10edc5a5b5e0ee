/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Flows: numbers and their elimination for packets of another slice
 * (net/redundancy.h). A flow has two paths and what a stream's state has, but no
 * identification, encapsulation or delivery: these are the other slice's. A
 * change of its recovery object reaches it as it reaches a stream.
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

/* What the owner of a flow goes by, in one word, which the control thread writes:
 *
 *   epoch 16: another one than the state began with asks for a reset
 *   params 16: in prer_flows.params
 *   ring 32: first word in prer_flows.rings; 0: the history is in the state */
static inline uint64_t prer_how(uint32_t epoch, uint16_t params, uint32_t ring)
{
	return (uint64_t)(epoch & 0xffff) << 48 | (uint64_t)params << 32 | ring;
}

static inline uint16_t prer_how_epoch(uint64_t how)
{
	return (uint16_t)(how >> 48);
}

static inline uint16_t prer_how_params(uint64_t how)
{
	return (uint16_t)(how >> 32);
}

static inline uint32_t prer_how_ring(uint64_t how)
{
	return (uint32_t)how;
}

struct prer_flow {
	uint64_t key;   /* its opener's; 0: not open. Control side only */
	uint64_t how;   /* prer_how() */
	uint16_t begun; /* the owner's: epoch of `how` that the state began with */
	uint8_t bits;   /* of a number */
	uint8_t pad[5];
	uint64_t reserved[5];
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
/* Whatever comes next is taken. */
void prer_flow_restart(uint32_t flow);

uint32_t prer_flows_used(void);
const char *prer_flow_name(uint32_t flow);     /* for operators */
const char *prer_flow_recovery(uint32_t flow); /* NULL: not open */
uint32_t prer_flow_top(void);                  /* none above it is open */
void prer_flow_set(struct prer_flow *f, uint64_t how);

/* ---- prer_flow_change.c: recoveries that change. Control thread -------------------------- */

/* A recovery of this name changes, and with it the flows that have it: room for their histories is
 * taken in compile, commit or abort follows. A flow with another algorithm or history begins anew.
 */
int prer_flow_compile(const char *recovery, const struct prer_params *p, struct cst_err *e);
void prer_flow_commit(void);
void prer_flow_abort(void);
/* The name of one that has this recovery; NULL: none has. */
const char *prer_flow_user(const char *recovery);

extern struct cst_module prer_flow_module, prer_flow_resume_module; /* for tests */
