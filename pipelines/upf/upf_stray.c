/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_stray.h"

#include <stddef.h>

#define REMOVED UINT32_MAX

static uint64_t mix(uint64_t x)
{
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	x ^= x >> 32;
	x *= 0xd6e8feb86659fd93ull;
	return x ^ x >> 32;
}

static uint32_t start_of(const struct upf_stray_table *t, uint32_t kind, uint64_t key)
{
	return (uint32_t)mix(mix(key ^ t->seed) + kind) & t->mask;
}

void upf_stray_init(struct upf_stray_table *t, struct upf_stray *e, uint32_t size, uint64_t seed)
{
	*t = (struct upf_stray_table){.e = e, .mask = size - 1, .seed = seed};
	for (uint32_t i = 0; i < size; i++) {
		uint32_t far;

		if (e[i].kind == 0 || e[i].kind == REMOVED)
			continue;
		far = (i - start_of(t, e[i].kind, e[i].key)) & t->mask;
		if (far > t->longest)
			t->longest = far;
		t->used++;
	}
}

static bool holds(const struct upf_stray *e, uint32_t kind, uint64_t key)
{
	return __atomic_load_n(&e->kind, __ATOMIC_ACQUIRE) == kind &&
	       __atomic_load_n(&e->key, __ATOMIC_ACQUIRE) == key;
}

uint32_t upf_stray_find(const struct upf_stray_table *t, uint32_t kind, uint64_t key)
{
	uint32_t longest = __atomic_load_n(&t->longest, __ATOMIC_ACQUIRE);
	uint32_t i = start_of(t, kind, key);

	for (uint32_t n = 0; n <= longest; n++, i = (i + 1) & t->mask) {
		const struct upf_stray *e = &t->e[i];
		uint32_t ref;

		if (__atomic_load_n(&e->kind, __ATOMIC_ACQUIRE) == 0)
			return 0;
		if (!holds(e, kind, key))
			continue;
		ref = __atomic_load_n(&e->ref, __ATOMIC_ACQUIRE);
		/* The entry may have changed hands in between; the ref of the new key is stored
		 * last. */
		if (holds(e, kind, key))
			return ref;
	}
	return 0;
}

struct upf_stray *upf_stray_get(const struct upf_stray_table *t, uint32_t kind, uint64_t key)
{
	uint32_t i = start_of(t, kind, key);

	for (uint32_t n = 0; n <= t->longest && t->e[i].kind != 0; n++, i = (i + 1) & t->mask)
		if (t->e[i].kind == kind && t->e[i].key == key)
			return &t->e[i];
	return NULL;
}

struct upf_stray *upf_stray_take(struct upf_stray_table *t, uint32_t kind, uint64_t key)
{
	uint32_t i = start_of(t, kind, key);
	uint32_t n = 0;

	/* A quarter stays free, so that searches are short. */
	if (t->used > t->mask - t->mask / 4)
		return NULL;
	for (; t->e[i].kind != 0 && t->e[i].kind != REMOVED; i = (i + 1) & t->mask)
		n++;
	if (n > t->longest)
		__atomic_store_n(&t->longest, n, __ATOMIC_RELEASE);
	t->used++;
	__atomic_store_n(&t->e[i].key, key, __ATOMIC_RELEASE);
	__atomic_store_n(&t->e[i].kind, kind, __ATOMIC_RELEASE);
	return &t->e[i];
}

void upf_stray_set(struct upf_stray *e, uint32_t ref)
{
	__atomic_store_n(&e->ref, ref, __ATOMIC_RELEASE);
}

void upf_stray_remove(struct upf_stray_table *t, struct upf_stray *e)
{
	uint32_t i = (uint32_t)(e - t->e);

	__atomic_store_n(&e->ref, 0, __ATOMIC_RELEASE);
	__atomic_store_n(&e->kind, REMOVED, __ATOMIC_RELEASE);
	t->used--;
	/* A search that comes by a removed entry in front of an empty one ends there anyway. */
	if (t->e[(i + 1) & t->mask].kind != 0)
		return;
	for (; t->e[i].kind == REMOVED; i = (i - 1) & t->mask) {
		__atomic_store_n(&t->e[i].kind, 0, __ATOMIC_RELEASE);
		t->e[i].key = 0;
	}
}
