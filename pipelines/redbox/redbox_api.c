/* SPDX-License-Identifier: BSD-3-Clause */
#include "redbox_api.h"

#include <errno.h>
#include <string.h>

#define STATE(s, m, u, h) CST_F_UINT(struct s, m, 0, UINT64_MAX, u, CST_F_STATE, NULL, h)

static const char *const attached_names[] = {"doubly", "singly", "behind", NULL};
static const struct cst_field node_fields[] = {
	CST_F_MAC(struct redbox_node_obj, mac, CST_F_STATE, "its address"),
	CST_F_ENUM(struct redbox_node_obj, attached, attached_names, CST_F_STATE, NULL,
		   "doubly: to both LANs; singly: to one of them, without trailers; behind: to "
		   "the box's port"),
	STATE(redbox_node_obj, lan_a_ms, "ms", "since something of it came by LAN A"),
	STATE(redbox_node_obj, lan_b_ms, "ms", "since something of it came by LAN B"),
	STATE(redbox_node_obj, port_ms, "ms", "since a frame of it came by the box's port"),
	STATE(redbox_node_obj, received_a, "packets", "by LAN A"),
	STATE(redbox_node_obj, received_b, "packets", "by LAN B"),
	STATE(redbox_node_obj, discarded, "packets", "whose copy had come already"),
	STATE(redbox_node_obj, wrong_lan, "packets",
	      "with the other LAN's mark (CntErrWrongLan): its cables or the LANs are crossed"),
};
static const struct cst_object node_object =
	CST_OBJECT("redbox_node", struct redbox_node_obj, node_fields, "a node that was heard");

static const struct cst_field state_fields[] = {
	CST_F_MAC(struct redbox_state_obj, mac, CST_F_STATE, "the box's own address"),
	STATE(redbox_state_obj, sent, "packets", "sent by both LANs"),
	STATE(redbox_state_obj, delivered, "packets", "sent to the port"),
	STATE(redbox_state_obj, discarded, "packets", "whose copy had come already"),
	STATE(redbox_state_obj, ordinary, "packets", "that came by a LAN without a trailer"),
	STATE(redbox_state_obj, wrong_lan, "packets", "with the other LAN's mark"),
	STATE(redbox_state_obj, crowded, "packets",
	      "delivered without a look for copies, for want of room for their node"),
	STATE(redbox_state_obj, supervision, "packets", "supervision frames received"),
	CST_F_LIST(struct redbox_state_obj, nodes, CST_T_OBJ, struct redbox_node_obj, REDBOX_NODES,
		   CST_F_STATE, "nodes heard within a minute", .sub = &node_object),
};
static const struct cst_object state_object = CST_OBJECT(
	"redbox_state", struct redbox_state_obj, state_fields, "what a box has seen and done");

static const struct cst_field fields[] = {
	CST_F_STR(struct redbox_obj, name, 1, REDBOX_NAME, CST_F_KEY, NULL, "name"),
	CST_F_STR(struct redbox_obj, port, 1, 31, CST_F_REQUIRED, NULL,
		  "port at which devices without PRP are"),
	CST_F_STR(struct redbox_obj, lan_a, 1, 31, CST_F_REQUIRED, NULL, "port of LAN A"),
	CST_F_STR(struct redbox_obj, lan_b, 1, 31, CST_F_REQUIRED, NULL, "port of LAN B"),
	CST_F_UINT(struct redbox_obj, supervision_ms, 0, 60000, "ms", 0, "2000",
		   "LifeCheckInterval: how often it tells both LANs who is behind it; 0: never"),
	CST_F_UINT(struct redbox_obj, supervision_address, 0, 255, NULL, 0, "0",
		   "last octet of the group that supervision frames go to, 01:15:4e:00:01:XX"),
	CST_F_OBJ(struct redbox_obj, state, &state_object, CST_F_STATE,
		  "what it has seen and done"),
};

static int check(const void *obj, struct cst_err *e)
{
	const struct redbox_obj *o = obj;

	if (strcmp(o->lan_a, o->lan_b) == 0)
		return cst_err(e, -EINVAL, "lan_b", "is LAN A too: they must not share a port");
	if (strcmp(o->port, o->lan_a) == 0 || strcmp(o->port, o->lan_b) == 0)
		return cst_err(e, -EINVAL, "port", "is a LAN's too: devices need one of their own");
	return 0;
}

const struct cst_object redbox_object = {
	.name = "redbox",
	.help = "gives devices with one Ethernet port both LANs of a PRP network (IEC 62439-3)",
	.fields = fields,
	.n_fields = sizeof(fields) / sizeof(*fields),
	.size = sizeof(struct redbox_obj),
	.check = check,
};

struct cst_class redbox_class = {
	.object = &redbox_object, .plural = "redboxes", .order = 64, .config = true};
CST_CLASS(redbox_class);
