/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_show.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "engine/worker.h"
#include "upf_books.h"
#include "upf_buffer_ctl.h"
#include "upf_monitor_ctl.h"
#include "upf_ni.h"
#include "upf_owned.h"
#include "upf_policy_run.h"
#include "upf_redundant_flow.h"
#include "upf_report.h"
#include "upf_urr.h"

/* Sessions looked at for one page: a filter that nothing matches must not hold up the control
 * thread. The client goes on at the cursor. */
#define MAX_SCAN 20000

static struct cst_pool *pool(void)
{
	static struct cst_pool *p;

	if (!p)
		p = cst_pool_new();
	cst_pool_reset(p);
	return p;
}

/* ---- one session ------------------------------------------------------------------------ */

static const struct upf_pdr *record_of(const struct upf_session *s, uint16_t pdr)
{
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; i < upf_run_n(s); i++)
		if (p[i].id == pdr)
			return &p[i];
	return NULL;
}

static bool local_f_teid(const struct upf_session *s, uint32_t teid, uint16_t vrf,
			 struct upf_f_teid_obj *out)
{
	for (unsigned i = 0; i < s->n_teids; i++) {
		const struct upf_held_teid *t = &s->teids[i];

		if (t->teid != teid || (vrf && t->vrf != vrf))
			continue;
		*out = (struct upf_f_teid_obj){.has = 1u << F_TEID_TEID, .teid = teid};
		if (upf_ni_local(t->vrf, 4, &out->ipv4))
			out->has |= 1u << F_TEID_IPV4;
		if (upf_ni_local(t->vrf, 6, &out->ipv6))
			out->has |= 1u << F_TEID_IPV6;
		return true;
	}
	return false;
}

/* That of redundant transmission. */
static bool second_f_teid(const struct upf_session *s, const struct upf_pdr *rec,
			  struct upf_f_teid_obj *out)
{
	const struct upf_pdr *second = upf_second_of(upf_run(s), rec);

	return second && second->teid && local_f_teid(s, second->teid, second->in_vrf, out);
}

static void ue_addresses(const struct upf_session *s, struct upf_ue_ip_obj *out)
{
	const struct upf_rules *r = upf_run(s);

	*out = (struct upf_ue_ip_obj){0};
	if (r->flags & UPF_RULES_V4) {
		out->has |= 1u << UE_IP_IPV4;
		out->ipv4 = (struct cst_ip){.family = 4, .v4 = r->ue_v4};
	}
	if (r->flags & UPF_RULES_V6) {
		out->has |= 1u << UE_IP_IPV6 | 1u << UE_IP_PREFIX_LENGTH;
		out->ipv6.family = 6;
		memcpy(out->ipv6.b, r->ue_v6, 8);
		out->ipv6_prefix_length = r->ue_v6_len;
	}
}

/* A QER without a rate, or that no PDR names, has no meter. */
static void meter_state(const struct upf_session *s, struct upf_qer_obj *q)
{
	const struct upf_held_part *p = upf_part_of(s, UPF_PART_METER, q->id);
	const struct upf_meter *m = p ? &upf_tables.meters[p->number] : NULL;

	if (!m)
		return;
	q->dropped_ul = __atomic_load_n(&m->dropped[UPF_UL], __ATOMIC_RELAXED);
	q->dropped_dl = __atomic_load_n(&m->dropped[UPF_DL], __ATOMIC_RELAXED);
	q->has |= 1u << QER_DROPPED_UL | 1u << QER_DROPPED_DL;
}

static void add_state(const struct upf_session *s, struct upf_session_obj *o)
{
	const struct upf_rules *r = upf_run(s);
	struct upf_pdr_obj *pdrs = o->pdrs.items;
	struct upf_ue_ip_obj ue;

	for (unsigned i = 0; i < o->pdrs.n; i++) {
		const struct upf_pdr *rec = record_of(s, pdrs[i].id);
		const struct upf_count *c = &upf_tables.counts[rec->counter];

		pdrs[i].packets = __atomic_load_n(&c->packets, __ATOMIC_RELAXED);
		pdrs[i].bytes = __atomic_load_n(&c->bytes, __ATOMIC_RELAXED);
		pdrs[i].has |= 1u << PDR_PACKETS | 1u << PDR_BYTES;
		if (cst_has(&pdrs[i].pdi, PDI_F_TEID) &&
		    local_f_teid(s, rec->teid, rec->in_vrf, &pdrs[i].local_f_teid))
			pdrs[i].has |= 1u << PDR_LOCAL_F_TEID;
		if (second_f_teid(s, rec, &pdrs[i].redundant_local_f_teid))
			pdrs[i].has |= 1u << PDR_REDUNDANT_F_TEID;
		if (upf_redundant_show(s, rec, &pdrs[i].redundancy))
			pdrs[i].has |= 1u << PDR_REDUNDANCY;
	}
	for (unsigned i = 0; i < o->qers.n; i++)
		meter_state(s, (struct upf_qer_obj *)o->qers.items + i);
	for (unsigned i = 0; i < o->fars.n; i++) {
		struct upf_far_obj *far = (struct upf_far_obj *)o->fars.items + i;

		far->held = upf_part_of(s, UPF_PART_HELD, far->id) != NULL;
		if (far->held)
			far->has |= 1u << FAR_HELD;
	}
	if (upf_buffer_state(s, &o->buffer))
		o->has |= 1ull << SESSION_BUFFER;
	o->worker = cst_owner_of(r->state);
	o->has |= 1ull << SESSION_WORKER;
	ue_addresses(s, &ue);
	if (cst_has(&ue, UE_IP_IPV4)) {
		o->ue_ipv4 = ue.ipv4;
		o->has |= 1u << SESSION_UE_IPV4;
	}
	upf_owned_show(s, o);
	if (cst_has(&ue, UE_IP_IPV6)) {
		o->ue_ipv6 = (struct cst_prefix){.ip = ue.ipv6, .len = ue.ipv6_prefix_length};
		o->has |= 1u << SESSION_UE_IPV6;
	}
}

