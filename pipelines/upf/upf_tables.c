/* SPDX-License-Identifier: BSD-3-Clause */
/* The sections' sizes, and the look-ups that are not inline. */
#include "upf_tables.h"

#include <errno.h>
#include <string.h>

#include <rte_common.h>

#include "log.h"
#include "module.h"
#include "upf_attach.h"
#include "upf_books.h"
#include "upf_buffer.h"
#include "upf_framed.h"
#include "upf_redundant_flow.h"
#include "upf_stray.h"
#include "upf_inactivity.h"
#include "upf_urr.h"

struct upf_tables upf_tables;
struct upf_stray_table upf_strays;

static struct cst_section lines = {.name = "upf.lines", .elem_size = 64};
static struct cst_section counts = {.name = "upf.counts", .elem_size = 64};
static struct cst_section teids = {.name = "upf.teids", .elem_size = sizeof(struct upf_teid_slot)};
static struct cst_section slots = {.name = "upf.pool_slots", .elem_size = sizeof(uint32_t)};
static struct cst_section peers = {
	.name = "upf.peers", .elem_size = sizeof(struct upf_peer), .count = UPF_MAX_PEERS};
static struct cst_section pools = {
	.name = "upf.pools", .elem_size = sizeof(struct upf_pool), .count = UPF_MAX_POOLS};
static struct cst_section meters = {.name = "upf.meters", .elem_size = sizeof(struct upf_meter)};
static struct cst_section usages = {.name = "upf.usages", .elem_size = sizeof(struct upf_usage)};
static struct cst_section limits = {.name = "upf.limits", .elem_size = sizeof(struct upf_limit)};
static struct cst_section urrs = {.name = "upf.urrs", .elem_size = sizeof(struct upf_urr)};
static struct cst_section settling = {
	.name = "upf.settling", .elem_size = sizeof(struct upf_settling), .count = 1};
static struct cst_section monitors = {.name = "upf.monitors",
				      .elem_size = sizeof(struct upf_monitor)};
static struct cst_section strays = {.name = "upf.strays", .elem_size = sizeof(struct upf_stray)};
static struct cst_section sums = {.name = "upf.sums", .elem_size = sizeof(uint32_t)};
static struct cst_section framed = {.name = "upf.framed", .elem_size = sizeof(uint32_t)};
static struct cst_section *const sections[] = {&lines,  &sums,  &counts,   &teids,  &slots,
					       &peers,  &pools, &strays,   &meters, &usages,
					       &limits, &urrs,  &settling, &framed, &monitors};
static struct upf_capacity capacity;

/* The smallest power of two not below n. */
static unsigned log2_up(uint64_t n)
{
	unsigned bits = 0;

	while (((uint64_t)1 << bits) < n)
		bits++;
	return bits;
}

static int reserve(const struct cst_system *sys, struct cst_err *e)
{
	uint64_t s = sys->max_sessions;
	uint64_t p = sys->max_pdrs > s ? sys->max_pdrs : s;
	/* Line 0, a line for each session and each PDR, of which a run has two at least; a quarter
	 * more for filters, another one for sieves; room for both runs of sessions that are being
	 * changed. */
	uint64_t n_lines = 1 + s + (p > 2 * s ? p : 2 * s) + p / 2 + 2 * UPF_MAX_RUN;
	/* Three PDRs' counts stand in a session's first line, four in each more. */
	uint64_t n_states = 1 + s + (p > 3 * s ? (p - 2 * s) / 4 : s / 8) + 64;

	if (n_lines > UPF_REF_LINE(UINT32_MAX) || n_states * 4 > UINT32_MAX)
		return cst_err(e, -E2BIG, "system.max_pdrs",
			       "max_sessions and 1.5 times max_pdrs together must be below %u",
			       UPF_REF_LINE(UINT32_MAX));
	/* Most sessions have one F-TEID, some control planes ask for a second one. */
	capacity.teid_bits = log2_up(2 * s < 128 ? 128 : 2 * s);
	capacity.sessions = sys->max_sessions;
	capacity.lines = (uint32_t)n_lines;
	capacity.states = (uint32_t)n_states;
	capacity.slots = sys->max_addresses;
	/* By default two QERs with limits and one URR for each session. */
	capacity.parts[UPF_PART_METER] = (uint32_t)(p / 2 + 16);
	capacity.parts[UPF_PART_USAGE] = (uint32_t)(p / 4 + 16);
	capacity.parts[UPF_PART_QUEUE] = sys->max_sessions;
	capacity.parts[UPF_PART_MONITOR] = (uint32_t)(p / 16 + 16);
	capacity.parts[UPF_PART_HELD] = sys->max_sessions;
	capacity.parts[UPF_PART_FLOW] = (uint32_t)(p / 4 + 16);
	capacity.parts[UPF_PART_FRAMED] =
		p / 16 + 16 < UPF_MAX_FRAMED ? (uint32_t)(p / 16 + 16) : UPF_MAX_FRAMED;
	framed.count = (uint64_t)capacity.parts[UPF_PART_FRAMED] + 1;
	meters.count = capacity.parts[UPF_PART_METER] + 1;
	monitors.count = capacity.parts[UPF_PART_MONITOR] + 1;
	urrs.count = usages.count = limits.count = capacity.parts[UPF_PART_USAGE] + 1;
	sums.count = lines.count = n_lines;
	counts.count = n_states;
	teids.count = (uint64_t)1 << capacity.teid_bits;
	slots.count = (uint64_t)sys->max_addresses + 1;
	strays.count = (uint64_t)1 << log2_up(2 * s < 1024 ? 1024 : 2 * s);
	for (unsigned i = 0; i < RTE_DIM(sections); i++)
		cst_arena_add(sections[i]);
	return 0;
}

