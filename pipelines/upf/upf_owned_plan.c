/* SPDX-License-Identifier: BSD-3-Clause */
/* Whose a session becomes, and what its inertia class makes of its rules. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "upf_kept.h"
#include "upf_owned_int.h"
#include "upf_work.h"

/* A session of the running transaction that its own owner speaks of. */
struct noted {
	uint64_t seid;
	uint8_t owner;
	struct noted *next;
};
static struct noted *noted;

/* The request being planned. */
static struct {
	bool on;
	uint8_t owner;
	bool touches; /* it is the owner's own */
	bool local;
	uint8_t newcomer;
} call;

bool upf_admitting;

static const char *name_of(unsigned owner, struct cst_owner_info *info)
{
	if (cst_owner_keeper && cst_owner_keeper->info(owner, info))
		return info->name;
	return "an owner that is gone";
}

static bool is_authority(const struct cst_caller *c)
{
	return c && c->owner && c->role == CST_ROLE_AUTHORITY;
}

/* ---- who may ------------------------------------------------------------------------- */

int upf_owned_change(const struct upf_session *old, struct cst_err *e)
{
	const struct cst_caller *c = cst_caller_get();
	struct cst_owner_info info;

	call.on = true;
	call.owner = old->owner;
	call.local = old->local;
	call.newcomer = 0;
	call.touches = c && c->owner && c->owner == old->owner && !is_authority(c);
	if (!c || !c->owner)
		return 0;
	if (old->owner && c->owner != old->owner)
		return cst_err(e, -EPERM, "seid", "session %llu belongs to %s",
			       (unsigned long long)old->seid, name_of(old->owner, &info));
	if (is_authority(c) && !(old->owner && old->local))
		return cst_err(e, -EPERM, "seid",
			       "session %llu was not admitted by local authority",
			       (unsigned long long)old->seid);
	return 0;
}

/* A caller without a claim may name the owner. */
static int named_owner(const char *name, struct cst_err *e)
{
	unsigned owner = cst_owner_keeper ? cst_owner_keeper->by_name(name) : 0;

	if (owner == 0 && upf_tables.lines)
		return cst_err(e, -ENOENT, "owner", "there is no owner %s", name);
	return (int)owner;
}

static int admit(const struct cst_caller *c, struct cst_err *e)
{
	if (is_authority(c) && !upf_admitting)
		return cst_err(e, -EPERM, NULL, "local authority admits users by session.admit");
	if (cst_owner_keeper)
		return cst_owner_keeper->admit(c, e);
	return c ? c->owner : 0;
}

static int keeps_owner(const char *name, uint8_t owner, struct cst_err *e)
{
	struct cst_owner_info info;

	if (!name || (owner && strcmp(name, name_of(owner, &info)) == 0))
		return 0;
	return cst_err(e, -EEXIST, "owner", "is %s and stays so: delete the session first",
		       owner ? name_of(owner, &info) : "nobody");
}

int upf_owned_put(struct upf_session_obj *s, const struct upf_session *old, struct cst_err *e)
{
	const struct cst_caller *c = cst_caller_get();
	const char *name = cst_has(s, SESSION_OWNER) ? s->owner : NULL;
	struct cst_owner_info info;
	int rc;

	s->has &= ~(1ull << SESSION_OWNER);
	s->owner = NULL;
	if (old) {
		rc = upf_owned_change(old, e);
		if (rc == 0 && c && c->owner && !old->owner) {
			call.owner = c->owner; /* nobody's until now */
			call.touches = true;
		}
		return rc < 0 ? rc : keeps_owner(name, call.owner, e);
	}
	if (name && c && c->owner && strcmp(name, name_of(c->owner, &info)) != 0)
		return cst_err(e, -EPERM, "owner", "is %s for what this client puts",
			       name_of(c->owner, &info));
	rc = name && !(c && c->owner) ? named_owner(name, e) : admit(c, e);
	if (rc < 0)
		return rc;
	call.on = true;
	call.owner = (uint8_t)rc;
	call.local = is_authority(c);
	call.touches = c && c->owner && !call.local;
	call.newcomer = call.touches ? c->owner : 0;
	return 0;
}

void upf_owned_planned(void)
{
	memset(&call, 0, sizeof(call));
}

uint8_t upf_owned_newcomer(void)
{
	return call.newcomer;
}

/* ---- when it is committed ------------------------------------------------------------------ */

