/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_order.h"

#include <errno.h>

#include "upf_books.h"
#include "upf_buffer_ctl.h"
#include "upf_urr.h"

struct order {
	const struct upf_modify_obj *m;
	struct order *next;
};

static struct order *first, **last = &first;

static bool whole;                            /* the request being planned is a put, */
static const struct upf_modify_obj *modifies; /* or this modify */

struct upf_order_holds upf_order_holds;

void upf_order_put(void)
{
	whole = true;
}

void upf_order_modify(const struct upf_modify_obj *m)
{
	modifies = m;
}

void upf_order_planned(void)
{
	whole = false;
	modifies = NULL;
}

/* ---- End Markers ------------------------------------------------------------------- */

void upf_order_strip(const struct upf_modify_obj *m, struct upf_session_obj *s)
{
	const struct upf_far_obj *fars = m->update[UPF_RULE_FAR].items;

	for (unsigned i = 0; i < m->update[UPF_RULE_FAR].n; i++) {
		struct upf_far_obj *far = upf_rule_find(UPF_RULE_FAR, &s->fars, fars[i].id);

		if (!far)
			continue;
		far->forwarding_parameters.has &= ~(1ull << FP_SEND_END_MARKER);
		far->forwarding_parameters.send_end_marker = false;
	}
}

static bool marks(const struct upf_modify_obj *m, uint32_t id)
{
	const struct upf_far_obj *far = upf_rule_find(UPF_RULE_FAR, &m->update[UPF_RULE_FAR], id);

	return far && (far->forwarding_parameters.send_end_marker ||
		       (cst_has(far, FAR_HAND_OVER) && far->hand_over == UPF_HAND_OVER_COMMIT));
}

bool upf_order_marks(uint64_t seid, uint32_t far)
{
	for (const struct order *o = first; o; o = o->next)
		if (o->m->seid == seid && marks(o->m, far))
			return true;
	return false;
}

/* ---- the transaction ------------------------------------------------------------------ */

int upf_order_keep(const struct upf_modify_obj *m, struct cst_pool *p, struct cst_err *e)
{
	struct order *o = cst_pool_alloc(p, sizeof(*o));

	if (!o)
		return cst_err(e, -ENOMEM, NULL, "the request needs too much memory");
	o->m = m;
	*last = o;
	last = &o->next;
	return 0;
}

static bool extends(const struct upf_modify_obj *m)
{
	const struct upf_bar_obj *b = m->update[UPF_RULE_BAR].items;

	for (unsigned i = 0; i < m->update[UPF_RULE_BAR].n; i++)
		if (cst_has(&b[i], BAR_DL_BUFFERING_DURATION))
			return true;
	return false;
}

void upf_orders_before_commit(void)
{
	for (const struct order *o = first; o; o = o->next) {
		upf_urr_before(o->m);
		if (o->m->drop_buffered_packets)
			upf_buffer_discard(o->m->seid);
	}
}

void upf_orders_after_commit(void)
{
	for (const struct order *o = first; o; o = o->next) {
		upf_urr_after(o->m);
		if (extends(o->m))
			upf_buffer_extend(o->m->seid);
	}
}

void upf_orders_forget(void)
{
	first = NULL;
	last = &first;
}

/* ---- FARs held -------------------------------------------------------------------------- */

/* An update that only prepares or drops a next tunnel says nothing of the one in use. */
static bool speaks_of_now(const struct upf_far_obj *far)
{
	bool commits = cst_has(far, FAR_HAND_OVER) && far->hand_over == UPF_HAND_OVER_COMMIT;

	return commits ||
	       (far->has & ~(1ull << FAR_ID | 1ull << FAR_NEXT_TUNNEL | 1ull << FAR_HAND_OVER)) ||
	       far->has == 1ull << FAR_ID;
}

bool upf_order_frees(uint32_t id)
{
	const struct upf_far_obj *far =
		modifies ? upf_rule_find(UPF_RULE_FAR, &modifies->update[UPF_RULE_FAR], id) : NULL;

	return whole || (far && speaks_of_now(far));
}

bool upf_order_replans(const struct upf_session *old)
{
	const struct upf_held_part *p = upf_parts(old);

	if (upf_order_holds.n)
		return true;
	for (unsigned i = 0; i < old->n_parts; i++)
		if (p[i].kind == UPF_PART_HELD && upf_order_frees(p[i].rule))
			return true;
	return false;
}
