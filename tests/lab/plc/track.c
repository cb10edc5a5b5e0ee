/* SPDX-License-Identifier: BSD-3-Clause */
#include "track.h"

#include <stdlib.h>
#include <string.h>

static void make_room(struct track *t)
{
	uint32_t room = t->room > 0 ? t->room * 2 : 1024;

	t->got = realloc(t->got, room / 8);
	if (t->got == NULL)
		abort();
	memset(t->got + t->room / 64, 0, (room - t->room) / 8);
	t->room = room;
}

static bool came(const struct track *t, uint32_t number)
{
	return t->got[number / 64] >> number % 64 & 1;
}

uint32_t track_sent(struct track *t, uint64_t now)
{
	if (t->next == t->room)
		make_room(t);
	if (t->last_sent != 0 && now - t->last_sent > t->now.sent_gap)
		t->now.sent_gap = now - t->last_sent;
	t->last_sent = now;
	t->now.sent++;
	return t->next++;
}

bool track_received(struct track *t, uint32_t number, uint64_t sent, uint64_t now)
{
	struct seen *s = number >= t->now.first ? &t->now : &t->before;
	uint64_t delay = now > sent ? now - sent : 0;

	if (number >= t->next)
		return false;
	if (came(t, number)) {
		s->duplicated++;
		return true;
	}
	t->got[number / 64] |= 1ull << number % 64;
	s->received++;
	s->delay_sum += delay;
	if (delay > s->delay_max)
		s->delay_max = delay;
	if (t->last_new != 0 && now > t->last_new && now - t->last_new > s->gap)
		s->gap = now - t->last_new;
	if (t->last_new != 0 && number < t->highest)
		s->reordered++;
	else
		t->highest = number;
	t->last_new = now;
	return true;
}

void track_phase(struct track *t)
{
	t->before = t->now;
	t->now = (struct seen){.first = t->next};
}

uint32_t track_longest_loss(const struct track *t)
{
	uint32_t run = 0, longest = 0;

	for (uint32_t n = t->before.first; n < t->now.first; n++) {
		run = came(t, n) ? 0 : run + 1;
		if (run > longest)
			longest = run;
	}
	return longest;
}
