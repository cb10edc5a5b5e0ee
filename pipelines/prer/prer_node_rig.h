/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Around the nodes of frames in their tests: streams, frames as a port gives
 * them, and where they end up. Packets go from node to node here as the graph
 * would take them.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include <rte_mbuf.h>

#include "prer_ident.h"
#include "prer_stream.h"

enum { PORT_TALKER = 1, PORT_A, PORT_B, PORT_LISTENER };
enum { SENDS = 1, RECEIVES = 2, ELSEWHERE = 3, STREAMS = 8 };
enum { PATH_A = 1, PATH_B };

/* Where a packet ended. */
enum end { FRAME_OUT, ROUTE, ICMP_ERROR, CLASSIFY, DROPPED, HANDED };
struct ended {
	struct rte_mbuf *m;
	enum end end;
	uint16_t port;    /* FRAME_OUT */
	const char *drop; /* DROPPED */
};
#define MAX_ENDED 4096
extern struct ended ended[MAX_ENDED];
extern unsigned n_ended;

extern struct rte_mempool *pool;
extern struct cst_worker worker;
extern struct prer_stream streams[STREAMS]; /* [id]: what prer_stream() finds */
extern struct prer_params *params;
extern struct prer_path *paths;

#define STATE(id) (&prer_tables.state[id])
#define MS        1000000ull /* TSC cycles, here */

int rig_up(void **state);
int rig_down(void **state);
/* Streams and states as they are at first: one sends from the talker's port by two paths, one
 * receives by their ports and delivers to the listener's. */
int rig_reset(void **state);

struct rte_mbuf *frame(const void *bytes, uint32_t len);
/* Frames come in by a port, in one burst, and go as far as they can. */
void come_in(uint16_t port, struct rte_mbuf **m, uint16_t n);
void come(uint16_t port, const void *bytes, uint32_t len);
/* Take the first of what ended, which ended so; its frame is the caller's. */
struct rte_mbuf *expect(enum end end, uint16_t port);
void expect_bytes(enum end end, uint16_t port, const void *bytes, uint32_t len);
void expect_drop(const char *why);
void expect_nothing(void);
/* What came and was made has all ended. */
void conserved(void);

/* More tests. */
void conformance(void **state);
void individual_recovery(void **state);
void put_in_order(void **state);
void queue_given_up(void **state);
void order_by_path(void **state);
void older_is_dropped(void **state);
void order_follows_resets(void **state);
