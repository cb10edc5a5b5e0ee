/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * 5G VN groups of Ethernet PDU sessions (TS 23.501 5.29): the sessions of one
 * network instance, which exchange frames with each other and with its Ethernet
 * interfaces. Written by the control thread, read by workers.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"
#include "upf_core.h"

#define UPF_ETH_GROUP_MAX 1024 /* sessions: a broadcast frame goes to all of them */

/* A session, by its first state line: that stays while its rules change, and over a restart. It is
 * the tunnel's number for takers of frames, too (net/frames.h). */
struct upf_eth_member {
	uint32_t ref;    /* its rules, UPF_REF(); 0: no Ethernet PDU session has this line */
	uint16_t vrf;    /* its group */
	uint16_t n_macs; /* known behind it; the control thread's */
	uint8_t taken;   /* its frames are a taker's */
	uint8_t pad[3];
};

struct upf_eth_group {
	uint32_t n;
	uint32_t member[];
};

extern struct upf_eth_member *upf_eth_members; /* [upf_eth_n_members]; NULL before start */
extern uint32_t upf_eth_n_members;
extern struct upf_eth_group *upf_eth_groups[CST_MAX_VRFS]; /* NULL: nobody */

/* The rules of a member; 0: it is none. */
static inline uint32_t upf_eth_ref(uint32_t member)
{
	return member < upf_eth_n_members
		       ? __atomic_load_n(&upf_eth_members[member].ref, __ATOMIC_ACQUIRE)
		       : 0;
}

static inline bool upf_eth_is_taken(uint32_t member)
{
	return __atomic_load_n(&upf_eth_members[member].taken, __ATOMIC_RELAXED) != 0;
}

/* A pointer that is good until process() returns. NULL: nobody. */
static inline const struct upf_eth_group *upf_eth_group_of(uint16_t vrf)
{
	return __atomic_load_n(&upf_eth_groups[vrf % CST_MAX_VRFS], __ATOMIC_ACQUIRE);
}

/* ---- control thread ---------------------------------------------------------- */

/* May the session in the plan under way join its group, and do its frames stay in it? -ENOSPC,
 * -EINVAL with the field. */
int upf_eth_plan(struct cst_err *e);
/* After a restart, before runs of an earlier coastd that no session has claimed are freed: theirs
 * are members no more. */
void upf_eth_settle(void);
/* Is it an Ethernet PDU session's state line? */
bool upf_eth_is_member(uint32_t state, uint16_t vrf);
