/* SPDX-License-Identifier: BSD-3-Clause */
/* Networks behind the UE: those that the rules name, and their routes. */
#include <errno.h>
#include <string.h>

#include "upf_framed.h"
#include "upf_net.h"
#include "upf_work.h"

int upf_plan_nets(struct cst_err *e)
{
	int n = 0;

	for (unsigned i = 0; i < upf_work.n; i++) {
		n = upf_nets_add(&upf_work.links[i].pdr->pdi, upf_work.id.nets, (unsigned)n, e);
		if (n < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return n;
		}
	}
	upf_work.id.n_nets = (unsigned)n;
	return 0;
}

/* ---- routes ------------------------------------------------------------------------ */

static struct upf_held_part *had(uint16_t vrf, const struct upf_net *net)
{
	for (unsigned i = 0; i < upf_work.n_parts; i++) {
		struct upf_held_part *p = &upf_work.parts[i];

		if (p->kind == UPF_PART_FRAMED && upf_framed_is(p->number, vrf, net))
			return p;
	}
	return NULL;
}

static void mark_wanted(void)
{
	for (unsigned v = 0; v < upf_work.n_ue_vrfs; v++) {
		for (unsigned i = 0; i < upf_work.id.n_nets; i++) {
			struct upf_held_part *p = had(upf_work.ue_vrfs[v], &upf_work.id.nets[i]);

			if (p)
				p->used = 1;
		}
	}
}

static int leave_others(struct cst_err *e)
{
	int rc = 0;

	for (unsigned i = 0; rc == 0 && i < upf_work.n_parts; i++)
		if (upf_work.parts[i].kind == UPF_PART_FRAMED && !upf_work.parts[i].used)
			rc = upf_framed_leave(upf_work.parts[i].number, e);
	return rc;
}

/* Which of the texts names it. */
static void name_field(const struct upf_net *net, struct cst_err *e)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct upf_pdi_obj *pdi = &upf_work.links[i].pdr->pdi;
		bool v4 = net->family == 4;
		const struct cst_list *l = v4 ? &pdi->framed_routes : &pdi->framed_ipv6_routes;
		const char *const *text = l->items;

		for (unsigned j = 0; j < l->n; j++) {
			struct upf_net one;

			if (upf_net_parse(text[j], net->family, &one, NULL) == 0 &&
			    memcmp(&one, net, sizeof(one)) == 0) {
				cst_err_prefix(e, "pdrs[%u].pdi.framed_%sroutes[%u]", i,
					       v4 ? "" : "ipv6_", j);
				return;
			}
		}
	}
}

static int take(uint16_t vrf, const struct upf_net *net, struct cst_err *e)
{
	uint32_t number = upf_part_alloc(UPF_PART_FRAMED);
	int rc;

	if (number == 0)
		return cst_err(e, -ENOSPC, NULL,
			       "no framed routes left: there are %u, %u at most; raise "
			       "system.max_pdrs",
			       upf_parts_count(UPF_PART_FRAMED), UPF_MAX_FRAMED);
	rc = upf_work.n_parts < UPF_MAX_HELD_PARTS
		     ? upf_framed_take(number, upf_work.s->seid, vrf, net, e)
		     : cst_err(e, -E2BIG, NULL, "the session has too many of everything");
	if (rc < 0) {
		upf_part_free(UPF_PART_FRAMED, number);
		return rc;
	}
	/* a number of its own is its id */
	upf_work.parts[upf_work.n_parts++] = (struct upf_held_part){
		.rule = number, .number = number, .kind = UPF_PART_FRAMED, .fresh = 1, .used = 1};
	return 0;
}

int upf_plan_framed(struct cst_err *e)
{
	int rc;

	mark_wanted();
	/* first: what comes may overlap with what goes */
	rc = leave_others(e);
	for (unsigned v = 0; rc == 0 && v < upf_work.n_ue_vrfs; v++) {
		for (unsigned i = 0; rc == 0 && i < upf_work.id.n_nets; i++) {
			const struct upf_net *net = &upf_work.id.nets[i];

			if (had(upf_work.ue_vrfs[v], net))
				continue;
			rc = take(upf_work.ue_vrfs[v], net, e);
			if (rc < 0)
				name_field(net, e);
		}
	}
	return rc;
}
