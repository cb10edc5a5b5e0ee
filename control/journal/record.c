/* SPDX-License-Identifier: BSD-3-Clause */
/* Entries as lines of CSV (RFC 4180), without the line's end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "journal/journal_int.h"

#define COLUMNS 64

/* The columns of all types, each once. */
static unsigned columns_of(const char *out[COLUMNS])
{
	const struct jnl_type *t;
	unsigned n = 0, k;

	for (unsigned i = 0; (t = jnl_type_at(i)) != NULL; i++)
		for (const char *const *c = t->columns; c != NULL && *c != NULL; c++) {
			for (k = 0; k < n && strcmp(out[k], *c) != 0;)
				k++;
			if (k == n && n < COLUMNS)
				out[n++] = *c;
		}
	return n;
}

static void add_cell(struct cst_text *t, const char *s)
{
	if (t->n > 0)
		cst_text_str(t, ",");
	if (strpbrk(s, ",\"\r\n") == NULL) {
		cst_text_str(t, s);
		return;
	}
	cst_text_str(t, "\"");
	for (; *s != '\0'; s++)
		cst_text_add(t, *s == '"' ? "\"\"" : s, *s == '"' ? 2 : 1);
	cst_text_str(t, "\"");
}

static void add_value(struct cst_text *t, const json_t *v)
{
	struct cst_text cell = {0};
	const json_t *item;
	size_t i;

	if (json_is_string(v)) {
		add_cell(t, json_string_value(v));
		return;
	}
	if (json_is_array(v)) /* of names */
		json_array_foreach (v, i, item) {
			if (i > 0)
				cst_text_str(&cell, " ");
			if (json_is_string(item))
				cst_text_str(&cell, json_string_value(item));
			else
				cst_text_json(&cell, item);
		}
	else if (v != NULL && !json_is_null(v))
		cst_text_json(&cell, v);
	add_cell(t, cell.s != NULL ? cell.s : "");
	free(cell.s);
}

static const json_t *at_path(const json_t *js, const char *path)
{
	char name[64];
	size_t n;

	for (; js != NULL && *path != '\0'; path += n + (path[n] == '.')) {
		n = strcspn(path, ".");
		snprintf(name, sizeof(name), "%.*s", (int)n, path);
		js = json_object_get(js, name);
	}
	return js;
}

static json_t *line(struct cst_text *t)
{
	json_t *js = t->s != NULL && !t->failed ? json_string(t->s) : NULL;

	free(t->s);
	return js;
}

json_t *jnl_csv_head(void)
{
	const char *columns[COLUMNS];
	unsigned n = columns_of(columns);
	struct cst_text t = {0};

	cst_text_str(&t, "seq,type,time,owner");
	for (unsigned i = 0; i < n; i++)
		add_cell(&t, columns[i]);
	return line(&t);
}

json_t *jnl_csv_line(const struct jnl_entry *en, const json_t *event)
{
	const char *columns[COLUMNS];
	unsigned n = columns_of(columns);
	struct cst_text t = {0};

	cst_text_uint(&t, en->number);
	add_value(&t, json_object_get(event, "type"));
	add_value(&t, json_object_get(event, "time"));
	cst_text_str(&t, ",");
	cst_text_uint(&t, en->owner);
	for (unsigned i = 0; i < n; i++)
		add_value(&t, at_path(json_object_get(event, "data"), columns[i]));
	return line(&t);
}
