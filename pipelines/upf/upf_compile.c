/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile.h"

#include <errno.h>
#include <string.h>

#include "upf_compile_check.h"
#include "upf_compile_policy.h"
#include "upf_compile_sdf.h"
#include "upf_compile_sieve.h"
#include "upf_eth_link.h"
#include "upf_match.h"
#include "upf_net.h"
#include "upf_next.h"
#include "upf_redundant.h"

#define ANY_QFI UINT64_MAX

/* ---- one PDR ----------------------------------------------------------------- */

static int check_pdr(const struct upf_pdr_obj *pdr, struct cst_err *e)
{
	if (cst_has(pdr, PDR_ACTIVATION_TIME) && cst_has(pdr, PDR_DEACTIVATION_TIME) &&
	    pdr->activation_time == pdr->deactivation_time)
		return cst_err(e, -EINVAL, "deactivation_time", "is the same as activation_time");
	if (cst_has(&pdr->pdi, PDI_APPLICATION_ID))
		return cst_err(e, -ENOTSUP, "pdi.application_id",
			       "no application is known here: the rule would never match");
	/* 0, 1, 6 are GTP-U's (8.2.64); coast ends no other tunnels */
	if (cst_has(pdr, PDR_OUTER_HEADER_REMOVAL) && pdr->outer_header_removal > 1 &&
	    pdr->outer_header_removal != 6)
		return cst_err(e, -ENOTSUP, "outer_header_removal", "only GTP-U is supported");
	return 0;
}

/* Its user's addresses, or networks behind them. */
static bool names_ue(const struct upf_pdi_obj *pdi)
{
	return pdi->ue_ip_address.n > 0 || upf_names_nets(pdi);
}

/* Families that the PDI's UE addresses leave open. */
static uint32_t family_need(const struct upf_pdi_obj *pdi)
{
	const struct upf_ue_ip_obj *u = pdi->ue_ip_address.items;
	bool v4 = false, v6 = false;

	v4 |= pdi->framed_routes.n > 0;
	v6 |= pdi->framed_ipv6_routes.n > 0;
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
}

static void set_mark(struct upf_pdr *r, uint16_t value_and_mask)
{
	r->flags |= UPF_PDR_MARK;
	r->out_tos = (uint8_t)((value_and_mask >> 8) & value_and_mask);
}

/* What a FAR makes of a record. */
static void set_action(struct upf_pdr *r, const struct upf_far_obj *far)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;

	r->far_id = far->id;
	r->action = far->apply_action & UPF_AA_FORW   ? UPF_FORW
		    : far->apply_action & UPF_AA_BUFF ? UPF_BUFF
						      : UPF_DROP;
	if (!cst_has(far, FAR_FORWARDING_PARAMETERS))
		return;
	r->dest_if = fp->destination_interface;
	if (cst_has(fp, FP_OHC)) {
		r->flags |= UPF_PDR_ENCAP;
		r->out_teid = fp->outer_header_creation.teid;
	} else if (r->action == UPF_FORW &&
		   (r->dest_if == UPF_IF_ACCESS || r->dest_if == UPF_IF_CP_FUNCTION)) {
		r->action = UPF_DROP; /* there is no sending raw IP to a gNB or an SMF */
	}
	if (cst_has(fp, FP_TRANSPORT_LEVEL_MARKING))
		set_mark(r, fp->transport_level_marking);
}

/* Copies go into this tunnel. Who is neither gNB nor UPF has no use for a QFI. */
static struct upf_pdr *add_copy(struct upf_link *l, uint8_t dest_if, const struct upf_ohc_obj *ohc)
{
	struct upf_pdr *r = &l->copies[l->n_copies++];

	*r = (struct upf_pdr){.id = l->rec.id,
			      .far_id = l->far->id,
			      .action = UPF_FORW,
			      .flags = UPF_PDR_ENCAP,
			      .source_if = l->rec.source_if,
			      .dest_if = dest_if,
			      .out_qfi = l->rec.out_qfi,
			      .out_teid = ohc->teid};
	if (l->qfi_known && dest_if <= UPF_IF_SGI_LAN)
		r->flags |= UPF_PDR_PSC;
	return r;
}

