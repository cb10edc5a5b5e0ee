/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_ul and upf_dl with 1 k sessions of 1, 16 and 256 PDRs of that direction, each
 * with a filter for one server's port. Every packet is of a random session and PDR.
 * Runs of lines are upf_compile()'s.
 */
#include <stdio.h>

#include "be.h"
#include "upf_bench.h"
#include "upf_compile.h"

#define SESSIONS 1000u
#define KINDS    3u /* 1, 16, 256 PDRs */

static const unsigned pdrs_of[KINDS] = {1, 16, 256};
static struct upf_tables made[2][KINDS]; /* by direction: downlink, uplink */

static uint32_t server_of(uint32_t i)
{
	return 0xcb007100u + (i / 100 << 8) + 1 + i % 100 * 7 % 250;
}

static uint16_t port_of(uint32_t i)
{
	static const uint16_t ports[] = {443, 80, 8080, 5060, 1935, 3478, 8443, 554};

	return (uint16_t)(ports[i % 8] + i / 64);
}

/* One PDR as asked for. */
struct asked {
	struct upf_pdr_obj pdr;
	struct upf_sdf_obj filter;
	char text[64];
};

static void link_pdr(struct upf_link *l, struct asked *a, uint32_t i, bool ul)
{
	uint32_t ip = server_of(i);

	snprintf(a->text, sizeof(a->text), "permit out ip from %u.%u.%u.%u/32 %u to assigned",
		 ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255, port_of(i));
	a->filter = (struct upf_sdf_obj){.has = 1u << SDF_FLOW_DESCRIPTION,
					 .flow_description = a->text};
	a->pdr.precedence = i;
	*l = (struct upf_link){.pdr = &a->pdr, .n_filters = 1, .filters = {&a->filter}, .dl = !ul};
	l->rec = (struct upf_pdr){.qfi_set = ul ? 1ull << UPF_BENCH_QFI : UPF_ANY_QFI,
				  .need = ul ? UPF_NEED_TUNNEL | UPF_NEED_QFI : UPF_NEED_PLAIN,
				  .in_vrf = ul ? UPF_BENCH_ACCESS : UPF_BENCH_CORE,
				  .action = UPF_FORW,
				  .flags = ul ? UPF_PDR_SPOOF : UPF_PDR_ENCAP | UPF_PDR_PSC,
				  .source_if = ul ? UPF_IF_ACCESS : UPF_IF_CORE,
				  .dest_if = ul ? UPF_IF_CORE : UPF_IF_ACCESS,
				  .out_qfi = UPF_BENCH_QFI,
				  .peer = ul ? 0 : 1,
				  .out_vrf = ul ? UPF_BENCH_CORE : UPF_BENCH_ACCESS};
}

/* The session's run behind line `at`. */
static unsigned put_session(struct upf_tables *t, struct upf_link *links, unsigned n, uint32_t s,
			    uint32_t at)
{
	struct upf_identity id = {.seid = s, .vrf = UPF_BENCH_CORE, .v4 = true};
	struct cst_err e;
	int lines;

	cst_put_be32(&id.ue_v4, 0x0a000000 + s);
	for (unsigned i = 0; i < n; i++) {
		links[i].rec.counter = s * n + i;
		links[i].rec.out_teid = s;
		if (!links[i].dl)
			links[i].rec.teid = upf_bench_teid(s);
	}
	lines = upf_compile(links, n, &id, (char *)t->lines + (size_t)at * 64, &e);
	t->teids[s] = upf_teid_slot(t, upf_bench_teid(s), UPF_REF(0, at), s * n / 4);
	t->pool_slots[s] = UPF_REF(0, at);
	return lines < 0 ? 0 : (unsigned)lines;
}

static const struct upf_tables *make(bool ul, unsigned kind)
{
	static struct upf_link links[UPF_MAX_PDRS];
	static struct asked asked[UPF_MAX_PDRS];
	struct upf_tables *t = &made[ul][kind];
	unsigned n = pdrs_of[kind];
	uint32_t at = 1;

	if (t->lines)
		return t;
	if (!upf_bench_tables(0))
		return NULL;
	*t = *upf_bench_tables(0);
	t->teids = upf_bench_memory(sizeof(struct upf_teid_slot) << (32 - t->teid_tag_bits));
	t->pool_slots = upf_bench_memory(4ull << 20);
	t->lines = upf_bench_memory((size_t)64 * (1 + SESSIONS * (3 * n + 1)));
	for (unsigned i = 0; i < n; i++)
		link_pdr(&links[i], &asked[i], i, ul);
	for (uint32_t s = 1; t->teids && t->pool_slots && t->lines && s <= SESSIONS; s++)
		at += put_session(t, links, n, s, at);
	if (at < SESSIONS)
		t->lines = NULL;
	return t->lines ? t : NULL;
}

static struct upf_bench_to pick(uint32_t pdrs)
{
	uint32_t i = upf_bench_some(pdrs);

	return (struct upf_bench_to){1 + upf_bench_some(SESSIONS), server_of(i), port_of(i)};
}

static void run(struct cst_bench *b, bool ul, unsigned kind)
{
	const struct upf_tables *t = make(ul, kind);

	if (t)
		upf_bench_run(b, ul, t, pick, pdrs_of[kind]);
	else
		cst_bench_fail(b, "no memory, or no room for the rules");
}

/* upf.DIRECTION.pdrN.1k */
#define BENCH(dir, n, kind)                        \
	static void dir##_##n(struct cst_bench *b) \
	{                                          \
		run(b, #dir[0] == 'u', kind);      \
	}                                          \
	CST_BENCH(dir##_##n, "upf." #dir ".pdr" #n ".1k", 1, 8, 32, 256)

BENCH(ul, 1, 0);
BENCH(ul, 16, 1);
BENCH(ul, 256, 2);
BENCH(dl, 1, 0);
BENCH(dl, 16, 1);
BENCH(dl, 256, 2);
