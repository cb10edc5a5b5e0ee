/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile.h"

#include <errno.h>
#include <string.h>

#include "upf_sdf.h"

#define ANY_QFI UINT64_MAX

#define IPMA 0x0020
#define IPMD 0x0040
#define DFRT 0x0080
#define EDRT 0x0100

/* ---- the rules against each other ------------------------------------------ */

static const char *const list_names[UPF_RULES] = {"pdrs", "fars", "qers", "urrs", "bars"};

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

static int check_far(const struct upf_session_obj *s, const struct upf_far_obj *far,
		     struct cst_err *e)
{
	uint32_t one = far->apply_action & (UPF_AA_DROP | UPF_AA_FORW | UPF_AA_BUFF);

	if (far->apply_action & (UPF_AA_DUPL | IPMA | IPMD | DFRT | EDRT))
		return cst_err(e, -ENOTSUP, "apply_action",
			       "only DROP, FORW, BUFF, NOCP, BDPN and DDPN are supported");
	if (one == 0 || (one & (one - 1)) != 0)
		return cst_err(e, -EINVAL, "apply_action", "exactly one of DROP, FORW and BUFF");
	if (one == UPF_AA_FORW && !cst_has(far, FAR_FORWARDING_PARAMETERS))
		return cst_err(e, -EINVAL, "forwarding_parameters", "is required by FORW");
	if (cst_has(far, FAR_FORWARDING_PARAMETERS) &&
	    !cst_has(&far->forwarding_parameters, FP_DESTINATION_INTERFACE))
		return cst_err(e, -EINVAL, "forwarding_parameters.destination_interface",
			       "is required");
	if (cst_has(far, FAR_BAR_ID) && !upf_rule_find(UPF_RULE_BAR, &s->bars, far->bar_id))
		return cst_err(e, -EINVAL, "bar_id", "the session has no BAR %u", far->bar_id);
	return 0;
}

static int check_lists(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_far_obj *fars = s->fars.items;
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
	return 0;
}

static int check_refs(enum upf_rule kind, const struct cst_list *ids, const struct cst_list *rules,
		      const char *field, struct cst_err *e)
{
	const uint32_t *id = ids->items;
	int rc;

	for (unsigned i = 0; i < ids->n; i++) {
		if (upf_rule_find(kind, rules, id[i]))
			continue;
		rc = cst_err(e, -EINVAL, NULL, "the session has no %s %u",
			     kind == UPF_RULE_QER ? "QER" : "URR", id[i]);
		cst_err_prefix(e, "%s[%u]", field, i);
		return rc;
	}
	return 0;
}

/* ---- one PDR ----------------------------------------------------------------- */

static bool is_reference(const struct upf_sdf_obj *f)
{
	return f->has == 1u << SDF_ID;
}

/* The filter that a reference means: same id, anywhere in the session, with contents. PDRs may come
 * in any order, so this runs when all of them are there. */
static const struct upf_sdf_obj *follow(const struct upf_session_obj *s, uint32_t id)
{
	const struct upf_pdr_obj *pdr = s->pdrs.items;

	for (unsigned i = 0; i < s->pdrs.n; i++) {
		const struct upf_sdf_obj *f = pdr[i].pdi.sdf_filters.items;

		for (unsigned j = 0; j < pdr[i].pdi.sdf_filters.n; j++)
			if (f[j].id == id && !is_reference(&f[j]))
				return &f[j];
	}
	return NULL;
}

static int link_filters(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e)
{
	const struct upf_sdf_obj *f = l->pdr->pdi.sdf_filters.items;

	for (unsigned i = 0; i < l->pdr->pdi.sdf_filters.n; i++) {
		int rc = 0;

		l->filters[i] = is_reference(&f[i]) ? follow(s, f[i].id) : &f[i];
		if (f[i].has == 0)
			rc = cst_err(e, -EINVAL, NULL, "says nothing");
		else if (l->filters[i] == NULL)
			rc = cst_err(e, -EINVAL, "id", "no filter of the session defines %u",
				     f[i].id);
		if (rc < 0) {
			cst_err_prefix(e, "pdi.sdf_filters[%u]", i);
			return rc;
		}
	}
	l->n_filters = (uint8_t)l->pdr->pdi.sdf_filters.n;
	return 0;
}

