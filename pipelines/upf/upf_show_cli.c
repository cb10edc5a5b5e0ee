/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One session for the eye: who it is, each PDR with what it matches and what
 * becomes of the packets, then the rules that PDRs share, with their meters, usage
 * and buffers. What is not said in words of its own is said by the field table, so
 * that nothing is left out.
 */
#include "upf_cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "upf_api.h"

#define LABEL 15 /* characters before the text of a line */

static const char *str(const json_t *o, const char *name)
{
	const char *s = json_string_value(json_object_get(o, name));

	return s ? s : "";
}

static json_int_t num(const json_t *o, const char *name)
{
	return json_integer_value(json_object_get(o, name));
}

static bool has(const json_t *o, const char *name)
{
	return json_object_get(o, name) != NULL;
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

/* ---- words -------------------------------------------------------------------------------- */

/* A new line; the text follows it. */
static void line(const char *label)
{
	printf("\n  %-*s", LABEL, label);
}

static void name_words(const char *name)
{
	for (; *name; name++)
		putchar(*name == '_' ? ' ' : *name);
}

static void scaled(double v, const char *const units[])
{
	unsigned u = 0;

	while (v >= 1000 && units[u + 1]) {
		v /= 1000;
		u++;
	}
	printf("%.*f %s", u == 0 || v >= 100 ? 0 : v >= 10 ? 1 : 2, v, units[u]);
}

static void number(json_int_t v, const char *unit)
{
	static const char *const bytes[] = {"bytes", "kB", "MB", "GB", "TB", NULL};
	static const char *const rates[] = {"kbit/s", "Mbit/s", "Gbit/s", "Tbit/s", NULL};

	if (unit && strcmp(unit, "bytes") == 0)
		scaled((double)v, bytes);
	else if (unit && strcmp(unit, "kbit/s") == 0)
		scaled((double)v, rates);
	else
		printf("%" JSON_INTEGER_FORMAT "%s%s", v, unit ? " " : "", unit ? unit : "");
}

static void packets_and_bytes(const json_t *o)
{
	printf("%" JSON_INTEGER_FORMAT " packets, ", num(o, "packets"));
	number(num(o, "bytes"), "bytes");
}

static void members(const struct cst_object *o, const json_t *js, const char *const *but);

static void scalar(const json_t *v, const char *unit)
{
	if (json_is_integer(v))
		number(json_integer_value(v), unit);
	else if (json_is_real(v))
		printf("%g%s%s", json_real_value(v), unit ? " " : "", unit ? unit : "");
	else if (json_is_string(v))
		printf("%s%s%s", json_string_value(v), unit ? " " : "", unit ? unit : "");
	else
		printf("%s", json_is_true(v) ? "yes" : "no");
}

static void value(const struct cst_field *f, const json_t *v)
{
	const struct cst_object *sub = f ? f->sub : NULL;
	const json_t *item;
	size_t i;

	if (json_is_array(v)) {
		json_array_foreach ((json_t *)v, i, item) {
			if (i)
				printf(json_is_object(item) ? "; " : ", ");
			value(f, item);
		}
		if (json_array_size(v) == 0)
			printf("none");
	} else if (json_is_object(v)) {
		members(sub, v, NULL);
	} else {
		scalar(v, f ? f->unit : NULL);
	}
}

static const struct cst_field *field_of(const struct cst_object *o, const char *name)
{
	int i = o ? cst_field_index(o, name) : -1;

	return i >= 0 ? &o->fields[i] : NULL;
}

static bool among(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

/* "total 5 MB, ul 3 MB" */
static void members(const struct cst_object *o, const json_t *js, const char *const *but)
{
	const char *name, *sep = "";
	json_t *v;

	json_object_foreach ((json_t *)js, name, v) {
		if (among(but, name))
			continue;
		printf("%s", sep);
		name_words(name);
		printf(json_is_object(v) ? " (" : " ");
		value(field_of(o, name), v);
		printf(json_is_object(v) ? ")" : "");
		sep = ", ";
	}
}

/* "; port 5, ..." when there is more than what was said. */
static void others(const struct cst_object *o, const json_t *js, const char *const *but)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)js, name, v) {
		if (among(but, name))
			continue;
		printf("; ");
		members(o, js, but);
		return;
	}
}

