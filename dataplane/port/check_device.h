/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The world behind a device, and words for the operator when it is not as it
 * has to be. Control thread; EAL is up.
 */
#pragma once

#include <stdint.h>

#include "err.h"
#include "port/device.h"
#include "port/port.h"

/* Before the probe. `queues`: queue pairs to make the device with. */
int cst_device_check(const struct cst_device *dev, const struct cst_port_conf *conf,
		     uint16_t *queues, struct cst_err *e);

/* The probe failed with `code`; fills `e` and returns it. */
int cst_device_explain(const struct cst_device *dev, int code, struct cst_err *e);
