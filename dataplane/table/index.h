/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allocator of indices 1..n (0 is "none"), oldest-freed first so that a number
 * rests as long as possible before it is used again. Control thread only.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct cst_index;

struct cst_index *cst_index_new(uint32_t n);
void cst_index_destroy(struct cst_index *x);
uint32_t cst_index_alloc(struct cst_index *x);            /* 0: full */
bool cst_index_take(struct cst_index *x, uint32_t index); /* a given one; false: in use */
void cst_index_free(struct cst_index *x, uint32_t index);
uint32_t cst_index_used(const struct cst_index *x);
