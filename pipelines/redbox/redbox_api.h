/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * RedBoxes (IEC 62439-3) on the control socket and in coast.yaml: devices with one
 * Ethernet port reach a pair of PRP networks through coast.
 */
#pragma once

#include "class.h"
#include "object.h"

#define REDBOX_NAME  63
#define REDBOX_BOXES 16u /* that there may be */
#define REDBOX_NODES 512 /* shown of one */

struct redbox_node_obj {
	uint64_t has;
	uint8_t mac[6];
	uint8_t attached; /* enum redbox_attached */
	uint64_t lan_a_ms, lan_b_ms, port_ms;
	uint64_t received_a, received_b, discarded, wrong_lan;
};
enum redbox_attached { REDBOX_DOUBLY, REDBOX_SINGLY, REDBOX_BEHIND };
enum redbox_node_field {
	NODE_MAC,
	NODE_ATTACHED,
	NODE_LAN_A_MS,
	NODE_LAN_B_MS,
	NODE_PORT_MS,
	NODE_RECEIVED_A,
	NODE_RECEIVED_B,
	NODE_DISCARDED,
	NODE_WRONG_LAN,
};

struct redbox_state_obj {
	uint64_t has;
	uint8_t mac[6];
	uint64_t sent, delivered, discarded, ordinary, wrong_lan, crowded, supervision;
	struct cst_list nodes;
};

struct redbox_obj {
	uint64_t has;
	const char *name;
	const char *port, *lan_a, *lan_b;
	uint32_t supervision_ms;
	uint8_t supervision_address;
	struct redbox_state_obj state;
};
enum redbox_field {
	REDBOX_F_NAME,
	REDBOX_F_PORT,
	REDBOX_F_LAN_A,
	REDBOX_F_LAN_B,
	REDBOX_F_SUPERVISION,
	REDBOX_F_ADDRESS,
	REDBOX_F_STATE,
};

extern const struct cst_object redbox_object;
extern struct cst_class redbox_class;
