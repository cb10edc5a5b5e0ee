/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LMDB behind the log. Each value has a checksum over database, key and value
 * behind it. How far the log is in it is written in the same transaction as what
 * was carried, so that nothing is there twice or not at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "crc32c.h"
#include "store/store_int.h"

#define LOCK_BYTES 8192
#define MAP_FIRST  (16ull << 30) /* address space, not memory; doubled when it is full */

/* of one transaction: a page of memory and of writing for each change, at worst */
#define CARRY_BYTES   (16u << 20)
#define CARRY_CHANGES 32768

const char *const store_db_names[CST_DBS] = {"meta",  "name",    "object",
					     "owner", "session", "journal"};

int store_db_code(int ret)
{
	switch (ret) {
	case 0:
		return 0;
	case MDB_NOTFOUND:
		return -ENOENT;
	case MDB_INVALID:
	case MDB_CORRUPTED:
	case MDB_PAGE_NOTFOUND:
	case MDB_VERSION_MISMATCH:
	case MDB_INCOMPATIBLE:
	case MDB_BAD_TXN:
	case MDB_BAD_DBI:
		return -EBADMSG;
	default:
		return ret > 0 ? -ret : -EIO;
	}
}

static int failed(const char *what, int ret, struct cst_err *e)
{
	return cst_err(e, store_db_code(ret), NULL, STORE_DATA " cannot be %s: %s", what,
		       mdb_strerror(ret));
}

static uint32_t crc_of(enum cst_db db, const void *key, size_t klen, const void *val, size_t vlen)
{
	uint8_t head[3] = {db, klen, klen >> 8};
	uint32_t crc = cst_crc32c(0, head, sizeof(head));

	return cst_crc32c(cst_crc32c(crc, key, klen), val, vlen);
}

bool store_value_check(enum cst_db db, const void *key, size_t klen, const void *val, size_t *vlen)
{
	uint32_t crc;

	if (*vlen < sizeof(crc))
		return false;
	*vlen -= sizeof(crc);
	memcpy(&crc, (const char *)val + *vlen, sizeof(crc));
	return crc == crc_of(db, key, klen, val, *vlen);
}

static int put(MDB_txn *txn, const struct store_db *db, const struct log_change *c)
{
	MDB_val key = {c->klen, (void *)c->key};
	MDB_val val = {c->vlen + sizeof(uint32_t), NULL};
	uint32_t crc = crc_of(c->db, c->key, c->klen, c->val, c->vlen);
	int ret;

	if (c->del) {
		ret = mdb_del(txn, db->dbi[c->db], &key, NULL);
		return ret == MDB_NOTFOUND ? 0 : ret;
	}
	ret = mdb_put(txn, db->dbi[c->db], &key, &val, MDB_RESERVE);
	if (ret != 0)
		return ret;
	memcpy(val.mv_data, c->val, c->vlen);
	memcpy((char *)val.mv_data + c->vlen, &crc, sizeof(crc));
	return 0;
}

static int put_meta(MDB_txn *txn, const struct store_db *db, const char *key, const void *val,
		    size_t n)
{
	return put(
		txn, db,
		&(struct log_change){
			.db = CST_DB_META, .key = key, .klen = strlen(key), .val = val, .vlen = n});
}

/* ---- opening -------------------------------------------------------------------- */

/* LMDB writes its lock file through a mapping: on a full disk that would be the process's end. */
static int reserve_lock(const char *path)
{
	char name[sizeof(cst_the_store.path) + 32];
	int fd, ret;

	snprintf(name, sizeof(name), "%s-lock", path);
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	ret = posix_fallocate(fd, 0, LOCK_BYTES);
	close(fd);
	return ret;
}

/* On a read-only disk it is read; what is then written the log refuses. */
static int open_env(struct store_db *db, const char *path)
{
	unsigned flags = MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD;
	int ret = reserve_lock(path);

	if (ret == EROFS) {
		flags |= MDB_RDONLY;
		ret = 0;
	}
	if (ret == 0)
		ret = mdb_env_create(&db->env);
	if (ret != 0)
		return ret;
	ret = mdb_env_set_maxdbs(db->env, CST_DBS);
	if (ret == 0)
		ret = mdb_env_set_mapsize(db->env, MAP_FIRST);
	if (ret == 0)
		ret = mdb_env_open(db->env, path, flags, 0600);
	return ret;
}