int upf_owned_note(struct cst_pool *p, const struct upf_session *old, struct cst_err *e)
{
	struct noted *n;

	if (!old || !call.touches)
		return 0;
	n = cst_pool_alloc(p, sizeof(*n));
	if (!n)
		return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	*n = (struct noted){.seid = old->seid, .owner = call.owner, .next = noted};
	noted = n;
	return 0;
}

void upf_owned_before_commit(void)
{
	for (const struct noted *n = noted; n; n = n->next) {
		struct upf_session *s = upf_session_by_seid(n->seid);

		if (!s)
			continue;
		upf_owned_touch(s, n->owner);
		if (!s->changing) /* else the book that follows says so */
			upf_kept_put(s, NULL, 0);
	}
	if (noted)
		upf_kept_write();
}

void upf_owned_forget(void)
{
	noted = NULL;
	upf_owned_planned();
}

/* ---- its inertia class ----------------------------------------------------------------------- */

static void add_addresses(struct cst_inertia_traits *t, const struct upf_rules *r)
{
	if (r->flags & UPF_RULES_V4)
		t->ue[t->n_ue++] = (struct cst_ip){.family = 4, .v4 = r->ue_v4};
	if (r->flags & UPF_RULES_V6) {
		t->ue[t->n_ue].family = 6;
		memcpy(t->ue[t->n_ue++].b, r->ue_v6, 8);
	}
}

const struct cst_inertia_class *upf_owned_class(const struct upf_session_obj *s,
						const struct upf_rules *r)
{
	struct cst_inertia_traits t = {
		.dnn = s->dnn, .five_qi = s->five_qi, .arp = s->arp, .sd = 0xffffff};

	if (!cst_owner_keeper)
		return NULL;
	if (cst_has(s, SESSION_S_NSSAI)) {
		t.sst = s->s_nssai.sst;
		if (s->s_nssai.sd)
			t.sd = (uint32_t)strtoul(s->s_nssai.sd, NULL, 16);
	}
	add_addresses(&t, r);
	return cst_owner_keeper->match(&t);
}

const struct cst_inertia_class *upf_owned_class_of(const struct upf_session *s)
{
	const struct upf_session_obj *o = upf_session_decoded(s);

	return o ? upf_owned_class(o, upf_run(s)) : NULL;
}

bool upf_owned_keeps_tunnels(const struct upf_session *s)
{
	const struct cst_inertia_class *c = upf_owned_absent(s) ? upf_owned_class_of(s) : NULL;

	return c && c->suppress_error_indications;
}

/* ---- its rules ---------------------------------------------------------------------------------
 */

bool upf_owned_plans_inert(const struct upf_session *old)
{
	if (!cst_owner_keeper)
		return false;
	if (!call.on)
		return old && upf_owned_in_force(old);
	if (call.touches || !call.owner)
		return false;
	return old ? upf_owned_in_force(old) : upf_owned_by[call.owner].state == CST_OWNER_INERTIAL;
}

static bool wants_cap(const struct upf_session_obj *s, const struct upf_session *old)
{
	const struct cst_inertia_class *c;

	if (!upf_part_of(old, UPF_PART_QUEUE, 0))
		return false;
	c = s ? upf_owned_class(s, upf_run(old)) : upf_owned_class_of(old);
	return c && c->buffer_packets && upf_run(old)->buffer_packets > c->buffer_packets;
}

bool upf_owned_replans(const struct upf_session_obj *s, const struct upf_session *old)
{
	bool inert;

	if (!old->owner)
		return false;
	inert = upf_owned_plans_inert(old);
	if ((inert && upf_owned_slow(old)) != old->throttled)
		return true;
	return old->capped ? !inert : inert && wants_cap(s, old);
}

static void mark_as(struct upf_session *next, const struct upf_session *book)
{
	next->round = book->round;
	next->spoken = book->spoken;
	next->spoken_high = book->spoken_high;
	next->local = book->local;
	next->owed_data = book->owed_data;
	next->owed_error = book->owed_error;
}

void upf_owned_mark(struct upf_session *next, const struct upf_session *old)
{
	const struct upf_session *past = upf_work.past ? upf_work.past->book : NULL;

	if (past) { /* policies that were in effect are found to be by the walk */
		next->owner = past->owner < CST_OWNERS ? past->owner : 0;
		mark_as(next, past);
		return;
	}
	next->owner = call.on ? call.owner : old ? old->owner : 0;
	if (old && !call.touches) {
		next->inert = old->inert;
		mark_as(next, old);
		return;
	}
	upf_owned_speak(next); /* what was owed is paid before the commit */
	next->local = !old && call.local;
}