/* Each on a line of its own. */
static void remaining(const struct cst_object *o, const json_t *js, const char *const *but)
{
	const char *name;
	json_t *v;

	json_object_foreach ((json_t *)js, name, v) {
		if (among(but, name) || (json_is_array(v) && json_array_size(v) == 0))
			continue;
		line("");
		name_words(name);
		printf(": ");
		value(field_of(o, name), v);
	}
}

/* " 1, 2" */
static void id_list(const json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)list, i, v)
		printf("%s%" JSON_INTEGER_FORMAT, i ? ", " : " ", json_integer_value(v));
}

/* ---- the session ---------------------------------------------------------------------------- */

static void tunnel(const json_t *t)
{
	printf(" %s", str(t, "teid"));
	if (has(t, "ipv4") || has(t, "ipv6"))
		printf(" at %s%s%s", str(t, "ipv4"), has(t, "ipv4") && has(t, "ipv6") ? ", " : "",
		       str(t, "ipv6"));
}

static void head(const json_t *s)
{
	const json_t *slice = json_object_get(s, "s_nssai"), *cp = json_object_get(s, "cp_f_seid");

	printf("session %" JSON_INTEGER_FORMAT, num(s, "seid"));
	if (has(s, "dnn"))
		printf("  DNN %s", str(s, "dnn"));
	if (slice)
		printf("  slice %" JSON_INTEGER_FORMAT "%s%s", num(slice, "sst"),
		       has(slice, "sd") ? "/" : "", str(slice, "sd"));
	if (has(s, "pdn_type"))
		printf("  %s", str(s, "pdn_type"));
	if (has(s, "worker"))
		printf("  on worker %" JSON_INTEGER_FORMAT, num(s, "worker"));
	if (has(s, "ue_ipv4") || has(s, "ue_ipv6")) {
		line("UE");
		printf("%s%s%s", str(s, "ue_ipv4"),
		       has(s, "ue_ipv4") && has(s, "ue_ipv6") ? ", " : "", str(s, "ue_ipv6"));
	}
	if (has(s, "user_id")) {
		line("user");
		members(field_of(&upf_session_object, "user_id")->sub,
			json_object_get(s, "user_id"), NULL);
	}
	if (cp) {
		line("control plane");
		printf("SEID %" JSON_INTEGER_FORMAT, num(cp, "seid"));
		if (has(cp, "ipv4") || has(cp, "ipv6"))
			printf(" at %s%s%s", str(cp, "ipv4"),
			       has(cp, "ipv4") && has(cp, "ipv6") ? ", " : "", str(cp, "ipv6"));
	}
}

static void buffer(const json_t *b)
{
	static const char *const said[] = {"packets", "bytes", "notified", NULL};

	if (!b)
		return;
	line("buffer");
	packets_and_bytes(b);
	printf(" wait; control plane %s",
	       json_is_true(json_object_get(b, "notified")) ? "notified" : "not notified");
	others(field_of(&upf_session_object, "buffer")->sub, b, said);
}

/* ---- FAR --------------------------------------------------------------------------------------
 */

static bool does(const json_t *far, const char *action)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(far, "apply_action"), i, v)
		if (strcmp(json_string_value(v) ? json_string_value(v) : "", action) == 0)
			return true;
	return false;
}

#define SECOND_TUNNEL "redundant_transmission_forwarding_parameters"

static void destination(const json_t *p)
{
	static const char *const said[] = {"destination_interface", "network_instance",
					   "outer_header_creation", SECOND_TUNNEL, NULL};
	const json_t *ohc = json_object_get(p, "outer_header_creation");

	printf(" to %s", str(p, "destination_interface"));
	if (has(p, "network_instance"))
		printf(" in %s", str(p, "network_instance"));
	if (ohc) {
		printf(", tunnel");
		tunnel(ohc);
		if (has(ohc, "port"))
			printf(" port %" JSON_INTEGER_FORMAT, num(ohc, "port"));
	}
	others(&upf_fp_object, p, said);
}

static void next_tunnel(const json_t *next)
{
	printf("; next tunnel");
	tunnel(json_object_get(next, "outer_header_creation"));
	if (has(next, "network_instance"))
		printf(" in %s", str(next, "network_instance"));
	if (json_is_true(json_object_get(next, "feed")))
		printf(", gets copies now");
	if (has(next, "switch_at"))
		printf(", its switch is announced");
}

