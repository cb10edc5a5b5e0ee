/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "docgen.h"

bool docgen_has(const struct docgen_set *s, const struct cst_object *o)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->list[i] == o)
			return true;
	return false;
}

static void collect_one(struct docgen_set *s, const struct cst_object *o)
{
	if (docgen_has(s, o))
		return;
	if (s->n == DOCGEN_MAX_OBJECTS) {
		fputs("coast-docgen: more objects than DOCGEN_MAX_OBJECTS\n", stderr);
		exit(1);
	}
	s->list[s->n++] = o;
}

/* The object itself is not part of the set: it has a chapter. */
void docgen_collect(struct docgen_set *s, const struct cst_object *o, bool given)
{
	unsigned from = s->n;

	for (unsigned i = 0; i < o->n_fields; i++)
		if (o->fields[i].sub != NULL && !(given && o->fields[i].flags & CST_F_STATE))
			collect_one(s, o->fields[i].sub);
	for (unsigned i = from, to = s->n; i < to; i++)
		docgen_collect(s, s->list[i], given);
}

const char *docgen_notes(const struct cst_field *f, char *buf, size_t size)
{
	bool key = f->flags & CST_F_KEY, chosen = f->flags & CST_F_AUTO;

	snprintf(buf, size, "%s%s%s",
		 key && chosen               ? "key, chosen when absent"
		 : key                       ? "key"
		 : f->flags & CST_F_REQUIRED ? "required"
		 : chosen                    ? "chosen when absent"
					     : "",
		 (key || chosen || f->flags & CST_F_REQUIRED) && f->flags & CST_F_NEW ? ", " : "",
		 f->flags & CST_F_NEW ? "fixed once made" : "");
	return buf;
}

const char *docgen_default(const struct cst_field *f)
{
	return f->def != NULL && f->def[0] == '\0' ? "empty" : f->def;
}

static int verify_one(const struct cst_object *o, const char *what)
{
	struct cst_err e;

	if (o == NULL || cst_object_verify(o, &e) == 0)
		return 0;
	fprintf(stderr, "%s %s: %s: %s\n", what, o->name, e.field, e.reason);
	return 1;
}

/* Every table sound, every class and method with what a reader needs. */
static int verify(void)
{
	int bad = 0;

	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		bad += verify_one(c->object, "class") + verify_one(c->modify_object, "class");
		if (c->plural == NULL && c->config)
			bad += fprintf(stderr, "class %s: no key for coast.yaml\n",
				       c->object->name) > 0;
		if (c->get == NULL && c->list == NULL && c->put == NULL)
			bad += fprintf(stderr, "class %s: does nothing\n", c->object->name) > 0;
	}
	for (const struct cst_method *m = cst_method_first(); m != NULL; m = m->next) {
		bad += verify_one(m->params, "method");
		if (m->help == NULL || m->help[0] == '\0' || strchr(m->name, '.') == NULL)
			bad += fprintf(stderr, "method %s: no help or a bad name\n", m->name) > 0;
	}
	for (const struct cst_event_type *t = cst_event_type_first(); t != NULL; t = t->next) {
		bad += verify_one(t->data, "event");
		if (t->help == NULL || t->help[0] == '\0' || strchr(t->name, '.') == NULL)
			bad += fprintf(stderr, "event %s: no help or a bad name\n", t->name) > 0;
	}
	return bad > 0;
}

int main(int argc, char **argv)
{
	const char *what = argc == 2 ? argv[1] : "";

	if (strcmp(what, "reference") == 0) {
		docgen_markdown();
	} else if (strcmp(what, "man") == 0) {
		docgen_man();
	} else if (strcmp(what, "verify") == 0) {
		return verify();
	} else {
		fputs("Usage: coast-docgen reference | man | verify\n", stderr);
		return 2;
	}
	return ferror(stdout) || fflush(stdout) != 0;
}
