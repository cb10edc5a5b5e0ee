/* SPDX-License-Identifier: BSD-3-Clause */
/* Paths and recoveries as workers see them. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>

#include "engine/rcu.h"
#include "net/frames.h"
#include "net/net.h"
#include "port/port.h"
#include "prer_ctl.h"
#include "prer_dcw.h"
#include "prer_flow.h"
#include "prer_intent.h"
#include "prer_probe.h"

/* ---- path -------------------------------------------------------------------------------- */

static uint16_t mtu_of(uint16_t port)
{
	const struct cst_port_conf *c = port ? cst_port_conf(port) : NULL;

	return c && c->mtu ? c->mtu : CST_DEFAULT_MTU;
}

uint16_t prer_port_of(const char *name)
{
	return name ? cst_port_by_name(name) : 0;
}

uint32_t prer_tunnel_of(uint64_t seid)
{
	const struct cst_frame_tunnels *t = cst_frame_tunnels();

	return seid && t ? t->find(seid, NULL) : 0;
}

static void rtag_record(const struct prer_path_obj *p, struct prer_path *out)
{
	out->encap = PRER_RTAG;
	out->port = prer_port_of(p->port);
	out->tunnel = prer_tunnel_of(p->session);
	out->mtu = mtu_of(out->port);
	if (cst_has(p, PATH_VLAN)) {
		out->flags |= PRER_PATH_VLAN;
		out->vlan = p->vlan;
	}
	if (cst_has(p, PATH_DMAC)) {
		out->flags |= PRER_PATH_DMAC;
		memcpy(out->dmac, p->destination_mac, 6);
	}
	if (out->port == 0 && out->tunnel == 0)
		out->flags |= PRER_PATH_DOWN;
}

void prer_path_record(const struct prer_path_obj *p, uint32_t number, struct prer_path *out)
{
	memset(out, 0, sizeof(*out));
	if (p->encapsulation == PRER_RTAG)
		rtag_record(p, out);
	else
		prer_dcw_path_set(out, cst_vrf_by_name(p->network_instance), &p->local, &p->remote);
	out->number = number;
	if (!p->enabled)
		out->flags |= PRER_PATH_DOWN;
}

/* ---- recovery ------------------------------------------------------------------------------ */

static uint64_t cycles(uint64_t us)
{
	return us * (rte_get_tsc_hz() / 1000) / 1000;
}

static uint32_t ring_mask(uint32_t history)
{
	uint32_t bits = 64;

	while (bits < history)
		bits *= 2;
	return bits - 1;
}

/* Given, or found from what the paths are like. */
static int find_history(const struct prer_recovery_obj *r, struct prer_found *out,
			struct cst_err *e)
{
	struct prer_intent in = {.packet_rate = r->intent.packet_rate,
				 .delay_difference_ms = r->intent.delay_difference_ms,
				 .joint_burst = r->intent.joint_burst,
				 .rule_2017 = r->rogue_rule != 0};
	struct prer_intent_result found;

	*out = (struct prer_found){
		.history = cst_has(r, RECOVERY_HISTORY) ? r->history_length : 64,
		.reset_ms = cst_has(r, RECOVERY_RESET) ? r->reset_ms : 2000,
	};
	if (!cst_has(r, RECOVERY_INTENT))
		return 0;
	if (prer_intent(&in, &found) < 0)
		return cst_err(e, -ERANGE, "intent", "%s", found.text);
	out->history = found.history;
	out->reset_ms = found.reset_ms;
	snprintf(out->explained, sizeof(out->explained), "%s", found.text);
	return 0;
}

int prer_params_record(const struct prer_recovery_obj *r, struct prer_params *out,
		       struct prer_found *found, struct cst_err *e)
{
	struct prer_found own;
	int rc;

