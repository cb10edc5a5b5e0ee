/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The UPF's rule matching on arbitrary rules and packets, and the parser of
 * flow descriptions. First byte: which. For matching, the input is a header
 * byte pair, PDRs, filters and networks as they lie in a run, then the packet; line
 * numbers are brought into range, as the compiler of rules guarantees, the rest
 * is left as it comes. With a sieve, the same PDR takes the packet as without.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "upf_compile_sieve.h"
#include "upf_match.h"
#include "upf_sdf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
	if (!holds)
		abort();
}

static void check(const struct upf_rules *r, const struct upf_pdr *got, const struct upf_ask *q)
{
	const struct upf_pdr *first = upf_pdrs(r, UPF_UL);

	if (!got)
		return;
	must(got >= first && got < first + r->n_ul + r->n_dl);
	must(!(got->flags & UPF_PDR_NEVER));
	must((got->need & ~q->have) == 0);
	must(got->teid == 0 || got->teid == q->teid);
	must(got->in_vrf == 0 || got->in_vrf == q->vrf);
}

/* Which PDR, and is it for the address alone that there is none? */
static const struct upf_pdr *find(const struct upf_rules *r, const struct upf_ask *q, int tunnel,
				  int *spoofed)
{
	return tunnel ? upf_match_tunnel(r, q, spoofed) : upf_match_plain(r, q, spoofed);
}

/* `with`: the same run with sieves behind it. */
static void compare(const struct upf_rules *r, const struct upf_rules *with,
		    const struct upf_ask *q, int tunnel)
{
	int spoofed, spoofed_with;
	const struct upf_pdr *p = find(r, q, tunnel, &spoofed);
	const struct upf_pdr *p_with = find(with, q, tunnel, &spoofed_with);

	check(r, p, q);
	must((!p && !p_with) ||
	     (p && p_with && p - upf_pdrs(r, UPF_UL) == p_with - upf_pdrs(with, UPF_UL)));
	must(spoofed == spoofed_with);
}

/* The run of `lines` with sieves, exactly as long as it is. */
static struct upf_rules *with_sieves(const struct upf_rules *r, uint32_t lines)
{
	char(*line)[64] = aligned_alloc(64, 64 * (size_t)(lines + 2));
	uint32_t n;

	if (!line)
		return NULL;
	memcpy(line, r, 64 * (size_t)lines);
	n = upf_sieve_compile(line, UPF_UL, lines, lines + 2);
	n = upf_sieve_compile(line, UPF_DL, n, lines + 2);
	return realloc(line, 64 * (size_t)n);
}

static void match(const uint8_t *data, size_t size)
{
	uint32_t n_ul, n_dl, n_sdf, n_net_lines, lines;
	struct upf_rules *r, *with;
	struct upf_pdr *pdr;
	struct cst_flow f;

	if (size < 4)
		return;
	n_ul = data[0] % 7;
	n_dl = data[1] % 7;
	n_sdf = data[2] % 5;
	n_net_lines = data[2] / 5 % 3;
	lines = 1 + n_ul + n_dl + n_sdf + n_net_lines;
	if (size < 4 + 64 * lines)
		return;

	/* exactly as long as the run, so that a read behind it is seen */
	r = aligned_alloc(64, 64 * lines);
	if (!r)
		return;
	memcpy(r, data + 4, 64 * lines);
	r->n_lines = (uint16_t)lines;
	r->n_ul = (uint16_t)n_ul;
	r->n_dl = (uint16_t)n_dl;
	r->ul = 1;
	r->dl = (uint16_t)(1 + n_ul);
	r->sdf = (uint16_t)(1 + n_ul + n_dl);
	r->ue_v6_len %= 65;
	memset(r->sieve, 0, sizeof(r->sieve));
	pdr = (struct upf_pdr *)(r + 1);
	for (uint32_t i = 0; i < n_ul + n_dl; i++) {
		uint32_t from = n_sdf ? pdr[i].sdf % n_sdf : 0;

		pdr[i].n_sdf = n_sdf ? (uint8_t)(pdr[i].n_sdf % (n_sdf - from + 1)) : 0;
		pdr[i].sdf = (uint16_t)(r->sdf + from);
		pdr[i].nets = (uint16_t)(lines - n_net_lines);
		pdr[i].n_nets = (uint8_t)(pdr[i].n_nets % (2 * n_net_lines + 1));
	}
	for (uint32_t i = 0; i < 2 * n_net_lines; i++) {
		struct upf_net *net = (struct upf_net *)((char *)r + 64 * (lines - n_net_lines));

		net[i].len %= 129;
	}
	for (uint32_t i = 0; i < n_sdf; i++) {
		struct upf_sdf *s = (struct upf_sdf *)(pdr + n_ul + n_dl) + i;

		s->remote_len %= 129;
		s->ue_len %= 129;
	}
	for (uint32_t i = 0; i < n_ul + n_dl; i++)
		upf_pdr_set_look(&pdr[i], (const struct upf_sdf *)upf_line(r, pdr[i].sdf));

	with = with_sieves(r, lines);
	if (with &&
	    cst_flow_parse(data + 4 + 64 * lines, (uint32_t)(size - 4 - 64 * lines), &f) == 0) {
		struct upf_ask q = {
			.flow = &f,
			.qfi_bit = data[3] & 1 ? 1ull << (data[3] >> 1 & 63) : 0,
			.teid = data[3] & 0x80 ? cst_be32(data + 4) : 0,
			.vrf = data[3] & 3,
		};

		q.have = upf_have(f.family, q.teid != 0, q.qfi_bit != 0);
		compare(r, with, &q, 1);
		compare(r, with, &q, 0);
		upf_match_signal(r, q.teid, q.vrf);
	}
	free(with);
	free(r);
}

static void description(const uint8_t *data, size_t size)
{
	struct upf_sdf *out = malloc(UPF_SDF_RECORDS_MAX * sizeof(*out));
	struct cst_err e;
	int n;

	if (!out)
		return;
	n = upf_sdf_parse((const char *)data, size, out, &e);
	must(n <= UPF_SDF_RECORDS_MAX && n != 0);
	for (int i = 0; i < n; i++) {
		must(out[i].remote_len <= 128 && out[i].ue_len <= 128);
		must(out[i].family == 0 || out[i].family == 4 || out[i].family == 6);
		must(out[i].remote_port_lo <= out[i].remote_port_hi);
		must(out[i].ue_port_lo <= out[i].ue_port_hi);
	}
	free(out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0)
		return 0;
	if (data[0] & 1)
		match(data + 1, size - 1);
	else
		description(data + 1, size - 1);
	return 0;
}