static int open_dbs(struct store_db *db, MDB_txn *txn, unsigned flags)
{
	int ret = 0;

	for (unsigned i = 0; i < CST_DBS && ret == 0; i++)
		ret = mdb_dbi_open(txn, store_db_names[i], flags, &db->dbi[i]);
	return ret;
}

static int get_meta(const struct store_db *db, MDB_txn *txn, const char *key, void *out, size_t n)
{
	MDB_val k = {strlen(key), (void *)key}, v;
	int ret = mdb_get(txn, db->dbi[CST_DB_META], &k, &v);

	if (ret != 0)
		return ret;
	if (!store_value_check(CST_DB_META, key, k.mv_size, v.mv_data, &v.mv_size) ||
	    v.mv_size != n)
		return MDB_CORRUPTED;
	memcpy(out, v.mv_data, n);
	return 0;
}

static void count(struct store *s, MDB_txn *txn, uint64_t entries[CST_DBS])
{
	MDB_stat st;

	for (unsigned i = 0; i < CST_DBS; i++)
		entries[i] = mdb_stat(txn, s->db.dbi[i], &st) == 0 ? st.ms_entries : 0;
}

static int read_meta(struct store *s, MDB_txn *txn)
{
	struct store_format format;
	int ret = open_dbs(&s->db, txn, 0);

	if (ret == 0)
		ret = get_meta(&s->db, txn, STORE_FORMAT_KEY, &format, sizeof(format));
	if (ret == 0)
		ret = get_meta(&s->db, txn, STORE_CARRIED_KEY, &s->carried, sizeof(s->carried));
	if (ret == 0) {
		s->id = format.id;
		count(s, txn, s->entries);
	}
	return ret;
}

int store_db_open(struct store *s, struct cst_err *e)
{
	char path[sizeof(s->path) + sizeof(STORE_DATA) + 1];
	MDB_txn *txn = NULL;
	int ret;

	snprintf(path, sizeof(path), "%s/" STORE_DATA, s->path);
	ret = open_env(&s->db, path);
	if (ret == 0)
		ret = mdb_txn_begin(s->db.env, NULL, MDB_RDONLY, &txn);
	if (ret == 0)
		ret = read_meta(s, txn);
	/* a commit, although nothing changed: it keeps the handles */
	if (ret == 0)
		ret = mdb_txn_commit(txn);
	else
		mdb_txn_abort(txn);
	if (ret != 0)
		store_db_close(s);
	return ret != 0 ? failed("opened", ret, e) : 0;
}

void store_db_close(struct store *s)
{
	if (s->db.env != NULL)
		mdb_env_close(s->db.env);
	s->db.env = NULL;
}

