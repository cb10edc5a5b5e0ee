/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `top`: rates, again and again. On a terminal a screen of its own, which is left
 * as it was found however it ends; elsewhere plain text, and with --json numbers.
 */
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "cli_int.h"

#define MAX_PARTS  16
#define LEAST_SECS 0.1
#define MOST_SECS  60 /* what is sampled for us is sampled for that long */
#define READY_SECS 30 /* a first answer may take so long */
#define READY_POLL 0.2

struct top_args {
	uint64_t has;
	const char *interval;
	uint32_t count;
	uint8_t by;
	uint16_t limit;
};

static const char *const orders[] = {"bits", "packets", NULL};

static const struct cst_field top_fields[] = {
	CST_F_STR(struct top_args, interval, 1, 15, 0, "1", "seconds between two looks, 0.1 to 60"),
	CST_F_UINT(struct top_args, count, 1, 0, NULL, 0, NULL,
		   "end after so many; absent: on a terminal never, else 1"),
	CST_F_ENUM(struct top_args, by, orders, 0, "bits",
		   "what the busiest sessions are busy with"),
	CST_F_UINT(struct top_args, limit, 1, 256, NULL, 0, "100", "sessions at most"),
};
static const struct cst_object top_object =
	CST_OBJECT("top", struct top_args, top_fields, "how often, how long");

/* ---- parts --------------------------------------------------------------------------- */

static struct cst_top *tops;

void cst_top_add(struct cst_top *t)
{
	struct cst_top **at = &tops;

	while (*at != NULL && (*at)->order <= t->order)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
}

double cst_top_rate(const json_t *item, const json_t *before, const char *member, double seconds)
{
	double a = json_number_value(json_object_get(before, member));
	double b = json_number_value(json_object_get(item, member));

	/* one that has fallen began anew */
	return before != NULL && seconds > 0 && b >= a ? (b - a) / seconds : 0;
}

static double now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sleep_s(double seconds)
{
	struct timespec ts = {.tv_sec = (time_t)seconds};

	ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
	nanosleep(&ts, NULL);
}

static json_t *by_key(const json_t *items, const char *key)
{
	json_t *out = json_object(), *v;
	char *text;
	size_t i;

	json_array_foreach (items, i, v) {
		text = cli_compact(json_object_get(v, key));
		if (text != NULL)
			json_object_set(out, text, v);
		free(text);
	}
	return out;
}

static void make_rows(struct cli_top_part *p, const json_t *items, double seconds)
{
	const json_t *item;
	char *text;
	size_t i;

	json_decref(p->rows);
	p->rows = json_array();
	json_array_foreach (items, i, item) {
		text = cli_compact(json_object_get(item, p->top->key));
		json_array_append_new(
			p->rows,
			p->top->row(item, json_object_get(p->before, text != NULL ? text : ""),
				    seconds));
		free(text);
	}
}

static int ask_part(struct cst_cli *cli, struct cli_top_part *p, const json_t *args,
		    struct cst_err *e)
{
	double asked = now_s();
	json_t *result;
	int ret;

	ret = cst_cli_call(cli, p->top->method,
			   p->top->params != NULL ? p->top->params(args) : NULL, &result, e);
	if (ret == -ENOSYS)
		return 0; /* a coastd without this: `rows` stays NULL */
	if (ret < 0)
		return ret;
	json_decref(p->before);
	p->before = p->now;
	p->now = by_key(json_object_get(result, "items"), p->top->key);
	make_rows(p, json_object_get(result, "items"), asked - p->at);
	json_decref(p->reply);
	p->reply = result;
	p->at = asked;
	return 0;
}

static int ask(struct cst_cli *cli, struct cli_top_part *parts, unsigned n, const json_t *args,
	       struct cst_err *e)
{
	int ret = 0;

	for (unsigned i = 0; i < n && ret == 0; i++)
		ret = ask_part(cli, &parts[i], args, e);
	return ret;
}

/* Some figures take a while after the first question. */
static int ask_until_ready(struct cst_cli *cli, struct cli_top_part *parts, unsigned n,
			   const json_t *args, struct cst_err *e)
{
	double give_up = now_s() + READY_SECS;
	int ret = 0;

	for (unsigned i = 0; i < n; i++)
		while (ret == 0 && now_s() < give_up && !cst_cli_interrupted() &&
		       json_is_false(json_object_get(parts[i].reply, "ready"))) {
			sleep_s(READY_POLL);
			ret = ask_part(cli, &parts[i], args, e);
		}
	return ret;
}

static unsigned parts_open(struct cli_top_part *parts)
{
	unsigned n = 0;

	for (const struct cst_top *t = tops; t != NULL && n < MAX_PARTS; t = t->next)
		parts[n++] = (struct cli_top_part){.top = t};
	return n;
}

