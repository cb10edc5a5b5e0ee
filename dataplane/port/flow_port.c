/* SPDX-License-Identifier: BSD-3-Clause */
/* What ports can do, found out by asking their drivers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_errno.h>
#include <rte_ethdev.h>

#include "engine/worker.h"
#include "log.h"
#include "port/flow_int.h"
#include "port/flow_shape.h"

struct cst_flow_port cst_flow_ports[CST_MAX_PORTS];
static uint32_t generation;

uint32_t cst_flow_generation(void)
{
	return generation;
}

const char *cst_flow_reason(const struct rte_flow_error *err, char *buf, size_t size)
{
	snprintf(buf, size, "%s",
		 err->message != NULL && err->message[0] != '\0' ? err->message
								 : rte_strerror(rte_errno));
	return buf;
}

static void ask(struct cst_flow_port *p, enum cst_flow_kind kind, bool tagged,
		enum cst_flow_act act)
{
	struct rte_flow_error err = {0};
	struct cst_flow_shape shape;
	struct cst_flow_key key;
	char why[160] = "";

	cst_flow_sample(kind, tagged, &key);
	/* the last queue: a driver that knows only the first one is found out */
	cst_flow_shape(&key, p->gtp, act, (uint16_t)(p->queues - 1), 1, &shape);
	if (rte_flow_validate(p->ethdev, &cst_flow_ingress, shape.items, shape.actions, &err) < 0)
		cst_flow_reason(&err, why, sizeof(why));
	p->refusal[kind][tagged][act] = strdup(why);
}

bool cst_flow_can(uint16_t port, enum cst_flow_kind kind, bool tagged, enum cst_flow_act act)
{
	struct cst_flow_port *p = &cst_flow_ports[port];
	const char *why;

	if (!p->up)
		return false;
	if (p->refusal[kind][tagged][act] == NULL)
		ask(p, kind, tagged, act);
	why = p->refusal[kind][tagged][act];
	return why != NULL && why[0] == '\0';
}

const char *cst_flow_refusal(uint16_t port, enum cst_flow_kind kind, bool tagged,
			     enum cst_flow_act act)
{
	return cst_flow_ports[port].refusal[kind][tagged][act];
}

void cst_flow_port_info(uint16_t port, struct cst_flow_port_info *out)
{
	const struct cst_flow_port *p = &cst_flow_ports[port];

	*out = (struct cst_flow_port_info){
		.on = p->up,
		.offloaded = p->n[CST_FLOW_OFFLOADED],
		.software = p->n[CST_FLOW_SOFTWARE],
		.pending = p->n[CST_FLOW_PENDING],
	};
	if (!p->up)
		out->steers = "the port is down, no NIC, or its offload is off";
	else if (cst_workers() < 2)
		out->steers = "there is one worker: all packets are its own";
	else if (p->queues < 2)
		out->steers = "the port has one receive queue";
}

static void forget_refusals(struct cst_flow_port *p)
{
	for (int kind = 0; kind < CST_FLOW_KINDS; kind++)
		for (int tagged = 0; tagged < 2; tagged++)
			for (int act = 0; act < CST_FLOW_ACTS; act++) {
				free(p->refusal[kind][tagged][act]);
				p->refusal[kind][tagged][act] = NULL;
			}
}

static bool knows_gtp(uint16_t port, enum rte_flow_item_type name)
{
	forget_refusals(&cst_flow_ports[port]);
	cst_flow_ports[port].gtp = name;
	return cst_flow_can(port, CST_FLOW_TEID4, false, CST_FLOW_QUEUE) ||
	       cst_flow_can(port, CST_FLOW_TEID4, false, CST_FLOW_DROP) ||
	       cst_flow_can(port, CST_FLOW_INNER44, false, CST_FLOW_QUEUE);
}

void cst_flow_port_up(uint16_t port, const char *name, uint16_t ethdev, uint16_t queues)
{
	struct cst_flow_port *p = &cst_flow_ports[port];

	p->up = true;
	p->stuck = false;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->ethdev = ethdev;
	p->queues = queues;
	if (!knows_gtp(port, RTE_FLOW_ITEM_TYPE_GTPU) && !knows_gtp(port, RTE_FLOW_ITEM_TYPE_GTP))
		knows_gtp(port, RTE_FLOW_ITEM_TYPE_GTPU); /* its reasons are clearer */
	for (int kind = 0; kind < CST_FLOW_KINDS; kind++)
		for (int act = 0; act < CST_FLOW_ACTS; act++)
			cst_flow_can(port, kind, false, act);
	generation++;
}

void cst_flow_port_down(uint16_t port)
{
	struct cst_flow_port *p = &cst_flow_ports[port];
	struct rte_flow_error err = {0};
	char why[160];

	if (!p->up)
		return;
	/* one that waits for its turn may be in the NIC too */
	if ((p->stuck || p->n[CST_FLOW_OFFLOADED] + p->n[CST_FLOW_PENDING] > 0) &&
	    rte_flow_flush(p->ethdev, &err) < 0)
		LOG_WARN("port %s: its rules cannot be taken out of the NIC: %s", p->name,
			 cst_flow_reason(&err, why, sizeof(why)));
	p->up = false;
	cst_flow_forget(port);
	forget_refusals(p);
	generation++;
}
