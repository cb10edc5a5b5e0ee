/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a part of coastd gives the start-up: modules register themselves, main
 * names none of them. All hooks run in the control thread, in rising `order`
 * (stop: falling). A hook may be NULL.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define CST_MAX_WORKERS 32

/* Start-up parameters (the `system` object); fixed until the next start. */
struct cst_system {
	uint16_t workers; /* 1..CST_MAX_WORKERS */
	char cpus[256];   /* "": chosen; else "control@workers" list such as "0@1-3" */
	bool busy;        /* true: poll without rest; false: adaptive back-off */
	enum { CST_HUGE_AUTO, CST_HUGE_ON, CST_HUGE_OFF } hugepages;
	uint32_t memory_mb;      /* packet memory when there are no hugepages */
	uint32_t packet_buffers; /* count */
	uint32_t buffer_size;    /* bytes of packet data per buffer, headroom excluded */
	uint32_t max_sessions;   /* capacity of the session tables */
	uint32_t max_pdrs;       /* capacity, PDRs in all sessions together */
	uint32_t max_addresses;  /* capacity, addresses in all UE pools together */
	uint32_t max_streams;    /* capacity, streams of prer */
	uint32_t big_loop_us;    /* alarm when one walk takes longer */
	uint32_t journal_mb;     /* bound of the journal of events, */
	uint32_t journal_hours;  /* and how old they may be */
	char name[32];           /* instance name: file prefix, run-time directory */
	char run_dir[108];       /* sockets and arena fall-back; "/run/coast" */
	char arena_path[200];    /* "": chosen (hugetlbfs when it fits, else tmpfs) */
	char store[200];         /* directory that the instance's store lies in; "": none */
};

struct cst_module {
	const char *name;
	int order; /* 0 engine, 10 tables, 20 net, 30 slices */
	/* Before memory is mapped: declare arena sections (table/arena.h). */
	int (*reserve)(const struct cst_system *sys, struct cst_err *e);
	/* Memory and EAL are up, workers not yet running. */
	int (*start)(const struct cst_system *sys, struct cst_err *e);
	/* Workers run, and packets go by what the arena has; nobody can call yet. Bring back what
	 * the store has. */
	int (*resume)(struct cst_err *e);
	/* Every 100 ms or so. `now_ms` is CLOCK_MONOTONIC. Must not block. */
	void (*tick)(uint64_t now_ms);
	/* Workers have stopped. */
	void (*stop)(void);
	struct cst_module *next;
};

void cst_module_add(struct cst_module *m);
int cst_modules_reserve(const struct cst_system *sys, struct cst_err *e);
int cst_modules_start(const struct cst_system *sys, struct cst_err *e);
int cst_modules_resume(struct cst_err *e);
void cst_modules_tick(uint64_t now_ms);
void cst_modules_stop(void);

#define CST_MODULE(mod)                                                           \
	static void __attribute__((constructor, used)) cst_module_reg_##mod(void) \
	{                                                                         \
		cst_module_add(&mod);                                             \
	}                                                                         \
	struct cst_swallow_semicolon