/* Where its copies go (DUPL). */
static void link_copies(struct upf_link *l)
{
	const struct upf_dup_obj *d = l->far->duplicating_parameters.items;

	for (unsigned i = 0; i < upf_far_copies(l->far); i++) {
		struct upf_pdr *r =
			add_copy(l, d[i].destination_interface, &d[i].outer_header_creation);

		if (cst_has(&d[i], DUP_TRANSPORT_LEVEL_MARKING))
			set_mark(r, d[i].transport_level_marking);
	}
}

/* The next tunnel gets what the one in use gets. */
static void link_feed(struct upf_link *l)
{
	const struct upf_far_obj *far = l->far;
	struct upf_pdr *r;

	if (!upf_next_is_fed(far) || l->rec.action != UPF_FORW)
		return;
	r = add_copy(l, l->rec.dest_if, &far->next_tunnel.outer_header_creation);
	r->flags |= l->rec.flags & (UPF_PDR_PSC_RQI | UPF_PDR_MARK);
	r->out_tos = l->rec.out_tos;
	l->fed = true;
}

/* Gates and the QFI of all QERs. A gate shut by any of them is shut. */
static void set_qos(const struct upf_session_obj *s, struct upf_link *l)
{
	const struct upf_pdr_obj *pdr = l->pdr;
	const uint32_t *ids = pdr->qer_ids.items;
	struct upf_pdr *r = &l->rec;

	for (unsigned i = 0; i < pdr->qer_ids.n; i++) {
		const struct upf_qer_obj *q = upf_rule_find(UPF_RULE_QER, &s->qers, ids[i]);

		if (cst_has(q, QER_GATE_STATUS) && (l->dl ? q->gate_status.dl : q->gate_status.ul))
			l->policy.flags |= UPF_POLICY_GATE;
		if (cst_has(q, QER_QFI) && !l->qfi_known) {
			r->out_qfi = q->qfi;
			l->qfi_known = true;
		}
		if (q->rqi)
			r->flags |= UPF_PDR_PSC_RQI;
	}
	/* what came with one QFI goes on with it; of several, none is known to be right */
	if (!l->qfi_known && pdr->pdi.qfi.n == 1) {
		r->out_qfi = *(const uint8_t *)pdr->pdi.qfi.items;
		l->qfi_known = true;
	}
	if (l->qfi_known && l->ohc)
		r->flags |= UPF_PDR_PSC;
}

/* The FAR that the PDR's URRs want once their quota is spent: one, and for those that name it. */
static int link_quota_far(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e)
{
	const uint32_t *ids = l->pdr->urr_ids.items;
	int rc;

	for (unsigned i = 0; i < l->pdr->urr_ids.n; i++) {
		const struct upf_urr_obj *u = upf_rule_find(UPF_RULE_URR, &s->urrs, ids[i]);
		const struct upf_far_obj *far;

		if (!cst_has(u, URR_FAR_ID_FOR_QUOTA_ACTION))
			continue;
		far = upf_rule_find(UPF_RULE_FAR, &s->fars, u->far_id_for_quota_action);
		if (l->spent_far && far != l->spent_far) {
			rc = cst_err(
				e, -ENOTSUP, NULL,
				"far_id_for_quota_action of URR %u is another one than that of "
				"a URR before it",
				ids[i]);
			cst_err_prefix(e, "urr_ids[%u]", i);
			return rc;
		}
		l->spent_far = far;
	}
	return 0;
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
	rc = upf_check_refs(UPF_RULE_QER, &pdr->qer_ids, &s->qers, "qer_ids", e);
	if (rc == 0)
		rc = upf_check_refs(UPF_RULE_URR, &pdr->urr_ids, &s->urrs, "urr_ids", e);
	if (rc == 0)
		rc = link_quota_far(s, l, e);
	if (rc == 0)
		rc = upf_filters_link(s, l, e);
	if (rc < 0)
		return rc;
	l->dl = pdr->pdi.source_interface != UPF_IF_ACCESS;
	if (!l->dl && (l->far->apply_action & UPF_AA_BUFF))
		return cst_err(e, -EINVAL, "far_id",
			       "FAR %u buffers, and only downlink is buffered (TS 29.244 5.2.4)",
			       pdr->far_id);
	if (!l->dl && l->spent_far && (l->spent_far->apply_action & UPF_AA_BUFF))
		return cst_err(e, -EINVAL, "urr_ids",
			       "their far_id_for_quota_action, FAR %u, buffers, and only downlink "
			       "is buffered (TS 29.244 5.2.4)",
			       l->spent_far->id);
	l->tunnel = cst_has(&pdr->pdi, PDI_F_TEID);
	set_match(l);
	set_action(&l->rec, l->far);
	if (l->rec.flags & UPF_PDR_ENCAP)
		l->ohc = &l->far->forwarding_parameters.outer_header_creation;
	set_qos(s, l);
	link_copies(l);
	link_feed(l);
	return 0;
}

