/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets in more than one segment (jumbo frames): their headers are brought
 * together at the front, and parsed as if the packet ended there. Off the common
 * path.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <rte_mbuf.h>

#include "flow.h"
#include "gtpu.h"

/* How many bytes at the packet's start are made contiguous. Headers that do not end within them are
 * malformed: no sender has a reason for so many. */
#define UPF_SPLIT_HEAD 256

/* Make the first `need` bytes contiguous, or all when there are fewer. False: the first segment has
 * no room for them. */
bool upf_pull(struct rte_mbuf *m, uint32_t need);

/* Cut the packet to its first `len` bytes, whatever segments they are in. */
void upf_trim(struct rte_mbuf *m, uint32_t len);

/* cst_gtpu_parse() and cst_flow_parse() at offset `at` of a packet that upf_pull() has seen to;
 * `len` bytes from there on are in the packet as a whole. */
int upf_split_gtpu(struct rte_mbuf *m, uint32_t at, uint32_t len, struct cst_gtpu *g);
int upf_split_flow(struct rte_mbuf *m, uint32_t at, uint32_t len, struct cst_flow *f);

/* cst_csum_add() of all bytes from `at`, which lies in the first segment. */
uint64_t upf_split_csum(uint64_t sum, const struct rte_mbuf *m, uint32_t at);
