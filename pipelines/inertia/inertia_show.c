/* SPDX-License-Identifier: BSD-3-Clause */
/* The whole at a glance, on the control socket and on DPDK's telemetry socket. */
#include <errno.h>
#include <stdatomic.h>

#include <rte_telemetry.h>

#include "inertia_tick.h"
#include "journal.h"
#include "module.h"
#include "rpc/rpc.h"

#define SHOW_MS 1000 /* from one figure on the telemetry socket to the next */

/* ---- inertia.show -------------------------------------------------------- */

static json_t *all_of(const struct cst_class *c)
{
	struct cst_page page = {.limit = UINT32_MAX, .items = json_array()};

	c->list(&page, NULL);
	return page.items;
}

static json_t *journal(void)
{
	struct cst_journal_info i = {0};

	cst_journal_info(-1, &i);
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "entries", (json_int_t)i.entries,
			 "bytes", (json_int_t)i.bytes, "oldest_ms", (json_int_t)i.oldest_ms,
			 "merged", (json_int_t)i.merged, "exported", (json_int_t)i.exported,
			 "acknowledged", (json_int_t)i.acknowledged, "lost", (json_int_t)i.lost);
}

static json_t *control(void)
{
	struct inertia_stalls s;

	inertia_stalls(&s);
	return json_pack("{s:I, s:I, s:I}", "stalls", (json_int_t)s.count, "last_ms",
			 (json_int_t)s.last_ms, "longest_ms", (json_int_t)s.longest_ms);
}

static int inertia_show(const void *params, json_t **result, struct cst_err *e)
{
	*result =
		json_pack("{s:o, s:o, s:o, s:o}", "owners", all_of(&inertia_owner_class), "classes",
			  all_of(&inertia_class_class), "journal", journal(), "control", control());
	return *result != NULL ? 0 : cst_err(e, -ENOMEM, NULL, "out of memory");
}

static struct cst_method show_method = {
	.name = "inertia.show",
	.help = "owners with their states and sessions, classes, what the journal holds, and how "
		"often the control thread stood still",
	.call = inertia_show,
};
CST_METHOD(show_method);

/* ---- telemetry: written by the control thread, read by DPDK's ------------ */

static const char *const names[] = {"owners_connected",   "owners_inertial", "owners_reconciling",
				    "sessions_owned",     "sessions_stale",  "sessions_local",
				    "notifications_owed", "longest_lost_ms", "least_lease_ms",
				    "journal_entries",    "journal_bytes",   "journal_oldest_ms",
				    "control_stalls"};

enum {
	CONNECTED,
	OWNED = 3,
	STALE,
	LOCAL,
	OWED,
	LOST,
	LEASE, /* what is left of it; 0: nobody has one */
	JOURNAL,
	JOURNAL_BYTES,
	JOURNAL_AGE,
	STALLS,
	FIGURES
};
_Static_assert(sizeof(names) / sizeof(*names) == FIGURES, "names");

static _Atomic uint64_t figures[FIGURES];

static void gather_owner(const struct keep_owner *o, uint64_t out[FIGURES])
{
	uint64_t lost_ms = inertia_lost_ms(&o->core);
	struct cst_owned_counts n;

	keep_counts(keep_number(o), &n);
	out[CONNECTED + o->core.state - CST_OWNER_CONNECTED]++;
	out[OWNED] += n.all;
	out[STALE] += n.stale;
	out[LOCAL] += n.local;
	out[OWED] += n.owed;
	if (lost_ms > out[LOST])
		out[LOST] = lost_ms;
	if (inertia_lives(&o->core) && (out[LEASE] == 0 || o->core.left_ms < out[LEASE]))
		out[LEASE] = o->core.left_ms;
}

static void gather(uint64_t out[FIGURES])
{
	struct cst_journal_info journal_info = {0};
	struct inertia_stalls s;

	for (unsigned i = 1; i < CST_OWNERS; i++) {
		const struct keep_owner *o = keep_get(i);

		if (o != NULL && o->core.state != CST_OWNER_NONE)
			gather_owner(o, out);
	}
	cst_journal_info(-1, &journal_info);
	out[JOURNAL] = journal_info.entries;
	out[JOURNAL_BYTES] = journal_info.bytes;
	out[JOURNAL_AGE] = journal_info.oldest_ms;
	inertia_stalls(&s);
	out[STALLS] = s.count;
}

static void tick(uint64_t now_ms)
{
	static uint64_t shown_ms;
	uint64_t now[FIGURES] = {0};

	if (now_ms - shown_ms < SHOW_MS)
		return;
	shown_ms = now_ms;
	gather(now);
	for (unsigned i = 0; i < FIGURES; i++)
		atomic_store_explicit(&figures[i], now[i], memory_order_relaxed);
}

static int tell(const char *cmd, const char *params, struct rte_tel_data *data)
{
	rte_tel_data_start_dict(data);
	for (unsigned i = 0; i < FIGURES; i++)
		rte_tel_data_add_dict_u64(data, names[i],
					  atomic_load_explicit(&figures[i], memory_order_relaxed));
	return 0;
}

static int start(const struct cst_system *sys, struct cst_err *e)
{
	rte_telemetry_register_cmd("/coast/inertia", tell,
				   "Owners, their sessions, the journal. Takes no parameters");
	return 0;
}

static struct cst_module show_module = {
	.name = "inertia_show", .order = 31, .start = start, .tick = tick};
CST_MODULE(show_module);
