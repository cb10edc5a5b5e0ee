/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The field tables that packed objects were written with, as text: what of a table
 * decides about the meaning of the bytes, no more. The same text has the same number
 * for ever. A new one goes to disk with the next batch, whatever comes of the batch
 * in which it was first needed.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/shape.h"
#include "store/store_int.h"

#define MAX_OBJECTS 256

static struct store_shape *shapes; /* [i] has number i + 1 */
static unsigned n_shapes;

/* numbers of tables of this program */
static struct {
	const struct cst_object *object;
	uint16_t number;
} known[MAX_OBJECTS];
static unsigned n_known;

/* ---- in words ------------------------------------------------------------------------ */

const char *const store_type_names[] = {"bool", "uint", "str",    "enum", "flags", "ip",
					"ip4",  "ip6",  "prefix", "mac",  "obj",   NULL};

/* In every complete object, as the unpacker asks for. */
static bool is_always(const struct cst_field *f)
{
	if (f->flags & CST_F_STATE)
		return false;
	return f->def != NULL || (f->flags & CST_F_REQUIRED) ||
	       (f->flags & (CST_F_KEY | CST_F_AUTO)) == CST_F_KEY;
}

static json_t *describe(const struct cst_object *o, unsigned depth);

static json_t *describe_names(const char *const *names)
{
	json_t *js = json_array();

	for (; *names != NULL; names++)
		json_array_append_new(js, json_string(*names));
	return js;
}

static json_t *describe_field(const struct cst_field *f, unsigned depth)
{
	json_t *js = json_pack("{s:s, s:s, s:i, s:I, s:I, s:i, s:b, s:b}", "name", f->name, "type",
			       store_type_names[f->type], "size",
			       f->type == CST_T_OBJ ? 0 : (int)f->size, "min", (json_int_t)f->min,
			       "max", (json_int_t)f->max, "max_items", (int)f->max_items, "list",
			       (f->flags & CST_F_LISTF) != 0, "always", is_always(f));

	if (f->names != NULL)
		json_object_set_new(js, "names", describe_names(f->names));
	if (f->type == CST_T_OBJ)
		json_object_set_new(js, "sub", describe(f->sub, depth + 1));
	return js;
}

static json_t *describe(const struct cst_object *o, unsigned depth)
{
	json_t *fields = json_array();

	for (unsigned i = 0; i < o->n_fields && depth < STORE_SHAPE_DEPTH; i++)
		json_array_append_new(fields, describe_field(&o->fields[i], depth));
	return json_pack("{s:s, s:o}", "name", o->name, "fields", fields);
}

/* malloc'd */
static char *text_of(const struct cst_object *o)
{
	json_t *js = describe(o, 0);
	char *text = js != NULL ? json_dumps(js, JSON_COMPACT | JSON_SORT_KEYS) : NULL;

	json_decref(js);
	return text;
}

/* ---- numbers --------------------------------------------------------------------------- */

struct store_shape *store_shape_get(uint16_t number)
{
	return number > 0 && number <= n_shapes && shapes[number - 1].text != NULL
		       ? &shapes[number - 1]
		       : NULL;
}

/* Takes over `text`. */
static int keep(unsigned number, char *text, bool on_disk)
{
	if (number > n_shapes) {
		void *p = realloc(shapes, number * sizeof(*shapes));

		if (p == NULL) {
			free(text);
			return -ENOMEM;
		}
		shapes = p;
		memset(shapes + n_shapes, 0, (number - n_shapes) * sizeof(*shapes));
		n_shapes = number;
	}
	shapes[number - 1] = (struct store_shape){.text = text, .on_disk = on_disk};
	return 0;
}

/* Takes over `text`. */
static uint16_t number_of(char *text)
{
	for (unsigned i = 0; i < n_shapes; i++)
		if (shapes[i].text != NULL && strcmp(shapes[i].text, text) == 0) {
			free(text);
			return i + 1;
		}
	if (n_shapes == UINT16_MAX) {
		free(text);
		return 0;
	}
	return keep(n_shapes + 1, text, false) == 0 ? n_shapes : 0;
}

uint16_t cst_store_shape(const struct cst_object *o)
{
	uint16_t number;
	char *text;

	if (!cst_the_store.open)
		return 0;
	for (unsigned i = 0; i < n_known; i++)
		if (known[i].object == o)
			return known[i].number;
	text = text_of(o);
	number = text != NULL ? number_of(text) : 0;
	if (number != 0 && n_known < MAX_OBJECTS) {
		known[n_known].object = o;
		known[n_known++].number = number;
	}
	return number;
}

/* ---- on disk --------------------------------------------------------------------------- */

#define PREFIX (sizeof(STORE_SHAPE_KEY) - 1)

void store_shapes_flush(void)
{
	uint8_t key[PREFIX + 2];

	memcpy(key, STORE_SHAPE_KEY, PREFIX);
	for (unsigned i = 0; i < n_shapes; i++) {
		struct store_shape *s = &shapes[i];

		if (s->text == NULL || s->on_disk)
			continue;
		key[PREFIX] = (i + 1) >> 8;
		key[PREFIX + 1] = i + 1;
		cst_store_put(CST_DB_META, key, sizeof(key), s->text, strlen(s->text));
		s->in_batch = true;
	}
}

void store_shapes_written(bool well)
{
	for (unsigned i = 0; i < n_shapes; i++) {
		if (shapes[i].in_batch && well)
			shapes[i].on_disk = true;
		shapes[i].in_batch = false;
	}
}

static int load_one(void *arg, const void *key, size_t klen, const void *val, size_t vlen)
{
	const uint8_t *k = key;
	char *text;

	if (klen < PREFIX || memcmp(key, STORE_SHAPE_KEY, PREFIX) != 0)
		return 1;
	if (klen != PREFIX + 2 || (k[PREFIX] == 0 && k[PREFIX + 1] == 0))
		return -EBADMSG;
	text = strndup(val, vlen);
	return text != NULL ? keep(k[PREFIX] << 8 | k[PREFIX + 1], text, true) : -ENOMEM;
}

int store_shapes_load(void)
{
	int ret = cst_store_each(CST_DB_META, STORE_SHAPE_KEY, PREFIX, load_one, NULL);

	return ret < 0 ? ret : 0;
}

void store_shapes_free(void)
{
	for (unsigned i = 0; i < n_shapes; i++) {
		free(shapes[i].text);
		cst_pool_free(shapes[i].pool);
	}
	free(shapes);
	shapes = NULL;
	n_shapes = n_known = 0;
}
