/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What workers read of ports: small immutable records, each replaced as a
 * whole by the control thread under RCU.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "module.h"
#include "port/port.h"

#define CST_PORT_BURST 64

struct cst_poll_queue {
	uint16_t ethdev, queue;
	uint16_t port;
	bool soft_csum;
};

struct cst_poll_list { /* of one worker */
	uint16_t n;
	struct cst_poll_queue q[];
};

/* A worker sends by a queue of its own, or hands the packets to the worker that owns one. */
struct cst_tx_path {
	uint16_t queue; /* CST_NO_QUEUE: none */
	uint16_t owner;
};

struct cst_port_out {
	uint16_t ethdev;
	bool plain; /* see struct cst_ethdev */
	struct cst_tx_path path[CST_MAX_WORKERS];
};

extern struct cst_poll_list *_Atomic cst_poll_lists[CST_MAX_WORKERS]; /* NULL: nothing to poll */
extern struct cst_port_out *_Atomic cst_port_outs[CST_MAX_PORTS];     /* NULL: down */
