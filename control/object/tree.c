/* SPDX-License-Identifier: BSD-3-Clause */
#include "tree.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_DIGITS 18 /* always fit into an int64_t */

/* ---- memory ---------------------------------------------------------------- */

static int fit_nodes(struct cst_tree *t, size_t n)
{
	struct cst_node *nodes;

	if (n <= t->n_fit)
		return 0;
	if (n > UINT32_MAX)
		return -EBADMSG;
	nodes = malloc(n * sizeof(*nodes)); /* what was in them is not wanted any more */
	if (nodes == NULL)
		return -ENOMEM;
	free(t->nodes);
	t->nodes = nodes;
	t->n_fit = n;
	return 0;
}

static int fit_text(struct cst_tree *t, size_t n)
{
	char *text;

	if (n <= t->text_fit)
		return 0;
	text = malloc(n);
	if (text == NULL)
		return -ENOMEM;
	free(t->text);
	t->text = text;
	t->text_fit = n;
	return 0;
}

void cst_tree_trim(struct cst_tree *t, size_t keep)
{
	if (keep != 0 && t->text_fit <= keep && t->n_fit <= keep)
		return;
	free(t->nodes);
	free(t->text);
	*t = (struct cst_tree){0};
}

/* ---- from text ------------------------------------------------------------- */

/* The text ends with a NUL, at which everything stops. */
struct reader {
	char *at;
	struct cst_node *next; /* the next free node; there are enough */
	unsigned depth, max_depth;
};

static bool read_value(struct reader *r);

