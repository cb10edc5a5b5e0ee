/* SPDX-License-Identifier: BSD-3-Clause */
/* JSON as text, without jansson's objects between: replies to large requests. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"

#define FIRST 4096

void cst_text_add(struct cst_text *t, const char *s, size_t n)
{
	if (t->fit - t->n <= n) {
		size_t fit = t->fit * 2 > FIRST ? t->fit * 2 : FIRST;
		char *grown;

		if (fit - t->n <= n)
			fit = t->n + n + 1;
		grown = realloc(t->s, fit);
		if (grown == NULL) {
			t->failed = true;
			return;
		}
		t->s = grown;
		t->fit = fit;
	}
	memcpy(t->s + t->n, s, n);
	t->n += n;
	t->s[t->n] = '\0';
}

void cst_text_str(struct cst_text *t, const char *s)
{
	cst_text_add(t, s, strlen(s));
}

void cst_text_uint(struct cst_text *t, uint64_t v)
{
	char buf[24], *at = buf + sizeof(buf);

	if (v > INT64_MAX) {
		snprintf(buf, sizeof(buf), "\"0x%" PRIx64 "\"", v);
		cst_text_str(t, buf);
		return;
	}
	do
		*--at = '0' + v % 10;
	while ((v /= 10) != 0);
	cst_text_add(t, at, (size_t)(buf + sizeof(buf) - at));
}

static int add_chunk(const char *s, size_t n, void *t)
{
	cst_text_add(t, s, n);
	return 0;
}

void cst_text_json(struct cst_text *t, const json_t *js)
{
	if (json_dump_callback(js, add_chunk, t,
			       JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0)
		t->failed = true;
}

static void write_string(struct cst_text *t, const char *s)
{
	size_t n = 0;

	while ((unsigned char)s[n] >= 0x20 && s[n] != '"' && s[n] != '\\' && s[n] > 0)
		n++;
	if (s[n] == '\0') {
		cst_text_add(t, "\"", 1);
		cst_text_add(t, s, n);
		cst_text_add(t, "\"", 1);
	} else { /* with escapes */
		json_t *js = cst_encode_text(s);

		cst_text_json(t, js);
		json_decref(js);
	}
}

static void write_flags(struct cst_text *t, const struct cst_field *f, uint64_t set)
{
	const char *before = "[";

	for (unsigned i = 0; f->names[i] != NULL; i++) {
		if (!(set >> i & 1))
			continue;
		cst_text_str(t, before);
		write_string(t, f->names[i]);
		before = ",";
	}
	cst_text_str(t, before[0] == '[' ? "[]" : "]");
}

static void write_value(struct cst_text *t, const struct cst_field *f, const void *mem)
{
	char buf[64];
	const char *s = cst_value_text(f, mem, buf);

	if (s != NULL)
		write_string(t, s);
	else if (f->type == CST_T_BOOL)
		cst_text_str(t, cst_load_uint(mem, f->size) ? "true" : "false");
	else if (f->type == CST_T_UINT)
		cst_text_uint(t, cst_load_uint(mem, f->size));
	else if (f->type == CST_T_FLAGS)
		write_flags(t, f, cst_load_uint(mem, f->size));
	else
		cst_write(f->sub, mem, t);
}

static void write_list(struct cst_text *t, const struct cst_field *f, const struct cst_list *list)
{
	const char *item = list->items;

	for (uint32_t k = 0; k < list->n; k++, item += f->size) {
		cst_text_add(t, k == 0 ? "[" : ",", 1);
		write_value(t, f, item);
	}
	cst_text_add(t, "]", 1);
}

void cst_write(const struct cst_object *o, const void *obj, struct cst_text *t)
{
	const char *before = "{\"";

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		const void *mem = (const char *)obj + f->offset;

		if (!cst_is_shown(f, obj, i))
			continue;
		cst_text_add(t, before, 2);
		cst_text_str(t, f->name);
		cst_text_add(t, "\":", 2);
		if (cst_is_list(f))
			write_list(t, f, mem);
		else
			write_value(t, f, mem);
		before = ",\"";
	}
	cst_text_str(t, before[0] == '{' ? "{}" : "}");
}
