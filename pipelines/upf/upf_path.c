/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers need of each peer's path and do not look up themselves: how
 * large an outer packet may be. Kept fresh from the control thread, a few peers
 * at a time, since routes may change under a peer's feet.
 */

#include "module.h"
#include "net/fib.h"
#include "net/net.h"
#include "net/nexthop.h"
#include "upf_node.h"
#include "upf_tables.h"

#define PEERS_PER_TICK 4096

/* Of the way that a packet to the peer takes now; 0 while there is none. With several equal ways,
 * of one of them: they are expected to agree. */
static uint16_t path_mtu(const struct upf_peer *peer)
{
	const uint8_t *dst = peer->hdr + (peer->family == 4 ? 16 : 24);
	union cst_fib_entry fe;
	uint32_t nh, dst4;

	if (peer->family == 4) {
		__builtin_memcpy(&dst4, dst, 4);
		fe = cst_fib_lookup4(peer->vrf, dst4);
	} else {
		fe = cst_fib_lookup6(peer->vrf, dst);
	}
	if (fe.type == CST_FIB_CONNECTED) /* the neighbour may not be known yet, its link is */
		return cst_snap()->ifaces[fe.id % CST_MAX_IFACES].mtu;
	if (fe.type != CST_FIB_NEXTHOPS)
		return 0;
	nh = cst_fib_nexthop(fe, peer->family, dst, 0);
	return nh ? cst_nexthops[nh].mtu : 0;
}

void upf_path_refresh(struct upf_peer *peer)
{
	/* none known: what was known before is the better guess */
	uint16_t mtu = path_mtu(peer);

	if (mtu && mtu != peer->mtu)
		__atomic_store_n(&peer->mtu, mtu, __ATOMIC_RELAXED);
}

static void tick(uint64_t now_ms)
{
	static uint32_t next = 1;

	if (!upf_tables.peers)
		return;
	for (uint32_t i = 0; i < PEERS_PER_TICK; i++) {
		struct upf_peer *peer = &upf_tables.peers[next];

		next = next + 1 < UPF_MAX_PEERS ? next + 1 : 1;
		if (peer->family != 0)
			upf_path_refresh(peer);
	}
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	for (uint16_t i = 0; i < CST_MAX_WORKERS; i++)
		upf_worker[i] = (struct upf_worker){.ip_id = i, .ip_id_step = cst_workers()};
	return 0;
}

static struct cst_module upf_path_module = {
	.name = "upf_path", .order = 31, .start = start, .tick = tick};
CST_MODULE(upf_path_module);