	if (!found)
		found = &own;
	rc = find_history(r, found, e);
	if (rc < 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->history = found->history;
	out->algorithm = r->algorithm;
	out->mask = r->algorithm == PRER_MATCH ? 63 : ring_mask(found->history);
	out->reset = cycles(found->reset_ms * 1000ull);
	out->flags = (uint8_t)((r->rogue_rule ? PRER_RULE_2017 : 0) |
			       (r->take_no_sequence ? PRER_TAKE_NO_SEQUENCE : 0) |
			       (r->resync ? PRER_RESYNC : 0));
	if (r->order.mode != PRER_ORDER_OFF) {
		out->order_delay = cycles(r->order.max_delay_us);
		out->order_any = cycles(r->order.take_any_ms * 1000ull);
	}
	return 0;
}

/* ---- in a transaction ------------------------------------------------------------------------ */

static int no_room(const char *what, unsigned n, struct cst_err *e)
{
	return cst_err(e, -ENOSPC, NULL, "there is room for %u %s, changes included", n, what);
}

static int put_path(struct prer_entry *x, struct cst_pool *pool, bool *changed, struct cst_err *e)
{
	struct prer_path_obj *obj = cst_pool_alloc(pool, sizeof(*obj));
	struct prer_path rec, *old = &prer_tables.path[x->shared.at];
	uint32_t at;

	if (!obj || prer_entry_read(x, false, pool, obj) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory for path '%s'", x->name);
	prer_path_record(obj, x->at, &rec);
	x->shared_next.port = rec.port;
	x->shared_next.vrf = rec.vrf;
	x->shared_next.tunnel = rec.tunnel;
	x->shared_next.probe_ms = cst_has(obj, PATH_PROBE) ? obj->probe.interval_ms : 0;
	x->shared_next.misses = (uint8_t)obj->probe.misses;
	if (rec.encap == PRER_DCW && x->shared.at)
		rec.mtu = old->mtu;
	if (x->shared.at && memcmp(old, &rec, sizeof(rec)) == 0)
		return 0;
	at = cst_index_alloc(prer_books.paths);
	if (at == 0)
		return no_room("paths", PRER_PATH_NUMBERS - 1, e);
	x->shared_next.at = at;
	prer_tables.path[at] = rec;
	if (rec.encap == PRER_DCW)
		prer_dcw_path_refresh(&prer_tables.path[at]);
	*changed = true;
	return 0;
}

static int put_recovery(struct prer_entry *x, struct cst_pool *pool, bool *changed,
			struct cst_err *e)
{
	struct prer_recovery_obj *obj = cst_pool_alloc(pool, sizeof(*obj));
	struct prer_params rec;
	uint32_t at;
	int rc;

	if (!obj || prer_entry_read(x, false, pool, obj) < 0)
		return cst_err(e, -ENOMEM, NULL, "no memory for recovery '%s'", x->name);
	rc = prer_params_record(obj, &rec, NULL, e);
	if (rc < 0)
		return rc;
	/* what records take from it themselves may have changed without it */
	*changed = true;
	if (x->shared.at && memcmp(&prer_tables.params[x->shared.at], &rec, sizeof(rec)) == 0)
		return 0;
	at = cst_index_alloc(prer_books.recoveries);
	if (at == 0)
		return no_room("recoveries", PRER_RECOVERY_NUMBERS - 1, e);
	x->shared_next.at = at;
	prer_tables.params[at] = rec;
	return prer_flow_compile(x->name, &rec, e);
}

int prer_shared_compile(struct prer_entry *x, struct cst_pool *pool, bool *changed,
			struct cst_err *e)
{
	*changed = false;
	if (!x->next) {
		x->shared_next = (struct prer_shared){0};
		return 0;
	}
	if (!prer_has_tables()) {
		*changed = true;
		return 0;
	}
	return x->kind == PRER_PATHWAYS ? put_path(x, pool, changed, e)
					: put_recovery(x, pool, changed, e);
}

static struct cst_index *index_of(const struct prer_entry *x)
{
	return x->kind == PRER_PATHWAYS ? prer_books.paths : prer_books.recoveries;
}

static void clear_path(uint32_t at)
{
	memset(&prer_tables.path[at], 0, sizeof(struct prer_path));
}

static void free_path(void *unused, uint64_t at)
{
	(void)unused;
	clear_path((uint32_t)at);
	cst_index_free(prer_books.paths, (uint32_t)at);
}

static void free_recovery(void *unused, uint64_t at)
{
	(void)unused;
	cst_index_free(prer_books.recoveries, (uint32_t)at);
}

/* Answers are taken from the frames that come in by the path. */
static void probe_as(const struct prer_shared *old, const struct prer_shared *next)
{
	if (next->probe_ms)
		prer_claims_use(next, true);
	if (old->probe_ms)
		prer_claims_use(old, false);
	if (old->at && old->at != next->at)
		prer_probe_set(old->at, 0, 0);
	if (next->at)
		prer_probe_set(next->at, next->probe_ms, next->misses);
}

void prer_shared_commit(struct prer_entry *x)
{
	uint32_t old = x->shared.at;

	if (x->kind == PRER_PATHWAYS)
		probe_as(&x->shared, &x->shared_next);
	else
		prer_flow_commit();
	if (old && old != x->shared_next.at) {
		prer_entry_number(x->kind, old, NULL);
		cst_rcu_defer(x->kind == PRER_PATHWAYS ? free_path : free_recovery, NULL, old);
	}
	x->shared = x->shared_next;
	if (x->shared.at)
		prer_entry_number(x->kind, x->shared.at, x);
}

void prer_shared_abort(struct prer_entry *x)
{
	uint32_t at = x->shared_next.at;

	if (x->kind != PRER_PATHWAYS)
		prer_flow_abort();
	if (!at || at == x->shared.at)
		return;
	if (x->kind == PRER_PATHWAYS)
		clear_path(at);
	cst_index_free(index_of(x), at);
}
