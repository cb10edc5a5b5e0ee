/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_redundant.h"

#include <errno.h>

#include "upf_next.h"

#define DETECTION  "redundant_transmission_parameters"
#define FORWARDING "redundant_transmission_forwarding_parameters"

const struct upf_rtfp_obj *upf_far_second(const struct upf_far_obj *far)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;

	if (cst_has(far, FAR_REDUNDANT))
		return &far->redundant_transmission_forwarding_parameters;
	return cst_has(fp, FP_REDUNDANT) ? &fp->redundant_transmission_forwarding_parameters : NULL;
}

/* Both copies by one tunnel would be a copy too many there, and none elsewhere. */
static bool is_first(const struct upf_far_obj *far, const struct upf_rtfp_obj *second)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;

	return upf_same_ohc(&fp->outer_header_creation, &second->outer_header_creation);
}

static int check_second(const struct upf_far_obj *far, struct cst_err *e)
{
	const struct upf_rtfp_obj *second = upf_far_second(far);

	if (!second)
		return cst_err(e, -EINVAL, FORWARDING, "is required by DFRT");
	if (!cst_has(second, RTFP_OHC))
		return cst_err(e, -EINVAL, FORWARDING ".outer_header_creation",
			       "is required by DFRT");
	if (!cst_has(&far->forwarding_parameters, FP_OHC))
		return cst_err(e, -EINVAL, "forwarding_parameters.outer_header_creation",
			       "is required by DFRT: the first of two tunnels");
	if (is_first(far, second))
		return cst_err(e, -EINVAL, FORWARDING ".outer_header_creation",
			       "is the tunnel that FAR %u uses already", far->id);
	return 0;
}

int upf_redundant_check(const struct upf_far_obj *far, struct cst_err *e)
{
	if ((far->apply_action & (UPF_AA_DFRT | UPF_AA_EDRT)) && !(far->apply_action & UPF_AA_FORW))
		return cst_err(e, -EINVAL, "apply_action", "DFRT and EDRT only together with FORW");
	if (cst_has(far, FAR_REDUNDANT) && cst_has(&far->forwarding_parameters, FP_REDUNDANT))
		return cst_err(e, -EINVAL, "forwarding_parameters." FORWARDING,
			       "is there twice: the FAR has it beside forwarding_parameters, too");
	return far->apply_action & UPF_AA_DFRT ? check_second(far, e) : 0;
}

/* ---- one PDR ------------------------------------------------------------------- */

static int check_pdr(const struct upf_link *l, struct cst_err *e)
{
	const struct upf_pdi_obj *pdi = &l->pdr->pdi;
	bool second = cst_has(pdi, PDI_REDUNDANT);

	if (second && !l->tunnel)
		return cst_err(e, -EINVAL, "pdi.f_teid", "is required beside " DETECTION);
	if (second && l->dl)
		return cst_err(e, -EINVAL, "pdi." DETECTION,
			       "only packets from access come by two tunnels");
	if ((l->far->apply_action & UPF_AA_EDRT) && !second)
		return cst_err(e, -EINVAL, "pdi." DETECTION, "is required by EDRT of FAR %u",
			       l->far->id);
	if ((l->far->apply_action & UPF_AA_DFRT) && (!l->dl || l->tunnel))
		return cst_err(e, -EINVAL, "far_id",
			       "DFRT of FAR %u: only downlink that comes by no tunnel is sent by "
			       "two",
			       l->far->id);
	return 0;
}

static int link_uplink(struct upf_link *l, struct cst_err *e)
{
	const struct upf_rtp_obj *o = &l->pdr->pdi.redundant_transmission_parameters;

	l->numbered = l->far->apply_action & UPF_AA_EDRT;
	if (l->numbered && o->sequence_number == UPF_QFI_NUMBER && l->pdr->pdi.qfi.n != 1)
		return cst_err(e, -EINVAL, "pdi.qfi",
			       "one is required by sequence_number qfi, which counts the packets "
			       "of a QoS flow");
	l->has_second = true;
	l->second = (struct upf_pdr){.id = l->pdr->id,
				     .far_id = l->far->id,
				     .source_if = l->rec.source_if,
				     .first = o->sequence_number};
	return 0;
}

static int link_downlink(struct upf_link *l, struct cst_err *e)
{
	const struct upf_rtfp_obj *o = upf_far_second(l->far);

	if (l->rec.action != UPF_FORW)
		return 0;
	if (o->sequence_number == UPF_QFI_NUMBER && !(l->rec.flags & UPF_PDR_PSC))
		return cst_err(e, -EINVAL, "qer_ids",
			       "one that tells a qfi is required by sequence_number qfi of FAR %u",
			       l->far->id);
	l->has_second = l->numbered = true;
	l->second = l->rec;
	l->second.flags &= UPF_PDR_ENCAP | UPF_PDR_PSC | UPF_PDR_PSC_RQI | UPF_PDR_MARK;
	l->second.first = o->sequence_number;
	l->second.out_teid = o->outer_header_creation.teid;
	return 0;
}

static int link_one(struct upf_link *l, struct cst_err *e)
{
	int rc = check_pdr(l, e);

	if (rc == 0 && cst_has(&l->pdr->pdi, PDI_REDUNDANT))
		rc = link_uplink(l, e);
	else if (rc == 0 && (l->far->apply_action & UPF_AA_DFRT))
		rc = link_downlink(l, e);
	return rc;
}

int upf_redundant_link(struct upf_link *links, unsigned n, struct cst_err *e)
{
	for (unsigned i = 0; i < n; i++) {
		int rc = link_one(&links[i], e);

		if (rc < 0) {
			cst_err_prefix(e, "pdrs[%u]", i);
			return rc;
		}
	}
	return 0;
}
