/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl port show`: a port's settings and what became of it on one line;
 * by the general way the latter would be a column of JSON.
 */
#include <errno.h>

#include "cli/cli.h"
#include "net_api.h"

struct row {
	uint64_t has;
	const char *name, *device;
	bool up, link;
	uint16_t mtu, queues;
	uint32_t speed;
	uint64_t rx_packets, tx_packets, rx_missed, rx_no_buffer, rx_errors, tx_errors;
	uint8_t mac[6];
	const char *driver, *fault;
};

#define NUMBER(m, u) CST_F_UINT(struct row, m, 0, UINT64_MAX, u, 0, NULL, "")
#define TEXT(m)      CST_F_STR(struct row, m, 0, 255, 0, NULL, "")

/* The columns, in the order in which a narrow screen keeps them. */
static const struct cst_field row_fields[] = {
	TEXT(name),
	TEXT(device),
	CST_F_BOOL(struct row, up, 0, NULL, ""),
	CST_F_BOOL(struct row, link, 0, NULL, ""),
	TEXT(fault),
	NUMBER(rx_packets, NULL),
	NUMBER(tx_packets, NULL),
	NUMBER(rx_missed, NULL),
	NUMBER(rx_no_buffer, NULL),
	NUMBER(rx_errors, NULL),
	NUMBER(tx_errors, NULL),
	NUMBER(mtu, NULL),
	NUMBER(queues, NULL),
	NUMBER(speed, "Mbit/s"),
	CST_F_MAC(struct row, mac, 0, ""),
	TEXT(driver),
};
static const struct cst_object row_object =
	CST_OBJECT("port_row", struct row, row_fields, "a port on one line");

static void copy(json_t *row, const json_t *from, const char *const *names)
{
	for (; *names != NULL; names++) {
		json_t *v = json_object_get(from, *names);

		if (v != NULL)
			json_object_set(row, *names, v);
	}
}

static json_t *row_of(const json_t *port)
{
	static const char *const settings[] = {"name", "device", NULL};
	static const char *const state[] = {
		"up",        "link",         "fault",     "rx_packets", "tx_packets",
		"rx_missed", "rx_no_buffer", "rx_errors", "tx_errors",  "mtu",
		"queues",    "speed",        "mac",       "driver",     NULL};
	json_t *row = json_object();

	copy(row, port, settings);
	copy(row, json_object_get(port, "state"), state);
	return row;
}

static int show_all(struct cst_cli *cli, const json_t *filter, struct cst_err *e)
{
	json_t *result, *rows = json_array(), *port;
	uint64_t cursor = 0;
	int ret;
	size_t i;

	do {
		ret = cst_cli_call(
			cli, "port.list",
			json_pack("{s:O, s:I}", "filter", filter, "cursor", (json_int_t)cursor),
			&result, e);
		if (ret < 0)
			break;
		json_array_foreach (json_object_get(result, "items"), i, port) {
			if (cst_cli_json(cli))
				json_array_append(rows, port);
			else
				json_array_append_new(rows, row_of(port));
		}
		cursor = (uint64_t)json_integer_value(json_object_get(result, "cursor"));
		json_decref(result);
	} while (cursor != 0);
	result = json_pack("{s:o, s:i}", "items", rows, "cursor", 0); /* as port.list has it */
	if (ret == 0)
		cst_cli_show(cli, &row_object, result);
	json_decref(result);
	return ret;
}

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	const json_t *name = json_object_get(args, "name");
	json_t *result, *none;
	int ret;

	if (name == NULL) {
		none = json_object();
		ret = show_all(cli, args != NULL ? args : none, e);
		json_decref(none);
		return ret;
	}
	ret = cst_cli_call(cli, "port.get", json_pack("{s:O}", "name", name), &result, e);
	if (ret < 0)
		return ret;
	cst_cli_show(cli, &net_port_object, result);
	json_decref(result);
	return 0;
}

static struct cst_command show_command = {
	.object = "port",
	.verb = "show",
	.help = "one with its name, else the list; FIELD=VALUE filters",
	.args = &net_port_object,
	.run = show,
};
CST_COMMAND(show_command);
