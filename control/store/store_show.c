/* SPDX-License-Identifier: BSD-3-Clause */
/* The store as seen from the control socket. */
#include "rpc/rpc.h"
#include "store/store_int.h"

static int show(const void *params, json_t **result, struct cst_err *e)
{
	struct cst_store_state s;
	json_t *entries = json_object();

	cst_store_state(&s);
	for (unsigned i = 0; i < CST_DBS; i++)
		json_object_set_new(entries, store_db_names[i],
				    json_integer((json_int_t)s.entries[i]));
	*result =
		json_pack("{s:b, s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:I}", "open",
			  cst_store_is_open(), "path", s.path, "batches", (json_int_t)s.batches,
			  "synced", (json_int_t)s.synced, "carried", (json_int_t)s.carried,
			  "entries", entries, "log_bytes", (json_int_t)s.log_bytes, "db_bytes",
			  (json_int_t)s.db_bytes, "free_bytes", (json_int_t)s.free_bytes, "syncs",
			  (json_int_t)s.syncs, "sync_us_max", (json_int_t)s.sync_us_max,
			  "sync_us_mean", (json_int_t)(s.syncs > 0 ? s.sync_us_sum / s.syncs : 0));
	if (s.error[0] != '\0')
		json_object_set_new(*result, "error", json_string(s.error));
	return 0;
}

static struct cst_method show_method = {
	.name = "store.show",
	.help = "where the store is, how far it is on disk, how long syncs take, what is wrong",
	.call = show,
};
CST_METHOD(show_method);
