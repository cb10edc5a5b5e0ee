/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_parts.h"

#include <errno.h>

#include "engine/rcu.h"
#include "poison.h"
#include "table/index.h"
#include "upf_books.h"

static struct upf_part_kind kinds[UPF_PARTS];
static struct cst_index *numbers[UPF_PARTS];
static uint32_t counts[UPF_PARTS];

void upf_part_define(enum upf_part kind, const struct upf_part_kind *k)
{
	kinds[kind] = *k;
}

/* What a worker reads and writes by the number; NULL: nothing. */
static void *memory_of(enum upf_part kind, uint32_t number, size_t *bytes)
{
	switch (kind) {
	case UPF_PART_METER:
		*bytes = sizeof(struct upf_meter);
		return upf_tables.meters ? &upf_tables.meters[number] : NULL;
	case UPF_PART_USAGE:
		*bytes = sizeof(struct upf_usage);
		return upf_tables.usages ? &upf_tables.usages[number] : NULL;
	case UPF_PART_MONITOR:
		*bytes = sizeof(struct upf_monitor);
		return upf_tables.monitors ? &upf_tables.monitors[number] : NULL;
	default:
		return NULL;
	}
}

static void poison(enum upf_part kind, uint32_t number)
{
	size_t bytes;
	void *p = memory_of(kind, number, &bytes);

	if (p)
		cst_poison(p, bytes);
}

static void unpoison(enum upf_part kind, uint32_t number, size_t n)
{
	size_t bytes;
	void *p = memory_of(kind, number, &bytes);

	if (p)
		cst_unpoison(p, bytes * n);
}

int upf_parts_open(const uint32_t count[UPF_PARTS], struct cst_err *e)
{
	for (int k = 0; k < UPF_PARTS; k++) {
		counts[k] = count[k];
		numbers[k] = cst_index_new(count[k]);
		if (numbers[k] == NULL) {
			upf_parts_close();
			return cst_err(e, -ENOMEM, "system.max_pdrs",
				       "no memory for what belongs to so many PDRs");
		}
	}
	return 0;
}

void upf_parts_close(void)
{
	for (int k = 0; k < UPF_PARTS; k++) {
		unpoison(k, 0, (size_t)counts[k] + 1);
		if (numbers[k])
			cst_index_destroy(numbers[k]);
		numbers[k] = NULL;
		counts[k] = 0;
	}
}

uint32_t upf_parts_used(enum upf_part kind)
{
	return numbers[kind] ? cst_index_used(numbers[kind]) : 0;
}

uint32_t upf_parts_count(enum upf_part kind)
{
	return counts[kind];
}

uint32_t upf_part_alloc(enum upf_part kind)
{
	uint32_t number = cst_index_alloc(numbers[kind]);

	if (number == 0) {
		cst_rcu_reclaim(true);
		number = cst_index_alloc(numbers[kind]);
	}
	if (number != 0)
		unpoison(kind, number, 1);
	if (number != 0 && kinds[kind].begin)
		kinds[kind].begin(number);
	return number;
}

bool upf_part_claim(enum upf_part kind, uint32_t number)
{
	if (!cst_index_take(numbers[kind], number))
		return false;
	unpoison(kind, number, 1);
	return true;
}

void upf_part_end(enum upf_part kind, uint32_t number)
{
	if (kinds[kind].end)
		kinds[kind].end(number);
	else
		upf_part_free(kind, number);
}

void upf_part_free(enum upf_part kind, uint32_t number)
{
	poison(kind, number);
	cst_index_free(numbers[kind], number);
}

void upf_part_give_back(enum upf_part kind, uint32_t number)
{
	if (kinds[kind].undo)
		kinds[kind].undo(number);
	upf_part_free(kind, number);
}

const struct upf_held_part *upf_part_of(const struct upf_session *s, enum upf_part kind,
					uint32_t rule)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < s->n_parts; i++)
		if (p[i].kind == kind && p[i].rule == rule)
			return &p[i];
	return NULL;
}
