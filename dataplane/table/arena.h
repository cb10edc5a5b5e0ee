/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The arena: one mapped file that holds every record and every counter, made
 * of named sections of fixed-size elements, reached by index and never by
 * pointer (law 5). File layout: header page (magic, version, layout hash,
 * generation, section directory), then the sections, each page-aligned. The
 * layout hash covers names, element sizes and counts, so a file of another
 * layout is never mistaken for ours.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "module.h"

struct cst_section {
	const char *name;   /* "upf.lines" */
	uint32_t elem_size; /* bytes */
	uint64_t count;     /* elements */
	void *base;         /* set by cst_arena_map; zeroed memory on first use */
	struct cst_section *next;
};

/* In a module's reserve(). The section object is the caller's and static. */
void cst_arena_add(struct cst_section *s);

/* Map all sections. Creates the file; unlinks nothing. */
int cst_arena_map(const struct cst_system *sys, struct cst_err *e);
void cst_arena_unmap(void);

struct cst_arena_info {
	char path[256];
	uint64_t bytes, generation, layout_hash;
	bool huge;
};
void cst_arena_info(struct cst_arena_info *info);
