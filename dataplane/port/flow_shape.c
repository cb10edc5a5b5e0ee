/* SPDX-License-Identifier: BSD-3-Clause */
#include "port/flow_shape.h"

#include <string.h>

const struct rte_flow_attr cst_flow_ingress = {.ingress = 1};

/* Each kind of rule: the families of the addresses it looks at, 0: none. */
static const struct kind {
	const char *name;
	uint8_t outer; /* of a packet with GTP-U; with `teid` its destination */
	uint8_t ue;    /* behind GTP-U the source, else the destination */
	bool teid, psc;
} kinds[CST_FLOW_KINDS] = {
	[CST_FLOW_TEID4] = {"uplink_teid", 4, 0, true, false},
	[CST_FLOW_TEID6] = {"uplink_teid_ipv6", 6, 0, true, false},
	[CST_FLOW_TEID4_PSC] = {"uplink_teid_psc", 4, 0, true, true},
	[CST_FLOW_TEID6_PSC] = {"uplink_teid_psc_ipv6", 6, 0, true, true},
	[CST_FLOW_INNER44] = {"uplink_ue", 4, 4, false, false},
	[CST_FLOW_INNER46] = {"uplink_ue6", 4, 6, false, false},
	[CST_FLOW_INNER64] = {"uplink_ue_ipv6", 6, 4, false, false},
	[CST_FLOW_INNER66] = {"uplink_ue6_ipv6", 6, 6, false, false},
	[CST_FLOW_DST4] = {"downlink_ue", 0, 4, false, false},
	[CST_FLOW_DST6] = {"downlink_ue6", 0, 6, false, false},
};

static const char *const act_names[CST_FLOW_ACTS] = {
	[CST_FLOW_QUEUE] = "queue",
	[CST_FLOW_QUEUE_MARK] = "queue+mark",
	[CST_FLOW_DROP] = "drop",
	[CST_FLOW_DROP_COUNT] = "drop+count",
};

const char *cst_flow_kind_name(enum cst_flow_kind kind)
{
	return kinds[kind].name;
}

const char *cst_flow_act_name(enum cst_flow_act act)
{
	return act_names[act];
}

static const struct rte_flow_item_vlan vlan_mask = {.tci = RTE_BE16(0x0fff)};
static const struct rte_flow_item_ipv4 ip4_dst = {.hdr.dst_addr = RTE_BE32(0xffffffff)};
static const struct rte_flow_item_ipv4 ip4_src = {.hdr.src_addr = RTE_BE32(0xffffffff)};
static const struct rte_flow_item_gtp teid_mask = {.teid = RTE_BE32(0xffffffff)};

static struct rte_flow_item *item(struct rte_flow_item *at, enum rte_flow_item_type type,
				  const void *spec, const void *mask)
{
	*at = (struct rte_flow_item){.type = type, .spec = spec, .mask = mask};
	return at + 1;
}

static struct rte_flow_item *ip_item(struct cst_flow_shape *s, struct rte_flow_item *at,
				     const struct cst_ip *ip, uint8_t len, bool inner)
{
	struct rte_flow_item_ipv6 *six = &s->ip6[inner], *mask = &s->ip6_mask[inner];
	uint8_t *addr = inner ? six->hdr.src_addr : six->hdr.dst_addr;
	uint8_t *bits = inner ? mask->hdr.src_addr : mask->hdr.dst_addr;

	if (ip->family == 4) {
		if (inner)
			s->ip4[1].hdr.src_addr = ip->v4;
		else
			s->ip4[0].hdr.dst_addr = ip->v4;
		return item(at, RTE_FLOW_ITEM_TYPE_IPV4, &s->ip4[inner],
			    inner ? &ip4_src : &ip4_dst);
	}
	memcpy(addr, ip->b, 16);
	memset(bits, 0xff, len / 8);
	if (len % 8 != 0)
		bits[len / 8] = (uint8_t)(0xff << (8 - len % 8));
	return item(at, RTE_FLOW_ITEM_TYPE_IPV6, six, mask);
}

