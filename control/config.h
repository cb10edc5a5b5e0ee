/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The start-up file, coast.yaml: YAML 1.2 in which a scalar is read as its field
 * asks (a name 010 stays text; yes and no are truth values only where a truth value
 * is wanted).
 */
#pragma once

#include "class.h"
#include "module.h"

/* Its `system:` part alone, which is needed before anything can be applied: EAL starts from it.
 * `yaml_path` NULL, or a file without that part: the defaults. The error's reason names the line.
 * Control thread, once, before cst_config_start(). */
int cst_system_load(const char *yaml_path, struct cst_system *sys, struct cst_err *e);

/* ---- reading ------------------------------------------------------------- */

/* `line` counts from 1; 0: the file as a whole. */
typedef void (*cst_config_report)(const char *file, unsigned line, const struct cst_err *e);

struct cst_yaml {
	json_t *root;  /* NULL when the file could not be read */
	json_t *lines; /* path ("ports[0].mtu") -> line */
	unsigned errors;
};

/* Read a file. `shape` describes what it holds, an object or a list of such; NULL: a start-up file,
 * whose keys are the classes. Aliases are bounded in what they expand to, nesting in depth; a key
 * given twice is an error. `report` may be NULL. Free with cst_yaml_free(), also after errors. */
void cst_yaml_read(struct cst_yaml *y, const char *path, const struct cst_object *shape,
		   cst_config_report report);
void cst_yaml_free(struct cst_yaml *y);
/* The line of this path, or of the nearest part of it that the file has. */
unsigned cst_yaml_line(const struct cst_yaml *y, const char *path);
/* The value at this path below js, or NULL. Borrowed. */
json_t *cst_json_at(const json_t *js, const char *path);

/* ---- start ---------------------------------------------------------------- */

/* The start-up file (NULL: none) and what the store has, in one transaction over the classes that
 * are `late` or are not. Errors of the file, all of them and not the first alone, go to `report`;
 * with any nothing is applied. What the socket changed since the file was applied stays, unless the
 * file says something else now; what the file said and no longer says goes; what the socket made
 * stays. Returns the count of errors. Control thread. */
int cst_config_start(const char *path, bool late, cst_config_report report);
/* The file alone, planned over all classes and not applied (cst_txn.check_only). */
int cst_config_check(const char *path, cst_config_report report);

/* ---- reload -------------------------------------------------------------- */

/* The file that coastd was started with, NULL: none. */
const char *cst_config_file(void);

/* Apply the difference between a file and what is live, all of it or nothing: objects that the file
 * had before and has no longer are deleted, those that differ from what is live or are new to it
 * are put, all others are not even planned. What was made through the socket is left alone unless
 * the file names it: from then on it is the file's.
 *
 * `path` NULL: cst_config_file(). `check_only`: plan, tell what would be done, change nothing.
 * Errors go to `report` one by one. Returns their count, 0 with
 *   {"file", "applied", "created": [{"class", "key"}], "changed": [{.., "fields": {NAME: {"from",
 *    "to"}}}], "deleted": [..], "unchanged": N}
 * in *result (new reference). Control thread. */
int cst_config_reload(const char *path, bool check_only, cst_config_report report, json_t **result);

/* Told by cst_txn_run(): the object with this key was deleted, and not by a reload. */
void cst_origin_forget(const struct cst_class *c, const void *key);
/* Take state fields out of an encoded object, at every depth. */
void cst_strip_state(const struct cst_object *o, json_t *js);
