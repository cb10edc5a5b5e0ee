/* SPDX-License-Identifier: BSD-3-Clause */
/* Usage that a control plane asks for, and quotas that it grants. */
#include <errno.h>

#include "rpc/rpc.h"
#include "upf_owned.h"
#include "upf_report.h"
#include "upf_urr_int.h"

static void query_one(const struct upf_session *s, uint32_t id)
{
	const struct upf_held_part *p = upf_part_of(s, UPF_PART_USAGE, id);

	if (p)
		upf_urr_look(p->number, UPF_UR_IMMER);
}

void upf_urr_query(const struct upf_session *s, const uint32_t *ids, unsigned n)
{
	const struct upf_held_part *p = upf_parts(s);

	for (unsigned i = 0; i < n; i++)
		query_one(s, ids[i]);
	for (unsigned i = 0; n == 0 && i < s->n_parts; i++)
		if (p[i].kind == UPF_PART_USAGE)
			query_one(s, p[i].rule);
}

/* ---- with a modify ---------------------------------------------------------------------- */

int upf_urr_check_query(const struct upf_session *s, const struct upf_modify_obj *m,
			struct cst_err *e)
{
	const struct upf_rule_id_obj *id = m->query_urrs.items;

	for (unsigned i = 0; i < m->query_urrs.n; i++) {
		if (upf_part_of(s, UPF_PART_USAGE, id[i].id))
			continue;
		cst_err(e, -ENOENT, "id", "the session has no URR %u", id[i].id);
		cst_err_prefix(e, "query_urrs[%u]", i);
		return -ENOENT;
	}
	return 0;
}

void upf_urr_before(const struct upf_modify_obj *m)
{
	const struct upf_session *s = upf_session_by_seid(m->seid);
	const struct upf_rule_id_obj *id = m->query_urrs.items;

	if (!s)
		return;
	if (m->query_all_urrs)
		upf_urr_query(s, NULL, 0);
	for (unsigned i = 0; !m->query_all_urrs && i < m->query_urrs.n; i++)
		query_one(s, id[i].id);
}

static void grant(const struct upf_session *s, const struct upf_urr_obj *u)
{
	uint32_t kinds = upf_urr_kinds(u, URR_VOLUME_QUOTA, URR_TIME_QUOTA, URR_EVENT_QUOTA);
	const struct upf_held_part *p = upf_part_of(s, UPF_PART_USAGE, u->id);
	const struct upf_urr_obj *whole;
	struct upf_seen seen;
	struct upf_urr *b;

	if (!p || (kinds == 0 && !cst_has(u, URR_NUMBER_OF_REPORTS) &&
		   !cst_has(u, URR_QUOTA_VALIDITY_TIME)))
		return;
	whole = upf_urr_rule(upf_session_decoded(s), u->id);
	if (!whole)
		return;
	b = upf_urr_at(p->number);
	upf_urr_see(p->number, &seen);
	upf_urr_grant(b, upf_urr_limit(p->number), whole, kinds, false, &seen.now);
	if (cst_has(u, URR_QUOTA_VALIDITY_TIME))
		upf_urr_validate(b, whole, &seen.now);
	if (cst_has(u, URR_NUMBER_OF_REPORTS)) {
		b->reports_left = u->number_of_reports;
		b->flags &= (uint16_t)~UPF_URR_SILENT;
		upf_urr_arm(b, upf_urr_limit(p->number), whole, UPF_QUOTA_ALL, &seen.now);
	}
	upf_urr_follow(p->number, &seen);
}

void upf_urr_after(const struct upf_modify_obj *m)
{
	const struct upf_session *s = upf_session_by_seid(m->seid);
	const struct upf_urr_obj *u = m->update[UPF_RULE_URR].items;

	for (unsigned i = 0; s && i < m->update[UPF_RULE_URR].n; i++)
		grant(s, &u[i]);
}

/* ---- session.query ------------------------------------------------------------------------ */

static int query(const void *params, json_t **result, struct cst_err *e)
{
	const struct upf_query_obj *q = params;
	const struct upf_session *s = upf_session_by_seid(q->seid);
	const uint32_t *ids = q->urr_ids.items;
	json_t *reports;
	int rc;

	if (!s)
		return cst_err(e, -ENOENT, "seid", "there is no session %llu",
			       (unsigned long long)q->seid);
	rc = upf_owned_change(s, e);
	upf_owned_planned();
	if (rc < 0) /* measurement would begin anew for somebody else */
		return rc;
	for (unsigned i = 0; i < q->urr_ids.n; i++) {
		if (upf_part_of(s, UPF_PART_USAGE, ids[i]))
			continue;
		cst_err(e, -ENOENT, NULL, "the session has no URR %u", ids[i]);
		cst_err_prefix(e, "urr_ids[%u]", i);
		return -ENOENT;
	}
	upf_report_collect(true);
	upf_urr_query(s, ids, q->urr_ids.n);
	reports = upf_report_collected(q->seid);
	upf_report_collect(false);
	*result = json_pack("{s:o}", "usage_reports", reports ? reports : json_array());
	return 0;
}

static struct cst_method query_method = {
	.name = "session.query",
	.help = "report usage now, trigger IMMER; measurement begins anew",
	.write = true,
	.params = &upf_query_object,
	.call = query,
};
CST_METHOD(query_method);
