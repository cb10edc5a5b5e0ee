/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_eth_link.h"

#include <errno.h>
#include <string.h>

#include "upf_compile_sdf.h"
#include "upf_eth_core.h"
#include "upf_sdf.h"

/* ---- the session ---------------------------------------------------------------- */

static bool is_ethernet(const struct upf_session_obj *s)
{
	return s->pdn_type == UPF_PDN_ETHERNET;
}

static int check_pdi_of_others(const struct upf_pdi_obj *pdi, struct cst_err *e)
{
	static const char why[] = "is for sessions whose pdn_type is ethernet";

	if (pdi->ethernet_pdu_session_information)
		return cst_err(e, -EINVAL, "ethernet_pdu_session_information", why);
	if (pdi->ethernet_packet_filters.n)
		return cst_err(e, -EINVAL, "ethernet_packet_filters", why);
	return 0;
}

static int check_pdi(const struct upf_pdi_obj *pdi, struct cst_err *e)
{
	static const char no_address[] = "an Ethernet PDU session has no IP address";

	if (pdi->ue_ip_address.n)
		return cst_err(e, -EINVAL, "ue_ip_address", no_address);
	if (pdi->framed_routes.n || pdi->framed_ipv6_routes.n)
		return cst_err(e, -EINVAL,
			       pdi->framed_routes.n ? "framed_routes" : "framed_ipv6_routes",
			       no_address);
	if (pdi->sdf_filters.n)
		return cst_err(e, -EINVAL, "sdf_filters",
			       "in an Ethernet PDU session they are part of "
			       "ethernet_packet_filters");
	if (pdi->ethernet_pdu_session_information && pdi->source_interface == UPF_IF_ACCESS)
		return cst_err(e, -EINVAL, "ethernet_pdu_session_information",
			       "tells downlink frames, and this PDR's source_interface is access");
	return 0;
}

static int check_far(const struct upf_far_obj *far, struct cst_err *e)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;

	if (cst_has(fp, FP_TRANSPORT_LEVEL_MARKING) && !cst_has(fp, FP_OHC))
		return cst_err(e, -EINVAL, "forwarding_parameters.transport_level_marking",
			       "needs outer_header_creation: a frame bears no DSCP");
	return 0;
}

static int check_urrs_of_others(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_urr_obj *u = s->urrs.items;

	for (unsigned i = 0; i < s->urrs.n; i++) {
		if (!(u[i].reporting_triggers & UPF_RT_MACAR))
			continue;
		cst_err(e, -ENOTSUP, "reporting_triggers",
			"no MACAR: the session's pdn_type is not ethernet");
		cst_err_prefix(e, "urrs[%u]", i);
		return -ENOTSUP;
	}
	return 0;
}

int upf_eth_check(const struct upf_session_obj *s, struct cst_err *e)
{
	const struct upf_pdr_obj *pdr = s->pdrs.items;
	const struct upf_far_obj *far = s->fars.items;

	if (s->pdn_type == UPF_PDN_NON_IP)
		return cst_err(e, -ENOTSUP, "pdn_type", "unstructured sessions are not supported");
	for (unsigned i = 0; i < s->pdrs.n; i++) {
		int rc = is_ethernet(s) ? check_pdi(&pdr[i].pdi, e)
					: check_pdi_of_others(&pdr[i].pdi, e);

		if (rc < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return rc;
		}
	}
	if (!is_ethernet(s))
		return check_urrs_of_others(s, e);
	for (unsigned i = 0; i < s->fars.n; i++) {
		int rc = check_far(&far[i], e);

		if (rc < 0) {
			cst_err_prefix(e, "fars[%u]", i);
			return rc;
		}
	}
	return 0;
}

/* ---- one PDR's filters ------------------------------------------------------------ */

static bool is_reference(const struct upf_eth_filter_obj *f)
{
	return f->has == 1u << ETH_FILTER_ID;
}

