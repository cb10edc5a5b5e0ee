/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packet memory: one pool of buffers, each with struct cst_pkt beside it.
 */
#include <errno.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <rte_memzone.h>

#include "engine/engine.h"
#include "engine/internal.h"

#define CACHE 256 /* buffers that each lcore keeps to itself */

static struct rte_mempool *pool;

struct rte_mempool *cst_packet_pool(void)
{
	return pool;
}

static uint32_t elem_size(const struct cst_system *sys)
{
	return sizeof(struct rte_mbuf) + sizeof(struct cst_pkt) + RTE_PKTMBUF_HEADROOM +
	       sys->buffer_size;
}

uint64_t cst_pool_bytes(const struct cst_system *sys)
{
	return (uint64_t)sys->packet_buffers * rte_mempool_calc_obj_size(elem_size(sys), 0, NULL);
}

static void free_zone(struct rte_mempool_memhdr *hdr, void *zone)
{
	rte_memzone_free(zone);
}

/* All buffers in one piece without gaps. By itself the pool lets no buffer cross a page, which
 * wastes nearly half of ordinary pages and makes holes in what AF_XDP maps; where device addresses
 * are virtual ones there is no need to. */
static int populate_dense(struct rte_mempool *mp)
{
	size_t len = (size_t)mp->size * (mp->header_size + mp->elt_size + mp->trailer_size) +
		     RTE_CACHE_LINE_SIZE;
	const struct rte_memzone *zone;
	int ret;

	zone = rte_memzone_reserve_aligned("packets", len, SOCKET_ID_ANY,
					   RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY,
					   RTE_CACHE_LINE_SIZE);
	if (zone == NULL)
		return -rte_errno;
	ret = rte_mempool_populate_iova(mp, zone->addr, zone->iova, zone->len, free_zone,
					(void *)(uintptr_t)zone);
	if (ret < 0)
		rte_memzone_free(zone);
	return ret;
}

static int populate(struct rte_mempool *mp)
{
	int ret = rte_eal_iova_mode() == RTE_IOVA_VA ? populate_dense(mp) : -ENOTSUP;

	return ret < 0 ? rte_mempool_populate_default(mp) : ret;
}

static int create(const struct cst_system *sys)
{
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = (uint16_t)(RTE_PKTMBUF_HEADROOM + sys->buffer_size),
		.mbuf_priv_size = sizeof(struct cst_pkt),
	};
	int ret;

	pool = rte_mempool_create_empty("packets", sys->packet_buffers, elem_size(sys), CACHE,
					sizeof(priv), SOCKET_ID_ANY, 0);
	if (pool == NULL)
		return -rte_errno;
	ret = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (ret < 0)
		return ret;
	rte_pktmbuf_pool_init(pool, &priv);
	ret = populate(pool);
	if (ret < 0)
		return ret;
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	return 0;
}

int cst_pool_create(const struct cst_system *sys, struct cst_err *e)
{
	int ret;

	if (sys->buffer_size > UINT16_MAX - RTE_PKTMBUF_HEADROOM)
		return cst_err(e, -ERANGE, "system.buffer_size", "at most %u",
			       UINT16_MAX - RTE_PKTMBUF_HEADROOM);
	if (sys->packet_buffers < 4 * CACHE)
		return cst_err(e, -ERANGE, "system.packet_buffers", "at least %u", 4 * CACHE);
	ret = create(sys);
	if (ret == 0)
		return 0;
	cst_pool_destroy();
	return cst_err(e, ret, "system.packet_buffers",
		       "%u buffers of %u bytes do not fit (%s): %llu MB in one piece are wanted",
		       sys->packet_buffers, sys->buffer_size, rte_strerror(-ret),
		       (unsigned long long)cst_pool_bytes(sys) >> 20);
}

void cst_pool_destroy(void)
{
	rte_mempool_free(pool);
	pool = NULL;
}
