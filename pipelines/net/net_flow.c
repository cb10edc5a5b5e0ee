/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules in the NICs, and what the NICs can do. */
#include <errno.h>
#include <string.h>

#include "net_flow_api.h"
#include "port/flow.h"
#include "port/port.h"
#include "rpc/rpc.h"

#define MAX_SCAN 20000 /* rules looked at for one page */

/* ---- flow.list ------------------------------------------------------------------------ */

static bool matches(const struct net_flow_query *q, uint16_t port, const struct cst_flow_info *f)
{
	return (!cst_has(q, NET_FLOW_QUERY_PORT) || f->key.port == port) &&
	       (!cst_has(q, NET_FLOW_QUERY_SESSION) || f->wish.session == q->session) &&
	       (!cst_has(q, NET_FLOW_QUERY_STATE) || f->state == q->state);
}

static json_t *show(const struct cst_flow_info *f)
{
	const struct cst_port_conf *c = cst_port_conf(f->key.port);
	struct net_flow o = {
		.has = 1u << NET_FLOW_PORT | 1u << NET_FLOW_RULE | 1u << NET_FLOW_SESSION |
		       1u << NET_FLOW_ACTION | 1u << NET_FLOW_WORKER | 1u << NET_FLOW_STATE,
		.port = c != NULL ? c->name : "",
		.rule = cst_flow_kind_name(f->key.kind),
		.teid = f->key.teid,
		.address = {.ip = f->key.ue, .len = f->key.len},
		.vlan = f->key.vlan,
		.session = f->wish.session,
		.action = cst_flow_act_name(f->act),
		.worker = f->wish.worker,
		.queue = f->queue,
		.state = f->state,
		.why = f->why,
		.packets = f->packets,
	};

	o.has |= o.teid != 0 ? 1u << NET_FLOW_TEID : 0;
	o.has |= o.address.ip.family != 0 ? 1u << NET_FLOW_ADDRESS : 0;
	o.has |= o.vlan != 0 ? 1u << NET_FLOW_VLAN : 0;
	o.has |= o.queue != CST_NO_QUEUE ? 1u << NET_FLOW_QUEUE : 0;
	o.has |= o.why != NULL ? 1u << NET_FLOW_WHY : 0;
	o.has |= f->counted ? 1u << NET_FLOW_PACKETS : 0;
	return cst_encode(&net_flow_object, &o);
}

static int flow_list(const void *params, json_t **result, struct cst_err *e)
{
	const struct net_flow_query *q = params;
	uint32_t at = q->cursor, limit = q->limit ? q->limit : CST_RPC_LIST_LIMIT;
	uint32_t stop = at + MAX_SCAN, end = cst_flow_slots();
	uint16_t port = q->port != NULL ? cst_port_by_name(q->port) : 0;
	struct cst_flow_info f;
	json_t *items;

	if (q->port != NULL && port == 0)
		return cst_err(e, -ENOENT, "port", "there is no port '%s'", q->port);
	items = json_array();
	for (; at < end && at < stop && json_array_size(items) < limit; at++)
		if (cst_flow_get(at, &f) && matches(q, port, &f))
			json_array_append_new(items, show(&f));
	*result = json_pack("{s:o, s:I}", "items", items, "cursor",
			    at < end ? (json_int_t)at : (json_int_t)0);
	return 0;
}

static struct cst_method list_method = {
	.name = "flow.list",
	.help = "rules for the NICs: whose packets go to which queue or are dropped there, and why "
		"coast does it where the NIC does not",
	.params = &net_flow_query_object,
	.call = flow_list,
};
CST_METHOD(list_method);

/* ---- flow.capabilities ------------------------------------------------------------------ */

static const char *answer(const char *refusal)
{
	if (refusal == NULL)
		return "not asked yet";
	return refusal[0] == '\0' ? "yes" : refusal;
}

static void add_shapes(json_t *shapes, uint16_t port, bool tagged)
{
	for (int k = 0; k < CST_FLOW_KINDS; k++) {
		struct net_flow_shape s = {
			.has = 0x7f,
			.port = cst_port_conf(port)->name,
			.rule = cst_flow_kind_name(k),
			.tagged = tagged,
			.queue = answer(cst_flow_refusal(port, k, tagged, CST_FLOW_QUEUE)),
			.mark = answer(cst_flow_refusal(port, k, tagged, CST_FLOW_QUEUE_MARK)),
			.drop = answer(cst_flow_refusal(port, k, tagged, CST_FLOW_DROP)),
			.count = answer(cst_flow_refusal(port, k, tagged, CST_FLOW_DROP_COUNT)),
		};

		if (cst_flow_refusal(port, k, tagged, CST_FLOW_QUEUE) != NULL)
			json_array_append_new(shapes, cst_encode(&net_flow_shape_object, &s));
	}
}

static json_t *port_item(uint16_t port)
{
	struct cst_flow_port_info info;
	json_t *js, *shapes = json_array();

	cst_flow_port_info(port, &info);
	add_shapes(shapes, port, false);
	add_shapes(shapes, port, true);
	js = json_pack("{s:s, s:b, s:b, s:i, s:i, s:i, s:o}", "port", cst_port_conf(port)->name,
		       "on", info.on, "steers", info.steers == NULL, "offloaded",
		       (int)info.offloaded, "software", (int)info.software, "pending",
		       (int)info.pending, "shapes", shapes);
	if (info.steers != NULL)
		json_object_set_new(js, "why", json_string(info.steers));
	return js;
}

static int flow_capabilities(const void *params, json_t **result, struct cst_err *e)
{
	const struct net_flow_ports *p = params;
	uint16_t only = p->port != NULL ? cst_port_by_name(p->port) : 0;
	json_t *items;

	if (p->port != NULL && only == 0)
		return cst_err(e, -ENOENT, "port", "there is no port '%s'", p->port);
	items = json_array();
	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (cst_port_conf(i) != NULL && (only == 0 || only == i))
			json_array_append_new(items, port_item(i));
	*result = json_pack("{s:o}", "items", items);
	return 0;
}

static struct cst_method capabilities_method = {
	.name = "flow.capabilities",
	.help = "what each port's NIC can do with rules, as its driver says",
	.params = &net_flow_ports_object,
	.call = flow_capabilities,
};
CST_METHOD(capabilities_method);
