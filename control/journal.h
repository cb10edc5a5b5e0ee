/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal: events that matter for charging and that no control client has
 * acknowledged yet, kept in the store under their event numbers until it does.
 * Bounded in bytes and age (system.journal_mb, system.journal_hours): near the
 * bound what may be is merged with its neighbour, and what has to go is first
 * written out as records for offline rating, to export-YYYYMMDD.jsonl in the
 * store's directory. Without a store it is in memory and ends with coastd.
 * Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "rpc/rpc.h"

#define CST_JOURNAL_NO_RULE UINT32_MAX /* events that have no UR-SEQN */

struct cst_journal_key {
	uint8_t owner;    /* owner.h; 0: anybody with the right to change may acknowledge it */
	bool mergeable;   /* with its neighbour of the same subject, rule and `t` */
	bool may_wait;    /* the publisher comes again later, when the store cannot take it */
	uint64_t subject; /* SEID */
	uint32_t rule;    /* URR id or CST_JOURNAL_NO_RULE */
	uint32_t seqn;    /* UR-SEQN; rises within (subject, rule) */
};

/* How two neighbours of one rule become one: `newer` takes what `older` had. False: they may not,
 * and `newer` is as it was. */
typedef bool (*cst_journal_merge)(const json_t *older, json_t *newer);
void cst_journal_set_merge(const struct cst_event_type *t, cst_journal_merge merge);
/* Columns of an exported record: member paths of the event's data ("volume_measurement.ul"), ending
 * with NULL; kept, not copied. */
void cst_journal_set_columns(const struct cst_event_type *t, const char *const *paths);

/* Keep and publish: takes `data`. On return the entry is in the store's log; where the store's
 * batch is open it is in there, to be written together with the change that brings it about, or not
 * at all. Before it can be seen by a subscriber the store has synced it or a reply of the same turn
 * waits for that. When the store cannot take it, it is published all the same and kept in memory
 * until the store can; with `may_wait` it is neither.
 * 0; -EIO: the store has not taken it. */
int cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			json_t *data);

struct cst_journal_info {
	uint64_t entries, bytes, oldest_ms;            /* age of the oldest */
	uint64_t pending;                              /* not in the store, which refuses them */
	uint64_t merged, exported, acknowledged, lost; /* since start, of all owners */
	uint64_t last_number;
};
/* owner -1: all together. */
void cst_journal_info(int owner, struct cst_journal_info *out);
/* One above the highest UR-SEQN that was ever journalled for it, 0: none was. For books that are
 * made anew. */
uint32_t cst_journal_next_seqn(uint64_t subject, uint32_t rule);
/* The subject is gone and its SEID may be given anew: its UR-SEQNs are forgotten with the last of
 * its entries. Into the store's batch, which the caller writes. */
void cst_journal_forget(uint64_t subject);
