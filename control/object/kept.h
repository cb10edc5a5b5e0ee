/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configured objects in the store, so that what the control socket changed is
 * there after a restart: for each what it is (`live`) and, when the start-up file
 * names it, how the file wrote it (`written`). A file that has not changed then
 * takes nothing back; nor does it bring back what the socket has `deleted`.
 * Control thread.
 */
#pragma once

#include "class.h"

/* A planned change of an object, into the store's batch: before it is committed. */
void kept_change(const struct cst_class *c, enum cst_op op, const void *obj, struct cst_pool *p);
/* What it became, and the file's text of it (NULL: it is not the file's). Nothing about it is in
 * the batch yet. */
void kept_set(const struct cst_class *c, const char *key_text, const json_t *live,
	      const json_t *written);
void kept_drop(const struct cst_class *c, const char *key_text);

/* All of a class: {KEY-TEXT: {"live", "written", "deleted"}}. New reference. */
json_t *kept_of_class(const struct cst_class *c);
