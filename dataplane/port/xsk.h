/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * AF_XDP sockets seen from outside the driver that owns them.
 *
 * DPDK 22.11's net_af_xdp keeps the socket (so the queue stays taken) and the
 * packet buffers in its rings when a device is closed, and buffers, too, when
 * one cannot be opened. coast opens and closes ports while it runs, so it asks
 * first whether a queue is to be had, and takes back what the driver leaves.
 * Control thread.
 */
#pragma once

#include <stdint.h>

#include "err.h"

#define CST_MAX_XSK 64 /* queues of one device */

/* 0 when all queues 0..n-1 of the interface can be bound now; else fills `e` with the remedy. */
int cst_xsk_trial(const char *iface, uint16_t queues, struct cst_err *e);

/* Let what libbpf and libxdp say pass through coast's log. */
void cst_xdp_take_log(void);

struct cst_xsk { /* sockets of one device */
	unsigned n;
	struct {
		int fd;
		uint64_t inode;
	} s[CST_MAX_XSK];
};

/* All AF_XDP sockets of this process; then those of `x` that `before` has not. */
void cst_xsk_list(struct cst_xsk *x);
void cst_xsk_minus(struct cst_xsk *x, const struct cst_xsk *before);

/* Around the driver's close: note which buffers lie in the rings, then close what is still open and
 * free the buffers. */
struct cst_xsk_buffers;
struct cst_xsk_buffers *cst_xsk_note(const struct cst_xsk *x);
void cst_xsk_reclaim(const struct cst_xsk *x, struct cst_xsk_buffers *b);
