/* SPDX-License-Identifier: BSD-3-Clause */
/* `reload`: apply what has changed in coast.yaml, or say what would be. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli_int.h"

struct reload_args {
	uint64_t has;
	const char *path;
	bool check;
};

static const struct cst_field reload_fields[] = {
	CST_F_STR(struct reload_args, path, 1, 4095, 0, NULL,
		  "file to take; absent: the one that coastd was started with; "
		  "another one only root and coastd's own user may name"),
	CST_F_BOOL(struct reload_args, check, 0, "false",
		   "--check or --dry-run: show the difference and change nothing"),
};
static const struct cst_object reload_object =
	CST_OBJECT("reload", struct reload_args, reload_fields, "which file, and how");

static void print_fields(const json_t *fields)
{
	const char *name, *sep = ": ";
	json_t *v;

	json_object_foreach ((json_t *)fields, name, v) {
		const json_t *from = json_object_get(v, "from"), *to = json_object_get(v, "to");
		char *a = cli_compact(from), *b = cli_compact(to);

		printf("%s%s %s -> %s", sep, name, json_is_null(from) || a == NULL ? "-" : a,
		       json_is_null(to) || b == NULL ? "-" : b);
		sep = "; ";
		free(a);
		free(b);
	}
}

static void print_list(char sign, const json_t *list)
{
	const json_t *v;
	size_t i;

	json_array_foreach (list, i, v) {
		const char *class = json_string_value(json_object_get(v, "class"));
		char *key = cli_compact(json_object_get(v, "key"));

		printf("%c %s%s%s", sign, class != NULL ? class : "?",
		       key != NULL && *key != '\0' ? " " : "", key != NULL ? key : "");
		print_fields(json_object_get(v, "fields"));
		putchar('\n');
		free(key);
	}
}

static void print_result(const json_t *r)
{
	const json_t *created = json_object_get(r, "created");
	const json_t *changed = json_object_get(r, "changed");
	const json_t *deleted = json_object_get(r, "deleted");
	const char *file = json_string_value(json_object_get(r, "file"));
	bool applied = json_is_true(json_object_get(r, "applied"));

	print_list('-', deleted);
	print_list('+', created);
	print_list('~', changed);
	printf("%s: %zu created, %zu changed, %zu deleted, %lld as before%s\n",
	       file != NULL ? file : "", json_array_size(created), json_array_size(changed),
	       json_array_size(deleted),
	       (long long)json_integer_value(json_object_get(r, "unchanged")),
	       applied ? "" : "; nothing was done yet");
}

/* As coastd --check does. */
static int print_errors(const json_t *errors, struct cst_err *e)
{
	const char *file = NULL;
	const json_t *v;
	size_t i;

	json_array_foreach (errors, i, v) {
		const char *field = json_string_value(json_object_get(v, "field"));
		const char *reason = json_string_value(json_object_get(v, "reason"));
		json_int_t line = json_integer_value(json_object_get(v, "line"));

		file = json_string_value(json_object_get(v, "file"));
		fprintf(stderr, "%s:", file != NULL ? file : "");
		if (line > 0)
			fprintf(stderr, "%lld:", (long long)line);
		fprintf(stderr, " %s%s%s\n", field != NULL ? field : "", field != NULL ? ": " : "",
			reason != NULL ? reason : "");
	}
	return cst_err(e, -ECANCELED, NULL, "%zu error%s, nothing was changed", i,
		       i == 1 ? "" : "s");
}

static int reload(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	const char *path = json_string_value(json_object_get(args, "path"));
	json_t *params = json_copy((json_t *)args), *result;
	char *whole;
	int ret;

	if (path != NULL) { /* coastd may stand in another directory */
		whole = realpath(path, NULL);
		if (whole == NULL) {
			json_decref(params);
			return cst_err(e, -EINVAL, NULL, "%s: %s", path, strerror(errno));
		}
		json_object_set_new(params, "path", json_string(whole));
		free(whole);
	}
	ret = cst_cli_call(cli, "config.reload", params, &result, e);
	if (ret < 0 && cst_cli_errors(cli) != NULL && !cst_cli_json(cli))
		return print_errors(cst_cli_errors(cli), e);
	if (ret < 0 && cst_cli_errors(cli) != NULL)
		json_dumpf(cst_cli_errors(cli), stdout, JSON_INDENT(2)), putchar('\n');
	if (ret < 0)
		return ret;
	if (cst_cli_json(cli))
		cst_cli_show(cli, NULL, result);
	else
		print_result(result);
	json_decref(result);
	return 0;
}

static struct cst_command reload_command = {
	.object = "reload",
	.verb = "",
	.help = "apply the difference between coast.yaml and what is live, all of it or nothing",
	.args = &reload_object,
	.run = reload,
};
CST_COMMAND(reload_command);
