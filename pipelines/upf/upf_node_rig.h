/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Around the UPF's nodes in their test: sessions that the vectors belong to,
 * packets as `classify` leaves them, and what the nodes give to the engine.
 */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "upf_node.h"
#include "upf_tables.h"

#define SESSIONS 16
#define TAG_BITS 11
#define TEID(s)  ((uint32_t)(s) << TAG_BITS | 0x123)

#define IN(v)         v, sizeof(v)
#define COUNT(s, pdr) ((s)*4 + (pdr))

enum { VRF_ACCESS = 1, VRF_CORE = 2 };
enum { PEER_GNB4 = 1, PEER_NEXT4, PEER_GNB6, PEER_NARROW, PEER_GONE };

/* The nodes, and their edges; SECOND is upf_ul's upf_gtpu and upf_dl's icmp_error. */
enum { UL, DL };
enum { ROUTE = 0, SECOND = 1, DROPPED = CST_EDGE_DROP, TAKEN = CST_EDGE_TAKEN };
extern cst_process_t const process[2];

/* Packets that left by cst_emit() and cst_handoff(). */
#define MAX_CAUGHT 2048
struct caught {
	struct rte_mbuf *m;
	uint8_t edge; /* 0xf0 + owner: handed off */
};
extern struct caught caught[MAX_CAUGHT];
extern unsigned n_caught;
void forget_caught(void);
extern unsigned n_notices; /* by cst_notice() */
extern bool no_notices;    /* cst_notice() has no room */
extern uint8_t last_notice[CST_NOTICE_LEN];

extern struct upf_usage usages[2]; /* [1]: of URR 1, which nothing limits after open_usage() */
extern struct upf_limit limits[2];
void open_usage(void);

extern struct cst_worker worker;
extern struct rte_mempool *pool;
extern bool reached[UPF_DROPS]; /* drop reasons seen so far */

int set_up(void **state);
int tear_down(void **state);

/* A packet as `classify` leaves it; its bytes behind `at` handed to a second segment. */
struct rte_mbuf *packet(const uint8_t *bytes, uint32_t len, uint16_t vrf);
void split(struct rte_mbuf *m, uint16_t at);

void assert_bytes(struct rte_mbuf *m, const uint8_t *want, uint32_t len);
/* What struct cst_pkt must say of a packet that goes on; `own`: made by coast. */
void assert_marks(struct rte_mbuf *m, uint16_t vrf, bool own);

/* The tests. */
void cases(void **state);
void cases_in_segments(void **state);
void mixed_burst(void **state);
void icmp(void **state);
void ttl_already_counted(void **state);
void nobody(void **state);
void fragmented(void **state);
void policy_counts_what_leaves(void **state);
void policy_and_hops(void **state);
void policy_and_headroom(void **state);
void policy_and_fragments(void **state);
void policy_refuses(void **state);
void policy_sends_otherwise(void **state);
void sent_twice(void **state);
void sent_twice_too_big(void **state);
void sent_twice_unable(void **state);
void taken_once(void **state);
void taken_by_qfi_numbers(void **state);
void handed_off(void **state);
void strays_are_found(void **state);
void from_another_ue(void **state);
void several_owners(void **state);
void odd_buffers(void **state);
void jumbo(void **state);
void jumbo_uplink(void **state);
void largest(void **state);
void copies(void **state);
void copies_fail(void **state);
void copies_end_with_quota(void **state);
void marked_plain(void **state);
void behind_ue(void **state);
void echo(void **state);
void answers(void **state);
void rate_limit(void **state);
void suppressed(void **state);
void waits_and_goes(void **state);
void news_is_enough(void **state);
void news_of_others(void **state);
void oldest_makes_room(void **state);
void waits_for_quota(void **state);
void granted_in_a_walk(void **state);
void many_wait_for_quota(void **state);
void notified_of_the_lost(void **state);
void buffers_full(void **state);
void discarded(void **state);
void many(void **state);
void two_fars(void **state);
void none_overtakes(void **state);
void notified(void **state);
void waits_in_tunnel(void **state);
void not_to_others(void **state);
void not_for_what_is_over(void **state);
void signals(void **state);
