/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "docgen.h"

/* Text in a table's cell. */
static void cell(const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '|' || *s == '<' || *s == '*' || *s == '_')
			putchar('\\');
		putchar(*s);
	}
}

static void type_cell(const struct cst_field *f)
{
	char buf[512];

	if (f->sub == NULL) {
		cell(cst_field_type_text(f, buf, sizeof(buf)));
		return;
	}
	if (f->flags & CST_F_LISTF)
		printf("a list of ");
	printf("[%s](#%s)", f->sub->name, f->sub->name);
	if ((f->flags & CST_F_LISTF) && f->max_items != 0)
		printf(", at most %u", f->max_items);
}

static void member_rows(const struct cst_object *o)
{
	char notes[64];

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];
		const char *def = docgen_default(f);

		if (f->flags & CST_F_STATE)
			continue;
		printf("| `%s` | ", f->name);
		type_cell(f);
		printf(" | ");
		if (def != NULL && f->def[0] != '\0')
			printf("`%s`", def);
		else if (def != NULL)
			printf("%s", def);
		printf(" | ");
		cell(f->help);
		if (docgen_notes(f, notes, sizeof(notes))[0] != '\0')
			printf(" (*%s*)", notes);
		printf(" |\n");
	}
}

/* What is shown has no bounds worth reading. */
static void shape_cell(const struct cst_field *f)
{
	if (f->type == CST_T_UINT)
		cell(f->unit != NULL ? f->unit : "a number");
	else if (f->type == CST_T_STR)
		cell("text");
	else
		type_cell(f);
}

static void shown_rows(const struct cst_object *o, bool all)
{
	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];

		if (!all && !(f->flags & CST_F_STATE))
			continue;
		printf("| `%s` | ", f->name);
		shape_cell(f);
		printf(" | ");
		cell(f->help);
		printf(" |\n");
	}
}

/* Of an object that is never given: an event's data, a part of a state. */
static void shown_members(const struct cst_object *o)
{
	printf("\n| member | is | meaning |\n|---|---|---|\n");
	shown_rows(o, true);
}

static void members(const struct cst_object *o)
{
	unsigned state = 0;

	for (unsigned i = 0; i < o->n_fields; i++)
		state += (o->fields[i].flags & CST_F_STATE) != 0;
	if (state == o->n_fields) {
		shown_members(o);
		return;
	}
	printf("\n| member | takes | default | meaning |\n|---|---|---|---|\n");
	member_rows(o);
	if (state == 0)
		return;
	printf("\nShown, never given:\n\n| member | is | meaning |\n|---|---|---|\n");
	shown_rows(o, false);
}

static void sentence(const char *s)
{
	char first = *s >= 'a' && *s <= 'z' ? *s - 32 : *s;

	printf("%c%s.\n", first, s + 1);
}

static void methods_of(const struct cst_class *c)
{
	const char *name = c->object->name;
	const char *verbs[5];
	unsigned n = 0;

	if (c->put != NULL)
		verbs[n++] = "put";
	if (c->modify != NULL)
		verbs[n++] = "modify";
	if (c->del != NULL)
		verbs[n++] = "delete";
	if (c->get != NULL)
		verbs[n++] = "get";
	if (c->list != NULL)
		verbs[n++] = "list";
	printf("\nMethods:");
	for (unsigned i = 0; i < n; i++)
		printf("%s `%s.%s`", i > 0 ? "," : "", name, verbs[i]);
	printf(". ");
	if (c->put != NULL && c->plural != NULL)
		printf("In `coast.yaml`: `%s`%s. ", c->plural,
		       c->singleton ? ", one object" : ", a list");
	printf("`coastctl %s`.\n", name);
	if (c->modify != NULL && c->modify_object != NULL && c->modify_object != c->object)
		printf("`%s.modify` takes a [%s](#%s).\n", name, c->modify_object->name,
		       c->modify_object->name);
}

