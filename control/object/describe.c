/* SPDX-License-Identifier: BSD-3-Clause */
/* The tables told to others: in words, as JSON, and values from an operator's words. */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "codec.h"

static size_t add(char *buf, size_t size, size_t n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static size_t add(char *buf, size_t size, size_t n, const char *fmt, ...)
{
	va_list ap;
	int more;

	if (n >= size)
		return n;
	va_start(ap, fmt);
	more = vsnprintf(buf + n, size - n, fmt, ap);
	va_end(ap);
	return more > 0 ? n + more : n;
}

static size_t add_names(char *buf, size_t size, size_t n, const char *const *names)
{
	for (unsigned i = 0; names[i] != NULL; i++)
		n = add(buf, size, n, "%s%s",
			i == 0                 ? ""
			: names[i + 1] == NULL ? " or "
					       : ", ",
			names[i]);
	return n;
}

static const struct {
	uint8_t type;
	const char *one, *many;
} addresses[] = {
	{CST_T_IP, "an IP address", "IP addresses"},
	{CST_T_IP4, "an IPv4 address", "IPv4 addresses"},
	{CST_T_IP6, "an IPv6 address", "IPv6 addresses"},
	{CST_T_PREFIX, "an IP prefix (ADDRESS/LENGTH)", "IP prefixes (ADDRESS/LENGTH)"},
	{CST_T_MAC, "a MAC address (xx:xx:xx:xx:xx:xx)", "MAC addresses (xx:xx:xx:xx:xx:xx)"},
};

static size_t add_uint(char *buf, size_t size, size_t n, const struct cst_field *f)
{
	uint64_t max = cst_uint_max(f);

	if (f->flags & CST_F_HEX)
		n = add(buf, size, n, "0x%" PRIx64 "..0x%" PRIx64, f->min, max);
	else
		n = add(buf, size, n, "%" PRIu64 "..%" PRIu64, f->min, max);
	return f->unit != NULL ? add(buf, size, n, " %s", f->unit) : n;
}

static size_t add_type(char *buf, size_t size, size_t n, const struct cst_field *f)
{
	bool many = cst_is_list(f);

	switch (f->type) {
	case CST_T_BOOL:
		return add(buf, size, n, "true or false");
	case CST_T_UINT:
		return add_uint(buf, size, n, f);
	case CST_T_STR:
		return add(buf, size, n, "text of %" PRIu64 "..%" PRIu64 " characters", f->min,
			   cst_str_max(f));
	case CST_T_ENUM:
		return add_names(buf, size, n, f->names);
	case CST_T_FLAGS:
		return add_names(buf, size, add(buf, size, n, many ? "lists of " : "a list of "),
				 f->names);
	case CST_T_OBJ:
		return add(buf, size, n, many ? "%s objects" : "%s object", f->sub->name);
	default:
		for (unsigned i = 0; i < sizeof(addresses) / sizeof(*addresses); i++)
			if (addresses[i].type == f->type)
				return add(buf, size, n, "%s",
					   many ? addresses[i].many : addresses[i].one);
		return n;
	}
}

const char *cst_field_type_text(const struct cst_field *f, char *buf, size_t size)
{
	size_t n = 0;

	buf[0] = '\0';
	if (cst_is_list(f))
		n = add(buf, size, n, "a list of ");
	n = add_type(buf, size, n, f);
	if (cst_is_list(f) && f->max_items != 0)
		add(buf, size, n, ", at most %u", f->max_items);
	return buf;
}

/* ---- rpc.describe -------------------------------------------------------- */

static const char *const type_names[] = {"bool", "uint", "str",    "enum", "flags", "ip",
					 "ipv4", "ipv6", "prefix", "mac",  "object"};

static void set_uint(json_t *js, const char *name, uint64_t v)
{
	char buf[32];

	snprintf(buf, sizeof(buf), "0x%" PRIx64, v); /* beyond what JSON numbers hold here */
	json_object_set_new(js, name, v <= INT64_MAX ? json_integer(v) : json_string(buf));
}

static void set_text(json_t *js, const char *name, const char *text)
{
	if (text != NULL)
		json_object_set_new(js, name, json_string(text));
}

static json_t *describe_field(const struct cst_field *f)
{
	static const struct {
		uint8_t flag;
		const char *name;
	} flags[] = {
		{CST_F_KEY, "key"}, {CST_F_AUTO, "auto"},  {CST_F_STATE, "state"},
		{CST_F_HEX, "hex"}, {CST_F_LISTF, "list"}, {CST_F_NEW, "new"},
	};
	json_t *js = json_object();

	set_text(js, "name", f->name);
	set_text(js, "type", type_names[f->type]);
	if ((f->flags & CST_F_REQUIRED) || (f->flags & (CST_F_KEY | CST_F_AUTO)) == CST_F_KEY)
		json_object_set_new(js, "required", json_true());
	for (unsigned i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (f->flags & flags[i].flag)
			json_object_set_new(js, flags[i].name, json_true());
	if (f->type == CST_T_UINT || f->type == CST_T_STR) {
		set_uint(js, "min", f->min);
		set_uint(js, "max", f->type == CST_T_UINT ? cst_uint_max(f) : cst_str_max(f));
	}
	if (cst_is_list(f))
		set_uint(js, "max_items", cst_list_max(f));
	set_text(js, "unit", f->unit);
	set_text(js, "default", f->def);
	if (f->names != NULL) {
		json_t *names = json_array();

		for (unsigned i = 0; f->names[i] != NULL; i++)
			json_array_append_new(names, json_string(f->names[i]));
		json_object_set_new(js, "names", names);
	}
	if (f->sub != NULL)
		json_object_set_new(js, "object", cst_object_describe(f->sub));
	set_text(js, "help", f->help);
	return js;
}

json_t *cst_object_describe(const struct cst_object *o)
{
	json_t *js = json_object(), *fields = json_array();

	for (unsigned i = 0; i < o->n_fields; i++)
		json_array_append_new(fields, describe_field(&o->fields[i]));
	set_text(js, "name", o->name);
	set_text(js, "help", o->help);
	json_object_set_new(js, "fields", fields);
	return js;
}

/* ---- values from text ---------------------------------------------------- */

static json_t *one_from_text(const struct cst_field *f, const char *text, size_t n)
{
	static const char *const yes[] = {"true", "yes", "on", "1"};
	static const char *const no[] = {"false", "no", "off", "0"};
	char number[24];

	if (f->type == CST_T_BOOL)
		for (unsigned i = 0; i < 4; i++) {
			if (n == strlen(yes[i]) && strncasecmp(text, yes[i], n) == 0)
				return json_true();
			if (n == strlen(no[i]) && strncasecmp(text, no[i], n) == 0)
				return json_false();
		}
	if (f->type == CST_T_UINT && n > 0 && n < 19 && strspn(text, "0123456789") >= n) {
		memcpy(number, text, n);
		number[n] = '\0';
		return json_integer(strtoll(number, NULL, 10));
	}
	return json_stringn(text, n);
}

static json_t *list_from_text(const struct cst_field *f, const char *text)
{
	json_t *js = json_array();

	while (*text != '\0') {
		size_t n = strcspn(text, ",");

		json_array_append_new(js, one_from_text(f, text, n));
		text += n;
		if (*text == ',')
			text++;
	}
	return js;
}

int cst_field_from_text(const struct cst_field *f, const char *text, json_t **out,
			struct cst_err *e)
{
	struct cst_pool *pool;
	uint64_t room[8]; /* the largest value that is not an object */
	json_error_t why;
	void *mem = room;
	int ret;

	struct cst_dec d = {.e = e};
	struct cst_dec_at at = {.name = f->name};
	struct cst_tree t = {0};

	if (text[0] == '[' || text[0] == '{' || f->type == CST_T_OBJ) {
		*out = json_loads(text, JSON_REJECT_DUPLICATES, &why);
		if (*out == NULL)
			return cst_err(e, -EINVAL, f->name, "is not JSON: %s", why.text);
	} else if (cst_is_list(f) || f->type == CST_T_FLAGS) {
		*out = list_from_text(f, text);
	} else {
		*out = one_from_text(f, text, strlen(text));
	}
	if (*out == NULL)
		return cst_err(e, -EINVAL, f->name, "must be UTF-8 text");
	d.pool = pool = cst_pool_new();
	if (f->type == CST_T_OBJ && !cst_is_list(f))
		mem = cst_pool_alloc(pool, f->size);
	ret = cst_tree_take(&t, *out);
	if (ret == 0)
		ret = cst_dec_field(&d, &at, f, t.nodes, true, mem);
	cst_tree_trim(&t, 0);
	cst_pool_free(pool);
	if (ret < 0) {
		json_decref(*out);
		*out = NULL;
	}
	return ret;
}
