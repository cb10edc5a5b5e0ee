/* SPDX-License-Identifier: BSD-3-Clause */
/* A rule as the device keeps it. */
#pragma once

#include "flowdev.h"

struct flowdev_item {
	enum rte_flow_item_type type;
	uint8_t spec[40], mask[40]; /* of the header, from its first byte */
};

struct rte_flow {
	struct flowdev_item item[FLOWDEV_ITEMS];
	unsigned n_items;
	bool drop, marked, counted;
	uint16_t queue;
	uint32_t mark;
	uint64_t hits, bytes;
	struct rte_flow *next;
};

/* Bytes of a header that an item looks at. */
unsigned flowdev_header(enum rte_flow_item_type type);

/* The function of this name behind ours. */
void *flowdev_behind(const char *name);
