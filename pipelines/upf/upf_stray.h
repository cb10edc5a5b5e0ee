/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hash of what has no place of its own: TEIDs that a control plane chose, UE
 * addresses outside pools. Open addressing in an arena section, one writer (the
 * control thread), readers without locks.
 *
 * An entry is taken at plan time with ref 0, which readers take for none, so
 * that commit, a single store, cannot fail.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "addr.h"

struct upf_stray {
	uint64_t key;
	uint32_t kind; /* UPF_STRAY_*(); 0: never used, ends a search; ~0: removed */
	uint32_t ref;  /* 0: taken but not live */
};

#define UPF_STRAY_TEID(vrf) (((uint32_t)(vrf) << 8) | 1)
#define UPF_STRAY_V4(vrf)   (((uint32_t)(vrf) << 8) | 4)
#define UPF_STRAY_V6(vrf)   (((uint32_t)(vrf) << 8) | 6)

struct upf_stray_table {
	struct upf_stray *e; /* [mask + 1] */
	uint32_t mask;
	uint32_t used;    /* taken entries */
	uint32_t longest; /* no entry is further from where its search starts; only grows */
	uint64_t seed;    /* control planes choose the keys */
};

extern struct upf_stray_table upf_strays; /* the one that is live (upf_tables.c) */

/* `size` is a power of two; the memory is zero, or that of an earlier table with this seed. */
void upf_stray_init(struct upf_stray_table *t, struct upf_stray *e, uint32_t size, uint64_t seed);

/* Any thread. The ref, 0: none. */
uint32_t upf_stray_find(const struct upf_stray_table *t, uint32_t kind, uint64_t key);

/* Control thread. */
struct upf_stray *upf_stray_get(const struct upf_stray_table *t, uint32_t kind, uint64_t key);
/* Take an entry that is not there yet, with ref 0. NULL: full. */
struct upf_stray *upf_stray_take(struct upf_stray_table *t, uint32_t kind, uint64_t key);
void upf_stray_set(struct upf_stray *e, uint32_t ref);
void upf_stray_remove(struct upf_stray_table *t, struct upf_stray *e);

/* Key of an IPv4 address, or of the /64 of an IPv6 one. */
static inline uint64_t upf_stray_key(const struct cst_ip *ip)
{
	return ip->family == 4 ? ip->v4 : ip->d[0];
}
