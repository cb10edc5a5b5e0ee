/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * session.admit: local authority takes in a user whose control owner is away. A
 * template becomes a whole session, which is put as any other would be.
 */
#include <errno.h>

#include "class.h"
#include "rpc/rpc.h"
#include "upf_owned.h"
#include "upf_template.h"

/* ---- the session ------------------------------------------------------------------------ */

static json_t *user_address(const struct upf_admit_obj *a)
{
	char text[64];

	if (!cst_has(a, ADMIT_UE_IPV4))
		return json_pack("[{s:b}]", "choose_v4", 1);
	return json_pack("[{s:s}]", "ipv4", cst_ip_text(&a->ue_ipv4, text));
}

static json_t *pdrs_of(const struct upf_template_obj *t, const struct upf_admit_obj *a)
{
	json_t *ul = json_pack("{s:i,s:i,s:{s:s,s:s,s:{s:b},s:o},s:s,s:i}", "id", 1, "precedence",
			       255, "pdi", "source_interface", "access", "network_instance",
			       t->access_network_instance, "f_teid", "choose", 1, "ue_ip_address",
			       user_address(a), "outer_header_removal", "gtpu-udp-ip", "far_id", 1);
	json_t *dl = json_pack("{s:i,s:i,s:{s:s,s:s,s:o},s:i}", "id", 2, "precedence", 255, "pdi",
			       "source_interface", "core", "network_instance", t->network_instance,
			       "ue_ip_address", user_address(a), "far_id", 2);

	return json_pack("[o,o]", ul, dl);
}

static json_t *fars_of(const struct upf_template_obj *t, const struct upf_admit_obj *a)
{
	json_t *up = json_pack("{s:i,s:[s],s:{s:s,s:s}}", "id", 1, "apply_action", "FORW",
			       "forwarding_parameters", "destination_interface", "core",
			       "network_instance", t->network_instance);
	json_t *down =
		json_pack("{s:i,s:[s],s:{s:s,s:s,s:o}}", "id", 2, "apply_action", "FORW",
			  "forwarding_parameters", "destination_interface", "access",
			  "network_instance", t->access_network_instance, "outer_header_creation",
			  cst_encode(&upf_ohc_object, &a->outer_header_creation));

	return json_pack("[o,o]", up, down);
}

static void add_qer(json_t *session, const struct upf_template_obj *t)
{
	json_t *qer = json_pack("{s:i}", "id", 1), *pdr;
	size_t i;

	if (cst_has(t, TEMPLATE_QFI))
		json_object_set_new(qer, "qfi", json_integer(t->qfi));
	if (cst_has(t, TEMPLATE_MBR))
		json_object_set_new(qer, "mbr", cst_encode(&upf_rate_object, &t->mbr));
	json_object_set_new(session, "qers", json_pack("[o]", qer));
	json_array_foreach (json_object_get(session, "pdrs"), i, pdr)
		json_object_set_new(pdr, "qer_ids", json_pack("[i]", 1));
}

static json_t *session_of(const struct upf_template_obj *t, const struct upf_admit_obj *a)
{
	json_t *s = json_pack("{s:s,s:o,s:o}", "session_template", t->name, "pdrs", pdrs_of(t, a),
			      "fars", fars_of(t, a));

	if (cst_has(t, TEMPLATE_DNN))
		json_object_set_new(s, "dnn", json_string(t->dnn));
	if (cst_has(t, TEMPLATE_S_NSSAI))
		json_object_set_new(s, "s_nssai", cst_encode(&upf_s_nssai_object, &t->s_nssai));
	if (cst_has(t, TEMPLATE_FIVE_QI))
		json_object_set_new(s, "five_qi", json_integer(t->five_qi));
	if (cst_has(t, TEMPLATE_ARP))
		json_object_set_new(s, "arp", json_integer(t->arp));
	if (cst_has(a, ADMIT_USER_ID))
		json_object_set_new(s, "user_id", cst_encode(&upf_user_id_object, &a->user_id));
	if (cst_has(t, TEMPLATE_QFI) || cst_has(t, TEMPLATE_MBR))
		add_qer(s, t);
	return s;
}

/* ---- the call ---------------------------------------------------------------------------- */

static json_t *answer(const json_t *reply)
{
	json_t *created = json_object_get(reply, "created_pdrs");
	json_t *ul = json_array_get(created, 0);
	const struct upf_session *s =
		upf_session_by_seid((uint64_t)json_integer_value(json_object_get(reply, "seid")));
	struct cst_ip ue = {.family = 4, .v4 = upf_run(s)->ue_v4};
	char text[64];

	return json_pack("{s:O,s:O,s:s}", "seid", json_object_get(reply, "seid"), "f_teid",
			 json_object_get(ul, "f_teid"), "ue_ipv4", cst_ip_text(&ue, text));
}

static int may_admit(const struct upf_template_obj *t, struct cst_err *e)
{
	const struct cst_caller *c = cst_caller_get();

	if (!c || !c->owner || c->role != CST_ROLE_AUTHORITY)
		return cst_err(e, -EPERM, NULL,
			       "is for local authority: claim an absent owner in that role");
	if (t->sessions >= t->max_sessions)
		return cst_err(e, -EDQUOT, "session_template",
			       "%u sessions by template %s are still to be adopted, the most that "
			       "may be",
			       t->sessions, t->name);
	return 0;
}

static int put(json_t *session, json_t **result, struct cst_err *e)
{
	json_t *reply = NULL;
	int rc;

	upf_admitting = true;
	rc = cst_txn_run(&upf_session_class, CST_OP_PUT, session, &reply, e);
	upf_admitting = false;
	json_decref(session);
	if (rc == 0)
		*result = answer(json_array_get(reply, 0));
	json_decref(reply);
	return rc;
}

static int admit(const void *params, json_t **result, struct cst_err *e)
{
	const struct upf_admit_obj *a = params;
	static struct cst_pool *pool;
	struct upf_template_obj t;
	int rc;

	if (!pool)
		pool = cst_pool_new();
	cst_pool_reset(pool);
	rc = upf_template_find(a->session_template, pool, &t, e);
	if (rc == 0)
		rc = may_admit(&t, e);
	return rc < 0 ? rc : put(session_of(&t, a), result, e);
}

static struct cst_method method = {
	.name = "session.admit",
	.help = "local authority: take in a user whose control owner is away, by a template",
	.write = true,
	.params = &upf_admit_object,
	.call = admit,
};
CST_METHOD(method);
