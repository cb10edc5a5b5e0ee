/* SPDX-License-Identifier: BSD-3-Clause */
/* `coastctl inertia show` and `inertia watch`: what goes on without its control unit. */
#include <stdio.h>

#include "cli/cli.h"
#include "inertia_api.h"

/* ---- show ---------------------------------------------------------------- */

struct row {
	uint64_t has;
	const char *name, *state, *client;
	uint64_t epoch, left_ms, lost_ms, all, stale, local, owed;
	const char *reason;
};

#define NUMBER(m, u) CST_F_UINT(struct row, m, 0, UINT64_MAX, u, 0, NULL, "")
#define TEXT(m)      CST_F_STR(struct row, m, 0, 255, 0, NULL, "")

/* The columns, in the order in which a narrow screen keeps them. */
static const struct cst_field row_fields[] = {
	TEXT(name),          TEXT(state),           TEXT(client),
	NUMBER(epoch, NULL), NUMBER(left_ms, "ms"), NUMBER(lost_ms, "ms"),
	NUMBER(all, NULL),   NUMBER(stale, NULL),   NUMBER(local, NULL),
	NUMBER(owed, NULL),  TEXT(reason),
};
static const struct cst_object row_object =
	CST_OBJECT("owner_row", struct row, row_fields, "an owner on one line");

static json_t *row_of(const json_t *owner)
{
	json_t *row = json_object(), *v;

	for (unsigned i = 0; i < row_object.n_fields; i++) {
		v = json_object_get(owner, row_fields[i].name);
		if (v != NULL)
			json_object_set(row, row_fields[i].name, v);
	}
	return row;
}

static void show_owners(struct cst_cli *cli, const json_t *owners)
{
	json_t *rows = json_array(), *owner;
	size_t i;

	json_array_foreach (owners, i, owner)
		json_array_append_new(rows, row_of(owner));
	if (json_array_size(rows) > 0)
		cst_cli_show(cli, &row_object, rows);
	else
		printf("No owner has claimed anything yet: what is put is nobody's.\n");
	json_decref(rows);
}

static json_int_t number(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static void show_classes(const json_t *classes)
{
	const json_t *c, *n;
	size_t i;

	printf("classes:");
	json_array_foreach (classes, i, c) {
		printf("%s %s", i > 0 ? "," : "", json_string_value(json_object_get(c, "name")));
		n = json_object_get(c, "sessions");
		if (n != NULL)
			printf(" %lld", json_integer_value(n));
	}
	printf(" (first match; 'coastctl inertia_class show')\n");
}

static void show_rest(const json_t *result)
{
	const json_t *j = json_object_get(result, "journal"),
		     *c = json_object_get(result, "control");

	show_classes(json_object_get(result, "classes"));
	printf("journal: %lld entries, %lld bytes, the oldest %.1f s old; %lld merged, %lld "
	       "exported, %lld lost\n",
	       number(j, "entries"), number(j, "bytes"), (double)number(j, "oldest_ms") / 1000,
	       number(j, "merged"), number(j, "exported"), number(j, "lost"));
	printf("control thread: stood still %lld times", number(c, "stalls"));
	if (number(c, "stalls") > 0)
		printf(", last for %lld ms, longest for %lld ms", number(c, "last_ms"),
		       number(c, "longest_ms"));
	printf("\n");
}

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *result;
	int ret = cst_cli_call(cli, "inertia.show", NULL, &result, e);

	if (ret < 0)
		return ret;
	if (cst_cli_json(cli)) {
		cst_cli_show(cli, NULL, result);
	} else {
		show_owners(cli, json_object_get(result, "owners"));
		show_rest(result);
	}
	json_decref(result);
	return 0;
}

static struct cst_command show_command = {
	.object = "inertia",
	.verb = "show",
	.help = "owners, their states and sessions, the journal, stalls of the control thread",
	.run = show,
};
CST_COMMAND(show_command);

/* ---- watch --------------------------------------------------------------- */

static int watch(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *which = json_pack("{s:[s, s, s, s]}", "types", "inertia.control_stalled",
				  "inertia.swept", "owner.fenced", "owner.state");
	int ret = cst_cli_watch(cli, which, e);

	json_decref(which);
	return ret;
}

static struct cst_command watch_command = {
	.object = "inertia",
	.verb = "watch",
	.help = "print what happens to owners as it happens; Ctrl-C ends",
	.run = watch,
};
CST_COMMAND(watch_command);
