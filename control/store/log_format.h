/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The bytes of the log. It is a row of segments, files named by the batch that
 * each begins with; a segment is a head and records, a record is one batch. All
 * numbers are little-endian; what is read is never trusted. Pure functions.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store.h"

#define LOG_VERSION   1
#define LOG_KEY_MAX   400
#define LOG_VALUE_MAX (8u << 20) /* values are shorter than this */
#define LOG_BATCH_MAX (1u << 30) /* bytes of the changes in a batch */

struct log_head {
	char magic[8]; /* "coastlog" */
	uint32_t version, crc;
	uint64_t store;  /* number of the store that it belongs to */
	uint64_t first;  /* batch that the segment begins with */
	uint64_t synced; /* batch up to which the log was on disk by then */
};

/* Records begin at multiples of 8, so that they are found again behind damage. */
struct log_record {
	uint32_t magic, crc;
	uint64_t batch;
	uint64_t synced; /* as above: tells damage to what was on disk from an unfinished write */
	uint32_t len;    /* bytes of changes behind it, which zeroes pad to a multiple of 8 */
	uint32_t count;  /* of changes */
};

struct log_change {
	enum cst_db db;
	bool del;
	const void *key, *val;
	size_t klen, vlen;
};

#define LOG_CHANGE_HEAD 8 /* database, deleted, length of the key (2), of the value (4) */

static inline size_t log_record_size(uint32_t len)
{
	return sizeof(struct log_record) + (len + 7ull) / 8 * 8;
}

void log_head_make(struct log_head *h, uint64_t store, uint64_t first, uint64_t synced);
/* 0, -EBADMSG, or -EPROTONOSUPPORT for a newer version. */
int log_head_check(const void *buf, size_t n);

/* Fill in the head of a record of which `len` bytes of changes lie behind it, padding included. */
void log_record_make(struct log_record *r, uint64_t store, uint64_t batch, uint64_t synced,
		     uint32_t len, uint32_t count);
/* Is there a whole and sound record at the beginning of these bytes? */
bool log_record_check(const void *buf, size_t n, uint64_t store, struct log_record *out);

/* Write the head of a change; what it says of lengths is followed by the key and the value. */
void log_change_head(uint8_t to[LOG_CHANGE_HEAD], const struct log_change *c);
/* Read one and move `at` behind it. 1; 0: `at` is at the end; -EBADMSG. */
int log_change_next(const uint8_t **at, const uint8_t *end, struct log_change *c);
/* Changes of a sound record: -EBADMSG unless they are `count`, each within its bounds. */
int log_changes_check(const struct log_record *r, const uint8_t *changes);
