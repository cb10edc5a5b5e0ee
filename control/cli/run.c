/* SPDX-License-Identifier: BSD-3-Clause */
/* OBJECT VERB [ARGS]: find what is meant, call it, show what comes. */
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli_int.h"

#define PAGE 1000

/* ---- errors -------------------------------------------------------------- */

/* Of which there is none by this name, as the reason says: "there is no KIND 'NAME'". */
static const struct cli_object *kind_of_missing(const struct cli_object *o, const char *reason)
{
	static const char begin[] = "there is no ";
	char kind[64] = "";
	size_t n = 0;

	if (strncmp(reason, begin, sizeof(begin) - 1) != 0)
		return o;
	for (reason += sizeof(begin) - 1; *reason && *reason != '\'' && n < sizeof(kind) - 1;
	     reason++)
		kind[n++] = *reason == ' ' ? '_' : *reason;
	while (n > 0 && kind[n - 1] == '_')
		n--;
	kind[n] = '\0';
	for (const struct cli_object *x = cli_objects(); x != NULL; x = x->next)
		if (strcmp(x->name, kind) == 0)
			return x;
	return o;
}

static void hint(const struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
		 const struct cst_err *e, int status)
{
	switch (-e->code) {
	case ECONNREFUSED:
		fputs("Start it with 'systemctl start coastd' or 'coastd -c "
		      "/etc/coast/coast.yaml'; "
		      "-s SOCKET names another one.\n",
		      stderr);
		return;
	case EACCES:
		fputs("Run it as root, or join the group: 'usermod -aG coast USER', then log in "
		      "anew.\n",
		      stderr);
		return;
	case ENOENT:
		if (o != NULL && o->object != NULL && status == 1)
			fprintf(stderr, "'coastctl %s show' lists those that there are.\n",
				kind_of_missing(o, e->reason)->name);
		return;
	case ENOSYS:
		fputs("'coastctl rpc version' shows coastd's version, 'coastctl --version' this "
		      "one.\n",
		      stderr);
		return;
	case EINVAL:
		if (o != NULL && v != NULL)
			fprintf(stderr, "'coastctl %s%s%s --help' lists what it takes.\n", o->name,
				cli_is_bare(v) ? "" : " ", v->name);
		else
			fprintf(stderr, "'coastctl %s%s--help' lists them.\n",
				o != NULL ? o->name : "", o != NULL ? " " : "");
		return;
	default:
		return;
	}
}

int cli_fail(const struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
	     const struct cst_err *e, int status)
{
	const char *list = e->field[0] == '[' && o != NULL && o->plural != NULL ? o->plural : "";

	fflush(stdout);
	fprintf(stderr, "coastctl: %s%s%s%s\n", list, e->field, e->field[0] != '\0' ? ": " : "",
		e->reason);
	hint(cli, o, v, e, status);
	return status;
}

/* ---- showing ------------------------------------------------------------- */

bool cst_cli_json(const struct cst_cli *cli)
{
	return cli->json;
}

bool cst_cli_all(const struct cst_cli *cli)
{
	return cli->all;
}

static void print_json(const json_t *js)
{
	json_dumpf(js, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
	putchar('\n');
}

static const json_t *items_of(const json_t *result)
{
	const json_t *items = json_object_get(result, "items");

	return json_is_array(items) ? items : json_is_array(result) ? result : NULL;
}

static bool rows_are_objects(const json_t *rows)
{
	const json_t *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (!json_is_object(row))
			return false;
	return true;
}

void cst_cli_show(struct cst_cli *cli, const struct cst_object *o, const json_t *result)
{
	const json_t *rows = items_of(result);
	struct cli_table *t = NULL;

	if (cli->json) {
		print_json(result);
	} else if (rows != NULL && rows_are_objects(rows)) {
		cli_table_page(&t, o, rows);
		cli_table_end(t);
	} else if (json_object_size(result) > 0 || json_array_size(result) > 0 ||
		   (!json_is_object(result) && !json_is_array(result))) {
		cli_print_value(stdout, o, result);
	}
}

/* Does a counter of this row count anything? Rows without counters do. */
static bool counts(const json_t *row)
{
	bool any = false;
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)row, name, v) {
		if (json_is_integer(v) && json_integer_value(v) != 0)
			return true;
		any = any || json_is_integer(v);
	}
	return !any;
}

