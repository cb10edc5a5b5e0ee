/* SPDX-License-Identifier: BSD-3-Clause */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "engine/huge.h"

#define SYS_HUGE "/sys/kernel/mm/hugepages"

static uint64_t read_number(const char *dir, const char *file)
{
	char path[256];
	unsigned long long v = 0;
	FILE *f;

	snprintf(path, sizeof(path), SYS_HUGE "/%.64s/%s", dir, file);
	f = fopen(path, "re");
	if (f == NULL)
		return 0;
	if (fscanf(f, "%llu", &v) != 1)
		v = 0;
	fclose(f);
	return v;
}

/* A hugetlbfs tells its page size as its block size. */
int cst_huge_each(int (*fn)(void *arg, const char *mount, uint64_t page_size), void *arg)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	struct statfs st;
	int ret = 0;

	if (f == NULL)
		return 0;
	while (ret == 0 && (m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_type, "hugetlbfs") == 0 && statfs(m->mnt_dir, &st) == 0 &&
		    access(m->mnt_dir, R_OK | W_OK | X_OK) == 0)
			ret = fn(arg, m->mnt_dir, (uint64_t)st.f_bsize);
	endmntent(f);
	return ret;
}

static int take_mount(void *arg, const char *mount, uint64_t page_size)
{
	struct cst_huge *h = arg;

	if (page_size != h->page_size || strlen(mount) >= sizeof(h->mount))
		return 0;
	snprintf(h->mount, sizeof(h->mount), "%s", mount);
	return 1;
}

/* Enough beats not enough, then mounted beats unmounted, then more beats less. */
static bool better(const struct cst_huge *a, const struct cst_huge *b, uint64_t want)
{
	if ((a->free >= want) != (b->free >= want))
		return a->free >= want;
	if ((a->mount[0] != '\0') != (b->mount[0] != '\0') && a->free >= want)
		return a->mount[0] != '\0';
	return a->free > b->free;
}

bool cst_huge_find(struct cst_huge *h, uint64_t want)
{
	struct dirent *ent;
	DIR *d = opendir(SYS_HUGE);

	memset(h, 0, sizeof(*h));
	if (d == NULL)
		return false;
	while ((ent = readdir(d)) != NULL) {
		struct cst_huge x = {0};
		unsigned long long kb;
		uint64_t pages, reserved;

		if (sscanf(ent->d_name, "hugepages-%llukB", &kb) != 1)
			continue;
		x.page_size = kb * 1024;
		pages = read_number(ent->d_name, "free_hugepages");
		reserved = read_number(ent->d_name, "resv_hugepages");
		x.free = (pages > reserved ? pages - reserved : 0) * x.page_size;
		if (x.free == 0)
			continue;
		cst_huge_each(take_mount, &x);
		if (h->page_size == 0 || better(&x, h, want))
			*h = x;
	}
	closedir(d);
	return h->page_size != 0;
}

int cst_huge_mount(struct cst_huge *h, const char *run_dir)
{
	char dir[sizeof(h->mount)], opt[64];

	if ((size_t)snprintf(dir, sizeof(dir), "%s/huge-%llukB", run_dir,
			     (unsigned long long)h->page_size / 1024) >= sizeof(dir))
		return -ENAMETOOLONG;
	if (mkdir(dir, 0700) < 0 && errno != EEXIST)
		return -errno;
	snprintf(opt, sizeof(opt), "pagesize=%lluK,mode=0700",
		 (unsigned long long)h->page_size / 1024);
	if (mount("coast", dir, "hugetlbfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, opt) < 0)
		return -errno;
	memcpy(h->mount, dir, sizeof(dir));
	h->ours = true;
	return 0;
}

static bool is_empty(const char *path)
{
	struct dirent *ent;
	DIR *d = opendir(path);
	bool empty = d != NULL;

	while (empty && (ent = readdir(d)) != NULL)
		empty = ent->d_name[0] == '.';
	if (d != NULL)
		closedir(d);
	return empty;
}

void cst_huge_unmount(const struct cst_huge *h)
{
	if (h->ours && is_empty(h->mount) && umount(h->mount) == 0)
		rmdir(h->mount);
}

static void clean_mount(const char *mount_dir, const char *start)
{
	struct dirent *ent;
	DIR *d = opendir(mount_dir);

	if (d == NULL)
		return;
	while ((ent = readdir(d)) != NULL) {
		int fd;

		if (strncmp(ent->d_name, start, strlen(start)) != 0)
			continue;
		fd = openat(dirfd(d), ent->d_name, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			continue;
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			unlinkat(dirfd(d), ent->d_name, 0);
		close(fd);
	}
	closedir(d);
}

void cst_huge_clean(const char *prefix)
{
	FILE *f = setmntent("/proc/self/mounts", "re");
	struct mntent *m;
	char start[96];

	if (f == NULL)
		return;
	snprintf(start, sizeof(start), "%smap_", prefix); /* EAL's names for them */
	while ((m = getmntent(f)) != NULL)
		if (strcmp(m->mnt_type, "hugetlbfs") == 0)
			clean_mount(m->mnt_dir, start);
	endmntent(f);
}
