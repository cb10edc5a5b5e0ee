/* SPDX-License-Identifier: BSD-3-Clause */
/* What slices tell of their event types: how they are merged, what a record of them shows. */
#include <string.h>

#include "journal/journal_int.h"

#define TYPES 16

static struct jnl_type types[TYPES];
static unsigned n_types;

static struct jnl_type *type_of(const struct cst_event_type *t)
{
	for (unsigned i = 0; i < n_types; i++)
		if (types[i].type == t)
			return &types[i];
	if (n_types == TYPES)
		return NULL;
	types[n_types].type = t;
	return &types[n_types++];
}

void cst_journal_set_merge(const struct cst_event_type *t, cst_journal_merge merge)
{
	struct jnl_type *known = type_of(t);

	if (known != NULL)
		known->merge = merge;
}

void cst_journal_set_columns(const struct cst_event_type *t, const char *const *paths)
{
	struct jnl_type *known = type_of(t);

	if (known != NULL)
		known->columns = paths;
}

const struct jnl_type *jnl_type(const struct cst_event_type *t)
{
	for (unsigned i = 0; i < n_types; i++)
		if (types[i].type == t)
			return &types[i];
	return NULL;
}

const struct jnl_type *jnl_type_at(unsigned i)
{
	return i < n_types ? &types[i] : NULL;
}

const struct cst_event_type *jnl_type_by_name(const char *name)
{
	const struct cst_event_type *t = cst_event_type_first();

	while (t != NULL && strcmp(t->name, name) != 0)
		t = t->next;
	return t;
}
