/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the log holds, at the start. Where a record is not sound there are two
 * causes: the end of power came before a sync was done, or what had been on disk is
 * damaged. Each head and record says up to which batch the log was on disk when it
 * was written: one behind the unsound place that says so of this place shows damage.
 * That is refused, unless LMDB has all that was behind it; what was never acknowledged
 * is cut off. Nothing is changed before all has been looked at.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "store/store_int.h"

struct scan {
	struct store *s;
	uint64_t *names; /* of the segments, in rising order */
	unsigned n;
	uint8_t *buf; /* the segment that is looked at */
	size_t len;

	uint64_t next;    /* batch that must come next */
	unsigned cut_seg; /* where the log stops being sound; n: it does not */
	uint64_t cut_at;  /* and from which byte on */
	uint64_t on_disk; /* batch that was on disk, as what is behind that place says */
	uint64_t highest; /* batch found behind it */
};

/* ---- files -------------------------------------------------------------------- */

static int by_number(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static bool is_segment(const char *name, uint64_t *first)
{
	char end;

	return strlen(name) == 20 && sscanf(name, "log-%16" SCNx64 "%c", first, &end) == 1;
}

/* In rising order, malloc'd. */
static int list_segments(int dir_fd, uint64_t **out, unsigned *n)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), ret = 0;
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *entry;
	uint64_t first;

	*out = NULL;
	*n = 0;
	if (d == NULL) {
		ret = -errno;
		if (fd >= 0)
			close(fd);
		return ret;
	}
	while (ret == 0 && (entry = readdir(d)) != NULL) {
		uint64_t *p;

		if (!is_segment(entry->d_name, &first))
			continue;
		p = realloc(*out, (*n + 1) * sizeof(*p));
		if (p == NULL) {
			ret = -ENOMEM;
			break;
		}
		*out = p;
		p[(*n)++] = first;
	}
	closedir(d);
	if (*n > 0)
		qsort(*out, *n, sizeof(**out), by_number);
	return ret;
}

static int load(struct scan *sc, unsigned i)
{
	char name[32];
	struct stat st;
	int fd, ret = 0;

	free(sc->buf);
	sc->buf = NULL;
	sc->len = 0;
	store_segment_name(sc->names[i], name);
	fd = openat(sc->s->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0) {
		ret = -errno;
	} else {
		sc->buf = malloc(st.st_size + 1);
		ret = sc->buf != NULL ? 0 : -ENOMEM;
	}
	while (ret == 0 && sc->len < (size_t)st.st_size) {
		ssize_t got = read(fd, sc->buf + sc->len, st.st_size - sc->len);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			ret = -errno;
		if (got <= 0)
			break;
		sc->len += got;
	}
	if (fd >= 0)
		close(fd);
	return ret;
}

/* ---- what is sound -------------------------------------------------------------- */

static int check_head(const struct scan *sc, unsigned i, struct cst_err *e)
{
	const struct log_head *h = (const void *)sc->buf;
	int ret = log_head_check(sc->buf, sc->len);
	char name[32];

	store_segment_name(sc->names[i], name);
	if (ret == -EPROTONOSUPPORT)
		return cst_err(e, ret, NULL, "%s is of version %u, this coastd knows up to %u",
			       name, h->version, LOG_VERSION);
	if (ret == 0 && h->store != sc->s->id)
		return cst_err(e, -EBADMSG, NULL, "%s belongs to another store", name);
	if (ret == 0 && h->first != sc->names[i])
		return cst_err(e, -EBADMSG, NULL, "%s has been renamed", name);
	return ret == 0 ? 1 : 0;
}

static bool is_whole(const struct scan *sc, size_t at, struct log_record *r)
{
	return log_record_check(sc->buf + at, sc->len - at, sc->s->id, r) &&
	       log_changes_check(r, sc->buf + at + sizeof(*r)) == 0;
}

