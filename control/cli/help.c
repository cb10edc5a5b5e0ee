/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "cli_int.h"

const char cli_usage[] =
	"Usage: coastctl [-s SOCKET] [--json] [--watch[=SECONDS]] OBJECT [VERB [ARGS]]\n"
	"       coastctl top        rates, live; ends with q\n"
	"       coastctl reload [--check | --dry-run] [FILE]\n"
	"                           apply what has changed in coast.yaml, or show it\n"
	"       coastctl            interactive, on a terminal\n"
	"\n"
	"Look at and change a running coastd.\n"
	"\n"
	"ARGS: FIELD=VALUE ...     a.b=VALUE and a[0].b=VALUE for what is inside, lists by commas\n"
	"      VALUE               of the key, as in 'coastctl port show n3'\n"
	"      '{\"name\": ...}'     JSON, one object or a list of them: all or nothing\n"
	"      @FILE, @-           the same from a file or stdin, JSON or YAML\n"
	"\n"
	"  -s, --socket SOCKET     control socket (default " CLI_SOCKET ")\n"
	"  -j, --json              print the result as JSON\n"
	"  -w, --watch[=SECONDS]   show again and again (every 2 s)\n"
	"  -a, --all               also what is zero\n"
	"  -V, --version           print the version\n"
	"  -h, --help              help; also after OBJECT, and after OBJECT VERB\n"
	"\n"
	"Exit status: 0 done, 1 refused or failed, 2 wrong usage. See coastctl(1).\n";

void cli_help(struct cst_cli *cli)
{
	fputs(cli_usage, stdout);
	cli_ask_coastd(cli);
	fputs("\nObjects:\n", stdout);
	for (const struct cli_object *o = cli_objects(); o != NULL; o = o->next) {
		if (o->verbs == NULL)
			continue;
		printf("  %-18s ", o->name);
		for (const struct cli_verb *v = o->verbs; v != NULL; v = v->next)
			printf("%s%s", v == o->verbs ? "" : " ", v->name);
		putchar('\n');
	}
	if (!cli->asked)
		fputs("\ncoastd does not answer: there may be more once it runs.\n", stdout);
}

void cli_help_object(const struct cli_object *o)
{
	printf("Usage: coastctl %s VERB [ARGS]\n", o->name);
	if (o->help != NULL)
		printf("\n%s: %s\n", o->name, o->help);
	fputs("\nVerbs:\n", stdout);
	for (const struct cli_verb *v = o->verbs; v != NULL; v = v->next)
		printf("  %-12s %s\n", v->name, v->help);
	printf("\n'coastctl %s VERB --help' lists a verb's fields.\n", o->name);
}

/* Which fields a verb takes. */
static bool takes(enum cli_kind kind, const struct cst_field *f)
{
	if (kind == CLI_SHOW)
		return f->type != CST_T_OBJ;
	if (kind == CLI_DELETE)
		return (f->flags & CST_F_KEY) != 0;
	return (f->flags & CST_F_STATE) == 0;
}

static void print_field(const struct cst_field *f, const char *prefix, enum cli_kind kind)
{
	char type[512];
	const char *sep = "; ";

	printf("  %s%s%s\n", prefix, f->name,
	       (f->flags & CST_F_LISTF) && f->type == CST_T_OBJ ? "[]" : "");
	printf("      %s", cst_field_type_text(f, type, sizeof(type)));
	if (f->flags & CST_F_KEY)
		printf("%skey", sep);
	if (f->flags & CST_F_AUTO)
		printf("%schosen by coastd when absent", sep);
	if ((f->flags & CST_F_REQUIRED) && kind != CLI_MODIFY && kind != CLI_SHOW)
		printf("%srequired", sep);
	if (f->def != NULL && (kind == CLI_PUT || kind > CLI_SHOW))
		printf("%sdefault %s", sep, f->def);
	if ((f->flags & CST_F_NEW) && kind == CLI_MODIFY)
		printf("%scannot be changed: delete and put", sep);
	if (f->flags & CST_F_STATE)
		printf("%sstate", sep);
	printf("\n      %s\n", f->help);
}

static void print_fields(const struct cst_object *o, const char *prefix, enum cli_kind kind,
			 unsigned depth)
{
	char inner[160];

	for (unsigned i = 0; i < o->n_fields; i++) {
		const struct cst_field *f = &o->fields[i];

		if (!takes(kind, f))
			continue;
		print_field(f, prefix, kind);
		if (f->type != CST_T_OBJ || depth == 8)
			continue;
		if (snprintf(inner, sizeof(inner), "%s%s%s.", prefix, f->name,
			     f->flags & CST_F_LISTF ? "[]" : "") < (int)sizeof(inner))
			print_fields(f->sub, inner, kind, depth + 1);
	}
}

void cli_help_verb(const struct cli_object *o, const struct cli_verb *v)
{
	const struct cst_object *shape = cli_verb_shape(o, v);

	printf("Usage: coastctl %s%s%s%s\n\n%s\n", o->name, cli_is_bare(v) ? "" : " ", v->name,
	       shape == NULL           ? ""
	       : v->kind == CLI_DELETE ? " KEY ... | JSON | @FILE"
	       : v->kind == CLI_SHOW   ? " [KEY | FIELD=VALUE ...]"
	       : v->kind <= CLI_MODIFY ? " FIELD=VALUE ... | JSON | @FILE"
				       : " [FIELD=VALUE ... | JSON | @FILE]",
	       v->help);
	if (shape == NULL)
		return;
	fputs("\nFields:\n", stdout);
	print_fields(shape, "", v->kind, 0);
}