static int check_pdr(const struct upf_pdr_obj *pdr, struct cst_err *e)
{
	static const char later[] = "is not supported yet; leave it out";

	if (cst_has(pdr, PDR_ACTIVATION_TIME))
		return cst_err(e, -ENOTSUP, "activation_time", "%s", later);
	if (cst_has(pdr, PDR_DEACTIVATION_TIME))
		return cst_err(e, -ENOTSUP, "deactivation_time", "%s", later);
	if (pdr->pdi.framed_routes.n)
		return cst_err(e, -ENOTSUP, "pdi.framed_routes", "%s", later);
	if (pdr->pdi.framed_ipv6_routes.n)
		return cst_err(e, -ENOTSUP, "pdi.framed_ipv6_routes", "%s", later);
	/* 0, 1, 6 are GTP-U's (8.2.64); coast ends no other tunnels */
	if (cst_has(pdr, PDR_OUTER_HEADER_REMOVAL) && pdr->outer_header_removal > 1 &&
	    pdr->outer_header_removal != 6)
		return cst_err(e, -ENOTSUP, "outer_header_removal", "only GTP-U is supported");
	return 0;
}

static bool names_ue(const struct upf_pdi_obj *pdi)
{
	return pdi->ue_ip_address.n > 0;
}

/* Families that the PDI's UE addresses leave open. */
static uint32_t family_need(const struct upf_pdi_obj *pdi)
{
	const struct upf_ue_ip_obj *u = pdi->ue_ip_address.items;
	bool v4 = false, v6 = false;

	for (unsigned i = 0; i < pdi->ue_ip_address.n; i++) {
		v4 |= cst_has(&u[i], UE_IP_IPV4) || u[i].choose_v4;
		v6 |= cst_has(&u[i], UE_IP_IPV6) || u[i].choose_v6;
	}
	return v4 == v6 ? 0 : v4 ? UPF_NEED_V4 : UPF_NEED_V6;
}

static uint64_t qfi_set(const struct cst_list *qfi)
{
	const uint8_t *q = qfi->items;
	uint64_t set = 0;

	for (unsigned i = 0; i < qfi->n; i++)
		set |= 1ull << q[i];
	return qfi->n ? set : ANY_QFI;
}

/* Is what comes in a user's own traffic, or another UPF's or gNB's forwarding of it during a
 * handover, whose inner source is the remote end (8.2.118)? */
static bool carries_users(const struct upf_pdi_obj *pdi)
{
	if (!cst_has(pdi, PDI_SOURCE_INTERFACE_TYPE))
		return true;
	switch (pdi->source_interface_type) {
	case 8:  /* eNodeB, downlink forwarding */
	case 9:  /* eNodeB, uplink forwarding */
	case 10: /* SGW, UPF, downlink forwarding */
	case 14: /* N3 forwarding */
	case 23: /* N9 forwarding */
	case 28: /* SGW, UPF, uplink forwarding */
		return false;
	default:
		return true;
	}
}

static void set_match(struct upf_link *l)
{
	const struct upf_pdi_obj *pdi = &l->pdr->pdi;
	struct upf_pdr *r = &l->rec;

	r->id = l->pdr->id;
	r->source_if = pdi->source_interface;
	r->need = family_need(pdi);
	r->qfi_set = qfi_set(&pdi->qfi);
	if (l->tunnel || !l->dl) {
		r->need |= UPF_NEED_TUNNEL;
	} else {
		/* What comes by a tunnel from core (N9) or the CP function comes to an F-TEID; a
		 * PDR without one must not take what uplink PDRs let pass. Plain packets have no
		 * QFI: the PDI's says what goes into the tunnel. */
		r->need |= UPF_NEED_PLAIN;
		r->qfi_set = ANY_QFI;
	}
	if (cst_has(pdi, PDI_APPLICATION_ID))
		r->flags |= UPF_PDR_NEVER; /* no application is known */
}