static void skip_space(struct reader *r)
{
	while (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')
		r->at++;
}

static bool take(struct reader *r, char c)
{
	if (*r->at != c)
		return false;
	r->at++;
	return true;
}

/* Bytes of a string that stand for themselves. */
static bool plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool read_string(struct reader *r)
{
	char *from = ++r->at, *to = from;

	while (plain(*to))
		to++;
	if (*to != '"')
		return false;
	*to = '\0';
	r->at = to + 1;
	*r->next++ = (struct cst_node){.type = CST_N_STRING, .n = (uint32_t)(to - from), .s = from};
	return true;
}

static bool read_number(struct reader *r)
{
	bool negative = take(r, '-');
	const char *from = r->at;
	uint64_t v = 0; /* takes a digit more, by which it is seen to be too long */
	size_t digits;

	while (*r->at >= '0' && *r->at <= '9' && r->at - from <= NUMBER_DIGITS)
		v = v * 10 + (uint64_t)(*r->at++ - '0');
	digits = (size_t)(r->at - from);
	if (digits == 0 || digits > NUMBER_DIGITS || (*from == '0' && digits > 1) ||
	    *r->at == '.' || (*r->at | 0x20) == 'e')
		return false;
	*r->next++ = (struct cst_node){.type = CST_N_INT, .i = negative ? -(int64_t)v : (int64_t)v};
	return true;
}

static bool read_word(struct reader *r, const char *word, enum cst_node_type type)
{
	size_t n = strlen(word);

	if (strncmp(r->at, word, n) != 0)
		return false;
	r->at += n;
	*r->next++ = (struct cst_node){.type = type};
	return true;
}

static bool read_array(struct reader *r, struct cst_node *array)
{
	skip_space(r);
	if (take(r, ']'))
		return true;
	do {
		if (!read_value(r))
			return false;
		array->n++;
		skip_space(r);
	} while (take(r, ','));
	return take(r, ']');
}

/* Has the object the name already that was read last? `seen` has a bit for each kind of name so
 * far: mostly the names differ in it, and none has to be looked at. */
static bool is_twice(const struct cst_node *object, const struct cst_node *name, uint64_t *seen)
{
	unsigned kind = (unsigned)(name->n * 5 + (unsigned char)name->s[0] +
				   (name->n > 0 ? (unsigned char)name->s[name->n - 1] * 7 : 0));
	uint64_t bit = UINT64_C(1) << (kind & 63);
	bool look = (*seen & bit) != 0;

	*seen |= bit;
	for (const struct cst_node *m = object + 1; look && m < name; m = cst_node_next(m + 1))
		if (m->n == name->n && memcmp(m->s, name->s, m->n) == 0)
			return true;
	return false;
}

/* No object that coast takes has so many. The other reader looks names up in a hash: looking at all
 * of them takes the square of their number. */
#define NAMES_MAX 128

static bool read_object(struct reader *r, struct cst_node *object)
{
	uint64_t seen = 0;

	skip_space(r);
	if (take(r, '}'))
		return true;
	do {
		struct cst_node *name = r->next;

		if (object->n == NAMES_MAX)
			return false;
		skip_space(r);
		if (*r->at != '"' || !read_string(r) || is_twice(object, name, &seen))
			return false;
		skip_space(r);
		if (!take(r, ':') || !read_value(r))
			return false;
		object->n++;
		skip_space(r);
	} while (take(r, ','));
	return take(r, '}');
}

static bool read_container(struct reader *r)
{
	bool object = *r->at++ == '{';
	struct cst_node *v = r->next++;
	bool good;

	*v = (struct cst_node){.type = object ? CST_N_OBJECT : CST_N_ARRAY};
	if (++r->depth > r->max_depth)
		return false;
	good = object ? read_object(r, v) : read_array(r, v);
	r->depth--;
	v->span = (uint32_t)(r->next - v);
	return good;
}

static bool read_value(struct reader *r)
{
	skip_space(r);
	switch (*r->at) {
	case '"':
		return read_string(r);
	case '{':
	case '[':
		return read_container(r);
	case 't':
		return read_word(r, "true", CST_N_TRUE);
	case 'f':
		return read_word(r, "false", CST_N_FALSE);
	case 'n':
		return read_word(r, "null", CST_N_NULL);
	default:
		return read_number(r);
	}
}

int cst_tree_parse(struct cst_tree *t, const char *text, size_t len, unsigned max_depth)
{
	struct reader r;
	int ret;

	/* A node takes two bytes of text at least, "[]" or "1,", but for a last number and what is
	 * open at the end, the one level that is too deep included. Pages that no node comes to
	 * stay free. */
	ret = fit_nodes(t, len / 2 + 1 + max_depth + 1);
	if (ret == 0)
		ret = fit_text(t, len + 1);
	if (ret < 0)
		return ret;
	memcpy(t->text, text, len);
	t->text[len] = '\0';
	r = (struct reader){.at = t->text, .next = t->nodes, .max_depth = max_depth};
	if (!read_value(&r))
		return -EBADMSG;
	skip_space(&r);
	t->n_nodes = (uint32_t)(r.next - t->nodes);
	return r.at == t->text + len ? 0 : -EBADMSG;
}

/* ---- from and to jansson's ------------------------------------------------------ */

static size_t count(const json_t *js)
{
	size_t n = 1, i;
	const char *name;
	json_t *v;

	if (json_is_array(js))
		json_array_foreach (js, i, v)
			n += count(v);
	else
		json_object_foreach ((json_t *)js, name, v)
			n += 1 + count(v);
	return n;
}

static struct cst_node string_node(const char *s, size_t n)
{
	return (struct cst_node){.type = CST_N_STRING, .n = (uint32_t)n, .s = s};
}

/* Writes the nodes of `js` from `v` on; returns the place behind them. */
static struct cst_node *put(struct cst_node *v, const json_t *js)
{
	struct cst_node *from = v++;
	const char *name;
	json_t *item;
	size_t i;

	switch (json_typeof(js)) {
	case JSON_NULL:
		*from = (struct cst_node){.type = CST_N_NULL};
		break;
	case JSON_FALSE:
		*from = (struct cst_node){.type = CST_N_FALSE};
		break;
	case JSON_TRUE:
		*from = (struct cst_node){.type = CST_N_TRUE};
		break;
	case JSON_INTEGER:
		*from = (struct cst_node){.type = CST_N_INT, .i = json_integer_value(js)};
		break;
	case JSON_REAL:
		*from = (struct cst_node){.type = CST_N_REAL, .r = json_real_value(js)};
		break;
	case JSON_STRING:
		*from = string_node(json_string_value(js), json_string_length(js));
		break;
	case JSON_ARRAY:
		json_array_foreach (js, i, item)
			v = put(v, item);
		*from = (struct cst_node){.type = CST_N_ARRAY, .n = (uint32_t)json_array_size(js)};
		break;
	case JSON_OBJECT:
		json_object_foreach ((json_t *)js, name, item) {
			*v = string_node(name, strlen(name));
			v = put(v + 1, item);
		}
		*from = (struct cst_node){.type = CST_N_OBJECT,
					  .n = (uint32_t)json_object_size(js)};
		break;
	}
	if (from->type >= CST_N_ARRAY)
		from->span = (uint32_t)(v - from);
	return v;
}

int cst_tree_take(struct cst_tree *t, const json_t *js)
{
	size_t n = js != NULL ? count(js) : 1;

	if (fit_nodes(t, n) < 0)
		return -ENOMEM;
	t->n_nodes = (uint32_t)n;
	if (js != NULL)
		put(t->nodes, js);
	else
		t->nodes[0] = (struct cst_node){.type = CST_N_NULL};
	return 0;
}

const struct cst_node *cst_node_member(const struct cst_node *v, const char *name)
{
	const struct cst_node *m = v + 1;

	for (uint32_t i = 0; v->type == CST_N_OBJECT && i < v->n; i++) {
		if (strcmp(m->s, name) == 0)
			return m + 1;
		m = cst_node_next(m + 1);
	}
	return NULL;
}

json_t *cst_node_json(const struct cst_node *v)
{
	const struct cst_node *m = v + 1;
	json_t *js;

	switch (v->type) {
	case CST_N_NULL:
		return json_null();
	case CST_N_FALSE:
		return json_false();
	case CST_N_TRUE:
		return json_true();
	case CST_N_INT:
		return json_integer(v->i);
	case CST_N_REAL:
		return json_real(v->r);
	case CST_N_STRING:
		return json_stringn_nocheck(v->s, v->n);
	case CST_N_ARRAY:
		js = json_array();
		for (uint32_t i = 0; i < v->n; i++, m = cst_node_next(m))
			json_array_append_new(js, cst_node_json(m));
		return js;
	default:
		js = json_object();
		for (uint32_t i = 0; i < v->n; i++, m = cst_node_next(m + 1))
			json_object_set_new_nocheck(js, m->s, cst_node_json(m + 1));
		return js;
	}
}
