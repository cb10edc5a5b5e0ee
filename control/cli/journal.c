/* SPDX-License-Identifier: BSD-3-Clause */
/* `journal show`, `journal list`, `journal export`: what the control plane has yet to acknowledge.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_int.h"

#define PAGE 1000

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *result;
	int ret = cst_cli_call(cli, "journal.show", NULL, &result, e);

	if (ret < 0)
		return ret;
	cst_cli_show(cli, NULL, result);
	json_decref(result);
	(void)args;
	return 0;
}

static struct cst_command show_command = {
	.object = "journal",
	.verb = "show",
	.help = "how many events wait to be acknowledged, of whom, and since when",
	.run = show,
};
CST_COMMAND(show_command);

/* ---- list ---------------------------------------------------------------- */

struct list_args {
	uint64_t has;
	const char *owner;
	uint64_t subject, cursor;
	uint32_t limit;
};

static const struct cst_field list_fields[] = {
	CST_F_STR(struct list_args, owner, 1, 63, 0, NULL,
		  "events of this owner, none: of nobody; absent: all"),
	CST_F_UINT(struct list_args, subject, 0, 0, NULL, 0, NULL,
		   "events of this session, its SEID; absent: of all"),
	CST_F_UINT(struct list_args, cursor, 0, INT64_MAX, NULL, 0, NULL,
		   "number of the event to begin with; absent: the oldest"),
	CST_F_UINT(struct list_args, limit, 1, UINT32_MAX, NULL, 0, NULL,
		   "at most this many; absent: all"),
};
static const struct cst_object list_object =
	CST_OBJECT("journal_list", struct list_args, list_fields, "which events");

/* Page by page; `each` has the page's items, and *left of them are still wanted. */
static int walk(struct cst_cli *cli, const char *method, const json_t *args, size_t left,
		int (*each)(void *arg, const json_t *page, struct cst_err *e), void *arg,
		struct cst_err *e)
{
	json_t *params = json_deep_copy(args), *page;
	json_int_t cursor;
	int ret;

	do {
		json_object_set_new(params, "limit",
				    json_integer((json_int_t)(left < PAGE ? left : PAGE)));
		ret = cst_cli_call(cli, method, json_incref(params), &page, e);
		if (ret < 0)
			break;
		ret = each(arg, page, e);
		left -= json_array_size(json_object_get(page, "items"));
		cursor = json_integer_value(json_object_get(page, "cursor"));
		json_object_set_new(params, "cursor", json_integer(cursor));
		json_decref(page);
	} while (ret == 0 && cursor != 0 && left > 0 && !cst_cli_interrupted());
	json_decref(params);
	return ret;
}

static int print_page(void *arg, const json_t *page, struct cst_err *e)
{
	const json_t *event;
	char *data;
	size_t i;

	json_array_foreach (json_object_get(page, "items"), i, event) {
		if (cst_cli_json(arg)) {
			json_dumpf(event, stdout, JSON_COMPACT);
			putchar('\n');
			continue;
		}
		data = cli_compact(json_object_get(event, "data"));
		printf("%lld  %s  %-20s %s\n",
		       (long long)json_integer_value(json_object_get(event, "seq")),
		       json_string_value(json_object_get(event, "time")) ?: "",
		       json_string_value(json_object_get(event, "type")) ?: "",
		       data != NULL ? data : "");
		free(data);
	}
	(void)e;
	return 0;
}

static int list(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	const json_t *limit = json_object_get(args, "limit");

	return walk(cli, "journal.list", args,
		    limit != NULL ? (size_t)json_integer_value(limit) : SIZE_MAX, print_page, cli,
		    e);
}

static struct cst_command list_command = {
	.object = "journal",
	.verb = "list",
	.help = "the events that wait to be acknowledged, oldest first",
	.args = &list_object,
	.run = list,
};
CST_COMMAND(list_command);

/* ---- export -------------------------------------------------------------- */

struct export_args {
	uint64_t has;
	const char *owner;
	uint64_t subject;
	bool csv;
	const char *file;
};

static const struct cst_field export_fields[] = {
	CST_F_STR(struct export_args, owner, 1, 63, 0, NULL,
		  "events of this owner, none: of nobody; absent: all"),
	CST_F_UINT(struct export_args, subject, 0, 0, NULL, 0, NULL,
		   "events of this session, its SEID; absent: of all"),
	CST_F_BOOL(struct export_args, csv, 0, NULL,
		   "--csv: lines of RFC 4180, which is what there is without --json too"),
	CST_F_STR(struct export_args, file, 1, 4095, 0, NULL,
		  "new file to write to; absent: the output"),
};
static const struct cst_object export_object = CST_OBJECT(
	"journal_export", struct export_args, export_fields, "which events, and where to");

