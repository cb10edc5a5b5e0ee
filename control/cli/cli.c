/* SPDX-License-Identifier: BSD-3-Clause */
/* Options, and which way to go on. */
#include <getopt.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli_int.h"

#define REPLY_MS      60000
#define COMPLETION_MS 1000

static volatile sig_atomic_t interrupts;

void cli_interrupt(int sig)
{
	interrupts = 1;
}

/* Once true, said once: the next line of the interactive mode starts afresh. */
bool cst_cli_interrupted(void)
{
	return interrupts != 0;
}

static int help_about(struct cst_cli *cli, char **words, int n)
{
	const struct cli_object *o;
	const struct cli_verb *v;

	if (n == 0) {
		cli_help(cli);
		return 0;
	}
	o = cli_object_find(words[0]);
	v = o != NULL && n > 1 ? cli_verb_find(o, words[1]) : NULL;
	if (o != NULL && cli_verb_find(o, "") != NULL) {
		cli_help_verb(o, cli_verb_find(o, ""));
		return 0;
	}
	/* an object known here may have more verbs there */
	if (o == NULL || v == NULL) {
		cli_ask_coastd(cli);
		o = cli_object_find(words[0]);
		v = o != NULL && n > 1 ? cli_verb_find(o, words[1]) : NULL;
	}
	if (o == NULL || (n > 1 && v == NULL))
		return cli_run(cli, words, n > 1 && o != NULL ? 2 : 1);
	if (v != NULL)
		cli_help_verb(o, v);
	else
		cli_help_object(o);
	return 0;
}

static int watch_seconds(struct cst_cli *cli, const char *text)
{
	char *end = NULL;

	cli->watch = text != NULL ? strtod(text, &end) : 2;
	if (end != NULL &&
	    (*end != '\0' || end == text || !(cli->watch >= 0.1 && cli->watch <= 86400))) {
		fprintf(stderr, "coastctl: --watch=%s: must be 0.1..86400 seconds\n", text);
		return 2;
	}
	return -1;
}

