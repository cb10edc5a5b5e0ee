/* SPDX-License-Identifier: BSD-3-Clause */
/* Methods about coastd itself: what it understands, which version, how it is configured. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config.h"
#include "rpc_int.h"

/* Rises when a client written for the number before could fail. */
#define API_VERSION 1

static int version(const void *params, json_t **result, struct cst_err *e)
{
	*result = json_pack("{s:s, s:i}", "coast", COAST_VERSION, "api", API_VERSION);
	return 0;
}

static struct cst_method version_method = {
	.name = "rpc.version",
	.help = "coast's version and the number of this interface",
	.call = version,
};
CST_METHOD(version_method);

static json_t *describe_class(const struct cst_class *c)
{
	const struct {
		const char *verb;
		bool there;
	} verbs[] = {
		{"put", c->put != NULL}, {"modify", c->modify != NULL}, {"delete", c->del != NULL},
		{"get", c->get != NULL}, {"list", c->list != NULL},
	};
	json_t *js = cst_object_describe(c->object), *list = json_array();
	char name[96];

	for (unsigned i = 0; i < sizeof(verbs) / sizeof(*verbs); i++) {
		if (!verbs[i].there)
			continue;
		snprintf(name, sizeof(name), "%s.%s", c->object->name, verbs[i].verb);
		json_array_append_new(list, json_string(name));
	}
	json_object_set_new(js, "methods", list);
	if (c->plural != NULL)
		json_object_set_new(js, "plural", json_string(c->plural));
	json_object_set_new(js, "config", json_boolean(c->config));
	if (c->modify != NULL && c->modify_object != NULL && c->modify_object != c->object)
		json_object_set_new(js, "modify", cst_object_describe(c->modify_object));
	if (c->list != NULL && c->filter_object != NULL)
		json_object_set_new(js, "filter", cst_object_describe(c->filter_object));
	return js;
}

static int describe(const void *params, json_t **result, struct cst_err *e)
{
	json_t *classes = json_array(), *methods = json_array(), *events = json_array(), *js;

	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		json_array_append_new(classes, describe_class(c));
	for (const struct cst_method *m = cst_method_first(); m != NULL; m = m->next) {
		js = json_pack("{s:s, s:s?, s:b}", "name", m->name, "help", m->help, "write",
			       m->write);
		if (m->params != NULL)
			json_object_set_new(js, "params", cst_object_describe(m->params));
		json_array_append_new(methods, js);
	}
	for (const struct cst_event_type *t = cst_event_type_first(); t != NULL; t = t->next) {
		js = json_pack("{s:s, s:s?}", "name", t->name, "help", t->help);
		if (t->data != NULL)
			json_object_set_new(js, "data", cst_object_describe(t->data));
		json_array_append_new(events, js);
	}
	*result = json_pack("{s:o, s:o, s:o}", "classes", classes, "methods", methods, "events",
			    events);
	return *result != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "out of memory");
}

static struct cst_method describe_method = {
	.name = "rpc.describe",
	.help = "every class with its fields, every method, every event",
	.call = describe,
};
CST_METHOD(describe_method);

static int config_get(const void *params, json_t **result, struct cst_err *e)
{
	*result = cst_config_dump(e);
	return *result != NULL ? 0 : e->code;
}

static struct cst_method config_method = {
	.name = "config.get",
	.help = "what is configured now, in the shape of coast.yaml",
	.call = config_get,
};
CST_METHOD(config_method);

struct reload_params {
	uint64_t has;
	const char *path;
	bool check;
};

static const struct cst_field reload_fields[] = {
	CST_F_STR(struct reload_params, path, 1, 4095, 0, NULL,
		  "file to take, from '/'; absent: the one that coastd was started with; "
		  "another one only root and coastd's own user may name"),
	CST_F_BOOL(struct reload_params, check, 0, "false",
		   "tell what would be done and change nothing"),
};
static const struct cst_object reload_object =
	CST_OBJECT("config_reload", struct reload_params, reload_fields, "which file, and how");

static json_t *reload_errors; /* of the reload that runs */
static struct cst_err first_error;

static void keep_error(const char *file, unsigned line, const struct cst_err *e)
{
	json_t *js = json_pack("{s:o}", "file", rpc_text(file));

	if (line > 0)
		json_object_set_new(js, "line", json_integer(line));
	if (e->field[0] != '\0')
		json_object_set_new(js, "field", rpc_text(e->field));
	json_object_set_new(js, "reason", rpc_text(e->reason));
	json_array_append_new(reload_errors, js);
	if (first_error.code == 0)
		cst_err(&first_error, e->code, e->field, "%.200s (line %u)", e->reason, line);
}

/* On refusal `*result` lists the errors: they go into error.data.errors. */
static int config_reload(const void *params, json_t **result, struct cst_err *e)
{
	const struct reload_params *p = params;

	if (p->path != NULL && p->path[0] != '/')
		return cst_err(e, -EINVAL, "path", "must begin with '/'");
	/* errors quote the file, which may be one that coastd can read and the client cannot */
	if (p->path != NULL && !rpc_current()->owner &&
	    (cst_config_file() == NULL || strcmp(p->path, cst_config_file()) != 0))
		return cst_err(e, -EPERM, "path",
			       "only root or coastd's user may name another file than the one that "
			       "coastd was started with");
	if (p->path == NULL && cst_config_file() == NULL)
		return cst_err(e, -ENOENT, "path", "coastd was started without a file: name one");
	memset(&first_error, 0, sizeof(first_error));
	reload_errors = json_array();
	if (cst_config_reload(p->path, p->check, keep_error, result) > 0) {
		*e = first_error;
		*result = reload_errors;
		return first_error.code < 0 ? first_error.code : -EINVAL;
	}
	json_decref(reload_errors);
	return 0;
}

static struct cst_method reload_method = {
	.name = "config.reload",
	.help = "apply the difference between the file and what is live, all of it or nothing",
	.write = true,
	.params = &reload_object,
	.call = config_reload,
};
CST_METHOD(reload_method);
