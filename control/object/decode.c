/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "codec.h"

enum mode { COMPLETE, PARTIAL, KEY_ONLY };

static size_t spell(const struct cst_dec_at *at, char *buf, size_t size)
{
	size_t n = at->up != NULL ? spell(at->up, buf, size) : 0;

	if (n >= size)
		return n;
	if (at->name != NULL)
		return n + snprintf(buf + n, size - n, "%s%s", n > 0 ? "." : "", at->name);
	return n + snprintf(buf + n, size - n, "[%u]", at->index);
}

int cst_dec_fail(struct cst_dec *d, const struct cst_dec_at *at, const char *name, int code,
		 const char *fmt, ...)
{
	struct cst_dec_at below = {.up = at, .name = name};
	struct cst_err e = {.code = code};
	va_list ap;

	if (name != NULL)
		at = &below;
	if (at != NULL)
		spell(at, e.field, sizeof(e.field));
	va_start(ap, fmt);
	vsnprintf(e.reason, sizeof(e.reason), fmt, ap);
	va_end(ap);
	d->errors++;
	if (d->e != NULL)
		*d->e = e;
	if (d->sink != NULL)
		d->sink(d->arg, &e);
	return code;
}

int cst_field_index(const struct cst_object *o, const char *name)
{
	for (unsigned i = 0; i < o->n_fields; i++)
		if (strcmp(o->fields[i].name, name) == 0)
			return i;
	return -1;
}

/* Members mostly come in the table's order: look on from the last hit, round the table once. */
static int find(const struct cst_object *o, const char *name, unsigned from)
{
	for (unsigned i = from; i < o->n_fields; i++)
		if (strcmp(o->fields[i].name, name) == 0)
			return i;
	for (unsigned i = 0; i < from; i++)
		if (strcmp(o->fields[i].name, name) == 0)
			return i;
	return -1;
}

static int unknown(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_object *o,
		   const char *name)
{
	struct cst_suggest s = {.word = name};
	struct cst_dec_at shown = {.up = at, .name = name};
	char list[160];
	size_t n = 0;

	if (!cst_utf8_plain(name, strlen(name)) || strlen(name) > 64)
		shown.name = "?";
	for (unsigned i = 0; i < o->n_fields; i++) {
		cst_suggest_try(&s, o->fields[i].name);
		if (n < sizeof(list) && !(o->fields[i].flags & CST_F_STATE))
			n += snprintf(list + n, sizeof(list) - n, "%s%s", n > 0 ? ", " : "",
				      o->fields[i].name);
	}
	if (s.best != NULL)
		return cst_dec_fail(d, &shown, NULL, -EINVAL, "unknown member, did you mean '%s'?",
				    s.best);
	return cst_dec_fail(d, &shown, NULL, -EINVAL, "unknown member; %s has %s%s", o->name, list,
			    n >= sizeof(list) ? "..." : "");
}

static bool needed(const struct cst_field *f, enum mode mode)
{
	if (f->flags & CST_F_STATE)
		return false;
	if (f->flags & CST_F_KEY)
		return mode != COMPLETE || !(f->flags & CST_F_AUTO);
	return mode == COMPLETE && (f->flags & CST_F_REQUIRED);
}

/* Is it time to give up? With a sink only when there is no memory. */
static bool stop(const struct cst_dec *d, int ret)
{
	return ret < 0 && (d->sink == NULL || ret == -ENOMEM);
}

static int decode_object(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_object *o,
			 const struct cst_node *v, enum mode mode, void *out);

