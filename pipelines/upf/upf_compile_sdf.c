/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_compile_sdf.h"

#include <errno.h>
#include <string.h>

#include "upf_sdf.h"

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

static int filter(const struct upf_sdf_obj *f, struct upf_sdf *out, struct cst_err *e)
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

	_Static_assert(UPF_SDF_RECORDS_MAX * UPF_MAX_SDFS <= UINT8_MAX, "n_sdf");
	for (unsigned i = 0; i < l->n_filters; i++) {
		int n = filter(l->filters[i], out, e);

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
