/* SPDX-License-Identifier: BSD-3-Clause */
/* One scalar value, from JSON or from text, into the member of a struct. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "codec.h"

#define GOT 64

/* A short, printable form of what came, for the end of an error's sentence. */
static const char *got_text(const char *text, char buf[GOT])
{
	size_t n = strlen(text), max = GOT - 8;
	bool cut = n > max;

	if (cut)
		for (n = max; n > 0 && (text[n] & 0xc0) == 0x80;)
			n--; /* not in the middle of a character */
	if (!cst_utf8_plain(text, n))
		return strcpy(buf, "unprintable text");
	snprintf(buf, GOT, "\"%.*s%s\"", (int)n, text, cut ? "..." : "");
	return buf;
}

static const char *got(const struct cst_node *v, char buf[GOT])
{
	switch (v->type) {
	case CST_N_STRING:
		return got_text(v->s, buf);
	case CST_N_INT:
		snprintf(buf, GOT, "%" PRId64, v->i);
		return buf;
	case CST_N_REAL:
		snprintf(buf, GOT, "%g", v->r);
		return buf;
	case CST_N_TRUE:
		return "true";
	case CST_N_FALSE:
		return "false";
	case CST_N_NULL:
		return "null";
	case CST_N_ARRAY:
		return "a list";
	default:
		return "an object";
	}
}

static int wrong(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		 const char *what)
{
	struct cst_field one = *f;
	char type[160];

	one.flags &= ~CST_F_LISTF;
	cst_field_type_text(&one, type, sizeof(type));
	if (strlen(type) == sizeof(type) - 1) /* a long list of names is cut */
		strcpy(type + sizeof(type) - 4, "...");
	return cst_dec_fail(d, at, NULL, -EINVAL, "must be %s, got %s", type, what);
}

static bool text_to_uint(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	int base = 10;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
	}
	if (*s == '\0')
		return false;
	for (; *s != '\0'; s++) {
		int c = *s >= '0' && *s <= '9'             ? *s - '0'
			: (*s | 0x20) >= 'a' && base == 16 ? (*s | 0x20) - 'a' + 10
							   : 99;

		if (c >= base || v > (UINT64_MAX - c) / base)
			return false;
		v = v * base + c;
	}
	*out = v;
	return true;
}

static bool uint_fits(const struct cst_field *f, uint64_t v)
{
	return v >= f->min && v <= cst_uint_max(f);
}

static int name_index(const char *const *names, const char *text)
{
	for (int i = 0; names[i] != NULL; i++)
		if (strcmp(names[i], text) == 0)
			return i;
	return -1;
}

static int wrong_name(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		      const char *text)
{
	struct cst_suggest s = {.word = text};
	char buf[GOT];

	for (int i = 0; f->names[i] != NULL; i++)
		cst_suggest_try(&s, f->names[i]);
	if (s.best == NULL)
		return wrong(d, at, f, got_text(text, buf));
	return cst_dec_fail(d, at, NULL, -EINVAL, "%s is not known, did you mean '%s'?",
			    got_text(text, buf), s.best);
}

static bool family_fits(const struct cst_field *f, const struct cst_ip *ip)
{
	return f->type == CST_T_IP4   ? ip->family == 4
	       : f->type == CST_T_IP6 ? ip->family == 6
				      : true;
}

