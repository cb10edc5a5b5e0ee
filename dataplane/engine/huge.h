/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel has in hugepages and where they are mounted. Control thread,
 * start-up only; no DPDK in here, so that the arena and its test can use it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct cst_huge {
	uint64_t page_size; /* bytes */
	uint64_t free;      /* bytes not used or reserved by anybody */
	char mount[128];    /* hugetlbfs of that page size; "": none is mounted */
	bool ours;          /* made by cst_huge_mount() */
};

/* The page size with most free memory; false: no hugepage is free. A mounted size is preferred
 * to an unmounted one when it holds at least `want` bytes. */
bool cst_huge_find(struct cst_huge *h, uint64_t want);

/* Each hugetlbfs that can be written to; what `fn` returns other than 0 ends it and is returned. */
int cst_huge_each(int (*fn)(void *arg, const char *mount, uint64_t page_size), void *arg);

/* Mount a hugetlbfs of h->page_size under `run_dir`. Fills h->mount; negative errno. */
int cst_huge_mount(struct cst_huge *h, const char *run_dir);
/* Undo that, unless something still lies in it, as the arena of the next start does. */
void cst_huge_unmount(const struct cst_huge *h);

/* Remove the page files that a DPDK process of this prefix left on any hugetlbfs; those of one
 * that still runs are locked and stay. */
void cst_huge_clean(const char *prefix);