static void set_items(const struct cst_flow_key *key, enum rte_flow_item_type gtp,
		      struct cst_flow_shape *s)
{
	const struct kind *k = &kinds[key->kind];
	struct rte_flow_item *at = item(s->items, RTE_FLOW_ITEM_TYPE_ETH, NULL, NULL);

	if (key->vlan != 0) {
		s->vlan.tci = rte_cpu_to_be_16(key->vlan);
		at = item(at, RTE_FLOW_ITEM_TYPE_VLAN, &s->vlan, &vlan_mask);
	}
	if (k->outer == 0) {
		at = ip_item(s, at, &key->ue, key->len, false);
	} else {
		at = k->teid ? ip_item(s, at, &key->own, 128, false)
			     : item(at,
				    k->outer == 4 ? RTE_FLOW_ITEM_TYPE_IPV4
						  : RTE_FLOW_ITEM_TYPE_IPV6,
				    NULL, NULL);
		/* the port number follows from the next item, and some drivers want it nowhere else
		 */
		at = item(at, RTE_FLOW_ITEM_TYPE_UDP, NULL, NULL);
		s->gtp.teid = rte_cpu_to_be_32(key->teid);
		at = item(at, gtp, k->teid ? &s->gtp : NULL, k->teid ? &teid_mask : NULL);
		if (k->psc)
			at = item(at, RTE_FLOW_ITEM_TYPE_GTP_PSC, NULL, NULL);
		if (k->ue != 0)
			at = ip_item(s, at, &key->ue, key->len, true);
	}
	item(at, RTE_FLOW_ITEM_TYPE_END, NULL, NULL);
}

static struct rte_flow_action *action(struct rte_flow_action *at, enum rte_flow_action_type type,
				      const void *conf)
{
	*at = (struct rte_flow_action){.type = type, .conf = conf};
	return at + 1;
}

void cst_flow_shape(const struct cst_flow_key *key, enum rte_flow_item_type gtp,
		    enum cst_flow_act act, uint16_t queue, uint32_t mark, struct cst_flow_shape *s)
{
	struct rte_flow_action *at = s->actions;

	memset(s, 0, sizeof(*s));
	set_items(key, gtp, s);
	s->queue.index = queue;
	s->mark.id = mark;
	if (act == CST_FLOW_QUEUE_MARK)
		at = action(at, RTE_FLOW_ACTION_TYPE_MARK, &s->mark);
	if (act == CST_FLOW_DROP_COUNT)
		at = action(at, RTE_FLOW_ACTION_TYPE_COUNT, NULL);
	if (act == CST_FLOW_QUEUE || act == CST_FLOW_QUEUE_MARK)
		at = action(at, RTE_FLOW_ACTION_TYPE_QUEUE, &s->queue);
	else
		at = action(at, RTE_FLOW_ACTION_TYPE_DROP, NULL);
	action(at, RTE_FLOW_ACTION_TYPE_END, NULL);
}

/* Of the ranges for documentation (RFC 5737, RFC 3849). */
static void sample_ip(uint8_t family, uint8_t last, struct cst_ip *ip)
{
	ip->family = family;
	if (family == 4)
		memcpy(ip->b, (uint8_t[]){192, 0, 2, last}, 4);
	else
		memcpy(ip->b, (uint8_t[16]){0x20, 0x01, 0x0d, 0xb8, [7] = last}, 16);
}

void cst_flow_sample(enum cst_flow_kind kind, bool tagged, struct cst_flow_key *key)
{
	const struct kind *k = &kinds[kind];

	memset(key, 0, sizeof(*key));
	key->kind = (uint8_t)kind;
	key->vlan = tagged;
	key->teid = k->teid;
	if (k->teid)
		sample_ip(k->outer, 1, &key->own);
	if (k->ue != 0)
		sample_ip(k->ue, 2, &key->ue);
	key->len = k->ue == 4 ? 32 : k->ue == 6 ? 64 : 0;
}