struct export
{
	FILE *out;
	const char *name;
	bool csv, progress, headed;
	const char *owner; /* NULL: of all */
	bool part;         /* of a session: 'through' would remove others' too */
	size_t records;
	uint64_t total; /* 0: not known */
	json_int_t last;
};

static void print_line(FILE *out, const json_t *line)
{
	if (json_is_string(line))
		fprintf(out, "%s\r\n", json_string_value(line));
}

static void show_progress(const struct export *x)
{
	if (!x->progress)
		return;
	fprintf(stderr, "\r%zu", x->records);
	if (x->total > 0)
		fprintf(stderr, " of %llu", (unsigned long long)x->total);
	fputs(" records", stderr);
}

static int write_page(void *arg, const json_t *page, struct cst_err *e)
{
	struct export *x = arg;
	const json_t *item;
	size_t i;

	if (x->csv && !x->headed)
		print_line(x->out, json_object_get(page, "head"));
	x->headed = true;
	json_array_foreach (json_object_get(page, "items"), i, item) {
		if (x->csv) {
			print_line(x->out, item);
			x->last = strtoll(json_string_value(item) ?: "", NULL, 10);
		} else {
			json_dumpf(item, x->out, JSON_COMPACT);
			putc('\n', x->out);
			x->last = json_integer_value(json_object_get(item, "seq"));
		}
		x->records++;
	}
	show_progress(x);
	if (fflush(x->out) != 0)
		return cst_err(e, -errno, NULL, "%s: %s", x->name, strerror(errno));
	return 0;
}

/* What was exported before is not written over. */
static int open_file(struct export *x, const char *path, struct cst_err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == EEXIST)
		return cst_err(e, -EEXIST, "file", "%s is there already; name a new one", path);
	x->out = fd >= 0 ? fdopen(fd, "w") : NULL;
	x->name = path;
	return x->out != NULL ? 0 : cst_err(e, -errno, "file", "%s: %s", path, strerror(errno));
}

static int close_file(struct export *x, struct cst_err *e)
{
	bool ok = fflush(x->out) == 0 && fsync(fileno(x->out)) == 0;

	if (fclose(x->out) == 0 && ok)
		return 0;
	return cst_err(e, -errno, "file", "%s: %s", x->name, strerror(errno));
}

static uint64_t count(struct cst_cli *cli)
{
	json_t *state;
	struct cst_err e;
	uint64_t n;

	if (cst_cli_call(cli, "journal.show", NULL, &state, &e) < 0)
		return 0;
	n = (uint64_t)json_integer_value(json_object_get(state, "entries"));
	json_decref(state);
	return n;
}

static void summarize(const struct export *x)
{
	fprintf(stderr, "%s%zu record%s", x->progress ? "\r\033[K" : "", x->records,
		x->records == 1 ? "" : "s");
	if (x->records > 0)
		fprintf(stderr, ", the last is event %lld", (long long)x->last);
	if (x->records > 0 && !x->part)
		fprintf(stderr,
			"; 'coastctl journal ack owner=%s through=%lld' removes %s from the "
			"journal",
			x->owner != NULL ? x->owner : "NAME", (long long)x->last,
			x->owner != NULL ? "them" : "those of an owner");
	fputs("\n", stderr);
}

static int export(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	const char *path = json_string_value(json_object_get(args, "file"));
	struct export x = {.out = stdout,
			   .name = "output",
			   .csv = !cst_cli_json(cli),
			   .owner = json_string_value(json_object_get(args, "owner")),
			   .part = json_object_get(args, "subject") != NULL};
	json_t *params = json_copy((json_t *)args);
	int ret = path != NULL ? open_file(&x, path, e) : 0;

	if (ret == 0) {
		x.progress = path != NULL && isatty(STDERR_FILENO);
		x.total = x.progress && x.owner == NULL && !x.part ? count(cli) : 0;
		json_object_del(params, "file");
		json_object_del(params, "csv");
		json_object_set_new(params, "format", json_string(x.csv ? "csv" : "json"));
		ret = walk(cli, "journal.export", params, SIZE_MAX, write_page, &x, e);
	}
	if (ret == 0 && path != NULL)
		ret = close_file(&x, e);
	if (ret == 0 && (path != NULL || isatty(STDERR_FILENO)))
		summarize(&x);
	json_decref(params);
	return ret;
}

static struct cst_command export_command = {
	.object = "journal",
	.verb = "export",
	.help = "the same as records for offline rating, CSV or with --json one JSON text per "
		"line; "
		"removes nothing",
	.args = &export_object,
	.run = export,
};
CST_COMMAND(export_command);
