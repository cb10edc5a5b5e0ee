/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule's key and action in rte_flow's terms. Pure.
 */
#pragma once

#include <rte_flow.h>

#include "port/flow.h"

struct cst_flow_shape {
	struct rte_flow_item items[8];
	struct rte_flow_action actions[3];
	/* what the above point to */
	struct rte_flow_item_vlan vlan;
	struct rte_flow_item_ipv4 ip4[2]; /* outer, inner */
	struct rte_flow_item_ipv6 ip6[2], ip6_mask[2];
	struct rte_flow_item_gtp gtp;
	struct rte_flow_action_queue queue;
	struct rte_flow_action_mark mark;
};

extern const struct rte_flow_attr cst_flow_ingress;

/* `gtp`: the item that the driver knows GTP-U by: RTE_FLOW_ITEM_TYPE_GTPU, or _GTP (mlx5), both
 * UDP port 2152. */
void cst_flow_shape(const struct cst_flow_key *key, enum rte_flow_item_type gtp,
		    enum cst_flow_act act, uint16_t queue, uint32_t mark, struct cst_flow_shape *s);
/* A key of that kind to ask drivers with. */
void cst_flow_sample(enum cst_flow_kind kind, bool tagged, struct cst_flow_key *key);
