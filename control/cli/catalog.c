/* SPDX-License-Identifier: BSD-3-Clause */
/* Objects and verbs: linked classes, commands, methods, and what coastd adds. */
#include <stdlib.h>
#include <string.h>

#include "class.h"
#include "cli_int.h"
#include "rpc/rpc.h"

static struct cst_command *commands;
static struct cli_object *objects; /* by name; NULL: not yet made */
static json_t *description;        /* coastd's own words, used in place */

void cst_command_add(struct cst_command *c)
{
	c->next = commands;
	commands = c;
}

static void *must(void *p)
{
	if (p == NULL) {
		fputs("coastctl: out of memory\n", stderr);
		exit(1);
	}
	return p;
}

static struct cli_object *object_add(const char *name)
{
	struct cli_object **at = &objects, *o;

	while (*at != NULL && strcmp((*at)->name, name) < 0)
		at = &(*at)->next;
	if (*at != NULL && strcmp((*at)->name, name) == 0)
		return *at;
	o = must(calloc(1, sizeof(*o)));
	o->name = must(strdup(name));
	o->next = *at;
	*at = o;
	return o;
}

/* The verb of this name, made at the end when it is not there. */
static struct cli_verb *verb_add(struct cli_object *o, const char *name, bool *made)
{
	struct cli_verb **at = &o->verbs;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	*made = *at == NULL;
	if (*made) {
		*at = must(calloc(1, sizeof(**at)));
		(*at)->name = must(strdup(name));
	}
	return *at;
}

static void class_verb(struct cli_object *o, const char *name, enum cli_kind kind, const char *help)
{
	bool made;
	struct cli_verb *v = verb_add(o, name, &made);

	v->kind = kind;
	v->help = help;
}

static void add_class(const struct cst_object *object, const char *plural,
		      const struct cst_object *modify, bool fixed)
{
	struct cli_object *o = object_add(object->name);

	o->object = object;
	o->plural = plural;
	o->help = object->help;
	o->modify = modify != NULL ? modify : object;
	class_verb(o, "show", CLI_SHOW, "one with its key, else the list; FIELD=VALUE filters");
	if (fixed)
		return;
	class_verb(o, "put", CLI_PUT, "create, or replace the one with the same key");
	class_verb(o, "modify", CLI_MODIFY, "change the fields that are given");
	class_verb(o, "delete", CLI_DELETE, "remove");
}

static void drop_verb(struct cli_object *o, const char *name)
{
	struct cli_verb **at = &o->verbs, *v;

	while (*at != NULL && strcmp((*at)->name, name) != 0)
		at = &(*at)->next;
	v = *at;
	if (v == NULL)
		return;
	*at = v->next;
	free((char *)v->name);
	free(v);
}

/* "drop.list" is `drop show`; "config.get" `config show`. Subscribing is for programs. */
static void add_method(const char *method, const char *help, const struct cst_object *params,
		       const json_t *remote_params)
{
	const char *dot = strrchr(method, '.'), *verb;
	struct cli_object *o;
	struct cli_verb *v;
	char name[64];
	bool made;

	if (dot == NULL || (size_t)(dot - method) >= sizeof(name) ||
	    strcmp(method, "event.subscribe") == 0 || strcmp(method, "event.unsubscribe") == 0)
		return;
	memcpy(name, method, (size_t)(dot - method));
	name[dot - method] = '\0';
	verb = strcmp(dot, ".list") == 0 || strcmp(dot, ".get") == 0 ? "show" : dot + 1;
	o = object_add(name);
	v = verb_add(o, verb, &made);
	if (!made)
		return;
	v->kind = CLI_METHOD;
	v->method = must(strdup(method));
	v->help = help != NULL ? help : "";
	v->params =
		params == NULL && remote_params != NULL ? cli_remote_object(remote_params) : params;
}

static void add_commands(void)
{
	for (const struct cst_command *c = commands; c != NULL; c = c->next) {
		bool made;
		struct cli_verb *v = verb_add(object_add(c->object), c->verb, &made);

		v->kind = CLI_COMMAND;
		v->help = c->help;
		v->params = c->args;
		v->command = c;
	}
}

struct cli_object *cli_objects(void)
{
	if (objects != NULL)
		return objects;
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		add_class(c->object, c->plural, c->modify_object, c->singleton);
	add_commands();
	for (const struct cst_method *m = cst_method_first(); m != NULL; m = m->next)
		add_method(m->name, m->help, m->params, NULL);
	return objects;
}

/* Verbs of a class that this coastd does not have are not offered. */
static void merge_class(const json_t *js)
{
	static const char *const verbs[][2] = {
		{"put", ".put"}, {"modify", ".modify"}, {"delete", ".delete"}};
	const char *name = json_string_value(json_object_get(js, "name"));
	const json_t *methods = json_object_get(js, "methods"), *m;
	struct cli_object *o;
	bool readable = false;
	size_t i;

	if (name == NULL)
		return;
	o = object_add(name);
	if (o->object == NULL) {
		const struct cst_object *object = cli_remote_object(js);

		if (object != NULL)
			add_class(object, json_string_value(json_object_get(js, "plural")),
				  cli_remote_object(json_object_get(js, "modify")), false);
	}
	for (unsigned v = 0; v < 3; v++) {
		bool there = false;

		json_array_foreach (methods, i, m) {
			const char *dot = strrchr(json_string_value(m) ?: "", '.');

			there = there || (dot != NULL && strcmp(dot, verbs[v][1]) == 0);
			readable = readable || (dot != NULL && (strcmp(dot, ".get") == 0 ||
								strcmp(dot, ".list") == 0));
		}
		if (!there)
			drop_verb(o, verbs[v][0]);
	}
	if (!readable)
		drop_verb(o, "show");
}

void cli_ask_coastd(struct cst_cli *cli)
{
	const json_t *value;
	struct cst_err e;
	size_t i;

	cli_objects();
	if (cli->asked || cst_cli_call(cli, "rpc.describe", NULL, &description, &e) < 0)
		return;
	cli->asked = true;
	json_array_foreach (json_object_get(description, "classes"), i, value)
		merge_class(value);
	json_array_foreach (json_object_get(description, "methods"), i, value) {
		const char *name = json_string_value(json_object_get(value, "name"));

		if (name != NULL)
			add_method(name, json_string_value(json_object_get(value, "help")), NULL,
				   json_object_get(value, "params"));
	}
}

const struct cli_object *cli_object_find(const char *word)
{
	for (const struct cli_object *o = cli_objects(); o != NULL; o = o->next)
		if (o->verbs != NULL && (strcmp(o->name, word) == 0 ||
					 (o->plural != NULL && strcmp(o->plural, word) == 0)))
			return o;
	return NULL;
}

const struct cli_verb *cli_verb_find(const struct cli_object *o, const char *word)
{
	static const char *const aliases[][2] = {
		{"del", "delete"}, {"get", "show"}, {"list", "show"}, {"add", "put"}};

	for (const struct cli_verb *v = o->verbs; v != NULL; v = v->next)
		if (strcmp(v->name, word) == 0)
			return v;
	for (unsigned i = 0; i < sizeof(aliases) / sizeof(*aliases); i++)
		if (strcmp(word, aliases[i][0]) == 0)
			return cli_verb_find(o, aliases[i][1]);
	return NULL;
}

const struct cst_object *cli_verb_shape(const struct cli_object *o, const struct cli_verb *v)
{
	switch (v->kind) {
	case CLI_METHOD:
	case CLI_COMMAND:
		return v->params;
	case CLI_MODIFY:
		return o->modify;
	default:
		return o->object;
	}
}
