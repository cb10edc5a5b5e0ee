/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * upf_eth_ul: frames out of tunnels of Ethernet PDU sessions. The rule, policy and
 * counters as for packets; then on into the next tunnel, or to who exchanges
 * frames within the group. By the session's worker.
 */
#include "net/frames.h"
#include "upf_copy.h"
#include "upf_eth_group.h"
#include "upf_eth_node.h"
#include "upf_out.h"
#include "upf_trace.h"

enum { TO_ROUTE, TO_SWITCH, TO_TAKER };
static const char *const edges[] = {"route", "upf_eth_switch", "classify", NULL};

static const struct upf_pdr *match(struct rte_mbuf *m, const struct upf_rules *r,
				   struct upf_eth_frame *f)
{
	const struct upf_eth_in *in = upf_eth_in(m);
	struct upf_ask ask = {.qfi_bit = (uint64_t)in->has_psc << in->qfi,
			      .teid = in->teid,
			      .have = UPF_NEED_FRAME | UPF_NEED_TUNNEL |
				      (in->has_psc ? UPF_NEED_QFI : 0),
			      .vrf = cst_pkt(m)->vrf};
	const struct upf_pdr *p;

	if (unlikely(r->flags & UPF_RULES_SECOND) && upf_redundant_ask_first(r, &ask)) {
		/* by the second tunnel nothing comes but what has two */
		p = upf_eth_match(r, UPF_UL, &ask, f);
		return p && upf_is_by_second(upf_second_of(r, p), in->teid, cst_pkt(m)->vrf) ? p
											     : NULL;
	}
	p = upf_eth_match(r, UPF_UL, &ask, f);
	return p ? p : upf_eth_match(r, UPF_DL, &ask, f);
}

/* The later one of two that came by two tunnels? Nothing of it counts. */
static bool is_duplicate(struct cst_worker *w, struct rte_mbuf *m, const struct upf_rules *r,
			 const struct upf_pdr *pdr)
{
	const struct upf_pdr *second = upf_second_of(r, pdr);
	const struct upf_eth_in *in = upf_eth_in(m);

	return unlikely(second != NULL) && pdr->source_if == UPF_IF_ACCESS &&
	       in->numbers.has[second->first] &&
	       upf_redundant_is_known(w, second, in->teid, cst_pkt(m)->vrf,
				      in->numbers.value[second->first]);
}

/* Why a frame cannot go by its rule at all. */
static const struct cst_drop *bars(const struct rte_mbuf *m, const struct upf_pdr *pdr)
{
	if (pdr->action != UPF_FORW)
		return &upf_drops[UPF_DROP_FAR];
	if (pdr->flags & UPF_PDR_ENCAP)
		return upf_eth_bars(m, pdr);
	if (pdr->dest_if == UPF_IF_ACCESS)
		return &upf_drops[UPF_DROP_NO_OUTER_HEADER];
	return pdr->flags & UPF_PDR_KEEP ? &upf_drops[UPF_DROP_KEPT_OUTER_HEADER] : NULL;
}

/* The record by which the frame leaves, quotas and meters having let it pass; NULL: it is dropped,
 * for the reason *why. */
static const struct upf_pdr *pass(struct cst_worker *w, struct rte_mbuf *m,
				  const struct upf_rules *r, const struct upf_pdr *pdr,
				  const struct cst_drop **why)
{
	enum upf_dir dir = pdr->source_if == UPF_IF_ACCESS ? UPF_UL : UPF_DL;
	const struct upf_pdr *by = NULL;
	enum upf_drop reason;

	while ((*why = bars(m, pdr)) == NULL) {
		if (!(pdr->flags & UPF_PDR_POLICY))
			return pdr;
		by = upf_policy_pass(w, r, pdr, dir, m->pkt_len, &reason);
		if (by == pdr) {
			upf_copies(w, r, pdr, m, 0, m->pkt_len);
			return pdr;
		}
		if (!by) {
			*why = &upf_drops[reason];
			return NULL;
		}
		pdr = by;
	}
	if (pdr->action == UPF_DROP && (pdr->flags & UPF_PDR_POLICY))
		upf_copies(w, r, pdr, m, 0, m->pkt_len);
	return NULL;
}

/* To the group that the rule names, or to the taker of the session's frames. */
static uint8_t leave(struct rte_mbuf *m, const struct upf_rules *r, const struct upf_pdr *pdr)
{
	struct cst_pkt *pkt = cst_pkt(m);

	pkt->vrf = pdr->out_vrf;
	pkt->port = 0;
	pkt->aux = r->state;
	pkt->ip_version = 0;
	pkt->flags = 0;
	return upf_eth_ref(r->state) && upf_eth_is_taken(r->state) ? TO_TAKER : TO_SWITCH;
}

static uint8_t one(struct cst_worker *w, struct rte_mbuf *m)
{
	const struct upf_rules *r = upf_rules_of(upf_eth_in(m)->ref);
	struct upf_eth_frame f;
	const struct cst_drop *why = upf_eth_read(m, &f);
	const struct upf_pdr *pdr;

	if (unlikely(why != NULL))
		return cst_drop(m, why);
	pdr = match(m, r, &f);
	if (unlikely(cst_watched(w)))
		upf_trace_rule(w, m, r, pdr);
	if (!pdr)
		return upf_drop(m, UPF_DROP_NO_PDR);
	if (is_duplicate(w, m, r, pdr))
		return upf_drop(m, UPF_DROP_DUPLICATE);
	pdr = pass(w, m, r, pdr, &why);
	if (!pdr)
		return cst_drop(m, why);
	upf_count(pdr->counter, m->pkt_len);
	return pdr->flags & UPF_PDR_ENCAP ? upf_eth_enter(w, m, pdr, &f) : leave(m, r, pdr);
}

uint16_t upf_eth_ul_process(struct cst_worker *w, struct rte_mbuf **pkts, uint16_t n, uint8_t *edge)
{
	uint16_t aside = 0;

	for (uint16_t i = 0; i < n; i++) {
		edge[i] = one(w, pkts[i]);
		aside += edge[i] != TO_ROUTE;
	}
	return aside;
}

CST_NODE(upf_eth_ul_node, .name = "upf_eth_ul",
	 .help = "frames out of tunnels of Ethernet PDU sessions: rule, policy, counters",
	 .process = upf_eth_ul_process, .edges = edges, .frames = true);