/* Of redundant transmission: the FAR's own, or where early Release 16 has it. */
static void second_tunnel(const json_t *far)
{
	const json_t *p = json_object_get(far, SECOND_TUNNEL);

	p = p ? p : json_object_get(json_object_get(far, "forwarding_parameters"), SECOND_TUNNEL);
	if (!p)
		return;
	printf("; %s second tunnel", does(far, "DFRT") ? "and by a" : "with DFRT by a");
	tunnel(json_object_get(p, "outer_header_creation"));
	if (has(p, "network_instance"))
		printf(" in %s", str(p, "network_instance"));
	printf(", numbers of %s", has(p, "sequence_number") ? str(p, "sequence_number") : "gtpu");
}

static void far_words(const json_t *far)
{
	static const char *const said[] = {
		"id",   "apply_action",           "bar_id",      "forwarding_parameters",
		"held", "duplicating_parameters", "next_tunnel", SECOND_TUNNEL,
		NULL};
	json_t *copy;
	size_t i;

	if (does(far, "DROP"))
		printf("drop");
	if (does(far, "BUFF"))
		printf("buffer%s", does(far, "NOCP") ? " and notify the control plane" : "");
	if (has(far, "bar_id"))
		printf(" by BAR %" JSON_INTEGER_FORMAT, num(far, "bar_id"));
	if (does(far, "FORW")) {
		printf("forward");
		destination(json_object_get(far, "forwarding_parameters"));
	} else if (has(far, "forwarding_parameters")) {
		printf("; when forwarding");
		destination(json_object_get(far, "forwarding_parameters"));
	}
	json_array_foreach (json_object_get(far, "duplicating_parameters"), i, copy) {
		printf("; copy");
		destination(copy);
	}
	second_tunnel(far);
	if (does(far, "EDRT"))
		printf("; each packet once");
	if (has(far, "next_tunnel"))
		next_tunnel(json_object_get(far, "next_tunnel"));
	if (json_is_true(json_object_get(far, "held")))
		printf("; held: the tunnel's far end knows it no more");
	remaining(&upf_far_object, far, said);
}

/* ---- PDR --------------------------------------------------------------------------------------
 */

static void sdf_filter(const json_t *f)
{
	static const char *const said[] = {"id", "flow_description", NULL};

	line("");
	printf("filter");
	if (has(f, "id"))
		printf(" %" JSON_INTEGER_FORMAT, num(f, "id"));
	if (has(f, "flow_description"))
		printf(" %s", str(f, "flow_description"));
	others(field_of(field_of(&upf_pdr_object, "pdi")->sub, "sdf_filters")->sub, f, said);
}

static void ue_addresses(const json_t *list)
{
	json_t *v;
	size_t i;

	json_array_foreach ((json_t *)list, i, v) {
		printf(i ? "; " : ", UE ");
		members(&upf_ue_ip_object, v, NULL);
	}
}

#define SECOND_F_TEID "redundant_transmission_parameters"

static void second_f_teid(const json_t *pdr, const json_t *asked)
{
	const json_t *t = json_object_get(pdr, "redundant_local_f_teid");

	if (!asked)
		return;
	printf(", second tunnel");
	tunnel(t ? t : json_object_get(asked, "f_teid"));
	if (has(asked, "network_instance"))
		printf(" in %s", str(asked, "network_instance"));
	printf(", numbers of %s",
	       has(asked, "sequence_number") ? str(asked, "sequence_number") : "gtpu");
	if (has(asked, "recovery"))
		printf(", recovery %s", str(asked, "recovery"));
}

