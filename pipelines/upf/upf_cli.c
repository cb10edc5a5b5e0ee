/* SPDX-License-Identifier: BSD-3-Clause */
/* `coastctl session show`: one line for each session, or one session in full (upf_show_cli.c). */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "upf_api.h"
#include "upf_cli.h"

/* ---- all of them --------------------------------------------------------------------- */

struct row {
	uint64_t has;
	uint64_t seid;
	const char *ue_ipv4, *ue_ipv6, *dnn, *f_teid;
	uint64_t ul_packets, ul_bytes, dl_packets, dl_bytes;
	uint16_t pdrs, worker;
};

#define NUMBER(m, u) CST_F_UINT(struct row, m, 0, 0, u, 0, NULL, "")
#define TEXT(m)      CST_F_STR(struct row, m, 0, 255, 0, NULL, "")

static const struct cst_field row_fields[] = {
	NUMBER(seid, NULL),
	TEXT(ue_ipv4),
	TEXT(ue_ipv6),
	TEXT(dnn),
	TEXT(f_teid),
	NUMBER(ul_packets, NULL),
	NUMBER(ul_bytes, "bytes"),
	NUMBER(dl_packets, NULL),
	NUMBER(dl_bytes, "bytes"),
	NUMBER(pdrs, NULL),
	NUMBER(worker, NULL),
};
static const struct cst_object row_object =
	CST_OBJECT("session_row", struct row, row_fields, "a session on one line");

static bool is_uplink(const json_t *pdr)
{
	const json_t *pdi = json_object_get(pdr, "pdi");
	const char *from = json_string_value(json_object_get(pdi, "source_interface"));

	return from && strcmp(from, "access") == 0;
}

static void add(json_t *row, const char *member, const json_t *from, const char *name)
{
	json_int_t sum = json_integer_value(json_object_get(row, member)) +
			 json_integer_value(json_object_get(from, name));

	json_object_set_new(row, member, json_integer(sum));
}

static json_t *row_of(const json_t *session)
{
	static const char *const same[] = {"seid", "ue_ipv4", "ue_ipv6", "dnn", "worker"};
	json_t *row = json_object(), *pdr, *v;
	size_t i;

	for (i = 0; i < sizeof(same) / sizeof(*same); i++)
		if ((v = json_object_get(session, same[i])) != NULL)
			json_object_set(row, same[i], v);
	json_array_foreach (json_object_get(session, "pdrs"), i, pdr) {
		bool ul = is_uplink(pdr);

		v = json_object_get(json_object_get(pdr, "local_f_teid"), "teid");
		if (v && ul && !json_object_get(row, "f_teid"))
			json_object_set(row, "f_teid", v);
		add(row, ul ? "ul_packets" : "dl_packets", pdr, "packets");
		add(row, ul ? "ul_bytes" : "dl_bytes", pdr, "bytes");
	}
	json_object_set_new(
		row, "pdrs",
		json_integer((json_int_t)json_array_size(json_object_get(session, "pdrs"))));
	return row;
}

static int show_all(struct cst_cli *cli, json_t *filter, struct cst_err *e)
{
	json_t *result, *rows = json_array(), *session;
	json_int_t cursor = 0;
	size_t i;
	int rc;

	do {
		rc = cst_cli_call(cli, "session.list",
				  json_pack("{s:O, s:I}", "filter", filter, "cursor", cursor),
				  &result, e);
		if (rc < 0)
			break;
		json_array_foreach (json_object_get(result, "items"), i, session) {
			if (cst_cli_json(cli))
				json_array_append(rows, session);
			else
				json_array_append_new(rows, row_of(session));
		}
		cursor = json_integer_value(json_object_get(result, "cursor"));
		json_decref(result);
	} while (cursor != 0 && !cst_cli_interrupted());
	if (rc == 0)
		cst_cli_show(cli, cst_cli_json(cli) ? NULL : &row_object, rows);
	json_decref(rows);
	return rc;
}

/* ---- the command -------------------------------------------------------------------------- */

static int show(struct cst_cli *cli, const json_t *args, struct cst_err *e)
{
	json_t *seid = json_object_get(args, "seid"), *filter, *result;
	int rc;

	if (!seid) {
		filter = args ? json_copy((json_t *)args) : json_object();
		rc = show_all(cli, filter, e);
		json_decref(filter);
		return rc;
	}
	rc = cst_cli_call(cli, "session.get", json_pack("{s:O}", "seid", seid), &result, e);
	if (rc < 0)
		return rc;
	if (cst_cli_json(cli))
		cst_cli_show(cli, &upf_session_object, result);
	else
		upf_cli_session(result);
	json_decref(result);
	return 0;
}

static struct cst_command show_command = {
	.object = "session",
	.verb = "show",
	.help = "one with its rules and counters, else the list; FIELD=VALUE filters",
	.args = &upf_filter_object,
	.run = show,
};
CST_COMMAND(show_command);