static int show(const struct upf_session *s, struct upf_session_obj *o, json_t **out,
		struct cst_err *e)
{
	add_state(s, o);
	upf_monitor_show(s, o);
	for (unsigned i = 0; i < o->urrs.n; i++)
		upf_urr_show(s, &((struct upf_urr_obj *)o->urrs.items)[i]);
	*out = cst_encode(&upf_session_object, o);
	return *out ? 0 : cst_err(e, -ENOMEM, NULL, "no memory for the reply");
}

int upf_show_get(const void *key, json_t **out, struct cst_err *e)
{
	uint64_t seid = ((const struct upf_session_obj *)key)->seid;
	const struct upf_session *s = upf_session_by_seid(seid);
	struct upf_session_obj o;
	int rc;

	if (!s)
		return cst_err(e, -ENOENT, "seid", "there is no session %llu",
			       (unsigned long long)seid);
	rc = upf_session_unpack(s, pool(), &o, e);
	return rc < 0 ? rc : show(s, &o, out, e);
}

/* ---- replies -------------------------------------------------------------------------------- */

static bool chooses_ue(const struct upf_pdi_obj *pdi)
{
	const struct upf_ue_ip_obj *u = pdi->ue_ip_address.items;

	for (unsigned i = 0; i < pdi->ue_ip_address.n; i++)
		if (u[i].choose_v4 || u[i].choose_v6)
			return true;
	return false;
}

/* 7.5.3.2: what coast chose for a PDR. `before` is what comes first, a comma once there is one. */
static void add_created(struct cst_text *out, const struct upf_session *s,
			const struct upf_pdr_obj *pdr, const char **before)
{
	bool tunnel = cst_has(&pdr->pdi, PDI_F_TEID) && pdr->pdi.f_teid.choose;
	bool second = pdr->pdi.redundant_transmission_parameters.f_teid.choose;
	bool ue = chooses_ue(&pdr->pdi);
	const struct upf_pdr *rec = tunnel || second || ue ? record_of(s, pdr->id) : NULL;
	struct upf_f_teid_obj f;
	struct upf_ue_ip_obj u;

	if (!rec)
		return;
	cst_text_str(out, *before);
	*before = ",";
	cst_text_str(out, "{\"id\":");
	cst_text_uint(out, pdr->id);
	if (tunnel && local_f_teid(s, rec->teid, rec->in_vrf, &f)) {
		cst_text_str(out, ",\"f_teid\":");
		cst_write(&upf_f_teid_object, &f, out);
	}
	if (second && second_f_teid(s, rec, &f)) {
		cst_text_str(out, ",\"redundant_f_teid\":");
		cst_write(&upf_f_teid_object, &f, out);
	}
	if (ue) {
		ue_addresses(s, &u);
		cst_text_str(out, ",\"ue_ip_address\":");
		cst_write(&upf_ue_ip_object, &u, out);
	}
	cst_text_str(out, "}");
}

static void add_all_created(struct cst_text *out, const struct upf_session *s,
			    const struct cst_list *l, const char **before)
{
	const struct upf_pdr_obj *pdrs = l->items;

	for (unsigned i = 0; i < l->n; i++)
		add_created(out, s, &pdrs[i], before);
}

static void add_seid(struct cst_text *out, uint64_t seid)
{
	cst_text_str(out, "{\"seid\":");
	cst_text_uint(out, seid);
}

/* Reports that the request brought about. */
static void add_usage(struct cst_text *out, json_t *reports)
{
	cst_text_str(out, ",\"usage_reports\":");
	cst_text_json(out, reports);
	json_decref(reports);
}

