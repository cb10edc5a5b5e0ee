/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers need of each routed path and do not look up themselves: how
 * large an outer packet may be. Kept fresh from the control thread, since routes
 * may change under a path's feet.
 */
#include "prer_dcw.h"

#include "module.h"
#include "net/fib.h"
#include "net/net.h"
#include "net/nexthop.h"

#define PATHS_PER_TICK 4096

struct prer_dcw_id prer_dcw_id[CST_MAX_WORKERS];

/* Of the way that a packet to the far end takes now; 0 while there is none. With several equal
 * ways, of one of them: they are expected to agree. */
static uint16_t mtu_of(const struct prer_path *p)
{
	union cst_fib_entry fe;
	uint32_t nh, dst4;

	if (p->family == 4) {
		__builtin_memcpy(&dst4, p->remote, 4);
		fe = cst_fib_lookup4(p->vrf, dst4);
	} else {
		fe = cst_fib_lookup6(p->vrf, p->remote);
	}
	if (fe.type == CST_FIB_CONNECTED) /* the neighbour may not be known yet, its link is */
		return cst_snap()->ifaces[fe.id % CST_MAX_IFACES].mtu;
	if (fe.type != CST_FIB_NEXTHOPS)
		return 0;
	nh = cst_fib_nexthop(fe, p->family, p->remote, 0);
	return nh ? cst_nexthops[nh].mtu : 0;
}

void prer_dcw_path_refresh(struct prer_path *p)
{
	/* none known: what was known before is the better guess */
	uint16_t mtu = mtu_of(p);

	if (mtu && mtu != p->mtu)
		__atomic_store_n(&p->mtu, mtu, __ATOMIC_RELAXED);
}

static void tick(uint64_t now_ms)
{
	static uint32_t next;

	for (uint32_t i = 0; i < PATHS_PER_TICK && i < prer_tables.paths; i++) {
		struct prer_path *p;

		next = next + 1 < prer_tables.paths ? next + 1 : 0;
		p = &prer_tables.path[next];
		if (p->encap == PRER_DCW && p->family != 0)
			prer_dcw_path_refresh(p);
	}
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	for (uint16_t i = 0; i < CST_MAX_WORKERS; i++)
		prer_dcw_id[i] = (struct prer_dcw_id){.next = i, .step = cst_workers()};
	return 0;
}

static struct cst_module prer_dcw_module = {
	.name = "prer_dcw", .order = 31, .start = start, .tick = tick};
CST_MODULE(prer_dcw_module);
