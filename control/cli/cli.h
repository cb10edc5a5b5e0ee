/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coastctl: OBJECT VERB [ARGS]. Objects and their fields come from the class
 * tables linked into the program (X_api.c of every slice); what else coastd
 * offers is asked of it (rpc.describe). A slice adds commands of its own, in
 * X_cli.c, with CST_COMMAND. Single-threaded.
 */
#pragma once

#include <stdbool.h>

#include <jansson.h>

#include "err.h"
#include "object.h"

struct cst_cli; /* the connection, and how results are shown */

struct cst_command {
	const char *object, *verb; /* "event", "watch"; verb "": the object alone is a command */
	const char *help;          /* one line */
	const struct cst_object *args; /* what key=value arguments there are; NULL: none */
	/* `args` is an object, checked value by value (not: as a whole). Returns 0 or a negative
	 * errno with *e filled; what the command says itself goes to stdout. */
	int (*run)(struct cst_cli *cli, const json_t *args, struct cst_err *e);
	struct cst_command *next;
};

void cst_command_add(struct cst_command *c);

#define CST_COMMAND(var)                                                           \
	static void __attribute__((constructor, used)) cst_command_reg_##var(void) \
	{                                                                          \
		cst_command_add(&var);                                             \
	}                                                                          \
	struct cst_swallow_semicolon

/* Call a method; steals `params` (may be NULL). New reference in *result. A refusal of coastd's is
 * its errno, -EINVAL for wrong parameters, with its field and reason. */
int cst_cli_call(struct cst_cli *cli, const char *method, json_t *params, json_t **result,
		 struct cst_err *e);
/* Show a result as the user asked: JSON with --json, else a table when it is a list (or has a
 * member `items` that is one), else one line per member. `o` names the fields and their units; may
 * be NULL. */
void cst_cli_show(struct cst_cli *cli, const struct cst_object *o, const json_t *result);
/* `event watch` with these arguments ({"types": [..], "from": N}): events as they come, until
 * Ctrl-C. */
int cst_cli_watch(struct cst_cli *cli, const json_t *args, struct cst_err *e);
/* All that was wrong with a call that was refused, when coastd listed it: [{"file", "line",
 * "field", "reason"}], borrowed until the next call. NULL: it did not. */
const json_t *cst_cli_errors(const struct cst_cli *cli);
/* --json was given. */
bool cst_cli_json(const struct cst_cli *cli);
/* --all was given: also what is zero. */
bool cst_cli_all(const struct cst_cli *cli);
/* Ctrl-C was pressed: end what goes on without end. */
bool cst_cli_interrupted(void);

/* ---- top ----------------------------------------------------------------- */

/* A part of `coastctl top`: a list that coastd is asked for again and again. */
struct cst_top {
	const char *title; /* also its member in the JSON output */
	int order;
	const char *method; /* its result has `items`; "ready": false in it: ask again soon */
	const char *key;    /* member by which an item is known again */
	/* What to ask with, from the arguments of top; NULL: nothing. New reference. */
	json_t *(*params)(const json_t *args);
	/* The item's row, a new reference. `before`: the same item `seconds` ago, NULL: it was not
	 * there, and rates are not known. */
	json_t *(*row)(const json_t *item, const json_t *before, double seconds);
	const struct cst_object *columns; /* of rows, in this order; `help` is the heading */
	struct cst_top *next;
};

void cst_top_add(struct cst_top *t);
/* What a counter rose by in each second; 0 when that is not known. */
double cst_top_rate(const json_t *item, const json_t *before, const char *member, double seconds);

#define CST_TOP(var)                                                           \
	static void __attribute__((constructor, used)) cst_top_reg_##var(void) \
	{                                                                      \
		cst_top_add(&var);                                             \
	}                                                                      \
	struct cst_swallow_semicolon

/* The program without its main(): exit status 0, 1 (refused or failed), 2 (wrong usage). */
int cst_cli_main(int argc, char **argv);
