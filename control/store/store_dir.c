/* SPDX-License-Identifier: BSD-3-Clause */
/* The store's directory: who has it, and what becomes of a refused one. */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/store_int.h"

#define LOCK "lock"

static int held(const char *path, int fd, struct cst_err *e)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	if (n > 0)
		pid[strcspn(pid, "\n")] = '\0';
	return cst_err(e, -EWOULDBLOCK, NULL, "the store %.100s is in use by process %s", path,
		       n > 0 ? pid : "?");
}

static int take_lock(const char *path, int dir_fd, int *lock_fd, struct cst_err *e)
{
	char pid[16];
	int n, fd = openat(dir_fd, LOCK, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EROFS) /* what is there can be read, and forwarded by */
		fd = openat(dir_fd, LOCK, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return cst_err(e, -errno, NULL, "%.100s/" LOCK ": %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int ret = errno == EWOULDBLOCK ? held(path, fd, e)
					       : cst_err(e, -errno, NULL, "%.100s/" LOCK ": %s",
							 path, strerror(errno));
		close(fd);
		return ret;
	}
	/* for the reader of an error message; a full or read-only disk does not matter */
	n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) < 0 || pwrite(fd, pid, n, 0) < n)
		n = 0;
	*lock_fd = fd;
	return 0;
}

int store_dir_lock(const char *path, int *dir_fd, int *lock_fd, struct cst_err *e)
{
	int ret;

	*dir_fd = *lock_fd = -1;
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return cst_err(e, -errno, NULL, "the store %.100s cannot be made: %s", path,
			       strerror(errno));
	*dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*dir_fd < 0)
		return cst_err(e, -errno, NULL, "the store %.100s cannot be opened: %s", path,
			       strerror(errno));
	ret = take_lock(path, *dir_fd, lock_fd, e);
	if (ret < 0)
		store_dir_unlock(dir_fd, lock_fd);
	return ret;
}

void store_dir_unlock(int *dir_fd, int *lock_fd)
{
	if (*lock_fd >= 0)
		close(*lock_fd);
	if (*dir_fd >= 0)
		close(*dir_fd);
	*dir_fd = *lock_fd = -1;
}

bool store_dir_is_new(int dir_fd)
{
	return faccessat(dir_fd, STORE_DATA, F_OK, 0) < 0 && errno == ENOENT;
}

static void sync_parent(const char *path)
{
	char copy[PATH_MAX];
	int fd;

	snprintf(copy, sizeof(copy), "%s", path);
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int cst_store_set_aside(const char *dir, char *where, size_t size, struct cst_err *e)
{
	size_t len = strlen(dir);
	int dir_fd, lock_fd, ret;
	struct stat st;

	while (len > 1 && dir[len - 1] == '/')
		len--;
	ret = store_dir_lock(dir, &dir_fd, &lock_fd, e);
	if (ret < 0)
		return ret;
	for (unsigned n = 1; ret == 0; n++) {
		snprintf(where, size, "%.*s.refused-%u", (int)len, dir, n);
		if (lstat(where, &st) == 0)
			continue;
		if (rename(dir, where) < 0)
			ret = cst_err(e, -errno, NULL, "%.100s cannot be renamed: %s", dir,
				      strerror(errno));
		break;
	}
	if (ret == 0)
		sync_parent(where);
	store_dir_unlock(&dir_fd, &lock_fd);
	return ret;
}
