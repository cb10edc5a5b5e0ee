/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "boot.h"
#include "engine/huge.h"
#include "log.h"
#include "table/arena.h"

#define PAGE         4096ull
#define MAGIC        "coastTbl"
#define VERSION      2
#define MAX_SECTIONS 60
#define MAX_CRASHES  2 /* then it may be what is in the tables that kills */
#define FIELD        "system.arena_path"

struct dir_entry {
	char name[40];
	uint32_t elem_size;
	uint32_t version;
	uint64_t count;
	uint64_t offset; /* bytes from the start of the file */
};

struct header {
	char magic[8];
	uint32_t version;
	uint32_t n_sections;
	uint64_t layout_hash; /* FNV-1a over the sections' names, sizes, versions and counts */
	uint64_t generation;  /* how often a coastd has begun to use this file's name */
	uint64_t bytes;       /* of the whole file */
	uint64_t writer;      /* process id of the last one */
	uint64_t salt;        /* random; for hashes over what is in it */
	uint32_t ready;       /* what is in it is whole: it may be attached */
	uint32_t crashes;     /* in a row, of processes that had attached it */
	char boot[40];        /* of the kernel: times in it mean nothing to another one */
	struct dir_entry dir[MAX_SECTIONS];
};

_Static_assert(sizeof(struct dir_entry) == 64, "one cache line");
_Static_assert(sizeof(struct header) <= PAGE, "the header page");

static struct cst_section *sections; /* by name, so that the layout does not hang on link order */
static struct header wanted;
static struct header *map;
static int map_fd = -1;
static bool may_attach;
static uint64_t wanted_salt; /* 0: any */
static struct cst_arena_info info;

void cst_arena_add(struct cst_section *s)
{
	struct cst_section **at = &sections;

	while (*at != NULL && strcmp((*at)->name, s->name) <= 0)
		at = &(*at)->next;
	s->base = NULL;
	s->next = *at;
	*at = s;
}

/* ---- layout ----------------------------------------------------------------- */

static uint64_t fnv1a(uint64_t h, const void *data, size_t n)
{
	for (const unsigned char *p = data; n > 0; n--, p++)
		h = (h ^ *p) * 0x100000001b3ull;
	return h;
}

static int add_entry(const struct cst_section *s, struct cst_err *e)
{
	struct dir_entry *d = &wanted.dir[wanted.n_sections];
	uint64_t bytes;

	if (wanted.n_sections == MAX_SECTIONS)
		return cst_err(e, -ENOSPC, NULL, "more than %d arena sections", MAX_SECTIONS);
	if (strlen(s->name) >= sizeof(d->name) || s->elem_size == 0 || s->count == 0)
		return cst_err(e, -EINVAL, NULL, "arena section '%s' is malformed", s->name);
	if (wanted.n_sections > 0 && strcmp(d[-1].name, s->name) == 0)
		return cst_err(e, -EEXIST, NULL, "two arena sections are named '%s'", s->name);
	if (__builtin_mul_overflow(s->count, s->elem_size, &bytes) ||
	    __builtin_add_overflow(wanted.bytes, bytes, &bytes) || bytes > INT64_MAX - PAGE)
		return cst_err(e, -E2BIG, NULL, "arena section '%s' is too large", s->name);
	memcpy(d->name, s->name, strlen(s->name));
	d->elem_size = s->elem_size;
	d->version = s->version;
	d->count = s->count;
	d->offset = wanted.bytes;
	wanted.bytes = (bytes + PAGE - 1) & ~(PAGE - 1);
	wanted.layout_hash = fnv1a(wanted.layout_hash, d, sizeof(*d));
	wanted.n_sections++;
	return 0;
}

