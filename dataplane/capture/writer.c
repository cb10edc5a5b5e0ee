/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The thread that writes a capture's file, and waits for the disk in the stead
 * of everybody else.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "capture/internal.h"
#include "capture/pcapng.h"
#include "trace/clock.h"

#define REST_NS 5000000
#define BUFFER  (256u << 10)
#define BLOCK   (CST_CAPTURE_SNAPLEN + 512u) /* the largest */
#define PORTS   64

struct writer {
	struct cst_capture *c;
	struct cst_clock clock;
	struct {
		int32_t number; /* of its block, -1: none yet */
		uint64_t packets;
	} ifaces[PORTS + 1]; /* by port, then what has no L2 header */
	uint32_t n_ifaces;
	uint64_t packets, bytes;
	const char *drops[CST_MAX_DROPS]; /* names by number */
	size_t n;                         /* in buf */
	uint8_t buf[BUFFER];
};

/* ---- the file ---------------------------------------------------------------------------- */

/* A capture that was made before may be written over, nothing else: whoever may capture could have
 * coastd destroy any file otherwise. */
static int check_file(int fd, const char *path, struct cst_err *e)
{
	struct stat st;
	uint32_t magic = 0;

	if (fstat(fd, &st) < 0)
		return cst_err(e, -errno, "file", "%.160s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return cst_err(e, -EINVAL, "file", "%.160s is no regular file", path);
	if (st.st_size > 0 &&
	    (pread(fd, &magic, sizeof(magic), 0) != sizeof(magic) || magic != CST_PCAPNG_MAGIC))
		return cst_err(e, -EEXIST, "file",
			       "%.160s exists and is no capture: name another file", path);
	if (st.st_nlink > 1)
		return cst_err(e, -EEXIST, "file", "%.160s has other names: remove it first", path);
	if (st.st_uid != geteuid()) /* who could read what is written to it */
		return cst_err(e, -EEXIST, "file", "%.160s is another user's: remove it first",
			       path);
	return 0;
}

int capture_file(const char *path, unsigned gid, struct cst_err *e)
{
	int fd, ret;

	if (path[0] != '/')
		return cst_err(e, -EINVAL, "file", "must be an absolute path");
	/* not blocking: to open a pipe would wait for its reader */
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
	if (fd < 0 && errno == ELOOP)
		return cst_err(e, -EINVAL, "file", "%.160s is a symbolic link", path);
	if (fd < 0)
		return cst_err(e, -errno, "file", "%.160s: %s", path, strerror(errno));
	ret = check_file(fd, path, e);
	if (ret == 0 && ftruncate(fd, 0) < 0)
		ret = cst_err(e, -errno, "file", "%.160s: %s", path, strerror(errno));
	if (ret < 0) {
		close(fd);
		return ret;
	}
	if (gid != (unsigned)-1 && fchown(fd, (uid_t)-1, gid) < 0) {
		/* an unprivileged coastd's files are its own user's */
	}
	/* an earlier capture may have been opened to others since */
	if (fchmod(fd, 0640) < 0) {
		ret = cst_err(e, -errno, "file", "%.160s: %s", path, strerror(errno));
		close(fd);
		return ret;
	}
	return fd;
}

static void give_up(struct writer *w, int error)
{
	if (atomic_load(&w->c->error) == 0)
		atomic_store(&w->c->error, error);
	atomic_store(&w->c->full, true);
}

static void write_out(struct writer *w)
{
	size_t done = 0;

	while (done < w->n && atomic_load(&w->c->error) == 0) {
		ssize_t n = write(w->c->fd, w->buf + done, w->n - done);

		if (n < 0 && errno != EINTR)
			give_up(w, errno);
		done += n > 0 ? (size_t)n : 0;
	}
	w->n = 0;
	atomic_store_explicit(&w->c->bytes, w->bytes, memory_order_relaxed);
	atomic_store_explicit(&w->c->packets, w->packets, memory_order_relaxed);
}

static uint8_t *room(struct writer *w)
{
	if (BUFFER - w->n < BLOCK)
		write_out(w);
	return w->buf + w->n;
}

static void took(struct writer *w, size_t n)
{
	w->n += n;
	w->bytes += n;
}

/* ---- records ------------------------------------------------------------------------------ */

static bool has_name(const struct cst_capture *c, uint16_t port)
{
	return atomic_load_explicit(&c->named, memory_order_acquire) >> port & 1;
}

static uint32_t interface(struct writer *w, const struct cst_capture_record *rec)
{
	unsigned i = rec->raw ? PORTS : rec->port % PORTS;
	char number[16];
	const char *name = number;

	if (w->ifaces[i].number >= 0)
		return (uint32_t)w->ifaces[i].number;
	snprintf(number, sizeof(number), "port%u", rec->port);
	if (rec->raw)
		name = "coast-raw";
	else if (has_name(w->c, rec->port % PORTS))
		name = w->c->names[rec->port % PORTS];
	took(w,
	     cst_pcapng_interface(room(w), BLOCK, rec->raw ? CST_PCAPNG_RAW : CST_PCAPNG_ETHERNET,
				  w->c->conf.snaplen, name));
	w->ifaces[i].number = (int32_t)w->n_ifaces;
	return w->n_ifaces++;
}

static void write_record(struct writer *w, const struct cst_capture_record *rec)
{
	struct cst_pcapng_packet p = {
		.iface = interface(w, rec),
		.ns = cst_clock_ns(&w->clock, rec->tsc),
		.cap = rec->cap,
		.len = rec->len,
		.direction = rec->dir == CST_CAPTURE_IN    ? CST_PCAPNG_INBOUND
			     : rec->dir == CST_CAPTURE_OUT ? CST_PCAPNG_OUTBOUND
							   : 0,
		.comment = w->drops[rec->drop % CST_MAX_DROPS],
		.data = rec->data,
	};
	size_t n = cst_pcapng_packet(room(w), BLOCK, &p);

	if (w->c->conf.max_bytes != 0 && w->bytes + n > w->c->conf.max_bytes) {
		atomic_store(&w->c->full, true);
		return;
	}
	took(w, n);
	w->ifaces[rec->raw ? PORTS : rec->port % PORTS].packets++;
	w->packets++;
	if (w->c->conf.max_packets != 0 && w->packets >= w->c->conf.max_packets)
		atomic_store(&w->c->full, true);
}

/* The oldest record of all rings. */
static struct cst_capture_ring *oldest(struct cst_capture *c)
{
	struct cst_capture_ring *best = NULL;
	uint64_t tsc = 0;

	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++) {
		const struct cst_capture_record *rec =
			c->rings[i] != NULL ? cst_capture_peek(c->rings[i]) : NULL;

		if (rec != NULL && (best == NULL || rec->tsc < tsc)) {
			best = c->rings[i];
			tsc = rec->tsc;
		}
	}
	return best;
}

