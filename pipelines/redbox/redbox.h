/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A RedBox as the packet path sees it. The record is immutable and replaced as a
 * whole; the state stays and is written by the box's owner worker,
 * cst_owner_of(number), alone. Neither is in the arena or outlives coastd: copies that cross a
 * restart are passed twice, which PRP allows, and numbers begin where time stands, so that
 * receivers do not take new frames for old ones.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

#include "port/port.h"
#include "redbox_api.h"
#include "redbox_core.h"

#define REDBOX_SETS    128u /* of REDBOX_WAYS nodes */
#define REDBOX_DEVICES 256u /* devices behind one box that are told of */

enum redbox_role { REDBOX_PORT, REDBOX_LAN_A, REDBOX_LAN_B, REDBOX_ROLES };

struct redbox_state;

struct redbox {
	struct redbox_state *state;
	uint16_t port[REDBOX_ROLES];
	uint16_t mtu; /* octets behind the last VLAN tag's type that both LANs carry */
	uint64_t forget, node_forget; /* TSC cycles */
};

struct redbox_behind {
	_Atomic uint64_t mac; /* as a number, first octet highest; 0: none */
	uint64_t last;
};

struct redbox_state {
	uint64_t sent, delivered, discarded, ordinary, wrong_lan, crowded, supervision;
	uint16_t seq;                                /* of the next frame to both LANs */
	struct redbox_behind behind[REDBOX_DEVICES]; /* by hash of address */
	struct redbox_node node[REDBOX_SETS * REDBOX_WAYS];
};

extern _Atomic(const struct redbox *) redbox_records[REDBOX_BOXES]; /* NULL: no such box */
/* Box and role of a port: number * REDBOX_ROLES + role + 1; 0: none. */
extern _Atomic uint16_t redbox_of_port[CST_MAX_PORTS];

uint8_t redbox_taker(void); /* for cst_frames_take() */
uint8_t redbox_at_rx(void); /* edge of `rx`: frames with pkt->port go on in the box */
uint16_t redbox_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge);

static inline uint64_t redbox_mac_number(const uint8_t *mac)
{
	return (uint64_t)mac[0] << 40 | (uint64_t)mac[1] << 32 | (uint64_t)mac[2] << 24 |
	       (uint64_t)mac[3] << 16 | (uint64_t)mac[4] << 8 | mac[5];
}

static inline void redbox_mac_of(uint64_t number, uint8_t *mac)
{
	for (int i = 0; i < 6; i++)
		mac[i] = (uint8_t)(number >> (40 - 8 * i));
}

/* ---- control thread -------------------------------------------------------------------- */

/* Tell both LANs of the box, whose address is `mac`, and of those behind it; `last` octet of the
 * group, `seq` of the supervision frame. */
void redbox_supervise(uint32_t number, uint8_t last, const uint8_t *mac, uint16_t seq);

/* Fill in o->state; `nodes` has room for REDBOX_NODES. */
void redbox_show(const struct redbox *box, struct redbox_obj *o, struct redbox_node_obj *nodes);