static void set_action(struct upf_link *l)
{
	const struct upf_far_obj *far = l->far;
	const struct upf_fp_obj *fp = &far->forwarding_parameters;
	struct upf_pdr *r = &l->rec;

	r->far_id = far->id;
	r->action = far->apply_action & UPF_AA_FORW   ? UPF_FORW
		    : far->apply_action & UPF_AA_BUFF ? UPF_BUFF
						      : UPF_DROP;
	if (!cst_has(far, FAR_FORWARDING_PARAMETERS))
		return;
	r->dest_if = fp->destination_interface;
	if (cst_has(fp, FP_OHC)) {
		l->ohc = &fp->outer_header_creation;
		r->flags |= UPF_PDR_ENCAP;
		r->out_teid = l->ohc->teid;
	} else if (r->action == UPF_FORW &&
		   (r->dest_if == UPF_IF_ACCESS || r->dest_if == UPF_IF_CP_FUNCTION)) {
		r->action = UPF_DROP; /* there is no sending raw IP to a gNB or an SMF */
	}
	if (cst_has(fp, FP_TRANSPORT_LEVEL_MARKING)) {
		r->flags |= UPF_PDR_MARK;
		r->out_tos =
			(uint8_t)((fp->transport_level_marking >> 8) & fp->transport_level_marking);
	}
}

/* Gates and the QFI of all QERs. A gate shut by any of them is shut. */
static void set_qos(const struct upf_session_obj *s, struct upf_link *l)
{
	const struct upf_pdr_obj *pdr = l->pdr;
	const uint32_t *ids = pdr->qer_ids.items;
	struct upf_pdr *r = &l->rec;
	bool known = false;

	for (unsigned i = 0; i < pdr->qer_ids.n; i++) {
		const struct upf_qer_obj *q = upf_rule_find(UPF_RULE_QER, &s->qers, ids[i]);

		if (cst_has(q, QER_GATE_STATUS) && (l->dl ? q->gate_status.dl : q->gate_status.ul))
			r->action = UPF_DROP;
		if (cst_has(q, QER_QFI) && !known) {
			r->out_qfi = q->qfi;
			known = true;
		}
		if (q->rqi)
			r->flags |= UPF_PDR_PSC_RQI;
	}
	/* what came with one QFI goes on with it; of several, none is known to be right */
	if (!known && pdr->pdi.qfi.n == 1) {
		r->out_qfi = *(const uint8_t *)pdr->pdi.qfi.items;
		known = true;
	}
	if (known && l->ohc)
		r->flags |= UPF_PDR_PSC;
}

static int link_pdr(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e)
{
	const struct upf_pdr_obj *pdr = l->pdr;
	int rc = check_pdr(pdr, e);

	if (rc < 0)
		return rc;
	if (!cst_has(pdr, PDR_FAR_ID))
		return cst_err(e, -EINVAL, "far_id", "is required");
	l->far = upf_rule_find(UPF_RULE_FAR, &s->fars, pdr->far_id);
	if (l->far == NULL)
		return cst_err(e, -EINVAL, "far_id", "the session has no FAR %u", pdr->far_id);
	rc = check_refs(UPF_RULE_QER, &pdr->qer_ids, &s->qers, "qer_ids", e);
	if (rc == 0)
		rc = check_refs(UPF_RULE_URR, &pdr->urr_ids, &s->urrs, "urr_ids", e);
	if (rc == 0)
		rc = link_filters(s, l, e);
	if (rc < 0)
		return rc;
	l->dl = pdr->pdi.source_interface != UPF_IF_ACCESS;
	l->tunnel = cst_has(&pdr->pdi, PDI_F_TEID);
	set_match(l);
	set_action(l);
	set_qos(s, l);
	return 0;
}

