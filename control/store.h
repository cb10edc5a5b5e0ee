/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store: what replies have confirmed, kept on disk. Keys and values in a few
 * named databases behind a narrow interface, so that an engine that replicates
 * can stand behind it. Here: an append-only log in front of LMDB.
 *
 * Changes gather in a batch. cst_store_write() appends it to the log, whole or
 * not at all: from then on the end of any process does not lose it. After
 * cst_store_sync() a loss of power does not either. A thread of the store's own
 * carries the log over into LMDB; nobody waits for it.
 *
 * Control thread only, except where said. Without an open store (--check,
 * system.store "none") put, del, write and sync do nothing and succeed, and
 * readers find nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "object.h"

enum cst_db {
	CST_DB_META,    /* the store's own: version, shapes, instance */
	CST_DB_NAME,    /* numbers that names had: cst_store_number() */
	CST_DB_OBJECT,  /* configured objects, "class\0" and the packed key */
	CST_DB_OWNER,   /* control owners */
	CST_DB_SESSION, /* sessions, by SEID (big endian) */
	CST_DB_JOURNAL, /* events not acknowledged, by number (big endian) */
	CST_DBS
};

/* Open or create DIR (made with mode 0700), lock it, find what the log still holds. Every value is
 * checked first, in a process of its own, so that damage cannot harm this one: what is
 * damaged or foreign is refused with the reason in *e (-EBADMSG, -EPROTONOSUPPORT for a newer
 * version) and left as it is. -EAGAIN: it could not be checked. -EWOULDBLOCK: another process has
 * it; its id is in the reason. */
int cst_store_open(const char *dir, struct cst_err *e);
/* Begin the check of a later cst_store_open() in the background; before threads are made. */
void cst_store_precheck(const char *dir);
/* Move a store that cst_store_open() refused out of the way: DIR becomes DIR.refused-N, whose name
 * goes into `where`. Never deletes. */
int cst_store_set_aside(const char *dir, char *where, size_t size, struct cst_err *e);
void cst_store_close(void);
bool cst_store_is_open(void);

/* ---- writing ------------------------------------------------------------- */

/* Into the batch; bytes are copied. Keys of 1 to 400 bytes, values below 8 MiB. */
void cst_store_put(enum cst_db db, const void *key, size_t klen, const void *val, size_t vlen);
void cst_store_del(enum cst_db db, const void *key, size_t klen);
/* Forget what is in the batch since `mark`. */
size_t cst_store_mark(void);
void cst_store_rewind(size_t mark);
/* Append the batch. On error (-ENOSPC, -EROFS, -EIO ... with the reason) the log is as it was
 * before, and the batch is forgotten; the next call tries anew. An empty batch is no work. */
int cst_store_write(struct cst_err *e);
/* Everything written so far is on disk. An error stays until a sync succeeds, and is in
 * cst_store_state(). */
int cst_store_sync(struct cst_err *e);
bool cst_store_dirty(void);     /* something was written since the last sync */
uint64_t cst_store_batch(void); /* number of the last batch written, 0: none */

/* ---- reading: sees all that was written ---------------------------------- */

/* 1: found, *val is valid until the next call of any of these functions; 0: not there; -EBADMSG or
 * another errno: it cannot be read. */
int cst_store_get(enum cst_db db, const void *key, size_t klen, const void **val, size_t *vlen);
/* In the order of keys, from `from` on (NULL: the first). `fn` returns 0 to go on; what else it
 * returns ends the walk and is returned. Keys and values are valid until each() returns. What `fn`
 * writes the walk does not see. */
int cst_store_each(enum cst_db db, const void *from, size_t klen,
		   int (*fn)(void *arg, const void *key, size_t klen, const void *val, size_t vlen),
		   void *arg);
/* The changes after batch number `after`, in order, as far back as the log still has them: for who
 * follows (a standby). `val` NULL: deleted. -ERANGE: they are no longer there, read all anew. */
int cst_store_tail(uint64_t after,
		   int (*fn)(void *arg, uint64_t batch, enum cst_db db, const void *key,
			     size_t klen, const void *val, size_t vlen),
		   void *arg);

/* ---- forms --------------------------------------------------------------- */

/* Objects are kept packed (object.h). What the bytes mean depends on the object's field table, so
 * the store keeps the tables it was written with: the number of o's present one. 0: there is no
 * store, or no memory. */
uint16_t cst_store_shape(const struct cst_object *o);
/* Unpack what was packed under that number, also by an older coastd: fields are matched by name,
 * new ones get their defaults, those that are gone are left out. -EBADMSG; -ENOMEM. */
int cst_store_unpack(uint16_t shape, const struct cst_object *o, const void *buf, size_t len,
		     struct cst_pool *p, void *out);

/* The number that `name` has in `space` ("network_instance", "pool"), 0: none yet. So that what is
 * kept may refer to it by number. */
uint32_t cst_store_number(const char *space, const char *name);
/* Note it in the batch; 0: it has none any more. */
void cst_store_set_number(const char *space, const char *name, uint32_t number);

/* ---- looking at it ------------------------------------------------------- */

struct cst_store_state {
	char path[256];
	uint64_t batches; /* number of the last one written */
	uint64_t synced;  /* of the last one on disk */
	uint64_t carried; /* of the last one in LMDB, which has these entries */
	uint64_t entries[CST_DBS];
	uint64_t log_bytes, db_bytes, free_bytes; /* of the file system */
	uint64_t syncs, sync_us_max, sync_us_sum;
	char error[192]; /* the present one, "": none */
};
void cst_store_state(struct cst_store_state *out);
