/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * `coastctl session show`: one line for each session, or one session with its
 * rules side by side with what they did, as an operator reads it.
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "upf_api.h"

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

/* ---- one ---------------------------------------------------------------------------------- */

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static json_int_t num(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

/* " NAME VALUE" when it is there. */
static void word(const char *name, const json_t *o, const char *member)
{
	const json_t *v = json_object_get(o, member);

	if (json_is_string(v))
		printf(" %s %s", name, json_string_value(v));
	else if (json_is_integer(v))
		printf(" %s %" JSON_INTEGER_FORMAT, name, json_integer_value(v));
}

static void words(const char *name, const json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach (list, i, v) {
		printf("%s", i ? "," : name);
		if (json_is_string(v))
			printf("%s", json_string_value(v));
		else
			printf("%" JSON_INTEGER_FORMAT, json_integer_value(v));
	}
}

static void show_tunnel(const char *name, const json_t *t)
{
	if (!t)
		return;
	printf(" %s %s", name, str(t, "teid"));
	if (json_object_get(t, "ipv4"))
		printf(" at %s", str(t, "ipv4"));
	if (json_object_get(t, "ipv6"))
		printf("%s%s", json_object_get(t, "ipv4") ? ", " : " at ", str(t, "ipv6"));
}

static const json_t *by_id(const json_t *list, json_int_t id)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)list, i, v)
		if (num(v, "id") == id)
			return v;
	return NULL;
}

static void show_far(const json_t *far)
{
	const json_t *fp = json_object_get(far, "forwarding_parameters");
	const json_t *ohc = json_object_get(fp, "outer_header_creation");

	printf("        far %" JSON_INTEGER_FORMAT, num(far, "id"));
	words(": ", json_object_get(far, "apply_action"));
	word("to", fp, "destination_interface");
	word("in", fp, "network_instance");
	show_tunnel("tunnel", ohc);
	word("marking", fp, "transport_level_marking");
	printf("\n");
}

static void show_rate(const char *name, const json_t *rate)
{
	if (rate)
		printf(" %s %" JSON_INTEGER_FORMAT "/%" JSON_INTEGER_FORMAT " kbit/s", name,
		       num(rate, "ul"), num(rate, "dl"));
}

static void show_qers(const json_t *session, const json_t *ids)
{
	json_t *v;
	size_t i;

	json_array_foreach (ids, i, v) {
		const json_t *q = by_id(json_object_get(session, "qers"), json_integer_value(v));
		const json_t *gate = json_object_get(q, "gate_status");

		printf("        qer %" JSON_INTEGER_FORMAT ":", json_integer_value(v));
		word("qfi", q, "qfi");
		if (gate)
			printf(" gates %s/%s", str(gate, "ul"), str(gate, "dl"));
		show_rate("mbr", json_object_get(q, "mbr"));
		show_rate("gbr", json_object_get(q, "gbr"));
		printf("\n");
	}
}

static void show_pdr(const json_t *session, const json_t *pdr)
{
	const json_t *pdi = json_object_get(pdr, "pdi"), *far;
	json_t *v;
	size_t i;

	printf("    pdr %" JSON_INTEGER_FORMAT " precedence %" JSON_INTEGER_FORMAT ": from %s",
	       num(pdr, "id"), num(pdr, "precedence"), str(pdi, "source_interface"));
	word("in", pdi, "network_instance");
	show_tunnel("f-teid", json_object_get(pdr, "local_f_teid"));
	words(" qfi ", json_object_get(pdi, "qfi"));
	word("application", pdi, "application_id");
	printf("\n        %" JSON_INTEGER_FORMAT " packets, %" JSON_INTEGER_FORMAT " bytes\n",
	       num(pdr, "packets"), num(pdr, "bytes"));
	json_array_foreach (json_object_get(pdi, "sdf_filters"), i, v) {
		printf("        filter");
		if (json_object_get(v, "id"))
			printf(" %" JSON_INTEGER_FORMAT, num(v, "id"));
		printf(":");
		if (json_object_get(v, "flow_description"))
			printf(" %s", str(v, "flow_description"));
		word("tos", v, "tos_traffic_class");
		word("spi", v, "spi");
		word("flow label", v, "flow_label");
		printf("\n");
	}
	far = by_id(json_object_get(session, "fars"), num(pdr, "far_id"));
	if (far)
		show_far(far);
	show_qers(session, json_object_get(pdr, "qer_ids"));
	words("        urr ", json_object_get(pdr, "urr_ids"));
	if (json_array_size(json_object_get(pdr, "urr_ids")))
		printf("\n");
}

static void show_session(const json_t *s)
{
	const json_t *user = json_object_get(s, "user_id"), *cp = json_object_get(s, "cp_f_seid");
	json_t *pdr;
	size_t i;

	printf("session %" JSON_INTEGER_FORMAT, num(s, "seid"));
	word("dnn", s, "dnn");
	word("imsi", user, "imsi");
	word("worker", s, "worker");
	printf("\n");
	if (json_object_get(s, "ue_ipv4") || json_object_get(s, "ue_ipv6")) {
		printf("    ue");
		word("ipv4", s, "ue_ipv4");
		word("ipv6", s, "ue_ipv6");
		printf("\n");
	}
	if (cp) {
		printf("    control plane");
		word("seid", cp, "seid");
		word("at", cp, json_object_get(cp, "ipv4") ? "ipv4" : "ipv6");
		printf("\n");
	}
	json_array_foreach (json_object_get(s, "pdrs"), i, pdr)
		show_pdr(s, pdr);
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
		show_session(result);
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
