/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * State is by stream number and stays where it is. Records, paths and parameters
 * are made anew by every coastd from what the store has, before workers run;
 * histories then move from where they were to where they are.
 */
#include "prer_tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_common.h>

#include "log.h"
#include "table/arena.h"

#define RING_WORDS 16    /* of each stream, in the mean: a history of 1024 */
#define MANY       65536 /* streams above which it is a quarter of it */

struct prer_tables prer_tables;
struct prer_books prer_books;
struct prer_place_of *prer_places;

static struct cst_section slots = {.name = "prer.slots", .elem_size = sizeof(uint32_t)};
static struct cst_section lines = {.name = "prer.lines", .elem_size = 64};
static struct cst_section states = {.name = "prer.state", .elem_size = sizeof(struct prer_state)};
static struct cst_section places = {.name = "prer.places",
				    .elem_size = sizeof(struct prer_place_of)};
static struct cst_section paths = {
	.name = "prer.paths", .elem_size = sizeof(struct prer_path), .count = PRER_PATH_NUMBERS};
static struct cst_section params = {.name = "prer.params",
				    .elem_size = sizeof(struct prer_params),
				    .count = PRER_RECOVERY_NUMBERS};
static struct cst_section rings = {.name = "prer.rings", .elem_size = sizeof(uint64_t)};
static struct cst_section individual = {.name = "prer.individual",
					.elem_size = sizeof(struct prer_recovery)};
static struct cst_section more = {.name = "prer.more_health",
				  .elem_size = 2 * sizeof(struct prer_health)};
static struct cst_section labels = {
	.name = "prer.labels", .elem_size = sizeof(uint32_t), .count = PRER_LABELS};
static struct cst_section *const sections[] = {&slots,  &lines, &states,     &places, &paths,
					       &params, &rings, &individual, &more,   &labels};

/* Copies of what an earlier coastd left, until all streams are back. */
static struct {
	struct prer_place_of *places;
	uint64_t *rings;
	struct prer_recovery *individual;
} past;

static int reserve(const struct cst_system *sys, struct cst_err *e)
{
	uint64_t n = (uint64_t)sys->max_streams + 1;

	(void)e;
	states.count = slots.count = places.count = more.count = n;
	/* all may be replaced at once, while workers still read the old ones */
	lines.count = 2 * n;
	rings.count =
		(n > MANY ? MANY * RING_WORDS + (n - MANY) * RING_WORDS / 4 : n * RING_WORDS) +
		16 * RING_WORDS;
	individual.count = n / 4 + 64;
	for (unsigned i = 0; i < RTE_DIM(sections); i++)
		cst_arena_add(sections[i]);
	return 0;
}

void prer_tables_begin(uint32_t stream)
{
	memset(&prer_tables.state[stream], 0, sizeof(struct prer_state));
	memset(prer_health_of(stream, 2), 0, 2 * sizeof(struct prer_health));
}

/* ---- what was left --------------------------------------------------------------- */

static void forget_past(void)
{
	free(past.places);
	free(past.rings);
	free(past.individual);
	memset(&past, 0, sizeof(past));
}

static void *copy_of(const struct cst_section *s)
{
	void *copy = malloc(s->count * s->elem_size);

	if (copy)
		memcpy(copy, s->base, s->count * s->elem_size);
	return copy;
}

static void clear(const struct cst_section *s)
{
	memset(s->base, 0, s->count * s->elem_size);
}

/* Without memory for it the histories begin anew: then no state may speak of them. */
static void keep_past(void)
{
	past.places = copy_of(&places);
	past.rings = copy_of(&rings);
	past.individual = copy_of(&individual);
	if (past.places && past.rings && past.individual)
		return;
	forget_past();
	clear(&states);
	clear(&more);
	LOG_WARN("no memory to go on with the histories of streams: they begin anew");
}

bool prer_tables_knows(uint32_t stream, uint64_t name)
{
	return past.places && stream < prer_tables.streams && past.places[stream].name == name;
}

static bool whole(const struct prer_place_of *p, uint32_t words)
{
	return p->ring_words == words && (uint64_t)p->ring + words <= rings.count;
}

static void recall_path(struct prer_recovery *now, const struct prer_recovery *then)
{
	*now = *then;
	prer_go_on(now);
}

/* Where the path at this place was then; PRER_MAX_PATHS: the stream had not got it. */
static unsigned place_then(const struct prer_place_of *was, uint64_t path)
{
	unsigned i = 0;

	while (i < PRER_MAX_PATHS && (path == 0 || was->path[i] != path))
		i++;
	return i;
}