/* ---- what one PDR takes from the others --------------------------------------- */

/* The UE's address is asked of uplink PDRs that do not name it too, since control planes name it in
 * downlink ones alone. Plain downlink packets were found by it, but with networks behind the UE a
 * session is found by several. */
static void settle_addresses(struct upf_link *links, unsigned n)
{
	bool known = false, nets = false;

	for (unsigned i = 0; i < n; i++) {
		known |= names_ue(&links[i].pdr->pdi);
		nets |= upf_names_nets(&links[i].pdr->pdi);
	}
	for (unsigned i = 0; i < n; i++) {
		struct upf_link *l = &links[i];
		bool own = names_ue(&l->pdr->pdi);

		if (l->dl ? own && (nets || !(l->rec.need & UPF_NEED_PLAIN))
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

/* What holds once a quota of the PDR's is spent: the same but for its FAR (5.2.2.2.1, FAR ID for
 * Quota Action). */
static void link_spent(struct upf_link *l)
{
	struct upf_pdr *r = &l->spent;

	if (!l->spent_far)
		return;
	l->has_spent = true;
	*r = l->rec;
	r->flags &= (uint8_t) ~(UPF_PDR_ENCAP | UPF_PDR_PSC | UPF_PDR_MARK);
	r->out_teid = 0;
	r->out_tos = 0;
	r->dest_if = 0;
	set_action(r, l->spent_far);
	if (l->qfi_known && (r->flags & UPF_PDR_ENCAP))
		r->flags |= UPF_PDR_PSC;
}

static void give_qfi(struct upf_pdr *r, uint8_t qfi)
{
	if (!(r->flags & UPF_PDR_ENCAP) || r->dest_if != UPF_IF_ACCESS)
		return;
	r->out_qfi = qfi;
	r->flags |= UPF_PDR_PSC;
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
		uint8_t qfi = *(const uint8_t *)from->pdr->pdi.qfi.items;

		if (!links[i].dl || links[i].qfi_known)
			continue;
		give_qfi(&links[i].rec, qfi);
		give_qfi(&links[i].spent, qfi);
		for (unsigned k = 0; k < links[i].n_copies; k++)
			give_qfi(&links[i].copies[k], qfi);
	}
}

int upf_link(const struct upf_session_obj *s, struct upf_link *links, struct cst_err *e)
{
	const struct upf_pdr_obj *pdrs = s->pdrs.items;
	int rc = upf_check_lists(s, e);

	if (rc == 0)
		rc = upf_eth_check(s, e);
	for (unsigned i = 0; rc == 0 && i < s->pdrs.n; i++) {
		memset(&links[i], 0, sizeof(links[i]));
		links[i].pdr = &pdrs[i];
		rc = link_pdr(s, &links[i], e);
		if (rc == 0)
			rc = upf_eth_link(s, &links[i], e);
		if (rc < 0)
			cst_err_prefix(e, "pdrs[%u]", i);
	}
	if (rc < 0)
		return rc;
	settle_addresses(links, s->pdrs.n);
	settle_removal(links, s->pdrs.n);
	for (unsigned i = 0; i < s->pdrs.n; i++)
		link_spent(&links[i]);
	settle_qfi(links, s->pdrs.n);
	return upf_redundant_link(links, s->pdrs.n, e);
}

/* ---- the run ------------------------------------------------------------------ */

static int too_long(struct cst_err *e)
{
	return cst_err(e, -E2BIG, "pdrs", "rules and filters need more than %d lines of memory",
		       UPF_MAX_RUN);
}

/* Numbers of the links of one direction in rising precedence value; equal ones stay as they came.
 */
static unsigned order(const struct upf_link *links, unsigned n, bool dl, uint16_t *out)
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
		out[at] = (uint16_t)i;
		m++;
	}
	return m;
}

