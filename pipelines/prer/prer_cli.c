/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl stream show`: a line for each stream; with a name, what it sends and
 * receives and a line for each of its paths.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "prer_api.h"
#include "prer_watch_cli.h"

struct row {
	uint64_t has;
	const char *name, *direction, *paths;
	uint64_t generated, passed, discarded, rogue, lost;
};

#define TEXT(m, h)   CST_F_STR(struct row, m, 0, 255, CST_F_STATE, NULL, h)
#define NUMBER(m, h) CST_F_UINT(struct row, m, 0, 0, NULL, CST_F_STATE, NULL, h)

static const struct cst_field row_fields[] = {
	TEXT(name, "stream"),          TEXT(direction, "direction"), TEXT(paths, "paths"),
	NUMBER(generated, "numbered"), NUMBER(passed, "passed"),     NUMBER(discarded, "discarded"),
	NUMBER(rogue, "rogue"),        NUMBER(lost, "lost"),
};
static const struct cst_object row_object =
	CST_OBJECT("stream_row", struct row, row_fields, "a stream");

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static json_int_t num(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* ---- the list ----------------------------------------------------------------------------- */

static const char *join(const json_t *names, char *buf, size_t size)
{
	const json_t *v;
	size_t i, n = 0;

	buf[0] = '\0';
	json_array_foreach ((json_t *)names, i, v)
		if (n < size)
			n += (size_t)snprintf(buf + n, size - n, "%s%s", i ? "," : "",
					      json_string_value(v));
	return buf;
}

static json_t *row_of(const json_t *stream)
{
	static const char *const counters[] = {"generated", "passed", "discarded", "rogue", "lost"};
	const json_t *state = json_object_get(stream, "state");
	char paths[PRER_PATHS * (PRER_NAME + 1)];
	json_t *row = json_pack("{s:s, s:s, s:s}", "name", str(stream, "name"), "direction",
				str(state, "direction"), "paths",
				join(json_object_get(stream, "paths"), paths, sizeof(paths)));

	for (unsigned i = 0; i < sizeof(counters) / sizeof(*counters); i++)
		if (json_object_get(state, counters[i]))
			json_object_set(row, counters[i], json_object_get(state, counters[i]));
	return row;
}

static int show_all(struct cst_cli *cli, struct cst_err *e)
{
	json_t *rows = json_array(), *result, *item;
	json_int_t cursor = 0;
	size_t i;
	int rc;

	do {
		rc = cst_cli_call(cli, "stream.list",
				  json_pack("{s:i, s:I}", "limit", 1000, "cursor", cursor), &result,
				  e);
		if (rc < 0)
			break;
		json_array_foreach (json_object_get(result, "items"), i, item) {
			if (cst_cli_json(cli))
				json_array_append(rows, item);
			else
				json_array_append_new(rows, row_of(item));
		}
		cursor = num(result, "cursor");
		json_decref(result);
	} while (cursor != 0 && !cst_cli_interrupted());
	if (rc == 0)
		cst_cli_show(cli, cst_cli_json(cli) ? NULL : &row_object, rows);
	json_decref(rows);
	return rc;
}

/* ---- one ---------------------------------------------------------------------------------- */

static void say_place(const json_t *o)
{
	const char *port = str(o, "port"), *instance = str(o, "network_instance");

	if (port[0])
		printf("port %s", port);
	else if (instance[0])
		printf("network instance %s", instance);
	else
		printf("session %" JSON_INTEGER_FORMAT, num(o, "session"));
}

static void say_sending(const json_t *stream, const json_t *state)
{
	const json_t *send = json_object_get(stream, "send");

	printf("  sends     what comes by ");
	say_place(send);
	printf(" (%s)\n            ", str(json_object_get(send, "identification"), "type"));
	printf("%" JSON_INTEGER_FORMAT " numbered, the next is %" JSON_INTEGER_FORMAT,
	       num(state, "generated"), num(state, "next_sequence"));
	if (num(state, "encode_errored"))
		printf(", %" JSON_INTEGER_FORMAT " too big for a path",
		       num(state, "encode_errored"));
	putchar('\n');
}

static void say_count(const json_t *state, const char *name, const char *words, bool always)
{
	if (always || num(state, name))
		printf("%s%" JSON_INTEGER_FORMAT " %s", strcmp(name, "passed") ? ", " : "",
		       num(state, name), words);
}

/* Of a stream whose packets are put in order. */
static void say_order(const json_t *order)
{
	printf("            in order: %" JSON_INTEGER_FORMAT " waited, %" JSON_INTEGER_FORMAT
	       " late, %" JSON_INTEGER_FORMAT " sent before their turn, %" JSON_INTEGER_FORMAT
	       " wait\n",
	       num(order, "waited"), num(order, "late"),
	       num(order, "expired") + num(order, "overflow"), num(order, "waiting"));
}

static void say_receiving(struct cst_cli *cli, const json_t *stream, const json_t *state)
{
	bool all = cst_cli_all(cli);

	printf("  receives  and delivers to ");
	say_place(json_object_get(stream, "receive"));
	printf("; history %" JSON_INTEGER_FORMAT " (recovery %s)\n            ",
	       num(state, "history_length"), str(stream, "recovery"));
	say_count(state, "passed", "passed", true);
	say_count(state, "discarded", "copies discarded", true);
	say_count(state, "lost_guarded", "lost on all paths", true);
	say_count(state, "rogue", "rogue", true);
	say_count(state, "out_of_order", "out of order", all);
	say_count(state, "tagless", "without a number", all);
	say_count(state, "resets", "resets", all);
	putchar('\n');
	if (json_object_get(state, "order"))
		say_order(json_object_get(state, "order"));
}

static void say(struct cst_cli *cli, const json_t *stream, const json_t *health)
{
	const json_t *state = json_object_get(stream, "state");
	const json_t *paths = json_object_get(state, "paths");
	char text[PRER_PATHS * (PRER_NAME + 1)];

	printf("stream %s: number %" JSON_INTEGER_FORMAT ", worker %" JSON_INTEGER_FORMAT
	       ", %s, %" JSON_INTEGER_FORMAT " bits, paths %s\n",
	       str(stream, "name"), num(state, "number"), num(state, "worker"),
	       str(stream, "payload"), num(stream, "sequence_bits"),
	       join(json_object_get(stream, "paths"), text, sizeof(text)));
	if (json_object_get(stream, "send"))
		say_sending(stream, state);
	if (json_object_get(stream, "receive"))
		say_receiving(cli, stream, state);
	if (json_array_size(paths) == 0)
		return;
	putchar('\n');
	if (!health || !prer_watch_say(cli, health))
		cst_cli_show(cli, &prer_member_object, paths);
}

/* NULL: a coastd that does not watch streams. */
static json_t *health_of(struct cst_cli *cli, const json_t *name)
{
	json_t *health;
	struct cst_err e;

	if (cst_cli_call(cli, "stream.health", json_pack("{s:O}", "name", name), &health, &e) < 0)
		return NULL;
	return health;
}

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *name = json_object_get(args, "name"), *stream, *health;
	int rc;

	if (!name)
		return show_all(cli, e);
	rc = cst_cli_call(cli, "stream.get", json_pack("{s:O}", "name", name), &stream, e);
	if (rc < 0)
		return rc;
	if (cst_cli_json(cli)) {
		cst_cli_show(cli, &prer_stream_object, stream);
	} else {
		health = health_of(cli, name);
		say(cli, stream, health);
		json_decref(health);
	}
	json_decref(stream);
	return 0;
}

static struct cst_command show_command = {
	.object = "stream",
	.verb = "show",
	.help = "one with what each of its paths does, else the list",
	.args = &prer_stream_key_object,
	.run = show,
};
CST_COMMAND(show_command);
