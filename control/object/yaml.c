/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include <yaml.h>

#include "config.h"

#define MAX_FILE  (64u << 20)
#define MAX_DEPTH 32
#define MAX_EXTRA 100000 /* nodes that aliases may add to those written */
#define MAX_PATH  512

struct shape { /* what is expected at a node; all NULL: anything */
	bool top;
	const struct cst_object *object;
	const struct cst_field *field;
	bool element; /* of the field's list */
};

struct reader {
	struct cst_yaml *y;
	const char *file;
	cst_config_report report;
	yaml_document_t doc;
	size_t budget;
	char path[MAX_PATH];
	size_t path_len;
};

static void fail(struct reader *r, unsigned line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct reader *r, unsigned line, const char *fmt, ...)
{
	struct cst_err e;
	char reason[sizeof(e.reason)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(reason, sizeof(reason), fmt, ap);
	va_end(ap);
	cst_err(&e, -EINVAL, r->path, "%s", reason);
	r->y->errors++;
	if (r->report != NULL)
		r->report(r->file, line, &e);
}

static unsigned line_of(const yaml_node_t *n)
{
	return n->start_mark.line + 1;
}

static void path_add(struct reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void path_add(struct reader *r, const char *fmt, ...)
{
	size_t room = sizeof(r->path) - r->path_len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(r->path + r->path_len, room, fmt, ap);
	va_end(ap);
	r->path_len += n < 0 ? 0 : (size_t)n < room ? (size_t)n : room - 1;
}

static void path_cut(struct reader *r, size_t len)
{
	r->path_len = len;
	r->path[len] = '\0';
}

/* ---- scalars: read as the field asks -------------------------------------- */

static bool is_number(const char *s, size_t n)
{
	size_t digits = strspn(s + (*s == '-'), "0123456789");

	return digits > 0 && digits < 19 && digits + (*s == '-') == n;
}

static json_t *truth(const char *s, bool wide)
{
	if (strcasecmp(s, "true") == 0 || (wide && (!strcasecmp(s, "yes") || !strcasecmp(s, "on"))))
		return json_true();
	if (strcasecmp(s, "false") == 0 ||
	    (wide && (!strcasecmp(s, "no") || !strcasecmp(s, "off"))))
		return json_false();
	return NULL;
}

static json_t *scalar(const yaml_node_t *n, const struct shape *sh)
{
	const char *s = (const char *)n->data.scalar.value;
	size_t len = n->data.scalar.length;
	int type = sh->field != NULL ? sh->field->type : -1;
	json_t *js = NULL;

	if (n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
		if (len == 0 || strcmp(s, "~") == 0 || strcmp(s, "null") == 0)
			return json_null();
		if ((type == CST_T_UINT || type < 0) && is_number(s, len))
			return json_integer(strtoll(s, NULL, 10));
		if (type == CST_T_BOOL || type < 0)
			js = truth(s, type == CST_T_BOOL);
	}
	return js != NULL ? js : json_stringn(s, len);
}

/* ---- nodes --------------------------------------------------------------- */

static json_t *convert(struct reader *r, int id, const struct shape *sh, unsigned depth);

static struct shape shape_of_item(const struct shape *sh)
{
	struct shape item = *sh;

	if (sh->field != NULL) {
		item.element = true;
		if (sh->field->type == CST_T_OBJ)
			item.object = sh->field->sub;
	}
	return item;
}

static struct shape shape_of_member(const struct shape *sh, const char *name)
{
	struct shape member = {0};
	int i;

	if (sh->top) {
		const struct cst_class *c = cst_class_by_plural(name);

		if (c != NULL)
			member.object = c->object;
	} else if (sh->object != NULL) {
		i = cst_field_index(sh->object, name);
		if (i >= 0)
			member.field = &sh->object->fields[i];
		if (i >= 0 && member.field->type == CST_T_OBJ)
			member.object = member.field->sub;
	}
	return member;
}

static json_t *sequence(struct reader *r, const yaml_node_t *n, const struct shape *sh,
			unsigned depth)
{
	struct shape item = shape_of_item(sh);
	size_t here = r->path_len;
	json_t *js = json_array();
	unsigned i = 0;

	for (const yaml_node_item_t *it = n->data.sequence.items.start;
	     it < n->data.sequence.items.top; it++, i++) {
		path_add(r, "[%u]", i);
		json_array_append_new(js, convert(r, *it, &item, depth + 1));
		path_cut(r, here);
	}
	return js;
}

static void member(struct reader *r, const yaml_node_pair_t *pair, const struct shape *sh,
		   unsigned depth, json_t *into)
{
	const yaml_node_t *key = yaml_document_get_node(&r->doc, pair->key);
	size_t here = r->path_len;
	struct shape value;
	const char *name;

	if (key->type != YAML_SCALAR_NODE ||
	    strlen((const char *)key->data.scalar.value) != key->data.scalar.length ||
	    !cst_utf8_plain((const char *)key->data.scalar.value, key->data.scalar.length)) {
		fail(r, line_of(key), "a key must be plain text");
		return;
	}
	name = (const char *)key->data.scalar.value;
	path_add(r, "%s%s", here > 0 ? "." : "", name);
	if (json_object_get(into, name) != NULL) {
		fail(r, line_of(key), "is given twice, first on line %u",
		     cst_yaml_line(r->y, r->path));
	} else {
		/* a member's line is its key's: the value may begin below */
		json_object_set_new(r->y->lines, r->path, json_integer(line_of(key)));
		value = shape_of_member(sh, name);
		json_object_set_new(into, name, convert(r, pair->value, &value, depth + 1));
	}
	path_cut(r, here);
}

/* Never NULL: what cannot be had is null, and an error has been reported. */
static json_t *convert(struct reader *r, int id, const struct shape *sh, unsigned depth)
{
	const yaml_node_t *n = yaml_document_get_node(&r->doc, id);
	json_t *js;

	if (r->budget == 0)
		return json_null(); /* reported when it ran out */
	if (--r->budget == 0) {
		fail(r, line_of(n), "aliases expand to too much");
		return json_null();
	}
	if (depth > MAX_DEPTH) {
		fail(r, line_of(n), "is nested deeper than %u levels", MAX_DEPTH);
		r->budget = 0; /* an alias within itself: once is enough */
		return json_null();
	}
	if (json_object_get(r->y->lines, r->path) == NULL)
		json_object_set_new(r->y->lines, r->path, json_integer(line_of(n)));
	if (n->tag != NULL && strncmp((const char *)n->tag, "tag:yaml.org,2002:", 18) != 0) {
		fail(r, line_of(n), "has a tag, which this file does not use");
		return json_null();
	}
	switch (n->type) {
	case YAML_SCALAR_NODE:
		js = scalar(n, sh);
		break;
	case YAML_SEQUENCE_NODE:
		return sequence(r, n, sh, depth);
	default:
		js = json_object();
		for (const yaml_node_pair_t *p = n->data.mapping.pairs.start;
		     p < n->data.mapping.pairs.top; p++)
			member(r, p, sh, depth, js);
	}
	return js != NULL ? js : json_null();
}

static void syntax(struct reader *r, const yaml_parser_t *p)
{
	if (p->error == YAML_READER_ERROR)
		fail(r, 0, "is not text in UTF-8 (byte %zu)", p->problem_offset);
	else if (p->context != NULL)
		fail(r, p->problem_mark.line + 1, "is not YAML: %s, %s", p->context, p->problem);
	else
		fail(r, p->problem_mark.line + 1, "is not YAML: %s",
		     p->problem != NULL ? p->problem : "out of memory");
}

/* Nesting is measured before anything is built: libyaml's time grows with its square. What is
 * wrong otherwise is left for the one that builds to tell. */
static bool too_deep(struct reader *r, FILE *f)
{
	unsigned depth = 0;
	bool more = true;
	yaml_parser_t p;
	yaml_event_t ev;

	if (!yaml_parser_initialize(&p))
		return false;
	yaml_parser_set_input_file(&p, f);
	while (more && depth <= MAX_DEPTH + 1 && yaml_parser_parse(&p, &ev)) {
		if (ev.type == YAML_SEQUENCE_START_EVENT || ev.type == YAML_MAPPING_START_EVENT)
			depth++;
		if (ev.type == YAML_SEQUENCE_END_EVENT || ev.type == YAML_MAPPING_END_EVENT)
			depth--;
		if (depth > MAX_DEPTH + 1)
			fail(r, ev.start_mark.line + 1, "is nested deeper than %u levels",
			     MAX_DEPTH);
		more = ev.type != YAML_STREAM_END_EVENT;
		yaml_event_delete(&ev);
	}
	yaml_parser_delete(&p);
	rewind(f);
	return depth > MAX_DEPTH + 1;
}

static void read_document(struct reader *r, yaml_parser_t *p, const struct shape *sh)
{
	yaml_document_t more;
	yaml_node_t *root;

	if (!yaml_parser_load(p, &r->doc)) {
		syntax(r, p);
		return;
	}
	root = yaml_document_get_root_node(&r->doc);
	r->budget = r->doc.nodes.top - r->doc.nodes.start + MAX_EXTRA;
	r->y->root = root != NULL ? convert(r, 1, sh, 0) : json_null();
	yaml_document_delete(&r->doc);
	if (root == NULL)
		return;
	if (!yaml_parser_load(p, &more)) {
		syntax(r, p);
		return;
	}
	root = yaml_document_get_root_node(&more);
	if (root != NULL)
		fail(r, line_of(root), "a second document: one file holds one");
	yaml_document_delete(&more);
}

void cst_yaml_read(struct cst_yaml *y, const char *path, const struct cst_object *shape,
		   cst_config_report report)
{
	struct reader r = {.y = y, .file = path, .report = report};
	struct shape sh = {.top = shape == NULL, .object = shape};
	yaml_parser_t p;
	struct stat st;
	FILE *f = fopen(path, "re");

	*y = (struct cst_yaml){.lines = json_object()};
	if (f == NULL || fstat(fileno(f), &st) < 0) {
		fail(&r, 0, "cannot be read: %s", strerror(errno));
	} else if (S_ISDIR(st.st_mode) || st.st_size > (off_t)MAX_FILE) {
		fail(&r, 0, "is %s", S_ISDIR(st.st_mode) ? "a directory" : "larger than 64 MiB");
	} else if (S_ISREG(st.st_mode) && too_deep(&r, f)) {
		/* told */
	} else if (!yaml_parser_initialize(&p)) {
		fail(&r, 0, "out of memory");
	} else {
		yaml_parser_set_input_file(&p, f);
		read_document(&r, &p, &sh);
		yaml_parser_delete(&p);
	}
	if (f != NULL)
		fclose(f);
}

void cst_yaml_free(struct cst_yaml *y)
{
	json_decref(y->root);
	json_decref(y->lines);
	*y = (struct cst_yaml){0};
}

/* ---- paths --------------------------------------------------------------- */

unsigned cst_yaml_line(const struct cst_yaml *y, const char *path)
{
	char at[MAX_PATH];
	size_t n;

	snprintf(at, sizeof(at), "%s", path);
	for (n = strlen(at); n > 0; n--) {
		const json_t *line;

		if (at[n] != '\0' && at[n] != '.' && at[n] != '[')
			continue;
		at[n] = '\0';
		line = json_object_get(y->lines, at);
		if (line != NULL)
			return json_integer_value(line);
	}
	return 0;
}

json_t *cst_json_at(const json_t *js, const char *path)
{
	while (*path != '\0' && js != NULL) {
		char name[64];
		size_t n;

		if (*path == '[') {
			js = json_array_get(js, strtoul(path + 1, NULL, 10));
			path = strchr(path, ']');
			if (path++ == NULL)
				return NULL;
			continue;
		}
		path += *path == '.';
		n = strcspn(path, ".[");
		if (n == 0 || n >= sizeof(name))
			return NULL;
		memcpy(name, path, n);
		name[n] = '\0';
		js = json_object_get(js, name);
		path += n;
	}
	return (json_t *)js;
}
