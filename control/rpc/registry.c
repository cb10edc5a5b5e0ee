/* SPDX-License-Identifier: BSD-3-Clause */
/* What slices register: methods and event types, in the order of their names. */
#include <string.h>

#include "rpc/rpc.h"

static struct cst_method *methods;
static struct cst_event_type *event_types;

void cst_method_add(struct cst_method *m)
{
	struct cst_method **at = &methods;

	while (*at != NULL && strcmp((*at)->name, m->name) < 0)
		at = &(*at)->next;
	m->next = *at;
	*at = m;
}

const struct cst_method *cst_method_first(void)
{
	return methods;
}

const struct cst_method *cst_method_by_name(const char *name)
{
	for (const struct cst_method *m = methods; m != NULL; m = m->next)
		if (strcmp(m->name, name) == 0)
			return m;
	return NULL;
}

void cst_event_type_add(struct cst_event_type *t)
{
	struct cst_event_type **at = &event_types;

	while (*at != NULL && strcmp((*at)->name, t->name) < 0)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

const struct cst_event_type *cst_event_type_first(void)
{
	return event_types;
}
