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

/* All buffers in one piece. */
static int populate_dense(struct rte_mempool *mp)
{
	size_t len = (size_t)mp->size * (mp->header_size + mp->elt_size + mp->trailer_size) +
		     RTE_CACHE_LINE_SIZE;
	const struct rte_memzone *zone;
	int n;

	zone = rte_memzone_reserve_aligned("packets", len, SOCKET_ID_ANY,
					   RTE_MEMZONE_1GB | RTE_MEMZONE_SIZE_HINT_ONLY,
					   RTE_CACHE_LINE_SIZE);
	if (zone == NULL)
		return -rte_errno;
	n = rte_mempool_populate_iova(mp, zone->addr, zone->iova, zone->len, free_zone,
				      (void *)(uintptr_t)zone);
	if (n <= 0)
		rte_memzone_free(zone);
	return n;
}

/* The pool with all its buffers, or a negative errno and none. */
static int create(const struct cst_system *sys, bool dense)
{
	struct rte_pktmbuf_pool_private priv = {
		.mbuf_data_room_size = (uint16_t)(RTE_PKTMBUF_HEADROOM + sys->buffer_size),
		.mbuf_priv_size = sizeof(struct cst_pkt),
	};
	int n;

	pool = rte_mempool_create_empty("packets", sys->packet_buffers, elem_size(sys), CACHE,
					sizeof(priv), SOCKET_ID_ANY,
					dense ? RTE_MEMPOOL_F_NO_IOVA_CONTIG : 0);
	if (pool == NULL)
		return -rte_errno;
	n = rte_mempool_set_ops_byname(pool, rte_mbuf_best_mempool_ops(), NULL);
	if (n == 0) {
		rte_pktmbuf_pool_init(pool, &priv);
		n = dense ? populate_dense(pool) : rte_mempool_populate_default(pool);
	}
	if (n == (int)sys->packet_buffers) {
		rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
		return 0;
	}
	cst_pool_destroy();
	return n < 0 ? n : -ENOMEM;
}

int cst_pool_create(const struct cst_system *sys, struct cst_err *e)
{
	int ret;

	if (sys->buffer_size > UINT16_MAX - RTE_PKTMBUF_HEADROOM)
		return cst_err(e, -ERANGE, "system.buffer_size", "at most %u",
			       UINT16_MAX - RTE_PKTMBUF_HEADROOM);
	if (sys->packet_buffers < 4 * CACHE)
		return cst_err(e, -ERANGE, "system.packet_buffers", "at least %u", 4 * CACHE);
	/* Without this flag no buffer crosses a page, which wastes nearly half of ordinary pages
	 * and makes holes in what AF_XDP maps. It is not needed where device addresses are virtual
	 * ones: what is in one piece for us is so for the device. */
	ret = rte_eal_iova_mode() == RTE_IOVA_VA ? create(sys, true) : -ENOTSUP;
	if (ret < 0)
		ret = create(sys, false);
	if (ret == 0)
		return 0;
	return cst_err(e, ret, "system.packet_buffers",
		       "%u buffers of %u bytes do not fit (%s): %llu MB are wanted",
		       sys->packet_buffers, sys->buffer_size, rte_strerror(-ret),
		       (unsigned long long)cst_pool_bytes(sys) >> 20);
}

void cst_pool_destroy(void)
{
	rte_mempool_free(pool);
	pool = NULL;
}
