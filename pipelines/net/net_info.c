/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Figures of the packet machinery on the control socket: why packets were
 * dropped, what workers and nodes do, what memory is left.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>

#include "engine/engine.h"
#include "engine/node.h"
#include "engine/stats.h"
#include "engine/worker.h"
#include "module.h"
#include "now.h"
#include "rpc/rpc.h"
#include "slow/slow.h"
#include "table/arena.h"

#define BUSY_MS 1000 /* over which a worker's busy share is taken */

static uint64_t started_ms, sampled_ms;
static struct {
	uint64_t busy, idle; /* at the last sample */
	double percent;
} share[CST_MAX_WORKERS];

/* ---- drops ---------------------------------------------------------------------- */

static int drop_list(const void *params, json_t **result, struct cst_err *e)
{
	struct cst_worker_stats w[CST_MAX_WORKERS];
	json_t *items = json_array();
	struct cst_slow_stats slow;

	cst_slow_stats(&slow);
	for (uint16_t i = 0; i < cst_workers(); i++)
		cst_worker_stats(i, &w[i]);
	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next) {
		uint64_t n = slow.drops[d->id];

		for (uint16_t i = 0; i < cst_workers(); i++)
			n += w[i].drops[d->id];
		json_array_append_new(items, json_pack("{s:s, s:I, s:s}", "name", d->name,
						       "packets", (json_int_t)n, "help",
						       d->help != NULL ? d->help : ""));
	}
	*result = json_pack("{s:o}", "items", items);
	return 0;
}

static struct cst_method drop_method = {
	.name = "drop.list",
	.help = "every reason for which packets are dropped, and how many were",
	.call = drop_list,
};
CST_METHOD(drop_method);

/* ---- workers ----------------------------------------------------------------------- */

static uint64_t sum(const uint64_t *n)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < CST_MAX_DROPS; i++)
		all += n[i];
	return all;
}

static uint64_t microseconds(uint64_t cycles)
{
	uint64_t hz = rte_get_tsc_hz();

	return hz > 0 ? (uint64_t)((double)cycles * 1e6 / (double)hz) : 0;
}

static json_t *worker_item(uint16_t id)
{
	const struct cst_worker *w = cst_worker_get(id);
	struct cst_worker_stats s;
	char name[8];

	cst_worker_stats(id, &s);
	snprintf(name, sizeof(name), "%u", id);
	return json_pack("{s:s, s:i, s:f, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
			 "name", name, "cpu", rte_lcore_to_cpu_id(w->lcore), "busy_percent",
			 share[id].percent, "rx", (json_int_t)s.rx, "tx", (json_int_t)s.tx,
			 "injected", (json_int_t)s.injected, "consumed", (json_int_t)s.consumed,
			 "dropped", (json_int_t)sum(s.drops), "held",
			 (json_int_t)(rte_ring_count(w->inbox) + s.held), "handed_off",
			 (json_int_t)s.handed_off, "walks", (json_int_t)s.walks, "big_loops",
			 (json_int_t)s.big_loops, "big_loop_worst_us",
			 (json_int_t)microseconds(s.big_loop_worst));
}

static json_t *slow_item(void)
{
	struct cst_slow_stats s;

	cst_slow_stats(&s);
	return json_pack("{s:s, s:i, s:i, s:i, s:I, s:I, s:I}", "name", "slow", "rx", 0, "tx", 0,
			 "injected", 0, "consumed", (json_int_t)s.consumed, "dropped",
			 (json_int_t)sum(s.drops), "held", (json_int_t)s.held);
}

/* One item more than there are workers, so that over all items
 * rx + injected == tx + consumed + dropped + held. */
static int worker_list(const void *params, json_t **result, struct cst_err *e)
{
	json_t *items = json_array();

	for (uint16_t i = 0; i < cst_workers(); i++)
		json_array_append_new(items, worker_item(i));
	json_array_append_new(items, slow_item());
	*result = json_pack("{s:o}", "items", items);
	return 0;
}

