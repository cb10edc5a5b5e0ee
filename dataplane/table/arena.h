/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena: one mapped file that holds every record and every counter, made
 * of named sections of fixed-size elements, reached by index and never by
 * pointer (law 5). File layout: header page (magic, version, layout hash,
 * generation, section directory), then the sections, each page-aligned. The
 * layout hash covers names, element sizes and counts, so a file of another
 * layout is never mistaken for ours. One process at a time: the file is locked
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
	uint64_t count;     /* elements */
	void *base;         /* set by cst_arena_map; zeroed memory on first use */
	struct cst_section *next;
};

/* In a module's reserve(). The section object is the caller's and static. */
void cst_arena_add(struct cst_section *s);

/* Map all sections, zeroed. The file is arena_path; else NAME-tables on a hugetlbfs that has twice
 * the room, else in /dev/shm, sparse. A file of another layout is replaced whole or not at all; the
 * generation goes on from the old one's. -EWOULDBLOCK: another process has it; -ENOSPC: no room.
 * The file stays after the end, for the next start. */
int cst_arena_map(const struct cst_system *sys, struct cst_err *e);
/* Also forgets the sections: the next start declares them anew. */
void cst_arena_unmap(void);

struct cst_arena_info {
	char path[256];
	uint64_t bytes, generation, layout_hash;
	bool huge;
};
void cst_arena_info(struct cst_arena_info *info);
