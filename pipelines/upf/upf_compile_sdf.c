/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile_sdf.h"

#include <errno.h>
#include <string.h>

#include "upf_eth_link.h"
#include "upf_sdf.h"

/* ---- which filters ------------------------------------------------------------- */

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

/* One id is one filter of the session (8.2.5). */
static bool same_filter(const struct upf_sdf_obj *a, const struct upf_sdf_obj *b)
{
	return a->has == b->has && a->tos_traffic_class == b->tos_traffic_class &&
	       a->spi == b->spi && a->flow_label == b->flow_label &&
	       (!cst_has(a, SDF_FLOW_DESCRIPTION) ||
		strcmp(a->flow_description, b->flow_description) == 0);
}

static bool is_redefined(const struct upf_session_obj *s, const struct upf_sdf_obj *f)
{
	return cst_has(f, SDF_ID) && !is_reference(f) && !same_filter(f, follow(s, f->id));
}

int upf_filters_link(const struct upf_session_obj *s, struct upf_link *l, struct cst_err *e)
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
		else if (is_redefined(s, &f[i]))
			rc = cst_err(e, -EINVAL, "id",
				     "filter %u is in the session with other contents", f[i].id);
		if (rc < 0) {
			cst_err_prefix(e, "pdi.sdf_filters[%u]", i);
			return rc;
		}
	}
	l->n_filters = (uint8_t)l->pdr->pdi.sdf_filters.n;
	return 0;
}

/* ---- records ------------------------------------------------------------------- */

/* What no packet could match is not what was meant. */
static int check_filter(const struct upf_sdf_obj *f, const struct upf_sdf *s, struct cst_err *e)
{
	if (cst_has(f, SDF_SPI) && (s->flags & UPF_SDF_PROTO) && s->proto != 50 && s->proto != 51)
		return cst_err(e, -EINVAL, "spi", "protocol %u has none", s->proto);
	if (cst_has(f, SDF_SPI) && (s->flags & UPF_SDF_PORTS))
		return cst_err(e, -EINVAL, "spi", "what has ports has none");
	if (cst_has(f, SDF_FLOW_LABEL) && s->family == 4)
		return cst_err(e, -EINVAL, "flow_label", "IPv4 packets have none");
	return 0;
}

int upf_filter_compile(const struct upf_sdf_obj *f, struct upf_sdf *out, struct cst_err *e)
{
	int n = 1, rc;

	out[0] = (struct upf_sdf){0};
	if (cst_has(f, SDF_FLOW_DESCRIPTION)) {
		n = upf_sdf_parse(f->flow_description, strlen(f->flow_description), out, e);
		if (n < 0) {
			cst_err_prefix(e, "flow_description");
			return n;
		}
	}
	rc = check_filter(f, out, e);
	if (rc < 0)
		return rc;
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

int upf_filters_compile(const struct upf_link *l, char (*line)[64], unsigned at, struct cst_err *e)
{
	struct upf_sdf out[UPF_SDF_RECORDS_MAX];
	int total = 0;

	if (l->ethernet)
		return upf_eth_filters_compile(l, line, at, e);
	_Static_assert(UPF_SDF_RECORDS_MAX * UPF_MAX_SDFS <= UINT8_MAX, "n_sdf");
	for (unsigned i = 0; i < l->n_filters; i++) {
		int n = upf_filter_compile(l->filters[i], out, e);

		if (n < 0) {
			cst_err_prefix(e, "pdi.sdf_filters[%u]", i);
			return n;
		}
		if (at + total + n > UPF_MAX_RUN)
			return -E2BIG;
		memcpy(line[at + total], out, n * sizeof(*out));
		total += n;
	}
	return total;
}
