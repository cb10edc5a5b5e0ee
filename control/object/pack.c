/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The packed form. An object: its `has` bits, then the present fields in the
 * table's order, without names or lengths of their own. Numbers, bits and counts
 * are varints (7 bits a byte, low first); an address is its bytes, with a byte for
 * the family where both are possible; a prefix has one byte for family and length
 * (0..32: IPv4, 33..161: IPv6); text is its length and its bytes.
 */
#include "codec.h"

#define PREFIX6 33

struct out {
	unsigned char *buf;
	size_t cap, len; /* len goes on counting past cap */
};

static void put_bytes(struct out *w, const void *p, size_t n)
{
	if (w->len + n <= w->cap && n > 0)
		memcpy(w->buf + w->len, p, n);
	w->len += n;
}

static void put_byte(struct out *w, unsigned char b)
{
	if (w->len < w->cap)
		w->buf[w->len] = b;
	w->len++;
}

static void put_varint(struct out *w, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		put_byte(w, v | 0x80);
	put_byte(w, v);
}

static void put_object(struct out *w, const struct cst_object *o, const void *obj);

static void put_value(struct out *w, const struct cst_field *f, const void *mem)
{
	const struct cst_prefix *prefix = mem;
	const struct cst_ip *ip = mem;
	const char *s;
	size_t n;

	switch (f->type) {
	case CST_T_BOOL:
	case CST_T_UINT:
	case CST_T_ENUM:
	case CST_T_FLAGS:
		put_varint(w, cst_load_uint(mem, f->size));
		break;
	case CST_T_STR:
		s = *(const char *const *)mem;
		n = s != NULL ? strlen(s) : 0;
		put_varint(w, n);
		put_bytes(w, s, n);
		break;
	case CST_T_IP:
		put_byte(w, ip->family);
		put_bytes(w, ip->b, ip->family == 4 ? 4 : ip->family == 6 ? 16 : 0);
		break;
	case CST_T_IP4:
		put_bytes(w, ip->b, 4);
		break;
	case CST_T_IP6:
		put_bytes(w, ip->b, 16);
		break;
	case CST_T_PREFIX:
		put_byte(w, prefix->ip.family == 6 ? PREFIX6 + prefix->len : prefix->len);
		put_bytes(w, prefix->ip.b, prefix->ip.family == 6 ? 16 : 4);
		break;
	case CST_T_MAC:
		put_bytes(w, mem, 6);
		break;
	default:
		put_object(w, f->sub, mem);
	}
}

static void put_object(struct out *w, const struct cst_object *o, const void *obj)
{
	put_varint(w, *(const uint64_t *)obj);
	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		const char *mem = (const char *)obj + f->offset;
		const struct cst_list *list = (const void *)mem;

		if (!cst_has(obj, i))
			continue;
		if (!cst_is_list(f)) {
			put_value(w, f, mem);
			continue;
		}
		put_varint(w, list->n);
		mem = list->items;
		for (uint32_t k = 0; k < list->n; k++, mem += f->size)
			put_value(w, f, mem);
	}
}

size_t cst_pack(const struct cst_object *o, const void *obj, void *buf, size_t cap)
{
	struct out w = {.buf = buf, .cap = cap};

	put_object(&w, o, obj);
	return w.len;
}