static void match(const json_t *pdr)
{
	static const char *const said[] = {
		"source_interface", "network_instance", "f_teid",      "qfi", "ue_ip_address",
		"sdf_filters",      "application_id",   SECOND_F_TEID, NULL};
	const json_t *pdi = json_object_get(pdr, "pdi"), *t = json_object_get(pdr, "local_f_teid");
	const json_t *qfi = json_object_get(pdi, "qfi");
	json_t *v;
	size_t i;

	line("from");
	printf("%s", str(pdi, "source_interface"));
	if (has(pdi, "network_instance"))
		printf(" in %s", str(pdi, "network_instance"));
	t = t ? t : json_object_get(pdi, "f_teid");
	if (t) {
		printf(", tunnel");
		tunnel(t);
	}
	second_f_teid(pdr, json_object_get(pdi, SECOND_F_TEID));
	if (json_array_size(qfi)) {
		printf(", QFI");
		id_list(qfi);
	}
	ue_addresses(json_object_get(pdi, "ue_ip_address"));
	if (has(pdi, "application_id"))
		printf(", application %s", str(pdi, "application_id"));
	json_array_foreach (json_object_get(pdi, "sdf_filters"), i, v)
		sdf_filter(v);
	remaining(field_of(&upf_pdr_object, "pdi")->sub, pdi, said);
}

static void refers(const char *label, const json_t *ids)
{
	if (json_array_size(ids) == 0)
		return;
	line(label);
	printf("%s", json_array_size(ids) == 1 ? "rule" : "rules");
	id_list(ids);
	printf(", below");
}

static void show_pdr(const json_t *s, const json_t *pdr)
{
	static const char *const said[] = {"id",
					   "precedence",
					   "pdi",
					   "far_id",
					   "qer_ids",
					   "urr_ids",
					   "packets",
					   "bytes",
					   "outer_header_removal",
					   "local_f_teid",
					   "redundant_local_f_teid",
					   "redundancy",
					   NULL};
	const json_t *far = by_id(json_object_get(s, "fars"), num(pdr, "far_id"));

	printf("\n\nPDR %" JSON_INTEGER_FORMAT "  precedence %" JSON_INTEGER_FORMAT, num(pdr, "id"),
	       num(pdr, "precedence"));
	line("matched");
	packets_and_bytes(pdr);
	if (has(pdr, "redundancy")) {
		line("redundancy");
		members(&upf_redundancy_object, json_object_get(pdr, "redundancy"), NULL);
	}
	match(pdr);
	if (has(pdr, "outer_header_removal")) {
		line("takes off");
		printf("%s", str(pdr, "outer_header_removal"));
	}
	line("FAR");
	printf("%" JSON_INTEGER_FORMAT ": ", num(pdr, "far_id"));
	if (far)
		far_words(far);
	refers("QoS", json_object_get(pdr, "qer_ids"));
	refers("usage", json_object_get(pdr, "urr_ids"));
	remaining(&upf_pdr_object, pdr, said);
}

/* ---- rules that PDRs share ------------------------------------------------------------------ */

static bool refers_to(const json_t *pdr, const char *member, json_int_t id)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(pdr, member), i, v)
		if (json_integer_value(v) == id)
			return true;
	return false;
}

/* "  of PDR 1, 2" */
static void users(const json_t *s, const char *member, json_int_t id)
{
	const char *sep = "  of PDR ";
	json_t *pdr;
	size_t i;

	json_array_foreach (json_object_get(s, "pdrs"), i, pdr) {
		if (!refers_to(pdr, member, id))
			continue;
		printf("%s%" JSON_INTEGER_FORMAT, sep, num(pdr, "id"));
		sep = ", ";
	}
	if (*sep == ' ')
		printf("  of no PDR");
}

static void rates(const char *label, const json_t *r)
{
	if (!r)
		return;
	line(label);
	printf("uplink ");
	number(num(r, "ul"), "kbit/s");
	printf(", downlink ");
	number(num(r, "dl"), "kbit/s");
}

static void show_qer(const json_t *s, const json_t *q)
{
	static const char *const said[] = {"id", "gate_status", "mbr", "gbr", "qfi", NULL};
	const json_t *gate = json_object_get(q, "gate_status");

	printf("\n\nQER %" JSON_INTEGER_FORMAT, num(q, "id"));
	users(s, "qer_ids", num(q, "id"));
	if (has(q, "qfi")) {
		line("marks");
		printf("QFI %" JSON_INTEGER_FORMAT, num(q, "qfi"));
	}
	line("gates");
	printf("uplink %s, downlink %s", gate ? str(gate, "ul") : "open",
	       gate ? str(gate, "dl") : "open");
	rates("at most", json_object_get(q, "mbr"));
	rates("guaranteed", json_object_get(q, "gbr"));
	remaining(&upf_qer_object, q, said);
}

