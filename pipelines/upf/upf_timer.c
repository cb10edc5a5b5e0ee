/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_timer.h"

#include <stdlib.h>

struct entry {
	uint64_t due;
	uint32_t number;
};

struct upf_timers {
	struct entry *heap; /* from 1 on: the children of i are 2i and 2i + 1 */
	uint32_t *at;       /* by number; 0: not in the heap */
	uint32_t used;
};

struct upf_timers *upf_timers_new(uint32_t n)
{
	struct upf_timers *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	/* pages that no deadline needs are never touched */
	t->heap = calloc((size_t)n + 1, sizeof(*t->heap));
	t->at = calloc((size_t)n + 1, sizeof(*t->at));
	if (t->heap && t->at)
		return t;
	upf_timers_free(t);
	return NULL;
}

void upf_timers_free(struct upf_timers *t)
{
	if (!t)
		return;
	free(t->heap);
	free(t->at);
	free(t);
}

static void put(struct upf_timers *t, uint32_t i, struct entry e)
{
	t->heap[i] = e;
	t->at[e.number] = i;
}

static void rise(struct upf_timers *t, uint32_t i, struct entry e)
{
	for (; i > 1 && t->heap[i / 2].due > e.due; i /= 2)
		put(t, i, t->heap[i / 2]);
	put(t, i, e);
}

static void sink(struct upf_timers *t, uint32_t i, struct entry e)
{
	uint32_t child;

	for (; (child = 2 * i) <= t->used; i = child) {
		if (child < t->used && t->heap[child + 1].due < t->heap[child].due)
			child++;
		if (t->heap[child].due >= e.due)
			break;
		put(t, i, t->heap[child]);
	}
	put(t, i, e);
}

static void settle(struct upf_timers *t, uint32_t i, struct entry e)
{
	if (i > 1 && t->heap[i / 2].due > e.due)
		rise(t, i, e);
	else
		sink(t, i, e);
}

static void take_out(struct upf_timers *t, uint32_t number)
{
	uint32_t i = t->at[number];
	struct entry last;

	if (i == 0)
		return;
	t->at[number] = 0;
	last = t->heap[t->used--];
	if (last.number != number)
		settle(t, i, last);
}

void upf_timer_set(struct upf_timers *t, uint32_t number, uint64_t due)
{
	struct entry e = {.due = due, .number = number};

	if (due == 0)
		take_out(t, number);
	else if (t->at[number] != 0)
		settle(t, t->at[number], e);
	else
		rise(t, ++t->used, e);
}

uint64_t upf_timer_due(const struct upf_timers *t, uint32_t number)
{
	return t->at[number] ? t->heap[t->at[number]].due : 0;
}

uint32_t upf_timer_pop(struct upf_timers *t, uint64_t now)
{
	uint32_t number;

	if (t->used == 0 || t->heap[1].due > now)
		return 0;
	number = t->heap[1].number;
	take_out(t, number);
	return number;
}