/* Walk the records of this segment; where they end, or stop being sound. */
static size_t walk(struct scan *sc)
{
	size_t at = sizeof(struct log_head);
	struct log_record r;

	while (at < sc->len && is_whole(sc, at, &r) && r.batch == sc->next) {
		at += log_record_size(r.len);
		sc->next++;
	}
	return at;
}

/* What is sound from here on: was any of it written when batch sc->next was on disk? */
static void look_behind(struct scan *sc, size_t at)
{
	struct log_record r;

	for (at = (at + 7) / 8 * 8; at + sizeof(r) <= sc->len; at += 8) {
		if (!log_record_check(sc->buf + at, sc->len - at, sc->s->id, &r))
			continue;
		if (r.synced > sc->on_disk)
			sc->on_disk = r.synced;
		if (r.batch > sc->highest)
			sc->highest = r.batch;
	}
}

static int look_at(struct scan *sc, unsigned i, struct cst_err *e)
{
	size_t end = sizeof(struct log_head);
	int head = load(sc, i);
	bool goes_on;

	if (head == 0)
		head = check_head(sc, i, e);
	else
		cst_err(e, head, NULL, "the log cannot be read: %s", strerror(-head));
	if (head < 0)
		return head;
	if (head > 0 && ((const struct log_head *)sc->buf)->synced > sc->on_disk)
		sc->on_disk = ((const struct log_head *)sc->buf)->synced;
	if (sc->cut_seg < sc->n) {
		look_behind(sc, sizeof(struct log_head));
		return 0;
	}
	if (head > 0)
		end = walk(sc);
	goes_on = i + 1 < sc->n && sc->names[i + 1] == sc->next;
	/* what the writer left of a batch when it went on in the next segment is no matter */
	if (head > 0 && (goes_on || (end == sc->len && i + 1 == sc->n)))
		return 0;
	sc->cut_seg = i;
	sc->cut_at = head > 0 ? end : 0;
	look_behind(sc, end);
	return 0;
}

/* ---- what becomes of it ----------------------------------------------------------- */

static bool is_damaged(const struct scan *sc)
{
	/* the head of the first segment was on disk before the one in front of it went */
	return sc->on_disk >= sc->next || (sc->cut_seg == 0 && sc->cut_at == 0);
}

/* Nothing is lost: the log goes on in a new segment, behind what is left of it. */
static bool is_in_lmdb(const struct scan *sc)
{
	uint64_t carried = sc->s->carried;

	return carried >= sc->on_disk && carried >= sc->highest &&
	       (sc->cut_seg > 0 || sc->cut_at > 0);
}

static int damaged(const struct scan *sc, struct cst_err *e)
{
	char name[32];

	store_segment_name(sc->names[sc->cut_seg], name);
	return cst_err(e, -EBADMSG, NULL,
		       "%s is damaged at byte %" PRIu64 " (batch %" PRIu64
		       "), where it had been on disk",
		       name, sc->cut_at, sc->next);
}

static int cut(struct scan *sc, struct cst_err *e)
{
	char name[32];
	int fd, ret = 0;

	store_segment_name(sc->names[sc->cut_seg], name);
	LOG_NOTICE("%s/%s: cut off at byte %" PRIu64 ": %s (batch %" PRIu64 ")", sc->s->path, name,
		   sc->cut_at,
		   is_damaged(sc) ? "it is damaged, but " STORE_DATA " has all that was there"
				  : "an unfinished write, which no reply has confirmed",
		   sc->next);
	for (unsigned i = sc->n; i-- > sc->cut_seg + (sc->cut_at > 0);) {
		store_segment_name(sc->names[i], name);
		if (unlinkat(sc->s->dir_fd, name, 0) < 0)
			return cst_err(e, -errno, NULL, "%s cannot be removed: %s", name,
				       strerror(errno));
	}
	if (sc->cut_at == 0)
		return 0;
	store_segment_name(sc->names[sc->cut_seg], name);
	fd = openat(sc->s->dir_fd, name, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, sc->cut_at) < 0 || fsync(fd) < 0)
		ret = cst_err(e, -errno, NULL, "%s cannot be cut: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ret;
}