/* New reference: the rows without those that are zero throughout. */
static json_t *counting_rows(const json_t *rows)
{
	json_t *out = json_array(), *row;
	size_t i;

	json_array_foreach (rows, i, row)
		if (counts(row))
			json_array_append(out, row);
	return out;
}

/* ---- lists, page by page ------------------------------------------------- */

struct listing {
	struct cst_cli *cli;
	const struct cst_object *row; /* NULL: not described */
	bool hide_zeros;
	struct cli_table *table;
	unsigned pages, hidden;
	size_t rows;
};

static void json_page(const struct listing *l, const json_t *result, const json_t *rows, bool last)
{
	const json_t *row;
	size_t i;

	if (l->pages == 0 && last) {
		print_json(result); /* as coastd sent it */
		return;
	}
	if (l->pages == 0)
		printf("{\"items\":[");
	json_array_foreach (rows, i, row) {
		printf("%s\n", l->pages == 0 && i == 0 ? "" : ",");
		json_dumpf(row, stdout, JSON_COMPACT | JSON_REAL_PRECISION(15));
	}
	if (last)
		printf("\n],\"cursor\":0}\n");
}

static void show_page(struct listing *l, const json_t *result, bool last)
{
	const json_t *rows = items_of(result);
	json_t *shown;

	if (l->cli->json) {
		json_page(l, result, rows, last);
	} else if (rows == NULL || !rows_are_objects(rows)) {
		cst_cli_show(l->cli, l->row, result);
	} else {
		shown = l->hide_zeros ? counting_rows(rows) : json_incref((json_t *)rows);
		l->rows += json_array_size(shown);
		l->hidden += (unsigned)(json_array_size(rows) - json_array_size(shown));
		if (json_array_size(shown) > 0)
			cli_table_page(&l->table, l->row, shown);
		json_decref(shown);
	}
	l->pages++;
}

static int list_all(struct listing *l, const char *method, json_t *params, bool paged,
		    struct cst_err *e)
{
	json_int_t cursor = 0;
	json_t *result;
	int ret;

	do {
		if (paged)
			json_object_set_new(params, "limit", json_integer(PAGE));
		if (cursor != 0)
			json_object_set_new(params, "cursor", json_integer(cursor));
		ret = cst_cli_call(l->cli, method, json_copy(params), &result, e);
		if (ret < 0)
			break;
		cursor = paged ? json_integer_value(json_object_get(result, "cursor")) : 0;
		show_page(l, result, cursor == 0);
		json_decref(result);
	} while (cursor != 0 && !cst_cli_interrupted());
	cli_table_end(l->table);
	if (ret == 0 && !l->cli->json && l->rows == 0 && l->hidden > 0)
		printf("All %u are zero; --all shows them.\n", l->hidden);
	return ret;
}

/* ---- verbs --------------------------------------------------------------- */

/* 1: all keys and nothing else, 0: not all keys or more. */
static bool is_key(const struct cst_object *o, const json_t *args)
{
	unsigned keys = 0;

	for (unsigned i = 0; i < o->n_fields; i++)
		if (o->fields[i].flags & CST_F_KEY) {
			if (json_object_get(args, o->fields[i].name) == NULL)
				return false;
			keys++;
		}
	return json_object_size(args) == keys;
}

static int show(struct cst_cli *cli, const struct cli_object *o, const json_t *args,
		struct cst_err *e)
{
	struct listing l = {.cli = cli, .row = o->object};
	char method[96];
	json_t *result;
	int ret;

