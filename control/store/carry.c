/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The store's thread: it carries the log into LMDB and removes the segments that
 * are in it. It lets changes gather for a moment, since a commit costs the same for
 * one and for thousands; who waits makes it hurry. When LMDB cannot be
 * written the log keeps what it has and grows, and the thread tries each second.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "log.h"
#include "now.h"
#include "store/store_int.h"

#define GATHER_MS 300
#define RETRY_MS  1000
#define NICE      10
#define KEEP      2 /* segments, of which one is being written: for who follows */

static struct timespec in_ms(unsigned ms)
{
	uint64_t ns = cst_now_ns() + ms * 1000000ull;

	return (struct timespec){.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
}

/* With mu held: wait for something to carry, and let more of it gather. */
static uint64_t wait_batches(struct store *s)
{
	struct timespec until;

	s->idle = true;
	while (s->carried == s->written && !s->stop)
		pthread_cond_wait(&s->work, &s->mu);
	s->idle = false;
	until = in_ms(s->carry_code != 0 ? RETRY_MS : GATHER_MS);
	while (!s->hurry && !s->stop && pthread_cond_timedwait(&s->work, &s->mu, &until) == 0)
		;
	s->hurry = false;
	return s->written;
}

/* ---- segments that are carried --------------------------------------------------- */

static bool pick(struct store *s, uint64_t *gone, uint64_t *next)
{
	bool found;

	pthread_mutex_lock(&s->mu);
	found = s->n_segs > KEEP && s->segs[1].first <= s->carried + 1;
	if (found) {
		*gone = s->segs[0].first;
		*next = s->segs[1].first;
	}
	pthread_mutex_unlock(&s->mu);
	return found;
}

static void remove_carried(struct store *s)
{
	uint64_t gone, next;
	char name[32];

	while (pick(s, &gone, &next)) {
		store_segment_name(gone, name);
		/* what is to be the first one is on disk before the one in front of it goes */
		if (store_segment_sync(s->dir_fd, next) < 0 || fsync(s->dir_fd) < 0 ||
		    unlinkat(s->dir_fd, name, 0) < 0)
			return;
		pthread_mutex_lock(&s->mu);
		memmove(s->segs, s->segs + 1, --s->n_segs * sizeof(*s->segs));
		pthread_mutex_unlock(&s->mu);
	}
}

/* ---- the thread -------------------------------------------------------------------- */

static void show(struct store *s, int code, const struct cst_err *e)
{
	bool news = (code == 0) != (s->carry_code == 0);

	pthread_mutex_lock(&s->mu);
	s->carry_code = code;
	s->carry_tries++;
	snprintf(s->carry_error, sizeof(s->carry_error), "%.190s", code != 0 ? e->reason : "");
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->mu);
	if (!news)
		return;
	if (code != 0)
		LOG_ERR("the store %s: %s; changes stay in the log, tried again each second",
			s->path, e->reason);
	else
		LOG_NOTICE("the store %s: " STORE_DATA " can be written again", s->path);
}

static void carry_up_to(struct store *s, uint64_t limit)
{
	struct cst_err e = {0};
	int ret = 0;

	while (ret == 0 && s->carried < limit) {
		ret = store_db_carry(s, &s->carry, limit, &e);
		show(s, ret, &e);
	}
	if (ret == 0)
		remove_carried(s);
}

static void *run(void *arg)
{
	struct store *s = arg;

	setpriority(PRIO_PROCESS, gettid(), NICE);
	pthread_mutex_lock(&s->mu);
	for (;;) {
		uint64_t limit = wait_batches(s);
		bool last = s->stop;

		pthread_mutex_unlock(&s->mu);
		carry_up_to(s, limit);
		pthread_mutex_lock(&s->mu);
		if (last)
			break;
	}
	pthread_mutex_unlock(&s->mu);
	return NULL;
}

int store_carry_start(struct store *s, struct cst_err *e)
{
	sigset_t all, before;
	int ret;

	/* signals are the control thread's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret != 0)
		return cst_err(e, -ret, NULL, "the store's thread cannot be made: %s",
			       strerror(ret));
	pthread_setname_np(s->thread, "coast-store");
	s->thread_runs = true;
	return 0;
}

void store_carry_stop(struct store *s)
{
	if (!s->thread_runs)
		return;
	pthread_mutex_lock(&s->mu);
	s->stop = true;
	pthread_cond_signal(&s->work);
	pthread_mutex_unlock(&s->mu);
	pthread_join(s->thread, NULL);
	s->thread_runs = false;
}

int store_carry_wait(struct store *s)
{
	int ret = 0;

	pthread_mutex_lock(&s->mu);
	while (s->carried < s->written && ret == 0) {
		uint64_t before = s->carry_tries;

		s->hurry = true;
		pthread_cond_signal(&s->work);
		pthread_cond_wait(&s->done, &s->mu);
		if (s->carry_tries != before)
			ret = s->carry_code;
	}
	pthread_mutex_unlock(&s->mu);
	return ret;
}