static int lay_out(struct cst_err *e)
{
	memset(&wanted, 0, sizeof(wanted));
	snprintf(wanted.boot, sizeof(wanted.boot), "%s", cst_boot_id());
	if (getrandom(&wanted.salt, sizeof(wanted.salt), 0) != sizeof(wanted.salt))
		return cst_err(e, -EIO, NULL, "no random numbers from the kernel");
	memcpy(wanted.magic, MAGIC, sizeof(wanted.magic));
	wanted.version = VERSION;
	wanted.layout_hash = 0xcbf29ce484222325ull;
	wanted.bytes = PAGE;
	for (const struct cst_section *s = sections; s != NULL; s = s->next) {
		int ret = add_entry(s, e);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* ---- the file ---------------------------------------------------------------- */

/* Open and lock what `path` names now; a rename in between is seen and tried again. */
static int open_locked(const char *path, struct cst_err *e)
{
	for (;;) {
		struct stat ours, named;
		int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

		if (fd < 0)
			return cst_err(e, -errno, FIELD, "%s: %s", path, strerror(errno));
		if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
			struct header h = {0};
			ssize_t n = pread(fd, &h, offsetof(struct header, dir), 0);
			int code = -errno;

			close(fd);
			return cst_err(e, code, FIELD,
				       "%s is in use by process %llu: give each instance its own "
				       "system.name",
				       path, n > 0 ? (unsigned long long)h.writer : 0ull);
		}
		if (fstat(fd, &ours) == 0 && stat(path, &named) == 0 &&
		    ours.st_ino == named.st_ino && ours.st_dev == named.st_dev)
			return fd;
		close(fd);
	}
}

static bool read_header(int fd, struct header *h)
{
	return pread(fd, h, sizeof(*h), 0) == (ssize_t)sizeof(*h) &&
	       memcmp(h->magic, MAGIC, sizeof(h->magic)) == 0;
}

static int too_large(const char *path, uint64_t bytes, struct cst_err *e)
{
	return cst_err(e, -errno, FIELD, "%s: %llu MB: %s", path, (unsigned long long)bytes >> 20,
		       strerror(errno));
}

static int map_all(int fd, const char *path, uint64_t bytes, uint64_t generation, struct cst_err *e)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (p == MAP_FAILED)
		return too_large(path, bytes, e);
	map = p;
	info.bytes = bytes;
	info.generation = generation;
	info.layout_hash = wanted.layout_hash;
	return 0;
}