	if (json_is_array(args) || is_key(o->object, args)) {
		snprintf(method, sizeof(method), "%s.get", o->name);
		ret = cst_cli_call(cli, method, json_incref((json_t *)args), &result, e);
		if (ret == 0 && cli->json)
			print_json(result);
		else if (ret == 0)
			cli_print_value(stdout, o->object, result);
		json_decref(result);
		return ret;
	}
	snprintf(method, sizeof(method), "%s.list", o->name);
	json_t *params =
		json_object_size(args) > 0 ? json_pack("{s:O}", "filter", args) : json_object();
	ret = list_all(&l, method, params, true, e);
	json_decref(params);
	return ret;
}

static bool has_field(const struct cst_object *o, const char *name)
{
	return o != NULL && cst_field_index(o, name) >= 0;
}

static int call(struct cst_cli *cli, const struct cli_verb *v, json_t *args, struct cst_err *e)
{
	struct listing l = {.cli = cli, .hide_zeros = !cli->all};

	if (cli->all && json_is_object(args) && has_field(v->params, "all"))
		json_object_set_new(args, "all", json_true());
	if (!json_is_object(args))
		return cst_err(e, -EINVAL, NULL, "takes one object");
	return list_all(&l, v->method, args,
			has_field(v->params, "cursor") && has_field(v->params, "limit"), e);
}

static int change(struct cst_cli *cli, const struct cli_object *o, const char *verb,
		  const json_t *args, struct cst_err *e)
{
	const json_t *reply;
	bool silent = true;
	char method[96];
	json_t *result;
	size_t i;
	int ret;

	snprintf(method, sizeof(method), "%s.%s", o->name, verb);
	ret = cst_cli_call(cli, method, json_incref((json_t *)args), &result, e);
	if (ret < 0)
		return ret;
	json_array_foreach (result, i, reply)
		silent = silent && json_object_size(reply) == 0;
	if (cli->json)
		print_json(result);
	else if (json_object_size(result) > 0 || !silent)
		cli_print_value(stdout, NULL, result);
	json_decref(result);
	return 0;
}

static int once(struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
		json_t *args, struct cst_err *e)
{
	switch (v->kind) {
	case CLI_PUT:
		return change(cli, o, "put", args, e);
	case CLI_MODIFY:
		return change(cli, o, "modify", args, e);
	case CLI_DELETE:
		return change(cli, o, "delete", args, e);
	case CLI_SHOW:
		return show(cli, o, args, e);
	case CLI_METHOD:
		return call(cli, v, args, e);
	default:
		return v->command->run(cli, args, e);
	}
}

static void paint_title(const struct cst_cli *cli, char **words, int n)
{
	time_t now = time(NULL);
	char text[32];
	struct tm tm;

	strftime(text, sizeof(text), "%H:%M:%S", localtime_r(&now, &tm));
	if (isatty(STDOUT_FILENO))
		fputs("\033[H\033[J", stdout);
	printf("coastctl");
	for (int i = 0; i < n; i++)
		printf(" %s", words[i]);
	printf("   every %g s   %s\n\n", cli->watch, text);
}

