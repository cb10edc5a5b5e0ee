/* SPDX-License-Identifier: BSD-3-Clause */
/* Reading the log while it is written: in the store's thread, and for who follows. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/store_int.h"

#define CHUNK (1u << 20)

void store_segment_name(uint64_t first, char name[32])
{
	snprintf(name, 32, "log-%016" PRIx64, first);
}

int store_segment_sync(int dir_fd, uint64_t first)
{
	char name[32];
	int fd, ret = 0;

	store_segment_name(first, name);
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

void store_cursor_init(struct store_cursor *c)
{
	*c = (struct store_cursor){.fd = -1};
}

void store_cursor_free(struct store_cursor *c)
{
	if (c->fd >= 0)
		close(c->fd);
	free(c->buf);
	store_cursor_init(c);
}

static int open_segment(struct store *s, struct store_cursor *c, uint64_t first)
{
	char name[32];

	if (c->fd >= 0)
		close(c->fd);
	store_segment_name(first, name);
	c->fd = openat(s->dir_fd, name, O_RDONLY | O_CLOEXEC);
	if (c->fd < 0)
		return errno == ENOENT ? -ESTALE : -errno;
	c->first = first;
	c->at = sizeof(struct log_head);
	c->have = c->used = 0;
	return 0;
}

/* How far the cursor's segment goes, and which one follows (0: none does). */
static int bounds(struct store *s, const struct store_cursor *c, uint64_t *size, uint64_t *next)
{
	int ret = -ESTALE;

	pthread_mutex_lock(&s->mu);
	for (unsigned i = 0; i < s->n_segs; i++) {
		if (s->segs[i].first != c->first)
			continue;
		*size = s->segs[i].size;
		*next = i + 1 < s->n_segs ? s->segs[i + 1].first : 0;
		ret = 0;
	}
	pthread_mutex_unlock(&s->mu);
	return ret;
}

/* Have `n` bytes from the cursor's place on in the buffer; `size`: where the segment ends. */
static int fill(struct store_cursor *c, size_t n, uint64_t size)
{
	size_t want = n > CHUNK ? n : CHUNK;

	if (c->have - c->used >= n)
		return 0;
	if (size - c->at < n)
		return -EBADMSG;
	if (want > size - c->at)
		want = size - c->at;
	if (want > c->cap) {
		uint8_t *buf = realloc(c->buf, want);

		if (buf == NULL)
			return -ENOMEM;
		c->buf = buf;
		c->cap = want;
	}
	c->have = c->used = 0;
	while (c->have < want) {
		ssize_t got = pread(c->fd, c->buf + c->have, want - c->have, c->at + c->have);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EBADMSG;
		c->have += got;
	}
	return 0;
}

static int take(struct store *s, struct store_cursor *c, uint64_t size,
		const struct log_record **out)
{
	struct log_record r;
	size_t n;
	int ret = fill(c, sizeof(r), size);

	if (ret < 0)
		return ret;
	memcpy(&r, c->buf + c->used, sizeof(r));
	n = log_record_size(r.len);
	ret = fill(c, n, size);
	if (ret < 0)
		return ret;
	if (!log_record_check(c->buf + c->used, n, s->id, &r) || r.batch != c->next ||
	    log_changes_check(&r, c->buf + c->used + sizeof(r)) < 0)
		return -EBADMSG;
	*out = (const void *)(c->buf + c->used);
	c->used += n;
	c->at += n;
	c->next++;
	return 1;
}

int store_cursor_next(struct store *s, struct store_cursor *c, uint64_t limit,
		      const struct log_record **out)
{
	uint64_t size, next;
	int ret;

	if (c->next > limit)
		return 0;
	for (;;) {
		ret = bounds(s, c, &size, &next);
		if (ret < 0)
			return ret;
		ret = c->at < size ? take(s, c, size, out) : -EBADMSG;
		/* what a failed write may have left when the log went on in the next one */
		if (ret != -EBADMSG || next != c->next)
			return ret;
		ret = open_segment(s, c, next);
		if (ret < 0)
			return ret;
	}
}

int store_cursor_seek(struct store *s, struct store_cursor *c, uint64_t batch)
{
	const struct log_record *r;
	uint64_t first = 0;
	int ret = 0;

	pthread_mutex_lock(&s->mu);
	for (unsigned i = 0; i < s->n_segs && s->segs[i].first <= batch; i++)
		first = s->segs[i].first;
	pthread_mutex_unlock(&s->mu);
	if (first == 0)
		return -ERANGE;
	if (c->fd < 0 || c->first != first || c->next > batch) {
		ret = open_segment(s, c, first);
		c->next = first;
	}
	while (ret >= 0 && c->next < batch) {
		ret = store_cursor_next(s, c, batch - 1, &r);
		if (ret == 0)
			return -ERANGE;
	}
	return ret < 0 ? ret : 0;
}
