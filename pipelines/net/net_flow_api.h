/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules in the NICs on the control socket: what to list, and how an item looks.
 */
#pragma once

#include "object.h"

extern const char *const net_flow_states[]; /* enum cst_flow_state, in its order */

struct net_flow {
	uint64_t has;
	const char *port;
	const char *rule;
	uint32_t teid;
	struct cst_prefix address;
	uint16_t vlan;
	uint64_t session;
	const char *action;
	uint16_t worker;
	uint16_t queue;
	uint8_t state;
	const char *why;
	uint64_t packets;
};

enum net_flow_field {
	NET_FLOW_PORT,
	NET_FLOW_RULE,
	NET_FLOW_TEID,
	NET_FLOW_ADDRESS,
	NET_FLOW_VLAN,
	NET_FLOW_SESSION,
	NET_FLOW_ACTION,
	NET_FLOW_WORKER,
	NET_FLOW_QUEUE,
	NET_FLOW_STATE,
	NET_FLOW_WHY,
	NET_FLOW_PACKETS,
};

struct net_flow_query {
	uint64_t has;
	const char *port;
	uint64_t session;
	uint8_t state;
	uint16_t limit;
	uint32_t cursor;
};

enum { NET_FLOW_QUERY_PORT, NET_FLOW_QUERY_SESSION, NET_FLOW_QUERY_STATE, NET_FLOW_QUERY_LIMIT };

/* What a port can do with one kind of rule. */
struct net_flow_shape {
	uint64_t has;
	const char *port;
	const char *rule;
	bool tagged;
	const char *queue, *mark, *drop, *count; /* "yes", or why not */
};

struct net_flow_ports {
	uint64_t has;
	const char *port; /* NULL: all */
};

extern const struct cst_object net_flow_object, net_flow_query_object, net_flow_filter_object;
extern const struct cst_object net_flow_shape_object, net_flow_ports_object;