/* What the rings hold; past the end of the file it is thrown away. */
static void drain(struct writer *w)
{
	struct cst_capture_ring *r;

	while ((r = oldest(w->c)) != NULL) {
		if (!atomic_load_explicit(&w->c->full, memory_order_relaxed))
			write_record(w, cst_capture_peek(r));
		cst_capture_pop(r);
	}
	write_out(w);
}

static void statistics(struct writer *w)
{
	uint64_t lost = 0;

	for (unsigned i = 0; i < CST_MAX_WORKERS + 1; i++)
		if (w->c->rings[i] != NULL)
			lost += w->c->rings[i]->lost;
	/* what was lost is not told by interface: it stands with the first one */
	for (unsigned i = 0; i <= PORTS; i++) {
		if (w->ifaces[i].number < 0)
			continue;
		took(w, cst_pcapng_statistics(room(w), BLOCK, (uint32_t)w->ifaces[i].number,
					      w->clock.now_ns, w->ifaces[i].packets, lost));
		lost = 0;
	}
	write_out(w);
}

/* Every port that has a name gets its interface at once, so that its number does not hang on whose
 * packet comes first. */
static void head(struct writer *w)
{
	took(w, cst_pcapng_section(room(w), BLOCK, "coast " COAST_VERSION));
	for (uint16_t port = 1; port < PORTS; port++)
		if (has_name(w->c, port))
			interface(w, &(struct cst_capture_record){.port = port});
	write_out(w);
}

void *capture_writer(void *capture)
{
	struct cst_capture *c = capture;
	struct writer *w = calloc(1, sizeof(*w));
	bool last = false;

	if (w == NULL) {
		atomic_store(&c->error, ENOMEM);
		atomic_store(&c->full, true);
	} else {
		w->c = c;
		for (unsigned i = 0; i <= PORTS; i++)
			w->ifaces[i].number = -1;
		for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next)
			w->drops[d->id] = d->name;
		cst_clock_look(&w->clock);
		head(w);
	}
	while (!last) {
		last = atomic_load(&c->finish); /* before the last look into the rings */
		if (w != NULL) {
			cst_clock_look(&w->clock);
			drain(w);
		}
		if (!last)
			nanosleep(&(struct timespec){.tv_nsec = REST_NS}, NULL);
	}
	if (w != NULL)
		statistics(w);
	if (close(c->fd) < 0 && atomic_load(&c->error) == 0)
		atomic_store(&c->error, errno);
	free(w);
	atomic_store(&c->ended, true);
	return NULL;
}