static const struct option longs[] = {
	{"socket", required_argument, NULL, 's'},
	{"json", no_argument, NULL, 'j'},
	{"watch", optional_argument, NULL, 'w'},
	{"all", no_argument, NULL, 'a'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static bool is_ours(const char *word)
{
	size_t n = strcspn(word, "=");

	for (const struct option *o = longs; o->name != NULL; o++)
		if (n > 0 && strncmp(o->name, word, n) == 0)
			return true;
	return n == 0;
}

/* Does --NAME of this command go with the next word? All fields do but the truth values. */
static bool takes_value(char *const words[2], const char *name)
{
	const struct cli_object *o = cli_object_find(words[0]);
	const struct cli_verb *v = o != NULL ? cli_verb_find(o, "") : NULL;
	const struct cst_object *shape;
	const struct cst_field *f;
	char field[64];

	if (o != NULL && v == NULL && words[1] != NULL)
		v = cli_verb_find(o, words[1]);
	shape = v != NULL ? cli_verb_shape(o, v) : NULL;
	snprintf(field, sizeof(field), "%s", name);
	for (char *c = field; *c != '\0'; c++)
		*c = *c == '-' ? '_' : *c;
	f = shape != NULL ? cli_field_at(shape, field) : NULL;
	return f != NULL ? f->type != CST_T_BOOL : words[1] != NULL && v == NULL;
}

/* `reload --check` is `reload check=true`, and `trace add --count 5` is `trace add count=5`: what
 * getopt would refuse is an argument of the command, which knows it or says what it takes. */
static void to_arguments(int *argc, char **argv)
{
	static char *made[8]; /* of the last command line */
	char *words[2] = {NULL, NULL}, *word;
	const char *value;
	unsigned n = 0;

	for (unsigned k = 0; k < 8; k++) {
		free(made[k]);
		made[k] = NULL;
	}
	for (int i = 1; i < *argc; i++) {
		if (strcmp(argv[i], "-s") == 0 || strcmp(argv[i], "--socket") == 0) {
			i++;
		} else if (strcmp(argv[i], "--") == 0) {
			return;
		} else if (argv[i][0] != '-') {
			words[words[0] != NULL ? 1 : 0] = words[1] != NULL ? words[1] : argv[i];
		} else if (words[0] != NULL && argv[i][1] == '-' && !is_ours(argv[i] + 2)) {
			word = strcmp(argv[i], "--dry-run") == 0 ? (char *)"check" : argv[i] + 2;
			if (strchr(word, '=') == NULL) {
				value = i + 1 < *argc && argv[i + 1][0] != '-' &&
							takes_value(words, word)
						? argv[i + 1]
						: NULL;
				if (n == 8 ||
				    asprintf(&made[n], "%s=%s", word, value ? value : "true") < 0)
					return; /* getopt refuses it */
				word = made[n++];
				if (value != NULL) {
					(*argc)--;
					memmove(argv + i + 1, argv + i + 2,
						(size_t)(*argc - i) * sizeof(*argv));
				}
			}
			for (char *c = word; *c != '\0' && *c != '='; c++)
				*c = *c == '-' ? '_' : *c;
			argv[i] = word;
		}
	}
}

int cli_options(struct cst_cli *cli, int *argc, char **argv, bool *help)
{
	int c, kept = 1;

	to_arguments(argc, argv);
	interrupts = 0;
	optind = 0; /* glibc: start anew, each line of the interactive mode comes here */
	while ((c = getopt_long(*argc, argv, "s:jw::aVh", longs, NULL)) != -1) {
		switch (c) {
		case 's':
			if (strcmp(cli->socket, optarg) != 0)
				cli_disconnect(cli);
			cli->socket = optarg;
			break;
		case 'j':
			cli->json = true;
			break;
		case 'w':
			if (watch_seconds(cli, optarg) == 2)
				return 2;
			break;
		case 'a':
			cli->all = true;
			break;
		case 'V':
			puts("coastctl " COAST_VERSION);
			return 0;
		case 'h':
			*help = true;
			break;
		default:
			fputs("Try 'coastctl --help'.\n", stderr);
			return 2;
		}
	}
	while (optind < *argc)
		argv[kept++] = argv[optind++];
	argv[kept] = NULL;
	*argc = kept;
	return *help ? help_about(cli, argv + 1, kept - 1) : -1;
}

static void print_candidate(void *arg, const char *word)
{
	puts(word);
}

static int go(struct cst_cli *cli, int argc, char **argv)
{
	struct sigaction sa = {.sa_handler = cli_interrupt};
	bool help = false;
	int status;

	if (argc > 2 && strcmp(argv[1], "complete") == 0 && strcmp(argv[2], "--") == 0) {
		cli->timeout_ms = COMPLETION_MS;
		cli_complete(cli, argv + 3, argc - 3, print_candidate, NULL);
		return 0;
	}
	status = cli_options(cli, &argc, argv, &help);
	if (status >= 0)
		return status;
	if (argc > 1) {
		if (cli->watch > 0)
			sigaction(SIGINT, &sa, NULL);
		return cli_run(cli, argv + 1, argc - 1);
	}
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		fputs(cli_usage, stderr);
		return 2;
	}
	sigaction(SIGINT, &sa, NULL);
	return cli_shell(cli);
}

int cst_cli_main(int argc, char **argv)
{
	struct cst_cli cli = {.socket = CLI_SOCKET, .fd = -1, .timeout_ms = REPLY_MS};
	int status;

	setlocale(LC_ALL, "");
	setlocale(LC_NUMERIC, "C"); /* JSON has a decimal point everywhere */
	status = go(&cli, argc, argv);
	cli_disconnect(&cli);
	json_decref(cli.refusal);
	free(cli.buf);
	return status;
}