/* Sleeping ends with Ctrl-C. */
static void rest(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

static int repeat(struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
		  json_t *args, char **words, int n, struct cst_err *e)
{
	int ret = 0;

	while (ret == 0 && !cst_cli_interrupted()) {
		if (!cli->json)
			paint_title(cli, words, n);
		json_t *copy = json_copy(args);

		ret = once(cli, o, v, copy, e);
		json_decref(copy);
		fflush(stdout);
		if (ret == 0)
			rest(cli->watch);
	}
	return cst_cli_interrupted() ? 0 : ret;
}

/* ---- words --------------------------------------------------------------- */

static int unknown_object(struct cst_cli *cli, const char *word)
{
	struct cst_suggest s = {.word = word};
	struct cst_err e;

	for (const struct cli_object *o = cli_objects(); o != NULL; o = o->next)
		cst_suggest_try(&s, o->name);
	if (!cli->asked) { /* it may well be something that only coastd knows */
		if (s.best != NULL)
			cst_err(&e, -ECONNREFUSED, NULL,
				"%s: unknown here (did you mean %s?), and coastd does not answer "
				"on %s",
				word, s.best, cli->socket);
		else
			cst_err(&e, -ECONNREFUSED, NULL,
				"%s: unknown here, and coastd does not answer on %s", word,
				cli->socket);
		return cli_fail(cli, NULL, NULL, &e, 1);
	}
	if (s.best != NULL)
		cst_err(&e, -EINVAL, NULL, "%s: unknown object; did you mean %s?", word, s.best);
	else
		cst_err(&e, -EINVAL, NULL, "%s: unknown object", word);
	return cli_fail(cli, NULL, NULL, &e, 2);
}

static int unknown_verb(struct cst_cli *cli, const struct cli_object *o, const char *word)
{
	char all[256] = "";
	struct cst_err e;

	for (const struct cli_verb *v = o->verbs; v != NULL; v = v->next)
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s",
			 v == o->verbs ? "" : ", ", v->name);
	cst_err(&e, -EINVAL, NULL, "%s: %s has no such verb; it has %s", word, o->name, all);
	return cli_fail(cli, o, NULL, &e, 2);
}

static const struct cli_object *find_object(struct cst_cli *cli, const char *word)
{
	const struct cli_object *o = cli_object_find(word);

	if (o != NULL)
		return o;
	cli_ask_coastd(cli);
	return cli_object_find(word);
}

static int run_verb(struct cst_cli *cli, const struct cli_object *o, const struct cli_verb *v,
		    char **words, int n)
{
	int skip = cli_is_bare(v) ? 1 : 2;
	json_t *args = NULL;
	struct cst_err e = {0};
	long sent;
	int ret;

	ret = cli_args(o, v, words + skip, n > skip ? n - skip : 0, &args, &e);
	if (ret == 0 && v->kind <= CLI_DELETE && json_is_object(args) &&
	    json_object_size(args) == 0)
		ret = cst_err(&e, -EINVAL, NULL, "%s %s: give FIELD=VALUE, a JSON text or @FILE",
			      o->name, v->name);
	if (ret < 0) {
		json_decref(args);
		return cli_fail(cli, o, v, &e, 2);
	}
	sent = cli->next_id;
	if (cli->watch > 0 && v->kind >= CLI_SHOW && strcmp(v->name, "watch") != 0 &&
	    !cli_is_bare(v))
		ret = repeat(cli, o, v, args, words, n, &e);
	else
		ret = once(cli, o, v, args, &e);
	json_decref(args);
	fflush(stdout);
	if (ret < 0 && ret == -EINTR && cst_cli_interrupted())
		return 0;
	if (ret == 0)
		return 0;
	/* wrong usage is what coastctl itself finds: coastd was asked nothing */
	return cli_fail(cli, o, v, &e, ret == -EINVAL && cli->next_id == sent ? 2 : 1);
}

int cli_run(struct cst_cli *cli, char **words, int n)
{
	const struct cli_object *o = find_object(cli, words[0]);
	const struct cli_verb *v;

	if (o == NULL)
		return unknown_object(cli, words[0]);
	v = cli_verb_find(o, "");
	if (v != NULL)
		return run_verb(cli, o, v, words, n);
	v = cli_verb_find(o, n > 1 ? words[1] : "show");
	if (v == NULL) {
		cli_ask_coastd(cli);
		v = cli_verb_find(o, n > 1 ? words[1] : "show");
	}
	if (v == NULL && n == 1) {
		cli_help_object(o);
		return 2;
	}
	return v != NULL ? run_verb(cli, o, v, words, n) : unknown_verb(cli, o, words[1]);
}
