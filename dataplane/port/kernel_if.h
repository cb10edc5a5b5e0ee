/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What AF_XDP ports need of the kernel interface behind them. Control thread.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

struct cst_kif {
	unsigned index; /* 0: no such interface in this network namespace */
	bool up, running;
};

void cst_kif_get(const char *name, struct cst_kif *k);

/* Mbit/s, 0: unknown. Waits while others change interfaces of any namespace: not to be asked often.
 */
unsigned cst_kif_speed(const char *name);

/* Set it up and let it take all multicast (Neighbor Discovery needs it). Field "device". */
int cst_kif_raise(const char *name, struct cst_err *e);

/* How many queues AF_XDP has to serve so that no packet goes by it to the kernel. -EINVAL with the
 * remedy when the device's queues cannot all be served. */
int cst_kif_queues(const char *name, uint16_t *queues, struct cst_err *e);
