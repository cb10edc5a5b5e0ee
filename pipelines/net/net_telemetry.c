/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * coast's figures on DPDK's own telemetry socket, beside what its libraries and
 * drivers have there (/ethdev/stats, /mempool/info, ...). The callbacks run in
 * DPDK's threads: they read what any thread may read and nothing else.
 */
#include <ctype.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_ring.h>
#include <rte_telemetry.h>

#include "engine/node.h"
#include "engine/stats.h"
#include "engine/worker.h"
#include "module.h"
#include "slow/slow.h"

/* Names there have letters, digits, '_' and '/'. */
static const char *plain(const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s", name);
	for (char *c = buf; *c != '\0'; c++)
		if (*c == '.')
			*c = '/';
		else if (!isalnum((unsigned char)*c) && *c != '_')
			*c = '_';
	return buf;
}

/* ---- drops: those that there were ------------------------------------------------------ */

static uint64_t drops_of(const struct cst_drop *d, const struct cst_slow_stats *slow)
{
	uint64_t n = slow->drops[d->id];

	for (uint16_t i = 0; i < cst_workers(); i++)
		n += cst_worker_get(i)->stats.drops[d->id];
	return n;
}

static int drops(const char *cmd, const char *params, struct rte_tel_data *data)
{
	struct cst_slow_stats slow;
	char name[64];

	cst_slow_stats(&slow);
	rte_tel_data_start_dict(data);
	for (const struct cst_drop *d = cst_drop_first(); d != NULL; d = d->next)
		rte_tel_data_add_dict_u64(data, plain(d->name, name, sizeof(name)),
					  drops_of(d, &slow));
	return 0;
}

/* ---- workers ----------------------------------------------------------------------------- */

static uint64_t sum(const uint64_t *n)
{
	uint64_t all = 0;

	for (unsigned i = 0; i < CST_MAX_DROPS; i++)
		all += n[i];
	return all;
}

static int workers(const char *cmd, const char *params, struct rte_tel_data *data)
{
	rte_tel_data_start_array(data, RTE_TEL_INT_VAL);
	for (uint16_t i = 0; i < cst_workers(); i++)
		rte_tel_data_add_array_int(data, i);
	return 0;
}

/* The number behind the comma. */
static long number(const char *params, long end)
{
	char *rest;
	long n;

	if (params == NULL || !isdigit((unsigned char)*params))
		return -1;
	n = strtol(params, &rest, 10);
	return *rest == '\0' && n < end ? n : -1;
}

static int worker(const char *cmd, const char *params, struct rte_tel_data *data)
{
	long id = number(params, cst_workers());
	const struct cst_worker *w;
	struct cst_worker_stats s;

	if (id < 0)
		return -1;
	w = cst_worker_get((uint16_t)id);
	cst_worker_stats((uint16_t)id, &s);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "worker", (uint64_t)id);
	rte_tel_data_add_dict_u64(data, "lcore", w->lcore);
	rte_tel_data_add_dict_u64(data, "cpu", (uint64_t)rte_lcore_to_cpu_id(w->lcore));
	rte_tel_data_add_dict_u64(data, "rx", s.rx);
	rte_tel_data_add_dict_u64(data, "tx", s.tx);
	rte_tel_data_add_dict_u64(data, "injected", s.injected);
	rte_tel_data_add_dict_u64(data, "consumed", s.consumed);
	rte_tel_data_add_dict_u64(data, "dropped", sum(s.drops));
	rte_tel_data_add_dict_u64(data, "held", rte_ring_count(w->inbox) + s.held);
	rte_tel_data_add_dict_u64(data, "handed_off", s.handed_off);
	rte_tel_data_add_dict_u64(data, "walks", s.walks);
	rte_tel_data_add_dict_u64(data, "big_loops", s.big_loops);
	rte_tel_data_add_dict_u64(data, "busy_cycles", s.cycles_busy);
	rte_tel_data_add_dict_u64(data, "idle_cycles", s.cycles_idle);
	rte_tel_data_add_dict_u64(data, "cycles_per_second", rte_get_tsc_hz());
	return 0;
}

/* ---- nodes -------------------------------------------------------------------------------- */

static int nodes(const char *cmd, const char *params, struct rte_tel_data *data)
{
	struct cst_node_stats s;
	char name[64];

	rte_tel_data_start_dict(data);
	for (unsigned i = 0; cst_node_stats(i, CST_ALL_WORKERS, &s); i++)
		rte_tel_data_add_dict_u64(data, plain(s.name, name, sizeof(name)), s.packets);
	return 0;
}

static int node(const char *cmd, const char *params, struct rte_tel_data *data)
{
	struct cst_node_stats s;
	char name[64];

	for (unsigned i = 0; params != NULL && cst_node_stats(i, CST_ALL_WORKERS, &s); i++) {
		if (strcmp(s.name, params) != 0 &&
		    strcmp(plain(s.name, name, sizeof(name)), params) != 0)
			continue;
		rte_tel_data_start_dict(data);
		rte_tel_data_add_dict_string(data, "node", s.name);
		rte_tel_data_add_dict_u64(data, "calls", s.calls);
		rte_tel_data_add_dict_u64(data, "packets", s.packets);
		rte_tel_data_add_dict_u64(data, "sampled_packets", s.sampled_packets);
		rte_tel_data_add_dict_u64(data, "sampled_cycles", s.sampled_cycles);
		return 0;
	}
	return -1;
}

/* ---- the commands ------------------------------------------------------------------------- */

static const struct {
	const char *name;
	telemetry_cb call;
	const char *help;
} commands[] = {
	{"/coast/drops", drops, "Packets dropped, by reason. Takes no parameters"},
	{"/coast/workers", workers, "The workers' numbers. Takes no parameters"},
	{"/coast/worker", worker, "What a worker did. Parameters: its number"},
	{"/coast/nodes", nodes, "Packets by node. Takes no parameters"},
	{"/coast/node", node, "What a node did. Parameters: its name"},
};

/* DPDK asks until EAL ends, which is after the workers are gone. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bool live;

static int answer(const char *cmd, const char *params, struct rte_tel_data *data)
{
	int ret = -1;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; live && i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(commands[i].name, cmd) == 0)
			ret = commands[i].call(cmd, params, data);
	pthread_mutex_unlock(&lock);
	return ret;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	pthread_mutex_lock(&lock);
	live = true;
	pthread_mutex_unlock(&lock);
	/* known already after a stop and another start in one process: that is no error */
	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		rte_telemetry_register_cmd(commands[i].name, answer, commands[i].help);
	return 0;
}

static void stop(void)
{
	pthread_mutex_lock(&lock);
	live = false;
	pthread_mutex_unlock(&lock);
}

static struct cst_module telemetry_module = {
	.name = "net_telemetry", .order = 30, .start = start, .stop = stop};
CST_MODULE(telemetry_module);
