/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Start DPDK so that nobody has to know its arguments: CPUs, hugepages or
 * ordinary pages, no device until a port asks for one.
 */
#include <errno.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_pdump.h>

#include "engine/engine.h"
#include "engine/huge.h"
#include "engine/internal.h"
#include "log.h"

/* What DPDK and the nodes take beside packet buffers: rings, graphs, route tables. */
#define OTHER_BYTES (64ull << 20)
#define MB(bytes)   ((unsigned long long)((bytes) + (1 << 20) - 1) >> 20)

static struct cst_huge huge; /* in use when .mount is set */
static char prefix[64];
static FILE *log_stream;

/* ---- DPDK's log lines among ours ------------------------------------------------ */

static ssize_t log_write(void *cookie, const char *buf, size_t len)
{
	uint32_t level = (uint32_t)rte_log_cur_msg_loglevel();
	size_t n = len;

	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	if (n > 0)
		cst_log(level <= RTE_LOG_ERR       ? CST_LOG_ERR
			: level <= RTE_LOG_WARNING ? CST_LOG_WARN
						   : CST_LOG_DEBUG,
			"%.*s", (int)n, buf);
	return (ssize_t)len;
}

static void take_log(void)
{
	log_stream = fopencookie(NULL, "w", (cookie_io_functions_t){.write = log_write});
	if (log_stream == NULL)
		return; /* DPDK's own stderr serves */
	setvbuf(log_stream, NULL, _IOLBF, 512);
	rte_openlog_stream(log_stream);
}

/* ---- arguments ------------------------------------------------------------------ */

struct args {
	char *argv[32];
	int argc;
};

static struct args args; /* EAL keeps pointers into them */

