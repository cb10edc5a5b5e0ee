/* SPDX-License-Identifier: BSD-3-Clause */
/* A client of the control socket that tests use; what it waits for comes within 5 s. */
#pragma once

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static char path[100]; /* of the socket */

struct conn {
	int fd;
	size_t n;
	char *buf;
};
#define CONN_BUF (1 << 20)

static int dial(void)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, path);
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static struct conn open_conn(void)
{
	struct conn c = {.fd = dial(), .buf = malloc(CONN_BUF)};

	assert_true(c.fd >= 0);
	return c;
}

static void close_conn(struct conn *c)
{
	close(c->fd);
	free(c->buf);
}

static void put_bytes(struct conn *c, const char *text, size_t n)
{
	while (n > 0) {
		ssize_t done = send(c->fd, text, n, MSG_NOSIGNAL);

		assert_true(done > 0);
		text += done;
		n -= (size_t)done;
	}
}

static void put(struct conn *c, const char *text)
{
	put_bytes(c, text, strlen(text));
}

/* The next line (malloc'd), NULL: the other end closed; fails when nothing comes for 5 s. */
static char *next_line(struct conn *c)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	char *end, *line;
	ssize_t got;

	while ((end = memchr(c->buf, '\n', c->n)) == NULL) {
		assert_true(c->n < CONN_BUF);
		assert_int_equal(poll(&p, 1, 5000), 1);
		got = recv(c->fd, c->buf + c->n, CONN_BUF - c->n, 0);
		if (got <= 0)
			return NULL;
		c->n += (size_t)got;
	}
	line = strndup(c->buf, (size_t)(end - c->buf));
	c->n -= (size_t)(end + 1 - c->buf);
	memmove(c->buf, end + 1, c->n);
	return line;
}

static void expect_line(struct conn *c, const char *expected)
{
	char *line = next_line(c);

	assert_non_null(line);
	assert_string_equal(line, expected);
	free(line);
}

static void expect_part(struct conn *c, const char *part)
{
	char *line = next_line(c);

	assert_non_null(line);
	if (strstr(line, part) == NULL)
		fail_msg("'%.200s' has no '%s'", line, part);
	free(line);
}

static void expect_end(struct conn *c)
{
	char *line = next_line(c);

	if (line != NULL)
		fail_msg("not closed but '%.200s'", line);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}
