/* SPDX-License-Identifier: BSD-3-Clause */
#include "capture/ring.h"

#include <stddef.h>

#define MASK (CST_CAPTURE_RING - 1)

_Static_assert((CST_CAPTURE_RING & MASK) == 0, "a power of two");
_Static_assert(sizeof(struct cst_capture_record) % 8 == 0, "whole words");

/* `size` bytes in one piece at ring->next, after what cannot be used before the ring's end. */
static bool make_room(struct cst_capture_ring *r, uint32_t size)
{
	uint32_t left = CST_CAPTURE_RING - (uint32_t)(r->next & MASK);
	uint64_t need = size <= left ? size : (uint64_t)left + size;

	if (r->next + need - r->seen > CST_CAPTURE_RING)
		r->seen = atomic_load_explicit(&r->tail, memory_order_acquire);
	if (r->next + need - r->seen > CST_CAPTURE_RING)
		return false;
	if (size > left) {
		((struct cst_capture_record *)&r->bytes[r->next & MASK])->size = 0;
		r->next += left;
	}
	return true;
}

struct cst_capture_record *cst_capture_push(struct cst_capture_ring *r, uint32_t cap)
{
	uint32_t size = (uint32_t)RTE_ALIGN_CEIL(sizeof(struct cst_capture_record) + cap, 8);
	struct cst_capture_record *rec;

	if (!make_room(r, size)) {
		__atomic_store_n(&r->lost, r->lost + 1, __ATOMIC_RELAXED);
		return NULL;
	}
	rec = (struct cst_capture_record *)&r->bytes[r->next & MASK];
	rec->size = size;
	rec->cap = cap;
	r->next += size;
	return rec;
}

const struct cst_capture_record *cst_capture_peek(struct cst_capture_ring *r)
{
	uint64_t head = atomic_load_explicit(&r->head, memory_order_acquire);
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	const struct cst_capture_record *rec;

	if (tail == head)
		return NULL;
	rec = (const struct cst_capture_record *)&r->bytes[tail & MASK];
	if (rec->size != 0)
		return rec;
	tail += CST_CAPTURE_RING - (tail & MASK);
	atomic_store_explicit(&r->tail, tail, memory_order_release);
	return tail == head ? NULL : (const struct cst_capture_record *)&r->bytes[0];
}

void cst_capture_pop(struct cst_capture_ring *r)
{
	uint64_t tail = atomic_load_explicit(&r->tail, memory_order_relaxed);
	const struct cst_capture_record *rec =
		(const struct cst_capture_record *)&r->bytes[tail & MASK];

	atomic_store_explicit(&r->tail, tail + rec->size, memory_order_release);
}
