/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the store share. Two threads: the control thread writes the
 * log and reads; the store's own (carry.c) moves the log into LMDB and removes
 * segments that are in it. `mu` guards what both see.
 */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <lmdb.h>

#include "err.h"
#include "store.h"
#include "store/log_format.h"

#define STORE_VERSION 1
#define STORE_DATA    "data.mdb"

struct store_segment {
	uint64_t first; /* batch that it begins with, and its name */
	uint64_t size;  /* bytes up to the end of the last record */
};

struct store_db {
	MDB_env *env;
	MDB_dbi dbi[CST_DBS];
};

/* Reads records of the log one after another. */
struct store_cursor {
	int fd;
	uint64_t first, at; /* segment and place in it; fd < 0: to be opened */
	uint64_t next;      /* batch that it stands before */
	uint8_t *buf;
	size_t cap, have, used;
};

struct store {
	bool open;
	char path[256];
	int dir_fd, lock_fd;
	uint64_t id; /* of this store, random; in all its files */

	/* control thread: the batch */
	uint8_t *batch; /* room for the record's head, then changes */
	size_t batch_len, batch_cap, refused_at;
	struct cst_err refused; /* why the batch cannot be written; refused_at: since when */

	/* control thread: the log's end */
	int fd, old_fd;          /* old_fd: the segment before, not yet on disk; -1: none */
	uint64_t end, allocated; /* bytes of the segment: written, and room taken from the disk */
	bool fd_dirty, dir_dirty, fresh; /* fresh: begin a new segment */
	uint64_t suspect; /* up to this batch a sync has failed: on disk only when in LMDB */
	uint64_t syncs, sync_us_max, sync_us_sum;
	char log_error[192], sync_error[192];

	/* control thread: reading */
	unsigned reading;
	uint8_t *val;
	size_t val_cap;

	/* under mu */
	pthread_mutex_t mu;
	pthread_cond_t work, done;
	struct store_segment *segs;
	unsigned n_segs, segs_cap;
	uint64_t written, synced, carried;
	bool idle, hurry, stop; /* idle: the thread waits for a batch and wants to be told */
	int carry_code;
	uint64_t carry_tries;
	char carry_error[192];
	uint64_t entries[CST_DBS], db_bytes;

	pthread_mutex_t map_mu; /* held by who reads, and while LMDB's mapping is made larger */
	struct store_db db;

	pthread_t thread;
	bool thread_runs;
	struct store_cursor carry; /* of the store's thread; of open before that runs */
};

extern struct store cst_the_store;

/* ---- store_dir.c: the directory and its lock ------------------------------ */

int store_dir_lock(const char *path, int *dir_fd, int *lock_fd, struct cst_err *e);
void store_dir_unlock(int *dir_fd, int *lock_fd);
bool store_dir_is_new(int dir_fd);

/* ---- log_write.c: control thread ------------------------------------------ */

/* Append the record whose head has to be made; nothing is there when it fails. */
int store_log_append(struct store *s, struct log_record *r, uint32_t len, uint32_t count,
		     struct cst_err *e);
/* Begin the log of a new store. */
int store_log_create(int dir_fd, uint64_t id, struct cst_err *e);
/* Close the segment that is being written, and give back room behind it. */
void store_log_close(struct store *s);

/* ---- log_read.c ------------------------------------------------------------ */

void store_segment_name(uint64_t first, char name[32]);
/* Bring to disk what the segment has. A negative errno. */
int store_segment_sync(int dir_fd, uint64_t first);
void store_cursor_init(struct store_cursor *c);
void store_cursor_free(struct store_cursor *c);
/* The next record up to `limit`, which lies in the cursor's buffer until the next call. 1; 0: none;
 * -ESTALE: the segment is gone; -EBADMSG; other errno. */
int store_cursor_next(struct store *s, struct store_cursor *c, uint64_t limit,
		      const struct log_record **out);
/* Stand before this batch: forward from where it stands, where that is on the way. -ERANGE: the log
 * no longer has it. */
int store_cursor_seek(struct store *s, struct store_cursor *c, uint64_t batch);

/* ---- log_scan.c: at the start ----------------------------------------------- */

/* Find out what the log holds: s->segs, s->written. Cuts off what an unfinished write left. */
int store_log_scan(struct store *s, struct cst_err *e);
/* Remove what the beginning of a new store has left, which never was one. -EEXIST: there is more.
 */
int store_log_sweep(int dir_fd);

/* ---- db.c: LMDB ---------------------------------------------------------- */

extern const char *const store_db_names[CST_DBS];

int store_db_open(struct store *s, struct cst_err *e);
/* Make an empty one; it is there whole or not at all. */
int store_db_create(struct store *s, const char *dir, uint64_t id, struct cst_err *e);
void store_db_close(struct store *s);
/* Carry some of the log over, up to `limit`. On error nothing of it is. */
int store_db_carry(struct store *s, struct store_cursor *c, uint64_t limit, struct cst_err *e);
int store_db_code(int ret); /* an errno for LMDB's code */
/* Take the checksum off that a value of LMDB's ends with: *vlen becomes shorter. False: it is
 * damaged. */
bool store_value_check(enum cst_db db, const void *key, size_t klen, const void *val, size_t *vlen);
/* LMDB's order of keys. */
static inline int store_key_compare(const void *a, size_t an, const void *b, size_t bn)
{
	int ret = memcmp(a, b, an < bn ? an : bn);

	return ret != 0 ? ret : an < bn ? -1 : an > bn;
}

/* ---- carry.c: the store's thread ------------------------------------------- */

int store_carry_start(struct store *s, struct cst_err *e);
void store_carry_stop(struct store *s);
/* Wait until all that was written is in LMDB; the errno of what hinders that. */
int store_carry_wait(struct store *s);

/* ---- check.c: is it sound? ------------------------------------------------- */

struct store_check;
/* Begin, in a process of its own, with so many times the usual time. NULL: out of memory or
 * processes. */
struct store_check *store_check_begin(int dir_fd, int lock_fd, unsigned patience);
/* 0: it is; -EAGAIN: the check itself failed, which says nothing; else what is wrong. */
int store_check_end(struct store_check *c, struct cst_err *e);

/* ---- shape.c, number.c: kept in the store for the store itself -------------- */

#define STORE_FORMAT_KEY  "format"  /* in CST_DB_META: struct store_format */
#define STORE_CARRIED_KEY "carried" /* in CST_DB_META: number of a batch */
#define STORE_SHAPE_KEY   "shape:"  /* in CST_DB_META: and two bytes, its number (big endian) */

struct store_format {
	char magic[12]; /* "coast store" */
	uint32_t version;
	uint64_t id;
};

int store_shapes_load(void);
void store_shapes_free(void);
/* Shapes that nothing on disk knows yet go along with the batch that is written. */
void store_shapes_flush(void);
void store_shapes_written(bool well);
int store_numbers_load(void);
void store_numbers_free(void);
/* Numbers noted in the batch at or behind `mark` are forgotten. */
void store_numbers_rewind(size_t mark);
void store_numbers_written(void);
