/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the files of the codec share. A decoder carries where it is as a chain of
 * frames on the C stack; the path is only spelled out when there is an error.
 */
#pragma once

#include <string.h>

#include "object.h"
#include "tree.h"

struct cst_dec_at {
	const struct cst_dec_at *up;
	const char *name; /* of a member; NULL: element `index` of the list above */
	unsigned index;
};

struct cst_dec {
	struct cst_pool *pool;
	struct cst_err *e; /* the first error; with a sink: the latest */
	void (*sink)(void *arg, const struct cst_err *e); /* NULL: stop at the first error */
	void *arg;
	unsigned errors;
};

/* Record an error at this place; `name` is a member below it or NULL. Returns `code`. */
int cst_dec_fail(struct cst_dec *d, const struct cst_dec_at *at, const char *name, int code,
		 const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* One scalar value into the member's memory `mem`. */
int cst_dec_scalar(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		   const struct cst_node *v, void *mem);
/* The same from text (defaults); `at` as above. */
int cst_dec_text(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		 const char *text, void *mem);
/* A whole field, list or not. */
int cst_dec_field(struct cst_dec *d, const struct cst_dec_at *at, const struct cst_field *f,
		  const struct cst_node *v, bool partial, void *mem);

/* A string, "?" where it is not UTF-8. New reference. */
json_t *cst_encode_text(const char *s);
/* Of a value that is a string in JSON, what is in it: a text elsewhere or `buf`. NULL: others. */
const char *cst_value_text(const struct cst_field *f, const void *mem, char buf[64]);

static inline uint64_t cst_load_uint(const void *mem, unsigned size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)mem;
	case 2:
		return *(const uint16_t *)mem;
	case 4:
		return *(const uint32_t *)mem;
	default:
		return *(const uint64_t *)mem;
	}
}

static inline void cst_store_uint(void *mem, unsigned size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)mem = v;
		break;
	case 2:
		*(uint16_t *)mem = v;
		break;
	case 4:
		*(uint32_t *)mem = v;
		break;
	default:
		*(uint64_t *)mem = v;
	}
}

/* Bounds of a CST_T_UINT field, the width of its member considered. */
static inline uint64_t cst_uint_max(const struct cst_field *f)
{
	if (f->max != 0)
		return f->max;
	return f->size >= 8 ? UINT64_MAX : (UINT64_C(1) << (8 * f->size)) - 1;
}

static inline uint64_t cst_str_max(const struct cst_field *f)
{
	return f->max != 0 ? f->max : 255;
}

static inline unsigned cst_list_max(const struct cst_field *f)
{
	return f->max_items != 0 ? f->max_items : UINT16_MAX;
}

static inline unsigned cst_names_count(const char *const *names)
{
	unsigned n = 0;

	while (names[n] != NULL)
		n++;
	return n;
}

static inline bool cst_is_list(const struct cst_field *f)
{
	return (f->flags & CST_F_LISTF) != 0;
}

/* Has the encoded object this member, the i-th of its table? */
static inline bool cst_is_shown(const struct cst_field *f, const void *obj, unsigned i)
{
	const struct cst_list *list = (const void *)((const char *)obj + f->offset);

	return cst_has(obj, i) && !(cst_is_list(f) && list->n == 0);
}
