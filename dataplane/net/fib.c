/* SPDX-License-Identifier: BSD-3-Clause */
#include "hash.h"
#include "ip.h"
#include "module.h"
#include "net/fib.h"
#include "net/nexthop.h"

union cst_fib_entry cst_fib_lookup4(uint16_t vrf, uint32_t dst)
{
	return cst_snap_lookup4(cst_snap(), vrf, dst);
}

union cst_fib_entry cst_fib_lookup6(uint16_t vrf, const uint8_t dst[16])
{
	return cst_snap_lookup6(cst_snap(), vrf, dst);
}

bool cst_vrf_source(uint16_t vrf, uint8_t family, struct cst_ip *out)
{
	const struct cst_snap_vrf *v = &cst_snap()->vrfs[vrf % CST_MAX_VRFS];

	*out = family == 4 ? v->source4 : v->source6;
	return out->family != 0;
}

/* The path the hash points at, or the next one after it that is not known to be dead. */
static uint32_t choose(const struct cst_snap_group *g, uint32_t hash)
{
	uint32_t first = g->n > 1 ? cst_hash_reduce(hash, g->n) : 0;

	for (uint32_t i = 0, at = first; i < g->n; i++) {
		uint64_t word = cst_nexthop_word(&cst_nexthops[g->nexthop[at]]);

		if (cst_nexthop_state(word) != CST_NH_FAILED)
			return g->nexthop[at];
		at = at + 1 < g->n ? at + 1 : 0;
	}
	return g->nexthop[first];
}

uint32_t cst_fib_nexthop(union cst_fib_entry fe, uint8_t family, const void *dst, uint32_t hash)
{
	return cst_snap_nexthop(cst_snap(), fe, family, dst, hash);
}

uint32_t cst_snap_nexthop(const struct cst_snap *s, union cst_fib_entry fe, uint8_t family,
			  const void *dst, uint32_t hash)
{
	struct cst_ip ip = {.family = 6};
	uint32_t dst4;

	if (fe.type == CST_FIB_NEXTHOPS)
		return fe.id < s->n_groups ? choose(&s->groups[fe.id], hash) : 0;
	if (fe.type != CST_FIB_CONNECTED)
		return 0;
	if (family == 4) {
		__builtin_memcpy(&dst4, dst, 4);
		return cst_nexthop_find4((uint16_t)fe.id, dst4);
	}
	__builtin_memcpy(ip.b, dst, 16);
	return cst_nexthop_find((uint16_t)fe.id, &ip);
}

/* ---- module ----------------------------------------------------------------- */

static int net_start(const struct cst_system *sys, struct cst_err *e)
{
	return cst_nexthops_init(e);
}

static void net_tick(uint64_t now_ms)
{
	static uint64_t next_ms;

	if (now_ms < next_ms)
		return;
	next_ms = now_ms + 500;
	cst_net_refresh();
}

static struct cst_module net_module = {
	.name = "net",
	.order = 20,
	.start = net_start,
	.tick = net_tick,
	.stop = cst_net_fini,
};
CST_MODULE(net_module);
