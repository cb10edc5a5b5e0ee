/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The end of the log. A batch is one write(); what a failing one left is cut off
 * again. Room is taken from the file system ahead, so that a full disk shows before
 * the batch is there and not when it is to be on disk.
 *
 * When a sync fails, the kernel may have dropped what it could not write and says
 * so only once. What was not on disk by then counts as lost from the log until it
 * is in LMDB, whose commits are synced on their own; the log goes on in a new segment.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "now.h"
#include "store/store_int.h"

#define SEGMENT (32u << 20) /* a new one is begun when one is so long */
#define AHEAD   (4u << 20)

static const char *advice(int code)
{
	switch (code) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "make room there, it then goes on by itself";
	case EROFS:
		return "mount it for writing; the kernel's log says why it is not";
	default:
		return "see the kernel's log for the state of the disk";
	}
}

static int failed(const struct store *s, char *kept, size_t size, const char *what, int code,
		  struct cst_err *e)
{
	bool new = kept[0] == '\0';

	snprintf(kept, size, "the store %.80s cannot be %s: %s: %s", s->path, what, strerror(code),
		 advice(code));
	if (new)
		LOG_ERR("%s", kept);
	return cst_err(e, -code, NULL, "%s", kept);
}

static void recovered(const struct store *s, char *kept, const char *what)
{
	if (kept[0] == '\0')
		return;
	kept[0] = '\0';
	LOG_NOTICE("the store %s can be %s again", s->path, what);
}

/* ---- segments --------------------------------------------------------------- */

/* Take room up to `end`, and some more where there is some. */
static int reserve(struct store *s, int fd, uint64_t at, uint64_t end)
{
	int ret;

	if (end <= s->allocated)
		return 0;
	if (fallocate(fd, FALLOC_FL_KEEP_SIZE, at, end - at + AHEAD) == 0) {
		s->allocated = end + AHEAD;
		return 0;
	}
	ret = fallocate(fd, FALLOC_FL_KEEP_SIZE, at, end - at) == 0 ? 0 : errno;
	return ret == EOPNOTSUPP ? 0 : ret;
}

/* All of it or nothing; an errno. */
static int write_at(int fd, uint64_t at, const void *buf, size_t n)
{
	for (size_t done = 0; done < n;) {
		ssize_t got = pwrite(fd, (const char *)buf + done, n - done, at + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? errno : EIO;
		done += got;
	}
	return 0;
}

/* One that was begun before, and nothing came into, is there already. */
static int add_segment(struct store *s, uint64_t first)
{
	bool known;
	int ret = 0;

	pthread_mutex_lock(&s->mu);
	known = s->n_segs > 0 && s->segs[s->n_segs - 1].first == first;
	if (!known && s->n_segs == s->segs_cap) {
		unsigned cap = s->segs_cap != 0 ? 2 * s->segs_cap : 8;
		void *p = realloc(s->segs, cap * sizeof(*s->segs));

		if (p != NULL) {
			s->segs = p;
			s->segs_cap = cap;
		} else {
			ret = ENOMEM;
		}
	}
	if (ret == 0 && !known)
		s->segs[s->n_segs++] = (struct store_segment){first, sizeof(struct log_head)};
	pthread_mutex_unlock(&s->mu);
	return ret;
}

static int start_segment(struct store *s, int fd, uint64_t first)
{
	struct log_head h;
	int ret;

	log_head_make(&h, s->id, first, s->synced);
	s->allocated = 0;
	ret = reserve(s, fd, 0, sizeof(h));
	if (ret == 0)
		ret = write_at(fd, 0, &h, sizeof(h));
	return ret == 0 ? add_segment(s, first) : ret;
}

/* The segment before stays open until it is on disk. */
static int retire(struct store *s)
{
	if (s->fd < 0)
		return 0;
	if (s->fd_dirty) {
		if (s->old_fd >= 0 && fdatasync(s->old_fd) < 0)
			return errno;
		if (s->old_fd >= 0)
			close(s->old_fd);
		s->old_fd = s->fd;
	} else {
		close(s->fd);
	}
	s->fd = -1;
	s->fd_dirty = false;
	return 0;
}

static uint64_t last_segment(struct store *s)
{
	uint64_t first;

	pthread_mutex_lock(&s->mu);
	first = s->segs[s->n_segs - 1].first;
	pthread_mutex_unlock(&s->mu);
	return first;
}

/* The last life of coastd may have begun one that nothing has come into. */
static int take_empty(struct store *s, const char *name)
{
	s->fd = openat(s->dir_fd, name, O_RDWR | O_CLOEXEC);
	if (s->fd < 0)
		return errno;
	s->allocated = 0;
	s->end = sizeof(struct log_head);
	s->dir_dirty = s->fd_dirty = true;
	s->fresh = false;
	return 0;
}

static int next_segment(struct store *s)
{
	uint64_t first = s->written + 1, allocated = s->allocated;
	char name[32];
	int fd, ret;

	store_segment_name(first, name);
	if (s->fd < 0 && last_segment(s) == first)
		return take_empty(s, name);
	fd = openat(s->dir_fd, name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0)
		return errno;
	ret = start_segment(s, fd, first);
	if (ret == 0)
		ret = retire(s);
	if (ret != 0) {
		close(fd);
		unlinkat(s->dir_fd, name, 0);
		s->allocated = allocated;
		return ret;
	}
	s->fd = fd;
	s->end = sizeof(struct log_head);
	s->dir_dirty = s->fd_dirty = true;
	s->fresh = false;
	return 0;
}

/* ---- a batch ---------------------------------------------------------------- */

static int append(struct store *s, struct log_record *r, uint32_t len, uint32_t count)
{
	size_t n = log_record_size(len);
	uint64_t at;
	int ret = 0;

	if (s->fd < 0 || s->fresh || s->end >= SEGMENT)
		ret = next_segment(s);
	if (ret != 0)
		return ret;
	log_record_make(r, s->id, s->written + 1, s->synced, len, count);
	at = s->end;
	ret = reserve(s, s->fd, at, at + n);
	if (ret == 0)
		ret = write_at(s->fd, at, r, n);
	if (ret != 0) {
		/* where the remainder cannot be cut off, the log goes on elsewhere */
		s->fresh = ftruncate(s->fd, at) < 0;
		s->allocated = 0;
		return ret;
	}
	s->end = at + n;
	pthread_mutex_lock(&s->mu);
	s->segs[s->n_segs - 1].size = s->end;
	s->written++;
	if (s->idle)
		pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mu);
	s->fd_dirty = true;
	return 0;
}

