/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile_check.h"

#include <errno.h>

#include "upf_core.h"
#include "upf_next.h"
#include "upf_redundant.h"
#include "upf_srr_check.h"
#include "upf_urr_check.h"

#define IPMA 0x0020
#define IPMD 0x0040

static const char *const list_names[UPF_RULES] = {"pdrs", "fars", "qers", "urrs", "bars", "srrs"};

static const void *item(enum upf_rule kind, const struct cst_list *l, unsigned i)
{
	return (const char *)l->items + (size_t)i * upf_rule_object(kind)->size;
}

static int check_ids(const struct upf_session_obj *s, enum upf_rule kind, struct cst_err *e)
{
	const struct cst_list *l = upf_session_rules((struct upf_session_obj *)s, kind);

	for (unsigned i = 1; i < l->n; i++) {
		uint32_t id = upf_rule_id(kind, item(kind, l, i));

		for (unsigned j = 0; j < i; j++) {
			if (upf_rule_id(kind, item(kind, l, j)) != id)
				continue;
			cst_err(e, -EINVAL, "id", "%s %u is there twice",
				upf_rule_object(kind)->name, id);
			cst_err_prefix(e, "%s[%u]", list_names[kind], i);
			return -EINVAL;
		}
	}
	return 0;
}

/* DSCP is marked as a whole (8.2.12). */
static int check_marking(uint16_t marking, struct cst_err *e)
{
	if ((marking & 0xfc) == 0xfc)
		return 0;
	return cst_err(e, -EINVAL, "transport_level_marking",
		       "the mask, 0x%02x, must be 0xfc: the whole DSCP", marking & 0xff);
}

static int check_ways(const struct upf_far_obj *far, struct cst_err *e)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;
	const struct upf_dup_obj *d = far->duplicating_parameters.items;
	int rc = 0;

	if (cst_has(fp, FP_DESTINATION_INTERFACE) &&
	    fp->destination_interface == UPF_IF_LI_FUNCTION)
		rc = cst_err(e, -EINVAL, "destination_interface", "li-function gets copies only");
	else if (cst_has(fp, FP_TRANSPORT_LEVEL_MARKING))
		rc = check_marking(fp->transport_level_marking, e);
	if (rc < 0) {
		cst_err_prefix(e, "forwarding_parameters");
		return rc;
	}
	if ((far->apply_action & UPF_AA_DUPL) && far->duplicating_parameters.n == 0)
		return cst_err(e, -EINVAL, "duplicating_parameters", "is required by DUPL");
	for (unsigned i = 0; i < far->duplicating_parameters.n; i++) {
		if (cst_has(&d[i], DUP_TRANSPORT_LEVEL_MARKING))
			rc = check_marking(d[i].transport_level_marking, e);
		if (rc < 0) {
			cst_err_prefix(e, "duplicating_parameters[%u]", i);
			return rc;
		}
	}
	return 0;
}

static int check_far(const struct upf_session_obj *s, const struct upf_far_obj *far,
		     struct cst_err *e)
{
	int rc;
	uint32_t one = far->apply_action & (UPF_AA_DROP | UPF_AA_FORW | UPF_AA_BUFF);

	if (far->apply_action & (IPMA | IPMD))
		return cst_err(e, -ENOTSUP, "apply_action",
			       "IPMA and IPMD are about multicast groups, which coast has not");
	if (one == 0 || (one & (one - 1)) != 0)
		return cst_err(e, -EINVAL, "apply_action", "exactly one of DROP, FORW and BUFF");
	if (one == UPF_AA_FORW && !cst_has(far, FAR_FORWARDING_PARAMETERS))
		return cst_err(e, -EINVAL, "forwarding_parameters", "is required by FORW");
	if (cst_has(far, FAR_FORWARDING_PARAMETERS) &&
	    !cst_has(&far->forwarding_parameters, FP_DESTINATION_INTERFACE))
		return cst_err(e, -EINVAL, "forwarding_parameters.destination_interface",
			       "is required");
	if ((far->apply_action & UPF_AA_NOCP) && one != UPF_AA_BUFF)
		return cst_err(e, -EINVAL, "apply_action", "NOCP only together with BUFF");
	if (far->apply_action & (UPF_AA_BDPN | UPF_AA_DDPN))
		return cst_err(e, -ENOTSUP, "apply_action",
			       "BDPN and DDPN: coast does not report what becomes of each packet; "
			       "NOCP tells of the first one that waits");
	if (cst_has(&far->forwarding_parameters, FP_SEND_END_MARKER))
		return cst_err(e, -EINVAL, "forwarding_parameters.send_end_marker",
			       "only in update_fars: there is no tunnel yet that could end");
	if (cst_has(far, FAR_BAR_ID) && !upf_rule_find(UPF_RULE_BAR, &s->bars, far->bar_id))
		return cst_err(e, -EINVAL, "bar_id", "the session has no BAR %u", far->bar_id);
	rc = check_ways(far, e);
	if (rc == 0)
		rc = upf_redundant_check(far, e);
	return rc == 0 ? upf_next_check(far, e) : rc;
}

static int check_qer(const struct upf_qer_obj *q, struct cst_err *e)
{
	if (cst_has(q, QER_PPI))
		return cst_err(e, -ENOTSUP, "ppi", "packets are not marked with one; leave it out");
	return 0;
}

int upf_check_lists(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_far_obj *fars = s->fars.items;
	const struct upf_qer_obj *qers = s->qers.items;
	int rc;

	for (int kind = 0; kind < UPF_RULES; kind++) {
		rc = check_ids(s, kind, e);
		if (rc < 0)
			return rc;
	}
	for (unsigned i = 0; i < s->fars.n; i++) {
		rc = check_far(s, &fars[i], e);
		if (rc < 0) {
			cst_err_prefix(e, "fars[%u]", i);
			return rc;
		}
	}
	for (unsigned i = 0; i < s->qers.n; i++) {
		rc = check_qer(&qers[i], e);
		if (rc < 0) {
			cst_err_prefix(e, "qers[%u]", i);
			return rc;
		}
	}
	rc = upf_urr_check(s, e);
	return rc < 0 ? rc : upf_srr_check(s, e);
}

int upf_check_refs(enum upf_rule kind, const struct cst_list *ids, const struct cst_list *rules,
		   const char *field, struct cst_err *e)
{
	const char *what = kind == UPF_RULE_QER ? "QER" : "URR";
	const uint32_t *id = ids->items;
	int rc;

	for (unsigned i = 0; i < ids->n; i++) {
		bool twice = false;

		for (unsigned j = 0; j < i; j++)
			twice |= id[j] == id[i];
		if (!twice && upf_rule_find(kind, rules, id[i]))
			continue;
		rc = twice ? cst_err(e, -EINVAL, NULL, "%s %u is there twice", what, id[i])
			   : cst_err(e, -EINVAL, NULL, "the session has no %s %u", what, id[i]);
		cst_err_prefix(e, "%s[%u]", field, i);
		return rc;
	}
	return 0;
}
