/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Lists as tables. All columns when nobody's screen limits them; on a screen
 * the ones that fit, in the order of the field table, long texts cut short.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <libsmartcols.h>

#include "cli_int.h"

#define MAX_COLUMNS 128
#define SHRINK_TO   14 /* a text column may be cut to this */

#define SHRINK_NAME 32 /* the first one to this */
#define LONG_LIST   48 /* a list of objects longer than this is counted, not shown */

struct column {
	const char *name;
	char *title;
	bool number;
	bool nested;
	bool first;   /* it names the row */
	size_t width; /* widest cell of the first page */
	size_t given; /* what it gets on this screen */
	bool shown;
};

struct cli_table {
	struct column columns[MAX_COLUMNS];
	unsigned n, hidden;
	size_t width; /* of the screen; 0: no limit */
	bool headed;
};

size_t cli_screen_width(void)
{
	const char *env = getenv("COLUMNS");
	struct winsize ws;

	if (isatty(STDOUT_FILENO)) {
		if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0)
			return ws.ws_col;
		return 80;
	}
	return env != NULL ? strtoul(env, NULL, 10) : 0;
}

static struct column *column_add(struct cli_table *t, const char *name, const char *unit)
{
	struct column *c;

	for (unsigned i = 0; i < t->n; i++)
		if (strcmp(t->columns[i].name, name) == 0)
			return &t->columns[i];
	if (t->n == MAX_COLUMNS)
		return NULL;
	c = &t->columns[t->n++];
	c->name = strdup(name);
	if (asprintf(&c->title, unit != NULL ? "%s (%s)" : "%s", name, unit) < 0)
		c->title = strdup(name);
	for (char *p = c->title; *p != '\0' && *p != '('; p++)
		*p = (char)toupper((unsigned char)*p);
	c->number = true;
	c->width = strlen(c->title);
	return c;
}

/* malloc'd */
static char *cell_text(const json_t *v)
{
	char *text = cli_compact(v), *count;

	if (text == NULL || strlen(text) <= LONG_LIST || !json_is_object(json_array_get(v, 0)) ||
	    asprintf(&count, "[%zu]", json_array_size(v)) < 0)
		return text;
	free(text);
	return count;
}

/* Columns that some row has, in the order of the field table, then of the rows. */
static void choose_columns(struct cli_table *t, const struct cst_object *o, const json_t *rows)
{
	const json_t *row;
	const char *name;
	json_t *v;
	size_t i;

	for (unsigned f = 0; o != NULL && f < o->n_fields; f++)
		json_array_foreach (rows, i, row)
			if (json_object_get(row, o->fields[f].name) != NULL) {
				column_add(t, o->fields[f].name, o->fields[f].unit);
				break;
			}
	json_array_foreach (rows, i, row)
		json_object_foreach ((json_t *)row, name, v)
			column_add(t, name, NULL);
}

static void measure(struct cli_table *t, const json_t *rows)
{
	const json_t *row, *v;
	size_t i, len;
	char *text;

	for (unsigned c = 0; c < t->n; c++)
		json_array_foreach (rows, i, row) {
			v = json_object_get(row, t->columns[c].name);
			if (v == NULL)
				continue;
			text = cell_text(v);
			len = text != NULL ? strlen(text) : 0;
			free(text);
			if (len > t->columns[c].width)
				t->columns[c].width = len;
			t->columns[c].number = t->columns[c].number && json_is_number(v);
			t->columns[c].nested =
				t->columns[c].nested || json_is_object(v) ||
				(json_is_array(v) && json_is_object(json_array_get(v, 0)));
		}
}

static size_t least_width(const struct column *c)
{
	size_t title = strlen(c->title), least = c->first ? SHRINK_NAME : SHRINK_TO;

	if (c->number || c->width <= least)
		return c->width;
	return title > least ? title : least;
}

/* First the plain columns from the left, then, with what is left, the nested ones. */
static void fit(struct cli_table *t)
{
	size_t used = 0;

	for (int nested = 0; nested < 2; nested++) {
		bool full = false;

		for (unsigned i = 0; i < t->n; i++) {
			struct column *c = &t->columns[i];

			if (c->nested != (nested == 1))
				continue;
			full = full ||
			       (t->width != 0 && used != 0 && used + 1 + least_width(c) > t->width);
			c->shown = !full;
			if (c->shown)
				used += least_width(c) + (used != 0);
			else
				t->hidden++;
		}
	}
}