static void parts_close(struct cli_top_part *parts, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		json_decref(parts[i].before);
		json_decref(parts[i].now);
		json_decref(parts[i].rows);
		json_decref(parts[i].reply);
	}
}

/* ---- the terminal ---------------------------------------------------------------------- */

static volatile sig_atomic_t to_background;

static void on_suspend(int sig)
{
	to_background = 1;
}

static void on_resize(int sig)
{
	/* it is enough that the wait ends */
}

struct screen {
	bool keys; /* stdin is a terminal too: keys are read from it */
	struct termios before;
	struct sigaction was[5];
};

static const struct {
	int sig;
	void (*handler)(int);
} caught[5] = {
	{SIGINT, cli_interrupt}, {SIGTERM, cli_interrupt}, {SIGHUP, cli_interrupt},
	{SIGTSTP, on_suspend},   {SIGWINCH, on_resize},
};

static void screen_on(struct screen *s)
{
	struct termios raw;

	s->keys = tcgetattr(STDIN_FILENO, &s->before) == 0;
	if (s->keys) {
		raw = s->before;
		raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
		tcsetattr(STDIN_FILENO, TCSANOW, &raw);
	}
	fputs("\033[?1049h\033[?25l\033[H\033[J", stdout);
	fflush(stdout);
}

static void screen_off(struct screen *s)
{
	fputs("\033[?25h\033[?1049l", stdout);
	fflush(stdout);
	if (s->keys)
		tcsetattr(STDIN_FILENO, TCSANOW, &s->before);
}

static void screen_open(struct screen *s)
{
	for (unsigned i = 0; i < 5; i++) {
		struct sigaction sa = {.sa_handler = caught[i].handler};

		sigaction(caught[i].sig, &sa, &s->was[i]);
	}
	screen_on(s);
}

static void screen_close(struct screen *s)
{
	screen_off(s);
	for (unsigned i = 0; i < 5; i++)
		sigaction(caught[i].sig, &s->was[i], NULL);
}

static void stay_in_background(struct screen *s)
{
	to_background = 0;
	screen_off(s);
	raise(SIGSTOP);
	screen_on(s);
}

/* One frame in one write. Lines end where they end: what stood there before is wiped. One line too
 * many would scroll the first away. */
static void paint(const char *text, size_t lines)
{
	char *frame = NULL;
	size_t len;
	FILE *out = open_memstream(&frame, &len);

	if (out == NULL)
		return;
	fputs("\033[H", out);
	for (; *text != '\0' && (*text != '\n' || --lines > 0); text++) {
		if (*text == '\n')
			fputs("\033[K", out);
		fputc(*text, out);
	}
	fputs("\033[K\033[J", out);
	fclose(out);
	fwrite(frame, 1, len, stdout);
	fflush(stdout);
	free(frame);
}

static void screen_size(size_t *columns, size_t *lines)
{
	struct winsize ws;

	*columns = 80;
	*lines = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &ws) == 0 && ws.ws_col > 0 && ws.ws_row > 0) {
		*columns = ws.ws_col;
		*lines = ws.ws_row;
	}
}

static void show_screen(const struct cst_cli *cli, const struct cli_top_part *parts, unsigned n,
			const char *trouble, double interval)
{
	char *text = NULL, clock[32], title[256];
	size_t columns, lines, len;
	time_t now = time(NULL);
	struct tm tm;
	FILE *out = open_memstream(&text, &len);

	if (out == NULL)
		return;
	screen_size(&columns, &lines);
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(title, sizeof(title), "%s  %s  every %g s   q quit, b by bits, p by packets",
		 clock, cli->socket, interval);
	fprintf(out, "%.*s\n\n", (int)columns, title);
	if (trouble != NULL)
		fprintf(out, "%.*s\n", (int)columns, trouble);
	else
		cli_top_view(out, parts, n, columns, lines > 3 ? lines - 3 : 1);
	fclose(out);
	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	paint(text, lines);
	free(text);
}

/* Wait, or until a key or a signal. The key, 0: none. */
static int wait_key(const struct screen *s, double seconds)
{
	struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};
	char c = 0;

	if (poll(&p, s->keys ? 1 : 0, seconds > 0 ? (int)(seconds * 1000) : 0) <= 0)
		return 0;
	return read(STDIN_FILENO, &c, 1) == 1 ? c : 'q';
}

/* True: it is over. */
static bool take_key(int key, json_t *args)
{
	if (key == 'b')
		json_object_set_new(args, "by", json_string("bits"));
	else if (key == 'p')
		json_object_set_new(args, "by", json_string("packets"));
	return key == 'q' || key == 'Q' || key == 3 || key == 4;
}