static int keep(struct scan *sc)
{
	struct store *s = sc->s;
	unsigned n = sc->cut_seg < sc->n ? sc->cut_seg + (sc->cut_at > 0) : sc->n;
	struct stat st;
	char name[32];

	s->segs = calloc(sc->n + 1, sizeof(*s->segs));
	if (s->segs == NULL)
		return -ENOMEM;
	s->segs_cap = sc->n + 1;
	for (unsigned i = 0; i < n; i++) {
		store_segment_name(sc->names[i], name);
		if (fstatat(s->dir_fd, name, &st, 0) < 0)
			return -errno;
		s->segs[s->n_segs++] = (struct store_segment){sc->names[i], st.st_size};
	}
	return 0;
}

/* Bring to disk what a killed coastd has written and not synced: from now on it counts. */
static int sync_all(struct store *s, struct cst_err *e)
{
	int ret = fsync(s->dir_fd) < 0 ? -errno : 0;

	for (unsigned i = 0; i < s->n_segs && ret == 0; i++)
		ret = store_segment_sync(s->dir_fd, s->segs[i].first);
	return ret != 0 ? cst_err(e, ret, NULL, "the log cannot be brought to disk: %s",
				  strerror(-ret))
			: 0;
}

static int scan(struct scan *sc, struct cst_err *e)
{
	struct store *s = sc->s;
	unsigned first = 0;
	int ret = list_segments(s->dir_fd, &sc->names, &sc->n);

	if (ret < 0)
		return cst_err(e, ret, NULL, "the log cannot be read: %s", strerror(-ret));
	if (sc->n == 0 || sc->names[0] > s->carried + 1)
		return cst_err(e, -EBADMSG, NULL,
			       "the log begins with batch %" PRIu64 ", " STORE_DATA
			       " ends with %" PRIu64 ": batches between are lost",
			       sc->n > 0 ? sc->names[0] : 0, s->carried);
	/* what is before is in LMDB and not needed */
	while (first + 1 < sc->n && sc->names[first + 1] <= s->carried + 1)
		first++;
	sc->cut_seg = sc->n;
	sc->next = sc->names[first];
	for (unsigned i = first; i < sc->n; i++) {
		ret = look_at(sc, i, e);
		if (ret < 0)
			return ret;
	}
	if (sc->cut_seg < sc->n && is_damaged(sc) && !is_in_lmdb(sc))
		return damaged(sc, e);
	if (sc->cut_seg < sc->n)
		ret = cut(sc, e);
	if (ret == 0)
		ret = keep(sc);
	return ret == 0 ? sync_all(s, e) : ret;
}

int store_log_scan(struct store *s, struct cst_err *e)
{
	struct scan sc = {.s = s};
	int ret = scan(&sc, e);

	free(sc.names);
	free(sc.buf);
	if (ret < 0)
		return ret;
	/* LMDB may have what the log lost with the power: then that goes on in a new segment */
	s->written = sc.next - 1 > s->carried ? sc.next - 1 : s->carried;
	s->synced = s->written;
	s->fresh = true;
	return 0;
}

int store_log_sweep(int dir_fd)
{
	uint64_t *names;
	struct stat st;
	char name[32];
	unsigned n;
	int ret = list_segments(dir_fd, &names, &n);

	for (unsigned i = 0; i < n && ret == 0; i++) {
		store_segment_name(names[i], name);
		if (names[i] != 1 || fstatat(dir_fd, name, &st, 0) < 0 ||
		    st.st_size > (off_t)sizeof(struct log_head))
			ret = -EEXIST;
		else if (unlinkat(dir_fd, name, 0) < 0)
			ret = -errno;
	}
	free(names);
	return ret;
}
