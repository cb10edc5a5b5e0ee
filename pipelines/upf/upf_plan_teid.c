/* SPDX-License-Identifier: BSD-3-Clause */
/* F-TEIDs: chosen by coast or by the control plane, new or had before. */
#include <errno.h>
#include <string.h>

#include "upf_attach.h"
#include "upf_ni.h"
#include "upf_supersede.h"
#include "upf_work.h"

static struct upf_teid_slot *slot_of(uint32_t teid)
{
	return &upf_tables.teids[teid >> upf_tables.teid_tag_bits];
}

static void set_slot(uint32_t teid, struct upf_teid_slot value)
{
	__atomic_store(slot_of(teid), &value, __ATOMIC_RELEASE);
}

static bool has_taken(const struct upf_teid_slot *s, uint32_t teid)
{
	return (s->ref || s->tag) && upf_teid_fits(s->tag, teid);
}

void upf_teid_set(const struct upf_held_teid *t, uint32_t ref, uint32_t state)
{
	if (t->stray)
		upf_stray_set(upf_stray_get(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid), ref);
	else
		set_slot(t->teid, upf_teid_slot(&upf_tables, t->teid, ref, state));
}

void upf_teid_clear(const struct upf_held_teid *t)
{
	if (t->stray)
		upf_stray_remove(&upf_strays,
				 upf_stray_get(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid));
	else
		set_slot(t->teid, (struct upf_teid_slot){0, 0});
}

void upf_teid_give_back(const struct upf_held_teid *t)
{
	upf_teid_clear(t);
	if (!t->stray)
		upf_teid_free(t->teid);
}

static struct upf_held_teid *new_teid(struct cst_err *e)
{
	struct upf_held_teid *t = &upf_work.teids[upf_work.n_teids];

	if (upf_work.n_teids == UPF_MAX_HELD_TEIDS) {
		cst_err(e, -E2BIG, NULL, "a session has at most %d F-TEIDs", UPF_MAX_HELD_TEIDS);
		return NULL;
	}
	memset(t, 0, sizeof(*t));
	return t;
}

/* What a PDR asks for: its F-TEID, or (`second`) the other one of redundant transmission, whose
 * choose ids are apart. */
struct wish {
	const struct upf_f_teid_obj *f;
	uint16_t pdr, vrf;
	bool second;
};

/* The one chosen before for this choose id, or for this PDR when it has none. */
static struct upf_held_teid *chosen_before(const struct wish *w)
{
	const struct upf_f_teid_obj *f = w->f;

	for (unsigned i = 0; i < upf_work.n_teids; i++) {
		struct upf_held_teid *t = &upf_work.teids[i];

		if (t->second != w->second)
			continue;
		if (cst_has(f, F_TEID_CHOOSE_ID) ? t->shared && t->choose_id == f->choose_id
						 : !t->shared && t->pdr == w->pdr)
			return t;
	}
	return NULL;
}

static int choose_teid(const struct wish *w, struct upf_held_teid **out, struct cst_err *e)
{
	const struct upf_f_teid_obj *f = w->f;
	struct upf_held_teid *t = chosen_before(w);
	uint16_t vrf = w->vrf;
	struct cst_ip ip;
	int rc;

	*out = t;
	if (t && t->vrf == vrf)
		return 0;
	if (t && t->shared)
		return cst_err(e, -EINVAL, "choose_id", "%u is an F-TEID of network instance %s",
			       f->choose_id, cst_vrf_name(t->vrf));
	if (!upf_ni_local(vrf, 4, &ip) && !upf_ni_local(vrf, 6, &ip))
		return cst_err(
			e, -EINVAL, NULL,
			"network instance %s ends no tunnels: set gtpu on an interface of it",
			cst_vrf_name(vrf));
	rc = upf_plan_may_take(true, e);
	if (rc < 0)
		return rc;
	*out = t = new_teid(e);
	if (!t)
		return -E2BIG;
	t->vrf = vrf;
	t->shared = cst_has(f, F_TEID_CHOOSE_ID);
	t->choose_id = f->choose_id;
	t->pdr = t->shared ? 0 : w->pdr;
	t->second = w->second;
	if (!upf_work.dry) {
		t->teid = upf_teid_alloc();
		if (t->teid == 0)
			return cst_err(e, -ENOSPC, NULL,
				       "all TEIDs are in use: raise system.max_sessions");
		/* with ref 0 it is taken, and leads nowhere yet: a tag of 0 would be free */
		set_slot(t->teid, upf_teid_slot(&upf_tables, t->teid, 0, 1));
	}
	t->fresh = 1;
	upf_work.n_teids++;
	return 0;
}

