/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocator of runs of 64-byte lines in an arena section: where compiled rule
 * sets live. Control thread only; the books are kept in ordinary memory, the
 * section holds nothing but records. O(1); size classes 1,2,3,4,6,8,12,16,...
 * so that at most a third is lost.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cst_lines;

struct cst_lines *cst_lines_new(void *base, uint32_t count);
void cst_lines_free_all(struct cst_lines *l);
/* Index of the first of n lines (never 0: 0 means "none"), or 0 when full. Not zeroed. */
uint32_t cst_lines_alloc(struct cst_lines *l, uint32_t n);
void cst_lines_free(struct cst_lines *l, uint32_t first, uint32_t n);
/* Runs that were in use before, in rising order and before the first alloc. False: it does not lie
 * behind the one before, or not in the section. */
bool cst_lines_take(struct cst_lines *l, uint32_t first, uint32_t n);
uint32_t cst_lines_used(const struct cst_lines *l);

static inline void *cst_line(void *base, uint32_t index)
{
	return (char *)base + (uint64_t)index * 64;
}
