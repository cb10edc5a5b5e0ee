/* SPDX-License-Identifier: BSD-3-Clause */
/* What a box has seen and done, read while its owner goes on. Control thread. */
#include <string.h>

#include <rte_cycles.h>

#include "redbox.h"

static uint64_t ms_since(uint64_t then, uint64_t now)
{
	return now > then ? (now - then) / (rte_get_tsc_hz() / 1000) : 0;
}

static void show_node(const struct redbox_node *n, uint64_t now, struct redbox_node_obj *o)
{
	*o = (struct redbox_node_obj){
		.has = 1u << NODE_MAC | 1u << NODE_ATTACHED | 1u << NODE_RECEIVED_A |
		       1u << NODE_RECEIVED_B | 1u << NODE_DISCARDED | 1u << NODE_WRONG_LAN |
		       (n->seen[0] ? 1u << NODE_LAN_A_MS : 0) |
		       (n->seen[1] ? 1u << NODE_LAN_B_MS : 0),
		.attached = n->ordinary ? REDBOX_SINGLY : REDBOX_DOUBLY,
		.lan_a_ms = ms_since(n->seen[0], now),
		.lan_b_ms = ms_since(n->seen[1], now),
		.received_a = n->received[0],
		.received_b = n->received[1],
		.discarded = n->discarded,
		.wrong_lan = n->wrong_lan,
	};
	memcpy(o->mac, n->mac, 6);
}

static void show_behind(uint64_t mac, uint64_t last, uint64_t now, struct redbox_node_obj *o)
{
	*o = (struct redbox_node_obj){
		.has = 1u << NODE_MAC | 1u << NODE_ATTACHED | 1u << NODE_PORT_MS,
		.attached = REDBOX_BEHIND,
		.port_ms = ms_since(last, now),
	};
	redbox_mac_of(mac, o->mac);
}

static uint32_t show_nodes(const struct redbox *box, struct redbox_node_obj *out)
{
	const struct redbox_state *st = box->state;
	uint64_t now = rte_rdtsc();
	uint32_t n = 0;

	for (unsigned i = 0; i < REDBOX_DEVICES && n < REDBOX_NODES; i++) {
		uint64_t mac = atomic_load_explicit(&st->behind[i].mac, memory_order_relaxed);

		if (mac && now - st->behind[i].last < box->node_forget)
			show_behind(mac, st->behind[i].last, now, &out[n++]);
	}
	for (unsigned i = 0; i < REDBOX_SETS * REDBOX_WAYS && n < REDBOX_NODES; i++)
		if (st->node[i].used && now - st->node[i].last < box->node_forget)
			show_node(&st->node[i], now, &out[n++]);
	return n;
}

void redbox_show(const struct redbox *box, struct redbox_obj *o, struct redbox_node_obj *nodes)
{
	const struct redbox_state *st = box->state;

	o->has |= 1u << REDBOX_F_STATE;
	o->state.has = UINT64_MAX;
	o->state.sent = st->sent;
	o->state.delivered = st->delivered;
	o->state.discarded = st->discarded;
	o->state.ordinary = st->ordinary;
	o->state.wrong_lan = st->wrong_lan;
	o->state.crowded = st->crowded;
	o->state.supervision = st->supervision;
	o->state.nodes = (struct cst_list){.n = show_nodes(box, nodes), .items = nodes};
}