static int teid_taken(uint32_t ref, struct cst_err *e)
{
	const struct upf_session *s = upf_session_by_ref(ref);

	if (!s)
		return cst_err(e, -EEXIST, "teid", "is given out twice in this call");
	return cst_err(e, -EEXIST, "teid", "belongs to session %llu", (unsigned long long)s->seid);
}

/* From a session that gives way: then it is not new, nor is it given back when the plan is undone.
 */
static int take_over(uint32_t ref, struct upf_held_teid *t, struct cst_err *e)
{
	struct upf_session *holder = upf_session_by_ref(ref);
	const struct upf_held_teid *own = NULL;

	if (holder && upf_supersede(holder, e))
		own = upf_pass_teid(holder, t->teid, t->vrf);
	if (!own)
		return teid_taken(ref, e);
	t->stray = own->stray;
	upf_work.n_teids++;
	return 0;
}

static int given_teid(const struct wish *w, struct upf_held_teid **out, struct cst_err *e)
{
	const struct upf_f_teid_obj *f = w->f;
	uint16_t vrf = w->vrf;
	struct upf_held_teid *t;
	const struct upf_stray *stray;
	int rc = 0;

	if (cst_has(f, F_TEID_IPV4))
		rc = upf_ni_check_local(vrf, &f->ipv4, "ipv4", e);
	if (rc == 0 && cst_has(f, F_TEID_IPV6))
		rc = upf_ni_check_local(vrf, &f->ipv6, "ipv6", e);
	if (rc < 0)
		return rc;
	for (unsigned i = 0; i < upf_work.n_teids; i++) {
		if (upf_work.teids[i].teid == f->teid && upf_work.teids[i].vrf == vrf) {
			*out = &upf_work.teids[i]; /* also one that coast chose and told */
			return 0;
		}
	}
	*out = t = new_teid(e);
	if (!t)
		return -E2BIG;
	t->teid = f->teid;
	t->vrf = vrf;
	t->stray = 1;
	if (!upf_work.dry) {
		if (has_taken(slot_of(f->teid), f->teid))
			return take_over(slot_of(f->teid)->ref, t, e);
		stray = upf_stray_get(&upf_strays, UPF_STRAY_TEID(vrf), f->teid);
		if (stray)
			return take_over(stray->ref, t, e);
		if (!upf_stray_take(&upf_strays, UPF_STRAY_TEID(vrf), f->teid))
			return cst_err(e, -ENOSPC, "teid",
				       "no room for more: raise system.max_sessions");
	}
	t->fresh = 1;
	upf_work.n_teids++;
	return 0;
}

/* TEID and network instance, in which the same number is this tunnel: elsewhere it is another. */
static int plan_teid(const struct wish *w, uint32_t *teid, struct cst_err *e)
{
	struct upf_held_teid *t = NULL;
	int rc = w->f->choose ? choose_teid(w, &t, e) : given_teid(w, &t, e);

	if (rc < 0) {
		cst_err_prefix(e, "f_teid");
		return rc;
	}
	t->used = 1;
	*teid = t->teid;
	return 0;
}

static int plan_first(struct upf_link *l, struct cst_err *e)
{
	struct wish w = {.f = &l->pdr->pdi.f_teid, .pdr = l->pdr->id};
	int rc = l->rec.in_vrf ? 0 : upf_ni_find(NULL, &l->rec.in_vrf, e);

	w.vrf = l->rec.in_vrf;
	return rc < 0 ? rc : plan_teid(&w, &l->rec.teid, e);
}

