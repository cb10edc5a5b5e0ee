/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The parser of flow descriptions on arbitrary text. What it accepts is bounded
 * and canonical: the packet path takes it as it is.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upf_sdf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check_end(const struct upf_sdf *f, const uint8_t *addr, unsigned len)
{
	must(len <= (f->family == 4 ? 32 : f->family == 6 ? 128 : 0));
	for (unsigned bit = len; bit < 128; bit++)
		must((addr[bit / 8] & (0x80 >> bit % 8)) == 0);
}

static void check(const struct upf_sdf *f)
{
	must(f->family == 0 || f->family == 4 || f->family == 6);
	check_end(f, f->remote, f->remote_len);
	check_end(f, f->ue, f->ue_len);
	must(f->remote_port_lo <= f->remote_port_hi && f->ue_port_lo <= f->ue_port_hi);
	if ((f->flags & (UPF_SDF_PROTO | UPF_SDF_PORTS)) == (UPF_SDF_PROTO | UPF_SDF_PORTS))
		must(f->proto == 6 || f->proto == 17 || f->proto == 132);
	must((f->flags & ~(UPF_SDF_PROTO | UPF_SDF_PORTS)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct upf_sdf out[UPF_SDF_RECORDS_MAX];
	struct cst_err e = {0};
	char *text = malloc(size ? size : 1); /* exact, so that a byte too far is seen */
	int n;

	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	n = upf_sdf_parse(text, size, out, &e);
	must(n != 0 && n <= UPF_SDF_RECORDS_MAX);
	must(n > 0 || (e.code == n && e.reason[0]));
	for (int i = 0; i < n; i++)
		check(&out[i]);
	free(text);
	return 0;
}