/* ---- what one PDR takes from the others --------------------------------------- */

/* The UE's address is asked of uplink PDRs that do not name it too, since control planes name it in
 * downlink ones alone. Plain downlink packets were found by it. */
static void settle_addresses(struct upf_link *links, unsigned n)
{
	bool known = false;

	for (unsigned i = 0; i < n; i++)
		known |= names_ue(&links[i].pdr->pdi);
	for (unsigned i = 0; i < n; i++) {
		struct upf_link *l = &links[i];
		bool own = names_ue(&l->pdr->pdi);

		if (l->dl ? own && !(l->rec.need & UPF_NEED_PLAIN)
			  : own || (known && carries_users(&l->pdr->pdi) &&
				    !(l->rec.dest_if == UPF_IF_ACCESS && l->ohc)))
			l->rec.flags |= UPF_PDR_SPOOF;
	}
}

static void settle_removal(struct upf_link *links, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		if (!cst_has(links[i].pdr, PDR_OUTER_HEADER_REMOVAL) &&
		    !(links[i].rec.need & UPF_NEED_PLAIN))
			links[i].rec.flags |= UPF_PDR_KEEP;
}

/* A gNB takes no packet without a QFI. Where neither QER nor PDI of a downlink PDR tells one, the
 * QFI that the session's uplink is told by is meant. */
static void settle_qfi(struct upf_link *links, unsigned n)
{
	const struct upf_link *from = NULL;

	for (unsigned i = 0; i < n; i++) {
		const struct upf_link *l = &links[i];

		if (!l->dl && l->pdr->pdi.qfi.n == 1 &&
		    (!from || l->pdr->precedence > from->pdr->precedence))
			from = l; /* the default rule is the last one */
	}
	for (unsigned i = 0; from && i < n; i++) {
		struct upf_pdr *r = &links[i].rec;

		if (links[i].dl && links[i].ohc && r->dest_if == UPF_IF_ACCESS &&
		    !(r->flags & UPF_PDR_PSC)) {
			r->out_qfi = *(const uint8_t *)from->pdr->pdi.qfi.items;
			r->flags |= UPF_PDR_PSC;
		}
	}
}

int upf_link(const struct upf_session_obj *s, struct upf_link *links, struct cst_err *e)
{
	const struct upf_pdr_obj *pdrs = s->pdrs.items;
	int rc = check_lists(s, e);

	for (unsigned i = 0; rc == 0 && i < s->pdrs.n; i++) {
		memset(&links[i], 0, sizeof(links[i]));
		links[i].pdr = &pdrs[i];
		rc = link_pdr(s, &links[i], e);
		if (rc < 0)
			cst_err_prefix(e, "pdrs[%u]", i);
	}
	if (rc < 0)
		return rc;
	settle_addresses(links, s->pdrs.n);
	settle_removal(links, s->pdrs.n);
	settle_qfi(links, s->pdrs.n);
	return 0;
}

/* ---- the run ------------------------------------------------------------------ */

static int filter(const struct upf_sdf_obj *f, struct upf_sdf *out, struct cst_err *e)
{
	int n = 1;

	out[0] = (struct upf_sdf){0};
	if (cst_has(f, SDF_FLOW_DESCRIPTION)) {
		n = upf_sdf_parse(f->flow_description, strlen(f->flow_description), out, e);
		if (n < 0) {
			cst_err_prefix(e, "flow_description");
			return n;
		}
	}
	for (int i = 0; i < n; i++) {
		out[i].id = f->id;
		if (cst_has(f, SDF_TOS)) {
			out[i].flags |= UPF_SDF_TOS;
			out[i].tos = (uint8_t)(f->tos_traffic_class >> 8);
			out[i].tos_mask = (uint8_t)f->tos_traffic_class;
		}
		if (cst_has(f, SDF_SPI)) {
			out[i].flags |= UPF_SDF_SPI;
			out[i].spi = f->spi;
		}
		if (cst_has(f, SDF_FLOW_LABEL)) {
			out[i].flags |= UPF_SDF_LABEL;
			out[i].flow_label = f->flow_label;
		}
	}
	return n;
}

