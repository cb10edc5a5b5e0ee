/* SPDX-License-Identifier: BSD-3-Clause */
/* `event watch`: events as they come, also across a restart of coastd. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli_int.h"

struct watch_args {
	uint64_t has;
	struct cst_list types;
	uint64_t from;
};

static const struct cst_field watch_fields[] = {
	CST_F_LIST(struct watch_args, types, CST_T_STR, const char *, 32, 0,
		   "names of the events wanted; absent: all", .min = 1, .max = 63),
	CST_F_UINT(struct watch_args, from, 0, INT64_MAX, NULL, 0, NULL,
		   "number to start with, 0: the oldest kept; absent: only what comes from now on"),
};
static const struct cst_object watch_object =
	CST_OBJECT("event_watch", struct watch_args, watch_fields, "which events, from where");

static void print_event(struct cst_cli *cli, const json_t *event)
{
	const char *time = json_string_value(json_object_get(event, "time"));
	const char *type = json_string_value(json_object_get(event, "type"));
	char *data;

	if (cst_cli_json(cli)) {
		json_dumpf(event, stdout, JSON_COMPACT);
		putchar('\n');
	} else {
		data = cli_compact(json_object_get(event, "data"));
		printf("%s  %-20s %s\n", time != NULL ? time : "", type != NULL ? type : "",
		       data != NULL ? data : "");
		free(data);
	}
	fflush(stdout);
}

static int subscribe(struct cst_cli *cli, const json_t *args, json_int_t *next, struct cst_err *e)
{
	json_t *params = json_deep_copy(args), *result;
	json_int_t lost;
	int ret;

	if (*next > 0)
		json_object_set_new(params, "from", json_integer(*next));
	ret = cst_cli_call(cli, "event.subscribe", params, &result, e);
	if (ret < 0)
		return ret;
	lost = json_integer_value(json_object_get(result, "lost"));
	if (*next > 0 && *next < json_integer_value(json_object_get(result, "began")))
		fprintf(stderr, "coastctl: coastd was started anew; earlier events are gone\n");
	else if (lost > 0)
		fprintf(stderr, "coastctl: %lld events lost\n", (long long)lost);
	*next = json_integer_value(json_object_get(result, "next"));
	json_decref(result);
	return 0;
}

/* Until the connection ends. */
static int follow(struct cst_cli *cli, json_int_t *next, struct cst_err *e)
{
	const json_t *event;
	char *line;
	json_t *js;
	int ret;

	for (;;) {
		ret = cli_read_line(cli, -1, &line, e);
		if (ret < 0)
			return ret;
		js = json_loads(line, 0, NULL);
		free(line);
		event = json_object_get(js, "params");
		if (event != NULL) {
			*next = json_integer_value(json_object_get(event, "seq")) + 1;
			print_event(cli, event);
		}
		json_decref(js);
	}
}

int cst_cli_watch(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_int_t next = 0;
	bool told = false;
	int ret;

	ret = subscribe(cli, args, &next, e);
	while (ret == 0) {
		told = false;
		ret = follow(cli, &next, e);
		while ((ret == -ECONNRESET || ret == -ECONNREFUSED) && !cst_cli_interrupted()) {
			if (!told)
				fprintf(stderr, "coastctl: connection lost, waiting for coastd\n");
			told = true;
			nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
			ret = subscribe(cli, args, &next, e);
		}
	}
	cli_disconnect(cli);
	return ret;
}

static struct cst_command watch_command = {
	.object = "event",
	.verb = "watch",
	.help = "print events as they come; Ctrl-C ends",
	.args = &watch_object,
	.run = cst_cli_watch,
};
CST_COMMAND(watch_command);