/* Text of a checked type: what a JSON string holds. */
static int from_text(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		     const char *text, size_t len, void *mem)
{
	struct cst_prefix prefix;
	struct cst_ip ip;
	char buf[GOT];
	uint64_t v;
	int i;

	switch (f->type) {
	case CST_T_UINT:
		if (!text_to_uint(text, &v) || !uint_fits(f, v))
			break;
		cst_store_uint(mem, f->size, v);
		return 0;
	case CST_T_STR:
		if (strlen(text) != len || !cst_utf8_plain(text, len))
			return cst_dec_fail(d, at, NULL, -EINVAL,
					    "must be text without control characters");
		if (len < f->min || len > cst_str_max(f))
			return cst_dec_fail(d, at, NULL, -EINVAL,
					    "must be %" PRIu64 "..%" PRIu64 " characters, got %zu",
					    f->min, cst_str_max(f), len);
		*(const char **)mem = cst_pool_strdup(d->pool, text);
		if (*(const char **)mem == NULL)
			return cst_dec_fail(d, at, NULL, -ENOMEM,
					    "the request needs too much memory");
		return 0;
	case CST_T_ENUM:
		i = name_index(f->names, text);
		if (i < 0)
			return wrong_name(d, at, f, text);
		cst_store_uint(mem, f->size, i);
		return 0;
	case CST_T_IP:
	case CST_T_IP4:
	case CST_T_IP6:
		if (cst_ip_from_text(text, &ip) < 0 || !family_fits(f, &ip))
			break;
		memcpy(mem, &ip, sizeof(ip));
		return 0;
	case CST_T_PREFIX:
		if (cst_prefix_from_text(text, &prefix) < 0)
			break;
		memcpy(mem, &prefix, sizeof(prefix));
		return 0;
	case CST_T_MAC:
		if (cst_mac_parse(text, mem) < 0)
			break;
		return 0;
	default:
		break;
	}
	return wrong(d, at, f, got_text(text, buf));
}

static int flags_from_list(struct cst_dec *d, const struct cst_dec_at *at,
			   const struct cst_field *f, const struct cst_node *list, void *mem)
{
	const struct cst_node *item = list + 1;
	struct cst_dec_at el = {.up = at};
	uint64_t set = 0;
	char buf[GOT];

	for (uint32_t n = 0; n < list->n; n++, item = cst_node_next(item)) {
		int i;

		el.index = n;
		if (item->type != CST_N_STRING)
			return wrong(d, &el, f, got(item, buf));
		i = name_index(f->names, item->s);
		if (i < 0)
			return wrong_name(d, &el, f, item->s);
		set |= UINT64_C(1) << i;
	}
	cst_store_uint(mem, f->size, set);
	return 0;
}

int cst_dec_scalar(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		   const struct cst_node *v, void *mem)
{
	char buf[GOT];

	switch (f->type) {
	case CST_T_BOOL:
		if (v->type != CST_N_TRUE && v->type != CST_N_FALSE)
			break;
		cst_store_uint(mem, f->size, v->type == CST_N_TRUE);
		return 0;
	case CST_T_FLAGS:
		if (v->type != CST_N_ARRAY)
			break;
		return flags_from_list(d, at, f, v, mem);
	case CST_T_UINT:
		if (v->type == CST_N_INT) {
			if (v->i < 0 || !uint_fits(f, (uint64_t)v->i))
				break;
			cst_store_uint(mem, f->size, (uint64_t)v->i);
			return 0;
		}
		/* fall through */
	default:
		if (v->type != CST_N_STRING)
			break;
		return from_text(d, at, f, v->s, v->n, mem);
	}
	return wrong(d, at, f, got(v, buf));
}

int cst_dec_text(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		 const char *text, void *mem)
{
	struct cst_tree t = {0};
	json_t *js;
	int ret;

	if (f->type == CST_T_BOOL) {
		cst_store_uint(mem, f->size, strcmp(text, "true") == 0);
		return 0;
	}
	if (!cst_is_list(f) && f->type != CST_T_FLAGS && f->type != CST_T_OBJ)
		return from_text(d, at, f, text, strlen(text), mem);
	ret = cst_field_from_text(f, text, &js, d->e);
	if (ret < 0)
		return ret;
	ret = cst_tree_take(&t, js);
	if (ret == 0)
		ret = cst_dec_field(d, at, f, t.nodes, false, mem);
	cst_tree_trim(&t, 0);
	json_decref(js);
	return ret;
}
