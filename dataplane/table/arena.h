/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena: one mapped file that holds every record and every counter, made
 * of named sections of fixed-size elements, reached by index and never by
 * pointer (law 5). File layout: header page (magic, version, layout hash,
 * generation, section directory), then the sections, each page-aligned. The
 * layout hash covers names, element sizes, versions and counts, so a file of
 * another layout is never mistaken for ours. One process at a time: the file is locked
 * for as long as it is mapped. Control thread only.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "module.h"

struct cst_section {
	const char *name;   /* "upf.lines", at most 39 characters, unique */
	uint32_t elem_size; /* bytes */
	uint32_t version;   /* raised when its bytes mean something else at the same size */
	uint64_t count;     /* elements */
	void *base;         /* set by the two below */
	struct cst_section *next;
};

/* In a module's reserve(). The section object is the caller's and static. */
void cst_arena_add(struct cst_section *s);

/* Map all sections, zeroed. The file is arena_path; else NAME-tables on a hugetlbfs that has twice
 * the room, else in /dev/shm, sparse. A file of another layout is replaced whole or not at all; the
 * generation goes on from the old one's. -EWOULDBLOCK: another process has it; -ENOSPC: no room.
 * The file stays after the end, for the next start; what one of these has left in another place is
 * removed. */
int cst_arena_map(const struct cst_system *sys, struct cst_err *e);
/* The same, but go on with what an earlier process left when it is whole, of this layout and of
 * this boot (times are TSC), has the salt `of` (0: any), and coastd did not crash with it again and
 * again: info.attached. Nothing in it has been checked yet. Without an arena_path such a file is
 * looked for in each place, whichever has room now. */
int cst_arena_attach(const struct cst_system *sys, uint64_t of, struct cst_err *e);
/* What is in it is whole from now on, at any moment: the next one may attach it. */
void cst_arena_ready(void);
/* From a handler of SIGSEGV and the like (async-signal-safe), and once all has gone well. */
void cst_arena_crashed(void);
void cst_arena_settled(void);
/* A random number that stays with what is in it: for the seeds of hashes. */
uint64_t cst_arena_salt(void);
/* Also forgets the sections: the next start declares them anew. */
void cst_arena_unmap(void);

struct cst_arena_info {
	char path[256];
	uint64_t bytes, generation, layout_hash;
	bool huge;
	bool attached;       /* else its memory was zero at first */
	const char *why_new; /* tables were there but could not be gone on with; else NULL */
};
void cst_arena_info(struct cst_arena_info *info);