void upf_show_reply(const void *obj, bool modify, struct cst_text *out)
{
	static const char opens[] = ",\"created_pdrs\":[";
	const struct upf_modify_obj *m = obj;
	const struct upf_session_obj *o = obj;
	uint64_t seid = modify ? m->seid : o->seid;
	const struct upf_session *s = upf_session_by_seid(seid);
	json_t *reports = upf_report_collected(seid);
	const char *before = opens;

	add_seid(out, seid);
	if (s && modify) {
		add_all_created(out, s, &m->create[UPF_RULE_PDR], &before);
		add_all_created(out, s, &m->update[UPF_RULE_PDR], &before);
	} else if (s) {
		add_all_created(out, s, &o->pdrs, &before);
	}
	if (before != opens)
		cst_text_str(out, "]");
	if (reports)
		add_usage(out, reports);
	cst_text_str(out, "}");
}

void upf_show_usage(uint64_t seid, struct cst_text *out)
{
	json_t *reports = upf_report_collected(seid);

	if (reports) {
		add_seid(out, seid);
		add_usage(out, reports);
		cst_text_str(out, "}");
	} else {
		cst_text_str(out, "{}");
	}
}

/* ---- lists ---------------------------------------------------------------------------------- */

static bool has_vrf(const struct upf_session *s, const char *name)
{
	uint16_t vrf = cst_vrf_by_name(name);
	const struct upf_pdr *p = upf_run_pdrs(s);

	for (unsigned i = 0; vrf && i < upf_run_n(s); i++)
		if (p[i].in_vrf == vrf || p[i].out_vrf == vrf)
			return true;
	return false;
}

static bool has_teid(const struct upf_session *s, uint32_t teid)
{
	for (unsigned i = 0; i < s->n_teids; i++)
		if (s->teids[i].teid == teid)
			return true;
	return false;
}

static bool has_ue(const struct upf_session *s, const struct cst_ip *ip)
{
	const struct upf_rules *r = upf_run(s);
	uint8_t bits = (uint8_t)(64 - r->ue_v6_len);

	if (ip->family == 4)
		return (r->flags & UPF_RULES_V4) && r->ue_v4 == ip->v4;
	return (r->flags & UPF_RULES_V6) && memcmp(r->ue_v6, ip->b, 7) == 0 &&
	       ((r->ue_v6[7] ^ ip->b[7]) & (uint8_t)(0xff << bits)) == 0;
}

static bool is_whose(const struct upf_session *s, const struct upf_filter_obj *f)
{
	if (f->owner &&
	    (!cst_owner_keeper || s->owner == 0 || s->owner != cst_owner_keeper->by_name(f->owner)))
		return false;
	return (!cst_has(f, FILTER_STALE) || upf_owned_stale(s) == f->stale) &&
	       (!cst_has(f, FILTER_LOCAL) || s->local == f->local);
}

/* 1: shown, 0: filtered out. What the book tells is asked before the intent is unpacked. */
static int try_one(const struct upf_session *s, const struct upf_filter_obj *f, json_t *items,
		   struct cst_err *e)
{
	struct upf_session_obj o;
	json_t *js;
	int rc;

	if ((cst_has(f, FILTER_SEID) && s->seid != f->seid) ||
	    (cst_has(f, FILTER_TEID) && !has_teid(s, f->teid)) ||
	    (cst_has(f, FILTER_UE) && !has_ue(s, &f->ue_ip_address)) ||
	    (f->network_instance && !has_vrf(s, f->network_instance)) || !is_whose(s, f))
		return 0;
	rc = upf_session_unpack(s, pool(), &o, e);
	if (rc < 0)
		return rc;
	if (f->dnn && (!cst_has(&o, SESSION_DNN) || strcasecmp(o.dnn, f->dnn) != 0))
		return 0;
	rc = show(s, &o, &js, e);
	if (rc < 0)
		return rc;
	json_array_append_new(items, js);
	return 1;
}

static int scan(struct cst_page *page, const struct upf_filter_obj *f, struct cst_err *e)
{
	uint32_t last = upf_state_lines(), scanned = 0;
	uint64_t at = page->cursor ? page->cursor : 1;

	page->cursor = 0;
	for (; at <= last; at++) {
		const struct upf_session *s = upf_session_by_state((uint32_t)at);
		int rc;

		if (!s)
			continue;
		if (json_array_size(page->items) >= page->limit || scanned++ >= MAX_SCAN) {
			page->cursor = at;
			return 0;
		}
		rc = try_one(s, f, page->items, e);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int upf_show_list(struct cst_page *page, struct cst_err *e)
{
	static struct cst_pool *kept; /* the filter's own: pool() is reset for each session */
	const struct upf_session *only;
	struct upf_filter_obj f = {0};
	int rc = 0;

	if (!kept)
		kept = cst_pool_new();
	cst_pool_reset(kept);
	if (page->filter)
		rc = cst_decode(&upf_filter_object, page->filter, true, kept, &f, e);
	if (rc < 0) {
		cst_err_prefix(e, "filter");
		return rc;
	}
	if (!cst_has(&f, FILTER_SEID))
		return scan(page, &f, e);
	only = upf_session_by_seid(f.seid);
	page->cursor = 0;
	rc = only ? try_one(only, &f, page->items, e) : 0;
	return rc < 0 ? rc : 0;
}
