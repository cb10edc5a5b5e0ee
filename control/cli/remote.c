/* SPDX-License-Identifier: BSD-3-Clause */
/* Field tables of what is not linked here, from coastd's own description. */
#include <stdlib.h>
#include <string.h>

#include "cli_int.h"

static const char *text_of(const json_t *js, const char *name)
{
	return json_string_value(json_object_get(js, name));
}

static uint64_t uint_of(const json_t *js, const char *name)
{
	const json_t *v = json_object_get(js, name);

	if (json_is_string(v))
		return strtoull(json_string_value(v), NULL, 0);
	return (uint64_t)json_integer_value(v);
}

static int type_of(const char *name)
{
	static const char *const names[] = {"bool", "uint", "str",    "enum", "flags", "ip",
					    "ipv4", "ipv6", "prefix", "mac",  "object"};

	for (unsigned i = 0; name != NULL && i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return (int)i;
	return -1;
}

static unsigned size_of(int type, const struct cst_object *sub)
{
	switch (type) {
	case CST_T_BOOL:
	case CST_T_ENUM:
		return 1;
	case CST_T_FLAGS:
		return 4;
	case CST_T_IP:
	case CST_T_IP4:
	case CST_T_IP6:
		return sizeof(struct cst_ip);
	case CST_T_PREFIX:
		return sizeof(struct cst_prefix);
	case CST_T_MAC:
		return 6;
	case CST_T_OBJ:
		return sub->size;
	default:
		return 8;
	}
}

static bool fill(struct cst_field *f, const json_t *js)
{
	static const struct {
		const char *name;
		uint8_t flag;
	} flags[] = {
		{"required", CST_F_REQUIRED}, {"key", CST_F_KEY}, {"auto", CST_F_AUTO},
		{"state", CST_F_STATE},       {"hex", CST_F_HEX}, {"list", CST_F_LISTF},
		{"new", CST_F_NEW},
	};
	const json_t *names = json_object_get(js, "names"), *sub = json_object_get(js, "object");
	int type = type_of(text_of(js, "type"));
	const char **list;

	f->name = text_of(js, "name");
	if (type < 0 || f->name == NULL)
		return false;
	f->type = (uint8_t)type;
	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (json_is_true(json_object_get(js, flags[i].name)))
			f->flags |= flags[i].flag;
	f->min = uint_of(js, "min");
	f->max = uint_of(js, "max");
	f->max_items = (uint16_t)uint_of(js, "max_items");
	f->unit = text_of(js, "unit");
	f->def = text_of(js, "default");
	f->help = text_of(js, "help");
	if (f->help == NULL)
		f->help = "";
	if (type == CST_T_OBJ) {
		f->sub = cli_remote_object(sub);
		if (f->sub == NULL)
			return false;
	}
	if (type == CST_T_ENUM || type == CST_T_FLAGS) {
		if (json_array_size(names) == 0)
			return false;
		list = calloc(json_array_size(names) + 1, sizeof(*list));
		for (size_t i = 0; list != NULL && i < json_array_size(names); i++)
			list[i] = json_string_value(json_array_get(names, i));
		f->names = list;
	}
	return true;
}

const struct cst_object *cli_remote_object(const json_t *js)
{
	const json_t *fields = json_object_get(js, "fields"), *value;
	size_t n = json_array_size(fields), at = sizeof(uint64_t), i;
	struct cst_object *o;
	struct cst_field *f;

	if (!json_is_array(fields) || n > 64)
		return NULL;
	o = calloc(1, sizeof(*o));
	f = calloc(n + 1, sizeof(*f));
	if (o == NULL || f == NULL)
		return NULL;
	o->name = text_of(js, "name");
	o->help = text_of(js, "help");
	o->fields = f;
	json_array_foreach (fields, i, value) {
		if (!fill(&f[o->n_fields], value))
			continue; /* of a kind that this version does not know */
		f[o->n_fields].size = (uint16_t)size_of(f[o->n_fields].type, f[o->n_fields].sub);
		f[o->n_fields].offset = (uint16_t)at;
		at += (f[o->n_fields].flags & CST_F_LISTF) ? sizeof(struct cst_list)
							   : f[o->n_fields].size;
		at = (at + 7) & ~(size_t)7;
		o->n_fields++;
	}
	o->size = (uint32_t)at;
	return o->name != NULL ? o : NULL;
}
