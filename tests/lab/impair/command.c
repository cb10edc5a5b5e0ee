/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lane.h"

#define MAX_WORDS 32

struct words {
	char text[256];
	char *word[MAX_WORDS];
	unsigned n, at;
	char *why;
	size_t size;
};

static bool bad(struct words *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool bad(struct words *w, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(w->why, w->size, format, args);
	va_end(args);
	return false;
}

static bool split(struct words *w, const char *command, size_t len)
{
	char *save, *word;

	if (len >= sizeof(w->text))
		return bad(w, "the command is too long");
	memcpy(w->text, command, len);
	for (word = strtok_r(w->text, " \t\r\n", &save); word != NULL;
	     word = strtok_r(NULL, " \t\r\n", &save)) {
		if (w->n == MAX_WORDS)
			return bad(w, "the command is too long");
		w->word[w->n++] = word;
	}
	return w->n > 0 ? true : bad(w, "an empty command");
}

static const char *next(struct words *w)
{
	return w->at < w->n ? w->word[w->at++] : NULL;
}

static bool number(struct words *w, const char *of, double least, double most, double *out)
{
	const char *word = next(w);
	char *end;

	if (word == NULL)
		return bad(w, "%s: a number is missing", of);
	*out = strtod(word, &end);
	if (*end != '\0' || !(*out >= least && *out <= most))
		return bad(w, "%s %s: want %g to %g", of, word, least, most);
	return true;
}

static bool milliseconds(struct words *w, const char *of, uint64_t *out)
{
	double ms = 0;

	if (!number(w, of, 0, 60000, &ms))
		return false;
	*out = (uint64_t)llround(ms * 1e6);
	return true;
}

/* A number that may be left out. */
static bool is_number_next(const struct words *w)
{
	return w->at < w->n && strspn(w->word[w->at], "0123456789.") == strlen(w->word[w->at]);
}

/* A share and a mean length of bursts give the chances to enter and to leave the bad state. */
static bool burst(struct words *w, struct way *way)
{
	double share = 0, mean = 1;

	if (!number(w, "burst", 0, 0.99, &share) || !number(w, "burst", 1, 1e6, &mean))
		return false;
	way->leave_bad = 1 / mean;
	way->enter_bad = share / (1 - share) / mean;
	way->bad = false;
	return way->enter_bad <= 1
		       ? true
		       : bad(w, "burst: %g of the frames in bursts of %g cannot be", share, mean);
}

static bool duplicate(struct words *w, struct way *way)
{
	double more = 1;

	if (!number(w, "duplicate", 0, 1, &way->duplicate) ||
	    (is_number_next(w) && !number(w, "duplicate", 1, 1000, &more)))
		return false;
	way->copies = (unsigned)more;
	return true;
}

static bool reorder(struct words *w, struct way *way)
{
	way->reorder_by = 5000000;
	return number(w, "reorder", 0, 1, &way->reorder) &&
	       (!is_number_next(w) || milliseconds(w, "reorder", &way->reorder_by));
}

static void clear(struct way *way)
{
	struct way fresh = {
		.seed = way->seed,
		.last_due = way->last_due,
		.frames = way->frames,
		.lost = way->lost,
		.cut = way->cut,
		.duplicated = way->duplicated,
		.reordered = way->reordered,
	};

	*way = fresh;
}

static bool change(struct words *w, struct way *way)
{
	const char *what = next(w);

	if (what == NULL)
		return bad(w, "what about that lane?");
	if (strcmp(what, "down") == 0)
		return way->down = true;
	if (strcmp(what, "up") == 0)
		return !(way->down = false);
	if (strcmp(what, "clear") == 0)
		return clear(way), true;
	if (strcmp(what, "loss") == 0)
		return number(w, what, 0, 1, &way->loss);
	if (strcmp(what, "burst") == 0)
		return burst(w, way);
	if (strcmp(what, "delay") == 0)
		return milliseconds(w, what, &way->delay);
	if (strcmp(what, "jitter") == 0)
		return milliseconds(w, what, &way->jitter);
	if (strcmp(what, "duplicate") == 0)
		return duplicate(w, way);
	if (strcmp(what, "reorder") == 0)
		return reorder(w, way);
	return bad(w,
		   "'%s': want up, down, clear, loss, burst, delay, jitter, duplicate or reorder",
		   what);
}

static struct lane *find(struct lanes *l, const char *name)
{
	for (unsigned i = 0; i < l->n; i++)
		if (strcmp(l->lane[i].name, name) == 0)
			return &l->lane[i];
	return NULL;
}

static bool change_way(struct words *w, struct way *way)
{
	do {
		if (!change(w, way))
			return false;
	} while (w->at < w->n);
	return true;
}

/* Both ways, or the one that the next word tells. */
static bool change_lane(struct words *w, struct lane *lane)
{
	const char *word = w->at < w->n ? w->word[w->at] : "";
	unsigned begin = w->at;

	if (strcmp(word, "there") == 0 || strcmp(word, "back") == 0) {
		w->at++;
		return change_way(w, &lane->way[strcmp(word, "back") == 0]);
	}
	if (!change_way(w, &lane->way[0]))
		return false;
	w->at = begin;
	return change_way(w, &lane->way[1]);
}

static bool lane_words(struct lanes *l, struct words *w)
{
	const char *name = next(w);
	unsigned begin = w->at;

	if (name == NULL)
		return bad(w, "lane: a name is missing");
	if (strcmp(name, "all") != 0) {
		struct lane *lane = find(l, name);

		return lane != NULL ? change_lane(w, lane) : bad(w, "there is no lane %s", name);
	}
	for (unsigned i = 0; i < l->n; i++) {
		w->at = begin;
		if (!change_lane(w, &l->lane[i]))
			return false;
	}
	return true;
}

/*
 * Losses p and q of one die are min(p, q) together where two dice have pq. So a share `common` of
 * one die has the correlation common * (min(p, q) - pq) / sqrt(p (1 - p) q (1 - q)).
 */
static bool share_of(struct words *w, double rho, double p, double q, double *common)
{
	double spread = sqrt(p * (1 - p) * q * (1 - q));
	double joint = (p < q ? p : q) - p * q;

	if (spread == 0)
		return bad(w, "correlation: set the loss of these lanes first");
	*common = rho * spread / joint;
	return *common <= 1 + 1e-9
		       ? true
		       : bad(w, "correlation: at most %.4f is possible with losses of %g and %g",
			     joint / spread, p, q);
}

static bool correlation_words(struct lanes *l, struct words *w)
{
	struct lane *of[MAX_LANES];
	unsigned n = 0;
	double rho = 0, common = 0;

	if (!number(w, "correlation", 0, 1, &rho))
		return false;
	while (w->at < w->n) {
		const char *name = next(w);
		struct lane *lane = find(l, name);

		if (lane == NULL || n == MAX_LANES)
			return bad(w, "there is no lane %s", name);
		of[n++] = lane;
	}
	if (n < 2)
		return bad(w, "correlation: name two lanes or more");
	for (unsigned way = 0; rho > 0 && way < 2; way++) {
		double p = of[0]->way[way].loss;

		for (unsigned i = 1; i < n; i++)
			if (of[i]->way[way].loss != p && n > 2)
				return bad(w, "correlation: more than two lanes want equal losses");
		if (of[0]->way[0].loss != p || of[1]->way[0].loss != of[1]->way[1].loss)
			return bad(w, "correlation: losses there and back must be equal");
		if (!share_of(w, rho, p, of[1]->way[way].loss, &common))
			return false;
	}
	for (unsigned i = 0; i < n; i++)
		of[i]->common = common;
	return true;
}

static bool one_command(struct lanes *l, struct words *w)
{
	const char *verb = next(w);

	if (strcmp(verb, "lane") == 0)
		return lane_words(l, w);
	if (strcmp(verb, "correlation") == 0)
		return correlation_words(l, w);
	return bad(w, "'%s': want lane, correlation, at, stats or quit", verb);
}

bool lanes_command(struct lanes *l, const char *line, char *why, size_t size)
{
	struct lanes trial = *l;

	for (const char *end; line != NULL; line = end != NULL ? end + 1 : NULL) {
		struct words w = {.why = why, .size = size};

		end = strchr(line, ';');
		if (!split(&w, line, end != NULL ? (size_t)(end - line) : strlen(line)) ||
		    !one_command(&trial, &w))
			return false;
	}
	*l = trial;
	return true;
}
