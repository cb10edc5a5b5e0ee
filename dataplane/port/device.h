/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A `device:` string taken apart: text in, text out, no EAL.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum cst_device_kind {
	CST_DEV_PCI,
	CST_DEV_AF_XDP,
	CST_DEV_VHOST,
	CST_DEV_VIRTIO_USER,
	CST_DEV_TAP,
	CST_DEV_PCAP,
	CST_DEV_NULL,
	CST_DEV_EAL,
};

struct cst_device {
	enum cst_device_kind kind;
	char name[192];  /* PCI address, kernel interface, socket, input file or devargs */
	char other[192]; /* pcap: the output file */
	uint16_t size;   /* null: bytes of the packets it makes; 0: none */
};

/* -EINVAL with the reason, field "device". */
int cst_device_parse(const char *text, struct cst_device *d, struct cst_err *e);

/* What rte_dev_probe() takes. `unique` is a number no other open device has; `queues` is how many
 * queue pairs the device is made with, `ring` how long they are where that is settled here (a power
 * of two). */
int cst_device_args(const struct cst_device *d, unsigned unique, uint16_t queues, uint16_t ring,
		    char *buf, size_t size, struct cst_err *e);
