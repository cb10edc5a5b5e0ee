/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Preloaded into a program: notes what it does to the files of the directory
 * RECORD_DIR, with the data, in the file RECORD_OUT. One record each: a letter, then
 * numbers and bytes as record() has them. powerloss.py reads it.
 *
 *	C created	W written	M written and on disk at once (O_DSYNC)
 *	T cut		S file on disk	D directory on disk
 *	R renamed	U removed	A line written to the file RECORD_ACK
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))real(#name))

static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static int out = -1;
static const char *dir, *ack;

static void *real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	return p;
}

static void __attribute__((constructor)) begin(void)
{
	dir = getenv("RECORD_DIR");
	ack = getenv("RECORD_ACK");
	if (dir != NULL && getenv("RECORD_OUT") != NULL)
		out = REAL(open)(getenv("RECORD_OUT"),
				 O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
}

static void record(char what, uint64_t file, uint64_t at, const char *name, const void *data,
		   size_t n)
{
	uint32_t lens[2] = {name != NULL ? strlen(name) : 0, n};
	struct iovec v[] = {{&what, 1},           {&file, sizeof(file)},   {&at, sizeof(at)},
			    {lens, sizeof(lens)}, {(void *)name, lens[0]}, {(void *)data, n}};

	if (REAL(writev)(out, v, 6) < 0)
		abort();
}

/* What is behind the descriptor: 'F' a file of the directory, 'D' itself, 'A' the other, 0. */
static char kind_of(int fd, char path[256], uint64_t *ino)
{
	char link[64];
	struct stat st;
	ssize_t n;

	if (out < 0 || fd == out || fstat(fd, &st) < 0)
		return 0;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, 255);
	if (n < 0)
		return 0;
	path[n] = '\0';
	*ino = st.st_ino;
	if (strcmp(path, dir) == 0)
		return 'D';
	if (ack != NULL && strcmp(path, ack) == 0)
		return 'A';
	return strncmp(path, dir, strlen(dir)) == 0 && path[strlen(dir)] == '/' ? 'F' : 0;
}

static void written(int fd, uint64_t at, const void *data, ssize_t n)
{
	char path[256], kind;
	uint64_t ino;

	if (n <= 0)
		return;
	kind = kind_of(fd, path, &ino);
	if (kind == 'A')
		record('A', 0, 0, NULL, data, n);
	else if (kind == 'F')
		record(fcntl(fd, F_GETFL) & O_DSYNC ? 'M' : 'W', ino, at, NULL, data, n);
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	ssize_t ret;

	pthread_mutex_lock(&mu);
	ret = REAL(pwrite64)(fd, buf, n, at);
	written(fd, at, buf, ret);
	pthread_mutex_unlock(&mu);
	return ret;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	return pwrite64(fd, buf, n, at);
}

ssize_t write(int fd, const void *buf, size_t n)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	ssize_t ret;

	pthread_mutex_lock(&mu);
	ret = REAL(write)(fd, buf, n);
	written(fd, at, buf, ret);
	pthread_mutex_unlock(&mu);
	return ret;
}

/* In parts that follow each other, which is the same but for a failure between them. */
ssize_t pwritev(int fd, const struct iovec *v, int count, off_t at)
{
	ssize_t sum = 0;

	for (int i = 0; i < count; i++) {
		ssize_t ret = pwrite64(fd, v[i].iov_base, v[i].iov_len, at + sum);

		if (ret < 0)
			return sum > 0 ? sum : ret;
		sum += ret;
	}
	return sum;
}

ssize_t pwritev64(int fd, const struct iovec *v, int count, off64_t at)
{
	return pwritev(fd, v, count, at);
}

ssize_t writev(int fd, const struct iovec *v, int count)
{
	ssize_t sum = 0;

	for (int i = 0; i < count; i++) {
		ssize_t ret = write(fd, v[i].iov_base, v[i].iov_len);

		if (ret < 0)
			return sum > 0 ? sum : ret;
		sum += ret;
	}
	return sum;
}

int ftruncate64(int fd, off64_t n)
{
	char path[256];
	uint64_t ino;
	int ret;

	pthread_mutex_lock(&mu);
	ret = REAL(ftruncate64)(fd, n);
	if (ret == 0 && kind_of(fd, path, &ino) == 'F')
		record('T', ino, n, NULL, NULL, 0);
	pthread_mutex_unlock(&mu);
	return ret;
}

int ftruncate(int fd, off_t n)
{
	return ftruncate64(fd, n);
}

static int synced(int fd, int ret)
{
	char path[256], kind;
	uint64_t ino;

	kind = ret == 0 ? kind_of(fd, path, &ino) : 0;
	if (kind == 'F' || kind == 'D')
		record(kind == 'F' ? 'S' : 'D', ino, 0, NULL, NULL, 0);
	return ret;
}

int fsync(int fd)
{
	int ret;

	pthread_mutex_lock(&mu);
	ret = synced(fd, REAL(fsync)(fd));
	pthread_mutex_unlock(&mu);
	return ret;
}

int fdatasync(int fd)
{
	int ret;

	pthread_mutex_lock(&mu);
	ret = synced(fd, REAL(fdatasync)(fd));
	pthread_mutex_unlock(&mu);
	return ret;
}

/* Opened with O_CREAT: it may be new, and is empty with O_TRUNC. */
static void opened(int fd, int flags)
{
	char path[256];
	uint64_t ino;

	if (fd < 0 || !(flags & O_CREAT) || kind_of(fd, path, &ino) != 'F')
		return;
	record('C', ino, 0, path + strlen(dir) + 1, NULL, 0);
	if (flags & O_TRUNC)
		record('T', ino, 0, NULL, NULL, 0);
}

int openat64(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;
	int fd;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	pthread_mutex_lock(&mu);
	fd = REAL(openat64)(at, path, flags, mode);
	opened(fd, flags);
	pthread_mutex_unlock(&mu);
	return fd;
}

int openat(int at, const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat64(at, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list ap;
	mode_t mode;

	va_start(ap, flags);
	mode = va_arg(ap, mode_t);
	va_end(ap);
	return openat64(AT_FDCWD, path, flags, mode);
}

int open(const char *path, int flags, ...) __attribute__((alias("open64")));

int renameat(int a, const char *from, int b, const char *to)
{
	char path[256];
	uint64_t ino;
	int ret;

	pthread_mutex_lock(&mu);
	ret = REAL(renameat)(a, from, b, to);
	if (ret == 0 && kind_of(a, path, &ino) == 'D')
		record('R', 0, 0, from, to, strlen(to));
	pthread_mutex_unlock(&mu);
	return ret;
}

int unlinkat(int at, const char *name, int flags)
{
	char path[256];
	uint64_t ino;
	int ret;

	pthread_mutex_lock(&mu);
	ret = REAL(unlinkat)(at, name, flags);
	if (ret == 0 && kind_of(at, path, &ino) == 'D')
		record('U', 0, 0, name, NULL, 0);
	pthread_mutex_unlock(&mu);
	return ret;
}
