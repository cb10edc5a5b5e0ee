/* SPDX-License-Identifier: BSD-3-Clause */
#include <inttypes.h>
#include <stdio.h>

#include "codec.h"

/* What comes from outside the codec (a driver's fault text) may not be UTF-8. */
json_t *cst_encode_text(const char *s)
{
	json_t *js = json_string(s);

	return js != NULL ? js : json_string("?");
}

static json_t *encode_flags(const struct cst_field *f, uint64_t set)
{
	json_t *js = json_array();

	for (unsigned i = 0; f->names[i] != NULL; i++)
		if (set >> i & 1)
			json_array_append_new(js, json_string_nocheck(f->names[i]));
	return js;
}

const char *cst_value_text(const struct cst_field *f, const void *mem, char buf[64])
{
	uint64_t v;

	switch (f->type) {
	case CST_T_UINT:
		v = cst_load_uint(mem, f->size);
		if (!(f->flags & CST_F_HEX) && v <= INT64_MAX)
			return NULL;
		snprintf(buf, 64, "0x%" PRIx64, v);
		return buf;
	case CST_T_STR:
		return *(const char *const *)mem != NULL ? *(const char *const *)mem : "";
	case CST_T_ENUM:
		v = cst_load_uint(mem, f->size);
		return v < cst_names_count(f->names) ? f->names[v] : "?";
	case CST_T_IP:
	case CST_T_IP4:
	case CST_T_IP6:
		return cst_ip_text(mem, buf);
	case CST_T_PREFIX:
		return cst_prefix_text(mem, buf);
	case CST_T_MAC:
		return cst_mac_text(mem, buf);
	default:
		return NULL;
	}
}

static json_t *encode_value(const struct cst_field *f, const void *mem)
{
	char buf[64];
	const char *s = cst_value_text(f, mem, buf);

	if (s != NULL)
		return cst_encode_text(s);
	switch (f->type) {
	case CST_T_BOOL:
		return json_boolean(cst_load_uint(mem, f->size));
	case CST_T_UINT:
		return json_integer((json_int_t)cst_load_uint(mem, f->size));
	case CST_T_FLAGS:
		return encode_flags(f, cst_load_uint(mem, f->size));
	default:
		return cst_encode(f->sub, mem);
	}
}

json_t *cst_encode(const struct cst_object *o, const void *obj)
{
	json_t *js = json_object();

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		const char *mem = (const char *)obj + f->offset;
		const struct cst_list *list = (const void *)mem;
		json_t *v;

		if (!cst_is_shown(f, obj, i))
			continue;
		if (cst_is_list(f)) {
			v = json_array();
			mem = list->items;
			for (uint32_t k = 0; k < list->n; k++, mem += f->size)
				json_array_append_new(v, encode_value(f, mem));
		} else {
			v = encode_value(f, mem);
		}
		json_object_set_new_nocheck(js, f->name, v);
	}
	return js;
}

static size_t member_size(const struct cst_field *f)
{
	return cst_is_list(f) ? sizeof(struct cst_list) : f->size;
}

void cst_merge(const struct cst_object *o, void *base, const void *delta)
{
	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		char *to = (char *)base + f->offset;
		const char *from = (const char *)delta + f->offset;

		if (!cst_has(delta, i))
			continue;
		if (f->type == CST_T_OBJ && !cst_is_list(f) && (f->flags & CST_F_PARTIAL) &&
		    cst_has(base, i))
			cst_merge(f->sub, to, from);
		else
			memcpy(to, from, member_size(f));
		*(uint64_t *)base |= UINT64_C(1) << i;
	}
}
