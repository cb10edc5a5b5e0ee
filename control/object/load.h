/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A file of objects while it is being read and planned: what the start-up
 * (config.c) and a reload (reload.c) share. Control thread.
 */
#pragma once

#include "config.h"
#include "object/txn.h"

struct load_entry {
	const struct cst_class *class;
	const json_t *js; /* borrowed from the file, or `made` */
	void *obj;        /* decoded, in the pool */
	json_t *written;  /* the same encoded whole, as it was before planning */
	json_t *record;   /* what is known of it, borrowed */
	bool stored;      /* of the store alone: the file does not name it */
	unsigned index;
	struct load_entry *next;
};

struct load {
	const char *file;
	cst_config_report report;
	struct cst_yaml yaml;
	struct cst_pool *pool;
	struct load_entry *first, **last; /* `last`: while the file is read */
	json_t *refused;                  /* key texts of objects with errors */
	json_t *made;                     /* stands for a singleton that is not in the file */
	json_t *kept;                     /* records of the store that entries borrow */
	unsigned errors;
	char where[96]; /* of the object at hand: "ports[3]" */
};

/* Read and decode everything (path NULL: there is no file); errors are told and counted.
 * `absent_too`: a singleton that is not in the file is an entry with its defaults. Free with
 * load_close(), also after errors. */
void load_open(struct load *l, const char *path, bool absent_too, cst_config_report report);
void load_close(struct load *l);

/* Fill in the key that coast chose when the object was first put. 0 or an error. */
int load_take_key(struct load *l, struct load_entry *en, const json_t *key);
/* Plan all, then commit; with errors, which may be earlier ones, or `check_only` nothing. */
void load_apply(struct load *l, bool check_only);

void load_tell(struct load *l, const struct cst_err *e);
/* An error of this object, its field below the object; one that only follows from another is not
 * told. */
void load_refuse(struct load *l, const struct load_entry *en, const struct cst_err *e);

/* ---- origin.c: what came from the file ----------------------------------------------- */

/* The key of an encoded object as one text, NULL: it has none (a singleton). malloc'd. */
char *origin_key_text(const struct cst_object *o, const json_t *whole);
/* The key members alone. New reference. */
json_t *origin_key(const struct cst_object *o, const json_t *whole);

/* What is known of a class's objects, {KEY-TEXT: {"key", "written", "live"}}; NULL: nothing.
 * Borrowed. */
json_t *origin_of_class(const struct cst_class *c);
/* What the object is now, state left out. New reference, NULL: there is none. */
json_t *origin_live(const struct cst_class *c, const void *obj);
/* After the commit: this object is the file's, written so. */
void origin_keep(const struct load_entry *en);
/* It is not the file's any more, or gone. */
void origin_drop(const struct cst_class *c, const char *text);