static void add(struct args *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void add(struct args *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	va_end(ap);
	if (s != NULL && a->argc < (int)RTE_DIM(a->argv) - 1)
		a->argv[a->argc++] = s;
}

static unsigned spare_lcore = LCORE_ID_ANY;

unsigned cst_spare_lcore(void)
{
	return spare_lcore;
}

/* lcore 0 is the control thread's, lcore i + 1 worker i's, wherever they run; the last one is for
 * the slow path's thread to take the number of. */
static void add_cpus(struct args *a, const struct cst_cpus *cpus, uint16_t workers)
{
	char list[CST_MAX_WORKERS * 12 + 32];
	int n = snprintf(list, sizeof(list), "0@%u", cpus->control);

	for (uint16_t i = 0; i < workers; i++)
		n += snprintf(list + n, sizeof(list) - (size_t)n, ",%u@%u", i + 1u,
			      cpus->worker[i]);
	spare_lcore = workers + 1u;
	snprintf(list + n, sizeof(list) - (size_t)n, ",%u@%u", spare_lcore, cpus->control);
	add(a, "--lcores=%s", list);
	add(a, "--main-lcore=0");
}

static bool has_entries(const char *path)
{
	struct dirent *ent;
	bool found = false;
	DIR *d = opendir(path);

	if (d == NULL)
		return false;
	while (!found && (ent = readdir(d)) != NULL)
		found = ent->d_name[0] != '.';
	closedir(d);
	return found;
}

static bool vfio_noiommu(void)
{
	FILE *f = fopen("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "re");
	int c;

	if (f == NULL)
		return false;
	c = getc(f);
	fclose(f);
	return c == 'Y';
}

/* Physical addresses only for NICs without an IOMMU: virtual ones keep packet memory in one piece,
 * which AF_XDP wants. */
static bool wants_physical(void)
{
	return geteuid() == 0 && (has_entries("/sys/class/uio") || vfio_noiommu());
}

static void add_memory(struct args *a, const struct cst_system *sys)
{
	if (huge.mount[0] != '\0') {
		add(a, "--huge-dir=%s", huge.mount);
		/* few files, so that virtio-user can pass all of them to its peer */
		add(a, "--single-file-segments");
		add(a, "--iova-mode=%s", wants_physical() ? "pa" : "va");
	} else {
		add(a, "--no-huge");
		add(a, "-m");
		add(a, "%u", sys->memory_mb);
		add(a, "--iova-mode=va");
	}
}

/* ---- packet memory ---------------------------------------------------------------- */

/* Fill `huge` with what is usable; else say in `why` what is missing and what to do. */
static bool find_huge(const struct cst_system *sys, uint64_t want, char *why, size_t len)
{
	unsigned long long gb = (unsigned long long)(want + (1ull << 30) - 1) >> 30;
	int ret;

	cst_huge_clean(prefix); /* pages that a killed instance of this name still holds */
	if (!cst_huge_find(&huge, want) || huge.free < want) {
		snprintf(why, len,
			 "%llu MB of hugepages are free, %llu MB are wanted: reserve them with "
			 "'dpdk-hugepages.py --setup %lluG' or 'sysctl vm.nr_hugepages=%llu'",
			 (unsigned long long)huge.free >> 20, MB(want), gb, gb * 512);
		return false;
	}
	if (huge.mount[0] != '\0') {
		/* one left by an earlier start is as good as made by this one */
		huge.ours = strncmp(huge.mount, sys->run_dir, strlen(sys->run_dir)) == 0 &&
			    strncmp(huge.mount + strlen(sys->run_dir), "/huge-", 6) == 0;
		return true;
	}
	ret = cst_huge_mount(&huge, sys->run_dir);
	if (ret < 0)
		snprintf(why, len,
			 "hugepages are free, but no hugetlbfs is mounted that this user may "
			 "write, nor can one be (%s): 'mount -t hugetlbfs nodev /dev/hugepages'",
			 strerror(-ret));
	return ret == 0;
}

static int choose_memory(const struct cst_system *sys, struct cst_err *e)
{
	uint64_t want = cst_pool_bytes(sys) + OTHER_BYTES;
	char why[240];

	memset(&huge, 0, sizeof(huge));
	if (sys->hugepages != CST_HUGE_OFF && find_huge(sys, want, why, sizeof(why)))
		return 0;
	huge.mount[0] = '\0';
	if (sys->hugepages == CST_HUGE_ON)
		return cst_err(e, -ENOMEM, "system.hugepages", "%s", why);
	if (cst_pool_bytes(sys) > (uint64_t)sys->memory_mb << 20)
		return cst_err(e, -ENOMEM, "system.memory_mb",
			       "%u packet buffers of %u bytes want %llu MB, memory_mb is %u",
			       sys->packet_buffers, sys->buffer_size, MB(want), sys->memory_mb);
	if (sys->hugepages == CST_HUGE_AUTO)
		LOG_NOTICE("packets live in ordinary pages, which is slower: %s", why);
	return 0;
}

/* ---- up and down -------------------------------------------------------------------- */

static int init_failed(struct cst_err *e)
{
	/* nothing set: it could not get the lock of that name */
	int code = rte_errno != 0 ? rte_errno : EBUSY;

	if (code == EAGAIN || code == EALREADY || code == EBUSY)
		return cst_err(e, -code, "system.name",
			       "DPDK does not start (%s): does another instance named '%s' run?",
			       rte_strerror(code), prefix);
	if (geteuid() != 0)
		return cst_err(e, -code, NULL,
			       "DPDK does not start (%s): start as root, or set 'hugepages: off' "
			       "and use only ports that need no privilege (pcap, null)",
			       rte_strerror(code));
	return cst_err(e, -code, NULL, "DPDK does not start: %s; see the lines above",
		       rte_strerror(code));
}

int cst_eal_start(const struct cst_system *sys, struct cst_err *e)
{
	char *argv[RTE_DIM(args.argv)];
	struct cst_cpus cpus;
	int ret;

	if (sys->workers < 1 || sys->workers > CST_MAX_WORKERS)
		return cst_err(e, -ERANGE, "system.workers", "1 to %d", CST_MAX_WORKERS);
	snprintf(prefix, sizeof(prefix), "%s", sys->name[0] != '\0' ? sys->name : "coast");
	ret = cst_cpus_choose(sys, &cpus, e);
	if (ret < 0)
		return ret;
	ret = choose_memory(sys, e);
	if (ret < 0)
		return ret;
	add(&args, "coastd");
	add_cpus(&args, &cpus, sys->workers);
	add(&args, "--file-prefix=%s", prefix);
	/* An allow-list that allows nothing: NICs are probed when a port names them. */
	add(&args, "--allow=0000:00:00.0");
	if (!cst_log_on(CST_LOG_DEBUG)) /* it warns of what nobody asked for */
		add(&args, "--log-level=lib.telemetry:error");
	add(&args, "--log-level=*:%s", cst_log_on(CST_LOG_DEBUG) ? "info" : "warning");
	add_memory(&args, sys);
	take_log();
	memcpy(argv, args.argv, sizeof(argv)); /* EAL moves them about */
	if (rte_eal_init(args.argc, argv) < 0)
		return init_failed(e);
	/* dpdk-dumpcap asks for it; without a second process it costs nothing */
	if (rte_pdump_init() < 0)
		LOG_WARN("dpdk-dumpcap will not work here: %s", rte_strerror(rte_errno));
	ret = cst_pool_create(sys, e);
	if (ret < 0)
		cst_eal_stop();
	return ret;
}

/* DPDK leaves its run-time files for the next start of the same name; after a clean stop nobody
 * reads them. */
static void remove_dir(const char *path)
{
	struct dirent *ent;
	DIR *d = opendir(path);

	if (d == NULL)
		return;
	while ((ent = readdir(d)) != NULL)
		unlinkat(dirfd(d), ent->d_name, 0);
	closedir(d);
	rmdir(path);
}

void cst_eal_stop(void)
{
	char dir[256];

	snprintf(dir, sizeof(dir), "%s", rte_eal_get_runtime_dir());
	cst_pool_destroy();
	rte_pdump_uninit();
	spare_lcore = LCORE_ID_ANY;
	rte_eal_cleanup();
	remove_dir(dir);
	cst_huge_clean(prefix);
	if (huge.mount[0] != '\0')
		cst_huge_unmount(&huge);
	rte_openlog_stream(NULL);
	if (log_stream != NULL)
		fclose(log_stream);
	log_stream = NULL;
	while (args.argc > 0)
		free(args.argv[--args.argc]);
}