int store_log_append(struct store *s, struct log_record *r, uint32_t len, uint32_t count,
		     struct cst_err *e)
{
	int ret = append(s, r, len, count);

	if (ret != 0)
		return failed(s, s->log_error, sizeof(s->log_error), "written", ret, e);
	recovered(s, s->log_error, "written");
	return 0;
}

/* ---- sync ------------------------------------------------------------------- */

static int sync_files(struct store *s)
{
	if (s->old_fd >= 0) {
		if (fdatasync(s->old_fd) < 0)
			return errno;
		close(s->old_fd);
		s->old_fd = -1;
	}
	if (s->fd_dirty && fdatasync(s->fd) < 0)
		return errno;
	s->fd_dirty = false;
	if (s->dir_dirty && fsync(s->dir_fd) < 0)
		return errno;
	s->dir_dirty = false;
	return 0;
}

/* Is what a failed sync left behind on disk by the other way? */
static bool is_carried(struct store *s)
{
	bool done;

	pthread_mutex_lock(&s->mu);
	done = s->carried >= s->suspect;
	s->hurry = !done;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mu);
	return done;
}

static int sync_log(struct store *s)
{
	int ret;

	if (s->suspect > 0 && !is_carried(s))
		return EIO;
	s->suspect = 0;
	ret = sync_files(s);
	if (ret == 0)
		return 0;
	s->suspect = s->written;
	s->fresh = true;
	s->fd_dirty = false;
	if (s->old_fd >= 0)
		close(s->old_fd);
	s->old_fd = -1;
	return ret;
}

int cst_store_sync(struct cst_err *e)
{
	struct store *s = &cst_the_store;
	uint64_t before = cst_now_us(), took;
	int ret;

	if (!cst_store_dirty())
		return 0;
	ret = sync_log(s);
	if (ret != 0)
		return failed(s, s->sync_error, sizeof(s->sync_error), "brought to disk", ret, e);
	recovered(s, s->sync_error, "brought to disk");
	pthread_mutex_lock(&s->mu);
	s->synced = s->written;
	pthread_mutex_unlock(&s->mu);
	took = cst_now_us() - before;
	s->syncs++;
	s->sync_us_sum += took;
	if (took > s->sync_us_max)
		s->sync_us_max = took;
	return 0;
}

bool cst_store_dirty(void)
{
	return cst_the_store.open && cst_the_store.synced < cst_the_store.written;
}

uint64_t cst_store_batch(void)
{
	return cst_the_store.open ? cst_the_store.written : 0;
}

int store_log_create(int dir_fd, uint64_t id, struct cst_err *e)
{
	struct log_head h;
	char name[32];
	int fd, ret = 0;

	store_segment_name(1, name);
	log_head_make(&h, id, 1, 0);
	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cst_err(e, -errno, NULL, "%s cannot be made: %s", name, strerror(errno));
	ret = write_at(fd, 0, &h, sizeof(h));
	if (ret == 0 && (fsync(fd) < 0 || fsync(dir_fd) < 0))
		ret = errno;
	close(fd);
	return ret != 0 ? cst_err(e, -ret, NULL, "%s cannot be written: %s: %s", name,
				  strerror(ret), advice(ret))
			: 0;
}

void store_log_close(struct store *s)
{
	if (s->old_fd >= 0)
		close(s->old_fd);
	if (s->fd >= 0) {
		/* frees what was taken ahead; failing that only costs room */
		if (ftruncate(s->fd, s->end) < 0)
			LOG_DEBUG("the log's last segment keeps its room: %s", strerror(errno));
		close(s->fd);
	}
	s->fd = s->old_fd = -1;
}
