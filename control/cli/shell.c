/* SPDX-License-Identifier: BSD-3-Clause */
/* The interactive mode: the same command lines, with history and completion. */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <editline/readline.h>

#include "cli_int.h"

#define MAX_WORDS    256
#define HISTORY_SIZE 1000

static struct cst_cli *shell_cli; /* completion callbacks get no argument */

/* Split as a shell does: blanks, '...', "...", backslash. Words point into `line`. Returns how
 * many there are, -1: a quote is open, -2: too many. */
static int split(char *line, char **words)
{
	char *in = line, *out;
	int n = 0;

	for (;;) {
		char quote = '\0';

		while (isspace((unsigned char)*in))
			in++;
		if (*in == '\0')
			return n;
		if (n == MAX_WORDS)
			return -2;
		words[n++] = out = in;
		for (; *in != '\0' && (quote != '\0' || !isspace((unsigned char)*in)); in++) {
			if (quote == '\0' && (*in == '\'' || *in == '"'))
				quote = *in;
			else if (*in == quote)
				quote = '\0';
			else if (*in == '\\' && quote != '\'' && in[1] != '\0')
				*out++ = *++in;
			else
				*out++ = *in;
		}
		if (quote != '\0')
			return -1;
		if (*in != '\0')
			in++;
		*out = '\0';
	}
}

struct found {
	char **words;
	size_t n, cap;
};

static void keep(void *arg, const char *word)
{
	struct found *f = arg;

	if (f->n + 2 > f->cap) {
		char **more = realloc(f->words, (f->cap * 2 + 16) * sizeof(*more));

		if (more == NULL)
			return;
		f->words = more;
		f->cap = f->cap * 2 + 16;
	}
	f->words[f->n] = strdup(word);
	if (f->words[f->n] != NULL)
		f->n++;
}

static struct found found;
static size_t next_found;

static char *next_candidate(const char *text, int state)
{
	if (state == 0)
		next_found = 0;
	return next_found < found.n ? strdup(found.words[next_found++]) : NULL;
}

static char **complete_line(const char *text, int start, int end)
{
	char *line = strndup(rl_line_buffer, (size_t)end), *words[MAX_WORDS + 1];
	int n = line != NULL ? split(line, words) : -1;
	size_t len;

	while (found.n > 0)
		free(found.words[--found.n]);
	rl_attempted_completion_over = 1;
	if (n < 0 || n == MAX_WORDS) {
		free(line);
		return NULL;
	}
	if (n == 0 || end == 0 || isspace((unsigned char)rl_line_buffer[end - 1]))
		words[n++] = (char *)"";
	cli_complete(shell_cli, words, n, keep, &found);
	free(line);
	/* what goes on inside the word gets no blank after it */
	len = found.n == 1 ? strlen(found.words[0]) : 0;
	rl_completion_append_character =
		len > 0 && strchr("=.", found.words[0][len - 1]) != NULL ? '\0' : ' ';
	return found.n > 0 ? rl_completion_matches(text, next_candidate) : NULL;
}

static void run_line(struct cst_cli *cli, char *line)
{
	struct cst_cli saved = *cli;
	char *argv[MAX_WORDS + 2] = {(char *)"coastctl"};
	int n = split(line, argv + 1), argc;
	bool help = false;

	if (n < 0) {
		fprintf(stderr, "coastctl: %s\n", n == -1 ? "a quote is open" : "too many words");
		return;
	}
	argc = n + 1;
	argv[argc] = NULL;
	if (n > 0 && cli_options(cli, &argc, argv, &help) < 0) {
		if (help || strcmp(argv[1], "help") == 0) {
			if (argc < 2 || strcmp(argv[1], "help") == 0)
				cli_help(cli);
		} else if (argc > 1) {
			cli_run(cli, argv + 1, argc - 1);
		}
	}
	/* options of a line end with it */
	cli->json = saved.json;
	cli->all = saved.all;
	cli->watch = saved.watch;
	cli->socket = saved.socket;
}

int cli_shell(struct cst_cli *cli)
{
	const char *home = getenv("HOME");
	char history[4096] = "", *line;

	shell_cli = cli;
	if (home != NULL && snprintf(history, sizeof(history), "%s/.coastctl_history", home) >=
				    (int)sizeof(history))
		history[0] = '\0';
	rl_readline_name = "coastctl";
	rl_attempted_completion_function = complete_line;
	rl_completer_word_break_characters = (char *)" \t";
	rl_initialize();
	using_history();
	stifle_history(HISTORY_SIZE);
	if (history[0] != '\0')
		read_history(history);
	printf("coastctl " COAST_VERSION
	       ". 'help' lists the objects, Tab completes, Ctrl-D ends.\n");
	for (;;) {
		line = readline("coast> ");
		if (line == NULL && cst_cli_interrupted()) {
			putchar('\n');
			continue;
		}
		if (line == NULL)
			break;
		if (strcmp(line, "exit") == 0 || strcmp(line, "quit") == 0) {
			free(line);
			break;
		}
		if (line[strspn(line, " \t")] != '\0')
			add_history(line);
		run_line(cli, line);
		free(line);
	}
	putchar('\n');
	if (history[0] != '\0')
		write_history(history);
	return 0;
}
