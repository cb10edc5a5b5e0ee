/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_supersede.h"

#include "rpc/rpc.h"
#include "upf_hook.h"
#include "upf_owned.h"
#include "upf_work.h"

/* ---- event --------------------------------------------------------------------------- */

enum { SUPERSEDED_SEID };
struct superseded {
	uint64_t has;
	uint64_t seid;
};
static const struct cst_field superseded_fields[] = {
	[SUPERSEDED_SEID] =
		CST_F_UINT(struct superseded, seid, 0, 0, NULL, 0, NULL, "session that has ended"),
};
static const struct cst_object superseded_object =
	CST_OBJECT("superseded", struct superseded, superseded_fields, "TS 23.527 4.3.2");
static struct cst_event_type event = {
	.name = "session.superseded",
	.help = "a new session has taken over the user's address or F-TEID",
	.data = &superseded_object};
CST_EVENT(event);

static void on_commit(const struct upf_change *c)
{
	if (!c->next && c->old->superseded)
		cst_event_publish(&event, json_pack("{s:I}", "seid", (json_int_t)c->old->seid));
}

static struct upf_hook hook = {.commit = on_commit};

static void __attribute__((constructor)) attach(void)
{
	upf_hook_add(&hook);
}

/* ---- who gives way -------------------------------------------------------------------- */

/* One that its owner has not spoken of since it came back. */
static bool gives_way(const struct upf_session *holder)
{
	return upf_owned_newcomer() && !holder->planned && !holder->changing &&
	       upf_owned_stale(holder);
}

bool upf_supersede(struct upf_session *holder, struct cst_err *e)
{
	struct upf_change c;

	if (holder->superseded)
		return upf_owned_newcomer() != 0;
	if (upf_work.old || !gives_way(holder) || upf_plan_end(holder, &c, e) < 0)
		return false;
	holder->superseded = 1;
	return upf_end_too(&c, e) == 0;
}

/* ---- what goes over ---------------------------------------------------------------------- */

/* Until the commit `gone` says that it has been given away. */

struct upf_held_addr *upf_pass_addr(struct upf_session *holder, const struct upf_held_addr *a)
{
	for (unsigned i = 0; i < holder->n_addrs; i++) {
		struct upf_held_addr *own = &upf_addrs(holder)[i];

		if (own->gone || !upf_same_addr(own, a))
			continue;
		own->gone = 1;
		return own;
	}
	return NULL;
}

struct upf_held_teid *upf_pass_teid(struct upf_session *holder, uint32_t teid, uint16_t vrf)
{
	for (unsigned i = 0; i < holder->n_teids; i++) {
		struct upf_held_teid *own = &holder->teids[i];

		if (own->gone || own->teid != teid || own->vrf != vrf)
			continue;
		own->gone = 1;
		return own;
	}
	return NULL;
}

bool upf_addr_passed(const struct upf_session *old, struct upf_held_addr *a)
{
	if (!old->superseded || !a->gone)
		return false;
	a->gone = 0;
	upf_addr_settle(a);
	return true;
}

bool upf_teid_passed(const struct upf_session *old, struct upf_held_teid *t)
{
	if (!old->superseded || !t->gone)
		return false;
	t->gone = 0;
	return true;
}

void upf_supersede_undo(struct upf_session *holder)
{
	holder->superseded = 0;
	for (unsigned i = 0; i < holder->n_addrs; i++)
		upf_addrs(holder)[i].gone = 0;
	for (unsigned i = 0; i < holder->n_teids; i++)
		holder->teids[i].gone = 0;
}