static int too_long(struct cst_err *e)
{
	return cst_err(e, -E2BIG, "pdrs", "rules and filters need more than %d lines of memory",
		       UPF_MAX_RUN);
}

/* The filters of one PDR behind line `at`. Returns how many lines. */
static int put_filters(const struct upf_link *l, char (*line)[64], unsigned at, struct cst_err *e)
{
	struct upf_sdf out[UPF_SDF_RECORDS_MAX];
	int total = 0;

	for (unsigned i = 0; i < l->n_filters; i++) {
		int n = filter(l->filters[i], out, e);

		if (n < 0) {
			cst_err_prefix(e, "pdi.sdf_filters[%u]", i);
			return n;
		}
		if (at + total + n > UPF_MAX_RUN)
			return too_long(e);
		memcpy(line[at + total], out, n * sizeof(*out));
		total += n;
	}
	return total;
}

/* Numbers of the links of one direction in rising precedence value; equal ones stay as they came.
 */
static unsigned order(const struct upf_link *links, unsigned n, bool dl, uint8_t *out)
{
	unsigned m = 0;

	for (unsigned i = 0; i < n; i++) {
		unsigned at = m;

		if (links[i].dl != dl)
			continue;
		for (; at > 0; at--) {
			if (links[out[at - 1]].pdr->precedence <= links[i].pdr->precedence)
				break;
			out[at] = out[at - 1];
		}
		out[at] = (uint8_t)i;
		m++;
	}
	return m;
}

int upf_compile(const struct upf_link *links, unsigned n, const struct upf_identity *id,
		void *lines, struct cst_err *e)
{
	char(*line)[64] = lines;
	struct upf_rules *r = lines;
	uint8_t by[UPF_MAX_PDRS];
	unsigned at = 1, next = 1 + n;

	_Static_assert(UPF_SDF_RECORDS_MAX * UPF_MAX_SDFS <= UINT8_MAX, "n_sdf");
	if (next > UPF_MAX_RUN)
		return too_long(e);
	*r = (struct upf_rules){.seid = id->seid,
				.state = id->state,
				.generation = id->generation,
				.sdf = (uint16_t)next,
				.vrf = id->vrf};
	r->n_ul = (uint16_t)order(links, n, false, by);
	r->n_dl = (uint16_t)order(links, n, true, by + r->n_ul);
	r->ul = 1;
	r->dl = (uint16_t)(1 + r->n_ul);
	if (id->v4) {
		r->flags |= UPF_RULES_V4;
		r->ue_v4 = id->ue_v4;
	}
	if (id->v6) {
		r->flags |= UPF_RULES_V6;
		r->ue_v6_len = id->ue_v6_len;
		memcpy(r->ue_v6, id->ue_v6, sizeof(r->ue_v6));
	}
	for (unsigned i = 0; i < n; i++) {
		const struct upf_link *l = &links[by[i]];
		struct upf_pdr *rec = (struct upf_pdr *)line[at++];
		int filters = put_filters(l, line, next, e);

		if (filters < 0) {
			cst_err_prefix(e, "pdrs[%u]", by[i]);
			return filters;
		}
		*rec = l->rec;
		rec->sdf = (uint16_t)next;
		rec->n_sdf = (uint8_t)filters;
		next += (unsigned)filters;
	}
	r->n_lines = (uint16_t)next;
	return (int)next;
}
