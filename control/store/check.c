/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The check of what is there, in a process of its own: what trips it over bad
 * bytes or a bad disk is the child, and that tells as much as a reason does. A child
 * that was killed from outside, or is slow, tells nothing about the store.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "now.h"
#include "store/check_pages.h"
#include "store/store_int.h"

#define BASE_S  60
#define SLOWEST (10 << 20) /* bytes a second that any disk reads */
#define ENDED   1          /* the child, without a report */

struct store_check {
	pid_t pid;
	int fd;
	int64_t until_ms;
};

static void __attribute__((noreturn)) run(int dir_fd, int lock_fd, int out, pid_t parent)
{
	struct cst_err e = {0};
	int fd;

	/* or the next coastd would find it held for a moment when this one is killed */
	close(lock_fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	fd = openat(dir_fd, STORE_DATA, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		cst_err(&e, -errno, NULL, STORE_DATA " cannot be opened: %s", strerror(errno));
	else
		store_check_pages(fd, &e);
	if (write(out, &e, sizeof(e)) != sizeof(e))
		_exit(1);
	_exit(0);
}

struct store_check *store_check_begin(int dir_fd, int lock_fd, unsigned patience)
{
	struct store_check *c = calloc(1, sizeof(*c));
	pid_t self = getpid();
	struct stat st;
	int fds[2];

	if (c == NULL || pipe2(fds, O_CLOEXEC) < 0) {
		free(c);
		return NULL;
	}
	if (fstatat(dir_fd, STORE_DATA, &st, 0) < 0)
		st.st_size = 0;
	c->until_ms = (int64_t)cst_now_ms() + (BASE_S + st.st_size / SLOWEST) * 1000 * patience;
	c->pid = fork();
	if (c->pid == 0)
		run(dir_fd, lock_fd, fds[1], self);
	close(fds[1]);
	c->fd = fds[0];
	if (c->pid > 0)
		return c;
	close(c->fd);
	free(c);
	return NULL;
}

static int wait_report(const struct store_check *c, struct cst_err *e)
{
	struct pollfd p = {.fd = c->fd, .events = POLLIN};
	struct cst_err got;
	int64_t left;
	int ret;

	do {
		left = c->until_ms - (int64_t)cst_now_ms();
		ret = poll(&p, 1, left > 0 ? left : 0);
	} while (ret < 0 && errno == EINTR);
	if (ret == 0)
		return cst_err(e, -EAGAIN, NULL,
			       "the check of " STORE_DATA " does not end in time");
	/* it is smaller than what a pipe passes on in one piece */
	if (read(c->fd, &got, sizeof(got)) != sizeof(got))
		return ENDED;
	if (got.code != 0)
		*e = got;
	return got.code;
}

/* What its end without a report says of the store. */
static int judge(int status, struct cst_err *e)
{
	int sig = WIFSIGNALED(status) ? WTERMSIG(status) : 0;

	if (sig == SIGSEGV || sig == SIGBUS || sig == SIGABRT || sig == SIGFPE || sig == SIGILL)
		return cst_err(e, -EBADMSG, NULL,
			       STORE_DATA " is damaged: its check came to grief over it");
	return cst_err(e, -EAGAIN, NULL, "the check of " STORE_DATA " was ended: %s",
		       sig == SIGKILL ? "killed, as when memory runs out"
		       : sig != 0     ? strsignal(sig)
				      : "without a report");
}

int store_check_end(struct store_check *c, struct cst_err *e)
{
	int ret = wait_report(c, e), status = 0;

	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (ret == ENDED)
		ret = judge(status, e);
	close(c->fd);
	free(c);
	return ret;
}
