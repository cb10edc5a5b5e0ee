/* SPDX-License-Identifier: BSD-3-Clause */
/* The references, written from the tables that coastd itself works by. */
#pragma once

#include "class.h"
#include "object.h"
#include "rpc/rpc.h"

void docgen_markdown(void); /* docs/reference.md, to stdout */
void docgen_man(void);      /* coast.yaml(5), to stdout */

#define DOCGEN_MAX_OBJECTS 128

/* The objects that one holds, each once, nearest first. `given`: without those in state fields. */
struct docgen_set {
	const struct cst_object *list[DOCGEN_MAX_OBJECTS];
	unsigned n;
};
void docgen_collect(struct docgen_set *s, const struct cst_object *o, bool given);
bool docgen_has(const struct docgen_set *s, const struct cst_object *o);

/* "required", "key", ...; "" when there is nothing to say. buf. */
const char *docgen_notes(const struct cst_field *f, char *buf, size_t size);
/* The default in words or as it is, NULL: none. */
const char *docgen_default(const struct cst_field *f);
