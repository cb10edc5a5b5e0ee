/* SPDX-License-Identifier: BSD-3-Clause */
/* What watching asks of the objects: names, and from when on something is wrong. */
#include <string.h>

#include "port/port.h"
#include "prer_ctl.h"
#include "prer_entry.h"
#include "prer_probe.h"
#include "prer_watch_int.h"

static const char *stream_name(uint32_t stream)
{
	return stream & PRER_WATCH_FLOW ? prer_flow_name(stream & ~PRER_WATCH_FLOW)
					: prer_name_of(stream);
}

static uint32_t find(const char *name)
{
	const struct prer_entry *x = prer_entry_live(PRER_STREAMS, name);

	if (x)
		return x->number;
	for (uint32_t i = 1; i < prer_flows.count; i++)
		if (prer_flows.flow[i].key != 0 && strcmp(prer_flow_name(i), name) == 0)
			return i | PRER_WATCH_FLOW;
	return 0;
}

/* Objects are kept packed. */
static bool read_entry(const struct prer_entry *x, void *out)
{
	static struct cst_pool *pool;

	if (!pool)
		pool = cst_pool_new();
	if (!pool)
		return false;
	cst_pool_reset(pool);
	return prer_entry_read(x, true, pool, out) == 0;
}

static const struct prer_entry *live(enum prer_kind kind, uint32_t at)
{
	const struct prer_entry *x = prer_entry_from(kind, at);

	return x && x->at == at && x->live ? x : NULL;
}

enum prer_watch_why prer_path_cause(const struct prer_path_obj *p, uint32_t at)
{
	const struct prer_path *rec = &prer_tables.path[at];
	struct cst_port_state st;

	if (!p->enabled)
		return PRER_WHY_DISABLED;
	if (rec->flags & PRER_PATH_DOWN)
		return p->port ? PRER_WHY_NO_PORT : PRER_WHY_NO_SESSION;
	if (!prer_path_has_local(p))
		return PRER_WHY_NO_LOCAL;
	if (rec->port != 0) {
		cst_port_state(rec->port, &st);
		if (!st.up || !st.link)
			return st.up ? PRER_WHY_LINK : PRER_WHY_PORT_DOWN;
	}
	return prer_probe_alive(at) ? PRER_WHY_NONE : PRER_WHY_PROBE;
}

static bool path(uint32_t number, struct prer_watch_path_conf *out, enum prer_watch_why *cause)
{
	const struct prer_entry *x = live(PRER_PATHWAYS, number);
	struct prer_path_obj o = {0};

	if (!x || !read_entry(x, &o))
		return false;
	*out = (struct prer_watch_path_conf){.name = x->name};
	if (cst_has(&o, PATH_DEGRADED))
		out->limits = (struct prer_watch_limits){
			.loss_ppm = o.degraded.loss,
			.lag_us = o.degraded.delay_difference_ms * 1000,
		};
	if (cause)
		*cause = prer_path_cause(&o, x->shared.at);
	return true;
}

static bool latent(uint16_t recovery, struct prer_watch_latent *out)
{
	const struct prer_entry *x = prer_entry_numbered(PRER_RECOVERIES, recovery);
	struct prer_recovery_obj o = {0};

	if (!x || !x->live || !read_entry(x, &o) || !cst_has(&o, RECOVERY_LATENT))
		return false;
	*out = (struct prer_watch_latent){
		.difference = o.latent_error.difference,
		.period_ms = o.latent_error.period_ms,
		.reset_period_ms = o.latent_error.reset_period_ms,
	};
	return true;
}

static const struct prer_watch_ask conf = {
	.stream = stream_name, .find = find, .path = path, .latent = latent};

static void __attribute__((constructor, used)) ask(void)
{
	prer_watch_ask(&conf);
}