/* What is in the sections cannot be gone on with. */
static int start_afresh(struct cst_err *e)
{
	upf_attach_close();
	upf_books_close();
	for (unsigned i = 0; i < RTE_DIM(sections); i++)
		memset(sections[i]->base, 0, sections[i]->count * sections[i]->elem_size);
	upf_stray_init(&upf_strays, strays.base, (uint32_t)strays.count, cst_arena_salt());
	return upf_books_open(&capacity, e);
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	struct cst_arena_info arena;
	struct cst_err why;
	int rc;

	(void)sys;
	upf_tables.lines = lines.base;
	upf_tables.sums = sums.base;
	upf_tables.counts = counts.base;
	upf_tables.teids = teids.base;
	upf_tables.pool_slots = slots.base;
	upf_tables.peers = peers.base;
	upf_tables.pools = pools.base;
	upf_tables.meters = meters.base;
	upf_tables.usages = usages.base;
	upf_tables.limits = limits.base;
	upf_tables.settling = settling.base;
	upf_tables.framed = framed.base;
	upf_tables.n_framed = (uint32_t)framed.count;
	upf_tables.monitors = monitors.base;
	upf_tables.teid_tag_bits = (uint8_t)(32 - capacity.teid_bits);
	upf_stray_init(&upf_strays, strays.base, (uint32_t)strays.count, cst_arena_salt());
	if (upf_queues_open(capacity.parts[UPF_PART_QUEUE], e) < 0)
		return -ENOMEM;
	if (upf_flows_open(capacity.parts[UPF_PART_FLOW], e) < 0)
		return -ENOMEM;
	if (upf_urr_open(urrs.base, capacity.parts[UPF_PART_USAGE], e) < 0)
		return -ENOMEM;
	if (upf_inactivity_open(capacity.states, e) < 0)
		return -ENOMEM;
	rc = upf_books_open(&capacity, e);
	if (rc < 0)
		return rc;
	cst_arena_info(&arena);
	if (!arena.attached || upf_attach_begin(&why) == 0)
		return 0;
	LOG_ERR("%s: sessions get new ones", why.reason);
	return start_afresh(e);
}

static void stop(void)
{
	upf_attach_close();
	upf_books_close();
	upf_urr_close();
	upf_inactivity_close();
	upf_queues_close();
	upf_flows_close();
	upf_tables = (struct upf_tables){0};
}

struct cst_module upf_tables_module = {
	.name = "upf.tables", .order = 25, .reserve = reserve, .start = start, .stop = stop};
CST_MODULE(upf_tables_module);

uint32_t upf_stray_teid(uint16_t vrf, uint32_t teid)
{
	return upf_stray_find(&upf_strays, UPF_STRAY_TEID(vrf), teid);
}

uint32_t upf_stray_addr(uint16_t vrf, const struct cst_ip *ip)
{
	uint32_t kind = ip->family == 4 ? UPF_STRAY_V4(vrf) : UPF_STRAY_V6(vrf);

	return upf_stray_find(&upf_strays, kind, upf_stray_key(ip));
}
