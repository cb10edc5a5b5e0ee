/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames under way, by the time they arrive; those of one time in the order they came. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queued {
	uint64_t due, order;
	uint8_t *frame;
	uint32_t len;
	uint16_t to; /* the caller's */
};

/* False: no room. Copies the frame. */
bool queue_put(uint64_t due, uint16_t to, const uint8_t *frame, size_t len);
/* The next one, NULL: none. Valid until the next call. */
const struct queued *queue_first(void);
void queue_drop_first(void);
