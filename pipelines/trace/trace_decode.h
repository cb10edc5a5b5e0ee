/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The headers of a recorded packet as JSON, outermost first, one object each:
 * {"header": "ipv4", "source": ..., "destination": ..., ...}. What stands beyond
 * the bytes that were kept is left out; what is wrong is said.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* `cap` bytes of a packet that has `len`. `frame`: it begins with its L2 header, else with IP (or
 * ARP). New reference to an array. Control thread. */
json_t *trace_decode(const uint8_t *data, uint32_t cap, uint32_t len, bool frame);
