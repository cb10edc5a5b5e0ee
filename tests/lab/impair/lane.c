/* SPDX-License-Identifier: BSD-3-Clause */
#include "lane.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum purpose { LOSS, BURST, JITTER, DUPLICATE, REORDER, COMMON, SHARE };

/* splitmix64's finalizer: every bit of the input moves every bit of the output. */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* Even in [0, 1). */
static double chance(uint64_t seed, enum purpose purpose, uint64_t n)
{
	return (double)(mix(mix(seed + purpose) ^ n) >> 11) * 0x1p-53;
}

bool lane_add(struct lanes *l, const char *name, char *why, size_t size)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)name[i]) && name[i] != '_' && name[i] != '-')
			len = 0;
	if (len == 0 || len >= NAME_LEN || strcmp(name, "all") == 0) {
		snprintf(why, size, "lane '%s': want a name of up to %d letters and digits", name,
			 NAME_LEN - 1);
		return false;
	}
	for (unsigned i = 0; i < l->n; i++) {
		if (strcmp(l->lane[i].name, name) == 0) {
			snprintf(why, size, "lane %s is there already", name);
			return false;
		}
	}
	if (l->n == MAX_LANES) {
		snprintf(why, size, "there is room for %d lanes", MAX_LANES);
		return false;
	}
	memset(&l->lane[l->n], 0, sizeof(l->lane[0]));
	memcpy(l->lane[l->n].name, name, len + 1);
	l->n++;
	lanes_seed(l, l->seed);
	return true;
}

void lanes_seed(struct lanes *l, uint64_t seed)
{
	l->seed = seed;
	for (unsigned i = 0; i < l->n; i++)
		for (unsigned way = 0; way < 2; way++)
			l->lane[i].way[way].seed = mix(seed ^ mix(2 * i + way + 1));
}

/* Lost by chance. With `common` the lanes throw one die for the copies of a packet, else each its
 * own: either way a share of exactly `loss` is lost on each. */
static bool is_lost(const struct lanes *l, const struct lane *lane, struct way *w, uint64_t key)
{
	bool together = lane->common > 0 && chance(l->seed, SHARE, key) < lane->common;
	double die = together ? chance(l->seed, COMMON, key) : chance(w->seed, LOSS, w->frames);

	if (w->enter_bad > 0) {
		double turn = chance(w->seed, BURST, w->frames);

		w->bad = w->bad ? turn >= w->leave_bad : turn < w->enter_bad;
		if (w->bad)
			return true;
	}
	return die < w->loss;
}

struct fate lane_fate(const struct lanes *l, struct lane *lane, unsigned way, uint64_t key,
		      uint64_t now)
{
	struct way *w = &lane->way[way];
	struct fate fate = {.copies = 1, .due = now + w->delay};

	w->frames++;
	if (w->down || is_lost(l, lane, w, key)) {
		w->lost++;
		w->cut += w->down;
		fate.lost = true;
		return fate;
	}
	if (w->jitter > 0)
		fate.due += (uint64_t)((double)w->jitter * chance(w->seed, JITTER, w->frames));
	if (fate.due < w->last_due)
		fate.due = w->last_due;
	if (w->reorder > 0 && chance(w->seed, REORDER, w->frames) < w->reorder) {
		fate.due += w->reorder_by;
		w->reordered++;
	} else {
		w->last_due = fate.due;
	}
	if (w->duplicate > 0 && chance(w->seed, DUPLICATE, w->frames) < w->duplicate) {
		fate.copies += w->copies;
		w->duplicated += w->copies;
	}
	return fate;
}
