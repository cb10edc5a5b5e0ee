/* SPDX-License-Identifier: BSD-3-Clause */
/* Downlink that waits: FARs that an Error Indication holds, the session's queue, what its BARs say.
 */
#include <errno.h>

#include "upf_buffer.h"
#include "upf_order.h"
#include "owner.h"
#include "upf_work.h"

/* ---- FARs held -------------------------------------------------------------------- */

static bool has_far(uint32_t id)
{
	return upf_rule_find(UPF_RULE_FAR, &upf_work.s->fars, id) != NULL;
}

/* Those that were stay so until the control plane speaks of them. */
static int plan_held(struct cst_err *e)
{
	unsigned n = upf_work.n_parts;
	uint32_t number;
	int rc = 0;

	for (unsigned i = 0; i < n; i++) {
		struct upf_held_part *p = &upf_work.parts[i];

		if (p->kind == UPF_PART_HELD && has_far(p->rule) && !upf_order_frees(p->rule))
			p->used = 1;
	}
	for (unsigned i = 0; rc == 0 && i < upf_order_holds.n; i++)
		if (has_far(upf_order_holds.fars[i]))
			rc = upf_plan_part(UPF_PART_HELD, upf_order_holds.fars[i], &number, e);
	return rc;
}

static bool is_held(uint32_t far)
{
	for (unsigned i = 0; i < upf_work.n_parts; i++) {
		const struct upf_held_part *p = &upf_work.parts[i];

		if (p->kind == UPF_PART_HELD && p->used && p->rule == far)
			return true;
	}
	return false;
}

/* TS 23.527 5.3.3.1: downlink waits until the control plane has set the tunnel up again. */
static void apply_held(void)
{
	for (unsigned i = 0; i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];

		if (l->dl && l->rec.action == UPF_FORW && is_held(l->far->id))
			l->rec.action = UPF_BUFF;
		if (l->dl && l->has_spent && l->spent.action == UPF_FORW &&
		    is_held(l->spent_far->id))
			l->spent.action = UPF_BUFF;
	}
}

/* ---- the queue ----------------------------------------------------------------------- */

static bool buffers(const struct upf_link *l)
{
	return l->dl &&
	       (l->rec.action == UPF_BUFF || (l->has_spent && l->spent.action == UPF_BUFF));
}

/* Of several BARs the most generous counts and the quickest notification. */
struct bars {
	uint32_t packets, seconds;
	bool any, endless;
};

static void read_bar(const struct upf_far_obj *far, struct bars *all)
{
	const struct upf_bar_obj *b = NULL;
	uint32_t n = UPF_BUFFER_PACKETS;
	uint8_t delay;

	if (cst_has(far, FAR_BAR_ID))
		b = upf_rule_find(UPF_RULE_BAR, &upf_work.s->bars, far->bar_id);
	if (b && cst_has(b, BAR_DL_SUGGESTED_PACKETS))
		n = b->dl_buffering_suggested_packet_count;
	else if (b && cst_has(b, BAR_SUGGESTED_PACKETS))
		n = b->suggested_buffering_packets_count;
	all->packets = RTE_MAX(all->packets, n);
	if (b && cst_has(b, BAR_DL_BUFFERING_DURATION))
		all->seconds = RTE_MAX(all->seconds, b->dl_buffering_duration);
	else
		all->endless = true;
	delay = b ? b->downlink_data_notification_delay : 0;
	if (!all->any || delay < upf_work.id.notify_delay)
		upf_work.id.notify_delay = delay;
	all->any = true;
}

static void read_bars(void)
{
	struct bars all = {0};

	for (unsigned i = 0; i < upf_work.n; i++) {
		const struct upf_link *l = &upf_work.links[i];

		if (l->dl && l->rec.action == UPF_BUFF)
			read_bar(l->far, &all);
		if (l->dl && l->has_spent && l->spent.action == UPF_BUFF)
			read_bar(l->spent_far, &all);
	}
	upf_work.capped = upf_work.class && upf_work.class->buffer_packets &&
			  all.packets > upf_work.class->buffer_packets;
	if (upf_work.capped)
		all.packets = upf_work.class->buffer_packets;
	upf_work.id.buffer_packets = (uint16_t)all.packets;
	upf_work.id.buffer_for = all.endless ? 0 : all.seconds;
}

/* One queue for all downlink of the session, from its first BUFF on: packets keep their order, and
 * what it holds must go out before newer packets when a FAR turns to FORW. */
static int plan_queue(struct cst_err *e)
{
	bool wanted = false;
	uint32_t number;
	int rc;

	for (unsigned i = 0; i < upf_work.n_parts; i++)
		wanted |= upf_work.parts[i].kind == UPF_PART_QUEUE;
	for (unsigned i = 0; i < upf_work.n; i++)
		wanted |= buffers(&upf_work.links[i]);
	if (!wanted)
		return 0;
	rc = upf_plan_part(UPF_PART_QUEUE, 0, &number, e);
	for (unsigned i = 0; rc == 0 && i < upf_work.n; i++) {
		struct upf_link *l = &upf_work.links[i];

		if (!l->dl)
			continue;
		l->policy.queue = number;
		if (l->rec.action == UPF_BUFF && (l->far->apply_action & UPF_AA_NOCP))
			l->policy.flags |= UPF_POLICY_NOTIFY;
	}
	return rc;
}

int upf_plan_buffer(struct cst_err *e)
{
	int rc = plan_held(e);

	if (rc < 0)
		return rc;
	apply_held();
	read_bars();
	return plan_queue(e);
}