static int fill(int fd, const char *path, uint64_t bytes, uint64_t generation, struct cst_err *e)
{
	int ret;

	/* to nothing first: what comes back is zero and takes no memory until it is written */
	if (ftruncate(fd, 0) < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return too_large(path, bytes, e);
	ret = map_all(fd, path, bytes, generation, e);
	if (ret < 0)
		return ret;
	*map = wanted;
	map->bytes = bytes;
	map->generation = generation;
	map->writer = (uint64_t)getpid();
	return 0;
}

/* ---- what an earlier process left ---------------------------------------------- */

/* Why it cannot be gone on with; NULL: it can. */
static const char *unfit(const struct header *old, off_t size, uint64_t bytes)
{
	if (old->version != VERSION || old->layout_hash != wanted.layout_hash)
		return "their layout has changed";
	if (strncmp(old->boot, wanted.boot, sizeof(old->boot)) != 0 || wanted.boot[0] == '\0')
		return "they are from before the system was started";
	if (!old->ready)
		return "they were never complete";
	if ((uint64_t)size != bytes || old->bytes != bytes)
		return "the file has another size";
	if (wanted_salt != 0 && old->salt != wanted_salt)
		return "they belong to another store";
	if (old->crashes >= MAX_CRASHES)
		return "coastd crashed with them";
	return NULL;
}

static int attach(int fd, const char *path, uint64_t bytes, const struct header *old,
		  struct cst_err *e)
{
	int ret = map_all(fd, path, bytes, old->generation + 1, e);

	if (ret < 0)
		return ret;
	map->generation++;
	map->writer = (uint64_t)getpid();
	info.attached = true;
	return 0;
}

/* Put a new file in the place of one with another layout, whole or not at all. */
static int replace(const char *path, uint64_t bytes, uint64_t generation, struct cst_err *e)
{
	char tmp[sizeof(info.path) + 8];
	int fd, ret;

	snprintf(tmp, sizeof(tmp), "%s.new", path);
	if (unlink(tmp) < 0 && errno != ENOENT)
		return cst_err(e, -errno, FIELD, "%s: %s", tmp, strerror(errno));
	fd = open(tmp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return cst_err(e, -errno, FIELD, "%s: %s", tmp, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ret = cst_err(e, -errno, FIELD, "%s: %s", tmp, strerror(errno));
	} else {
		ret = fill(fd, tmp, bytes, generation, e);
		if (ret == 0 && rename(tmp, path) < 0) {
			ret = cst_err(e, -errno, FIELD, "%s: %s", path, strerror(errno));
			munmap(map, bytes);
			map = NULL;
		}
	}
	if (ret < 0) {
		unlink(tmp);
		close(fd);
		return ret;
	}
	return fd;
}

static int map_file(const char *path, uint64_t page, struct cst_err *e)
{
	uint64_t bytes = (wanted.bytes + page - 1) & ~(page - 1), generation = 1;
	struct header old;
	int fd = open_locked(path, e), ret;
	struct stat st;
	bool ours;

	if (fd < 0)
		return fd;
	if (fstat(fd, &st) < 0)
		st.st_size = 0;
	ours = read_header(fd, &old);
	if (ours)
		generation = old.generation + 1;
	if (ours && may_attach)
		info.why_new = unfit(&old, st.st_size, bytes);
	if (ours && may_attach && info.why_new == NULL)
		ret = attach(fd, path, bytes, &old, e);
	else if (st.st_size == 0 ||
		 (ours && old.version == VERSION && old.layout_hash == wanted.layout_hash))
		ret = fill(fd, path, bytes, generation, e);
	else
		ret = replace(path, bytes, generation, e);
	if (ret != 0)
		close(fd); /* and with it the old file's lock, once a new one stands in its place */
	if (ret < 0)
		return ret;
	map_fd = ret > 0 ? ret : fd;
	snprintf(info.path, sizeof(info.path), "%s", path);
	info.huge = page > PAGE;
	return 0;
}

/* ---- where -------------------------------------------------------------------- */

static const char *instance(const struct cst_system *sys)
{
	return sys->name[0] != '\0' ? sys->name : "coast";
}

/* What a file of an earlier run holds, to be given back before the new one grows. */
static uint64_t held_by(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

/* Hugepages only while at most half of the free ones go: ports and route tables still come.
 * 0: done, 1: not there, else an error. */
static int map_huge(const struct cst_system *sys, struct cst_err *e)
{
	struct cst_huge h;
	char path[sizeof(h.mount) + sizeof(sys->name) + 16];
	int ret;

	if (sys->hugepages == CST_HUGE_OFF || !cst_huge_find(&h, wanted.bytes * 2) ||
	    h.mount[0] == '\0')
		return 1;
	snprintf(path, sizeof(path), "%s/%s-tables", h.mount, instance(sys));
	if (h.free + held_by(path) < wanted.bytes * 2)
		return 1;
	ret = map_file(path, h.page_size, e);
	if (ret == 0 || ret == -EWOULDBLOCK)
		return ret;
	LOG_INFO("tables do not go into hugepages: %s", e != NULL ? e->reason : strerror(-ret));
	return 1;
}

/* The file is sparse. To grow into memory that is not there would kill the process later: refuse
 * now. */
static int check_room(const char *path, struct cst_err *e)
{
	struct statvfs vfs;
	uint64_t room;
	char *dir = strdup(path), *slash = dir != NULL ? strrchr(dir, '/') : NULL;
	int ret = 0;

	if (slash == NULL || slash == dir) {
		free(dir);
		return cst_err(e, -EINVAL, FIELD, "an absolute path is wanted");
	}
	*slash = '\0';
	if (statvfs(dir, &vfs) < 0) {
		ret = cst_err(e, -errno, FIELD, "%s: %s", dir, strerror(errno));
	} else {
		room = (uint64_t)vfs.f_bavail * vfs.f_frsize + held_by(path);
		if (vfs.f_blocks > 0 && room < wanted.bytes)
			ret = cst_err(e, -ENOSPC, FIELD,
				      "%s has room for %llu MB, the tables want up to %llu MB: "
				      "lower max_sessions, max_pdrs or max_addresses, or set "
				      "arena_path",
				      dir, (unsigned long long)room >> 20,
				      (unsigned long long)wanted.bytes >> 20);
	}
	free(dir);
	return ret;
}

static int map_ordinary(const struct cst_system *sys, struct cst_err *e)
{
	char path[sizeof(sys->arena_path) + sizeof(sys->name) + 16];
	int ret;

	if (sys->arena_path[0] != '\0')
		snprintf(path, sizeof(path), "%s", sys->arena_path);
	else
		snprintf(path, sizeof(path), "/dev/shm/%s-tables", instance(sys));
	ret = check_room(path, e);
	if (ret == 0)
		ret = map_file(path, PAGE, e);
	if (ret == 0)
		madvise(map, info.bytes, MADV_HUGEPAGE); /* where the kernel lets tmpfs have them */
	return ret;
}

/* ---- what an earlier process left in another place ------------------------------- */

struct places {
	const struct cst_system *sys;
	int (*fn)(const struct places *p, const char *path, uint64_t page);
	struct cst_err *e;
};

static int in_mount(void *arg, const char *mount, uint64_t page)
{
	const struct places *p = arg;
	char path[sizeof(info.path)];

	if ((size_t)snprintf(path, sizeof(path), "%s/%s-tables", mount, instance(p->sys)) >=
	    sizeof(path))
		return 0;
	return p->fn(p, path, page);
}

/* Wherever tables go without an arena_path. */
static int each_place(struct places p)
{
	int ret = cst_huge_each(in_mount, &p);

	return ret != 0 ? ret : in_mount(&p, "/dev/shm", PAGE);
}

static int open_ours(const char *path, struct header *h)
{
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);

	if (fd >= 0 && read_header(fd, h))
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* 1: gone on with. */
static int attach_here(const struct places *p, const char *path, uint64_t page)
{
	struct header old;
	struct stat st;
	int fd, ret;

	if (page > PAGE && p->sys->hugepages == CST_HUGE_OFF)
		return 0;
	fd = open_ours(path, &old);
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) < 0)
		st.st_size = 0;
	close(fd);
	info.why_new = unfit(&old, st.st_size, (wanted.bytes + page - 1) & ~(page - 1));
	if (info.why_new != NULL)
		return 0;
	ret = map_file(path, page, p->e);
	return ret == 0 ? 1 : ret;
}

/* It keeps its pages for nothing; one that is in use is locked. */
static int remove_left(const struct places *p, const char *path, uint64_t page)
{
	struct header old;
	int fd = open_ours(path, &old);

	if (fd < 0)
		return 0;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0 && unlink(path) == 0)
		LOG_NOTICE("%s is removed: the tables are in %s now", path, info.path);
	close(fd);
	return 0;
}