static struct cst_method worker_method = {
	.name = "worker.list",
	.help = "the workers and the slow path: how busy they are and what they did with packets",
	.call = worker_list,
};
CST_METHOD(worker_method);

/* ---- nodes --------------------------------------------------------------------------- */

static int node_list(const void *params, json_t **result, struct cst_err *e)
{
	json_t *items = json_array(), *item;
	struct cst_node_stats s;

	for (unsigned i = 0; cst_node_stats(i, CST_ALL_WORKERS, &s); i++) {
		item = json_pack("{s:s, s:I, s:I, s:s}", "name", s.name, "calls",
				 (json_int_t)s.calls, "packets", (json_int_t)s.packets, "help",
				 s.help != NULL ? s.help : "");
		if (s.sampled_packets > 0)
			json_object_set_new(
				item, "cycles_per_packet",
				json_integer((json_int_t)(s.sampled_cycles / s.sampled_packets)));
		json_array_append_new(items, item);
	}
	*result = json_pack("{s:o}", "items", items);
	return 0;
}

static struct cst_method node_method = {
	.name = "node.list",
	.help = "the nodes that packets walk through; cycles_per_packet is sampled",
	.call = node_list,
};
CST_METHOD(node_method);

/* ---- the whole ------------------------------------------------------------------------ */

static json_t *slow_info(void)
{
	struct cst_slow_stats s;

	cst_slow_stats(&s);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "to_kernel",
			 (json_int_t)s.to_kernel, "from_kernel", (json_int_t)s.from_kernel,
			 "arp_requests", (json_int_t)s.arp_requests, "arp_replies",
			 (json_int_t)s.arp_replies, "nd_solicits", (json_int_t)s.nd_solicits,
			 "nd_adverts", (json_int_t)s.nd_adverts, "wakeups", (json_int_t)s.wakeups);
}

static json_t *arena_info(void)
{
	struct cst_arena_info a = {0};

	cst_arena_info(&a);
	return json_pack("{s:s, s:I, s:b, s:I}", "path", a.path, "bytes", (json_int_t)a.bytes,
			 "hugepages", a.huge, "generation", (json_int_t)a.generation);
}

static int system_info(const void *params, json_t **result, struct cst_err *e)
{
	struct rte_mempool *pool = cst_packet_pool();

	*result = json_pack("{s:s, s:I, s:i, s:I, s:I, s:o, s:o}", "version", COAST_VERSION,
			    "uptime_s", (json_int_t)((cst_now_ms() - started_ms) / 1000), "workers",
			    cst_workers(), "packet_buffers",
			    (json_int_t)(pool != NULL ? pool->size : 0), "packet_buffers_free",
			    (json_int_t)(pool != NULL ? rte_mempool_avail_count(pool) : 0), "arena",
			    arena_info(), "slow_path", slow_info());
	return *result != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "out of memory");
}

static struct cst_method system_method = {
	.name = "system.info",
	.help = "version, uptime, packet buffers, table memory, slow path",
	.call = system_info,
};
CST_METHOD(system_method);

/* ---- busy share ------------------------------------------------------------------------- */

static void tick(uint64_t now_ms)
{
	if (now_ms - sampled_ms < BUSY_MS)
		return;
	sampled_ms = now_ms;
	for (uint16_t i = 0; i < cst_workers(); i++) {
		struct cst_worker_stats s;
		uint64_t busy, idle;

		cst_worker_stats(i, &s);
		busy = s.cycles_busy - share[i].busy;
		idle = s.cycles_idle - share[i].idle;
		share[i].busy = s.cycles_busy;
		share[i].idle = s.cycles_idle;
		if (busy + idle > 0)
			share[i].percent = (double)(busy * 1000 / (busy + idle)) / 10;
	}
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	started_ms = cst_now_ms();
	memset(share, 0, sizeof(share));
	return 0;
}

static struct cst_module info_module = {
	.name = "net_info", .order = 30, .start = start, .tick = tick};
CST_MODULE(info_module);
