/* SPDX-License-Identifier: BSD-3-Clause */
/* Sums of streams and paths on DPDK's own telemetry socket, as /coast/prer. */
#include <rte_telemetry.h>

#include "module.h"
#include "prer_watch.h"

/* In DPDK's threads, until EAL ends. */
static int totals(const char *cmd, const char *params, struct rte_tel_data *data)
{
	struct prer_watch_totals t;

	prer_watch_get_totals(&t);
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "streams", t.streams);
	rte_tel_data_add_dict_u64(data, "streams_active", t.active);
	rte_tel_data_add_dict_u64(data, "streams_history_too_small", t.too_small);
	rte_tel_data_add_dict_u64(data, "streams_stuck", t.stuck);
	rte_tel_data_add_dict_u64(data, "paths_up", t.paths[PRER_UP]);
	rte_tel_data_add_dict_u64(data, "paths_degraded", t.paths[PRER_DEGRADED]);
	rte_tel_data_add_dict_u64(data, "paths_down", t.paths[PRER_DOWN]);
	rte_tel_data_add_dict_u64(data, "generated", t.generated);
	rte_tel_data_add_dict_u64(data, "encode_errored", t.encode_errored);
	rte_tel_data_add_dict_u64(data, "passed", t.passed);
	rte_tel_data_add_dict_u64(data, "discarded", t.discarded);
	rte_tel_data_add_dict_u64(data, "rogue", t.rogue);
	rte_tel_data_add_dict_u64(data, "out_of_order", t.out_of_order);
	rte_tel_data_add_dict_u64(data, "lost", t.lost);
	rte_tel_data_add_dict_u64(data, "lost_guarded", t.lost_guarded);
	rte_tel_data_add_dict_u64(data, "tagless", t.tagless);
	return 0;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	/* known already after a stop and another start in one process: that is no error */
	rte_telemetry_register_cmd("/coast/prer", totals,
				   "Streams and paths, all together. Takes no parameters");
	return 0;
}

static struct cst_module prer_telemetry_module = {
	.name = "prer_telemetry", .order = 32, .start = start};
CST_MODULE(prer_telemetry_module);
