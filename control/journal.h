/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The journal: events that matter for charging and that no control client has
 * acknowledged yet, kept in the store under their event numbers until it does.
 * Bounded in bytes and age: near the bound what may be is merged with its
 * neighbour, and what has to go is first written out as records for offline
 * rating. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "rpc/rpc.h"

struct cst_journal_key {
	uint8_t owner;    /* owner.h; 0: anybody with the right to change may acknowledge it */
	bool mergeable;   /* with its neighbour of the same subject, rule and `t` */
	uint64_t subject; /* SEID */
	uint32_t rule;    /* URR id */
	uint32_t seqn;    /* UR-SEQN; rises within (subject, rule) */
};

/* How two neighbours of one rule become one: `newer` takes what `older` had. False: they may not.
 */
typedef bool (*cst_journal_merge)(const json_t *older, json_t *newer);
void cst_journal_set_merge(const struct cst_event_type *t, cst_journal_merge merge);
/* Columns of an exported record: member paths of the event's data ("volume_measurement.ul"). */
void cst_journal_set_columns(const struct cst_event_type *t, const char *const *paths);

/* Keep and publish: takes `data`. On return the entry is in the store's log; before it can be seen
 * by a subscriber the store has synced it or a reply of the same turn waits for that. */
void cst_journal_publish(const struct cst_event_type *t, const struct cst_journal_key *k,
			 json_t *data);

struct cst_journal_info {
	uint64_t entries, bytes, oldest_ms;            /* age of the oldest */
	uint64_t merged, exported, acknowledged, lost; /* since start */
	uint64_t last_number;
};
/* owner -1: all together. */
void cst_journal_info(int owner, struct cst_journal_info *out);
/* The highest UR-SEQN that was ever journalled for it; 0: none. For books that are made anew. */
uint32_t cst_journal_last_seqn(uint64_t subject, uint32_t rule);
