/* SPDX-License-Identifier: BSD-3-Clause */
/* How fast the store is on the disk of a directory: store_bench DIRECTORY [ENTRIES]. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "now.h"
#include "store.h"

#define VALUE 500

static struct cst_err err;
static const char *dir;
static uint8_t value[VALUE];

static double now(void)
{
	return cst_now_ns() * 1e-9;
}

static void must(int ret)
{
	if (ret >= 0)
		return;
	fprintf(stderr, "store_bench: %s\n", err.reason);
	exit(1);
}

static void put(uint64_t id)
{
	uint64_t key = __builtin_bswap64(id);

	memcpy(value, &id, sizeof(id));
	cst_store_put(CST_DB_SESSION, &key, sizeof(key), value, sizeof(value));
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static uint64_t random_id(uint64_t entries)
{
	return ((uint64_t)random() << 31 | random()) % entries;
}

/* Batches of changes to random entries, each on disk before the next one. */
static void change(unsigned batch, unsigned rounds, uint64_t entries)
{
	double *took = calloc(rounds, sizeof(*took)), start = now(), total;

	for (unsigned i = 0; i < rounds; i++) {
		double before = now();

		for (unsigned k = 0; k < batch; k++)
			put(random_id(entries));
		must(cst_store_write(&err));
		must(cst_store_sync(&err));
		took[i] = now() - before;
	}
	total = now() - start;
	qsort(took, rounds, sizeof(*took), by_value);
	printf("batches of %4u: %8.0f changes/s, a batch p50 %.0f us, p99 %.0f us\n", batch,
	       batch * rounds / total, took[rounds / 2] * 1e6, took[rounds * 99 / 100] * 1e6);
	free(took);
}

static void fill(uint64_t entries)
{
	double start = now();

	for (uint64_t i = 0; i < entries; i++) {
		put(i);
		if (i % 1000 == 999 || i + 1 == entries)
			must(cst_store_write(&err));
	}
	must(cst_store_sync(&err));
	printf("fill of %llu: %.2f s\n", (unsigned long long)entries, now() - start);
}

static int count(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	++*(uint64_t *)arg;
	return 0;
}

static void walk(const char *what)
{
	double start = now();
	uint64_t n = 0;

	must(cst_store_each(CST_DB_SESSION, NULL, 0, count, &n));
	printf("%s: each() over %llu: %.3f s\n", what, (unsigned long long)n, now() - start);
}

static void reopen(const char *what)
{
	double start = now(), checked;

	cst_store_precheck(dir);
	checked = now();
	must(cst_store_open(dir, &err));
	printf("%s: open with check: %.3f s (begun in %.3f s)\n", what, now() - start,
	       checked - start);
}

static void killed(uint64_t entries, unsigned rounds)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		must(cst_store_open(dir, &err));
		for (unsigned i = 0; i < rounds; i++) {
			for (unsigned k = 0; k < 100; k++)
				put(random_id(entries));
			must(cst_store_write(&err));
			must(cst_store_sync(&err));
		}
		raise(9);
	}
	waitpid(pid, &status, 0);
}

int main(int argc, char **argv)
{
	uint64_t entries = argc > 2 ? strtoull(argv[2], NULL, 0) : 1000000;
	struct cst_store_state st;

	if (argc < 2) {
		fputs("Usage: store_bench DIRECTORY [ENTRIES]\n", stderr);
		return 2;
	}
	dir = argv[1];
	must(cst_store_open(dir, &err));
	fill(entries);
	walk("after the fill");
	walk("again");
	change(1, 500, entries);
	change(100, 2000, entries);
	change(1000, 300, entries);
	cst_store_state(&st);
	printf("behind by %llu batches, log %llu MB, LMDB %llu MB\n",
	       (unsigned long long)(st.batches - st.carried),
	       (unsigned long long)st.log_bytes >> 20, (unsigned long long)st.db_bytes >> 20);
	walk("after the changes");
	cst_store_close();
	reopen("after close");
	cst_store_close();
	killed(entries, 1000);
	reopen("after kill");
	walk("after kill");
	cst_store_close();
	return 0;
}