static int decode_list(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		       const struct cst_node *v, enum mode mode, struct cst_list *list)
{
	struct cst_dec_at el = {.up = at};
	uint32_t n = v->n;
	char *item;
	int worst = 0;

	if (v->type != CST_N_ARRAY)
		return cst_dec_fail(d, at, NULL, -EINVAL, "must be a list");
	if (n > cst_list_max(f))
		return cst_dec_fail(d, at, NULL, -EINVAL, "must have at most %u items, got %u",
				    cst_list_max(f), n);
	if (n == 0)
		return 0;
	item = cst_pool_alloc(d->pool, (size_t)n * f->size);
	if (item == NULL)
		return cst_dec_fail(d, at, NULL, -ENOMEM, "the request needs too much memory");
	list->n = n;
	list->items = item;
	v++;
	for (uint32_t i = 0; i < n; i++, item += f->size, v = cst_node_next(v)) {
		int ret;

		el.index = i;
		ret = f->type == CST_T_OBJ ? decode_object(d, &el, f->sub, v, mode, item)
					   : cst_dec_scalar(d, &el, f, v, item);
		if (stop(d, ret))
			return ret;
		if (ret < 0)
			worst = ret;
	}
	return worst;
}

int cst_dec_field(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		  const struct cst_node *v, bool partial, void *mem)
{
	enum mode mode = partial && (f->flags & CST_F_PARTIAL) ? PARTIAL : COMPLETE;

	if (cst_is_list(f))
		return decode_list(d, at, f, v, mode, mem);
	if (f->type == CST_T_OBJ)
		return decode_object(d, at, f->sub, v, mode, mem);
	return cst_dec_scalar(d, at, f, v, mem);
}

static int decode_member(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_object *o,
			 int index, const struct cst_node *v, enum mode mode, void *out)
{
	const struct cst_field *f = &o->fields[index];
	struct cst_dec_at here = {.up = at, .name = f->name};

	if (f->flags & CST_F_STATE)
		return cst_dec_fail(d, &here, NULL, -EINVAL, "is state: shown, never given");
	if (mode == KEY_ONLY && !(f->flags & CST_F_KEY))
		return cst_dec_fail(d, &here, NULL, -EINVAL, "not wanted here: give the key alone");
	*(uint64_t *)out |= UINT64_C(1) << index;
	return cst_dec_field(d, &here, f, v, mode == PARTIAL, (char *)out + f->offset);
}

static int decode_members(struct cst_dec *d, const struct cst_dec_at *at,
			  const struct cst_object *o, const struct cst_node *v, enum mode mode,
			  void *out)
{
	const struct cst_node *name = v + 1, *value;
	unsigned guess = 0;
	int worst = 0;

	for (uint32_t k = 0; k < v->n; k++, name = cst_node_next(value)) {
		int i = find(o, name->s, guess), ret;

		value = name + 1;
		if (i < 0) {
			ret = unknown(d, at, o, name->s);
		} else {
			guess = i + 1;
			ret = decode_member(d, at, o, i, value, mode, out);
		}
		if (stop(d, ret))
			return ret;
		if (ret < 0)
			worst = ret;
	}
	return worst;
}

/* What was not given: required, or its default. */
static int fill_absent(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_object *o,
		       enum mode mode, void *out)
{
	uint64_t *has = out;
	int worst = 0;

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		struct cst_dec_at here = {.up = at, .name = f->name};
		int ret = 0;

		if (*has >> i & 1)
			continue;
		if (needed(f, mode)) {
			ret = cst_dec_fail(d, &here, NULL, -EINVAL, "is required: %s", f->help);
		} else if (f->def != NULL && mode == COMPLETE && !(f->flags & CST_F_STATE)) {
			*has |= UINT64_C(1) << i;
			ret = cst_dec_text(d, &here, f, f->def, (char *)out + f->offset);
		}
		if (stop(d, ret))
			return ret;
		if (ret < 0)
			worst = ret;
	}
	return worst;
}

static int decode_object(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_object *o,
			 const struct cst_node *v, enum mode mode, void *out)
{
	struct cst_err why = {0};
	int ret, absent;

	if (v->type != CST_N_OBJECT)
		return cst_dec_fail(d, at, NULL, -EINVAL, "must be an object");
	ret = decode_members(d, at, o, v, mode, out);
	if (stop(d, ret))
		return ret;
	absent = fill_absent(d, at, o, mode, out);
	if (ret < 0 || absent < 0)
		return absent < 0 ? absent : ret;
	if (mode != COMPLETE || o->check == NULL)
		return 0;
	ret = o->check(out, &why);
	if (ret < 0) /* its path is text already: it takes the place of a member's name */
		return cst_dec_fail(d, at, why.field[0] != '\0' ? why.field : NULL, ret, "%s",
				    why.reason);
	return 0;
}

