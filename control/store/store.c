/* SPDX-License-Identifier: BSD-3-Clause */
/* Opening and closing. What is there is looked at before anything of it is changed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/statvfs.h>

#include "log.h"
#include "store/overlay.h"

#define PATIENCE 4 /* times the usual time, for a check that is made again */

struct store cst_the_store = {.fd = -1, .old_fd = -1, .dir_fd = -1, .lock_fd = -1};

/* A check that was begun before the store is opened; it has the lock. */
static struct {
	char path[sizeof(cst_the_store.path)];
	int dir_fd, lock_fd;
	struct store_check *check;
} early;

void cst_store_precheck(const char *dir)
{
	struct cst_err e;

	if (early.check != NULL || strlen(dir) >= sizeof(early.path) ||
	    store_dir_lock(dir, &early.dir_fd, &early.lock_fd, &e) < 0)
		return;
	if (!store_dir_is_new(early.dir_fd))
		early.check = store_check_begin(early.dir_fd, early.lock_fd, 1);
	if (early.check == NULL)
		store_dir_unlock(&early.dir_fd, &early.lock_fd);
	else
		strcpy(early.path, dir);
}

static int make_new(struct store *s, struct cst_err *e)
{
	uint64_t id;
	int ret = store_log_sweep(s->dir_fd);

	if (ret == -EEXIST)
		return cst_err(e, -EBADMSG, NULL, "there is a log, but no " STORE_DATA);
	if (ret < 0)
		return cst_err(e, ret, NULL, "the store cannot be made: %s", strerror(-ret));
	if (getrandom(&id, sizeof(id), 0) != sizeof(id))
		return cst_err(e, -EIO, NULL, "no random number to be had");
	ret = store_log_create(s->dir_fd, id, e);
	return ret < 0 ? ret : store_db_create(s, s->path, id, e);
}

static int check_with(struct store *s, struct store_check *c, unsigned patience, struct cst_err *e)
{
	if (c == NULL)
		c = store_check_begin(s->dir_fd, s->lock_fd, patience);
	if (c == NULL)
		return cst_err(e, -errno, NULL, "the check cannot be begun: %s", strerror(errno));
	return store_check_end(c, e);
}

/* The check in its process, begun here unless it runs already; once more when it failed for
 * reasons of its own. */
static int check(struct store *s, struct cst_err *e)
{
	struct store_check *c = early.check;
	int ret;

	early.check = NULL;
	ret = check_with(s, c, 1, e);
	if (ret != -EAGAIN)
		return ret;
	LOG_WARN("store %s: %s; it is checked once more", s->path, e->reason);
	return check_with(s, NULL, PATIENCE, e);
}

static int lock(struct store *s, struct cst_err *e)
{
	if (early.check == NULL)
		return store_dir_lock(s->path, &s->dir_fd, &s->lock_fd, e);
	if (strcmp(early.path, s->path) != 0)
		return cst_err(e, -EINVAL, NULL, "another store was checked");
	s->dir_fd = early.dir_fd;
	s->lock_fd = early.lock_fd;
	return 0;
}

static int load(struct store *s, struct cst_err *e)
{
	int ret = store_dir_is_new(s->dir_fd) ? make_new(s, e) : check(s, e);

	if (ret == 0)
		ret = store_db_open(s, e);
	if (ret == 0)
		ret = store_log_scan(s, e);
	return ret;
}

static void init(struct store *s, const char *dir)
{
	pthread_condattr_t attr;

	snprintf(s->path, sizeof(s->path), "%s", dir);
	store_cursor_init(&s->carry);
	pthread_mutex_init(&s->mu, NULL);
	pthread_mutex_init(&s->map_mu, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->done, &attr);
	pthread_condattr_destroy(&attr);
}

static void fini(struct store *s)
{
	s->open = false;
	store_carry_stop(s);
	store_log_close(s);
	store_cursor_free(&s->carry);
	store_over_free();
	store_db_close(s);
	store_shapes_free();
	store_numbers_free();
	store_dir_unlock(&s->dir_fd, &s->lock_fd);
	free(s->segs);
	free(s->batch);
	free(s->val);
	pthread_mutex_destroy(&s->mu);
	pthread_mutex_destroy(&s->map_mu);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->done);
	*s = (struct store){.fd = -1, .old_fd = -1, .dir_fd = -1, .lock_fd = -1};
}

int cst_store_open(const char *dir, struct cst_err *e)
{
	struct store *s = &cst_the_store;
	struct cst_err why = {0};
	int ret;

	if (s->open)
		return cst_err(e, -EBUSY, NULL, "the store %.100s is open already", s->path);
	if (strlen(dir) >= sizeof(s->path))
		return cst_err(e, -ENAMETOOLONG, NULL, "the store's path is too long");
	init(s, dir);
	ret = lock(s, &why);
	if (ret == 0)
		ret = load(s, &why);
	if (ret == 0)
		ret = store_carry_start(s, &why);
	if (ret == 0) {
		s->open = true;
		ret = store_shapes_load();
		ret = ret == 0 ? store_numbers_load() : ret;
		if (ret < 0)
			cst_err(&why, ret, NULL, "what it keeps for itself cannot be read");
	}
	if (ret < 0) {
		fini(s);
		if (ret == -EWOULDBLOCK) /* which says itself what store it is */
			cst_err(e, ret, NULL, "%s", why.reason);
		else
			cst_err(e, ret, NULL, "store %.80s: %.160s", dir, why.reason);
	}
	return ret;
}

void cst_store_close(void)
{
	struct store *s = &cst_the_store;

	if (s->open)
		fini(s);
}

bool cst_store_is_open(void)
{
	return cst_the_store.open;
}

static void show_error(const struct store *s, struct cst_store_state *out)
{
	const char *text = s->log_error[0] != '\0'    ? s->log_error
			   : s->sync_error[0] != '\0' ? s->sync_error
						      : s->carry_error;

	snprintf(out->error, sizeof(out->error), "%.190s", text);
}

void cst_store_state(struct cst_store_state *out)
{
	struct store *s = &cst_the_store;
	struct statvfs fs;

	memset(out, 0, sizeof(*out));
	if (!s->open)
		return;
	snprintf(out->path, sizeof(out->path), "%.255s", s->path);
	out->syncs = s->syncs;
	out->sync_us_max = s->sync_us_max;
	out->sync_us_sum = s->sync_us_sum;
	if (fstatvfs(s->dir_fd, &fs) == 0)
		out->free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	pthread_mutex_lock(&s->mu);
	out->batches = s->written;
	out->synced = s->synced;
	out->carried = s->carried;
	memcpy(out->entries, s->entries, sizeof(out->entries));
	for (unsigned i = 0; i < s->n_segs; i++)
		out->log_bytes += s->segs[i].size;
	out->db_bytes = s->db_bytes;
	show_error(s, out);
	pthread_mutex_unlock(&s->mu);
}