static const char head[] =
	"<!-- Written by coast-docgen from the object tables; `ninja reference` renews it. -->\n"
	"# Configuration and control socket\n"
	"\n"
	"Everything that can be configured, seen and called is one of the objects below, "
	"whichever\n"
	"way it comes: in `coast.yaml`, over the control socket, or by `coastctl`.\n"
	"\n"
	"- `coast.yaml` has one key per class with the list of its objects. It is YAML 1.2; a\n"
	"  scalar is read as its field asks. The file is applied whole or not at all; errors are\n"
	"  told all at once, each with its line: `coastd --check FILE`.\n"
	"- The control socket, `/run/coast/coastd.sock`, speaks JSON-RPC 2.0, one JSON text per\n"
	"  line. `rpc.describe` returns what this page says.\n"
	"- `coastctl OBJECT VERB` calls these methods: see coastctl(1).\n"
	"\n"
	"Numbers may be given as JSON numbers or as text, `\"0x1001\"` or `\"4097\"`; those that "
	"are\n"
	"usually read in hexadecimal are shown as such. A prefix keeps its host bits; a bare\n"
	"address is a prefix of full length. A *key* identifies an object; what is *fixed once\n"
	"made* needs a delete and a new put. Members not named here are refused.\n"
	"\n"
	"## Calls that classes have\n"
	"\n"
	"| method | parameters | result |\n"
	"|---|---|---|\n"
	"| `CLASS.put` | an object or a list of objects; makes it, or replaces the one with this "
	"key "
	"| `{}` or what coast chose, one per object |\n"
	"| `CLASS.modify` | the key and the members to change, or a list of such | the same |\n"
	"| `CLASS.delete` | the key, or a list of keys | `{}`, one per key |\n"
	"| `CLASS.get` | the key, or a list of keys | the object, state included |\n"
	"| `CLASS.list` | `limit` (default 100, at most 1000), `cursor`, `filter` (members to "
	"match) "
	"| `items`, `cursor` to go on with, 0 at the end |\n"
	"\n"
	"A call with a list is all or nothing, and so is a call with one object: an error leaves\n"
	"no trace. Who may not change things may call `get`, `list` and the methods below that "
	"only "
	"read.\n"
	"\n"
	"An error's `data` has `field`, the path of the member that is wrong\n"
	"(`pdrs[0].pdi.f_teid.teid`; behind the index, `[3].mtu`, when a list was given), "
	"`reason`\n"
	"and `errno`. Its `code` is JSON-RPC's own for a call that is wrong in itself (-32700 no\n"
	"JSON, -32600 no request, -32601 no such method, -32602 wrong parameters), else the "
	"number\n"
	"of the errno.\n";

static void class_chapters(void)
{
	struct docgen_set done = {0}, given = {0};

	printf("\n## Classes\n\nIn the order in which a file is applied.\n\n");
	printf("| class | key in `coast.yaml` | what it is |\n|---|---|---|\n");
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		printf("| [%s](#%s) | ", c->object->name, c->object->name);
		if (c->plural != NULL && c->put != NULL)
			printf("`%s`", c->plural);
		printf(" | ");
		cell(c->object->help);
		printf(" |\n");
	}
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next) {
		unsigned from = done.n;

		printf("\n### %s\n\n", c->object->name);
		sentence(c->object->help);
		methods_of(c);
		members(c->object);
		docgen_collect(&given, c->object, true);
		docgen_collect(&done, c->object, false);
		if (c->modify_object != NULL && c->modify_object != c->object) {
			printf("\n#### %s\n\n", c->modify_object->name);
			sentence(c->modify_object->help);
			members(c->modify_object);
			docgen_collect(&given, c->modify_object, true);
			docgen_collect(&done, c->modify_object, false);
		}
		for (unsigned i = from; i < done.n; i++) {
			printf("\n#### %s\n\n", done.list[i]->name);
			sentence(done.list[i]->help);
			if (docgen_has(&given, done.list[i]))
				members(done.list[i]);
			else
				shown_members(done.list[i]);
		}
	}
}

static void method_chapters(void)
{
	printf("\n## Other methods\n");
	for (const struct cst_method *m = cst_method_first(); m != NULL; m = m->next) {
		printf("\n### %s\n\n", m->name);
		sentence(m->help);
		if (m->write)
			printf("Needs the right to change.\n");
		if (m->params == NULL)
			printf("Takes no parameters.\n");
		else
			members(m->params);
	}
}

static void event_chapters(void)
{
	printf("\n## Events\n\n"
	       "After `event.subscribe` they come on the same connection as notifications of the\n"
	       "method `event`, with `seq`, `type`, `time` and `data`. Numbers rise by one per "
	       "event; a\n"
	       "client that comes back asks for those after the last it has seen.\n");
	for (const struct cst_event_type *t = cst_event_type_first(); t != NULL; t = t->next) {
		printf("\n### %s\n\n", t->name);
		sentence(t->help);
		if (t->data != NULL)
			shown_members(t->data);
	}
}

void docgen_markdown(void)
{
	fputs(head, stdout);
	class_chapters();
	method_chapters();
	event_chapters();
}
