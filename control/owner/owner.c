/* SPDX-License-Identifier: BSD-3-Clause */
/* Where who keeps owners, who has owned objects and who is called meet. */
#include "owner.h"

int (*cst_caller_gate)(const struct cst_caller *c, const char *method, struct cst_err *e);
void (*cst_caller_seen)(const struct cst_caller *c);
void (*cst_caller_gone)(const struct cst_caller *c);
const struct cst_owner_keeper *cst_owner_keeper;

static struct cst_owned *owned;

void cst_owned_add(struct cst_owned *o)
{
	struct cst_owned **at = &owned;

	while (*at != NULL)
		at = &(*at)->next;
	o->next = NULL;
	*at = o;
}

struct cst_owned *cst_owned_first(void)
{
	return owned;
}