static int decode(const struct cst_object *o, const struct cst_node *v, enum mode mode,
		  struct cst_pool *p, void *out, struct cst_err *e)
{
	struct cst_dec d = {.pool = p, .e = e};

	memset(out, 0, o->size);
	return decode_object(&d, NULL, o, v, mode, out);
}

int cst_decode_node(const struct cst_object *o, const struct cst_node *v, bool partial,
		    struct cst_pool *p, void *out, struct cst_err *e)
{
	return decode(o, v, partial ? PARTIAL : COMPLETE, p, out, e);
}

/* The only key field; NULL: there are several, or none. */
static const char *only_key(const struct cst_object *o)
{
	const char *name = NULL;

	for (unsigned i = 0; i < o->n_fields; i++) {
		if (!(o->fields[i].flags & CST_F_KEY))
			continue;
		if (name != NULL)
			return NULL;
		name = o->fields[i].name;
	}
	return name;
}

static int not_a_key(const struct cst_object *o, const struct cst_node *v, struct cst_err *e)
{
	if (v->type == CST_N_ARRAY || only_key(o) != NULL)
		return cst_err(e, -EINVAL, NULL, "must be the key of a %s", o->name);
	return cst_err(e, -EINVAL, NULL, "must be an object with the key of a %s", o->name);
}

int cst_decode_key_node(const struct cst_object *o, const struct cst_node *v, struct cst_pool *p,
			void *out, struct cst_err *e)
{
	const char *key = only_key(o);
	struct cst_node whole[3] = {
		{.type = CST_N_OBJECT, .n = 1, .span = 3}, {.type = CST_N_STRING, .s = key}, *v};

	if (v->type == CST_N_OBJECT)
		return decode(o, v, KEY_ONLY, p, out, e);
	if (key == NULL || v->type == CST_N_ARRAY || v->type == CST_N_NULL)
		return not_a_key(o, v, e);
	whole[1].n = (uint32_t)strlen(key);
	return decode(o, whole, KEY_ONLY, p, out, e);
}

/* ---- what jansson has read --------------------------------------------------- */

static int no_memory(struct cst_err *e)
{
	return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
}

int cst_decode(const struct cst_object *o, const json_t *js, bool partial, struct cst_pool *p,
	       void *out, struct cst_err *e)
{
	struct cst_tree t = {0};
	int ret = cst_tree_take(&t, js) < 0 ? no_memory(e)
					    : cst_decode_node(o, t.nodes, partial, p, out, e);

	cst_tree_trim(&t, 0);
	return ret;
}

int cst_decode_key(const struct cst_object *o, const json_t *js, struct cst_pool *p, void *out,
		   struct cst_err *e)
{
	struct cst_tree t = {0};
	int ret = cst_tree_take(&t, js) < 0 ? no_memory(e)
					    : cst_decode_key_node(o, t.nodes, p, out, e);

	cst_tree_trim(&t, 0);
	return ret;
}

unsigned cst_decode_all(const struct cst_object *o, const json_t *js, struct cst_pool *p, void *out,
			void (*sink)(void *arg, const struct cst_err *e), void *arg)
{
	struct cst_dec d = {.pool = p, .sink = sink, .arg = arg};
	struct cst_tree t = {0};

	memset(out, 0, o->size);
	if (cst_tree_take(&t, js) < 0)
		cst_dec_fail(&d, NULL, NULL, -ENOMEM, "the request needs too much memory");
	else
		decode_object(&d, NULL, o, t.nodes, COMPLETE, out);
	cst_tree_trim(&t, 0);
	return d.errors;
}
