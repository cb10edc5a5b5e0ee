/* SPDX-License-Identifier: BSD-3-Clause */
#include "upf_next.h"

#include <errno.h>
#include <string.h>

#include "upf_core.h"

#define GTPU_PORT 2152

static uint16_t port_of(const struct upf_ohc_obj *o)
{
	return cst_has(o, OHC_PORT) ? o->port : GTPU_PORT;
}

static bool same_ip(const struct upf_ohc_obj *a, const struct upf_ohc_obj *b, unsigned field,
		    const struct cst_ip *ip_a, const struct cst_ip *ip_b)
{
	return cst_has(a, field) == cst_has(b, field) &&
	       (!cst_has(a, field) || cst_ip_eq(ip_a, ip_b));
}

bool upf_same_ohc(const struct upf_ohc_obj *a, const struct upf_ohc_obj *b)
{
	return a->description == b->description && a->teid == b->teid && port_of(a) == port_of(b) &&
	       same_ip(a, b, OHC_IPV4, &a->ipv4, &b->ipv4) &&
	       same_ip(a, b, OHC_IPV6, &a->ipv6, &b->ipv6);
}

static bool same_name(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const char *upf_next_instance(const struct upf_far_obj *far)
{
	return cst_has(&far->next_tunnel, NEXT_NETWORK_INSTANCE)
		       ? far->next_tunnel.network_instance
		       : far->forwarding_parameters.network_instance;
}

bool upf_next_is_taken(const struct upf_far_obj *before, const struct upf_far_obj *far)
{
	const struct upf_fp_obj *fp = &far->forwarding_parameters;

	return cst_has(fp, FP_OHC) &&
	       upf_same_ohc(&fp->outer_header_creation,
			    &before->next_tunnel.outer_header_creation) &&
	       same_name(fp->network_instance, upf_next_instance(before));
}

static void forget(struct upf_far_obj *far)
{
	far->has &= ~(1ull << FAR_NEXT_TUNNEL);
	far->next_tunnel = (struct upf_next_obj){0};
}

static void take(struct upf_far_obj *far)
{
	struct upf_fp_obj *fp = &far->forwarding_parameters;

	fp->outer_header_creation = far->next_tunnel.outer_header_creation;
	fp->has |= 1ull << FP_OHC;
	if (cst_has(&far->next_tunnel, NEXT_NETWORK_INSTANCE)) {
		fp->network_instance = far->next_tunnel.network_instance;
		fp->has |= 1ull << FP_NETWORK_INSTANCE;
	}
	forget(far);
}

int upf_next_settle(const struct upf_far_obj *delta, struct upf_far_obj *far, struct cst_err *e)
{
	bool prepared = cst_has(far, FAR_NEXT_TUNNEL);

	far->has &= ~(1ull << FAR_HAND_OVER);
	far->hand_over = 0;
	if (!cst_has(delta, FAR_HAND_OVER)) {
		if (prepared && !cst_has(delta, FAR_NEXT_TUNNEL) && upf_next_is_taken(far, far))
			forget(far);
		return 0;
	}
	if (!prepared)
		return cst_err(e, -ENOENT, "hand_over",
			       "FAR %u has no next_tunnel: prepare one first", far->id);
	if (delta->hand_over == UPF_HAND_OVER_COMMIT)
		take(far);
	else
		forget(far);
	return 0;
}

static int check_feed(const struct upf_far_obj *far, struct cst_err *e)
{
	if (!cst_has(&far->next_tunnel, NEXT_FEED_UNTIL))
		return cst_err(e, -EINVAL, "next_tunnel.feed_until", "is required by feed");
	if (upf_far_copies(far) >= UPF_MAX_COPIES)
		return cst_err(e, -ENOSPC, "next_tunnel.feed",
			       "FAR %u has %u copies made already, the most there can be", far->id,
			       UPF_MAX_COPIES);
	return 0;
}

int upf_next_check(const struct upf_far_obj *far, struct cst_err *e)
{
	if (cst_has(far, FAR_HAND_OVER))
		return cst_err(e, -EINVAL, "hand_over",
			       "only in update_fars: there is no next_tunnel yet");
	if (!cst_has(far, FAR_NEXT_TUNNEL))
		return 0;
	if (!cst_has(&far->forwarding_parameters, FP_OHC))
		return cst_err(e, -EINVAL, "next_tunnel",
			       "FAR %u has no tunnel that another one could follow: give its "
			       "forwarding_parameters an outer_header_creation",
			       far->id);
	if (upf_next_is_taken(far, far))
		return cst_err(e, -EINVAL, "next_tunnel.outer_header_creation",
			       "is the tunnel that FAR %u uses already", far->id);
	return far->next_tunnel.feed ? check_feed(far, e) : 0;
}

bool upf_next_any(const struct upf_session_obj *s)
{
	const struct upf_far_obj *fars = s->fars.items;

	for (unsigned i = 0; i < s->fars.n; i++)
		if (cst_has(&fars[i], FAR_NEXT_TUNNEL))
			return true;
	return false;
}
