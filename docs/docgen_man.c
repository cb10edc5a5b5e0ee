/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "docgen.h"

/* Running text: nothing in it may look like a request or an escape. */
static void text(const char *s)
{
	if (*s == '.' || *s == '\'')
		fputs("\\&", stdout);
	for (; *s != '\0'; s++) {
		if (*s == '\\')
			fputs("\\e", stdout);
		else if (*s == '-')
			fputs("\\-", stdout);
		else
			putchar(*s);
	}
}

static void member(const struct cst_field *f)
{
	char type[512], notes[64];
	const char *def = docgen_default(f);

	printf(".TP\n.B ");
	text(f->name);
	printf("\n");
	text(f->help);
	printf(".\n.br\nTakes ");
	text(cst_field_type_text(f, type, sizeof(type)));
	if (def != NULL) {
		printf("; default ");
		text(def);
	}
	if (docgen_notes(f, notes, sizeof(notes))[0] != '\0')
		printf("; %s", notes);
	printf(".\n");
}

static void members(const struct cst_object *o)
{
	for (unsigned i = 0; i < o->n_fields; i++)
		if (!(o->fields[i].flags & CST_F_STATE))
			member(&o->fields[i]);
}

static const char head[] =
	".\\\" SPDX-License-Identifier: BSD-3-Clause\n"
	".\\\" Written by coast-docgen from the object tables.\n"
	".TH COAST.YAML 5 \"\" \"coast " COAST_VERSION "\" \"coast\"\n"
	".SH NAME\n"
	"coast.yaml \\- objects that coastd starts with\n"
	".SH SYNOPSIS\n"
	".I /etc/coast/coast.yaml\n"
	".SH DESCRIPTION\n"
	"The file has one key for each class of objects, with a list of them; the key\n"
	".B system\n"
	"has one object. The objects and their members are the same as on the control socket.\n"
	".PP\n"
	"The file is applied whole or not at all. Errors are told all at once, each with its "
	"line;\n"
	".B coastd \\-\\-check\n"
	".I FILE\n"
	"tells them and starts nothing.\n"
	".PP\n"
	"It is YAML 1.2. A scalar is read as its member asks: a name may be written\n"
	".B 010\n"
	"or\n"
	".B yes\n"
	"without quotes. Numbers may be decimal or hexadecimal (0x11). A text with\n"
	".B :\n"
	"in it, such as an IPv6 address, is best quoted. A key given twice, an unknown key and an\n"
	"object described twice are errors. Anchors and aliases work within bounds; tags and "
	"merge\n"
	"keys are not used.\n"
	".SH EXAMPLE\n"
	".EX\n"
	"network_instances:\n"
	"  \\- {name: access}\n"
	"  \\- {name: internet}\n"
	"ports:\n"
	"  \\- {name: n3, device: \"af_xdp:n3\"}\n"
	"  \\- {name: n6, device: \"af_xdp:n6\"}\n"
	"interfaces:\n"
	"  \\- name: n3\n"
	"    port: n3\n"
	"    network_instance: access\n"
	"    addresses: [192.0.2.1/24, \"2001:db8:3::1/64\"]\n"
	"    gtpu: true\n"
	"  \\- name: n6\n"
	"    port: n6\n"
	"    network_instance: internet\n"
	"    addresses: [198.51.100.1/24]\n"
	"routes:\n"
	"  \\- {network_instance: internet, prefix: 0.0.0.0/0, via: [{gateway: 198.51.100.2}]}\n"
	"pools:\n"
	"  \\- {name: internet\\-v4, network_instance: internet, prefix: 10.45.0.0/16}\n"
	".EE\n";

static const char tail[] = ".SH SEE ALSO\n"
			   ".BR coastd (8),\n"
			   ".BR coastctl (1)\n";

static void class_section(const struct cst_class *c)
{
	struct docgen_set subs = {0};

	printf(".SH ");
	for (const char *s = c->plural; *s != '\0'; s++)
		putchar(*s >= 'a' && *s <= 'z' ? *s - 32 : *s);
	printf("\n.B ");
	text(c->plural);
	printf(c->singleton ? ":\none object: " : ":\na list; each item is ");
	text(c->object->help);
	printf(".\n");
	members(c->object);
	docgen_collect(&subs, c->object, true);
	for (unsigned i = 0; i < subs.n; i++) {
		printf(".SS \"");
		text(subs.list[i]->name);
		printf(" object\"\n");
		text(subs.list[i]->help);
		printf(".\n");
		members(subs.list[i]);
	}
}

void docgen_man(void)
{
	fputs(head, stdout);
	for (const struct cst_class *c = cst_class_first(); c != NULL; c = c->next)
		if (c->put != NULL && c->plural != NULL)
			class_section(c);
	fputs(tail, stdout);
}
