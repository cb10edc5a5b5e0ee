/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the offload share. Control thread.
 */
#pragma once

#include <rte_flow.h>

#include "port/flow.h"
#include "port/port.h"

struct cst_flow_port {
	bool up;
	bool stuck; /* a rule that no book has any more may be in the NIC */
	char name[32];
	uint16_t ethdev, queues;
	enum rte_flow_item_type gtp; /* see cst_flow_shape() */
	uint32_t n[3];               /* rules by enum cst_flow_state */
	/* Why such a rule is refused: "": it is not; NULL: nobody has asked. Ours to free. */
	char *refusal[CST_FLOW_KINDS][2][CST_FLOW_ACTS];
};
extern struct cst_flow_port cst_flow_ports[CST_MAX_PORTS];

/* A refusal in the driver's words, else the system's; by rte_errno. buf */
const char *cst_flow_reason(const struct rte_flow_error *err, char *buf, size_t size);

/* flow.c: forget all rules of the port, which has none left in the NIC. */
void cst_flow_forget(uint16_t port);
