/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packets of a stream: UDP over IPv4 between a user and the data network,
 * each with its number, and the GTP-U around it. Made and read without coast's
 * headers, so that the two ends of the lab do not share a mistake.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UE_PORT   6000
#define DN_PORT   5000
#define GTPU_PORT 2152

#define MARK_BYTES 20 /* of payload, what a packet says of itself */
#define MIN_BYTES  (28 + MARK_BYTES)
#define MAX_BYTES  1400
#define GTPU_BYTES 16 /* with a PDU Session Container */

enum way { UPLINK, DOWNLINK };

struct mark {
	uint8_t way;
	uint32_t session; /* index, from 0 */
	uint64_t seq;     /* of this way, from 0 */
};

/* Into the first MARK_BYTES of a UDP payload. */
void mark_write(uint8_t *payload, const struct mark *m);
bool mark_read(const uint8_t *payload, size_t len, struct mark *m);

/* A user's packet of `bytes` inside a GTP-U header: GTPU_BYTES + bytes in all. Addresses in network
 * order. */
void gpdu_write(uint8_t *out, uint32_t teid, uint8_t qfi, uint32_t ue, uint32_t dn, unsigned bytes,
		const struct mark *m);

enum gtpu_kind { GTPU_BAD, GTPU_GPDU, GTPU_ECHO_REQUEST, GTPU_ERROR, GTPU_END_MARKER };

struct gtpu {
	uint32_t teid;
	int qfi; /* -1: none */
	const uint8_t *inner;
	size_t len;
};

enum gtpu_kind gtpu_read(const uint8_t *p, size_t n, struct gtpu *g);
/* What a user gets: an intact packet of the stream for `ue`. */
bool inner_read(const struct gtpu *g, uint32_t *ue, struct mark *m);