static void volume(const char *label, const json_t *v)
{
	if (!v)
		return;
	line(label);
	members(field_of(&upf_urr_object, "volume_threshold")->sub, v, NULL);
}

static void measured(const char *label, const json_t *v)
{
	static const char *const directions[][3] = {{"total", "total", "total_packets"},
						    {"uplink", "ul", "ul_packets"},
						    {"downlink", "dl", "dl_packets"}};
	const char *sep = "";

	if (!v)
		return;
	line(label);
	for (unsigned i = 0; i < 3; i++) {
		if (!has(v, directions[i][1]))
			continue;
		printf("%s%s ", sep, directions[i][0]);
		number(num(v, directions[i][1]), "bytes");
		if (has(v, directions[i][2]))
			printf(" in %" JSON_INTEGER_FORMAT " packets", num(v, directions[i][2]));
		sep = ", ";
	}
}

static void show_urr(const json_t *s, const json_t *u)
{
	static const char *const said[] = {"id",
					   "measurement_method",
					   "reporting_triggers",
					   "volume_threshold",
					   "volume_quota",
					   "volume_quota_left",
					   "volume_since_report",
					   "volume_measured",
					   "quota_spent",
					   "ur_seqn",
					   NULL};

	printf("\n\nURR %" JSON_INTEGER_FORMAT, num(u, "id"));
	users(s, "urr_ids", num(u, "id"));
	line("measures");
	value(NULL, json_object_get(u, "measurement_method"));
	line("reports on");
	value(NULL, json_object_get(u, "reporting_triggers"));
	volume("threshold", json_object_get(u, "volume_threshold"));
	volume("quota", json_object_get(u, "volume_quota"));
	volume("left of it", json_object_get(u, "volume_quota_left"));
	if (json_is_true(json_object_get(u, "quota_spent"))) {
		line("");
		printf("the quota is spent");
	}
	measured("not reported", json_object_get(u, "volume_since_report"));
	measured("in all", json_object_get(u, "volume_measured"));
	if (has(u, "ur_seqn")) {
		line("next report");
		printf("UR-SEQN %" JSON_INTEGER_FORMAT, num(u, "ur_seqn"));
	}
	remaining(&upf_urr_object, u, said);
}

static bool has_user(const json_t *s, json_int_t far)
{
	json_t *pdr;
	size_t i;

	json_array_foreach (json_object_get(s, "pdrs"), i, pdr)
		if (num(pdr, "far_id") == far)
			return true;
	return false;
}

/* A rule of which nothing is said in other words. */
static void show_plain(const char *kind, const struct cst_object *o, const json_t *rule)
{
	static const char *const said[] = {"id", NULL};

	printf("\n\n%s %" JSON_INTEGER_FORMAT, kind, num(rule, "id"));
	remaining(o, rule, said);
}

static void show_rules(const json_t *s)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(s, "fars"), i, v) {
		if (has_user(s, num(v, "id")))
			continue;
		printf("\n\nFAR %" JSON_INTEGER_FORMAT "  of no PDR", num(v, "id"));
		line("");
		far_words(v);
	}
	json_array_foreach (json_object_get(s, "qers"), i, v)
		show_qer(s, v);
	json_array_foreach (json_object_get(s, "urrs"), i, v)
		show_urr(s, v);
	json_array_foreach (json_object_get(s, "bars"), i, v)
		show_plain("BAR", &upf_bar_object, v);
	json_array_foreach (json_object_get(s, "srrs"), i, v)
		show_plain("SRR", field_of(&upf_session_object, "srrs")->sub, v);
}

void upf_cli_session(const json_t *s)
{
	static const char *const said[] = {"seid",    "dnn",     "s_nssai", "pdn_type",  "worker",
					   "ue_ipv4", "ue_ipv6", "user_id", "cp_f_seid", "buffer",
					   "pdrs",    "fars",    "qers",    "urrs",      "bars",
					   "srrs",    NULL};
	json_t *pdr;
	size_t i;

	head(s);
	buffer(json_object_get(s, "buffer"));
	remaining(&upf_session_object, s, said);
	json_array_foreach (json_object_get(s, "pdrs"), i, pdr)
		show_pdr(s, pdr);
	show_rules(s);
	printf("\n");
}