static int on_terminal(struct cst_cli *cli, struct cli_top_part *parts, unsigned n, json_t *args,
		       double interval, uint64_t count, struct cst_err *e)
{
	const char *trouble = "measuring ...";
	char why[sizeof(e->reason) + 32];
	struct screen s = {0};
	uint64_t shown = 0;
	bool over = false;
	double due;

	screen_open(&s);
	due = now_s() + (interval < 1 ? interval : 1);
	while (!over && !cst_cli_interrupted()) {
		if (to_background)
			stay_in_background(&s);
		show_screen(cli, parts, n, trouble, interval);
		over = take_key(wait_key(&s, due - now_s()), args);
		if (over || now_s() < due)
			continue; /* another size, or a key: the same again */
		if (shown > 0 && count > 0 && shown >= count)
			break;
		due = now_s() + interval;
		if (ask(cli, parts, n, args, e) == 0) {
			trouble = NULL;
			shown++;
		} else { /* it may come back */
			snprintf(why, sizeof(why), "%s", e->reason);
			trouble = why;
		}
	}
	screen_close(&s);
	return 0;
}

/* ---- without one ----------------------------------------------------------------------- */

/* What a reply says beside its list, such as how old it is. */
static bool is_note(const char *name, const json_t *v)
{
	return !json_is_array(v) && !json_is_object(v) && strcmp(name, "ready") != 0 &&
	       strcmp(name, "cursor") != 0;
}

static void print_json(const struct cli_top_part *parts, unsigned n, double interval, bool many)
{
	json_t *js = json_pack("{s:f}", "interval", interval), *v;
	const char *name;

	for (unsigned i = 0; i < n; i++) {
		if (parts[i].rows == NULL)
			continue;
		json_object_set(js, parts[i].top->title, parts[i].rows);
		json_object_foreach (parts[i].reply, name, v)
			if (is_note(name, v))
				json_object_set(js, name, v);
	}
	json_dumpf(js, stdout, (many ? JSON_COMPACT : JSON_INDENT(2)) | JSON_REAL_PRECISION(15));
	putchar('\n');
	json_decref(js);
}

static int plain(struct cst_cli *cli, struct cli_top_part *parts, unsigned n, const json_t *args,
		 double interval, uint64_t count, struct cst_err *e)
{
	int ret = 0;

	sleep_s(interval);
	for (uint64_t i = 0; i < count && ret == 0 && !cst_cli_interrupted(); i++) {
		if (i > 0)
			sleep_s(interval);
		ret = ask(cli, parts, n, args, e);
		if (ret == 0 && i == 0)
			ret = ask_until_ready(cli, parts, n, args, e);
		if (ret < 0)
			break;
		if (cst_cli_json(cli))
			print_json(parts, n, interval, count > 1);
		else
			cli_top_view(stdout, parts, n, cli_screen_width(), 0);
		if (!cst_cli_json(cli) && i + 1 < count)
			putchar('\n');
		fflush(stdout);
	}
	return ret;
}

/* ---- the command ------------------------------------------------------------------------- */

static int interval_of(const struct cst_cli *cli, const json_t *args, double *out,
		       struct cst_err *e)
{
	const char *text = json_string_value(json_object_get(args, "interval"));
	char *end = NULL;

	*out = cli->watch > 0 ? cli->watch : 1;
	if (text != NULL)
		*out = strtod(text, &end);
	if ((text != NULL && (end == text || *end != '\0')) ||
	    !(*out >= LEAST_SECS && *out <= MOST_SECS))
		return cst_err(e, -EINVAL, "interval", "must be %g to %d seconds", LEAST_SECS,
			       MOST_SECS);
	return 0;
}

static int top(struct cst_cli *cli, const json_t *given, struct cst_err *e)
{
	uint64_t count = (uint64_t)json_integer_value(json_object_get(given, "count"));
	struct cli_top_part parts[MAX_PARTS];
	unsigned n = parts_open(parts);
	bool terminal = isatty(STDOUT_FILENO) && !cst_cli_json(cli);
	json_t *args;
	double interval;
	int ret;

	ret = interval_of(cli, given, &interval, e);
	if (ret < 0)
		return ret;
	args = json_copy((json_t *)given);
	ret = ask(cli, parts, n, args, e); /* what is not there at the start is an error */
	if (ret == 0 && terminal)
		ret = on_terminal(cli, parts, n, args, interval, count, e);
	else if (ret == 0)
		ret = plain(cli, parts, n, args, interval, count > 0 ? count : 1, e);
	parts_close(parts, n);
	json_decref(args);
	return ret;
}

static struct cst_command top_command = {
	.object = "top",
	.verb = "",
	.help = "rates of ports, workers and the busiest sessions, live; q or Ctrl-C ends",
	.args = &top_object,
	.run = top,
};
CST_COMMAND(top_command);
