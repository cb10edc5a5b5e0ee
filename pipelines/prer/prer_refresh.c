/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Ports and sessions come and go without a word to streams: now and then it is
 * seen whether each still is what records say, and those that differ are made
 * anew. A path whose port or session is gone is down meanwhile.
 */
#include <string.h>

#include "hash.h"
#include "log.h"
#include "module.h"
#include "port/port.h"
#include "prer_ctl.h"

#define EACH_MS 1000

static bool path_differs(const struct prer_entry *x, struct cst_pool *pool)
{
	struct prer_path *is = &prer_tables.path[x->shared.at], now;
	struct prer_path_obj p;

	if (is->encap != PRER_RTAG || prer_entry_read(x, true, pool, &p) < 0)
		return false;
	prer_path_record(&p, x->at, &now);
	return memcmp(is, &now, sizeof(now)) != 0;
}

static bool stream_differs(const struct prer_entry *x, struct cst_pool *pool)
{
	const struct prer_stream *rec = cst_line(prer_tables.lines, x->made.line);
	struct prer_stream_obj s;

	if (prer_entry_read(x, true, pool, &s) < 0)
		return false;
	return x->made.in_port != prer_port_of(s.send.port) ||
	       x->made.in_tunnel != prer_tunnel_of(s.send.session) ||
	       rec->to_port != prer_port_of(s.receive.port) ||
	       rec->to_tunnel != prer_tunnel_of(s.receive.session);
}

/* Which ports there are. */
static uint64_t fingerprint(void)
{
	uint64_t h = 0;

	for (uint16_t i = 1; i < CST_MAX_PORTS; i++)
		if (cst_port_conf(i))
			h = cst_hash_mix(h + i, prer_name_hash(cst_port_conf(i)->name));
	return h;
}

struct what {
	struct cst_pool *pool;
	bool all;
};

static void touch_kind(enum prer_kind kind, const struct what *w,
		       bool (*differs)(const struct prer_entry *x, struct cst_pool *pool))
{
	for (struct prer_entry *x = prer_entry_from(kind, 1); x;
	     x = prer_entry_from(kind, x->at + 1)) {
		if (!x->live || (kind == PRER_STREAMS && !w->all && !x->made.by_session))
			continue;
		if (differs(x, w->pool))
			prer_entry_again(x);
		cst_pool_reset(w->pool);
	}
}

static void touch(void *arg)
{
	touch_kind(PRER_PATHWAYS, arg, path_differs);
	touch_kind(PRER_STREAMS, arg, stream_differs);
}

static void tick(uint64_t now_ms)
{
	static uint64_t due, ports;
	uint64_t now;
	struct what w;
	struct cst_err e = {0};

	if (now_ms < due || !prer_has_tables())
		return;
	due = now_ms + EACH_MS;
	now = fingerprint();
	w = (struct what){.pool = cst_pool_new(), .all = now != ports};
	ports = now;
	if (w.pool && prer_redo(touch, &w, &e) < 0)
		LOG_ERR("streams cannot follow a change of ports or sessions: %s: %s", e.field,
			e.reason);
	cst_pool_free(w.pool);
}

struct cst_module prer_refresh_module = {.name = "prer.refresh", .order = 36, .tick = tick};
CST_MODULE(prer_refresh_module);