/* Path by path: their places in the record may have changed. */
static void recall_health(uint32_t stream, const struct prer_place_of *was,
			  const struct prer_place_of *is)
{
	struct prer_health then[PRER_MAX_PATHS];

	for (unsigned i = 0; i < PRER_MAX_PATHS; i++)
		then[i] = *prer_health_of(stream, i);
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++) {
		unsigned k = place_then(was, is->path[i]);

		*prer_health_of(stream, i) = k < PRER_MAX_PATHS ? then[k] : (struct prer_health){0};
	}
	prer_tables.state[stream].counts.sample_at = 0;
}

/* `words`: of a ring, if theirs were as long then; without them a path begins anew. */
static void recall_individual(const struct prer_place_of *was, const struct prer_place_of *is,
			      uint32_t words)
{
	for (unsigned i = 0; i < PRER_MAX_PATHS; i++) {
		unsigned k = place_then(was, is->path[i]);

		if (k == PRER_MAX_PATHS || was->individual == 0 ||
		    (uint64_t)was->individual + PRER_MAX_PATHS > individual.count)
			continue;
		recall_path(&prer_tables.individual[is->individual + i],
			    &past.individual[was->individual + k]);
		memcpy(&prer_tables.rings[is->ring + (1 + i) * words],
		       &past.rings[was->ring + (1 + k) * words], words * sizeof(uint64_t));
	}
}

void prer_tables_recall(uint32_t stream, uint64_t name, const struct prer_stream *now)
{
	struct prer_state *st = &prer_tables.state[stream];
	uint32_t mask = prer_tables.params[now->recovery].mask;
	uint32_t words = mask < 64 ? 0 : (mask + 1) / 64; /* of one ring */
	const struct prer_place_of *was, *is = &prer_places[stream];
	bool fits;

	if (!prer_tables_knows(stream, name))
		return;
	was = &past.places[stream];
	fits = whole(was, is->ring_words);
	recall_health(stream, was, is);
	prer_go_on(&st->recovery);
	if (fits)
		memcpy(&prer_tables.rings[is->ring], &past.rings[was->ring],
		       words * sizeof(uint64_t));
	else
		st->recovery.window = 0; /* whatever comes is taken */
	if (now->individual != 0 && fits)
		recall_individual(was, is, words);
	past.places[stream].name = 0;
}

void prer_tables_settle(void)
{
	for (uint32_t i = 1; past.places && i < prer_tables.streams; i++)
		if (past.places[i].name != 0 && prer_places[i].name == 0)
			prer_tables_begin(i);
	forget_past();
}

/* ---- start ------------------------------------------------------------------------ */

static int open_books(struct cst_err *e)
{
	prer_books = (struct prer_books){
		.streams = cst_index_new((uint32_t)states.count - 1),
		.paths = cst_index_new(PRER_PATH_NUMBERS - 1),
		.recoveries = cst_index_new(PRER_RECOVERY_NUMBERS - 1),
		.lines = cst_lines_new(lines.base, (uint32_t)lines.count),
		.rings = cst_lines_new(rings.base, (uint32_t)(rings.count / 8)),
		.individual = cst_lines_new(individual.base, (uint32_t)individual.count),
	};
	if (prer_books.streams && prer_books.paths && prer_books.recoveries && prer_books.lines &&
	    prer_books.rings && prer_books.individual)
		return 0;
	return cst_err(e, -ENOMEM, NULL, "no memory for the books of streams");
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	struct cst_arena_info arena;

	(void)sys;
	prer_tables = (struct prer_tables){
		.slot = slots.base,
		.lines = lines.base,
		.state = states.base,
		.path = paths.base,
		.params = params.base,
		.rings = rings.base,
		.individual = individual.base,
		.more_health = more.base,
		.label = labels.base,
		.streams = (uint32_t)states.count,
		.paths = PRER_PATH_NUMBERS,
	};
	prer_places = places.base;
	cst_arena_info(&arena);
	if (arena.attached) {
		keep_past();
		clear(&slots);
		clear(&places);
		clear(&paths);
		clear(&params);
		clear(&rings);
		clear(&individual);
		clear(&labels);
	}
	prer_tables.path[0].flags = PRER_PATH_DOWN;
	return open_books(e);
}

static int resume(struct cst_err *e)
{
	(void)e;
	prer_tables_settle();
	return 0;
}

static void stop(void)
{
	forget_past();
	cst_index_destroy(prer_books.streams);
	cst_index_destroy(prer_books.paths);
	cst_index_destroy(prer_books.recoveries);
	cst_lines_free_all(prer_books.lines);
	cst_lines_free_all(prer_books.rings);
	cst_lines_free_all(prer_books.individual);
	prer_books = (struct prer_books){0};
	prer_tables = (struct prer_tables){0};
	prer_places = NULL;
}

struct cst_module prer_tables_module = {.name = "prer.tables",
					.order = 25,
					.reserve = reserve,
					.start = start,
					.resume = resume,
					.stop = stop};
CST_MODULE(prer_tables_module);
