/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Writes numbered batches and says which are acknowledged; or looks for them.
 *
 *	powerloss_store write DIRECTORY ACK BATCHES BYTES
 *	powerloss_store check DIRECTORY ACKNOWLEDGED
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "store.h"

#define PARTS 5

static struct cst_err err;

static int failed(const char *what)
{
	fprintf(stderr, "powerloss_store: %s: %s\n", what, err.reason);
	return 1;
}

/* Every part of a batch says its number: all parts of the same age. */
static void put_batch(uint32_t i, uint32_t *val, size_t bytes)
{
	char key[32];

	for (size_t k = 0; k < bytes / sizeof(*val); k++)
		val[k] = i;
	for (unsigned part = 0; part < PARTS; part++) {
		snprintf(key, sizeof(key), "part-%u", part);
		cst_store_put(CST_DB_OBJECT, key, strlen(key), val, bytes / PARTS);
	}
	snprintf(key, sizeof(key), "%08u", i);
	cst_store_put(CST_DB_SESSION, key, strlen(key), &i, sizeof(i));
	if (i >= 100)
		snprintf(key, sizeof(key), "%08u", i - 100);
	if (i >= 100)
		cst_store_del(CST_DB_SESSION, key, strlen(key));
}

static int write_batches(const char *dir, const char *ack_path, uint32_t batches, size_t bytes)
{
	int ack = open(ack_path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	uint32_t *val = malloc(bytes);

	if (ack < 0 || val == NULL || cst_store_open(dir, &err) < 0)
		return failed("open");
	for (uint32_t i = 1; i <= batches; i++) {
		char line[16];
		int n = snprintf(line, sizeof(line), "%u\n", i);

		put_batch(i, val, bytes);
		if (cst_store_write(&err) < 0)
			return failed("write");
		/* several batches to a sync, and time for the store's thread */
		if (i % 3 == 0 && (cst_store_sync(&err) < 0 || write(ack, line, n) != n))
			return failed("sync");
		if (i % 30 == 0)
			usleep(350000);
	}
	cst_store_close();
	return 0;
}

static uint32_t number(enum cst_db db, const char *key)
{
	uint32_t i = 0;
	const void *val;
	size_t n;

	if (cst_store_get(db, key, strlen(key), &val, &n) == 1)
		memcpy(&i, val, sizeof(i));
	return i;
}

static int check(const char *dir, uint32_t acknowledged)
{
	uint32_t last;
	char key[32];

	cst_log_set_level(CST_LOG_ERR);
	if (cst_store_open(dir, &err) < 0)
		return failed("open");
	last = number(CST_DB_OBJECT, "part-0");
	if (last < acknowledged)
		return fprintf(stderr, "%u is lost, the last is %u\n", acknowledged, last), 1;
	for (unsigned part = 1; part < PARTS; part++) {
		snprintf(key, sizeof(key), "part-%u", part);
		if (number(CST_DB_OBJECT, key) != last)
			return fprintf(stderr, "%u is there by half\n", last), 1;
	}
	for (uint32_t i = 1; i <= last + 10; i++) {
		bool want = i <= last && i + 100 > last;

		snprintf(key, sizeof(key), "%08u", i);
		if (number(CST_DB_SESSION, key) != (want ? i : 0))
			return fprintf(stderr, "%u is wrong, the last is %u\n", i, last), 1;
	}
	cst_store_close();
	printf("%u\n", last);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "write") == 0)
		return write_batches(argv[2], argv[3], atoi(argv[4]), atoi(argv[5]));
	if (argc == 4 && strcmp(argv[1], "check") == 0)
		return check(argv[2], atoi(argv[3]));
	fputs("powerloss_store: wrong arguments\n", stderr);
	return 2;
}
