/* SPDX-License-Identifier: BSD-3-Clause */
/* What `top` shows, as lines of text. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cli_int.h"

#define MAX_COLUMNS 32
#define LEAST_ROWS  3 /* of a list that does not fit */

const char *cli_top_number(double v, char *buf)
{
	static const char units[] = " kMGTPE";
	unsigned u = 0;

	while (fabs(v) >= 999.5 && u < sizeof(units) - 2) {
		v /= 1000;
		u++;
	}
	if (u == 0)
		snprintf(buf, 16, v == (double)(long)v ? "%.0f" : "%.1f", v);
	else
		snprintf(buf, 16, "%.*f%c", v < 9.995 ? 2 : v < 99.95 ? 1 : 0, v, units[u]);
	return buf;
}

/* malloc'd. Rates and other numbers that a person need not have to the last digit are cut short. */
static char *cell(const struct cst_field *f, const json_t *row)
{
	const json_t *v = json_object_get(row, f->name);
	char buf[16];

	if (v == NULL || json_is_null(v))
		return strdup("-");
	if (json_is_real(v) || (json_is_integer(v) && f->unit != NULL))
		return strdup(cli_top_number(json_number_value(v), buf));
	return cli_compact(v);
}

/* Characters, not bytes. */
static size_t width_of(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += (*s & 0xc0) != 0x80;
	return n;
}

static void put(FILE *out, const char *text, size_t width, bool right, bool last)
{
	size_t len = width_of(text), blanks = width > len ? width - len : 0;

	if (right)
		fprintf(out, "%*s", (int)blanks, "");
	fputs(text, out);
	if (!right && !last)
		fprintf(out, "%*s", (int)blanks, "");
}

struct grid {
	const struct cst_object *o;
	unsigned n; /* columns that fit */
	size_t width[MAX_COLUMNS];
	bool right[MAX_COLUMNS];
};

static void measure(struct grid *g, const json_t *rows, size_t shown, size_t columns)
{
	size_t used = 0;

	for (g->n = 0; g->n < g->o->n_fields && g->n < MAX_COLUMNS; g->n++) {
		const struct cst_field *f = &g->o->fields[g->n];

		g->width[g->n] = width_of(f->help);
		g->right[g->n] = f->type == CST_T_UINT;
		for (size_t i = 0; i < shown; i++) {
			char *text = cell(f, json_array_get(rows, i));
			size_t w = text != NULL ? width_of(text) : 0;

			if (w > g->width[g->n])
				g->width[g->n] = w;
			free(text);
		}
		used += g->width[g->n] + (g->n > 0 ? 2 : 0);
		if (columns != 0 && g->n > 0 && used > columns)
			return;
	}
}

static void view_part(FILE *out, const struct cli_top_part *p, size_t columns, size_t shown)
{
	struct grid g = {.o = p->top->columns};
	size_t all = json_array_size(p->rows);

	if (shown > all)
		shown = all;
	measure(&g, p->rows, shown, columns);
	for (unsigned c = 0; c < g.n; c++) {
		fputs(c > 0 ? "  " : "", out);
		put(out, g.o->fields[c].help, g.width[c], g.right[c], c + 1 == g.n);
	}
	fputc('\n', out);
	for (size_t i = 0; i < shown; i++) {
		for (unsigned c = 0; c < g.n; c++) {
			char *text = cell(&g.o->fields[c], json_array_get(p->rows, i));

			fputs(c > 0 ? "  " : "", out);
			put(out, text != NULL ? text : "", g.width[c], g.right[c], c + 1 == g.n);
			free(text);
		}
		fputc('\n', out);
	}
}

/* How many rows each part gets: all of them where they fit, else the longest give way. */
static void share(const struct cli_top_part *parts, unsigned n, size_t lines, size_t *rows)
{
	size_t used = 0;

	for (unsigned i = 0; i < n; i++) {
		rows[i] = parts[i].rows != NULL ? json_array_size(parts[i].rows) : 0;
		if (parts[i].rows != NULL)
			used += rows[i] + 2; /* heading, blank line */
	}
	while (lines != 0 && used > lines) {
		unsigned longest = 0;

		for (unsigned i = 1; i < n; i++)
			if (rows[i] >= rows[longest])
				longest = i;
		if (rows[longest] <= LEAST_ROWS)
			return;
		rows[longest]--;
		used--;
	}
}

void cli_top_view(FILE *out, const struct cli_top_part *parts, unsigned n, size_t columns,
		  size_t lines)
{
	size_t rows[32];
	bool first = true;

	if (n > 32)
		n = 32;
	share(parts, n, lines, rows);
	for (unsigned i = 0; i < n; i++) {
		if (parts[i].rows == NULL)
			continue;
		if (!first)
			fputc('\n', out);
		first = false;
		view_part(out, &parts[i], columns, rows[i]);
	}
}
