/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One DPDK Ethernet device, from devargs to started and back. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "port/device.h"
#include "port/port.h"
#include "port/xsk.h"

struct cst_ethdev {
	uint16_t id;       /* ethdev's number */
	char devargs[512]; /* as probed; taken out again by them */
	uint16_t rxq, txq; /* queues in use */
	uint16_t max_mtu;
	bool hardware;      /* what it takes over is saved */
	bool plain;         /* takes packets of one segment with their own bytes only */
	bool soft_csum;     /* may deliver packets whose L4 checksum is still to be filled in */
	struct cst_xsk xsk; /* af_xdp: its sockets */
	bool queued;        /* its queues were set up: packet buffers are in the driver's hands */
};

/* Probe, configure and start. On failure nothing is left of it; `d->queued` tells how far it
 * came. `st` gets driver, MAC, MTU and offloads. */
int cst_ethdev_open(const struct cst_port_conf *conf, const struct cst_device *dev,
		    struct cst_ethdev *d, struct cst_port_state *st, struct cst_err *e);
void cst_ethdev_close(struct cst_ethdev *d);

/* Change what can change while packets flow. */
int cst_ethdev_set_mtu(const struct cst_ethdev *d, uint16_t mtu, struct cst_err *e);
void cst_ethdev_set_promiscuous(const struct cst_ethdev *d, bool on);