/* The filter that a reference means (8.2.99), anywhere in the session; NULL: none. */
static const struct upf_eth_filter_obj *follow(const struct upf_session_obj *s, uint32_t id,
					       bool *dl)
{
	const struct upf_pdr_obj *pdr = s->pdrs.items;

	for (unsigned i = 0; i < s->pdrs.n; i++) {
		const struct upf_eth_filter_obj *f = pdr[i].pdi.ethernet_packet_filters.items;

		for (unsigned j = 0; j < pdr[i].pdi.ethernet_packet_filters.n; j++) {
			if (f[j].id != id || is_reference(&f[j]) || !f[j].bidirectional)
				continue;
			*dl = pdr[i].pdi.source_interface != UPF_IF_ACCESS;
			return &f[j];
		}
	}
	return NULL;
}

static int check_filter(const struct upf_eth_filter_obj *f, struct cst_err *e)
{
	const uint64_t asks = 1u << ETH_FILTER_MACS | 1u << ETH_FILTER_ETHERTYPE |
			      1u << ETH_FILTER_C_TAG | 1u << ETH_FILTER_S_TAG |
			      1u << ETH_FILTER_SDFS;

	if (!(f->has & asks))
		return cst_err(e, -EINVAL, NULL, "says nothing");
	if (f->bidirectional && !cst_has(f, ETH_FILTER_ID))
		return cst_err(e, -EINVAL, "id", "is required of a bidirectional filter");
	if (f->sdf_filters.n && cst_has(f, ETH_FILTER_ETHERTYPE) && f->ethertype != CST_ETH_IPV4 &&
	    f->ethertype != CST_ETH_IPV6)
		return cst_err(e, -EINVAL, "ethertype",
			       "sdf_filters tell IP packets apart, and this is not IP's");
	return 0;
}

static int link_filter(const struct upf_session_obj *s, struct upf_link *l,
		       const struct upf_eth_filter_obj *f, struct cst_err *e)
{
	bool dl = l->dl;

	if (is_reference(f)) {
		l->eth[l->n_eth] = follow(s, f->id, &dl);
		if (!l->eth[l->n_eth])
			return cst_err(e, -EINVAL, "id",
				       "no bidirectional filter of the session defines %u", f->id);
	} else {
		int rc = check_filter(f, e);

		if (rc < 0)
			return rc;
		l->eth[l->n_eth] = f;
	}
	if (dl != l->dl)
		l->eth_turned |= (uint16_t)(1u << l->n_eth);
	l->n_eth++;
	return 0;
}

int upf_eth_link(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e)
{
	const struct cst_list *list = &l->pdr->pdi.ethernet_packet_filters;
	const struct upf_eth_filter_obj *f = list->items;

	l->ethernet = is_ethernet(s);
	if (!l->ethernet)
		return 0;
	l->rec.need |= UPF_NEED_FRAME;
	if (l->tunnel && (l->far->apply_action & UPF_AA_BUFF))
		return cst_err(e, -ENOTSUP, "far_id",
			       "FAR %u buffers, and frames that come by a tunnel do not wait",
			       l->far->id);
	for (unsigned i = 0; i < list->n; i++) {
		int rc = link_filter(s, l, &f[i], e);

		if (rc < 0) {
			cst_err_prefix(e, "pdi.ethernet_packet_filters[%u]", i);
			return rc;
		}
	}
	return 0;
}

/* ---- records ---------------------------------------------------------------------- */

static void set_tag(const struct upf_eth_tag_obj *t, uint16_t *tci, uint16_t *mask)
{
	*tci = (uint16_t)(t->pcp << 13 | t->dei << 12 | t->vid);
	*mask = (uint16_t)((cst_has(t, ETH_TAG_PCP) ? 0xe000 : 0) |
			   (cst_has(t, ETH_TAG_DEI) ? 0x1000 : 0) |
			   (cst_has(t, ETH_TAG_VID) ? 0x0fff : 0));
}

static void set_range(const struct upf_eth_mac_obj *m, unsigned low, const uint8_t *from,
		      const uint8_t *to, uint64_t *lo, uint64_t *hi)
{
	if (!cst_has(m, low))
		return;
	*lo = upf_eth_mac(from);
	*hi = cst_has(m, low + 1) ? upf_eth_mac(to) : *lo;
}

/* All but the addresses and the packet inside. */
static struct upf_eth_filter base_of(const struct upf_eth_filter_obj *f)
{
	struct upf_eth_filter q = {.id = f->id, .src_hi = UPF_ETH_ANY_HI, .dst_hi = UPF_ETH_ANY_HI};

