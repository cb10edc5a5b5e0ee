/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Objects that were packed with another table than the present one: a table is made
 * from the text that was kept, and reads them; then their JSON is decoded by the
 * present table, which matches members and names of values as it does for any
 * client, and fills in defaults.
 */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "store/shape.h"
#include "store/store_int.h"

/* ---- a table from text -------------------------------------------------------------- */

static size_t aligned(size_t n)
{
	return (n + 7) / 8 * 8;
}

static int type_of(const char *name)
{
	for (int i = 0; name != NULL && store_type_names[i] != NULL; i++)
		if (strcmp(store_type_names[i], name) == 0)
			return i;
	return -1;
}

static const char *const *build_names(json_t *js, struct cst_pool *p)
{
	size_t n = json_array_size(js);
	const char **names;

	if (n == 0)
		return NULL;
	names = cst_pool_alloc(p, (n + 1) * sizeof(*names));
	for (size_t i = 0; names != NULL && i < n; i++) {
		const char *s = json_string_value(json_array_get(js, i));

		names[i] = s != NULL ? cst_pool_strdup(p, s) : NULL;
		if (names[i] == NULL)
			return NULL;
	}
	return names;
}

static const struct cst_object *build(json_t *js, struct cst_pool *p, unsigned depth);

static int build_field(struct cst_field *f, json_t *js, struct cst_pool *p, unsigned depth)
{
	const char *name = json_string_value(json_object_get(js, "name"));
	int type = type_of(json_string_value(json_object_get(js, "type")));

	if (name == NULL || type < 0)
		return -EBADMSG;
	f->name = cst_pool_strdup(p, name);
	f->help = "as it was";
	f->type = type;
	f->size = json_integer_value(json_object_get(js, "size"));
	f->min = json_integer_value(json_object_get(js, "min"));
	f->max = json_integer_value(json_object_get(js, "max"));
	f->max_items = json_integer_value(json_object_get(js, "max_items"));
	f->flags = json_is_true(json_object_get(js, "list")) ? CST_F_LISTF : 0;
	f->names = build_names(json_object_get(js, "names"), p);
	if (type != CST_T_OBJ)
		return 0;
	f->sub = build(json_object_get(js, "sub"), p, depth + 1);
	if (f->sub == NULL || f->sub->size > UINT16_MAX)
		return -EBADMSG;
	f->size = f->sub->size;
	return 0;
}

/* Its structs are not the program's: members lie one behind the other. */
static const struct cst_object *build(json_t *js, struct cst_pool *p, unsigned depth)
{
	json_t *list = json_object_get(js, "fields");
	const char *name = json_string_value(json_object_get(js, "name"));
	size_t n = json_array_size(list), at = sizeof(uint64_t);
	struct cst_object *o = cst_pool_alloc(p, sizeof(*o));
	struct cst_field *fields = cst_pool_alloc(p, (n + 1) * sizeof(*fields));

	if (o == NULL || fields == NULL || name == NULL || n > 64 || depth >= STORE_SHAPE_DEPTH)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct cst_field *f = &fields[i];

		if (build_field(f, json_array_get(list, i), p, depth) < 0 || at > UINT16_MAX)
			return NULL;
		f->offset = at;
		at += aligned(f->flags & CST_F_LISTF ? sizeof(struct cst_list) : f->size);
	}
	*o = (struct cst_object){.name = cst_pool_strdup(p, name),
				 .help = "as it was",
				 .fields = fields,
				 .n_fields = n,
				 .size = at};
	return o;
}

int store_shape_build(struct store_shape *s)
{
	json_t *js;

	if (s->object != NULL)
		return 0;
	js = json_loads(s->text, 0, NULL);
	s->pool = cst_pool_new();
	if (js != NULL && s->pool != NULL)
		s->object = build(js, s->pool, 0);
	json_decref(js);
	if (s->object != NULL && cst_object_verify(s->object, NULL) == 0)
		return 0;
	cst_pool_free(s->pool);
	s->pool = NULL;
	s->object = NULL;
	return -EBADMSG;
}

/* ---- old objects ---------------------------------------------------------------------- */

static void drop_unknown(const struct cst_object *o, json_t *js);

static void drop_in_field(const struct cst_field *f, json_t *v)
{
	json_t *item;
	size_t i;

	if (f->type != CST_T_OBJ)
		return;
	if (!json_is_array(v))
		drop_unknown(f->sub, v);
	else
		json_array_foreach (v, i, item)
			drop_unknown(f->sub, item);
}

/* Members that the present table does not have, or no longer takes. */
static void drop_unknown(const struct cst_object *o, json_t *js)
{
	const char *name;
	json_t *v;
	void *tmp;

	json_object_foreach_safe(js, tmp, name, v)
	{
		int i = cst_field_index(o, name);

		if (i < 0 || (o->fields[i].flags & CST_F_STATE))
			json_object_del(js, name);
		else
			drop_in_field(&o->fields[i], v);
	}
}

static int convert(const struct cst_object *from, const struct cst_object *to, const void *buf,
		   size_t len, struct cst_pool *p, void *out)
{
	void *old = cst_pool_alloc(p, from->size);
	struct cst_err e = {0};
	json_t *js;
	int ret;

	if (old == NULL)
		return -ENOMEM;
	ret = cst_unpack(from, buf, len, p, old);
	if (ret < 0)
		return ret;
	js = cst_encode(from, old);
	if (js == NULL)
		return -ENOMEM;
	drop_unknown(to, js);
	memset(out, 0, to->size);
	ret = cst_decode(to, js, false, p, out, &e);
	json_decref(js);
	if (ret == -EINVAL) {
		LOG_ERR("a stored %s does not fit this coastd: %s: %s", to->name, e.field,
			e.reason);
		ret = -EBADMSG;
	}
	return ret;
}

int cst_store_unpack(uint16_t shape, const struct cst_object *o, const void *buf, size_t len,
		     struct cst_pool *p, void *out)
{
	struct store_shape *s;
	int ret;

	if (shape == cst_store_shape(o))
		return cst_unpack(o, buf, len, p, out);
	s = store_shape_get(shape);
	if (s == NULL)
		return -EBADMSG;
	ret = store_shape_build(s);
	return ret < 0 ? ret : convert(s->object, o, buf, len, p, out);
}
