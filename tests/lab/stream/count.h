/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What was sent and what came, packet by packet. The sender's thread calls
 * count_sent(), each way's receivers count_arrival() under a lock of that way.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "packet.h"

#define MAX_GNBS 4

struct session {
	uint32_t ue; /* network order */
	uint32_t ul_teid;
	uint32_t dl_teid[2]; /* the second, 0: none, of a path it may go over to */
	struct {
		uint64_t sent, packets, bytes; /* bytes of IP, that arrived */
		uint64_t next[2];              /* number after the highest that came, by tunnel */
	} way[2];
};

extern struct session *sessions;
extern unsigned n_sessions;

void count_open(void);
uint64_t now_ns(void);

/* Before it is sent, and again when the kernel would not have it. */
void count_sent(const struct mark *m);
void count_unsent(const struct mark *m);
/* `tunnel`: 1 for the session's second one. Order counts within each. */
void count_arrival(const struct mark *m, unsigned bytes, unsigned tunnel);
/* On the downlink, at which gNB. */
void count_tunnel(unsigned gnb, uint32_t teid, bool end_marker);
void count_wrong(enum way way);
void count_error_indication(void);

/* One line of JSON. What was sent in the last `young_ms` and has not come is not lost yet; 0: all
 * that comes has come. */
void count_report(FILE *out, unsigned young_ms);