int upf_compile(const struct upf_link *links, unsigned n, const struct upf_identity *id,
		void *lines, struct cst_err *e)
{
	char(*line)[64] = lines;
	struct upf_rules *r = lines;
	uint16_t by[UPF_MAX_PDRS];
	unsigned at = 1, next = 1 + (n < 2 ? 2 : n);

	if (next > UPF_MAX_RUN)
		return too_long(e);
	*r = (struct upf_rules){.seid = id->seid,
				.state = id->state,
				.generation = id->generation,
				.sdf = (uint16_t)next,
				.vrf = id->vrf,
				.buffer_packets = id->buffer_packets,
				.notify_delay = id->notify_delay,
				.buffer_for = id->buffer_for};
	r->n_ul = (uint16_t)order(links, n, false, by);
	r->n_dl = (uint16_t)order(links, n, true, by + r->n_ul);
	r->ul = UPF_LINE_UL;
	r->dl = (uint16_t)(UPF_LINE_UL + r->n_ul);
	if (id->v4) {
		r->flags |= UPF_RULES_V4;
		r->ue_v4 = id->ue_v4;
	}
	if (id->v6) {
		r->flags |= UPF_RULES_V6;
		r->ue_v6_len = id->ue_v6_len;
		memcpy(r->ue_v6, id->ue_v6, sizeof(r->ue_v6));
	}
	for (unsigned i = 0; i < n; i++)
		if (links[i].has_second && !links[i].dl)
			r->flags |= UPF_RULES_SECOND;
	for (unsigned i = 1 + n; i < next; i++)
		*(struct upf_pdr *)line[i] = (struct upf_pdr){.flags = UPF_PDR_NEVER};
	for (unsigned i = 0; i < n; i++) {
		const struct upf_link *l = &links[by[i]];
		struct upf_pdr *rec = (struct upf_pdr *)line[at++];
		int filters = upf_filters_compile(l, line, next, e);

		if (filters == -E2BIG)
			return too_long(e);
		if (filters < 0) {
			cst_err_prefix(e, "pdrs[%u]", by[i]);
			return filters;
		}
		*rec = l->rec;
		if (i == 0 || i == r->n_ul)
			rec->first = (l->dl ? r->n_dl : r->n_ul) == 1 ? UPF_ONLY : UPF_FIRST;
		rec->ue_v4 = r->ue_v4;
		rec->sdf = (uint16_t)next;
		rec->n_sdf = (uint8_t)filters;
		if (!l->ethernet)
			upf_pdr_set_look(rec, (const struct upf_sdf *)line[next]);
		next += (unsigned)filters;
	}
	next = upf_nets_compile(links, by, n, id, line, next);
	if (next == 0)
		return too_long(e);
	next = upf_compile_policies(links, by, n, id, line, next);
	if (next == 0)
		return too_long(e);
	if (n && links[0].ethernet) {
		r->flags |= UPF_RULES_ETHERNET;
	} else {
		next = upf_sieve_compile(line, UPF_UL, next, UPF_MAX_RUN);
		next = upf_sieve_compile(line, UPF_DL, next, UPF_MAX_RUN);
	}
	r->n_lines = (uint16_t)next;
	return (int)next;
}
