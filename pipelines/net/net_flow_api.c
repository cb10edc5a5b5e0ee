/* SPDX-License-Identifier: BSD-3-Clause */
#include "net_flow_api.h"

#include "rpc/rpc.h"

const char *const net_flow_states[] = {"pending", "offloaded", "software", NULL};

#define TEXT(s, m, h)    CST_F_STR(struct s, m, 0, 255, CST_F_STATE, NULL, h)
#define NUMBER(m, fl, h) CST_F_UINT(struct net_flow, m, 0, 0, NULL, CST_F_STATE | (fl), NULL, h)

static const struct cst_field fields[] = {
	TEXT(net_flow, port, "port whose NIC it is for"),
	TEXT(net_flow, rule, "what it matches"),
	NUMBER(teid, CST_F_HEX, "TEID it matches"),
	CST_F_IP(struct net_flow, address, CST_T_PREFIX, CST_F_STATE,
		 "address of the user that it matches"),
	NUMBER(vlan, 0, "VLAN it matches; absent: untagged"),
	NUMBER(session, 0, "session it is for"),
	TEXT(net_flow, action, "what the NIC does, or would: queue, queue+mark, drop, drop+count"),
	NUMBER(worker, 0, "worker that owns the session"),
	NUMBER(queue, 0, "receive queue that its packets come to"),
	CST_F_ENUM(struct net_flow, state, net_flow_states, CST_F_STATE, NULL,
		   "offloaded: the NIC does it; software: coast does; pending: coast does, the NIC "
		   "will be asked"),
	TEXT(net_flow, why, "why the NIC does not do it"),
	NUMBER(packets, 0, "dropped in the NIC, where it counts them"),
};
const struct cst_object net_flow_object =
	CST_OBJECT("flow", struct net_flow, fields, "a rule for a NIC");

static const struct cst_field query_fields[] = {
	CST_F_STR(struct net_flow_query, port, 1, 31, 0, NULL, "of this port"),
	CST_F_UINT(struct net_flow_query, session, 0, 0, NULL, 0, NULL, "of this session"),
	CST_F_ENUM(struct net_flow_query, state, net_flow_states, 0, NULL, "in this state"),
	CST_F_UINT(struct net_flow_query, limit, 1, CST_RPC_LIST_LIMIT_MAX, NULL, 0, "100",
		   "so many at most"),
	CST_F_UINT(struct net_flow_query, cursor, 0, 0, NULL, 0, "0",
		   "where to go on, as the reply before said"),
};
const struct cst_object net_flow_query_object =
	CST_OBJECT("flow_query", struct net_flow_query, query_fields, "which rules to list");
/* The same without the pages. */
const struct cst_object net_flow_filter_object = {
	.name = "flow_filter",
	.help = "which rules to show",
	.fields = query_fields,
	.n_fields = NET_FLOW_QUERY_LIMIT,
	.size = sizeof(struct net_flow_query),
};

static const struct cst_field shape_fields[] = {
	TEXT(net_flow_shape, port, "port"),
	TEXT(net_flow_shape, rule, "kind of rule"),
	CST_F_BOOL(struct net_flow_shape, tagged, CST_F_STATE, NULL, "of frames with a VLAN tag"),
	TEXT(net_flow_shape, queue,
	     "to a queue: yes, or why not; \"not asked yet\" where no such rule was wanted"),
	TEXT(net_flow_shape, mark, "to a queue with a mark"),
	TEXT(net_flow_shape, drop, "drop"),
	TEXT(net_flow_shape, count, "drop and count"),
};
const struct cst_object net_flow_shape_object =
	CST_OBJECT("flow_shape", struct net_flow_shape, shape_fields, "what a NIC can do");

static const struct cst_field ports_fields[] = {
	CST_F_STR(struct net_flow_ports, port, 1, 31, 0, NULL, "this port; absent: all"),
};
const struct cst_object net_flow_ports_object =
	CST_OBJECT("flow_ports", struct net_flow_ports, ports_fields, "which ports to tell of");
