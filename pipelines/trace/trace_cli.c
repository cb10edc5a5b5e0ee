/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl trace show`: each packet as a list of what happened to it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "trace_api.h"

static const char *text(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s != NULL ? s : "";
}

static void print_value(const json_t *v)
{
	json_t *one;
	size_t i;

	if (json_is_string(v))
		printf("%s", json_string_value(v));
	else if (json_is_integer(v))
		printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	else if (json_is_array(v))
		json_array_foreach (v, i, one) {
			printf("%s", i > 0 ? "," : "");
			print_value(one);
		}
	else
		printf("%s", json_is_true(v) ? "yes" : "no");
}

/* "udp 2152 > 2152, length 92" */
static void print_header(const json_t *h)
{
	const json_t *from = json_object_get(h, "source"), *to = json_object_get(h, "destination");
	const char *name, *sep = from != NULL ? ", " : " ";
	json_t *v;

	printf("          %s", text(h, "header"));
	if (from != NULL && to != NULL) {
		putchar(' ');
		print_value(from);
		printf(" > ");
		print_value(to);
	}
	json_object_foreach ((json_t *)h, name, v) {
		if (v == from || v == to || strcmp(name, "header") == 0)
			continue;
		printf("%s%s ", sep, name);
		print_value(v);
		sep = ", ";
	}
	putchar('\n');
}

static void print_step(const json_t *step, const json_t *before)
{
	const json_t *headers = json_object_get(step, "headers"), *h;
	const char *next = text(step, "next");
	size_t i;

	printf("%8.1f  %-12s", json_real_value(json_object_get(step, "us")), text(step, "node"));
	printf(" worker ");
	print_value(json_object_get(step, "worker"));
	if (json_object_get(step, "port") != NULL)
		printf(", port %s", text(step, "port"));
	printf(", %" JSON_INTEGER_FORMAT " bytes",
	       json_integer_value(json_object_get(step, "length")));
	if (*next != '\0' && strcmp(next, "drop") != 0)
		printf(" -> %s", next);
	if (json_object_get(step, "drop") != NULL)
		printf(": dropped, %s", text(step, "drop"));
	putchar('\n');
	json_array_foreach (json_object_get(step, "notes"), i, h)
		printf("          %s\n", text(h, "text"));
	/* again only when they have changed */
	if (before != NULL && json_equal(json_object_get(before, "headers"), headers))
		return;
	json_array_foreach (headers, i, h)
		print_header(h);
}

static void print_packet(const json_t *packet)
{
	const json_t *steps = json_object_get(packet, "steps"), *step, *before = NULL;
	size_t i;

	printf("packet %" JSON_INTEGER_FORMAT ", %s",
	       json_integer_value(json_object_get(packet, "packet")), text(packet, "time"));
	if (json_object_get(packet, "in") != NULL)
		printf(", in by %s", text(packet, "in"));
	if (json_object_get(packet, "out") != NULL) {
		printf(", out by ");
		print_value(json_object_get(packet, "out"));
	}
	if (json_object_get(packet, "drop") != NULL)
		printf(", dropped: %s", text(packet, "drop"));
	putchar('\n');
	json_array_foreach (steps, i, step) {
		print_step(step, before);
		before = step;
	}
	if (*text(packet, "help") != '\0')
		printf("          %s: %s\n", text(packet, "drop"), text(packet, "help"));
	putchar('\n');
}

static void print_trace(const json_t *t)
{
	static const char *const keys[] = {"session", "ue", "teid", "port"};
	bool any = true;

	printf("trace %" JSON_INTEGER_FORMAT ":", json_integer_value(json_object_get(t, "id")));
	for (unsigned i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *v = json_object_get(t, keys[i]);

		if (v == NULL)
			continue;
		printf(" %s ", keys[i]);
		print_value(v);
		any = false;
	}
	printf("%s, %" JSON_INTEGER_FORMAT " of %" JSON_INTEGER_FORMAT " packets still to come%s\n",
	       any ? " every packet" : "", json_integer_value(json_object_get(t, "left")),
	       json_integer_value(json_object_get(t, "count")),
	       json_is_true(json_object_get(t, "gone")) ? "; it does not exist now" : "");
}

static void print_traces(const json_t *result, size_t shown)
{
	const json_t *t;
	size_t i;

	json_array_foreach (json_object_get(result, "traces"), i, t)
		print_trace(t);
	if (json_integer_value(json_object_get(result, "lost")) > 0)
		printf("%" JSON_INTEGER_FORMAT " steps found no room: 'coastctl trace clear'\n",
		       json_integer_value(json_object_get(result, "lost")));
	if (shown == 0 && json_array_size(json_object_get(result, "traces")) == 0)
		printf("No packet was traced: 'coastctl trace add' says which to trace.\n");
}

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *params = args != NULL ? json_copy((json_t *)args) : json_object();
	json_t *result = NULL, *packet, *all = json_array();
	json_int_t cursor;
	size_t i, shown = 0;
	int ret;

	do {
		json_decref(result);
		result = NULL;
		ret = cst_cli_call(cli, "trace.list", json_copy(params), &result, e);
		if (ret < 0)
			break;
		json_array_foreach (json_object_get(result, "items"), i, packet) {
			shown++;
			if (cst_cli_json(cli))
				json_array_append(all, packet);
			else
				print_packet(packet);
		}
		cursor = json_integer_value(json_object_get(result, "cursor"));
		json_object_set_new(params, "cursor", json_integer(cursor));
	} while (cursor != 0 && !cst_cli_interrupted());
	if (ret == 0 && cst_cli_json(cli)) {
		json_object_set(result, "items", all);
		cst_cli_show(cli, NULL, result);
	} else if (ret == 0) {
		print_traces(result, shown);
	}
	json_decref(result);
	json_decref(params);
	json_decref(all);
	return ret;
}

static struct cst_command show_command = {
	.object = "trace",
	.verb = "show",
	.help = "the traced packets: each node they passed, the headers there, the rule that "
		"matched, and how they left",
	.args = &trace_list_object,
	.run = show,
};
CST_COMMAND(show_command);
