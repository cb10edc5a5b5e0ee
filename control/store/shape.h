/* SPDX-License-Identifier: BSD-3-Clause */
/* What shape.c, which knows the tables, and unpack.c, which reads by them, share. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "object.h"

#define STORE_SHAPE_DEPTH 16 /* of objects in objects */

struct store_shape {
	char *text;
	bool on_disk, in_batch;
	const struct cst_object *object; /* a table made from the text; NULL: not needed yet */
	struct cst_pool *pool;           /* that it lives in */
};

extern const char *const store_type_names[]; /* [enum cst_type] */

struct store_shape *store_shape_get(uint16_t number); /* NULL: there is none */
/* Make the shape's own table. -EBADMSG, -ENOMEM. */
int store_shape_build(struct store_shape *s);
