/* SPDX-License-Identifier: BSD-3-Clause */
/* Lives of coastd, one after the other, with arena and store between them. */
#pragma once

#include "upf_ctl_test.h"

#include <ftw.h>

#include "store.h"
#include "upf_restore.h"

static char dir[64], arena[80];
static uint32_t addresses;
static void (*make_pools)(void);

/* ---- lives of coastd ----------------------------------------------------------------- */

static inline void begin_life(uint32_t sessions)
{
	struct cst_system sys = {.max_sessions = sessions,
				 .max_pdrs = 4 * sessions,
				 .max_addresses = addresses,
				 .hugepages = CST_HUGE_OFF};

	snprintf(sys.arena_path, sizeof(sys.arena_path), "%s", arena);
	if (cst_store_open(dir, &err) < 0)
		fail_msg("%s", err.reason);
	assert_int_equal(upf_tables_module.reserve(&sys, &err), 0);
	if (cst_arena_attach(&sys, 0, &err) != 0)
		fail_msg("%s", err.reason);
	assert_int_equal(upf_tables_module.start(&sys, &err), 0);
	make_pools();
}

static inline void resume(struct upf_restored *out)
{
	assert_int_equal(cst_modules_resume(&err), 0);
	cst_arena_ready();
	upf_restored(out);
}

/* Nothing is put in order, as when a process is killed. */
static inline void end_life(void)
{
	upf_tables_module.stop();
	cst_arena_unmap();
	cst_store_close();
}

static inline void next_life(struct upf_restored *out)
{
	end_life();
	begin_life(500);
	resume(out);
}

static inline int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline int setup(void **state)
{
	static unsigned n;
	struct upf_restored r;

	(void)state;
	snprintf(dir, sizeof(dir), "/tmp/upf-restore-%d-%u", getpid(), n++);
	snprintf(arena, sizeof(arena), "/dev/shm/upf-restore-%d", getpid());
	addresses = 400000;
	make_pools = open_pools;
	begin_life(500);
	resume(&r);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	end_life();
	nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	unlink(arena);
	return 0;
}
