/* SPDX-License-Identifier: BSD-3-Clause */
/* One object for the eye: YAML that `put @FILE` takes back, units as comments. */
#include <stdlib.h>
#include <string.h>

#include "cli_int.h"

static bool plain(const char *s)
{
	static const char *const words[] = {"true", "false", "null", "yes", "no", "on", "off", "~"};

	if (*s == '\0' || strchr(" -?:,[]{}#&*!|>'\"%@`~", *s) != NULL)
		return false;
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return false;
	for (const unsigned char *c = (const unsigned char *)s; *c != '\0'; c++)
		if (*c < ' ' || *c == 0x7f || strchr("#,[]{}", *c) != NULL ||
		    (*c == ':' && (c[1] == ' ' || c[1] == '\0')))
			return false;
	return s[strlen(s) - 1] != ' ';
}

static void scalar(FILE *out, const json_t *js)
{
	char *text;

	if (json_is_string(js) && plain(json_string_value(js))) {
		fputs(json_string_value(js), out);
		return;
	}
	text = json_dumps(js, JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(15));
	fputs(text != NULL ? text : "?", out);
	free(text);
}

static bool flat_list(const json_t *js)
{
	const json_t *v;
	size_t i;

	json_array_foreach (js, i, v)
		if (json_is_object(v) || json_is_array(v))
			return false;
	return true;
}

static const struct cst_field *field_of(const struct cst_object *o, const char *name)
{
	int i = o != NULL ? cst_field_index(o, name) : -1;

	return i >= 0 ? &o->fields[i] : NULL;
}

static void members(FILE *out, const struct cst_object *o, const json_t *js, int indent,
		    bool first);

static void value(FILE *out, const struct cst_field *f, const json_t *js, int indent)
{
	const struct cst_object *sub = f != NULL ? f->sub : NULL;
	const json_t *v;
	size_t i;

	if (json_object_size(js) > 0) {
		fputc('\n', out);
		members(out, sub, js, indent + 2, false);
	} else if (json_is_array(js) && !flat_list(js)) {
		fputc('\n', out);
		json_array_foreach (js, i, v) {
			fprintf(out, "%*s- ", indent + 2, "");
			if (json_object_size(v) > 0) {
				members(out, sub, v, indent + 4, true);
			} else {
				scalar(out, v);
				fputc('\n', out);
			}
		}
	} else {
		fputc(' ', out);
		if (json_is_array(js)) {
			fputc('[', out);
			json_array_foreach (js, i, v) {
				fputs(i > 0 ? ", " : "", out);
				scalar(out, v);
			}
			fputc(']', out);
		} else {
			scalar(out, js);
		}
		if (f != NULL && f->unit != NULL)
			fprintf(out, "  # %s", f->unit);
		fputc('\n', out);
	}
}

/* `first`: the line has its indent already. */
static void members(FILE *out, const struct cst_object *o, const json_t *js, int indent, bool first)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)js, name, v) {
		fprintf(out, "%*s%s:", first ? 0 : indent, "", name);
		first = false;
		value(out, field_of(o, name), v, indent);
	}
}

void cli_print_value(FILE *out, const struct cst_object *o, const json_t *js)
{
	const json_t *v;
	size_t i;

	if (json_is_object(js)) {
		members(out, o, js, 0, false);
	} else if (json_is_array(js)) {
		json_array_foreach (js, i, v) {
			fputs("- ", out);
			if (json_object_size(v) > 0) {
				members(out, o, v, 2, true);
			} else {
				scalar(out, v);
				fputc('\n', out);
			}
		}
	} else {
		scalar(out, js);
		fputc('\n', out);
	}
}

static void compact(FILE *out, const json_t *js, bool inner)
{
	const char *name, *sep = "";
	const json_t *v;
	json_t *m;
	size_t i;

	if (json_is_array(js)) {
		bool flat = flat_list(js);

		json_array_foreach (js, i, v) {
			fputs(sep, out);
			compact(out, v, true);
			sep = flat ? "," : " ";
		}
	} else if (json_is_object(js)) {
		fputs(inner ? "{" : "", out);
		json_object_foreach ((json_t *)js, name, m) {
			fprintf(out, "%s%s=", sep, name);
			compact(out, m, true);
			sep = " ";
		}
		fputs(inner ? "}" : "", out);
	} else if (json_is_string(js)) {
		fputs(json_string_value(js), out);
	} else if (json_is_boolean(js)) {
		fputs(json_is_true(js) ? "yes" : "no", out);
	} else if (js != NULL) {
		scalar(out, js);
	}
}

char *cli_compact(const json_t *js)
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return NULL;
	compact(out, js, false);
	fclose(out);
	return text;
}
