/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl flow show`: the rules, page by page; `coastctl flow capabilities`: a
 * line for each kind of rule that the NICs were asked about.
 */
#include <stdio.h>

#include "cli/cli.h"
#include "net_flow_api.h"

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *query = args != NULL ? json_deep_copy(args) : json_object();
	json_t *rows = json_array(), *result;
	json_int_t cursor = 0;
	int ret;

	do {
		json_object_set_new(query, "cursor", json_integer(cursor));
		ret = cst_cli_call(cli, "flow.list", json_incref(query), &result, e);
		if (ret < 0)
			break;
		json_array_extend(rows, json_object_get(result, "items"));
		cursor = json_integer_value(json_object_get(result, "cursor"));
		json_decref(result);
	} while (cursor != 0 && !cst_cli_interrupted());
	if (ret == 0)
		cst_cli_show(cli, &net_flow_object, rows);
	json_decref(rows);
	json_decref(query);
	return ret;
}

static struct cst_command show_command = {
	.object = "flow",
	.verb = "show",
	.help = "rules for the NICs, and why coast does it where the NIC does not",
	.args = &net_flow_filter_object,
	.run = show,
};
CST_COMMAND(show_command);

static void say(const json_t *port)
{
	const char *why = json_string_value(json_object_get(port, "why"));

	printf("%s: %s%s; rules: %d offloaded, %d in software, %d pending\n",
	       json_string_value(json_object_get(port, "port")),
	       why != NULL ? "steers nothing: " : "steers sessions to their workers",
	       why != NULL ? why : "", (int)json_integer_value(json_object_get(port, "offloaded")),
	       (int)json_integer_value(json_object_get(port, "software")),
	       (int)json_integer_value(json_object_get(port, "pending")));
}

static int capabilities(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *rows = json_array(), *result, *port;
	size_t i;
	int ret;

	ret = cst_cli_call(cli, "flow.capabilities",
			   args != NULL ? json_deep_copy(args) : json_object(), &result, e);
	if (ret == 0 && cst_cli_json(cli)) {
		cst_cli_show(cli, NULL, result);
	} else if (ret == 0) {
		json_array_foreach (json_object_get(result, "items"), i, port) {
			say(port);
			json_array_extend(rows, json_object_get(port, "shapes"));
		}
		if (json_array_size(rows) > 0)
			cst_cli_show(cli, &net_flow_shape_object, rows);
	}
	if (ret == 0)
		json_decref(result);
	json_decref(rows);
	return ret;
}

static struct cst_command capabilities_command = {
	.object = "flow",
	.verb = "capabilities",
	.help = "what the NICs can do with rules, as their drivers say",
	.args = &net_flow_ports_object,
	.run = capabilities,
};
CST_COMMAND(capabilities_command);
