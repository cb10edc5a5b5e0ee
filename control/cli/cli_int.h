/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of control/cli share among themselves. */
#pragma once

#include <stdio.h>

#include "cli/cli.h"

#define CLI_SOCKET "/run/coast/coastd.sock"

struct cst_cli {
	const char *socket;
	bool json, all;
	double watch;   /* seconds between repaints; 0: once */
	int timeout_ms; /* for a reply */

	/* client.c */
	int fd; /* -1: not connected */
	char *buf;
	size_t n, cap;
	long next_id;
	int rpc_code;    /* of the last refusal, 0: none */
	json_t *refusal; /* error.data of it, NULL: none */

	bool asked; /* coastd was asked what it offers */
};

/* ---- client.c ------------------------------------------------------------ */

int cli_connect(struct cst_cli *cli, struct cst_err *e);
void cli_disconnect(struct cst_cli *cli);
/* The next line coastd sends, malloc'd. -ETIMEDOUT, -EINTR, -ECONNRESET. timeout_ms -1: for ever.
 */
int cli_read_line(struct cst_cli *cli, int timeout_ms, char **line, struct cst_err *e);

/* ---- catalog.c: which words there are ------------------------------------ */

enum cli_kind { CLI_PUT, CLI_MODIFY, CLI_DELETE, CLI_SHOW, CLI_METHOD, CLI_COMMAND };

struct cli_verb {
	const char *name;
	const char *help;
	enum cli_kind kind;
	const char *method;              /* CLI_METHOD */
	const struct cst_object *params; /* CLI_METHOD, CLI_COMMAND; NULL: none */
	const struct cst_command *command;
	struct cli_verb *next;
};

struct cli_object {
	const char *name, *plural, *help;
	const struct cst_object *object; /* a class; NULL: methods only */
	const struct cst_object *modify; /* shape of modify */
	struct cli_verb *verbs;
	struct cli_object *next;
};

struct cli_object *cli_objects(void);
const struct cli_object *cli_object_find(const char *word);
const struct cli_verb *cli_verb_find(const struct cli_object *o, const char *word);
/* A command of one word, such as `top`: its object has this verb alone. */
static inline bool cli_is_bare(const struct cli_verb *v)
{
	return v->name[0] == '\0';
}
/* Add what coastd offers beyond that. Once; quietly nothing when it does not answer. */
void cli_ask_coastd(struct cst_cli *cli);
/* The shape of a verb's arguments; NULL: takes none. */
const struct cst_object *cli_verb_shape(const struct cli_object *o, const struct cli_verb *v);

/* ---- remote.c ------------------------------------------------------------ */

/* A table from its description (rpc.describe); its texts are those of js. NULL: it is none. */
const struct cst_object *cli_remote_object(const json_t *js);

/* ---- args.c -------------------------------------------------------------- */

/* Arguments -> params: an object, or an array of them where files or JSON texts say so. */
int cli_args(const struct cli_object *o, const struct cli_verb *v, char **words, int n,
	     json_t **out, struct cst_err *e);
/* The field a dotted path such as "pdi.f_teid.teid" or "via[0].gateway" means; NULL: none. */
const struct cst_field *cli_field_at(const struct cst_object *o, const char *path);

/* ---- run.c --------------------------------------------------------------- */

/* One command line without the program's name and options. Exit status. */
int cli_run(struct cst_cli *cli, char **words, int n);
/* Options among the words are taken out; `--NAME[=VALUE]` after the object that is none of
 * coastctl's becomes the argument NAME=VALUE (true). Exit status, or -1: go on with `words`. */
int cli_options(struct cst_cli *cli, int *argc, char **argv, bool *help);
/* Print an error and what to do next; returns the exit status for it. */
int cli_fail(const struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
	     const struct cst_err *e, int status);

/* ---- text.c, table.c: results -------------------------------------------- */

/* YAML-like, with units. */
void cli_print_value(FILE *out, const struct cst_object *o, const json_t *js);
/* One line, without spaces where it can be. malloc'd. */
char *cli_compact(const json_t *js);

struct cli_table; /* the columns, chosen from the first page */
/* Columns of the terminal, or of $COLUMNS; 0: no limit. */
size_t cli_screen_width(void);
/* Print a page of rows; `*t` NULL at the first. */
void cli_table_page(struct cli_table **t, const struct cst_object *o, const json_t *rows);
/* What did not fit; frees. */
void cli_table_end(struct cli_table *t);

/* ---- help.c, complete.c, shell.c ----------------------------------------- */

void cli_help(struct cst_cli *cli);
void cli_help_object(const struct cli_object *o);
void cli_help_verb(const struct cli_object *o, const struct cli_verb *v);
extern const char cli_usage[];

/* Candidates for the last word, each to `add`. */
void cli_complete(struct cst_cli *cli, char **words, int n,
		  void (*add)(void *arg, const char *word), void *arg);

int cli_shell(struct cst_cli *cli);

/* ---- top.c, top_view.c --------------------------------------------------- */

/* Ctrl-C, a kill or a closed terminal make cst_cli_interrupted() true from here on. */
void cli_interrupt(int sig);

struct cli_top_part {
	const struct cst_top *top;
	json_t *before, *now; /* items by key */
	json_t *rows;         /* NULL: coastd has no such thing */
	json_t *reply;        /* the whole of it */
	double at;            /* when `now` was asked for, seconds */
};

/* The parts as text, at most so many columns and lines (0: no limit). */
void cli_top_view(FILE *out, const struct cli_top_part *parts, unsigned n, size_t columns,
		  size_t lines);
/* "12.3k"; buf has 16 bytes. */
const char *cli_top_number(double v, char *buf);