/* What is left of the line goes to the columns that were to be cut, from the left. */
static void widen(struct cli_table *t)
{
	size_t used = 0, more;

	for (unsigned i = 0; i < t->n; i++)
		if (t->columns[i].shown)
			used += least_width(&t->columns[i]) + (used != 0);
	for (unsigned i = 0; i < t->n; i++) {
		struct column *c = &t->columns[i];

		c->given = least_width(c);
		more = c->width - c->given;
		if (t->width != 0 && used + more > t->width)
			more = used < t->width ? t->width - used : 0;
		if (!c->shown)
			continue;
		c->given += more;
		used += more;
	}
}

static struct cli_table *table_new(const struct cst_object *o, const json_t *rows)
{
	struct cli_table *t = calloc(1, sizeof(*t));

	if (t == NULL)
		return NULL;
	t->width = cli_screen_width();
	choose_columns(t, o, rows);
	measure(t, rows);
	if (t->n > 0)
		t->columns[0].first = true;
	fit(t);
	widen(t);
	return t;
}

static void add_columns(const struct cli_table *t, struct libscols_table *tb)
{
	for (unsigned i = 0; i < t->n; i++) {
		const struct column *c = &t->columns[i];
		int flags = c->number ? SCOLS_FL_RIGHT : 0;

		if (!c->shown)
			continue;
		if (t->width != 0 && c->given < c->width)
			flags |= SCOLS_FL_TRUNC;
		scols_table_new_column(tb, c->title, (double)c->given, flags);
	}
}

static void add_row(const struct cli_table *t, struct libscols_table *tb, const json_t *row)
{
	struct libscols_line *line = scols_table_new_line(tb, NULL);
	unsigned at = 0;

	for (unsigned i = 0; i < t->n && line != NULL; i++) {
		const json_t *v;
		char *text;

		if (!t->columns[i].shown)
			continue;
		v = json_object_get(row, t->columns[i].name);
		text = v != NULL ? cell_text(v) : NULL;
		scols_line_set_data(line, at++, text != NULL ? text : "");
		free(text);
	}
}

void cli_table_page(struct cli_table **tp, const struct cst_object *o, const json_t *rows)
{
	struct cli_table *t = *tp != NULL ? *tp : table_new(o, rows);
	struct libscols_table *tb;
	const json_t *row;
	size_t i;

	*tp = t;
	if (t == NULL || json_array_size(rows) == 0)
		return;
	scols_init_debug(0);
	tb = scols_new_table();
	if (tb == NULL)
		return;
	scols_table_set_termforce(tb, SCOLS_TERMFORCE_ALWAYS);
	scols_table_set_termwidth(tb, t->width != 0 ? t->width : 1 << 20);
	scols_table_enable_noheadings(tb, t->headed);
	add_columns(t, tb);
	json_array_foreach (rows, i, row)
		add_row(t, tb, row);
	scols_print_table(tb);
	scols_unref_table(tb);
	t->headed = true;
}

/* Append a word to a line of the screen's width, or begin the next one with it. */
static void wrap(const struct cli_table *t, size_t *at, const char *word, const char *after)
{
	size_t len = strlen(word) + strlen(after);

	if (*at > 0 && t->width != 0 && *at + 1 + len > t->width) {
		putchar('\n');
		*at = 0;
	}
	*at += (size_t)printf("%s%s%s", *at > 0 ? " " : "", word, after);
}

/* Which columns did not fit, in lines that do. */
static void footnote(const struct cli_table *t)
{
	static const char *const intro[] = {"(not", "shown", "for", "want", "of", "width:"};
	unsigned left = t->hidden;
	size_t at = 0;

	for (unsigned i = 0; i < sizeof(intro) / sizeof(*intro); i++)
		wrap(t, &at, intro[i], "");
	for (unsigned i = 0; i < t->n; i++)
		if (!t->columns[i].shown)
			wrap(t, &at, t->columns[i].name, --left > 0 ? "," : ")");
	putchar('\n');
}

void cli_table_end(struct cli_table *t)
{
	if (t == NULL)
		return;
	if (t->hidden > 0 && t->headed)
		footnote(t);
	for (unsigned i = 0; i < t->n; i++) {
		free((char *)t->columns[i].name);
		free(t->columns[i].title);
	}
	free(t);
}