static int find_place(const struct cst_system *sys, struct cst_err *e)
{
	int ret = 0;

	if (may_attach)
		ret = each_place((struct places){.sys = sys, .fn = attach_here, .e = e});
	if (ret != 0)
		return ret < 0 ? ret : 0;
	ret = map_huge(sys, e);
	return ret == 1 ? map_ordinary(sys, e) : ret;
}

static int map_sections(const struct cst_system *sys, struct cst_err *e)
{
	unsigned i = 0;
	int ret = lay_out(e);

	if (ret < 0)
		return ret;
	ret = sys->arena_path[0] == '\0' ? find_place(sys, e) : map_ordinary(sys, e);
	if (ret < 0)
		return ret;
	if (sys->arena_path[0] == '\0')
		each_place((struct places){.sys = sys, .fn = remove_left});
	for (struct cst_section *s = sections; s != NULL; s = s->next)
		s->base = (char *)map + map->dir[i++].offset;
	LOG_INFO("tables: %s, %llu MB, generation %llu%s", info.path,
		 (unsigned long long)info.bytes >> 20, (unsigned long long)info.generation,
		 info.attached ? ", attached" : "");
	return 0;
}

int cst_arena_map(const struct cst_system *sys, struct cst_err *e)
{
	may_attach = false;
	return map_sections(sys, e);
}

int cst_arena_attach(const struct cst_system *sys, uint64_t of, struct cst_err *e)
{
	may_attach = true;
	wanted_salt = of;
	return map_sections(sys, e);
}

void cst_arena_ready(void)
{
	if (map != NULL)
		__atomic_store_n(&map->ready, 1, __ATOMIC_RELEASE);
}

void cst_arena_crashed(void)
{
	if (map != NULL && info.attached)
		map->crashes++;
}

void cst_arena_settled(void)
{
	if (map != NULL)
		map->crashes = 0;
}

uint64_t cst_arena_salt(void)
{
	return map != NULL ? map->salt : 0;
}

void cst_arena_unmap(void)
{
	if (map != NULL)
		munmap(map, info.bytes);
	if (map_fd >= 0)
		close(map_fd); /* and with it the lock */
	map = NULL;
	map_fd = -1;
	memset(&info, 0, sizeof(info));
	while (sections != NULL) {
		sections->base = NULL;
		sections = sections->next;
	}
}

void cst_arena_info(struct cst_arena_info *out)
{
	*out = info;
}
