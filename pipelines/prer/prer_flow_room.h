/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What flows go by: parameters, which those have in common that say the same, and
 * histories too long for the state. Control thread.
 */
#pragma once

#include "prer_flow.h"

struct cst_system;

static inline const struct prer_params *prer_flow_params(const struct prer_flow *f)
{
	return &prer_flows.params[prer_how_params(f->how)];
}

/* Parameters and an empty history, epoch 0. False and -ENOSPC: there is no room. */
bool prer_room_take(const struct prer_params *p, uint64_t *how, struct cst_err *e);
/* Parameters alone: their number, or 0 and -ENOSPC. */
uint16_t prer_room_take_params(const struct prer_params *p, struct cst_err *e);
/* No worker goes by it any more. `ring`: its history is given back, too. */
void prer_room_give_back(uint64_t how, bool ring);

/* Does it lie within what there is? One of the arena may be damaged. */
bool prer_room_has(uint64_t how);
/* An earlier coastd's, in the order of their rings; false: another has it. */
bool prer_room_take_again(uint64_t how);

void prer_room_reserve(uint64_t flows);
int prer_room_start(struct cst_err *e); /* sets prer_flows.params and rings */
void prer_room_stop(void);
