/* SPDX-License-Identifier: BSD-3-Clause */
/* A store in a directory that goes with the test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "store.h"

static char base[64], dir[96];
static struct cst_err err;

/* Where syncs cost nothing, if there is such a place. */
static inline int setup(void **state)
{
	snprintf(base, sizeof(base), "%s/coast-store-XXXXXX",
		 access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	if (mkdtemp(base) == NULL)
		return -1;
	snprintf(dir, sizeof(dir), "%s/store", base);
	return 0;
}

static inline int teardown(void **state)
{
	char cmd[128];

	cst_store_close();
	snprintf(cmd, sizeof(cmd), "rm -rf '%s'", base);
	return system(cmd);
}

static inline void open_store(void)
{
	if (cst_store_open(dir, &err) < 0)
		fail_msg("open: %s", err.reason);
}

static inline void put(const char *key, const char *val)
{
	cst_store_put(CST_DB_OBJECT, key, strlen(key), val, strlen(val));
}

static inline void write_sync(void)
{
	if (cst_store_write(&err) < 0 || cst_store_sync(&err) < 0)
		fail_msg("write: %s", err.reason);
}

/* NULL: not there */
static inline void assert_value(const char *key, const char *want)
{
	const void *val;
	size_t n;
	int ret = cst_store_get(CST_DB_OBJECT, key, strlen(key), &val, &n);

	assert_int_equal(ret, want != NULL);
	if (want == NULL)
		return;
	assert_int_equal(n, strlen(want));
	assert_memory_equal(val, want, n);
}
