/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A capture's life: its rings, its thread, and what is told of it.
 */
#include "capture/capture.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <rte_lcore.h>

#include "capture/internal.h"

int capture_rings_make(struct cst_capture *c)
{
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++) {
		if (i >= cst_workers() && i != CST_WATCH_SLOW)
			continue;
		c->rings[i] = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*c->rings[i]));
		if (c->rings[i] == NULL)
			return -ENOMEM;
		/* touched here, so that no worker has to wait for the page */
		memset(c->rings[i], 0, sizeof(*c->rings[i]));
	}
	return 0;
}

void capture_rings_free(struct cst_capture *c)
{
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++)
		free(c->rings[i]);
}

struct cst_capture *cst_capture_open(const struct cst_capture_conf *conf, unsigned gid,
				     struct cst_err *e)
{
	static uint8_t marks;
	struct cst_capture *c = calloc(1, sizeof(*c));

	if (c == NULL || capture_rings_make(c) < 0) {
		cst_err(e, -ENOMEM, NULL, "no memory for the capture");
		goto fail;
	}
	c->conf = *conf;
	atomic_store(&c->ports, conf->ports);
	if (conf->ports == 0) {
		marks = marks % 7 + 1;
		c->mark = (uint8_t)(marks << 5);
	}
	c->fd = capture_file(conf->file, gid, e);
	if (c->fd < 0)
		goto fail;
	return c;
fail:
	if (c != NULL)
		capture_rings_free(c);
	free(c);
	return NULL;
}

int cst_capture_start(struct cst_capture *c, struct cst_err *e)
{
	int ret = rte_ctrl_thread_create(&c->thread, "coast-capture", NULL, capture_writer, c);

	if (ret == 0)
		return 0;
	close(c->fd);
	capture_rings_free(c);
	free(c);
	ret = ret < 0 ? -ret : ret;
	return cst_err(e, -ret, NULL, "the capture has no thread: %s", strerror(ret));
}

bool cst_capture_full(const struct cst_capture *c)
{
	return atomic_load(&c->full);
}

void cst_capture_finish(struct cst_capture *c, const char *why)
{
	snprintf(c->why, sizeof(c->why), "%s", why);
	atomic_store(&c->finish, true);
}

bool cst_capture_close(struct cst_capture *c, bool wait)
{
	for (int ms = 0; wait && ms < 2000 && !atomic_load(&c->ended); ms += 5)
		nanosleep(&(struct timespec){.tv_nsec = 5000000}, NULL);
	if (!atomic_load(&c->ended))
		return false;
	pthread_join(c->thread, NULL);
	capture_rings_free(c);
	free(c);
	return true;
}

uint8_t cst_capture_mark(const struct cst_capture *c)
{
	return c->mark;
}

void cst_capture_name(struct cst_capture *c, uint16_t port, const char *name)
{
	uint64_t named = atomic_load_explicit(&c->named, memory_order_relaxed);

	if (port >= 64 || (named >> port & 1))
		return;
	snprintf(c->names[port], sizeof(c->names[port]), "%s", name);
	atomic_store_explicit(&c->named, named | UINT64_C(1) << port, memory_order_release);
}

void cst_capture_ports(struct cst_capture *c, uint64_t ports)
{
	atomic_store_explicit(&c->ports, ports, memory_order_relaxed);
}

/* Why it ended by itself. */
static void explain(const struct cst_capture *c, char *why, size_t size)
{
	int error = atomic_load(&c->error);

	if (error != 0)
		snprintf(why, size, "%s", strerror(error));
	else if (c->conf.max_packets != 0 && atomic_load(&c->packets) >= c->conf.max_packets)
		snprintf(why, size, "it holds max_packets");
	else if (atomic_load(&c->full))
		snprintf(why, size, "it holds max_bytes");
	else
		snprintf(why, size, "%s", c->why);
}

void cst_capture_info(const struct cst_capture *c, struct cst_capture_info *out)
{
	bool ended = atomic_load(&c->ended);

	*out = (struct cst_capture_info){
		.phase = ended                                              ? CST_CAPTURE_ENDED
			 : atomic_load(&c->finish) || atomic_load(&c->full) ? CST_CAPTURE_ENDING
									    : CST_CAPTURE_RUNNING,
		.packets = atomic_load(&c->packets),
		.bytes = atomic_load(&c->bytes),
	};
	snprintf(out->file, sizeof(out->file), "%s", c->conf.file);
	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++)
		if (c->rings[i] != NULL)
			out->lost += __atomic_load_n(&c->rings[i]->lost, __ATOMIC_RELAXED);
	explain(c, out->why, sizeof(out->why));
}
