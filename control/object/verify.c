/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>

#include "codec.h"

static bool is_name(const char *s)
{
	return s != NULL && s[0] != '\0' &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(s);
}

static bool size_fits(const struct cst_field *f)
{
	bool number = f->size == 1 || f->size == 2 || f->size == 4 || f->size == 8;

	switch (f->type) {
	case CST_T_BOOL:
	case CST_T_UINT:
		return number;
	case CST_T_ENUM:
	case CST_T_FLAGS:
		return number && f->names != NULL && f->names[0] != NULL &&
		       (f->type == CST_T_ENUM || cst_names_count(f->names) <= 8u * f->size);
	case CST_T_STR:
		return f->size == sizeof(char *);
	case CST_T_IP:
	case CST_T_IP4:
	case CST_T_IP6:
		return f->size == sizeof(struct cst_ip);
	case CST_T_PREFIX:
		return f->size == sizeof(struct cst_prefix);
	case CST_T_MAC:
		return f->size == 6;
	case CST_T_OBJ:
		return f->sub != NULL && f->size == f->sub->size;
	default:
		return false;
	}
}

static int verify_default(const struct cst_field *f, struct cst_err *e)
{
	json_t *js;
	int ret;

	if (f->def == NULL)
		return 0;
	if (f->flags & (CST_F_KEY | CST_F_REQUIRED | CST_F_STATE))
		return cst_err(e, -EINVAL, f->name, "has a default that is never used");
	if (f->type == CST_T_BOOL && !cst_is_list(f) && strcmp(f->def, "true") != 0 &&
	    strcmp(f->def, "false") != 0)
		return cst_err(e, -EINVAL, f->name, "default is neither true nor false");
	ret = cst_field_from_text(f, f->def, &js, e);
	if (ret == 0)
		json_decref(js);
	return ret;
}

static int verify_field(const struct cst_object *o, const struct cst_field *f, struct cst_err *e)
{
	size_t end = f->offset + (cst_is_list(f) ? sizeof(struct cst_list) : f->size);
	int ret;

	if (!is_name(f->name))
		return cst_err(e, -EINVAL, f->name, "is no snake_case name");
	if (f->help == NULL || f->help[0] == '\0')
		return cst_err(e, -EINVAL, f->name, "has no help");
	if (f->offset < sizeof(uint64_t) || end > o->size)
		return cst_err(e, -EINVAL, f->name, "lies outside the struct");
	if (!size_fits(f))
		return cst_err(e, -EINVAL, f->name, "has a member that does not fit its type");
	if (f->type == CST_T_UINT &&
	    (f->min > cst_uint_max(f) || (f->size < 8 && cst_uint_max(f) >> (8 * f->size) != 0)))
		return cst_err(e, -EINVAL, f->name, "has bounds its member cannot hold");
	if (f->type == CST_T_STR && f->min > cst_str_max(f))
		return cst_err(e, -EINVAL, f->name, "has bounds the wrong way round");
	if (cst_field_index(o, f->name) != f - o->fields)
		return cst_err(e, -EINVAL, f->name, "is there twice");
	if (f->type == CST_T_OBJ) {
		ret = cst_object_verify(f->sub, e);
		if (ret < 0) {
			cst_err_prefix(e, "%s", f->name);
			return ret;
		}
	}
	return verify_default(f, e);
}

int cst_object_verify(const struct cst_object *o, struct cst_err *e)
{
	if (!is_name(o->name) || o->help == NULL || o->help[0] == '\0')
		return cst_err(e, -EINVAL, o->name, "needs a snake_case name and a help line");
	if (o->n_fields > 64)
		return cst_err(e, -EINVAL, NULL, "%s has more than 64 fields", o->name);
	for (unsigned i = 0; i < o->n_fields; i++) {
		int ret = verify_field(o, &o->fields[i], e);

		if (ret < 0)
			return ret;
	}
	return 0;
}