/* In the first one's network instance unless another is named. */
static int plan_second(struct upf_link *l, struct cst_err *e)
{
	const struct upf_rtp_obj *o = &l->pdr->pdi.redundant_transmission_parameters;
	struct wish w = {.f = &o->f_teid, .pdr = l->pdr->id, .second = true};
	int rc = 0;

	l->second.in_vrf = l->rec.in_vrf;
	if (o->network_instance)
		rc = upf_ni_find(o->network_instance, &l->second.in_vrf, e);
	w.vrf = l->second.in_vrf;
	if (rc == 0)
		rc = plan_teid(&w, &l->second.teid, e);
	if (rc == 0 && l->second.teid == l->rec.teid && l->second.in_vrf == l->rec.in_vrf &&
	    !(upf_work.dry && o->f_teid.choose))
		rc = cst_err(e, -EINVAL, "f_teid.teid", "is the first tunnel's, too");
	if (rc < 0)
		cst_err_prefix(e, "redundant_transmission_parameters");
	return rc;
}

static int claim_stray(const struct upf_held_teid *t, struct cst_err *e)
{
	const struct upf_stray *s = upf_stray_get(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid);

	if (s && upf_ref_is_live(s->ref))
		return teid_taken(s->ref, e);
	if (s || upf_stray_take(&upf_strays, UPF_STRAY_TEID(t->vrf), t->teid))
		return 0;
	return cst_err(e, -ENOSPC, "teid", "no room for more: raise system.max_sessions");
}

/* The table may be of another size now, and the slot another TEID's: the hash takes any. */
static bool claim_slot(const struct upf_held_teid *t)
{
	if (t->teid >> upf_tables.teid_tag_bits == 0 || !upf_teid_claim(t->teid))
		return false;
	if (!has_taken(slot_of(t->teid), t->teid))
		set_slot(t->teid, upf_teid_slot(&upf_tables, t->teid, 0, 1));
	return true;
}

int upf_claim_teids(const struct upf_session *past, struct cst_err *e)
{
	for (unsigned i = 0; i < past->n_teids; i++) {
		struct upf_held_teid *t = &upf_work.teids[upf_work.n_teids];
		int rc;

		*t = past->teids[i];
		t->used = t->gone = 0;
		t->fresh = 1;
		t->stray |= !t->stray && !claim_slot(t);
		rc = t->stray ? claim_stray(t, e) : 0;
		if (rc < 0)
			return rc;
		upf_work.n_teids++;
	}
	return 0;
}

/* An uplink PDR without an F-TEID takes packets of the session's uplink tunnel, not of others that
 * a UPF between two others has for downlink. */
static void settle_teids(void)
{
	uint32_t only = 0;
	uint16_t vrf = 0;
	bool one = true;

	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct upf_link *l = &upf_work.links[i];

		if (l->dl || !l->tunnel)
			continue;
		one &= only == 0 || only == l->rec.teid;
		only = l->rec.teid;
		vrf = l->rec.in_vrf;
	}
	for (unsigned i = 0; one && i < upf_work.n; i++) {
		struct upf_pdr *rec = &upf_work.links[i].rec;

		if (upf_work.links[i].dl || upf_work.links[i].tunnel)
			continue;
		rec->teid = only;
		if (rec->in_vrf == 0)
			rec->in_vrf = vrf;
	}
}

/* What no PDR asks for goes, but a CHOOSE id keeps its F-TEID while the session lives: control
 * planes come back to it in a later modification. */
static void sweep_teids(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < upf_work.n_teids; i++) {
		struct upf_held_teid *t = &upf_work.teids[i];

		if (t->used || (upf_work.modify && t->shared))
			upf_work.teids[n++] = *t;
		else if (t->fresh)
			upf_teid_give_back(t);
	}
	upf_work.n_teids = n;
}

int upf_plan_detection(struct cst_err *e)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];
		int rc = 0;

		if (l->pdr->pdi.network_instance)
			rc = upf_ni_find(l->pdr->pdi.network_instance, &l->rec.in_vrf, e);
		if (rc == 0 && l->tunnel)
			rc = plan_first(l, e);
		if (rc == 0 && l->has_second && l->tunnel)
			rc = plan_second(l, e);
		if (rc < 0) {
			cst_err_prefix(e, "pdrs[%u].pdi", i);
			return rc;
		}
	}
	settle_teids();
	sweep_teids();
	return 0;
}