static int fill_new(struct store_db *db, uint64_t id)
{
	struct store_format format = {.magic = "coast store", .version = STORE_VERSION, .id = id};
	uint64_t carried = 0;
	MDB_txn *txn;
	int ret = mdb_txn_begin(db->env, NULL, 0, &txn);

	if (ret != 0)
		return ret;
	ret = open_dbs(db, txn, MDB_CREATE);
	if (ret == 0)
		ret = put_meta(txn, db, STORE_FORMAT_KEY, &format, sizeof(format));
	if (ret == 0)
		ret = put_meta(txn, db, STORE_CARRIED_KEY, &carried, sizeof(carried));
	if (ret == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return ret;
}

int store_db_create(struct store *s, const char *dir, uint64_t id, struct cst_err *e)
{
	static const char new_name[] = STORE_DATA ".new";
	char path[sizeof(s->path) + sizeof(new_name) + 1];
	struct store_db db = {0};
	int ret;

	snprintf(path, sizeof(path), "%s/%s", dir, new_name);
	if (unlinkat(s->dir_fd, new_name, 0) < 0 && errno != ENOENT)
		return failed("made", errno, e);
	ret = open_env(&db, path);
	if (ret == 0)
		ret = fill_new(&db, id);
	if (db.env != NULL)
		mdb_env_close(db.env);
	if (ret == 0 &&
	    (renameat(s->dir_fd, new_name, s->dir_fd, STORE_DATA) < 0 || fsync(s->dir_fd) < 0))
		ret = errno;
	if (ret != 0)
		unlinkat(s->dir_fd, new_name, 0);
	unlinkat(s->dir_fd, STORE_DATA ".new-lock", 0); /* LMDB's, of that name */
	return ret != 0 ? failed("made", ret, e) : 0;
}

/* ---- carrying over ----------------------------------------------------------------- */

static int put_record(struct store *s, MDB_txn *txn, const struct log_record *r)
{
	const uint8_t *at = (const void *)(r + 1), *end = at + r->len;
	struct log_change c;
	int ret;

	while (log_change_next(&at, end, &c) > 0) {
		ret = put(txn, &s->db, &c);
		if (ret != 0)
			return ret;
	}
	return 0;
}

/* An LMDB code, or a negative errno from the log. */
static int put_some(struct store *s, MDB_txn *txn, struct store_cursor *c, uint64_t limit)
{
	uint64_t bytes = 0, changes = 0;
	const struct log_record *r;
	int ret;

	while (bytes < CARRY_BYTES && changes < CARRY_CHANGES) {
		ret = store_cursor_next(s, c, limit, &r);
		if (ret <= 0)
			return ret;
		ret = put_record(s, txn, r);
		if (ret != 0)
			return ret;
		bytes += r->len;
		changes += r->count;
	}
	return 0;
}

/* Nobody may be reading then. */
static int grow(struct store *s)
{
	MDB_envinfo info;
	int ret;

	pthread_mutex_lock(&s->map_mu);
	mdb_env_info(s->db.env, &info);
	ret = mdb_env_set_mapsize(s->db.env, info.me_mapsize * 2);
	pthread_mutex_unlock(&s->map_mu);
	return ret;
}

static void note(struct store *s, uint64_t carried, const uint64_t entries[CST_DBS])
{
	MDB_envinfo info;
	MDB_stat st;

	mdb_env_info(s->db.env, &info);
	mdb_env_stat(s->db.env, &st);
	pthread_mutex_lock(&s->mu);
	s->carried = carried;
	memcpy(s->entries, entries, sizeof(s->entries));
	s->db_bytes = (info.me_last_pgno + 1) * st.ms_psize;
	pthread_mutex_unlock(&s->mu);
}

static int carry_once(struct store *s, struct store_cursor *c, uint64_t limit)
{
	uint64_t entries[CST_DBS], last;
	MDB_txn *txn;
	int ret = mdb_txn_begin(s->db.env, NULL, 0, &txn);

	if (ret != 0)
		return ret;
	ret = put_some(s, txn, c, limit);
	last = c->next - 1;
	if (ret == 0)
		ret = put_meta(txn, &s->db, STORE_CARRIED_KEY, &last, sizeof(last));
	if (ret != 0) {
		mdb_txn_abort(txn);
		return ret;
	}
	count(s, txn, entries);
	ret = mdb_txn_commit(txn);
	if (ret == 0)
		note(s, last, entries);
	return ret;
}

int store_db_carry(struct store *s, struct store_cursor *c, uint64_t limit, struct cst_err *e)
{
	int ret;

	if (c->next != s->carried + 1) {
		ret = store_cursor_seek(s, c, s->carried + 1);
		if (ret < 0)
			return cst_err(e, ret, NULL, "the log cannot be read: %s", strerror(-ret));
	}
	ret = carry_once(s, c, limit);
	if (ret == MDB_MAP_FULL) {
		ret = grow(s);
		ret = ret == 0 ? -EAGAIN : ret;
	}
	if (ret == 0)
		return 0;
	/* it stands behind what was not carried, or in a segment that is gone: seek anew */
	store_cursor_free(c);
	if (ret == -EAGAIN || ret == -ESTALE)
		return 0;
	if (ret < 0 && ret > -30000)
		return cst_err(e, ret, NULL, "the log cannot be read: %s", strerror(-ret));
	return failed("written", ret, e);
}
