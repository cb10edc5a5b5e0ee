/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How many sessions go by which inertia class. Nothing keeps it: classes change,
 * and what a session is matched by is in its intent. So they are counted when
 * somebody asks, in pieces that the control thread has time for.
 */
#include <errno.h>
#include <string.h>

#include "module.h"
#include "now.h"
#include "upf_owned_int.h"

#define ASKED_US   10000 /* of a call that asks */
#define TICK_US    1000  /* of each tick until all are counted */
#define FRESH_MS   1000
#define CLOCK_EACH 64 /* sessions between two looks at the clock */

struct tally {
	char class[sizeof(((struct cst_inertia_class *)0)->name)];
	uint64_t n;
};

struct census {
	uint64_t at_ms; /* when it was done; 0: not yet */
	unsigned n;
	struct tally of[2 * (CST_INERTIA_CLASSES + 1)]; /* those of before a change, too */
};

static struct census last, next;
static uint32_t line; /* where it goes on; 0: none is under way */

static struct tally *tally_of(struct census *c, const char *class)
{
	for (unsigned i = 0; i < c->n; i++)
		if (strcmp(c->of[i].class, class) == 0)
			return &c->of[i];
	return NULL;
}

static void count(const struct upf_session *s)
{
	const struct cst_inertia_class *c = s && s->owner ? upf_owned_class_of(s) : NULL;
	struct tally *t = c ? tally_of(&next, c->name) : NULL;

	if (c && !t && next.n < sizeof(next.of) / sizeof(next.of[0])) {
		t = &next.of[next.n++];
		memcpy(t->class, c->name, sizeof(t->class));
		t->n = 0;
	}
	if (t)
		t->n++;
}

static void go_on(uint64_t us)
{
	uint64_t end = cst_now_us() + us;
	uint32_t lines = upf_state_lines();

	for (unsigned seen = 1; line <= lines; line++, seen++) {
		count(upf_session_by_state(line));
		if (seen % CLOCK_EACH == 0 && cst_now_us() >= end) {
			line++;
			return;
		}
	}
	last = next;
	last.at_ms = cst_now_ms();
	line = 0;
}

int64_t upf_owned_of_class(const char *class, uint64_t *age_ms)
{
	const struct tally *t;

	if (line == 0 && (last.at_ms == 0 || cst_now_ms() - last.at_ms >= FRESH_MS)) {
		next.n = 0;
		line = 1;
		go_on(ASKED_US);
	}
	if (last.at_ms == 0)
		return -EAGAIN;
	*age_ms = cst_now_ms() - last.at_ms;
	t = tally_of(&last, class);
	return t ? (int64_t)t->n : 0;
}

static void tick(uint64_t now_ms)
{
	(void)now_ms;
	if (line)
		go_on(TICK_US);
}

static void stop(void)
{
	last.at_ms = 0;
	line = 0;
}

static struct cst_module module = {
	.name = "upf.owned_census", .order = 36, .tick = tick, .stop = stop};
CST_MODULE(module);