	if (cst_has(f, ETH_FILTER_ETHERTYPE)) {
		q.flags |= UPF_ETH_TYPE;
		q.ethertype = f->ethertype;
	}
	if (cst_has(f, ETH_FILTER_C_TAG)) {
		q.flags |= UPF_ETH_CTAG;
		set_tag(&f->c_tag, &q.ctag, &q.ctag_mask);
	}
	if (cst_has(f, ETH_FILTER_S_TAG)) {
		q.flags |= UPF_ETH_STAG;
		set_tag(&f->s_tag, &q.stag, &q.stag_mask);
	}
	return q;
}

static void set_macs(struct upf_eth_filter *q, const struct upf_eth_mac_obj *m, bool turned)
{
	uint64_t *src[2] = {&q->src_lo, &q->src_hi}, *dst[2] = {&q->dst_lo, &q->dst_hi};

	set_range(m, ETH_MAC_SOURCE, m->source, m->source_upper, turned ? dst[0] : src[0],
		  turned ? dst[1] : src[1]);
	set_range(m, ETH_MAC_DESTINATION, m->destination, m->destination_upper,
		  turned ? src[0] : dst[0], turned ? src[1] : dst[1]);
}

/* Where records go. */
struct place {
	char (*line)[64];
	unsigned at, n; /* lines */
};

static int put(struct place *to, const struct upf_eth_filter *q, struct cst_err *e)
{
	if (to->n + UPF_ETH_FILTER_LINES > UINT8_MAX)
		return cst_err(e, -EINVAL, NULL,
			       "more than %u combinations of addresses and flows in one PDR",
			       UINT8_MAX / UPF_ETH_FILTER_LINES);
	if (to->at + to->n + UPF_ETH_FILTER_LINES > UPF_MAX_RUN)
		return -E2BIG;
	memcpy(to->line[to->at + to->n], q, sizeof(*q));
	to->n += UPF_ETH_FILTER_LINES;
	return 0;
}

/* For each flow inside, or once. */
static int put_flows(struct place *to, struct upf_eth_filter *q, const struct cst_list *sdfs,
		     struct cst_err *e)
{
	const struct upf_sdf_obj *sdf = sdfs->items;
	struct upf_sdf out[UPF_SDF_RECORDS_MAX];
	int rc = sdfs->n ? 0 : put(to, q, e);

	for (unsigned i = 0; rc == 0 && i < sdfs->n; i++) {
		int n = sdf[i].has & ~(1ull << SDF_ID) ? upf_filter_compile(&sdf[i], out, e)
						       : cst_err(e, -EINVAL, NULL, "says nothing");

		if (n < 0) {
			cst_err_prefix(e, "sdf_filters[%u]", i);
			return n;
		}
		q->flags |= UPF_ETH_SDF;
		for (int k = 0; rc == 0 && k < n; k++) {
			q->sdf = out[k];
			rc = put(to, q, e);
		}
	}
	return rc;
}

static int put_filter(struct place *to, const struct upf_eth_filter_obj *f, bool turned,
		      struct cst_err *e)
{
	const struct upf_eth_mac_obj *m = f->mac_addresses.items;
	struct upf_eth_filter q = base_of(f);
	int rc = f->mac_addresses.n ? 0 : put_flows(to, &q, &f->sdf_filters, e);

	for (unsigned i = 0; rc == 0 && i < f->mac_addresses.n; i++) {
		q = base_of(f);
		set_macs(&q, &m[i], turned);
		rc = put_flows(to, &q, &f->sdf_filters, e);
	}
	return rc;
}

int upf_eth_filters_compile(const struct upf_link *l, char (*line)[64], unsigned at,
			    struct cst_err *e)
{
	struct place to = {line, at, 0};

	for (unsigned i = 0; i < l->n_eth; i++) {
		int rc = put_filter(&to, l->eth[i], l->eth_turned >> i & 1, e);

		if (rc == -E2BIG)
			return rc;
		if (rc < 0) {
			cst_err_prefix(e, "pdi.ethernet_packet_filters[%u]", i);
			return rc;
		}
	}
	return (int)to.n;
}
