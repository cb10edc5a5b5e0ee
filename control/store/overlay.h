/* SPDX-License-Identifier: BSD-3-Clause */
/* See overlay.c. Control thread. */
#pragma once

#include "store/store_int.h"

struct store_over { /* the last change of a key */
	struct store_over *next;
	const void *val; /* NULL: deleted */
	uint32_t vlen;
	uint16_t klen;
	uint8_t db;
	uint8_t key[];
};

/* Have all that LMDB may lack. A negative errno when the log cannot be read or memory is short. */
int store_over_fill(struct store *s);
void store_over_free(void);
/* NULL: LMDB has the last word. */
const struct store_over *store_over_get(enum cst_db db, const void *key, size_t klen);
/* Those of a database from `from` on (NULL: all), in order; free *out. */
int store_over_list(enum cst_db db, const void *from, size_t klen, const struct store_over ***out,
		    size_t *n);
