/* SPDX-License-Identifier: BSD-3-Clause */
/* The health of a stream as replies show it: what paths did in the last window of about half a
 * second, and since they are watched. */
#pragma once

#include "object.h"

struct prer_health_member { /* one path of the stream */
	uint64_t has;
	const char *path, *reason;
	uint8_t status; /* up, degraded, down: enum prer_watch_mood */
	uint32_t carries, packet_rate, loss, loss_long, delay_difference_us,
		delay_difference_max_us, out_of_order;
};

struct prer_health_obj {
	uint64_t has;
	const char *stream;
	uint32_t window_ms, packet_rate;
	uint32_t joint_loss, joint_loss_long, joint_loss_at_most, independent_loss;
	const char *correlation, *correlation_long;
	uint8_t history; /* enough, too_small, stuck */
	uint32_t history_needed, latent_errors, latent_error_resets;
	struct cst_list paths; /* of struct prer_health_member */
};
enum prer_health_field {
	HEALTH_STREAM,
	HEALTH_WINDOW,
	HEALTH_RATE,
	HEALTH_JOINT,
	HEALTH_JOINT_LONG,
	HEALTH_AT_MOST,
	HEALTH_INDEPENDENT,
	HEALTH_RHO,
	HEALTH_RHO_LONG,
	HEALTH_HISTORY,
	HEALTH_NEEDED,
	HEALTH_LATENT,
	HEALTH_LATENT_RESETS,
	HEALTH_PATHS,
};

extern const struct cst_object prer_health_object, prer_health_member_object;
