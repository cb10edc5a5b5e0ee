/* SPDX-License-Identifier: BSD-3-Clause */
/* The reader of the packed form (pack.c). It trusts no byte: a store may be damaged. */
#include <errno.h>

#include "codec.h"

#define PREFIX6 33

struct in {
	const unsigned char *at, *end;
	struct cst_pool *pool;
};

static int get_bytes(struct in *r, void *p, size_t n)
{
	if ((size_t)(r->end - r->at) < n)
		return -EBADMSG;
	memcpy(p, r->at, n);
	r->at += n;
	return 0;
}

static int get_varint(struct in *r, uint64_t *v)
{
	*v = 0;
	for (unsigned shift = 0; shift < 64; shift += 7) {
		unsigned char b;

		if (r->at == r->end)
			return -EBADMSG;
		b = *r->at++;
		if (shift == 63 && b > 1)
			return -EBADMSG;
		*v |= (uint64_t)(b & 0x7f) << shift;
		if (b < 0x80)
			return b == 0 && shift > 0 ? -EBADMSG : 0; /* one form for each number */
	}
	return -EBADMSG;
}

static bool number_fits(const struct cst_field *f, uint64_t v)
{
	unsigned n;

	switch (f->type) {
	case CST_T_BOOL:
		return v <= 1;
	case CST_T_ENUM:
		return v < cst_names_count(f->names);
	case CST_T_FLAGS:
		n = cst_names_count(f->names);
		return n >= 64 || v >> n == 0;
	default:
		return v >= f->min && v <= cst_uint_max(f);
	}
}

static int get_string(struct in *r, const struct cst_field *f, const char **out)
{
	uint64_t n;
	char *s;
	int ret = get_varint(r, &n);

	if (ret < 0)
		return ret;
	if (n > (size_t)(r->end - r->at) || n < f->min || n > cst_str_max(f) ||
	    !cst_utf8_plain((const char *)r->at, n))
		return -EBADMSG;
	s = cst_pool_alloc(r->pool, n + 1);
	if (s == NULL)
		return -ENOMEM;
	*out = s;
	return get_bytes(r, s, n);
}

static int get_ip(struct in *r, unsigned family, struct cst_ip *out)
{
	struct cst_ip ip = {.family = family};
	int ret;

	if (family != 4 && family != 6)
		return -EBADMSG;
	ret = get_bytes(r, ip.b, family == 4 ? 4 : 16);
	memcpy(out, &ip, sizeof(ip));
	return ret;
}

static int get_object(struct in *r, const struct cst_object *o, void *obj);

static int get_value(struct in *r, const struct cst_field *f, void *mem)
{
	struct cst_prefix *prefix = mem;
	unsigned char b;
	uint64_t v;
	int ret;

	switch (f->type) {
	case CST_T_BOOL:
	case CST_T_UINT:
	case CST_T_ENUM:
	case CST_T_FLAGS:
		ret = get_varint(r, &v);
		if (ret < 0 || !number_fits(f, v))
			return -EBADMSG;
		cst_store_uint(mem, f->size, v);
		return 0;
	case CST_T_STR:
		return get_string(r, f, mem);
	case CST_T_IP:
		ret = get_bytes(r, &b, 1);
		return ret < 0 ? ret : get_ip(r, b, mem);
	case CST_T_IP4:
		return get_ip(r, 4, mem);
	case CST_T_IP6:
		return get_ip(r, 6, mem);
	case CST_T_PREFIX:
		ret = get_bytes(r, &b, 1);
		if (ret < 0 || b > PREFIX6 + 128)
			return -EBADMSG;
		prefix->len = b < PREFIX6 ? b : b - PREFIX6;
		return get_ip(r, b < PREFIX6 ? 4 : 6, &prefix->ip);
	case CST_T_MAC:
		return get_bytes(r, mem, 6);
	default:
		return get_object(r, f->sub, mem);
	}
}

static int get_list(struct in *r, const struct cst_field *f, struct cst_list *list)
{
	uint64_t n;
	char *item;
	int ret = get_varint(r, &n);

	if (ret < 0)
		return ret;
	/* each item takes a byte at least: the count cannot ask for more memory than the input is
	 * worth */
	if (n > cst_list_max(f) || n > (size_t)(r->end - r->at))
		return -EBADMSG;
	if (n == 0)
		return 0;
	item = cst_pool_alloc(r->pool, n * f->size);
	if (item == NULL)
		return -ENOMEM;
	list->n = n;
	list->items = item;
	for (uint64_t k = 0; k < n; k++, item += f->size) {
		ret = get_value(r, f, item);
		if (ret < 0)
			return ret;
	}
	return 0;
}

/* In every complete object: what is required, and what has a default. check() relies on it. */
static bool always_there(const struct cst_field *f)
{
	if (f->flags & CST_F_STATE)
		return false;
	return f->def != NULL || (f->flags & CST_F_REQUIRED) ||
	       (f->flags & (CST_F_KEY | CST_F_AUTO)) == CST_F_KEY;
}

static int get_object(struct in *r, const struct cst_object *o, void *obj)
{
	uint64_t has;
	int ret = get_varint(r, &has);

	if (ret < 0)
		return ret;
	if (o->n_fields < 64 && has >> o->n_fields != 0)
		return -EBADMSG;
	*(uint64_t *)obj = has;
	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		char *mem = (char *)obj + f->offset;

		if (has >> i & 1)
			ret = cst_is_list(f) ? get_list(r, f, (struct cst_list *)mem)
					     : get_value(r, f, mem);
		else if (always_there(f))
			ret = -EBADMSG;
		if (ret < 0)
			return ret;
	}
	return o->check != NULL && o->check(obj, NULL) < 0 ? -EBADMSG : 0;
}

int cst_unpack(const struct cst_object *o, const void *buf, size_t len, struct cst_pool *p,
	       void *out)
{
	struct in r = {.at = buf, .end = (const unsigned char *)buf + len, .pool = p};
	int ret;

	memset(out, 0, o->size);
	ret = get_object(&r, o, out);
	return ret == 0 && r.at != r.end ? -EBADMSG : ret;
}
