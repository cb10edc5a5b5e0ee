/* SPDX-License-Identifier: BSD-3-Clause */
/* What the last word could become; for bash and for the interactive mode. */
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "cli_int.h"

#define MAX_NAMES 500 /* of objects, asked of coastd */

struct candidates {
	const char *word; /* what is there already */
	void (*add)(void *arg, const char *word);
	void *arg;
};

static void offer(struct candidates *c, const char *before, const char *text, const char *after)
{
	char *word;

	if (asprintf(&word, "%s%s%s", before, text, after) < 0)
		return;
	if (strncmp(word, c->word, strlen(c->word)) == 0)
		c->add(c->arg, word);
	free(word);
}

/* Names (a field's values) of the objects that there are. */
static void offer_existing(struct cst_cli *cli, struct candidates *c, const char *class,
			   const char *field, const char *before)
{
	json_t *result, *item, *v;
	char method[96], *text;
	struct cst_err e;
	size_t i;

	snprintf(method, sizeof(method), "%s.list", class);
	if (cst_cli_call(cli, method, json_pack("{s:i}", "limit", MAX_NAMES), &result, &e) < 0)
		return;
	json_array_foreach (json_object_get(result, "items"), i, item) {
		v = json_object_get(item, field);
		text = v != NULL ? cli_compact(v) : NULL;
		if (text != NULL)
			offer(c, before, text, "");
		free(text);
	}
	json_decref(result);
}

/* Does the field name another object, as `port` of an interface does? Its class's key. */
static const struct cst_field *referred_key(const char *name)
{
	const struct cli_object *o = cli_object_find(name);

	for (unsigned i = 0; o != NULL && o->object != NULL && i < o->object->n_fields; i++)
		if (o->object->fields[i].flags & CST_F_KEY)
			return &o->object->fields[i];
	return NULL;
}

static void offer_values(struct cst_cli *cli, struct candidates *c, const struct cli_object *o,
			 const struct cst_object *shape, const char *eq)
{
	const struct cst_field *f, *key;
	const char *comma = strrchr(eq, ',');
	char *path = strndup(c->word, (size_t)(eq - c->word));
	char *before = strndup(c->word, (size_t)((comma != NULL ? comma : eq) + 1 - c->word));

	f = path != NULL && before != NULL ? cli_field_at(shape, path) : NULL;
	if (f == NULL) {
		/* nothing to offer */
	} else if (f->type == CST_T_ENUM || f->type == CST_T_FLAGS) {
		for (unsigned i = 0; f->names[i] != NULL; i++)
			offer(c, before, f->names[i], "");
	} else if (f->type == CST_T_BOOL) {
		offer(c, before, "true", "");
		offer(c, before, "false", "");
	} else if (f->flags & CST_F_KEY && strchr(path, '.') == NULL && o->object != NULL &&
		   cst_field_index(o->object, f->name) >= 0 && referred_key(f->name) == NULL) {
		offer_existing(cli, c, o->name, f->name, before);
	} else if ((key = referred_key(f->name)) != NULL) {
		offer_existing(cli, c, f->name, key->name, before);
	}
	free(path);
	free(before);
}

/* Fields at the level that the word has reached: "pdi.f_" -> "pdi.f_teid." */
static void offer_fields(struct candidates *c, const struct cst_object *shape, enum cli_kind kind)
{
	const char *dot = strrchr(c->word, '.');
	char *before = dot != NULL ? strndup(c->word, (size_t)(dot + 1 - c->word)) : strdup("");
	char *path = dot != NULL ? strndup(c->word, (size_t)(dot - c->word)) : NULL;
	const struct cst_field *outer;

	if (path != NULL) {
		outer = cli_field_at(shape, path);
		shape = outer != NULL ? outer->sub : NULL;
	}
	for (unsigned i = 0; shape != NULL && before != NULL && i < shape->n_fields; i++) {
		const struct cst_field *f = &shape->fields[i];

		if ((f->flags & CST_F_STATE) && kind != CLI_SHOW && kind != CLI_COMMAND)
			continue;
		if (kind == CLI_DELETE && !(f->flags & CST_F_KEY))
			continue;
		offer(c, before, f->name,
		      f->type != CST_T_OBJ     ? "="
		      : f->flags & CST_F_LISTF ? "[0]."
					       : ".");
	}
	free(before);
	free(path);
}

static void offer_args(struct cst_cli *cli, struct candidates *c, const struct cli_object *o,
		       const struct cli_verb *v)
{
	const struct cst_object *shape = cli_verb_shape(o, v);
	const char *eq = strchr(c->word, '=');
	const struct cst_field *key;

	if (shape == NULL)
		return;
	if (eq != NULL) {
		offer_values(cli, c, o, shape, eq);
		return;
	}
	offer_fields(c, shape, v->kind);
	key = referred_key(o->name);
	if (key != NULL && (v->kind == CLI_SHOW || v->kind == CLI_MODIFY || v->kind == CLI_DELETE ||
			    (v->kind == CLI_COMMAND && strcmp(v->name, "show") == 0)))
		offer_existing(cli, c, o->name, key->name, "");
}

static void offer_options(struct candidates *c)
{
	static const char *const options[] = {"--all",    "--help",    "--json",
					      "--socket", "--version", "--watch"};

	for (unsigned i = 0; i < sizeof(options) / sizeof(*options); i++)
		offer(c, "", options[i], "");
}

/* Options and their values are no words of the command. */
static int drop_options(struct cst_cli *cli, char **words, int n, char **out)
{
	int m = 0;

	for (int i = 0; i < n; i++) {
		if (i < n - 1 && (strcmp(words[i], "-s") == 0 || strcmp(words[i], "--socket") == 0))
			cli->socket = words[++i];
		else if (words[i][0] != '-' || i == n - 1)
			out[m++] = words[i];
	}
	return m;
}

void cli_complete(struct cst_cli *cli, char **words, int n,
		  void (*add)(void *arg, const char *word), void *arg)
{
	char **kept = calloc((size_t)n + 1, sizeof(*kept));
	struct candidates c = {.word = "", .add = add, .arg = arg};
	const struct cli_object *o;
	const struct cli_verb *v;

	if (kept == NULL)
		return;
	n = drop_options(cli, words, n, kept);
	if (n > 0)
		c.word = kept[n - 1];
	cli_ask_coastd(cli);
	if (c.word[0] == '-') {
		offer_options(&c);
	} else if (n <= 1) {
		for (o = cli_objects(); o != NULL; o = o->next)
			if (o->verbs != NULL)
				offer(&c, "", o->name, "");
	} else if ((o = cli_object_find(kept[0])) != NULL && (v = cli_verb_find(o, "")) != NULL) {
		offer_args(cli, &c, o, v);
	} else if (o != NULL && n == 2) {
		for (v = o->verbs; v != NULL; v = v->next)
			offer(&c, "", v->name, "");
	} else if (o != NULL && (v = cli_verb_find(o, kept[1])) != NULL) {
		offer_args(cli, &c, o, v);
	}
	free(kept);
}
